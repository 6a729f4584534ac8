package storetest_test

import (
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/prover"
)

// anna is in inner and in side; inner is in outer, which is in top, which is in
// inner again.
func TestTheGroupsThatSomebodyWouldBeIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		for _, g := range []directory.GroupID{"inner", "outer", "side", "top", "apart", "above"} {
			must(a.Groups().Save(ctx, directory.Group{ID: g, Tenant: "t1"}))(t)
		}
		join := func(g directory.GroupID, kind directory.MemberKind, id string) {
			ok(t, a.AddMember(ctx, "t1", g, directory.Member{Kind: kind, ID: id}))
		}
		join("inner", directory.MemberUser, "anna")
		join("side", directory.MemberUser, "anna")
		join("outer", directory.MemberGroup, "inner")
		join("top", directory.MemberGroup, "outer")
		join("inner", directory.MemberGroup, "top")
		join("above", directory.MemberGroup, "apart")
		anna := must(w.Prover().Account(ctx, "t1", "anna"))(t)
		for name, c := range map[string]struct {
			m    access.Membership
			want []directory.GroupID
		}{
			"she leaves":             {access.Membership{Group: "inner", Member: "anna", Leaves: true}, []directory.GroupID{"side"}},
			"a group leaves":         {access.Membership{Group: "outer", Member: "inner", Leaves: true}, []directory.GroupID{"inner", "side"}},
			"a group goes":           {access.Membership{Group: "outer", Leaves: true}, []directory.GroupID{"inner", "side"}},
			"somebody else leaves":   {access.Membership{Group: "inner", Member: "bert", Leaves: true}, []directory.GroupID{"inner", "outer", "side", "top"}},
			"she joins":              {access.Membership{Group: "apart", Member: "anna"}, []directory.GroupID{"above", "apart", "inner", "outer", "side", "top"}},
			"a group of hers joins":  {access.Membership{Group: "apart", Member: "top"}, []directory.GroupID{"above", "apart", "inner", "outer", "side", "top"}},
			"another group joins":    {access.Membership{Group: "outer", Member: "above"}, []directory.GroupID{"inner", "outer", "side", "top"}},
			"where she is already":   {access.Membership{Group: "side", Member: "anna"}, []directory.GroupID{"inner", "outer", "side", "top"}},
			"she leaves where not":   {access.Membership{Group: "apart", Member: "anna", Leaves: true}, []directory.GroupID{"inner", "outer", "side", "top"}},
			"the ring around closes": {access.Membership{Group: "inner", Member: "top", Leaves: true}, []directory.GroupID{"inner", "outer", "side", "top"}},
		} {
			if got := must(w.Prover().GroupsAfter(ctx, prover.Account{User: anna.User, Groups: anna.Groups}, c.m))(t); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	})
}

// What was judged by a configuration that is no more is not saved, whatever it is.
func TestNothingIsSavedThatAnotherConfigurationWasJudgedBy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		must(a.Groups().Save(ctx, directory.Group{ID: "g", Tenant: "t1"}))(t)
		revision := func() int64 { return must(a.Tenants().Get(ctx, "t1", "t1"))(t).Revision }
		old := admin.Note{Basis: revision()}
		must(a.Groups().Save(ctx, directory.Group{ID: "h", Tenant: "t1"}))(t)
		_, err := a.NamedLocations().Save(ctx, office("t1", "a"), old)
		wantIs(t, admin.ErrMoved, err)
		wantKind(t, fault.Conflict, err)
		wantIs(t, admin.ErrMoved, a.Groups().Delete(ctx, "t1", "g", old))
		wantIs(t, admin.ErrMoved, a.AddMember(ctx, "t1", "g", directory.Member{Kind: directory.MemberUser, ID: "anna"}, old))
		must(a.NamedLocations().Save(ctx, office("t1", "a"), admin.Note{Basis: revision()}))(t)
		ok(t, a.AddMember(ctx, "t1", "g", directory.Member{Kind: directory.MemberUser, ID: "anna"}, admin.Note{Basis: revision()}))
		wantIs(t, admin.ErrMoved, a.RemoveMember(ctx, "t1", "g", "anna", old))
		ok(t, a.RemoveMember(ctx, "t1", "g", "anna", admin.Note{Basis: revision()}))
		ok(t, a.Groups().Delete(ctx, "t1", "g", admin.Note{Basis: revision()}))
	})
}
