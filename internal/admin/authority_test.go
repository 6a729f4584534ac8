package admin_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// staff is a founded tenant with a user, Ada, who is in the group helpers, which
// is in the group everyone.
type staff struct {
	*admin.Service
	ctx      context.Context
	tenant   directory.TenantID
	ada      directory.UserID
	helpers  directory.GroupID
	everyone directory.GroupID
	all      oauth.Principal // holds every permission
}

func newStaff(t *testing.T) staff {
	t.Helper()
	room, _, b := founded(t)
	s := staff{Service: room, ctx: t.Context(), tenant: b.Tenant}
	s.all = oauth.Principal{Tenant: b.Tenant, Client: b.ClientID, Audience: directory.GraphAPI, Permissions: directory.Permissions()}
	ada, err := room.Users().Save(t.Context(), directory.User{Tenant: b.Tenant, DisplayName: "Ada", UserPrincipalName: "ada@contoso.example", Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	s.ada, s.helpers, s.everyone = ada.ID, s.group(t, "Helpers"), s.group(t, "Everyone")
	for g, member := range map[directory.GroupID]string{s.helpers: string(s.ada), s.everyone: string(s.helpers)} {
		if err := room.AddMember(t.Context(), b.Tenant, g, member); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s staff) group(t *testing.T, name string) directory.GroupID {
	t.Helper()
	g, err := s.Groups().Save(s.ctx, directory.Group{Tenant: s.tenant, DisplayName: name})
	if err != nil {
		t.Fatal(err)
	}
	return g.ID
}

func (s staff) tag(t *testing.T, name string) string {
	t.Helper()
	tag, err := s.ScopeTags().Save(s.ctx, directory.ScopeTag{Tenant: s.tenant, DisplayName: name})
	if err != nil {
		t.Fatal(err)
	}
	return tag.ID
}

func (s staff) role(t *testing.T, name string, actions ...string) directory.RoleDefinition {
	t.Helper()
	r, err := s.RoleDefinitions().Save(s.ctx, directory.RoleDefinition{Tenant: s.tenant, DisplayName: name, Actions: actions})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s staff) assign(t *testing.T, a directory.RoleAssignment) directory.RoleAssignment {
	t.Helper()
	a.Tenant, a.DisplayName = s.tenant, "assignment of "+a.Role
	a, err := s.RoleAssignments().Save(s.ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s staff) caller() oauth.Principal {
	return oauth.Principal{Tenant: s.tenant, Client: "portal", User: s.ada, Audience: directory.GraphAPI}
}

func (s staff) authority(t *testing.T, p oauth.Principal) admin.Authority {
	t.Helper()
	a, err := s.Authority(s.ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func groups(ids ...directory.GroupID) []directory.GroupID { return ids }

func TestAUserMayWhatTheirGroupsAreAssignedAndNothingElse(t *testing.T) {
	s := newStaff(t)
	if a := s.authority(t, s.caller()); a.All || len(a.Grants) > 0 {
		t.Fatalf("without an assignment: %+v", a)
	}
	berlin, paris := s.tag(t, "Berlin"), s.tag(t, "Paris")
	held := s.assign(t, directory.RoleAssignment{Role: directory.HelpDeskOperator, Members: groups(s.everyone), ScopeTags: []string{berlin}})
	a := s.authority(t, s.caller())
	for _, c := range []struct {
		action string
		tags   []string
		may    bool
	}{
		{directory.ManagedAppsWipe, []string{berlin}, true},
		{directory.ManagedAppsWipe, []string{paris, berlin}, true},
		{directory.ManagedAppsWipe, nil, true}, // on something
		{directory.ManagedAppsWipe, []string{paris}, false},
		{directory.ManagedAppsWipe, []string{directory.DefaultScopeTag}, false},
		{directory.ManagedAppsUpdate, []string{berlin}, false},
	} {
		if a.May(c.action, c.tags) != c.may {
			t.Errorf("%s on %v: not %t", c.action, c.tags, c.may)
		}
	}
	if tags, all := a.Tags(directory.ManagedAppsRead); all || !slices.Equal(tags, []string{berlin}) {
		t.Errorf("sees %v, all: %t", tags, all)
	}
	if tags, all := a.Tags(directory.FiltersDelete); all || len(tags) > 0 {
		t.Errorf("deletes %v, all: %t", tags, all)
	}

	t.Run("and it ends with the membership, the assignment and the tag", func(t *testing.T) {
		if err := s.RemoveMember(s.ctx, s.tenant, s.everyone, string(s.helpers)); err != nil {
			t.Fatal(err)
		}
		if a := s.authority(t, s.caller()); len(a.Grants) > 0 {
			t.Errorf("who left still has %+v", a)
		}
		held.Members, held.ScopeTags = groups(s.helpers), nil
		held, err := s.RoleAssignments().Save(s.ctx, held)
		if err != nil {
			t.Fatal(err)
		}
		if _, all := s.authority(t, s.caller()).Tags(directory.ManagedAppsRead); !all {
			t.Error("an assignment without tags does not cover every object")
		}
		if err := s.RoleAssignments().Delete(s.ctx, s.tenant, held.ID); err != nil {
			t.Fatal(err)
		}
		if a := s.authority(t, s.caller()); len(a.Grants) > 0 {
			t.Errorf("what was taken is still %+v", a)
		}
	})
}

func TestAnAssignmentForSomePeopleActsOnNobodyElse(t *testing.T) {
	s := newStaff(t)
	s.assign(t, directory.RoleAssignment{Role: directory.HelpDeskOperator, Members: groups(s.helpers), Scopes: groups(s.everyone)})
	a := s.authority(t, s.caller())
	if !a.MayActOn(directory.ManagedAppsWipe, nil, groups("x", s.everyone)) || a.MayActOn(directory.ManagedAppsWipe, nil, groups("x", s.helpers)) || a.MayActOn(directory.ManagedAppsWipe, nil, nil) {
		t.Error("the scope is not kept")
	}
	if all := (admin.Authority{All: true}); !all.MayActOn(directory.ManagedAppsWipe, nil, nil) {
		t.Error("who may do everything may not act")
	}
}

func TestAnAppDoesWhatItsPermissionsSay(t *testing.T) {
	s := newStaff(t)
	a := s.authority(t, s.all)
	if tags, all := a.Tags(directory.RolesAssign); !a.All || !all || tags != nil || !a.May(directory.RolesAssign, []string{"7"}) {
		t.Errorf("%+v", a)
	}
}

func TestAGlobalAdministratorMayEverythingThatTheirClientMay(t *testing.T) {
	s := newStaff(t)
	p := s.all
	p.User = s.ada
	if a := s.authority(t, p); !a.All {
		t.Errorf("%+v", a)
	}
	p.Permissions = []string{directory.RBACWrite, directory.ProtectionWrite}
	if a := s.authority(t, p); a.All || len(a.Grants) > 0 {
		t.Errorf("beyond what the client may: %+v", a)
	}
	if got := admin.PowersOf([]directory.Role{directory.GlobalAdministrator}); !slices.Equal(got, directory.Permissions()) {
		t.Errorf("%v", got)
	}
	if got := admin.PowersOf([]directory.Role{"Reader"}); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

func TestNobodyGivesByRolesWhatTheyDoNotHold(t *testing.T) {
	s := newStaff(t)
	berlin, paris := s.tag(t, "Berlin"), s.tag(t, "Paris")
	assigner := s.role(t, "Assigner", directory.RolesAssign, directory.ManagedAppsRead)
	s.assign(t, directory.RoleAssignment{Role: assigner.ID, Members: groups(s.helpers), ScopeTags: []string{berlin}, Scopes: groups(s.helpers, s.everyone)})
	a := s.authority(t, s.caller())
	reader := s.role(t, "Reader", directory.ManagedAppsRead)
	wiper := s.role(t, "Wiper", directory.ManagedAppsRead, directory.ManagedAppsWipe)
	for name, c := range map[string]struct {
		give directory.RoleAssignment
		ok   bool
	}{
		"less":                  {directory.RoleAssignment{Role: reader.ID, ScopeTags: []string{berlin}, Scopes: groups(s.helpers)}, true},
		"as much":               {directory.RoleAssignment{Role: assigner.ID, ScopeTags: []string{berlin}, Scopes: groups(s.everyone, s.helpers)}, true},
		"a role that is gone":   {directory.RoleAssignment{Role: "gone"}, true},
		"another action":        {directory.RoleAssignment{Role: wiper.ID, ScopeTags: []string{berlin}, Scopes: groups(s.helpers)}, false},
		"another tag":           {directory.RoleAssignment{Role: reader.ID, ScopeTags: []string{berlin, paris}, Scopes: groups(s.helpers)}, false},
		"every object":          {directory.RoleAssignment{Role: reader.ID, Scopes: groups(s.helpers)}, false},
		"other people":          {directory.RoleAssignment{Role: reader.ID, ScopeTags: []string{berlin}, Scopes: groups("others")}, false},
		"everyone":              {directory.RoleAssignment{Role: reader.ID, ScopeTags: []string{berlin}}, false},
		"a role that is Intune": {directory.RoleAssignment{Role: directory.ApplicationManager, ScopeTags: []string{berlin}, Scopes: groups(s.helpers)}, false},
	} {
		err := s.MayAssign(s.ctx, s.caller(), a, directory.RoleAssignment{}, c.give)
		if (err == nil) != c.ok || !c.ok && fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.MayAssign(s.ctx, s.all, admin.Authority{All: true}, c.give); err != nil {
			t.Errorf("%s: who may do everything: %v", name, err)
		}
	}
	few := s.all
	few.Permissions = []string{directory.RBACWrite, directory.ProtectionRead}
	if err := s.MayAssign(s.ctx, few, admin.Authority{All: true}, directory.RoleAssignment{Role: wiper.ID}); fault.KindOf(err) != fault.Forbidden || !strings.Contains(err.Error(), directory.ManagedAppsWipe) {
		t.Errorf("an app gives what its permissions do not cover: %v", err)
	}
	if err := s.MayAssign(s.ctx, few, admin.Authority{All: true}, directory.RoleAssignment{Role: assigner.ID}); err != nil {
		t.Errorf("an app does not give what its permissions cover: %v", err)
	}
}

func TestARoleGrowsOnlyByWhatTheCallerHoldsWhereverItIsAssigned(t *testing.T) {
	s := newStaff(t)
	berlin := s.tag(t, "Berlin")
	define := s.role(t, "Definer", directory.RolesUpdate, directory.ManagedAppsRead, directory.ManagedAppsWipe)
	s.assign(t, directory.RoleAssignment{Role: define.ID, Members: groups(s.helpers), ScopeTags: []string{berlin}})
	a := s.authority(t, s.caller())
	reader := s.role(t, "Reader", directory.ManagedAppsRead)
	wider := reader
	wider.Actions = []string{directory.ManagedAppsRead, directory.ManagedAppsWipe}
	if err := s.MayDefine(s.ctx, s.caller(), a, reader, wider); err != nil {
		t.Errorf("a role that nobody has: %v", err)
	}
	if err := s.MayDefine(s.ctx, s.caller(), a, directory.RoleDefinition{}, wider); err != nil {
		t.Errorf("a new role: %v", err)
	}
	widest := wider
	widest.Actions = []string{directory.ManagedAppsDelete}
	if err := s.MayDefine(s.ctx, s.caller(), a, reader, widest); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("another action: %v", err)
	}
	s.assign(t, directory.RoleAssignment{Role: reader.ID, Members: groups(s.everyone)})
	if err := s.MayDefine(s.ctx, s.caller(), a, reader, wider); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a role that others have for every object: %v", err)
	}
	if err := s.MayDefine(s.ctx, s.all, admin.Authority{All: true}, reader, wider); err != nil {
		t.Errorf("who may do everything: %v", err)
	}
	few := s.all
	few.Permissions = []string{directory.RBACWrite}
	if err := s.MayDefine(s.ctx, few, admin.Authority{All: true}, directory.RoleDefinition{}, wider); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("an app defines what its permissions do not cover: %v", err)
	}
}
