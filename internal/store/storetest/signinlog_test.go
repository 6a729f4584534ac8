package storetest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

// page are the identifiers of what a query finds.
func (w *world) page(t testing.TB, tenant directory.TenantID, q access.RecordQuery) string {
	t.Helper()
	ids := ""
	for _, r := range must(w.Records(t.Context(), tenant, q))(t) {
		ids += r.ID
	}
	return ids
}

func TestTheSignInLog(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		put := func(id string, after time.Duration, change func(*access.Record)) access.Record {
			r := ruling("t1", id)
			r.At = now.Add(after)
			change(&r)
			ok(t, w.Gate().RecordSignIn(ctx, r))
			return r
		}
		put("b", 0, func(r *access.Record) { r.CorrelationID = "One-Request" })
		put("d", 2*time.Second, func(r *access.Record) { r.User, r.UserPrincipalName = "Bert", "Bert@contoso.example" })
		put("c", time.Second, func(r *access.Record) { r.Client, r.Code = "other", 53003 })
		a := put("a", 0, func(r *access.Record) { r.UserPrincipalName = "bert@contoso.example" }) // as old as b
		ok(t, w.IDP().RecordSignIn(ctx, ruling("t1", "e")))

		for want, q := range map[string]access.RecordQuery{
			"dceba": {}, "dc": {Limit: 2}, "eba": {After: access.Mark{At: now.Add(time.Second), ID: "c"}},
			"ba":    {After: access.Mark{At: now, ID: "d"}}, // itself need not be there
			"abecd": {OldestFirst: true}, "ec": {OldestFirst: true, After: access.Mark{At: now, ID: "b"}, Limit: 2},
			"ceba": {User: "anna"}, "d": {User: "bert"}, "da": {UserPrincipalName: "BERT@contoso.example"}, "c": {Client: "OTHER"}, "b": {CorrelationID: "one-request"},
			"cb": {From: now, To: now.Add(time.Second), Limit: 9, User: "anna", After: access.Mark{At: now.Add(time.Second), ID: "z"}}, "": {User: "nobody"},
		} {
			if want == "cb" {
				want = "ceba"
			}
			if got := w.page(t, "t1", q); got != want {
				t.Errorf("%+v: %q, want %q", q, got, want)
			}
		}
		wantEqual(t, w.page(t, "t1", access.RecordQuery{Refused: true}), "c")
		wantEqual(t, w.page(t, "t1", access.RecordQuery{From: now.Add(1)}), "dceba") // of the same millisecond
		wantEqual(t, w.page(t, "t1", access.RecordQuery{From: now.Add(time.Millisecond)}), "dc")
		wantEqual(t, w.page(t, "t1", access.RecordQuery{To: now.Add(-time.Millisecond)}), "")
		wantEqual(t, w.page(t, "t2", access.RecordQuery{}), "")
		wantEqual(t, must(w.Record(ctx, "t1", "a"))(t), a)
		_, err := w.Record(ctx, "t2", "a")
		wantKind(t, fault.NotFound, err)
	})
}

// Pages of the log are in its order, whatever else is asked, and nothing is read
// twice or left out when entries share their instant.
func TestTheLogIsWalkedPageByPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var all []string
		for i := range 23 {
			r := ruling("t1", fmt.Sprintf("%02d", i))
			r.At = now.Add(time.Duration(i/5) * time.Second)
			ok(t, w.Gate().RecordSignIn(t.Context(), r))
			all = append(all, r.ID)
		}
		for _, oldest := range []bool{true, false} {
			var got []string
			q := access.RecordQuery{User: "anna", OldestFirst: oldest, Limit: 4}
			for {
				found := must(w.Records(t.Context(), "t1", q))(t)
				for _, r := range found {
					got = append(got, r.ID)
					q.After = r.Mark()
				}
				if len(found) < q.Limit {
					break
				}
			}
			if !oldest {
				slices.Reverse(got)
			}
			wantEqual(t, got, all)
		}
	})
}

// The log goes back half a year, and rules are kept for as long as an entry may
// name them: those in force, and those that were in force when the oldest was
// made.
func TestRulesAreKeptAsLongAsTheLogNamesThem(t *testing.T) {
	const day = 24 * time.Hour
	law := func(t *testing.T, o store.Options) {
		at := now
		o.Now = func() time.Time { return at }
		w := newWorld(t, o)
		ctx := t.Context()
		keep := func(id access.SetID, revision int64) {
			ok(t, w.Gate().KeepSet(ctx, "t1", gate.Kept{ID: id, Rules: access.Rules{Engine: 1}, Revision: revision, At: at}))
		}
		kept := func(want ...access.SetID) {
			t.Helper()
			var got []access.SetID
			for _, id := range []access.SetID{"a", "b", "c"} {
				if _, err := w.Gate().Kept(ctx, "t1", id); err == nil {
					got = append(got, id)
				}
			}
			wantEqual(t, got, want)
		}
		keep("a", 1)
		keep("b", 2)
		keep("a", 3) // again in force
		keep("b", 2) // by somebody who is late
		ok(t, w.Gate().RecordSignIn(ctx, ruling("t1", "old")))
		at = now.Add(100 * day)
		keep("c", 4)
		sweep := func() {
			must(w.Admin().Groups().Save(ctx, directory.Group{ID: directory.GroupID(at.String()), Tenant: "t1"}))(t)
		} // any change sweeps
		sweep()
		kept("a", "b", "c")
		at = now.Add(181 * day)
		sweep()
		kept("a", "c") // a took the place of b 181 days ago, and c that of a only 81
		wantEqual(t, w.page(t, "t1", access.RecordQuery{}), "")
		at = now.Add(600 * day)
		sweep()
		kept("c") // in force still, however long
	}
	t.Run("sqlite", func(t *testing.T) { law(t, store.Options{Path: storetest.File(t)}) })
	t.Run("postgres", func(t *testing.T) { law(t, store.Options{DatabaseURL: storetest.Postgres(t)}) })
}
