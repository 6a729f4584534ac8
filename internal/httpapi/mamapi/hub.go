package mamapi

import (
	"context"
	"sync"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
)

// What a nudge says (wire.Nudge).
const (
	hello      = "hello"
	policy     = "policy"
	operation  = "operation"
	compliance = "compliance"
)

// kinds is also the order in which waiting nudges are sent: what removes data first.
var kinds = [...]string{operation, compliance, policy} // never changes

// Hub knows the devices that hold a stream open and nudges them. It is safe for
// concurrent use and holds no goroutine; NewHub makes one.
type Hub struct {
	mu    sync.Mutex
	lines map[key]*line
}

type key struct {
	tenant       directory.TenantID
	registration directory.RegistrationID
}

// line is one open stream. Nudges that wait are a set: a device that was told
// twice to fetch its policy fetches it once, and a slow one costs no memory.
type line struct {
	installation directory.Installation
	wake         chan struct{} // holds at most one
	over         chan struct{} // closed: hang up

	mu      sync.Mutex
	waiting [len(kinds)]bool
}

// NewHub returns a hub with nobody on it.
func NewHub() *Hub {
	return &Hub{lines: map[key]*line{}}
}

// Connected returns how many streams are open.
func (h *Hub) Connected() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lines)
}

// join opens a line. A registration has one: the newer replaces the older.
func (h *Hub) join(k key, in directory.Installation) *line {
	l := &line{installation: in, wake: make(chan struct{}, 1), over: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.lines[k]; old != nil {
		close(old.over)
	}
	h.lines[k] = l
	return l
}

// leave is for who joined; it leaves a line that replaced l alone.
func (h *Hub) leave(k key, l *line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lines[k] == l {
		delete(h.lines, k)
	}
}

// OnEvent is an event.Handler: it nudges exactly the connected registrations
// that the fact concerns, and hangs up on one that ended. It never blocks. A
// nudge that nobody hears is no loss: devices check in by themselves.
func (h *Hub) OnEvent(_ context.Context, e event.Event) error {
	switch e := e.(type) {
	case event.WipeRequested:
		h.nudge(operation, e.Tenant, e.Registration)
	case event.DiagnosticsRequested:
		h.nudge(operation, e.Tenant, e.Registration)
	case event.ComplianceChanged:
		h.nudge(compliance, e.Tenant, e.Registration)
	case event.RegistrationChanged:
		if e.Ended {
			h.hangUp(key{e.Tenant, e.Registration})
		}
	case event.ConfigChanged:
		h.nudgeAll(policy, e.Subject())
	case event.UserChanged:
		h.nudgeAll(compliance, e.Subject())
	}
	return nil
}

func (h *Hub) nudge(what string, t directory.TenantID, id directory.RegistrationID) {
	h.mu.Lock()
	l := h.lines[key{t, id}]
	h.mu.Unlock()
	if l != nil {
		l.put(what)
	}
}

func (h *Hub) nudgeAll(what string, s event.Subject) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, l := range h.lines {
		if k.tenant == s.Tenant && (s.User == "" || s.User == l.installation.User) {
			l.put(what)
		}
	}
}

func (h *Hub) hangUp(k key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.lines[k]; l != nil {
		close(l.over)
		delete(h.lines, k)
	}
}

func (l *line) put(what string) {
	l.mu.Lock()
	for i, k := range kinds {
		if k == what {
			l.waiting[i] = true
		}
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // awake already
	}
}

// take returns what waits and forgets it.
func (l *line) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var whats []string
	for i, waits := range l.waiting {
		if waits {
			whats = append(whats, kinds[i])
		}
	}
	l.waiting = [len(kinds)]bool{}
	return whats
}
