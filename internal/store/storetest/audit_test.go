package storetest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// entry is a change of the i-th group, a nanosecond after the one before.
func entry(t directory.TenantID, i int) audit.Entry {
	return audit.Entry{
		ID: fmt.Sprintf("e%03d", (i*37)%1000), Tenant: t, At: now.Add(time.Duration(i)), Actor: audit.Actor{Client: "client", Address: "192.0.2.1", CorrelationID: "c"},
		Operation: audit.Create, Kind: audit.Group, Target: fmt.Sprintf("g%03d", i%10), Name: "Group", Revision: int64(i + 1),
		ScopeTags: []string{"0"}, After: json.RawMessage(`{"a":1}`),
	}
}

func noted(e audit.Entry) admin.Note { return admin.Note{Entry: &e} }

func (w *world) record(t *testing.T, q admin.EntryQuery) (ids []string) {
	t.Helper()
	for {
		found := must(w.Admin().Entries(t.Context(), "t1", q))(t)
		for _, e := range found {
			ids = append(ids, e.ID)
			q.After = e.ID
		}
		if q.Limit == 0 || len(found) < q.Limit {
			return ids
		}
	}
}

func TestTheRecordIsReadNewestFirstAndNarrowed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		var newest []string
		for i := range 120 {
			g := directory.Group{ID: directory.GroupID(fmt.Sprintf("g%03d", i)), Tenant: "t1"}
			must(a.Groups().Save(ctx, g, noted(entry("t1", i))))(t)
			newest = append([]string{entry("t1", i).ID}, newest...)
		}
		other := entry("t1", 500)
		other.Kind = audit.User
		must(a.Users().Save(ctx, directory.User{ID: "x", Tenant: "t1", UserPrincipalName: "x"}, noted(other)))(t)
		must(a.Groups().Save(ctx, directory.Group{ID: "g", Tenant: "t2"}, noted(entry("t2", 3))))(t)

		wantEqual(t, w.record(t, admin.EntryQuery{Kinds: []audit.Kind{audit.Group}, Limit: 7}), newest)
		wantEqual(t, w.record(t, admin.EntryQuery{Limit: 50}), append([]string{other.ID}, newest...))
		wantEqual(t, len(w.record(t, admin.EntryQuery{})), 100)
		wantEqual(t, w.record(t, admin.EntryQuery{Kinds: []audit.Kind{audit.User, audit.App}, Limit: 5}), []string{other.ID})
		wantEqual(t, w.record(t, admin.EntryQuery{Target: "g004", Limit: 5})[:2], []string{entry("t1", 114).ID, entry("t1", 104).ID})
		wantEqual(t, w.record(t, admin.EntryQuery{From: now.Add(7), To: now.Add(9), Limit: 5}), []string{entry("t1", 8).ID, entry("t1", 7).ID})

		whole := must(a.Entry(ctx, "t1", entry("t1", 8).ID))(t)
		want := entry("t1", 8)
		want.Actor.Name = "Client"
		wantEqual(t, whole, want)
	})
}

func TestTheRecordOfATenantIsItsOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		e := entry("t1", 1)
		must(a.Groups().Save(ctx, directory.Group{ID: "g", Tenant: "t1"}, noted(e)))(t)
		_, err := a.Entry(ctx, "t2", e.ID)
		wantKind(t, fault.NotFound, err)
		_, err = a.Entries(ctx, "t2", admin.EntryQuery{After: e.ID})
		wantKind(t, fault.NotFound, err)
		wantEqual(t, len(must(a.Entries(ctx, "t2", admin.EntryQuery{}))(t)), 0)
		_, err = a.Entry(ctx, "t1", "none")
		wantKind(t, fault.NotFound, err)
	})
}

