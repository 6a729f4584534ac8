package storetest_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

func office(t directory.TenantID, id location.ID) location.Location {
	return location.Location{
		ID: id, Tenant: t, DisplayName: "Office", Trusted: true, CreatedAt: now, ModifiedAt: now,
		Ranges: []netip.Prefix{netip.MustParsePrefix("203.0.113.5/24"), netip.MustParsePrefix("2001:db8::/32")}, Written: []string{"203.0.113.5/24", "2001:DB8::/32"},
	}
}

func TestNamedLocations(t *testing.T) {
	laws(t, office("t1", "office"), func(w *world) admin.Objects[location.Location] { return w.Admin().NamedLocations() },
		kind[location.Location]{
			id: func(v location.Location) string { return string(v.ID) }, name: func(location.Location) string { return "OFFICE" },
			with: func(v location.Location, r int64) location.Location { v.Revision = r; return v },
			edit: func(v location.Location) location.Location { v.Trusted = false; return v }, config: true,
		})
}

// items are the identifiers in a tenant's bin.
func (w *world) items(t *testing.T, tenant directory.TenantID, kind audit.Kind, q admin.Query) []string {
	t.Helper()
	var ids []string
	for _, item := range must(w.Admin().DeletedItems(t.Context(), tenant, kind, q))(t) {
		ids = append(ids, item.ID)
	}
	return ids
}

func TestWhatIsDeletedIsInTheBinOfItsTenantAndKind(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		for _, id := range []location.ID{"b", "a", "c"} {
			must(a.NamedLocations().Save(ctx, office("t1", id)))(t)
			ok(t, a.NamedLocations().Delete(ctx, "t1", string(id)))
		}
		policy := access.Policy{ID: "a", Tenant: "t1", DisplayName: "Policy", State: access.ReportOnly, CreatedAt: now}
		must(a.AccessPolicies().Save(ctx, policy))(t)
		ok(t, a.AccessPolicies().Delete(ctx, "t1", "a"))
		must(a.Groups().Save(ctx, directory.Group{ID: "g", Tenant: "t1"}))(t)
		ok(t, a.Groups().Delete(ctx, "t1", "g"))

		wantEqual(t, w.items(t, "t1", audit.NamedLocation, admin.Query{}), []string{"a", "b", "c"})
		wantEqual(t, w.items(t, "t1", audit.NamedLocation, admin.Query{After: "a", Limit: 1}), []string{"b"})
		wantEqual(t, w.items(t, "t1", audit.AccessPolicy, admin.Query{}), []string{"a"})
		wantEqual(t, w.items(t, "t1", audit.Group, admin.Query{}), []string(nil))
		wantEqual(t, w.items(t, "t2", audit.NamedLocation, admin.Query{}), []string(nil))

		item := must(a.DeletedItem(ctx, "t1", audit.NamedLocation, "b"))(t)
		var back location.Location
		ok(t, json.Unmarshal(item.Doc, &back))
		wantEqual(t, back, office("t1", "b"))
		wantEqual(t, item.At, now.Truncate(time.Millisecond))
		_, err := a.DeletedItem(ctx, "t2", audit.NamedLocation, "b")
		wantKind(t, fault.NotFound, err)
		wantKind(t, fault.NotFound, a.ForgetDeleted(ctx, "t2", audit.NamedLocation, "b"))
		wantKind(t, fault.NotFound, a.ForgetDeleted(ctx, "t1", audit.AccessPolicy, "b"))

		// It is one or the other: there, or in the bin.
		must(a.NamedLocations().Save(ctx, office("t1", "b")))(t)
		wantEqual(t, w.items(t, "t1", audit.NamedLocation, admin.Query{}), []string{"a", "c"})
		ok(t, a.ForgetDeleted(ctx, "t1", audit.NamedLocation, "a", admin.Note{Entry: &audit.Entry{ID: "e", Tenant: "t1", Kind: audit.NamedLocation, Target: "a"}}))
		wantEqual(t, w.items(t, "t1", audit.NamedLocation, admin.Query{}), []string{"c"})
		wantEqual(t, must(a.Entry(ctx, "t1", "e"))(t).Target, "a")
		wantKind(t, fault.NotFound, a.ForgetDeleted(ctx, "t1", audit.NamedLocation, "a"))
	})
}

func TestADeletionThatFailsPutsNothingIntoTheBin(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		must(a.NamedLocations().Save(ctx, office("t1", "a")))(t)
		wantKind(t, fault.Conflict, a.NamedLocations().Delete(ctx, "t1", "a", admin.Note{Seen: 7}))
		wantKind(t, fault.NotFound, a.NamedLocations().Delete(ctx, "t1", "b"))
		wantEqual(t, w.items(t, "t1", audit.NamedLocation, admin.Query{}), []string(nil))
	})
}

func TestTheBinForgetsAfterThirtyDays(t *testing.T) {
	at := now
	law := func(t *testing.T, o store.Options) {
		o.Now, at = func() time.Time { return at }, now
		w := newWorld(t, o)
		ctx, a := t.Context(), w.Admin()
		must(a.NamedLocations().Save(ctx, office("t1", "a")))(t)
		ok(t, a.NamedLocations().Delete(ctx, "t1", "a"))
		at = now.Add(admin.KeptDeleted - time.Second)
		wantEqual(t, w.items(t, "t1", audit.NamedLocation, admin.Query{}), []string{"a"})
		at = now.Add(admin.KeptDeleted + time.Second)
		wantEqual(t, w.items(t, "t1", audit.NamedLocation, admin.Query{}), []string(nil))
		_, err := a.DeletedItem(ctx, "t1", audit.NamedLocation, "a")
		wantKind(t, fault.NotFound, err)
		must(a.Groups().Save(ctx, directory.Group{ID: "g", Tenant: "t1"}))(t) // any change sweeps
		at = now
		wantEqual(t, w.items(t, "t1", audit.NamedLocation, admin.Query{}), []string(nil))
	}
	t.Run("sqlite", func(t *testing.T) { law(t, store.Options{Path: storetest.File(t)}) })
	t.Run("postgres", func(t *testing.T) { law(t, store.Options{DatabaseURL: storetest.Postgres(t)}) })
}
