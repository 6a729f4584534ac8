package mamapi

import (
	"context"
	"slices"
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

// askers bounds how many lines ask for their policy at the same time.
const askers = 4

// Hub knows the devices that hold a stream open and nudges them. It is safe for
// concurrent use and holds no goroutine; NewHub makes one.
//
// Whether a change of configuration, or of a person, changes the policy of a
// device is not told by the event. The hub marks the lines that it may concern,
// and each asks for itself, on the goroutine of its stream: many changes in a row
// are one question, and OnEvent never waits.
type Hub struct {
	mu    sync.Mutex
	lines map[key]*line

	asking chan struct{} // holds one for each line that asks now
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
	suspect bool   // the policy may have changed
	known   string // ETag of the policy that the device has or was nudged to fetch; "": not known
}

// NewHub returns a hub with nobody on it.
func NewHub() *Hub {
	return &Hub{lines: map[key]*line{}, asking: make(chan struct{}, askers)}
}

// Connected returns how many streams are open.
func (h *Hub) Connected() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lines)
}

// join opens a line. A registration has one: the newer replaces the older. What
// changes from here on is noticed.
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
//
// "policy" goes to whom another policy applies than before. "compliance" follows
// the stored verdict, which mam brings up to date.
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
		h.suspect(e.Subject(), e.Reach)
	case event.UserChanged:
		h.suspect(e.Subject(), nil)
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

// suspect marks the lines whose policy may be another now. Who is in a group is
// not looked up here: asking for the policy costs the same.
func (h *Hub) suspect(s event.Subject, reach *event.Reach) {
	if reach != nil && !reach.AllUsers && len(reach.Groups) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, l := range h.lines {
		if k.tenant != s.Tenant || s.User != "" && s.User != l.installation.User {
			continue
		}
		if reach == nil || reach.Apps == nil || slices.Contains(reach.Apps, l.installation.App) {
			l.doubt()
		}
	}
}

// told notes which policy a device has heard of by itself.
func (h *Hub) told(k key, etag string) {
	h.mu.Lock()
	l := h.lines[k]
	h.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		l.known = etag
		l.mu.Unlock()
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

// ask finds out whether another policy applies than is known, once it is its
// turn. When the question has no answer, that is a doubt, and one.
func (h *Hub) ask(ctx context.Context, l *line, effective func(context.Context) (string, error)) {
	select {
	case h.asking <- struct{}{}:
		defer func() { <-h.asking }()
	case <-l.over:
		return
	case <-ctx.Done():
		return
	}
	l.mu.Lock()
	l.suspect = false // what changes from here on is the next question
	l.mu.Unlock()
	etag, err := effective(ctx)
	if err != nil {
		etag = ""
	}
	l.mu.Lock()
	news := etag == "" || etag != l.known
	l.known = etag
	l.mu.Unlock()
	if news {
		l.put(policy)
	}
}

func (l *line) put(what string) {
	l.mu.Lock()
	l.waiting[slices.Index(kinds[:], what)] = true
	l.mu.Unlock()
	l.awake()
}

func (l *line) doubt() {
	l.mu.Lock()
	l.suspect = true
	l.mu.Unlock()
	l.awake()
}

func (l *line) awake() {
	select {
	case l.wake <- struct{}{}:
	default: // awake already
	}
}

// take returns what waits, and forgets it, and whether there is a question.
func (l *line) take() (whats []string, suspect bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, waits := range l.waiting {
		if waits {
			whats = append(whats, kinds[i])
		}
	}
	l.waiting = [len(kinds)]bool{}
	return whats, l.suspect
}
