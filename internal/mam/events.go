package mam

import (
	"context"
	"errors"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
)

// OnEvent is an event.Handler: it brings stored verdicts up to date when a fact
// behind them changed elsewhere. A verdict that has not moved is not saved, so
// seeing an event twice is harmless. One registration that cannot be judged
// does not hide the others; all errors are returned together.
//
// No decision waits for this: decisions judge by themselves. What follows from
// it is what people see, the nudge to the device, and wipes that checks demand.
func (s *Service) OnEvent(ctx context.Context, e event.Event) error {
	switch e := e.(type) {
	case event.ThreatChanged:
		return s.rejudgeOne(ctx, e.Tenant, e.Registration)
	case event.UserChanged:
		return s.rejudgeAll(ctx, e.Tenant, Filter{User: e.User})
	case event.ConfigChanged:
		return s.rejudgeReached(ctx, e.Tenant, e.Reach)
	}
	return nil
}

func (s *Service) rejudgeOne(ctx context.Context, t directory.TenantID, id directory.RegistrationID) error {
	return gone(s.rejudge(ctx, t, id))
}

// rejudgeReached judges those again whom a change of configuration can affect.
func (s *Service) rejudgeReached(ctx context.Context, t directory.TenantID, r *event.Reach) error {
	if r == nil {
		return s.rejudgeAll(ctx, t, Filter{})
	}
	var f Filter
	if !r.AllUsers {
		if f.Groups = r.Groups; len(f.Groups) == 0 {
			return nil
		}
	}
	if r.Apps == nil {
		return s.rejudgeAll(ctx, t, f)
	}
	var errs []error
	for _, f.App = range r.Apps {
		errs = append(errs, s.rejudgeAll(ctx, t, f))
	}
	return errors.Join(errs...)
}

// rejudgeAll works page by page. It keeps the first errors only: of a million of
// them nobody reads more.
func (s *Service) rejudgeAll(ctx context.Context, t directory.TenantID, f Filter) error {
	var errs []error
	err := s.each(ctx, t, f, func(r Registration) error {
		if err := gone(s.rejudge(ctx, t, r.Standing.Registration)); err != nil {
			if len(errs) < maxErrors {
				errs = append(errs, err)
			}
		}
		return ctx.Err()
	})
	return errors.Join(append(errs, err)...)
}

const maxErrors = 10

// gone forgives what was deleted since the event: there is nothing to judge.
func gone(err error) error {
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}
