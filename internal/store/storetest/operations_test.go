package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
)

const aDay = 24 * time.Hour

// ordered saves an operation of the registration "reg" of a tenant.
func (w *world) ordered(t *testing.T, of directory.TenantID, id string, change func(*mam.Operation)) {
	t.Helper()
	op := mam.Operation{ID: id, Tenant: of, Registration: "reg", State: mam.Pending, RequestedAt: now, ModifiedAt: now}
	if change != nil {
		change(&op)
	}
	ok(t, w.MAM().Save(t.Context(), mam.Change{Operations: []mam.Operation{op}}))
}

func TestTrackedOperations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ordered(t, "t1", "b", nil)
		w.ordered(t, "t1", "a", nil) // at the same time: by identifier
		w.ordered(t, "t1", "c", func(op *mam.Operation) { op.RequestedAt, op.Kind = now.Add(time.Second), mam.Diagnostics })
		w.ordered(t, "t1", "d", func(op *mam.Operation) { op.RequestedAt, op.State = now.Add(-time.Second), mam.Failed })
		w.ordered(t, "t2", "e", nil)
		ids := func(f mam.OperationFilter) (found string) {
			for _, o := range must(w.MAM().Tracked(t.Context(), "t1", f))(t) {
				wantEqual(t, o.Registration.Standing.Registration, o.Operation.Registration)
				wantEqual(t, o.Operation.Revision, int64(1))
				found += o.Operation.ID
			}
			return found
		}
		wantEqual(t, ids(mam.OperationFilter{}), "cbad")
		wantEqual(t, ids(mam.OperationFilter{User: "anna", Device: "pc"}), "cbad")
		wantEqual(t, ids(mam.OperationFilter{User: "x"}), "")
		wantEqual(t, ids(mam.OperationFilter{Device: "x"}), "")
		wantEqual(t, ids(mam.OperationFilter{Kind: mam.Diagnostics}), "c")
		wantEqual(t, ids(mam.OperationFilter{Kind: mam.Wipe}), "bad")
		wantEqual(t, ids(mam.OperationFilter{State: mam.Failed}), "d")
		wantEqual(t, ids(mam.OperationFilter{From: now}), "cba")
		at := func(id string) string {
			return mam.Tracked{Operation: mam.Operation{ID: id, RequestedAt: now}}.Cursor()
		}
		wantEqual(t, ids(mam.OperationFilter{After: at("b")}), "ad")
		wantEqual(t, ids(mam.OperationFilter{After: at("b"), Limit: 1}), "a")
		_, err := w.MAM().Tracked(t.Context(), "t1", mam.OperationFilter{After: "x"})
		wantKind(t, fault.Invalid, err)
	})
}

func TestSilentRegistrationsAreFoundByTheDay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		silent := func(before time.Time, after mam.Silence) (found []mam.Silence) {
			return must(w.MAM().Silent(t.Context(), "t1", before, after))(t)
		}
		today := now.UnixMilli() / aDay.Milliseconds()
		first, second := mam.Silence{Day: today, Registration: "reg"}, mam.Silence{Day: today, Registration: "second"}
		wantEqual(t, len(silent(now.Add(-aDay), mam.Silence{})), 0)
		wantEqual(t, silent(now, mam.Silence{}), []mam.Silence{first})
		other := registration("t1", "second")
		other.App, other.LastSyncAt = "another", time.Time{} // enrolled only
		ok(t, w.MAM().Save(t.Context(), mam.Change{Registration: other}))
		wantEqual(t, silent(now, mam.Silence{}), []mam.Silence{first, second})
		wantEqual(t, silent(now, first), []mam.Silence{second})
		wantEqual(t, len(silent(now, second)), 0)
		reg := must(w.MAM().Registration(t.Context(), "t1", "reg"))(t)
		reg.LastSyncAt = now.Add(aDay)
		ok(t, w.MAM().Save(t.Context(), mam.Change{Registration: &reg}))
		wantEqual(t, silent(now, mam.Silence{}), []mam.Silence{second})
		reg = must(w.MAM().Registration(t.Context(), "t1", "second"))(t)
		reg.EndedAt = now
		ok(t, w.MAM().Save(t.Context(), mam.Change{Registration: &reg}))
		wantEqual(t, len(silent(now, mam.Silence{})), 0)
	})
}

func TestWhatIsOldIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, m := t.Context(), w.MAM()
		for i, state := range []mam.OperationState{mam.Done, mam.Failed, mam.Cancelled, mam.Pending, mam.Delivered} {
			for _, tenant := range []directory.TenantID{"t1", "t2"} {
				w.ordered(t, tenant, string(state), func(op *mam.Operation) { op.State = state })
				w.ordered(t, tenant, fmt.Sprintf("young-%d", i), func(op *mam.Operation) {
					op.State, op.ModifiedAt, op.RequestedAt = state, now.Add(time.Second), now.Add(time.Second)
				})
			}
		}
		left := func(of directory.TenantID) int { return len(must(m.Operations(ctx, of, "reg"))(t)) }
		gone := func(operations, registrations, limit int) {
			t.Helper()
			ops, regs, err := m.Forget(ctx, "t1", mam.Retention{Finished: now, Open: now, Ended: now}, limit)
			ok(t, err)
			wantEqual(t, []int{ops, regs}, []int{operations, registrations})
		}
		gone(2, 0, 2)
		gone(1, 0, 100) // what is open stays: its registration lives
		gone(0, 0, 100)
		wantEqual(t, []int{left("t1"), left("t2")}, []int{7, 10})
		reg := must(m.Registration(ctx, "t1", "reg"))(t)
		reg.EndedAt = now.Add(time.Second)
		ok(t, m.Save(ctx, mam.Change{Registration: &reg}))
		gone(2, 0, 100)
		wantEqual(t, left("t1"), 5)
		reg = must(m.Registration(ctx, "t1", "reg"))(t)
		reg.EndedAt = now
		ok(t, m.Save(ctx, mam.Change{Registration: &reg}))
		gone(0, 1, 100)
		_, err := m.Registration(ctx, "t1", "reg")
		wantKind(t, fault.NotFound, err)
		wantEqual(t, []int{left("t1"), left("t2")}, []int{0, 10})
	})
}
