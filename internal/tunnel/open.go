package tunnel

import (
	"context"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
)

const (
	// lookEvery is how often open requests are decided anew without an event:
	// offline grace, sessions and passes end by the mere passing of time.
	lookEvery = time.Minute
	// decideWithin is how long a decision on an open request may take. One that
	// is not made by then is a denial.
	decideWithin = 5 * time.Second
)

// tracked is a request under way.
type tracked struct {
	request access.Request
	pass    Pass
	cut     func()
}

// Track remembers an admitted request until release is called. When its
// admission no longer holds, cut is called, once or more, perhaps before Track
// returns.
//
// An event that was handled between the decision and Track found nothing to
// cut; then Track decides anew.
func (s *Service) Track(ctx context.Context, a Admission, cut func()) (release func()) {
	if !a.Granted() {
		cut()
		return func() {}
	}
	t := &tracked{request: a.request, pass: *a.Pass, cut: cut}
	t.request.Background = true // what is under way asks nobody
	s.mu.Lock()
	s.open[t] = struct{}{}
	missed := s.events[t.pass.Tenant] != a.seen
	s.mu.Unlock()
	if missed {
		s.again(ctx, []*tracked{t})
	}
	return func() {
		s.mu.Lock()
		delete(s.open, t)
		s.mu.Unlock()
	}
}

// Open returns how many requests are under way.
func (s *Service) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// OnEvent decides anew on every open request that e may concern and cuts those
// that are refused now, or on which no decision could be made. An event seen
// twice costs decisions and changes nothing.
func (s *Service) OnEvent(ctx context.Context, e event.Event) error {
	subject := e.Subject()
	s.mu.Lock()
	s.events[subject.Tenant]++
	s.mu.Unlock()
	s.again(ctx, s.find(func(t *tracked) bool { return concerns(subject, t.pass) }))
	return nil
}

// concerns reports whether a subject may mean the person behind a pass. A pass
// does not know its device and app, so an event about one of them asks for all
// of its user.
func concerns(subject event.Subject, p Pass) bool {
	return p.Tenant == subject.Tenant &&
		(subject.User == "" || subject.User == p.User) &&
		(subject.Session == "" || subject.Session == p.Session)
}

// Run decides anew on everything open once a minute, until ctx ends, and then
// returns nil. Events are what cuts at once; this is for what only time changes,
// and for an event that nobody could deliver.
func (s *Service) Run(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			s.again(ctx, s.find(func(*tracked) bool { return true }))
		}
	}
}

// find copies the open requests that are wanted.
func (s *Service) find(wanted func(*tracked) bool) []*tracked {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*tracked
	for t := range s.open {
		if wanted(t) {
			out = append(out, t)
		}
	}
	return out
}

// ask is what open requests have in common that get the same answer.
type ask struct {
	tenant    directory.TenantID
	session   directory.SessionID
	site      directory.AppID
	userAgent string
	ip        string
}

// again decides anew on requests under way and cuts those that are not granted.
// Requests that differ in nothing a decision reads share one.
func (s *Service) again(ctx context.Context, all []*tracked) {
	granted := map[ask]bool{}
	for _, t := range all {
		q := ask{t.pass.Tenant, t.pass.Session, t.pass.Site, t.request.UserAgent, t.request.IP}
		ok, known := granted[q]
		if !known {
			ok = s.still(ctx, t.request)
			granted[q] = ok
		}
		if !ok || !s.cfg.Now().Before(t.pass.ExpiresAt) {
			t.cut()
		}
	}
}

func (s *Service) still(ctx context.Context, q access.Request) bool {
	ctx, cancel := context.WithTimeout(ctx, decideWithin)
	defer cancel()
	r, err := s.cfg.Gate.Decide(ctx, q)
	return err == nil && r.Decision.Outcome == access.Granted
}
