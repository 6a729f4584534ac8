package tunnel

import (
	"context"
	"net/netip"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
)

// maxRemembered bounds what is remembered of passes, so that it cannot grow
// with the number of people. Forgetting costs one more log entry each.
const maxRemembered = 20_000

// outcome is what the log hears of a pass: what was decided, and from which facts.
type outcome struct {
	outcome access.Outcome
	code    int
	basis   directory.Revisions
	set     access.SetID
	from    netip.Addr // the facts that no revision covers
	on      access.Platform
	risk    access.Risk
}

// entry is the last entry of a pass in the log, perhaps still being written.
type entry struct {
	outcome
	written chan struct{} // closed when err is set
	err     error
}

// note records a ruling when it differs from the last one of the pass, in what
// was decided or in the facts behind it. Whoever brings the same while that is
// being written waits for it: nobody is admitted ahead of the log, and a page
// with thirty pictures is one entry.
func (s *Service) note(ctx context.Context, p Pass, r access.Ruling) error {
	f := r.Facts
	now := outcome{r.Decision.Outcome, r.Decision.Code, r.Basis, r.Record.Set, f.IP, f.Platform, f.SignInRisk}
	for {
		e, mine := s.entry(p.Hash, now)
		if mine {
			return s.write(ctx, p.Hash, e, r.Record)
		}
		select {
		case <-e.written:
			if e.err == nil {
				return nil
			} // whoever wrote failed, or went away: then it is ours to do
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// entry returns the last entry of a pass when it says the same, or else a new
// one that the caller must write.
func (s *Service) entry(pass string, now outcome) (e *entry, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e = s.last[pass]; e != nil && e.outcome == now {
		return e, false
	}
	if len(s.last) >= maxRemembered {
		clear(s.last)
	}
	e = &entry{outcome: now, written: make(chan struct{})}
	s.last[pass] = e
	return e, true
}

func (s *Service) write(ctx context.Context, pass string, e *entry, r access.Record) error {
	e.err = s.cfg.Recorder.Record(ctx, r)
	if e.err != nil {
		s.mu.Lock()
		if s.last[pass] == e {
			delete(s.last, pass)
		}
		s.mu.Unlock()
	}
	close(e.written)
	return e.err
}
