package mam_test

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"encoding/json"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/wire"
)

func (w *world) requestWipe(id directory.RegistrationID) mam.Operation {
	w.Helper()
	ops, err := w.mam.RequestWipe(w.Context(), mam.WipeRequest{
		Tenant: tenant, User: anna, Device: w.get(id).Device, RequestedBy: "an admin", Reason: "lost",
	})
	must(w, err)
	if len(ops) != 1 {
		w.Fatalf("%d operations: %+v", len(ops), ops)
	}
	return ops[0]
}

func (p *pc) receipt(r wire.WipeReceipt) string {
	p.w.Helper()
	jws, err := sign(p.key, wire.TypeWipeReceipt, r)
	must(p.w, err)
	return jws
}

func (w *world) receiptFor(op mam.Operation) wire.WipeReceipt {
	return wire.WipeReceipt{
		Operation: op.ID, Registration: string(op.Registration), FinishedAt: w.now.Unix(), Succeeded: true,
		Items: []wire.WipeItem{{Name: "work profile", Removed: true}},
	}
}

func TestAWipeFromRequestToReceipt(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	op := w.requestWipe(id)
	if again := w.requestWipe(id); again.ID != op.ID {
		t.Error("asking again ordered a second wipe")
	}
	r := w.get(id)
	if !r.WipePending || r.Verdict.State.String() != "noncompliant" {
		t.Fatalf("access is not cut: %+v", r)
	}
	out := p.checkIn(id, w.report())
	if out.Operations != 1 || out.State != "noncompliant" {
		t.Errorf("the check-in hides the wipe: %+v", out)
	}
	waiting, err := w.mam.Deliver(t.Context(), p.alone(), id)
	must(t, err)
	if len(waiting.Value) != 1 || waiting.Value[0].ID != op.ID {
		t.Fatalf("waiting: %+v", waiting)
	}
	w.checkOrder(waiting.Value[0].Order, op, p)
	if state := w.operation(op).State; state != mam.Delivered {
		t.Errorf("the operation is %s", state)
	}
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op))))
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op)))) // repeating is harmless
	if done := w.operation(op); done.State != mam.Done || done.Receipt == "" {
		t.Errorf("the operation is %+v", done)
	}
	if r := w.get(id); r.EndedFor != "wiped" || r.WipePending {
		t.Errorf("the registration is %+v", r)
	}
	p.checkIn(p.enroll(), w.report()) // and now it may come back
}

func (w *world) operation(op mam.Operation) mam.Operation {
	w.Helper()
	ops, err := w.mam.History(w.Context(), tenant, op.Registration)
	must(w, err)
	for _, o := range ops {
		if o.ID == op.ID {
			return o
		}
	}
	w.Fatalf("operation %s is gone", op.ID)
	return mam.Operation{}
}

// checkOrder reads an order the way a device must before it deletes anything.
func (w *world) checkOrder(order string, op mam.Operation, p *pc) {
	w.Helper()
	jws, err := jose.ParseSignedCompact(order, []jose.SignatureAlgorithm{jose.ES256})
	must(w, err)
	payload, err := jws.Verify(w.key.Public())
	must(w, err)
	var got wire.WipeOrder
	must(w, json.Unmarshal(payload, &got))
	want := wire.WipeOrder{
		Issuer: issuer + "/" + string(tenant), Operation: op.ID, IssuedAt: w.now.Unix(), Tenant: string(tenant), User: string(anna),
		Registration: string(op.Registration), Device: string(w.get(op.Registration).Device), KeyThumb: p.caller().Proof.JKT, Action: "wipe",
	}
	if got != want {
		w.Errorf("the order is %+v, want %+v", got, want)
	}
}

