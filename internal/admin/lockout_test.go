package admin_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/prover"
	"github.com/postern-mam/postern/internal/strength"
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

// What policies mean changes with what they name, and with who is in which group:
// nothing of that locks out every admin by the back door either.
func TestNoOtherChangeLocksOutEveryAdmin(t *testing.T) {
	for name, c := range map[string]struct {
		policy func(p *access.Policy, w *back) // beside one for everybody and everything
		change func(room *admin.Service, w *back) error
		frees  func(room *admin.Service, w *back) error // after which the same change is no lock-out; nil: none
	}{
		"a named location that is trusted no more": {
			func(p *access.Policy, w *back) {
				w.place = w.saved(w.room.NamedLocations().Save(w.Context(), location.Location{Tenant: w.tenant, DisplayName: "Office", Trusted: true, Ranges: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})).(location.Location)
				p.Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true}
			},
			func(room *admin.Service, w *back) error {
				w.place.Trusted = false
				_, err := room.NamedLocations().Save(w.Context(), w.place)
				return err
			}, nil,
		},
		"a strength that nobody can show": {
			func(p *access.Policy, w *back) {
				w.strong = w.saved(w.room.Strengths().Save(w.Context(), strength.Strength{Tenant: w.tenant, DisplayName: "Strong", Combinations: []strength.Methods{strength.Password | strength.SoftwareOath}})).(strength.Strength)
				p.Grant = access.Grant{Strength: w.strong.ID}
			},
			func(room *admin.Service, w *back) error {
				w.strong.Combinations = []strength.Methods{strength.FIDO2}
				_, err := room.Strengths().Save(w.Context(), w.strong)
				return err
			}, nil,
		},
		"refusing what no policy covers": {
			func(p *access.Policy, _ *back) { p.State = access.Disabled },
			func(room *admin.Service, w *back) error {
				house, err := room.Tenants().Get(w.Context(), w.tenant, string(w.tenant))
				w.ok(err)
				house.Settings.DenyUncovered = true
				_, err = room.Tenants().Save(w.Context(), house)
				return err
			},
			func(room *admin.Service, w *back) error {
				_, err := room.AccessPolicies().Save(w.Context(), blocking(w.tenant, access.MFA))
				return err
			},
		},
		"leaving the group that is excluded": {
			func(p *access.Policy, w *back) { w.through(p, "glass") },
			func(room *admin.Service, w *back) error {
				return room.RemoveMember(w.Context(), w.tenant, "glass", w.admin)
			},
			nil,
		},
		"a group leaving the group that is excluded": {
			func(p *access.Policy, w *back) {
				w.through(p, "inner")
				p.Conditions.Users.ExcludeGroups = []directory.GroupID{"outer"}
				w.group("outer")
				w.ok(w.room.AddMember(w.Context(), w.tenant, "outer", "inner"))
			},
			func(room *admin.Service, w *back) error {
				return room.RemoveMember(w.Context(), w.tenant, "outer", "inner")
			},
			func(room *admin.Service, w *back) error {
				return room.AddMember(w.Context(), w.tenant, "outer", w.admin)
			},
		},
		"the end of the group between": {
			func(p *access.Policy, w *back) {
				w.through(p, "inner")
				p.Conditions.Users.ExcludeGroups = []directory.GroupID{"outer"}
				w.group("outer")
				w.ok(w.room.AddMember(w.Context(), w.tenant, "outer", "inner"))
			},
			func(room *admin.Service, w *back) error { return room.Groups().Delete(w.Context(), w.tenant, "inner") },
			nil,
		},
		"coming into a group that is blocked": {
			func(p *access.Policy, w *back) {
				w.group("blocked")
				p.Conditions.Users = access.Users{IncludeGroups: []directory.GroupID{"blocked"}}
			},
			func(room *admin.Service, w *back) error {
				return room.AddMember(w.Context(), w.tenant, "blocked", w.admin)
			},
			nil,
		},
		"a group coming into a group that is blocked": {
			func(p *access.Policy, w *back) {
				w.group("blocked")
				w.group("team")
				w.ok(w.room.AddMember(w.Context(), w.tenant, "team", w.admin))
				p.Conditions.Users = access.Users{IncludeGroups: []directory.GroupID{"blocked"}}
			},
			func(room *admin.Service, w *back) error {
				return room.AddMember(w.Context(), w.tenant, "blocked", "team")
			},
			nil,
		},
		"the end of the admin who gets in": {
			func(p *access.Policy, w *back) { p.Conditions.Users.Exclude = []directory.UserID{w.second()} },
			func(room *admin.Service, w *back) error { return room.Users().Delete(w.Context(), w.tenant, "second") },
			nil,
		},
		"disabling the admin who gets in": {
			func(p *access.Policy, w *back) { p.Conditions.Users.Exclude = []directory.UserID{w.second()} },
			func(room *admin.Service, w *back) error {
				u, err := room.Users().Get(w.Context(), w.tenant, "second")
				w.ok(err)
				u.Enabled = false
				_, err = room.Users().Save(w.Context(), u)
				return err
			}, nil,
		},
		"finding the admin compromised": {
			func(p *access.Policy, _ *back) { p.Conditions.UserRisk = []access.Risk{access.RiskHigh} },
			func(room *admin.Service, w *back) error {
				return room.AssessRisk(w.Context(), w.tenant, []directory.UserID{directory.UserID(w.admin)}, directory.RiskConfirmed)
			}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			room, _, b := founded(t)
			w := &back{TB: t, room: room, tenant: b.Tenant}
			found, err := room.FindUser(t.Context(), b.Tenant, b.AdminUserPrincipalName)
			w.ok(err)
			w.admin = string(found.ID)
			p := blocking(b.Tenant, access.Block)
			c.policy(&p, w)
			w.saved(room.AccessPolicies().Save(t.Context(), p))
			err = c.change(room, w)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "would lock out every enabled Global Administrator") {
				t.Fatalf("it is saved, or refused for another reason: %v", err)
			}
			if c.frees != nil {
				w.ok(c.frees(room, w))
				w.ok(c.change(room, w))
				return
			}
			w.ok(c.change(room.Forced(), w))
		})
	}
}

