package admin_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/threat"
)

func wantForbidden(t *testing.T, err error) {
	t.Helper()
	if fault.KindOf(err) != fault.Forbidden {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestNobodyClimbsThroughAGroupOrAPassword(t *testing.T) {
	s := newStaff(t)
	few, all := s.all, admin.Authority{All: true}
	few.Permissions = []string{directory.GroupWrite, directory.UserWrite}
	outsider := must(s.Users().Save(s.ctx, directory.User{Tenant: s.tenant, DisplayName: "Bo", UserPrincipalName: "bo@contoso.example"}))(t)
	may := func(want bool) {
		t.Helper()
		for _, g := range groups(s.helpers, s.everyone) {
			if err := s.MayFill(s.ctx, few, all, g); (err == nil) != want {
				t.Errorf("group %s: %v", g, err)
			}
		}
		if err := s.MayControl(s.ctx, few, all, s.ada); (err == nil) != want {
			t.Error(err)
		}
		if err := s.MayControl(s.ctx, few, all, outsider.ID); err != nil {
			t.Errorf("someone without a role: %v", err)
		}
	}
	may(true) // there is no role to gain
	s.assign(t, directory.RoleAssignment{Role: directory.ApplicationManager, Members: groups(s.everyone)})
	may(false)
	few.Permissions = append(few.Permissions, directory.ProtectionWrite, directory.ConfigurationWrite, directory.ConnectorRead)
	may(true)
	outer := s.group(t, "Outer")
	if err := s.AddMember(s.ctx, s.tenant, outer, string(s.everyone)); err != nil {
		t.Fatal(err)
	}
	s.assign(t, directory.RoleAssignment{Role: directory.IntuneRoleAdministrator, Members: groups(outer)})
	may(false) // through two groups
}

func TestNobodyClimbsThroughAnApp(t *testing.T) {
	s := newStaff(t)
	few := s.all
	few.Permissions = []string{directory.ApplicationWrite, directory.UserRead}
	app := must(s.Apps().Save(s.ctx, directory.App{Tenant: s.tenant, DisplayName: "App", Permissions: []string{directory.UserRead}}))(t)
	if err := s.MayRun(s.ctx, few, app); err != nil {
		t.Error(err)
	}
	strong := app
	strong.Permissions = []string{directory.UserRead, directory.UserWrite}
	wantForbidden(t, s.MayRun(s.ctx, few, strong))
	must(s.Connectors().Save(s.ctx, threat.Connector{ID: app.ID, Tenant: s.tenant}))(t)
	wantForbidden(t, s.MayRun(s.ctx, few, app))
	few.Permissions = append(few.Permissions, directory.ConnectorWrite)
	if err := s.MayRun(s.ctx, few, app); err != nil {
		t.Error(err)
	}
}
