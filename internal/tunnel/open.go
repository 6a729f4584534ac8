package tunnel

import (
	"context"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/event"
)

// maxRemembered bounds what is remembered of passes, so that it cannot grow
// with the number of people. Forgetting costs one more log entry each.
const maxRemembered = 20_000

// outcome is what the log last heard of a pass.
type outcome struct {
	outcome access.Outcome
	code    int
}

// note records a ruling when it differs from the last one of the pass.
func (s *Service) note(ctx context.Context, p Pass, r access.Ruling) error {
	now := outcome{r.Decision.Outcome, r.Decision.Code}
	s.mu.Lock()
	before, known := s.last[p.Hash]
	s.mu.Unlock()
	if known && before == now {
		return nil
	}
	if err := s.cfg.Recorder.Record(ctx, r.Record); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) >= maxRemembered {
		clear(s.last)
	}
	s.last[p.Hash] = now
	return nil
}

// tracked is a request under way.
type tracked struct {
	request access.Request
	pass    Pass
	cut     func()
}

// Track remembers an admitted request until release is called. When its
// admission no longer holds, cut is called, once or more.
//
// An event that was handled between the decision and Track found nothing to
// cut; then Track decides anew.
func (s *Service) Track(ctx context.Context, a Admission, cut func()) (release func()) {
	t := &tracked{request: a.request, pass: *a.Pass, cut: cut}
	s.mu.Lock()
	s.open[t] = struct{}{}
	missed := s.events != a.seen
	s.mu.Unlock()
	if missed {
		s.again(ctx, t)
	}
	return func() {
		s.mu.Lock()
		delete(s.open, t)
		s.mu.Unlock()
	}
}

// again decides anew on a request under way and cuts it unless it is granted.
func (s *Service) again(ctx context.Context, t *tracked) {
	r, err := s.cfg.Gate.Decide(ctx, t.request)
	if err != nil || r.Decision.Outcome != access.Granted {
		t.cut()
	}
}

// Open returns how many requests are under way.
func (s *Service) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// OnEvent decides anew on every open request that e may concern and cuts those
// that are refused now, or on which no decision could be made.
func (s *Service) OnEvent(ctx context.Context, e event.Event) error {
	subject := e.Subject()
	for _, t := range s.concerned(subject) {
		s.again(ctx, t)
	}
	return nil
}

// concerned copies the open requests that a subject may mean. A pass does not
// know its device, so an event about one device asks for all of its user.
func (s *Service) concerned(subject event.Subject) []*tracked {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events++
	var out []*tracked
	for t := range s.open {
		if t.pass.Tenant == subject.Tenant &&
			(subject.User == "" || subject.User == t.pass.User) &&
			(subject.Session == "" || subject.Session == t.pass.Session) {
			out = append(out, t)
		}
	}
	return out
}
