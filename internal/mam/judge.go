package mam

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/protection"
)

const byHealthCheck = "healthCheck" // Operation.RequestedBy of a wipe that a check demands

// file is all that is known about one registration, of one revision.
type file struct {
	reg     Registration
	dossier Dossier
	etag    string // of the policy to be applied, as settle found
	news    bool   // it is another than before
}

// read returns the file of id.
func (s *Service) read(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (file, error) {
	d, err := s.cfg.Store.Dossier(ctx, t, id)
	return file{reg: d.Registration, dossier: d}, err
}

// settle judges f's registration anew and adds to c what follows: the verdict,
// the news that it moved, the policy to be applied and, when a health check
// demands one, a wipe. One wipe is asked for, however often the check fails.
func (s *Service) settle(ctx context.Context, f *file, c *Change) error {
	now := s.cfg.Now()
	f.dossier.Standing = f.reg.Standing
	v, eff := compliance.Judge(f.dossier.Dossier, now)
	ordered, err := s.wipeOwed(ctx, f, v, c)
	if err != nil {
		return err
	}
	if ordered {
		v, _ = compliance.Judge(f.dossier.Dossier, now)
	}
	c.Events = append(c.Events, moved(f.reg, v, now)...)
	f.reg.Verdict = v
	c.Registration = &f.reg
	return s.intend(f, f.dossier.intention(eff), now)
}

// intend notes in f what is to be applied.
func (s *Service) intend(f *file, in Intention, at time.Time) error {
	p, err := s.policy(f.dossier, in)
	if err != nil {
		return err
	}
	f.etag = p.ETag
	f.news = f.reg.intend(f.dossier.delivery(in, p.ETag, at))
	return nil
}

// moved announces a change of the compliance state.
func moved(reg Registration, v compliance.Verdict, at time.Time) []event.Event {
	if reg.Verdict.State == v.State {
		return nil
	}
	return []event.Event{event.ComplianceChanged{
		Installation: reg.Installation, Registration: reg.Standing.Registration,
		From: reg.Verdict.State.String(), To: v.State.String(), At: at,
	}}
}

// same reports whether two verdicts say the same. What was found, in words, may
// differ: "35 minutes ago" is no news.
func same(a, b compliance.Verdict) bool {
	return a.State == b.State && a.Action == b.Action &&
		slices.EqualFunc(a.Reasons, b.Reasons, func(x, y compliance.Reason) bool {
			return x.Code == y.Code && x.Action == y.Action && x.Want == y.Want
		})
}

// why names the checks that demand a wipe.
func why(v compliance.Verdict) string {
	var codes []string
	for _, r := range v.Reasons {
		if r.Action == protection.Wipe {
			codes = append(codes, r.Code)
		}
	}
	return strings.Join(codes, ", ")
}

// end is the change that ends reg. Nothing reports about it from then on.
func end(reg Registration, reason string, at time.Time) Change {
	c := Change{Events: append(moved(reg, compliance.Verdict{}, at),
		event.RegistrationChanged{
			Installation: reg.Installation, Registration: reg.Standing.Registration, Ended: true, At: at,
		})}
	reg.Verdict = compliance.Verdict{}
	reg.EndedAt, reg.EndedFor = at, reason
	c.Registration = &reg
	return c
}

// rejudge brings the stored verdict of a living registration up to date.
func (s *Service) rejudge(ctx context.Context, t directory.TenantID, id directory.RegistrationID) error {
	err := retry(func() error {
		f, err := s.read(ctx, t, id)
		if err != nil || !f.reg.EndedAt.IsZero() {
			return err
		}
		before := f.reg.Verdict
		var c Change
		if err := s.settle(ctx, &f, &c); err != nil {
			return err
		}
		if same(before, f.reg.Verdict) && !f.news && len(c.Operations) == 0 {
			return nil
		}
		return s.cfg.Store.Save(ctx, c)
	})
	if err != nil {
		return fmt.Errorf("judge registration %s again: %w", id, err)
	}
	return nil
}
