package mam_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
)

// wipeUser orders to wipe all that anna has, or takes the order away.
func (w *world) wipeUser(order *directory.UserWipe) {
	w.Helper()
	u, err := w.store.Admin().Users().Get(w.Context(), tenant, string(anna))
	must(w, err)
	u.Wipe = order
	_, err = w.store.Admin().Users().Save(w.Context(), u)
	must(w, err)
}

// told passes the news of it on.
func (w *world) told() {
	w.Helper()
	must(w, w.mam.OnEvent(w.Context(), event.UserChanged{Tenant: tenant, User: anna, At: w.now}))
}

func leaver() *directory.UserWipe {
	return &directory.UserWipe{RequestedBy: "an admin", Reason: "left"}
}

func TestAUserWipeTakesEveryAppOnEveryDevice(t *testing.T) {
	w := newWorld(t)
	var ids []directory.RegistrationID
	for range 3 {
		p := w.newPC(anna)
		ids = append(ids, p.enroll())
		p.checkIn(ids[len(ids)-1], w.report())
	}
	w.wipeUser(leaver())
	w.told()
	w.told() // the same news again asks for nothing more
	for _, id := range ids {
		if r := w.get(id); !r.WipePending || r.Verdict.State.String() != "noncompliant" {
			t.Errorf("%+v", r)
		}
	}
	all := w.list(mam.OperationFilter{User: anna})
	if len(all) != 3 || all[0].Operation.RequestedBy != "an admin" || all[0].Operation.Reason != "left" {
		t.Errorf("operations %+v", all)
	}
	_, err := w.mam.Cancel(t.Context(), tenant, ids[0], w.last(ids[0]).ID, adminActor())
	w.refusedWith(err, fault.Conflict, "stillDemanded")
}

// last is the newest operation of a registration.
func (w *world) last(id directory.RegistrationID) mam.Operation {
	w.Helper()
	ops, err := w.mam.History(w.Context(), tenant, id)
	must(w, err)
	if len(ops) == 0 {
		w.Fatal("there is no operation")
	}
	return ops[0]
}

func TestAUserWipeClosesAccessBeforeItsNewsArrives(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	w.wipeUser(leaver())
	if out := p.checkIn(id, w.report()); out.State != "noncompliant" || out.Operations != 1 || out.Action != "wipe" {
		t.Errorf("the check-in says %+v", out)
	}
}

func TestAUserWipeIsAskedAgainUntilTheOrderIsRemoved(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	w.wipeUser(leaver())
	w.told()
	op := w.last(id)
	for range 3 {
		ops, err := w.mam.Deliver(t.Context(), p.alone(), id)
		must(t, err)
		if len(ops.Value) != 1 || ops.Value[0].ID != op.ID {
			t.Fatalf("delivered %+v", ops)
		}
		failed := w.receiptFor(op)
		failed.Succeeded = false
		must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(failed)))
		if out := p.checkIn(id, w.report()); out.Operations != 1 || out.State != "noncompliant" {
			t.Fatalf("after a failure the check-in says %+v", out)
		}
	}
	if n := len(w.list(mam.OperationFilter{})); n != 1 {
		t.Errorf("one app has %d operations", n)
	}
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op))))
	_, err := w.mam.Enroll(t.Context(), p.caller(), enrollment(p.register()))
	w.refusedWith(err, fault.Forbidden, "userWiped")

	w.wipeUser(nil)
	w.told()
	back := p.enroll()
	if out := p.checkIn(back, w.report()); out.State != "compliant" || out.Operations != 0 {
		t.Errorf("without the order: %+v", out)
	}
}

func TestAFailedWipeThatWasForgottenIsAskedForAnew(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.requestWipe(id)
	failed := w.receiptFor(op)
	failed.Succeeded = false
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(failed)))
	w.now = w.now.Add(5 * aDay)
	if done := w.sweep(); done.Operations != 1 {
		t.Fatalf("swept %+v", done)
	}
	w.wipeUser(leaver())
	w.told()
	if next := w.last(id); next.ID == op.ID || next.State != mam.Pending {
		t.Errorf("%+v", next)
	}
}
