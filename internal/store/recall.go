package store

import (
	"sync"
	"time"

	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

const (
	// maxRecalled bounds how many there are kept of people and of each kind of object.
	maxRecalled = 20_000
	// recallFor bounds the age of what moves no revision: a connector's heartbeat.
	recallFor = 30 * time.Second
)

// recall keeps, in this process, facts that are dear to read, each with the
// revisions it was read at. A decision first reads the revisions of its own
// snapshot; what was read at the very same ones is the same still, whoever
// wrote in between and in whichever process. So nothing has to be invalidated.
//
// What it returns is shared: nobody may write into it.
type recall struct {
	mu     sync.Mutex
	people map[personKey]person
	asked  map[askedKey]asked

	apps           *shelf[directory.App]
	protections    *shelf[protection.Policy]
	configurations *shelf[configuration.Policy]
	filters        *shelf[targeting.Filter]
	sites          *shelf[[]string]
}

type personKey struct {
	tenant       directory.TenantID
	user         directory.UserID
	registration directory.RegistrationID // empty: none proved itself in the session
}

// person is a user with everything behind one registration.
type person struct {
	revisions   directory.Revisions // but for the session's
	readAt      time.Time
	user        directory.User
	groups      []directory.GroupID
	device      *directory.Device
	dossier     *compliance.Dossier
	acceptances []agreement.Acceptance
}

type askedKey struct {
	tenant directory.TenantID
	user   directory.UserID
	app    directory.PackageID
}

// asked is what a user is asked in an app, with no installation.
type asked struct {
	revisions directory.Revisions // of configuration and user
	dossier   mam.Dossier
}

func newRecall() *recall {
	return &recall{
		people: map[personKey]person{}, asked: map[askedKey]asked{}, apps: newShelf[directory.App](), protections: newShelf[protection.Policy](),
		configurations: newShelf[configuration.Policy](), filters: newShelf[targeting.Filter](), sites: newShelf[[]string](),
	}
}

func (c *recall) person(k personKey, at directory.Revisions, now time.Time) (person, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.people[k]
	age := now.Sub(p.readAt)
	return p, ok && p.revisions == at && age >= 0 && age < recallFor
}

func (c *recall) keepPerson(k personKey, p person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.people) >= maxRecalled {
		clear(c.people)
	}
	c.people[k] = p
}

func (c *recall) askedOf(k askedKey, at directory.Revisions) (mam.Dossier, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.asked[k]
	return a.dossier, ok && a.revisions == at
}

func (c *recall) keepAsked(k askedKey, a asked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.asked) >= maxRecalled {
		clear(c.asked)
	}
	c.asked[k] = a
}

// shelf keeps objects of configuration by the tenant's revision. It is shared by
// all people, so that what many are asked is kept once.
type shelf[T any] struct {
	mu   sync.Mutex
	kept map[shelfKey]keptAt[T]
}

type shelfKey struct{ tenant, id string }

type keptAt[T any] struct {
	config int64
	v      T
}

func newShelf[T any]() *shelf[T] { return &shelf[T]{kept: map[shelfKey]keptAt[T]{}} }

func (s *shelf[T]) get(k shelfKey, config int64) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.kept[k]
	return a.v, ok && a.config == config
}

func (s *shelf[T]) keep(k shelfKey, config int64, v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= maxRecalled {
		clear(s.kept)
	}
	s.kept[k] = keptAt[T]{config, v}
}
