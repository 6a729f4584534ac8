package mam

import (
	"context"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/protection"
)

// wipeOwed adds to c the wipe that the verdict v demands, unless one is under
// way, and reports whether it did.
//
// A health check asks once. The order to wipe all that the user has asks again
// and again until it is removed: when the device reported a failure, the same
// operation is open once more, so that one app has one to be followed.
func (s *Service) wipeOwed(ctx context.Context, f *file, v compliance.Verdict, c *Change) (bool, error) {
	u := f.dossier.User.Wipe
	switch {
	case f.reg.WipePending && u != nil && len(c.Operations) == 0:
		return false, s.askAgain(ctx, f, c)
	case f.reg.WipePending || u == nil && v.Action != protection.Wipe:
		return false, nil
	}
	a := asked{byHealthCheck, why(v), itself()}
	if u != nil {
		a = asked{u.RequestedBy, u.Reason, itself()}
	}
	_, err := s.wipe(ctx, f, a, c)
	return err == nil, err
}

// askAgain opens the newest wipe again when none is open.
func (s *Service) askAgain(ctx context.Context, f *file, c *Change) error {
	all, err := s.cfg.Store.Operations(ctx, f.reg.Tenant, f.reg.Standing.Registration)
	if err != nil {
		return err
	}
	var last *Operation
	for i := range all { // newest first
		if all[i].kind() != Wipe {
			continue
		}
		if all[i].isOpen() {
			return nil
		}
		if last == nil && all[i].State == Failed {
			last = &all[i]
		}
	}
	if last == nil { // forgotten, as old ones are: ask anew
		_, err := s.wipe(ctx, f, asked{f.dossier.User.Wipe.RequestedBy, f.dossier.User.Wipe.Reason, itself()}, c)
		return err
	}
	last.State, last.ModifiedAt = Delivered, s.cfg.Now() // the device has it
	c.Operations = append(c.Operations, *last)
	c.Events = append(c.Events, requested(f.reg, *last))
	return nil
}
