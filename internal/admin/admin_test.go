package admin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/prover"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

type hasher struct{ err error }

func (h hasher) HashPassword(_ context.Context, password string) (string, error) {
	return "hash of " + password, h.err
}

func open(t testing.TB) (*admin.Service, *store.Store) {
	t.Helper()
	s := storetest.Open(t)
	room, err := admin.New(admin.Config{Store: s.Admin(), Passwords: hasher{}, Lockouts: proofs(t, s), IssuerHost: "postern.example"})
	if err != nil {
		t.Fatal(err)
	}
	return room, s
}

func proofs(t testing.TB, s *store.Store) *prover.Service {
	t.Helper()
	p, err := prover.New(s.Prover())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func founded(t testing.TB) (*admin.Service, *store.Store, admin.Bootstrap) {
	t.Helper()
	room, s := open(t)
	b, err := room.Found(t.Context(), admin.FoundRequest{BaseURL: "https://postern.example/"})
	if err != nil {
		t.Fatal(err)
	}
	return room, s, b
}

func TestARoomWithoutItsPartsIsNotBuilt(t *testing.T) {
	_, err := admin.New(admin.Config{})
	for _, part := range []string{"Store", "Passwords", "Lockouts", "IssuerHost"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
}

func TestTheFirstTenantIsFoundedOnceWithAllThatBelongsToIt(t *testing.T) {
	room, _, b := founded(t)
	admins, err := room.Users().List(t.Context(), b.Tenant, admin.Query{})
	if err != nil || len(admins) != 1 || admins[0].UserPrincipalName != b.AdminUserPrincipalName || admins[0].Roles[0] != directory.GlobalAdministrator {
		t.Fatalf("%+v %v", admins, err)
	}
	for _, id := range []directory.AppID{
		directory.GraphAPI, directory.DirectoryAPI, directory.EnrollmentAPI, directory.RemediationPortal, directory.ThreatAPI,
		directory.AgentClient, directory.WindowsSecurityCenter,
	} {
		if a, err := room.Apps().Get(t.Context(), b.Tenant, string(id)); err != nil || !a.BuiltIn || a.Public != (id == directory.AgentClient) {
			t.Errorf("%s: %+v %v", id, a, err)
		}
	}
	client, err := room.Apps().Get(t.Context(), b.Tenant, string(b.ClientID))
	if err != nil || len(client.Permissions) != len(directory.Permissions()) || client.Secrets[0].Hash != oauth.SHA256(b.ClientSecret) {
		t.Errorf("%+v %v", client, err)
	}
	if _, err := room.Found(t.Context(), admin.FoundRequest{}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a second first tenant: %v", err)
	}
	for _, shown := range []string{fmt.Sprint(b), fmt.Sprintf("%+v %#v", b, b), b.LogValue().String()} {
		if strings.Contains(shown, b.ClientSecret) || strings.Contains(shown, b.AdminPassword) {
			t.Errorf("a secret is printed: %s", shown)
		}
	}
}

func TestATenantWhoseSecretsCannotBeKeptIsNotFounded(t *testing.T) {
	room, _ := open(t)
	full := errors.New("disk full")
	if _, err := room.Found(t.Context(), admin.FoundRequest{Keep: func(admin.Bootstrap) error { return full }}); !errors.Is(err, full) {
		t.Fatal(err)
	}
	if _, err := room.Found(t.Context(), admin.FoundRequest{}); err != nil {
		t.Errorf("something was left behind: %v", err)
	}
	if _, err := room.Found(t.Context(), admin.FoundRequest{Domain: "no domain"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

// announced returns what was announced after sequence, in words.
func announced(t *testing.T, s *store.Store, sequence int64) []string {
	t.Helper()
	entries, err := s.Outbox().EventsAfter(t.Context(), sequence, 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		switch e := e.Event.(type) {
		case event.ConfigChanged:
			out = append(out, e.What)
		case event.UserChanged:
			out = append(out, "user")
		}
	}
	return out
}

func TestDevicesAreSwitchedOffButNeverMade(t *testing.T) {
	room, s, b := founded(t)
	if _, err := room.Devices().Save(t.Context(), directory.Device{Tenant: b.Tenant, ID: "pc"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
	owner, err := room.FindUser(t.Context(), b.Tenant, b.AdminUserPrincipalName)
	if err != nil {
		t.Fatal(err)
	}
	pc, err := s.MAM().SaveDevice(t.Context(), directory.Device{ID: "pc", Tenant: b.Tenant, Owner: owner.ID, Enabled: true, KeyThumbprint: "k", Platform: "windows"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pc.Enabled, pc.Compliant, pc.KeyThumbprint = false, true, "another"
	pc, err = room.Devices().Save(t.Context(), pc)
	if err != nil || pc.Enabled || pc.Compliant || pc.KeyThumbprint != "k" {
		t.Errorf("an admin changed more than the switch: %+v %v", pc, err)
	}
	if err := room.Devices().Delete(t.Context(), b.Tenant, "pc"); err != nil {
		t.Error(err)
	}
}

func TestRefusalsListEveryFault(t *testing.T) {
	room, _, b := founded(t)
	_, err := room.Groups().Save(t.Context(), directory.Group{Tenant: b.Tenant, Description: strings.Repeat("x", 2000), DisplayName: "\xff"})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "displayName is not valid UTF-8") || !strings.Contains(err.Error(), "description has 2000") {
		t.Errorf("%v", err)
	}
	if _, err := room.Tenants().Save(t.Context(), directory.Tenant{ID: b.Tenant}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
	if err := room.Tenants().Delete(t.Context(), b.Tenant, string(b.Tenant)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

func TestWritingImpliesReadingAndNothingElse(t *testing.T) {
	holder := func(permissions ...string) oauth.Principal {
		return oauth.Principal{Audience: directory.GraphAPI, Permissions: permissions}
	}
	for _, c := range []struct {
		holds, needs string
		ok           bool
	}{
		{directory.UserWrite, directory.UserRead, true},
		{directory.UserRead, directory.UserRead, true},
		{directory.UserRead, directory.UserWrite, false},
		{directory.GroupWrite, directory.UserRead, false},
		{directory.AccessWrite, directory.AccessRead, true},
		{directory.AccessRead, directory.AccessWrite, false},
		{directory.AuditRead, directory.AuditRead, true},
	} {
		if err := admin.Require(holder(c.holds), c.needs); (err == nil) != c.ok {
			t.Errorf("%s for %s: %v", c.holds, c.needs, err)
		}
	}
	if err := admin.Require(oauth.Principal{Audience: directory.EnrollmentAPI, Permissions: directory.Permissions()}, directory.UserRead); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("another audience: %v", err)
	}
	if err := admin.MayEmpower(holder(directory.UserWrite), []string{directory.UserRead, directory.GroupRead}); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("%v", err)
	}
	if err := admin.MayEmpower(holder(directory.UserWrite), []string{directory.UserRead}); err != nil {
		t.Error(err)
	}
}

func TestEveryChangeIsAnnounced(t *testing.T) {
	room, s, b := founded(t)
	before, err := s.Outbox().LastSequence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	group, err := room.Groups().Save(t.Context(), directory.Group{Tenant: b.Tenant, DisplayName: "Staff"})
	if err != nil {
		t.Fatal(err)
	}
	ada, err := room.SaveUserWithPassword(t.Context(), directory.User{Tenant: b.Tenant, DisplayName: "Ada", UserPrincipalName: "ada@contoso.example", Enabled: true}, "correct horse", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := room.AddMember(t.Context(), b.Tenant, group.ID, string(ada.ID)); err != nil {
		t.Fatal(err)
	}
	if err := room.Groups().Delete(t.Context(), b.Tenant, string(group.ID)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(announced(t, s, before), ", "); got != "group, user, user, group, user" {
		t.Errorf("announced: %s", got)
	}
}
