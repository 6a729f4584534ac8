package admin_test

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/oauth"
)

// Few words, so that they meet.
var (
	someActions = rapid.SampledFrom([]string{directory.ManagedAppsRead, directory.ManagedAppsWipe, directory.FiltersRead})
	someTags    = rapid.SliceOfN(rapid.SampledFrom([]string{"0", "1", "2"}), 0, 3)
	someGroups  = rapid.SliceOfN(rapid.SampledFrom([]directory.GroupID{"a", "b", "c"}), 0, 3)
	someGrants  = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) admin.Grant {
		return admin.Grant{
			Actions: rapid.SliceOfN(someActions, 0, 2).Draw(t, "actions"), ScopeTags: someTags.Draw(t, "tags"), Scopes: someGroups.Draw(t, "scopes"),
		}
	}), 0, 3)
)

func TestAuthorityIsTheSumOfItsGrants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grants, action, tags, groups := someGrants.Draw(t, "grants"), someActions.Draw(t, "action"), someTags.Draw(t, "on"), someGroups.Draw(t, "groups")
		a := admin.Authority{Grants: grants}
		may, acts := a.May(action, tags), a.MayActOn(action, tags, groups)
		if acts && !may {
			t.Fatal("it may act where it may not")
		}
		one := func(of func(admin.Authority) bool) bool {
			return slices.ContainsFunc(grants, func(g admin.Grant) bool { return of(admin.Authority{Grants: []admin.Grant{g}}) })
		}
		if may != one(func(g admin.Authority) bool { return g.May(action, tags) }) || acts != one(func(g admin.Authority) bool { return g.MayActOn(action, tags, groups) }) {
			t.Fatal("grants together give more, or less, than one of them")
		}
		if len(tags) > 0 && may && !a.May(action, append(slices.Clone(tags), "3")) {
			t.Fatal("another tag hides an object")
		}
		held, all := a.Tags(action)
		if a.May(action, nil) != (all || len(held) > 0) {
			t.Fatal("something is allowed on nothing")
		}
		for _, tag := range []string{"0", "1", "2", "3"} {
			if a.May(action, []string{tag}) != (all || slices.Contains(held, tag)) {
				t.Fatalf("Tags %v, all %t, and May differ on %s", held, all, tag)
			}
		}
		if full := (admin.Authority{All: true, Grants: grants}); !full.May(action, tags) || !full.MayActOn(action, tags, groups) || !full.MayGive(action, tags, groups) {
			t.Fatal("all is not everything")
		}
		if (admin.Authority{}).May(action, tags) || (admin.Authority{}).MayGive(action, tags, groups) {
			t.Fatal("the zero value may something")
		}
	})
}

func TestWhatMayBeGivenIsHeldAlready(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := admin.Authority{Grants: someGrants.Draw(t, "grants")}
		given := admin.Grant{Actions: []string{someActions.Draw(t, "action")}, ScopeTags: someTags.Draw(t, "tags"), Scopes: someGroups.Draw(t, "scopes")}
		if !a.MayGive(given.Actions[0], given.ScopeTags, given.Scopes) {
			return
		}
		taker := admin.Authority{Grants: []admin.Grant{given}}
		for _, tag := range []string{"0", "1", "2", "3"} {
			for _, g := range []directory.GroupID{"a", "b", "c", "d"} {
				if taker.MayActOn(given.Actions[0], []string{tag}, []directory.GroupID{g}) && !a.MayActOn(given.Actions[0], []string{tag}, []directory.GroupID{g}) {
					t.Fatalf("who was given %+v may act on %s of %s, and the giver may not", given, tag, g)
				}
			}
		}
	})
}

func TestAGrantMayBePassedOnAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, g := range someGrants.Draw(t, "grants") {
			for _, action := range g.Actions {
				if !(admin.Authority{Grants: []admin.Grant{g}}).MayGive(action, g.ScopeTags, g.Scopes) {
					t.Fatalf("%+v cannot be passed on", g)
				}
			}
		}
	})
}

// asked counts what is asked of a store about roles.
type asked struct {
	admin.Store
	held, definitions int
}

func (a *asked) RolesOf(ctx context.Context, t directory.TenantID, u directory.UserID) ([]directory.RoleAssignment, error) {
	a.held++
	return a.Store.RolesOf(ctx, t, u)
}

func (a *asked) RoleDefinitions() admin.Objects[directory.RoleDefinition] {
	a.definitions++
	return a.Store.RoleDefinitions()
}

func TestWhoHasNoRoleCostsOneQuery(t *testing.T) {
	_, s, b := founded(t)
	counted := &asked{Store: s.Admin()}
	room, err := admin.New(admin.Config{Store: counted, Passwords: hasher{}, Lockouts: proofs(t, s), IssuerHost: "postern.example"})
	if err != nil {
		t.Fatal(err)
	}
	user, err := room.FindUser(t.Context(), b.Tenant, b.AdminUserPrincipalName)
	if err != nil {
		t.Fatal(err)
	}
	a, err := room.Authority(t.Context(), oauth.Principal{Tenant: b.Tenant, User: user.ID, Audience: directory.GraphAPI})
	if err != nil || a.All || len(a.Grants) > 0 || counted.held != 1 || counted.definitions != 0 {
		t.Errorf("%+v after %d and %d questions: %v", a, counted.held, counted.definitions, err)
	}
	if _, err := room.Authority(t.Context(), oauth.Principal{Tenant: b.Tenant, Client: b.ClientID, Audience: directory.GraphAPI, Permissions: directory.Permissions()}); err != nil || counted.held != 1 {
		t.Errorf("an app costs a question: %v", err)
	}
}
