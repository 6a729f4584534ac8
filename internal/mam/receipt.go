package mam

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/wire"
)

// Receipt takes in a device's signed account of a wipe. A wipe that succeeded
// ends the registration, and with it the ban on enrolling again. One that
// failed leaves the registration cut off; the device may send a better receipt
// later, or an admin may order anew. A receipt for what is done already changes
// nothing.
func (s *Service) Receipt(ctx context.Context, c Caller, id directory.RegistrationID, operation, receipt string) error {
	err := retry(func() error {
		reg, err := s.own(ctx, c, id)
		if err != nil {
			return err
		}
		op, err := s.operation(ctx, reg, operation)
		if err != nil {
			return err
		}
		if op.kind() != Wipe {
			return forged("this operation is no wipe", nil)
		}
		r, err := s.verify(ctx, reg, op, receipt)
		if err != nil || op.State == Done {
			return err
		}
		return s.cfg.Store.Save(ctx, s.acknowledge(c, reg, op, r, receipt))
	})
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	return nil
}

func (s *Service) operation(ctx context.Context, reg Registration, id string) (Operation, error) {
	ops, err := s.cfg.Store.Operations(ctx, reg.Tenant, reg.Standing.Registration)
	if err != nil {
		return Operation{}, err
	}
	for _, op := range ops {
		if op.ID == id {
			return op, nil
		}
	}
	return Operation{}, fault.New(fault.NotFound, "there is no operation %q", id)
}

// verify reads a receipt that the device's registered key signed for op. Only
// that key counts: what a header offers as a key is not looked at.
func (s *Service) verify(ctx context.Context, reg Registration, op Operation, receipt string) (wire.WipeReceipt, error) {
	var r wire.WipeReceipt
	d, err := s.cfg.Store.Device(ctx, reg.Tenant, reg.Device)
	if err != nil {
		return r, err
	}
	key, err := parseKey(d.Key)
	if err != nil {
		return r, err
	}
	jws, err := jose.ParseSignedCompact(receipt, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return r, forged("it is no compact JWS signed with ES256", err)
	}
	if typ, _ := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string); typ != wire.TypeWipeReceipt {
		return r, forged(fmt.Sprintf("its typ is %q; it must be %q", typ, wire.TypeWipeReceipt), nil)
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return r, forged("it is not signed by the key of this device", err)
	}
	if err := json.Unmarshal(payload, &r); err != nil {
		return r, forged("its payload is not valid JSON", err)
	}
	if err := wire.Undeclared("WipeReceipt", payload); err != nil {
		return r, forged(err.Error(), nil)
	}
	if r.Operation != op.ID || r.Registration != string(op.Registration) {
		return r, forged("it speaks of another operation or registration", nil)
	}
	if r.FinishedAt > s.cfg.Now().Add(maxSkew).Unix() {
		return r, forged("it comes from the future: set the clock of this PC", nil)
	}
	return r, nil
}

func forged(detail string, cause error) error {
	return &RefusedError{
		Code:  "badReceipt",
		Steps: []string{"Sign the receipt of this operation with the key that this PC was registered with."},
		Err:   &fault.Error{Kind: fault.Invalid, Detail: "the receipt is not accepted: " + detail, Err: cause},
	}
}

func (s *Service) acknowledge(c Caller, reg Registration, op Operation, r wire.WipeReceipt, receipt string) Change {
	now := s.cfg.Now()
	op.Receipt, op.ModifiedAt, op.State = receipt, now, Failed
	change, activity := Change{}, "wipe failed"
	if r.Succeeded {
		op.State, activity = Done, "wipe done"
		if reg.EndedAt.IsZero() {
			reg.WipePending, reg.DiagnosticsPending = false, false
			change = end(reg, wiped, now)
		}
	}
	change.Operations, change.Proof = []Operation{op}, &c.Proof
	change.Entries = append(change.Entries, s.entry(reg, op, onTheDevice(reg), activity))
	change.Events = append(change.Events, event.WipeReported{
		Installation: reg.Installation, Registration: reg.Standing.Registration, Operation: op.ID, At: now,
	})
	return change
}
