package mam

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/wire"
)

// WipeRequest asks to remove the organization's data of one user from one device.
type WipeRequest struct {
	Tenant      directory.TenantID
	User        directory.UserID
	Device      directory.DeviceID
	RequestedBy string // a user or application identifier; empty: the one in By
	Reason      string // for the record; may be empty
	By          audit.Actor
}

// RequestWipe orders a selective wipe of every protected app of that user on
// that device and returns one operation per living registration (Graph:
// wipeManagedAppRegistrationsByDeviceTag). Access is cut when it returns; the
// data goes when the device obeys. Asking again while a wipe is under way
// returns that one; after one that failed, a new one is ordered.
//
// fault.NotFound when nothing is registered. Should it fail half-way, asking
// again completes it.
func (s *Service) RequestWipe(ctx context.Context, q WipeRequest) ([]Operation, error) {
	q.RequestedBy = cmp.Or(q.RequestedBy, who(q.By))
	if q.User == "" || q.Device == "" || q.RequestedBy == "" {
		return nil, fault.New(fault.Invalid, "a wipe needs a user, a device and who requests it")
	}
	if err := checkName("reason", q.Reason); err != nil {
		return nil, err
	}
	var ops []Operation
	err := s.each(ctx, q.Tenant, Filter{User: q.User, Device: q.Device}, func(r Registration) error {
		return retry(func() error {
			op, err := s.requestWipe(ctx, q, r.Standing.Registration)
			if err == nil && op.ID != "" {
				ops = append(ops, op)
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("request wipe: %w", err)
	}
	if len(ops) == 0 {
		return nil, fault.New(fault.NotFound, "user %q has no protected app on device %q", q.User, q.Device)
	}
	return ops, nil
}

// requestWipe returns no operation when the registration ended meanwhile.
func (s *Service) requestWipe(ctx context.Context, q WipeRequest, id directory.RegistrationID) (Operation, error) {
	f, err := s.read(ctx, q.Tenant, id)
	if err != nil || !f.reg.EndedAt.IsZero() {
		return Operation{}, err
	}
	if f.reg.WipePending {
		open, err := s.open(ctx, f.reg, Wipe)
		if err != nil {
			return Operation{}, err
		}
		if len(open) > 0 {
			return open[0], nil
		}
	}
	var c Change
	op, err := s.wipe(ctx, &f, asked{q.RequestedBy, q.Reason, q.By}, &c)
	if err != nil {
		return Operation{}, err
	}
	if err := s.settle(ctx, &f, &c); err != nil {
		return Operation{}, err
	}
	return op, s.cfg.Store.Save(ctx, c)
}

// who identifies an actor: the user, or the app that acts as itself.
func who(a audit.Actor) string { return cmp.Or(string(a.User), string(a.Client)) }

// asked is who asks for an operation, and why.
type asked struct {
	by, reason string
	actor      audit.Actor
}

// wipe adds to c a wipe of f's registration with its news and its record.
func (s *Service) wipe(ctx context.Context, f *file, a asked, c *Change) (Operation, error) {
	op, err := s.order(ctx, f.reg, Wipe, a)
	if err != nil {
		return Operation{}, err
	}
	f.reg.WipePending, f.dossier.Standing.WipePending = true, true
	c.Operations = append(c.Operations, op)
	c.Events = append(c.Events, requested(f.reg, op))
	c.Entries = append(c.Entries, s.entry(f.reg, op, a.actor, "wipe requested"))
	return op, nil
}

// order makes a signed order for one registration. It is made before the
// transaction that stores it: nothing slow happens inside one.
func (s *Service) order(ctx context.Context, reg Registration, kind OperationKind, a asked) (Operation, error) {
	now := s.cfg.Now()
	op := Operation{
		ID: newID(), Kind: kind, Tenant: reg.Tenant, Registration: reg.Standing.Registration, DisplayName: displayName(kind),
		State: Pending, RequestedBy: a.by, Reason: a.reason, RequestedAt: now, ModifiedAt: now,
	}
	jws, err := s.cfg.Signer.Sign(ctx, wire.TypeWipeOrder, wire.WipeOrder{
		Issuer:    s.cfg.Issuer + "/" + string(reg.Tenant),
		Operation: op.ID, IssuedAt: now.Unix(), Tenant: string(reg.Tenant), User: string(reg.User),
		Registration: string(reg.Standing.Registration), Device: string(reg.Device),
		KeyThumb: reg.KeyThumbprint, Action: string(kind),
	})
	if err != nil {
		return Operation{}, fmt.Errorf("sign order: %w", err)
	}
	op.Order = jws
	return op, nil
}

func displayName(kind OperationKind) string {
	if kind == Diagnostics {
		return "diagnostics"
	}
	return "selective wipe"
}

func requested(reg Registration, op Operation) event.Event {
	return event.WipeRequested{
		Installation: reg.Installation, Registration: reg.Standing.Registration, Operation: op.ID, At: op.RequestedAt,
	}
}

// open lists what the device has still to carry out, oldest first: everything,
// or that of some kinds.
func (s *Service) open(ctx context.Context, reg Registration, kinds ...OperationKind) ([]Operation, error) {
	all, err := s.cfg.Store.Operations(ctx, reg.Tenant, reg.Standing.Registration)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(op Operation) bool {
		return !op.isOpen() || len(kinds) > 0 && !slices.Contains(kinds, op.kind())
	})
	slices.Reverse(all)
	return all, nil
}

// History lists every operation of a registration, newest first.
func (s *Service) History(ctx context.Context, t directory.TenantID, id directory.RegistrationID) ([]Operation, error) {
	return s.cfg.Store.Operations(ctx, t, id)
}

// Deliver hands the device what it has to carry out, and marks it delivered.
// An operation is handed out until its receipt or answer arrives; one that has
// ended is only asked for what it must still remove.
func (s *Service) Deliver(ctx context.Context, c Caller, id directory.RegistrationID) (wire.Operations, error) {
	var out wire.Operations
	err := retry(func() error {
		reg, err := s.own(ctx, c, id)
		if err != nil {
			return err
		}
		kinds := []OperationKind{Wipe, Diagnostics}
		if !reg.EndedAt.IsZero() {
			kinds = kinds[:1]
		}
		open, err := s.open(ctx, reg, kinds...)
		if err != nil {
			return err
		}
		out.Value = make([]wire.Operation, 0, len(open))
		var c2 Change
		for _, op := range open {
			out.Value = append(out.Value, wire.Operation{ID: op.ID, Order: op.Order})
			if op.State == Pending {
				op.State, op.ModifiedAt = Delivered, s.cfg.Now()
				c2.Operations = append(c2.Operations, op)
			}
		}
		if len(c2.Operations) == 0 {
			return nil
		}
		c2.Proof = &c.Proof
		return s.cfg.Store.Save(ctx, c2)
	})
	if err != nil {
		return wire.Operations{}, fmt.Errorf("operations: %w", err)
	}
	return out, nil
}