// back is a tenant with a policy.
type back struct {
	testing.TB
	room   *admin.Service
	tenant directory.TenantID
	admin  string
	place  location.Location
	strong strength.Strength
}

func (w *back) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *back) saved(v any, err error) any {
	w.Helper()
	w.ok(err)
	return v
}

func (w *back) group(id directory.GroupID) {
	w.Helper()
	w.saved(w.room.Groups().Save(w.Context(), directory.Group{ID: id, Tenant: w.tenant, DisplayName: string(id)}))
}

// through excludes a group that the admin is in.
func (w *back) through(p *access.Policy, g directory.GroupID) {
	w.Helper()
	w.group(g)
	w.ok(w.room.AddMember(w.Context(), w.tenant, g, w.admin))
	p.Conditions.Users.ExcludeGroups = []directory.GroupID{g}
}

// second makes another admin.
func (w *back) second() directory.UserID {
	w.Helper()
	w.saved(w.room.Users().Save(w.Context(), directory.User{
		ID: "second", Tenant: w.tenant, UserPrincipalName: "second@postern.example", DisplayName: "S", Enabled: true, Roles: []directory.Role{directory.GlobalAdministrator},
	}))
	return "second"
}

// Where what no policy covers is refused, the last policy that covers is not
// deleted.
func TestTheLastPolicyThatLetsAdminsInStays(t *testing.T) {
	room, _, b := founded(t)
	w := &back{TB: t, room: room, tenant: b.Tenant}
	p := w.saved(room.AccessPolicies().Save(t.Context(), blocking(b.Tenant, access.MFA))).(access.Policy)
	house := w.saved(room.Tenants().Get(t.Context(), b.Tenant, string(b.Tenant))).(directory.Tenant)
	house.Settings.DenyUncovered = true
	w.saved(room.Tenants().Save(t.Context(), house))
	if err := room.AccessPolicies().Delete(t.Context(), b.Tenant, string(p.ID)); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("it is deleted: %v", err)
	}
	p.State = access.Disabled
	if _, err := room.AccessPolicies().Save(t.Context(), p); fault.KindOf(err) != fault.Invalid {
		t.Errorf("it is disabled: %v", err)
	}
	w.ok(room.Forced().AccessPolicies().Delete(t.Context(), b.Tenant, string(p.ID)))
}

