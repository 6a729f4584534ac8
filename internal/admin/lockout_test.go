package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
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
	room, s, b := founded(t)
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
	record, err := s.Admin().Entries(t.Context(), b.Tenant, admin.EntryQuery{Target: string(paper.ID)})
	if err != nil || !strings.HasPrefix(record[0].Activity, "forced") || record[1].Activity != "" {
		t.Errorf("that it was forced is not on record: %+v %v", record, err)
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

// 200 policies and 50 admins, all but the last of whom a save would bar.
func BenchmarkSavingAmong200Policies(b *testing.B) {
	room, s, boot := founded(b)
	for i := range 50 {
		_, err := s.Admin().Users().Save(b.Context(), directory.User{
			ID: directory.UserID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), Tenant: boot.Tenant, UserPrincipalName: fmt.Sprintf("a%d@postern.example", i),
			DisplayName: "A", Enabled: true, Roles: []directory.Role{directory.GlobalAdministrator},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range 200 {
		p := blocking(boot.Tenant, access.MFA)
		p.ID, p.DisplayName = access.PolicyID(fmt.Sprintf("10000000-0000-4000-8000-%012d", i)), fmt.Sprintf("P%d", i)
		if _, err := s.Admin().AccessPolicies().Save(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
	narrow, shut := blocking(boot.Tenant, access.Block), blocking(boot.Tenant, access.Block)
	narrow.Conditions.Users.Exclude = []directory.UserID{"00000000-0000-4000-8000-000000000049"}
	for _, c := range []struct {
		name string
		p    access.Policy
		want fault.Kind
	}{{"ordinary", blocking(boot.Tenant, access.MFA), 0}, {"one admin left", narrow, 0}, {"refused", shut, fault.Invalid}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				saved, err := room.AccessPolicies().Save(b.Context(), c.p)
				if err == nil {
					err = room.AccessPolicies().Delete(b.Context(), boot.Tenant, string(saved.ID))
				}
				if (err == nil) != (c.want == 0) || err != nil && fault.KindOf(err) != c.want {
					b.Fatal(err)
				}
			}
		})
	}
}
