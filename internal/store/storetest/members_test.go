package storetest_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
)

func mamChange(r *mam.Registration, events []event.Event) mam.Change {
	return mam.Change{Registration: r, Events: events}
}

func user(id string) directory.Member {
	return directory.Member{Kind: directory.MemberUser, ID: id}
}

func group(id string) directory.Member {
	return directory.Member{Kind: directory.MemberGroup, ID: id}
}

func TestMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		for _, id := range []directory.GroupID{"a", "b", "c", "d"} {
			must(a.Groups().Save(ctx, directory.Group{ID: id, Tenant: "t1", DisplayName: string(id)}))(t)
		}
		must(a.Groups().Save(ctx, directory.Group{ID: "a", Tenant: "t2"}))(t)
		before := w.tenantRevision(t)

		ok(t, a.AddMember(ctx, "t1", "a", user("anna"), told("in")))
		wantEqual(t, w.tenantRevision(t), before+1)
		wantKind(t, fault.Conflict, a.AddMember(ctx, "t1", "a", user("anna"), told("again")))
		wantKind(t, fault.NotFound, a.AddMember(ctx, "t1", "none", user("anna"), told("again")))
		wantKind(t, fault.NotFound, a.AddMember(ctx, "t1", "a", user("none"), told("again")))
		wantKind(t, fault.NotFound, a.AddMember(ctx, "t1", "a", group("none"), told("again")))
		wantKind(t, fault.NotFound, a.AddMember(ctx, "t2", "b", user("anna"), told("again")))
		wantKind(t, fault.Invalid, a.AddMember(ctx, "t1", "a", directory.Member{Kind: "dog", ID: "anna"}))
		wantEqual(t, w.tenantRevision(t), before+1)

		ok(t, a.AddMember(ctx, "t1", "b", group("a")))
		ok(t, a.AddMember(ctx, "t1", "c", group("b")))
		ok(t, a.AddMember(ctx, "t1", "a", group("c"))) // a circle
		wantEqual(t, must(a.Members(ctx, "t1", "a", admin.Query{}))(t), []directory.Member{user("anna"), group("c")})
		_, err := a.Members(ctx, "t2", "b", admin.Query{})
		wantKind(t, fault.NotFound, err)

		of := func(tenant directory.TenantID, id string) (found []directory.GroupID) {
			for _, g := range must(a.MemberOf(ctx, tenant, id, admin.Query{}))(t) {
				found = append(found, g.ID)
			}
			return found
		}
		wantEqual(t, [][]directory.GroupID{of("t1", "anna"), of("t1", "a"), of("t2", "anna"), of("t1", "none")}, [][]directory.GroupID{{"a"}, {"b"}, nil, nil})

		groupsOf := func(tenant directory.TenantID) []directory.GroupID {
			return must(w.MAM().Candidate(ctx, tenant, "anna", "com.example.app"))(t).Groups
		}
		mine := groupsOf("t1")
		wantEqual(t, mine, []directory.GroupID{"a", "b", "c"})
		facts := must(w.Gate().Facts(ctx, access.Request{Tenant: "t1", Session: "session", Client: "client"}))(t)
		wantEqual(t, facts.Groups, mine)
		wantEqual(t, must(w.MAM().Dossier(ctx, "t1", "reg"))(t).Groups, mine)
		wantEqual(t, len(groupsOf("t2")), 0)

		ok(t, a.Groups().Delete(ctx, "t1", "b"))
		wantEqual(t, groupsOf("t1"), []directory.GroupID{"a"})

		wantKind(t, fault.NotFound, a.RemoveMember(ctx, "t2", "a", "anna", told("out by a stranger")))
		ok(t, a.RemoveMember(ctx, "t1", "a", "anna", told("out")))
		wantKind(t, fault.NotFound, a.RemoveMember(ctx, "t1", "a", "anna", told("out again")))
		wantEqual(t, w.events(t), []event.Event{changed("in"), changed("out")})
	})
}

func TestAUniqueNameIsOfOneGroup(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		staff := must(a.Groups().Save(ctx, directory.Group{ID: "staff", Tenant: "t1", DisplayName: "Staff", UniqueName: "staff"}))(t)
		must(a.Groups().Save(ctx, directory.Group{ID: "staff", Tenant: "t2", UniqueName: "staff"}))(t)
		for _, id := range []directory.GroupID{"a", "b"} { // which have none
			must(a.Groups().Save(ctx, directory.Group{ID: id, Tenant: "t1"}))(t)
		}
		wantEqual(t, must(a.GroupByUniqueName(ctx, "t1", "staff"))(t), staff)
		_, err := a.Groups().Save(ctx, directory.Group{ID: "c", Tenant: "t1", UniqueName: "staff"})
		wantKind(t, fault.Conflict, err)
		for _, name := range []string{"", "Staff"} {
			_, err := a.GroupByUniqueName(ctx, "t1", name)
			wantKind(t, fault.NotFound, err)
		}
	})
}