func TestWhatDoesNotHappenIsNotOnRecord(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		g := must(a.Groups().Save(ctx, directory.Group{ID: "g", Tenant: "t1"}))(t)
		stale := g
		must(a.Groups().Save(ctx, g))(t)
		_, err := a.Groups().Save(ctx, stale, noted(entry("t1", 1)))
		wantKind(t, fault.Conflict, err)
		wantKind(t, fault.NotFound, a.Groups().Delete(ctx, "t1", "none", noted(entry("t1", 2))))
		wantKind(t, fault.NotFound, a.AddMember(ctx, "t1", "g", user("none"), noted(entry("t1", 3))))
		wantKind(t, fault.NotFound, a.RemoveMember(ctx, "t1", "g", "anna", noted(entry("t1", 4))))
		wantKind(t, fault.NotFound, a.RemoveOwner(ctx, "t1", "g", "anna", noted(entry("t1", 5))))
		wantKind(t, fault.NotFound, a.AddOwner(ctx, "t1", "none", user("anna"), noted(entry("t1", 6))))
		_, err = a.SaveUserWithPassword(ctx, directory.User{ID: "two", Tenant: "t1", UserPrincipalName: "anna@EXAMPLE"}, admin.Password{Hash: "h"}, noted(entry("t1", 7)))
		wantKind(t, fault.Conflict, err)
		wantEqual(t, len(w.record(t, admin.EntryQuery{})), 0)

		// The entry is part of the change: without it there is no change.
		ok(t, a.AddOwner(ctx, "t1", "g", user("anna"), noted(entry("t1", 8))))
		_, err = a.Groups().Save(ctx, directory.Group{ID: "twice", Tenant: "t1"}, noted(entry("t1", 8)))
		wantKind(t, fault.Conflict, err)
		_, err = a.Groups().Get(ctx, "t1", "twice")
		wantKind(t, fault.NotFound, err)
	})
}

func TestTheRecordKeepsTheNameAnActorHadThen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		name := func(i int, actor audit.Actor) string {
			e := entry("t1", i)
			e.Actor = actor
			must(a.Groups().Save(ctx, directory.Group{ID: directory.GroupID(e.ID), Tenant: "t1"}, noted(e)))(t)
			return must(a.Entry(ctx, "t1", e.ID))(t).Actor.Name
		}
		wantEqual(t, name(1, audit.Actor{User: "anna", Client: "client"}), "Anna@Example")
		wantEqual(t, name(2, audit.Actor{Client: "client"}), "Client")
		wantEqual(t, name(3, audit.Actor{Client: "gone"}), "")
		wantEqual(t, name(4, audit.Actor{}), "")
		wantEqual(t, name(5, audit.Actor{User: "anna", Name: "agent"}), "agent")

		anna := must(a.Users().Get(ctx, "t1", "anna"))(t)
		anna.UserPrincipalName = "renamed@example"
		must(a.Users().Save(ctx, anna))(t)
		wantEqual(t, must(a.Entry(ctx, "t1", entry("t1", 1).ID))(t).Actor.Name, "Anna@Example")

		e := entry("t1", 6)
		e.Kind, e.Target, e.Name, e.Actor = audit.User, "anna", "renamed@example", audit.Actor{User: "anna"}
		ok(t, a.Users().Delete(ctx, "t1", "anna", noted(e)))
		wantEqual(t, must(a.Entry(ctx, "t1", e.ID))(t).Actor.Name, "renamed@example")
	})
}

func TestOwners(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		must(a.Groups().Save(ctx, directory.Group{ID: "g", Tenant: "t1"}))(t)
		app := directory.Member{Kind: directory.MemberApp, ID: "service"}
		ok(t, a.AddOwner(ctx, "t1", "g", user("anna")))
		ok(t, a.AddOwner(ctx, "t1", "g", app))
		wantKind(t, fault.Conflict, a.AddOwner(ctx, "t1", "g", app))
		wantKind(t, fault.NotFound, a.AddOwner(ctx, "t2", "g", user("anna")))
		wantKind(t, fault.NotFound, a.AddOwner(ctx, "t1", "g", user("none")))
		owners := func(q admin.Query) []directory.Member { return must(a.Owners(ctx, "t1", "g", q))(t) }
		wantEqual(t, owners(admin.Query{}), []directory.Member{user("anna"), app})
		wantEqual(t, owners(admin.Query{After: "anna", Limit: 1}), []directory.Member{app})
		_, err := a.Owners(ctx, "t2", "g", admin.Query{})
		wantKind(t, fault.NotFound, err)
		wantEqual(t, len(must(a.Members(ctx, "t1", "g", admin.Query{}))(t)), 0)

		ok(t, a.RemoveOwner(ctx, "t1", "g", "service"))
		wantKind(t, fault.NotFound, a.RemoveOwner(ctx, "t1", "g", "service"))
		ok(t, a.Users().Delete(ctx, "t1", "anna"))
		wantEqual(t, len(owners(admin.Query{})), 0)
	})
}

func TestNestedMembersAreEachListedOnceInPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		for _, id := range []directory.GroupID{"a", "b", "c"} {
			must(a.Groups().Save(ctx, directory.Group{ID: id, Tenant: "t1"}))(t)
		}
		for i := range 5 {
			id := fmt.Sprintf("u%d", i)
			must(a.Users().Save(ctx, directory.User{ID: directory.UserID(id), Tenant: "t1", UserPrincipalName: id}))(t)
			ok(t, a.AddMember(ctx, "t1", []directory.GroupID{"a", "b", "c"}[i%3], user(id)))
		}
		for in, g := range map[directory.GroupID]string{"a": "b", "b": "c", "c": "a"} { // a circle
			ok(t, a.AddMember(ctx, "t1", in, group(g)))
		}
		ok(t, a.AddMember(ctx, "t1", "c", user("u0"))) // a second way
		var seen []string
		for q := (admin.Query{Limit: 2}); ; q.After = seen[len(seen)-1] {
			page := must(a.TransitiveMembers(ctx, "t1", "a", q))(t)
			for _, m := range page {
				seen = append(seen, m.ID)
			}
			if len(page) < 2 {
				break
			}
		}
		wantEqual(t, seen, []string{"b", "c", "u0", "u1", "u2", "u3", "u4"})
		_, err := a.TransitiveMembers(ctx, "t2", "a", admin.Query{})
		wantKind(t, fault.NotFound, err)

		of := func(id string, q admin.Query) (ids []string) {
			for _, g := range must(a.TransitiveMemberOf(ctx, "t1", id, q))(t) {
				ids = append(ids, string(g.ID))
			}
			return ids
		}
		wantEqual(t, of("u1", admin.Query{}), []string{"a", "b", "c"})
		wantEqual(t, of("a", admin.Query{}), []string{"b", "c"}) // no group is in itself
		wantEqual(t, of("u1", admin.Query{After: "a", Limit: 1}), []string{"b"})
		wantEqual(t, len(of("none", admin.Query{})), 0)
	})
}

func TestRolesAreHeldThroughGroupsAndLive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		for _, id := range []directory.GroupID{"inner", "outer", "else"} {
			must(a.Groups().Save(ctx, directory.Group{ID: id, Tenant: "t1"}))(t)
		}
		held := func(tenant directory.TenantID) (ids []string) {
			for _, r := range must(a.RolesOf(ctx, tenant, "anna"))(t) {
				ids = append(ids, r.ID)
			}
			return ids
		}
		saved := must(a.RoleAssignments().Save(ctx, directory.RoleAssignment{ID: "direct", Tenant: "t1", Members: []directory.GroupID{"inner", "else"}}))(t)
		must(a.RoleAssignments().Save(ctx, directory.RoleAssignment{ID: "nested", Tenant: "t1", Members: []directory.GroupID{"outer", "inner"}}))(t)
		must(a.RoleAssignments().Save(ctx, directory.RoleAssignment{ID: "other", Tenant: "t1", Members: []directory.GroupID{"else"}}))(t)
		must(a.RoleAssignments().Save(ctx, directory.RoleAssignment{ID: "foreign", Tenant: "t2", Members: []directory.GroupID{"inner"}}))(t)
		wantEqual(t, len(held("t1")), 0)

		ok(t, a.AddMember(ctx, "t1", "inner", user("anna")))
		ok(t, a.AddMember(ctx, "t1", "outer", group("inner")))
		ok(t, a.AddMember(ctx, "t1", "inner", group("outer"))) // a circle
		wantEqual(t, held("t1"), []string{"direct", "nested"})
		wantEqual(t, len(held("t2")), 0)

		saved.Members = []directory.GroupID{"else"}
		must(a.RoleAssignments().Save(ctx, saved))(t)
		wantEqual(t, held("t1"), []string{"nested"})
		ok(t, a.RemoveMember(ctx, "t1", "inner", "anna"))
		wantEqual(t, len(held("t1")), 0)
		ok(t, a.AddMember(ctx, "t1", "outer", user("anna")))
		wantEqual(t, held("t1"), []string{"nested"})
		ok(t, a.RoleAssignments().Delete(ctx, "t1", "nested"))
		wantEqual(t, len(held("t1")), 0)
		wantEqual(t, slices.Contains(held("t1"), "foreign"), false)
	})
}
