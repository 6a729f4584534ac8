package mam_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/version"
)

func adminActor() audit.Actor {
	return audit.Actor{User: "5a1e2d6c-0000-4000-8000-00000000000f", Name: "admin@contoso.example"}
}

func TestAPendingWipeCanBeCancelledAndAccessOpensAgain(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	op := w.requestWipe(id)
	got, err := w.mam.Cancel(t.Context(), tenant, id, op.ID, adminActor())
	must(t, err)
	if got.State != mam.Cancelled || w.operation(op).State != mam.Cancelled {
		t.Errorf("cancelled as %+v, stored %+v", got, w.operation(op))
	}
	if r := w.get(id); r.WipePending || r.Verdict.State.String() != "compliant" {
		t.Errorf("access stays closed: %+v", r)
	}
	waiting, err := w.mam.Deliver(t.Context(), p.alone(), id)
	must(t, err)
	if len(waiting.Value) != 0 {
		t.Errorf("a cancelled wipe is delivered: %+v", waiting)
	}
	_, err = w.mam.Cancel(t.Context(), tenant, id, op.ID, adminActor())
	w.refusedWith(err, fault.Conflict, "notPending")
	_, err = w.mam.Cancel(t.Context(), tenant, id, "unknown", adminActor())
	w.failsWith(err, fault.NotFound)
	_, err = w.mam.Cancel(t.Context(), "another", id, op.ID, adminActor())
	w.failsWith(err, fault.NotFound)
}

func TestAWipeThatThePCHasFetchedCannotBeCancelled(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.requestWipe(id)
	_, err := w.mam.Deliver(t.Context(), p.alone(), id)
	must(t, err)
	_, err = w.mam.Cancel(t.Context(), tenant, id, op.ID, adminActor())
	w.refusedWith(err, fault.Conflict, "notPending")
	if !strings.Contains(fault.Detail(err), "fetched") || !w.get(id).WipePending {
		t.Errorf("%v; pending: %t", err, w.get(id).WipePending)
	}
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op))))
	_, err = w.mam.Cancel(t.Context(), tenant, id, op.ID, adminActor())
	w.refusedWith(err, fault.Conflict, "notPending")
}

func TestOfACancellationAndADeliveryOneWins(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	cancelled := 0
	for range 20 {
		op := w.requestWipe(id)
		var (
			both         sync.WaitGroup
			refused      error
			got          int
			deliverError error
		)
		both.Go(func() { _, refused = w.mam.Cancel(t.Context(), tenant, id, op.ID, adminActor()) })
		both.Go(func() {
			ops, err := w.mam.Deliver(t.Context(), p.alone(), id)
			got, deliverError = len(ops.Value), err
		})
		both.Wait()
		must(t, deliverError)
		state := w.operation(op).State
		if won := refused == nil; won != (state == mam.Cancelled) || won != (got == 0) || won == w.get(id).WipePending {
			t.Fatalf("cancelling: %v; delivered: %d; the operation is %s; pending: %t", refused, got, state, w.get(id).WipePending)
		}
		if refused == nil {
			cancelled++
			continue
		}
		must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op))))
		id = p.enroll()
	}
	t.Logf("%d of 20 were cancelled", cancelled)
}

func TestAWipeThatAHealthCheckDemandsIsNotCancelled(t *testing.T) {
	w := newWorld(t)
	w.savePolicy(protection.Policy{
		ID: "T_5a1e2d6c-0000-4000-8000-000000000007", Tenant: tenant, DisplayName: "Old",
		Apps: []directory.PackageID{edge}, Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
		Settings: protection.Settings{Checks: []protection.Check{
			{Subject: protection.MinAppVersion, Action: protection.Wipe, Version: version.Version{900}},
		}},
	})
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	ops, err := w.mam.History(t.Context(), tenant, id)
	must(t, err)
	if len(ops) != 1 {
		t.Fatalf("operations %+v", ops)
	}
	_, err = w.mam.Cancel(t.Context(), tenant, id, ops[0].ID, adminActor())
	w.refusedWith(err, fault.Conflict, "stillDemanded")
	if !strings.Contains(fault.Detail(err), "minAppVersion") || w.operation(ops[0]).State != mam.Pending || !w.get(id).WipePending {
		t.Errorf("%v; %+v", err, w.operation(ops[0]))
	}
}

func TestOperationsOfAllAreListedNewestFirst(t *testing.T) {
	w := newWorld(t)
	const ben = directory.UserID("5a1e2d6c-0000-4000-8000-00000000000b")
	w.addUser(ben, "ben")
	var ids []directory.RegistrationID
	for range 3 {
		w.now = w.now.Add(time.Second)
		id := w.newPC(anna).enroll()
		ids = append(ids, id)
		w.requestWipe(id)
	}
	other := w.newPC(ben).enroll()
	w.now = w.now.Add(time.Second)
	_, err := w.mam.RequestDiagnostics(t.Context(), tenant, other, adminActor())
	must(t, err)
	_, err = w.mam.Cancel(t.Context(), tenant, ids[1], w.list(mam.OperationFilter{User: anna})[1].Operation.ID, adminActor())
	must(t, err)

	all := w.list(mam.OperationFilter{})
	if len(all) != 4 || all[0].Registration.User != ben || all[0].Registration.DeviceName != "laptop" || all[3].Registration.Standing.Registration != ids[0] {
		t.Fatalf("listed %+v", all)
	}
	for name, c := range map[string]struct {
		f    mam.OperationFilter
		want int
	}{
		"a user": {mam.OperationFilter{User: anna}, 3}, "a device": {mam.OperationFilter{Device: all[1].Registration.Device}, 1},
		"a state": {mam.OperationFilter{State: mam.Pending}, 3}, "another state": {mam.OperationFilter{State: mam.Cancelled}, 1},
		"a kind": {mam.OperationFilter{Kind: mam.Diagnostics}, 1}, "a time": {mam.OperationFilter{From: all[1].Operation.RequestedAt}, 2},
		"all of it": {mam.OperationFilter{User: anna, Device: all[1].Registration.Device, State: mam.Pending, Kind: mam.Wipe}, 1},
	} {
		if got := w.list(c.f); len(got) != c.want {
			t.Errorf("%s: %d operations, want %d", name, len(got), c.want)
		}
	}
	var paged []string
	for f := (mam.OperationFilter{Limit: 1}); ; {
		page := w.list(f)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page[0].Operation.ID)
		f.After = page[0].Cursor()
	}
	for i, op := range all {
		if len(paged) != len(all) || paged[i] != op.Operation.ID {
			t.Fatalf("page by page %v, want %+v", paged, all)
		}
	}
	for _, bad := range []string{"x", "1", "1.", "x.y"} {
		_, err := w.mam.Operations(t.Context(), tenant, mam.OperationFilter{After: bad})
		w.failsWith(err, fault.Invalid)
	}
}

func (w *world) list(f mam.OperationFilter) []mam.Tracked {
	w.Helper()
	all, err := w.mam.Operations(w.Context(), tenant, f)
	must(w, err)
	return all
}
