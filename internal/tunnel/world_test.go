package tunnel_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/tunnel"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// world is everything around the room, in memory. Its gate says what the test
// wants; decide may block a decision until the test lets it go.
type world struct {
	*tunnel.Service

	mu        sync.Mutex
	now       time.Time
	site      directory.App
	lookups   int // of the site
	passes    map[string]tunnel.Pass
	refused   map[directory.SessionID]bool
	basis     directory.Revisions
	outage    error // of the gate
	silent    error // of the log
	decisions []access.Request
	records   []access.Record
	decide    func(access.Request) // called before a decision reads what is so
	record    func(context.Context) error
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{now: start, site: intranet(), passes: map[string]tunnel.Pass{}, refused: map[directory.SessionID]bool{}}
	var err error
	w.Service, err = tunnel.New(tunnel.Config{Store: w, Gate: w, SignIns: w, Recorder: w, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) refuse(s directory.SessionID) { w.set(func() { w.refused[s] = true }) }

func (w *world) SiteByHost(_ context.Context, host string) (directory.App, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups++
	if host != "intranet.example" {
		return directory.App{}, fault.New(fault.NotFound, "no such site")
	}
	return w.site, nil
}

func (w *world) Pass(_ context.Context, hash string) (tunnel.Pass, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p, ok := w.passes[hash]; ok {
		return p, nil
	}
	return tunnel.Pass{}, fault.New(fault.NotFound, "no such pass")
}

func (w *world) SavePass(_ context.Context, p tunnel.Pass) error {
	w.set(func() { w.passes[p.Hash] = p })
	return nil
}

func (w *world) DeletePass(_ context.Context, hash string) error {
	w.set(func() { delete(w.passes, hash) })
	return nil
}

func (w *world) Decide(_ context.Context, r access.Request) (access.Ruling, error) {
	w.mu.Lock()
	hook := w.decide
	w.mu.Unlock()
	if hook != nil {
		hook(r)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.decisions = append(w.decisions, r)
	ruling := access.Ruling{Basis: w.basis, Record: access.Record{User: "ada"}}
	if !w.refused[r.Session] {
		ruling.Decision.Outcome = access.Granted
	} else {
		ruling.Decision.Code = 53009
	}
	return ruling, w.outage
}

func (w *world) decided() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.decisions)
}

func (w *world) Record(ctx context.Context, r access.Record) error {
	w.mu.Lock()
	hook, err := w.record, w.silent
	w.mu.Unlock()
	if hook != nil {
		err = hook(ctx)
	}
	if err == nil {
		w.set(func() { w.records = append(w.records, r) })
	}
	return err
}

func (w *world) recorded() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.records)
}

// RedeemForSite takes the code as the name of user and session.
func (w *world) RedeemForSite(_ context.Context, r oauth.Redemption) (directory.SessionID, directory.User, error) {
	if r.Code == "" {
		return "", directory.User{}, fault.New(fault.Forbidden, "the code is unknown")
	}
	return directory.SessionID(r.Code), directory.User{ID: directory.UserID(r.Code), UserPrincipalName: r.Code + "@example.org"}, nil
}

func intranet() directory.App {
	return directory.App{ID: "site", Tenant: "t", Site: &directory.Site{Host: "intranet.example", Upstream: "http://inside"}}
}

// enter lets somebody in and returns a visit of theirs.
func (w *world) enter(t testing.TB, who string) tunnel.Visit {
	t.Helper()
	cookie, _, err := w.Enter(t.Context(), oauth.Redemption{Tenant: "t", Client: "site", Code: who})
	if err != nil {
		t.Fatal(err)
	}
	return tunnel.Visit{Host: "intranet.example", Cookie: cookie, UserAgent: "Edge", IP: "203.0.113.7", CorrelationID: "c"}
}

func (w *world) admit(t testing.TB, v tunnel.Visit) tunnel.Admission {
	t.Helper()
	a, err := w.Admit(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// flag is a cut that can be asked about.
type flag struct {
	mu  sync.Mutex
	yes bool
}

func (f *flag) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.yes = true
}

func (f *flag) is() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.yes
}

// open admits and tracks a request of somebody.
func (w *world) open(t testing.TB, v tunnel.Visit) (f *flag, release func()) {
	t.Helper()
	f = &flag{}
	return f, w.Track(t.Context(), w.admit(t, v), f.cut)
}

func about(user string) event.Event {
	return event.ThreatChanged{Installation: directory.Installation{Tenant: "t", User: directory.UserID(user), Device: "pc"}}
}

func (w *world) announce(t testing.TB, e event.Event) {
	t.Helper()
	if err := w.OnEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}
