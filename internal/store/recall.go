package store

import (
	"sync"
	"time"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
)

const (
	// maxRecalled bounds how many people and how many applications are kept.
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
	apps   map[appKey]recalledApp
}

type personKey struct {
	tenant       directory.TenantID
	user         directory.UserID
	registration directory.RegistrationID // empty: none proved itself in the session
}

// person is a user with everything behind one registration.
type person struct {
	revisions directory.Revisions // but for the session's
	readAt    time.Time
	user      directory.User
	groups    []directory.GroupID
	device    *directory.Device
	dossier   *compliance.Dossier
}

type appKey struct {
	tenant directory.TenantID
	app    directory.AppID
}

type recalledApp struct {
	config int64
	app    directory.App
}

func newRecall() *recall {
	return &recall{people: map[personKey]person{}, apps: map[appKey]recalledApp{}}
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

func (c *recall) app(k appKey, config int64) (directory.App, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.apps[k]
	return a.app, ok && a.config == config
}

func (c *recall) keepApp(k appKey, a recalledApp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.apps) >= maxRecalled {
		clear(c.apps)
	}
	c.apps[k] = a
}