// Two changes, each of which leaves an admin, are not judged by the same past: of
// two that lock out everybody together one is refused, also when they come from
// two processes.
func TestChangesAtOnceDoNotLockOutEveryAdminTogether(t *testing.T) {
	for range 5 {
		room, s, b := founded(t)
		w := &back{TB: t, room: room, tenant: b.Tenant}
		second := w.second()
		proofs, err := prover.New(s.Prover())
		w.ok(err)
		other, err := admin.New(admin.Config{Store: s.Admin(), Passwords: hasher{}, Lockouts: proofs, IssuerHost: "postern.example"})
		w.ok(err)
		all, rest := blocking(b.Tenant, access.Block), blocking(b.Tenant, access.Block)
		all.Conditions.Users.Exclude = []directory.UserID{second}
		rest.DisplayName, rest.Conditions.Users = "The rest", access.Users{Include: []directory.UserID{second}}
		errs := make(chan error, 2)
		for _, save := range []struct {
			room *admin.Service
			p    access.Policy
		}{{room, all}, {other, rest}} {
			go func() {
				_, err := save.room.AccessPolicies().Save(t.Context(), save.p)
				errs <- err
			}()
		}
		first, next := <-errs, <-errs
		if (first == nil) == (next == nil) || fault.KindOf(errors.Join(first, next)) != fault.Invalid {
			t.Fatalf("both are saved, or neither: %v, %v", first, next)
		}
	}
}

// What a policy refers to is still there when it is saved, however close the
// deletion comes.
func TestNoPolicyRefersToWhatWentMeanwhile(t *testing.T) {
	for range 10 {
		room, s, b := founded(t)
		w := &back{TB: t, room: room, tenant: b.Tenant}
		proofs, err := prover.New(s.Prover())
		w.ok(err)
		other, err := admin.New(admin.Config{Store: s.Admin(), Passwords: hasher{}, Lockouts: proofs, IssuerHost: "postern.example"})
		w.ok(err)
		place := w.saved(room.NamedLocations().Save(t.Context(), location.Location{Tenant: b.Tenant, DisplayName: "Office", Ranges: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})).(location.Location)
		p := blocking(b.Tenant, access.MFA)
		p.Conditions.Locations = &access.Locations{Include: []location.ID{place.ID}}
		errs := make(chan error, 2)
		go func() {
			_, err := room.AccessPolicies().Save(t.Context(), p)
			errs <- err
		}()
		go func() { errs <- other.NamedLocations().Delete(t.Context(), b.Tenant, string(place.ID)) }()
		if first, next := <-errs, <-errs; (first == nil) == (next == nil) {
			t.Fatalf("the policy is saved and its location deleted, or neither: %v, %v", first, next)
		}
	}
}

// Many changes at once from one process all get through.
func TestManyChangesAtOnceAreSaved(t *testing.T) {
	room, _, b := founded(t)
	const many = 24
	errs := make(chan error, many)
	for i := range many {
		go func() {
			p := blocking(b.Tenant, access.MFA)
			p.DisplayName = fmt.Sprint("P", i)
			_, err := room.AccessPolicies().Save(t.Context(), p)
			errs <- err
		}()
	}
	for range many {
		if err := <-errs; err != nil {
			t.Error(err)
		}
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
