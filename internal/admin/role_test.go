package admin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

func TestBuiltInRolesAreAlwaysThereAndNeverChange(t *testing.T) {
	s := newStaff(t)
	roles := s.RoleDefinitions()
	own := s.role(t, "Own", directory.ManagedAppsRead)
	if n := must(roles.Count(s.ctx, s.tenant))(t); n != len(directory.BuiltInRoles())+1 {
		t.Errorf("%d roles", n)
	}
	for _, r := range directory.BuiltInRoles() {
		have := must(roles.Get(s.ctx, s.tenant, r.ID))(t)
		if have.DisplayName != r.DisplayName || have.Tenant != s.tenant {
			t.Errorf("%+v", have)
		}
		have.Actions = directory.Actions()
		_, err := roles.Save(s.ctx, have)
		wantInvalid(t, err, "built in", r.DisplayName)
		wantInvalid(t, roles.Delete(s.ctx, s.tenant, r.ID), "built in")
		have.Revision = 0
		if made := must(roles.Save(s.ctx, have))(t); made.ID == r.ID || made.BuiltIn {
			t.Errorf("a role of one's own took the place of %s: %+v", r.DisplayName, made)
		}
	}
	named := must(roles.List(s.ctx, s.tenant, admin.Query{Name: "HELP desk operator", Limit: 5}))(t)
	if len(named) != 2 || !slices.ContainsFunc(named, func(r directory.RoleDefinition) bool { return r.ID == directory.HelpDeskOperator }) {
		t.Errorf("%+v", named)
	}
	if got := must(roles.Get(s.ctx, s.tenant, own.ID))(t); got.DisplayName != "Own" {
		t.Errorf("%+v", got)
	}
}

func TestPagesOfRolesLeaveNoneOut(t *testing.T) {
	s := newStaff(t)
	roles := s.RoleDefinitions()
	for range 120 {
		s.role(t, "Own")
	}
	total := must(roles.Count(s.ctx, s.tenant))(t)
	for _, size := range []int{0, 1, 7, 100, 1000} {
		seen := map[string]bool{}
		q := admin.Query{Limit: size}
		for last := ""; ; {
			page := must(roles.List(s.ctx, s.tenant, q))(t)
			if len(page) == 0 {
				break
			}
			if size > 0 && len(page) > size {
				t.Fatalf("a page of %d holds %d", size, len(page))
			}
			for _, r := range page {
				if r.ID <= last {
					t.Fatalf("%s after %s", r.ID, last)
				}
				last, seen[r.ID] = r.ID, true
			}
			q.After = last
		}
		if len(seen) != total {
			t.Errorf("pages of %d: %d of %d", size, len(seen), total)
		}
	}
}

func TestARoleAllowsOnlyWhatExists(t *testing.T) {
	s := newStaff(t)
	_, err := s.RoleDefinitions().Save(s.ctx, directory.RoleDefinition{Tenant: s.tenant, DisplayName: "R", Actions: []string{"Microsoft.Intune_ManagedApp_Wipe", "anything", directory.FiltersRead}})
	wantInvalid(t, err, "did you mean "+directory.ManagedAppsWipe+"?", `"anything" does not exist; valid are `)
	_, err = s.RoleDefinitions().Save(s.ctx, directory.RoleDefinition{Tenant: s.tenant, ScopeTags: []string{"9"}, Description: strings.Repeat("x", 1025)})
	wantInvalid(t, err, "displayName", "description", `there is no scope tag "9"`)
	r := s.role(t, "R", directory.FiltersRead, directory.FiltersRead)
	if !slices.Equal(r.Actions, []string{directory.FiltersRead}) || !slices.Equal(r.ScopeTags, []string{directory.DefaultScopeTag}) {
		t.Errorf("%+v", r)
	}
}

func TestAnAssignmentNamesWhatExists(t *testing.T) {
	s := newStaff(t)
	_, err := s.RoleAssignments().Save(s.ctx, directory.RoleAssignment{Tenant: s.tenant, Role: "r", Scopes: groups("g"), ScopeTags: []string{"9"}})
	wantInvalid(t, err, "displayName", `there is no role "r"`, `resourceScopes: there is no group "g"`, `there is no scope tag "9"`, "members is empty")
	_, err = s.RoleAssignments().Save(s.ctx, directory.RoleAssignment{Tenant: s.tenant, DisplayName: "A", Role: directory.ReadOnlyOperator, Members: groups("g")})
	wantInvalid(t, err, `members: there is no group "g"`)

	a := s.assign(t, directory.RoleAssignment{Role: directory.ReadOnlyOperator, Members: groups(s.helpers, s.helpers)})
	if len(a.Members) != 1 {
		t.Errorf("%+v", a)
	}
	if err := s.Groups().Delete(s.ctx, s.tenant, string(s.helpers)); err != nil {
		t.Fatal(err)
	}
	a.Description = "the group is gone"
	must(s.RoleAssignments().Save(s.ctx, a))(t)
	if got := s.authority(t, s.caller()); len(got.Grants) > 0 {
		t.Errorf("through a group that is gone: %+v", got)
	}
}

