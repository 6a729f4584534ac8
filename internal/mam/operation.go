package mam

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// Tracked is an operation with the registration that it is for, as both are now.
type Tracked struct {
	Operation    Operation
	Registration Registration
}

// Cursor says where this one is in a list, for OperationFilter.After.
func (t Tracked) Cursor() string {
	return strconv.FormatInt(t.Operation.RequestedAt.UnixMilli(), 10) + "." + t.Operation.ID
}

// ParseCursor is the inverse of Tracked.Cursor: when the operation was
// requested, in Unix milliseconds, and which it is. fault.Invalid for anything
// else.
func ParseCursor(s string) (at int64, id string, err error) {
	head, id, ok := strings.Cut(s, ".")
	at, err = strconv.ParseInt(head, 10, 64)
	if !ok || err != nil || id == "" {
		return 0, "", fault.New(fault.Invalid, "after is %q; give the cursor of the last operation of the page before", s)
	}
	return at, id, nil
}

// OperationFilter narrows a list of operations. Zero fields do not narrow.
type OperationFilter struct {
	User   directory.UserID
	Device directory.DeviceID
	State  OperationState
	Kind   OperationKind
	From   time.Time // requested then or later
	After  string    // Tracked.Cursor of the last one seen
	Limit  int       // 0 means 100
}

// Silence is the day of Unix time on which a registration was heard of last; 0
// when that is not written down.
type Silence struct {
	Day          int64
	Registration directory.RegistrationID
}

// Ledger lists operations over registrations, and forgets what is old.
type Ledger interface {
	// Tracked lists operations of the tenant, newest first.
	Tracked(ctx context.Context, t directory.TenantID, f OperationFilter) ([]Tracked, error)
	// Silent lists a page of living registrations of the tenant that were heard of
	// last, be it by enrolling, on the day of before or earlier; those that follow
	// after, longest silent first. An empty page is the end.
	Silent(ctx context.Context, t directory.TenantID, before time.Time, after Silence) ([]Silence, error)
	// Forget removes at most limit operations and as many registrations that are
	// older than r says, and returns how many of both.
	Forget(ctx context.Context, t directory.TenantID, r Retention, limit int) (operations, registrations int, err error)
}

// Operations lists the tenant's operations over all registrations, newest
// first, a page at a time: what became of every wipe, and on which PC.
func (s *Service) Operations(ctx context.Context, t directory.TenantID, f OperationFilter) ([]Tracked, error) {
	return s.cfg.Store.Tracked(ctx, t, f)
}

// kind is what the operation asks for; one that does not say is a wipe.
func (op Operation) kind() OperationKind {
	if op.Kind == "" {
		return Wipe
	}
	return op.Kind
}

// isOpen reports whether the device has still to carry it out.
func (op Operation) isOpen() bool { return op.State == Pending || op.State == Delivered }

// Cancel takes a pending operation back, which an admin may as long as the
// device has not fetched it: access opens again if nothing else closes it.
//
// Refused with fault.Conflict, saying why: what was delivered, what is finished,
// and a wipe that a health check or the order to wipe all that the user has
// would ask for again at once. Of a cancellation and a delivery at the same time
// one wins, and the other sees it.
func (s *Service) Cancel(ctx context.Context, t directory.TenantID, id directory.RegistrationID, operation string, by audit.Actor) (Operation, error) {
	var out Operation
	err := retry(func() error {
		f, err := s.read(ctx, t, id)
		if err != nil {
			return err
		}
		op, err := s.operation(ctx, f.reg, operation)
		if err != nil {
			return err
		}
		if op.State != Pending {
			return refuse(fault.Conflict, notPending(op))
		}
		op.State, op.ModifiedAt = Cancelled, s.cfg.Now()
		c := Change{Operations: []Operation{op}, Entries: []audit.Entry{s.entry(f.reg, op, by, string(op.kind())+" cancelled")}}
		if err := s.takeBack(ctx, &f, op, &c); err != nil {
			return err
		}
		out = op
		return s.cfg.Store.Save(ctx, c)
	})
	if err != nil {
		return Operation{}, fmt.Errorf("cancel: %w", err)
	}
	return out, nil
}

// takeBack adds to c what a living registration is without op.
func (s *Service) takeBack(ctx context.Context, f *file, op Operation, c *Change) error {
	if !f.reg.EndedAt.IsZero() {
		return nil
	}
	if op.kind() == Diagnostics {
		f.reg.DiagnosticsPending = false
		c.Registration = &f.reg
		return nil
	}
	f.reg.WipePending = false
	if err := s.settle(ctx, f, c); err != nil {
		return err
	}
	if f.reg.WipePending {
		return refuse(fault.Conflict, stillDemanded(c.Operations[len(c.Operations)-1]))
	}
	return nil
}

// entry is the record of what became of an operation.
func (s *Service) entry(reg Registration, op Operation, by audit.Actor, activity string) audit.Entry {
	after, _ := json.Marshal(map[string]any{ // strings alone: it always succeeds
		"operation": op.ID, "kind": op.kind(), "state": op.State, "reason": op.Reason,
		"userId": reg.User, "deviceId": reg.Device, "deviceName": reg.DeviceName, "app": reg.App, "receipt": op.Receipt,
	})
	return audit.Entry{
		ID: newID(), Tenant: reg.Tenant, At: op.ModifiedAt, Actor: by, Operation: audit.Action, Activity: activity,
		Kind: audit.Registration, Target: string(reg.Standing.Registration), Name: string(reg.App) + " on " + reg.DeviceName,
		ScopeTags: reg.Intended.ScopeTags, Revision: reg.Revision + 1, After: after,
	}
}