func TestOnlyTheDeviceAccountsForItsWipe(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.requestWipe(id)
	good := w.receiptFor(op)
	foreign, late, other := good, good, good
	foreign.Registration = "another"
	late.FinishedAt = w.now.Add(time.Hour).Unix()
	other.Operation = "another"
	unsigned := "eyJhbGciOiJub25lIn0.e30."
	wrongType, err := sign(p.key, "JWT", good)
	must(t, err)
	undeclared, err := sign(p.key, wire.TypeWipeReceipt, map[string]any{
		"operation": good.Operation, "registration": good.Registration, "iat": good.FinishedAt, "succeeded": true, "items": []any{}, "userName": "Anna",
	})
	must(t, err)
	for name, receipt := range map[string]string{
		"what nobody declared": undeclared,
		"another key":          w.newPC(anna).receipt(good), "another registration": p.receipt(foreign), "another operation": p.receipt(other),
		"the future": p.receipt(late), "no signature": unsigned, "another type": wrongType, "nothing": "", "noise": "a.b.c",
	} {
		err := w.mam.Receipt(t.Context(), p.alone(), id, op.ID, receipt)
		if err == nil {
			t.Fatalf("a receipt with %s was accepted", name)
		}
		w.refusedWith(err, fault.Invalid, "badReceipt")
	}
	w.failsWith(w.mam.Receipt(t.Context(), p.alone(), id, "unknown", p.receipt(good)), fault.NotFound)
	w.refusedWith(w.mam.Receipt(t.Context(), w.newPC(anna).alone(), id, op.ID, p.receipt(good)), fault.Forbidden, "wrongKey")
	if o := w.operation(op); o.State != mam.Pending || o.Receipt != "" {
		t.Errorf("a forged receipt left %+v", o)
	}
}

func TestNobodyComesBackWhileAWipeIsUnfinished(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	op := w.requestWipe(id)
	_, err := w.mam.Enroll(t.Context(), p.caller(), enrollment(p.register()))
	w.refusedWith(err, fault.Forbidden, "wipePending")
	w.refusedWith(w.mam.SignOut(t.Context(), p.alone(), id), fault.Conflict, "wipePending")

	failed := w.receiptFor(op)
	failed.Succeeded = false
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(failed)))
	if o := w.operation(op); o.State != mam.Failed {
		t.Errorf("the operation is %s", o.State)
	}
	_, err = w.mam.Enroll(t.Context(), p.caller(), enrollment(p.register()))
	w.refusedWith(err, fault.Forbidden, "wipePending")

	next := w.requestWipe(id)
	if next.ID == op.ID {
		t.Error("a failed wipe was not ordered anew")
	}
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, next.ID, p.receipt(w.receiptFor(next))))
	p.enroll()
}

// The answer to an enrolment may be lost: the PC knows nothing of the registration
// then, and could never obey the order that keeps it out.
func TestAPCThatNeverHeardOfItsRegistrationGetsItAgainToBeWiped(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.requestWipe(id)
	again, err := w.mam.Enroll(t.Context(), p.caller(), enrollment(p.register()))
	must(t, err)
	if again.RegistrationID != string(id) || again.OrderKeys == nil {
		t.Errorf("enrolled as %+v, want %s", again, id)
	}
	if out := p.checkIn(id, w.report()); out.Operations != 1 || out.Action == "allow" {
		t.Errorf("the check-in says %+v", out)
	}
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op))))
	if next := p.enroll(); next == id {
		t.Error("after the wipe the old registration lives on")
	}
}

func TestAWipeNeedsSomethingToWipe(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	d := p.register()
	q := mam.WipeRequest{Tenant: tenant, User: anna, Device: d.ID, RequestedBy: "an admin"}
	_, err := w.mam.RequestWipe(t.Context(), q)
	w.failsWith(err, fault.NotFound)
	q.RequestedBy = ""
	_, err = w.mam.RequestWipe(t.Context(), q)
	w.failsWith(err, fault.Invalid)
}

func TestAWipeTakesEveryAppOfTheUserOnThatDevice(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	p.enroll()
	e := enrollment(p.register())
	e.App = "com.contoso.notes"
	_, err := w.mam.Enroll(t.Context(), p.caller(), e)
	must(t, err)
	other := w.newPC(anna).enroll()
	ops, err := w.mam.RequestWipe(t.Context(), mam.WipeRequest{Tenant: tenant, User: anna, Device: p.register().ID, RequestedBy: "an admin"})
	must(t, err)
	if len(ops) != 2 || w.get(other).WipePending {
		t.Errorf("wiped %+v; the other device is pending: %t", ops, w.get(other).WipePending)
	}
}

func TestAReplayedProofAccountsForNothing(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.requestWipe(id)
	c := p.alone()
	_, err := w.mam.Deliver(t.Context(), c, id)
	must(t, err)
	w.failsWith(w.mam.Receipt(t.Context(), c, id, op.ID, p.receipt(w.receiptFor(op))), fault.Unauthenticated)
	w.failsWith(w.mam.SignOut(t.Context(), func() mam.Caller {
		q := w.newPC(anna)
		q.enroll()
		return q.alone()
	}(), "unknown"), fault.NotFound)
}