func TestARoleThatSomeoneHasStays(t *testing.T) {
	s := newStaff(t)
	r := s.role(t, "R", directory.FiltersRead)
	a := s.assign(t, directory.RoleAssignment{Role: r.ID, Members: groups(s.helpers)})
	wantInvalid(t, s.RoleDefinitions().Delete(s.ctx, s.tenant, r.ID), a.DisplayName)
	r.Actions = []string{directory.FiltersDelete}
	must(s.RoleDefinitions().Save(s.ctx, r))(t)
	if got := s.authority(t, s.caller()); !got.May(directory.FiltersDelete, nil) || got.May(directory.FiltersRead, nil) {
		t.Errorf("what changed is not live: %+v", got)
	}
	if err := s.RoleAssignments().Delete(s.ctx, s.tenant, a.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.RoleDefinitions().Delete(s.ctx, s.tenant, r.ID); err != nil {
		t.Error(err)
	}
}

func TestNoScopeTagGetsTheNumberOfAnother(t *testing.T) {
	s := newStaff(t)
	tags := s.ScopeTags()
	first, second := s.tag(t, "A"), s.tag(t, "B")
	if first != "1" || second != "2" {
		t.Errorf("%s, %s", first, second)
	}
	if err := tags.Delete(s.ctx, s.tenant, second); err != nil {
		t.Fatal(err)
	}
	chosen := must(tags.Save(s.ctx, directory.ScopeTag{ID: second, Tenant: s.tenant, DisplayName: "C"}))(t)
	if chosen.ID != "3" {
		t.Errorf("the number %s was given before", chosen.ID)
	}
	chosen.DisplayName = ""
	_, err := tags.Save(s.ctx, chosen)
	wantInvalid(t, err, "displayName")
}

func TestTheDefaultScopeTagIsAlwaysThereAndNeverChanges(t *testing.T) {
	s := newStaff(t)
	d := must(s.ScopeTags().Get(s.ctx, s.tenant, directory.DefaultScopeTag))(t)
	if !d.BuiltIn || d.DisplayName != "Default" || d.Tenant != s.tenant {
		t.Errorf("%+v", d)
	}
	_, err := s.ScopeTags().Save(s.ctx, d)
	wantInvalid(t, err, "built in")
	wantInvalid(t, s.ScopeTags().Delete(s.ctx, s.tenant, directory.DefaultScopeTag), "built in")
	if all := must(s.ScopeTags().List(s.ctx, s.tenant, admin.Query{}))(t); len(all) != 1 {
		t.Errorf("%+v", all)
	}
}

func TestAScopeTagInUseStays(t *testing.T) {
	s := newStaff(t)
	tag := s.tag(t, "Berlin")
	tags := []string{tag}
	try := func(user string) {
		t.Helper()
		wantInvalid(t, s.ScopeTags().Delete(s.ctx, s.tenant, tag), "Berlin", user)
	}
	gone := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := s.protection()
	p.ScopeTags = tags
	p = must(s.ProtectionPolicies().Save(s.ctx, p))(t)
	try(`app protection policy "Edge"`)
	gone(s.ProtectionPolicies().Delete(s.ctx, s.tenant, string(p.ID)))

	c := s.configuration()
	c.ScopeTags = tags
	c = must(s.Configurations().Save(s.ctx, c))(t)
	try(`app configuration policy "Pages"`)
	gone(s.Configurations().Delete(s.ctx, s.tenant, string(c.ID)))

	f := s.filter(t, `(app.deviceModel -eq "Book")`)
	f.ScopeTags = tags
	f = must(s.Filters().Save(s.ctx, f))(t)
	try(`assignment filter "Books"`)
	gone(s.Filters().Delete(s.ctx, s.tenant, string(f.ID)))

	r := must(s.RoleDefinitions().Save(s.ctx, directory.RoleDefinition{Tenant: s.tenant, DisplayName: "R", ScopeTags: tags}))(t)
	try(`role "R"`)
	gone(s.RoleDefinitions().Delete(s.ctx, s.tenant, r.ID))

	a := s.assign(t, directory.RoleAssignment{Role: directory.ReadOnlyOperator, Members: groups(s.helpers), ScopeTags: tags})
	try("role assignment")
	gone(s.RoleAssignments().Delete(s.ctx, s.tenant, a.ID))

	gone(s.ScopeTags().Delete(s.ctx, s.tenant, tag))
	if _, err := s.ScopeTags().Get(s.ctx, s.tenant, tag); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}
