package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

func blocking(t directory.TenantID, grant ...access.Control) access.Policy {
	return access.Policy{Tenant: t, DisplayName: "Close the door", State: access.Enabled, Grant: access.Grant{Controls: grant}, Conditions: access.Conditions{
		Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.AllClientApps},
	}}
}

func TestAPolicyThatLocksOutEveryAdminIsNotSavedUnlessForced(t *testing.T) {
	room, _, b := founded(t)
	for _, c := range []access.Control{access.Block, access.CompliantDevice, access.DomainJoinedDevice, access.CompliantApplication} {
		_, err := room.AccessPolicies().Save(t.Context(), blocking(b.Tenant, c))
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "Close the door") || !strings.Contains(err.Error(), b.AdminUserPrincipalName) || !strings.Contains(err.Error(), string(c)) {
			t.Errorf("%s: %v", c, err)
		}
	}
	for _, c := range []access.Control{access.MFA} {
		if _, err := room.AccessPolicies().Save(t.Context(), blocking(b.Tenant, c)); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	paper := blocking(b.Tenant, access.Block)
	paper.State = access.ReportOnly
	paper, err := room.AccessPolicies().Save(t.Context(), paper)
	if err != nil {
		t.Fatal(err)
	}
	paper.State = access.Enabled
	if _, err = room.AccessPolicies().Save(t.Context(), paper); fault.KindOf(err) != fault.Invalid {
		t.Errorf("what only reported is enforced: %v", err)
	}
	if _, err = room.Forced().AccessPolicies().Save(t.Context(), paper); err != nil {
		t.Errorf("what was forced: %v", err)
	}
	worse := blocking(b.Tenant, access.Block)
	if _, err = room.AccessPolicies().Save(t.Context(), worse); err != nil {
		t.Errorf("where everybody is locked out already, nothing gets worse: %v", err)
	}
}

func TestOneAdminWhoGetsInIsEnough(t *testing.T) {
	room, _, b := founded(t)
	glass, err := room.Users().Save(t.Context(), directory.User{
		Tenant: b.Tenant, UserPrincipalName: "glass@postern.example", DisplayName: "Glass", Enabled: true, Roles: []directory.Role{directory.GlobalAdministrator},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := blocking(b.Tenant, access.Block)
	p.Conditions.Users.Exclude = []directory.UserID{glass.ID}
	if _, err := room.AccessPolicies().Save(t.Context(), p); err != nil {
		t.Error(err)
	}
	rest := blocking(b.Tenant, access.Block)
	rest.DisplayName, rest.Conditions.Users = "The last one", access.Users{Include: []directory.UserID{glass.ID}}
	if _, err := room.AccessPolicies().Save(t.Context(), rest); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "glass@") {
		t.Errorf("two policies that lock out everybody together: %v", err)
	}
}

func TestAnAdminWhoseAppIsProtectedIsNotLockedOutByDemandingThat(t *testing.T) {
	room, _, b := founded(t)
	_, err := room.ProtectionPolicies().Save(t.Context(), protection.Policy{
		Tenant: b.Tenant, DisplayName: "P", Apps: []directory.PackageID{"com.microsoft.edge"}, Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := room.AccessPolicies().Save(t.Context(), blocking(b.Tenant, access.CompliantApplication)); err != nil {
		t.Error(err)
	}
}

func TestWhoIsLockedOutIsFoundInAMoment(t *testing.T) {
	room, s, b := founded(t)
	for i := range 50 {
		_, err := s.Admin().Users().Save(t.Context(), directory.User{
			ID: directory.UserID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), Tenant: b.Tenant, UserPrincipalName: fmt.Sprintf("a%d@postern.example", i),
			DisplayName: "A", Enabled: true, Roles: []directory.Role{directory.GlobalAdministrator},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 200 {
		p := blocking(b.Tenant, access.MFA)
		p.ID, p.DisplayName = access.PolicyID(fmt.Sprintf("10000000-0000-4000-8000-%012d", i)), fmt.Sprintf("P%d", i)
		if _, err := s.Admin().AccessPolicies().Save(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	save := func(p access.Policy) (time.Duration, error) {
		begin := time.Now()
		_, err := room.AccessPolicies().Save(t.Context(), p)
		return time.Since(begin), err
	}
	ordinary, err := save(blocking(b.Tenant, access.MFA))
	if err != nil {
		t.Fatal(err)
	}
	p := blocking(b.Tenant, access.Block)
	p.Conditions.Users.Exclude = []directory.UserID{"00000000-0000-4000-8000-000000000049"}
	narrow, err := save(p)
	if err != nil {
		t.Fatal(err)
	}
	p.Conditions.Users.Exclude = nil
	refused, err := save(p)
	if fault.KindOf(err) != fault.Invalid {
		t.Fatal(err)
	}
	t.Logf("200 policies, 50 admins: an ordinary save %v, one that blocks all admins but the last %v, a refused one %v", ordinary, narrow, refused)
	if ordinary > time.Second {
		t.Errorf("an ordinary save takes %v", ordinary)
	}
}
