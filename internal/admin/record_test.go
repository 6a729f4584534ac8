package admin_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
)

const edge directory.PackageID = "com.microsoft.edge"

// recorded returns what the record holds of a kind (all of it for ""), oldest first.
func (s staff) recorded(t *testing.T, kinds ...audit.Kind) []audit.Entry {
	t.Helper()
	entries, err := s.Entries(s.ctx, s.tenant, admin.EntryQuery{Kinds: kinds, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries)
	return entries
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantInvalid(t *testing.T, err error, words ...string) {
	t.Helper()
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want a refusal", err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func (s staff) protection() protection.Policy {
	return protection.Policy{Tenant: s.tenant, DisplayName: "Edge", Apps: []directory.PackageID{edge}}
}

func (s staff) configuration() configuration.Policy {
	return configuration.Policy{Tenant: s.tenant, DisplayName: "Pages", Apps: []directory.PackageID{edge}}
}

func (s staff) filter(t *testing.T, rule string) targeting.Filter {
	t.Helper()
	return targeting.Filter{
		Tenant: s.tenant, DisplayName: "Books", Platform: targeting.WindowsApps, ForApps: true, Rule: must(targeting.ParseRule(targeting.WindowsApps, rule))(t),
	}
}

// saved creates an object, changes it, deletes it, and returns its identifier.
func saved[T any](t *testing.T, s staff, c admin.Collection[T], v T, id func(T) string, change func(*T)) string {
	t.Helper()
	v = must(c.Save(s.ctx, v))(t)
	change(&v)
	v = must(c.Save(s.ctx, v))(t)
	if err := c.Delete(s.ctx, s.tenant, id(v)); err != nil {
		t.Fatal(err)
	}
	return id(v)
}

// everyKind creates, changes and deletes an object of every kind that can be,
// and returns its identifier.
func everyKind(t *testing.T, s staff, as *admin.Service) map[audit.Kind]string {
	t.Helper()
	tenant := s.tenant
	connector := must(as.Apps().Save(s.ctx, directory.App{Tenant: tenant, DisplayName: "Partner"}))(t)
	return map[audit.Kind]string{
		audit.User: saved(t, s, as.Users(), directory.User{Tenant: tenant, DisplayName: "Bo", UserPrincipalName: "bo@contoso.example"},
			func(v directory.User) string { return string(v.ID) }, func(v *directory.User) { v.DisplayName = "new" }),
		audit.Group: saved(t, s, as.Groups(), directory.Group{Tenant: tenant, DisplayName: "G"},
			func(v directory.Group) string { return string(v.ID) }, func(v *directory.Group) { v.DisplayName = "new" }),
		audit.AccessPolicy: saved(t, s, as.AccessPolicies(), access.Policy{
			Tenant: tenant, DisplayName: "CA", State: access.Disabled,
			Conditions: access.Conditions{Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.AllClientApps}},
			Grant:      access.Grant{Controls: []access.Control{access.Block}, Operator: access.Or},
		}, func(v access.Policy) string { return string(v.ID) }, func(v *access.Policy) { v.DisplayName = "new" }),
		audit.ProtectionPolicy: saved(t, s, as.ProtectionPolicies(), s.protection(),
			func(v protection.Policy) string { return string(v.ID) }, func(v *protection.Policy) { v.DisplayName = "new" }),
		audit.Configuration: saved(t, s, as.Configurations(), s.configuration(),
			func(v configuration.Policy) string { return string(v.ID) }, func(v *configuration.Policy) { v.DisplayName = "new" }),
		audit.AssignmentFilter: saved(t, s, as.Filters(), s.filter(t, `(app.deviceModel -eq "Book")`),
			func(v targeting.Filter) string { return string(v.ID) }, func(v *targeting.Filter) { v.DisplayName = "new" }),
		audit.Connector: saved(t, s, as.Connectors(), threat.Connector{ID: connector.ID, Tenant: tenant},
			func(v threat.Connector) string { return string(v.ID) }, func(v *threat.Connector) { v.EnabledForWindows = true }),
		audit.RoleDefinition: saved(t, s, as.RoleDefinitions(), directory.RoleDefinition{Tenant: tenant, DisplayName: "R"},
			func(v directory.RoleDefinition) string { return v.ID }, func(v *directory.RoleDefinition) { v.DisplayName = "new" }),
		audit.RoleAssignment: saved(t, s, as.RoleAssignments(), directory.RoleAssignment{Tenant: tenant, DisplayName: "A", Role: directory.ReadOnlyOperator, Members: groups(s.helpers)},
			func(v directory.RoleAssignment) string { return v.ID }, func(v *directory.RoleAssignment) { v.DisplayName = "new" }),
		audit.ScopeTag: saved(t, s, as.ScopeTags(), directory.ScopeTag{Tenant: tenant, DisplayName: "T"},
			func(v directory.ScopeTag) string { return v.ID }, func(v *directory.ScopeTag) { v.DisplayName = "new" }),
		audit.App: saved(t, s, as.Apps(), directory.App{Tenant: tenant, DisplayName: "App"},
			func(v directory.App) string { return string(v.ID) }, func(v *directory.App) { v.DisplayName = "new" }),
	}
}

func TestEveryChangeIsOnRecordInTheNameOfWhoMadeIt(t *testing.T) {
	s := newStaff(t)
	actor := audit.Actor{User: s.ada, Client: "portal", Name: "ada@contoso.example", Address: "192.0.2.7", CorrelationID: "c"}
	for kind, id := range everyKind(t, s, s.As(actor)) {
		entries := slices.DeleteFunc(s.recorded(t, kind), func(e audit.Entry) bool { return e.Target != id })
		if len(entries) != 3 {
			t.Errorf("%s: %d entries", kind, len(entries))
			continue
		}
		created, changed, deleted := entries[0], entries[1], entries[2]
		for i, want := range []audit.Operation{audit.Create, audit.Change, audit.Delete} {
			if e := entries[i]; e.Operation != want || e.Actor != actor || e.Tenant != s.tenant || e.At.IsZero() || e.ID == "" || e.Name == "" {
				t.Errorf("%s: %+v", kind, e)
			}
		}
		if len(created.Before) > 0 || len(deleted.After) > 0 || created.Revision != 1 || changed.Revision != 2 || deleted.Revision != 0 {
			t.Errorf("%s: %+v", kind, entries)
		}
		moved := audit.Changes(changed.Before, changed.After)
		if len(moved) == 0 || len(moved) > 2 || len(audit.Changes(deleted.Before, changed.After)) > 1 { // but for the revision and the time
			t.Errorf("%s: moved %v", kind, moved)
		}
	}
	if s.recorded(t, audit.User)[0].Actor != (audit.Actor{}) {
		t.Error("what the service did itself has an actor")
	}
}

func TestWhatIsRefusedIsNotOnRecord(t *testing.T) {
	s := newStaff(t)
	before := len(s.recorded(t))
	g := must(s.Groups().Get(s.ctx, s.tenant, string(s.helpers)))(t)
	stale := g
	stale.Revision, stale.DisplayName = 7, "stale"
	if _, err := s.Groups().Save(s.ctx, stale); fault.KindOf(err) != fault.Conflict {
		t.Error(err)
	}
	g.DisplayName = ""
	_, err := s.Groups().Save(s.ctx, g)
	wantInvalid(t, err, "displayName")
	if err := s.AddMember(s.ctx, s.tenant, s.helpers, string(s.ada)); fault.KindOf(err) != fault.Conflict {
		t.Error(err)
	}
	if err := s.RemoveOwner(s.ctx, s.tenant, s.helpers, `no"body`); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	if n := len(s.recorded(t)); n != before {
		t.Errorf("%d entries of what did not happen", n-before)
	}
}

func TestSecretsAreNotOnRecord(t *testing.T) {
	s := newStaff(t)
	app := must(s.Apps().Save(s.ctx, directory.App{Tenant: s.tenant, DisplayName: "App"}))(t)
	secret, plain, err := s.AddSecret(s.ctx, app, "one", s.recorded(t)[0].At.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	ada := must(s.Users().Get(s.ctx, s.tenant, string(s.ada)))(t)
	must(s.SaveUserWithPassword(s.ctx, ada, "correct horse battery", false))(t)
	kept := must(s.Apps().Get(s.ctx, s.tenant, string(app.ID)))(t)
	if kept.Secrets[0].Hash != secret.Hash || secret.Hash == "" {
		t.Fatalf("the record took the secret itself away: %+v", kept.Secrets)
	}
	if err := s.RemoveSecret(s.ctx, kept, secret.ID); err != nil {
		t.Fatal(err)
	}
	doc := string(must(json.Marshal(s.recorded(t)))(t))
	for _, hidden := range []string{plain, secret.Hash, "correct horse", "hash of"} {
		if strings.Contains(doc, hidden) {
			t.Errorf("the record holds %q", hidden)
		}
	}
	entries := s.recorded(t, audit.App)
	last := entries[len(entries)-1]
	if !strings.Contains(string(last.Before), secret.ID) || strings.Contains(string(last.After), secret.ID) {
		t.Errorf("which secret went is not on record: %s -> %s", last.Before, last.After)
	}
}

func TestWhoJoinsAndLeavesAGroupIsOnRecord(t *testing.T) {
	s := newStaff(t)
	before := len(s.recorded(t, audit.Group))
	for _, step := range []func() error{
		func() error { return s.RemoveMember(s.ctx, s.tenant, s.helpers, string(s.ada)) },
		func() error { return s.AddMember(s.ctx, s.tenant, s.helpers, string(s.ada)) },
		func() error { return s.AddOwner(s.ctx, s.tenant, s.helpers, string(s.ada)) },
		func() error { return s.RemoveOwner(s.ctx, s.tenant, s.helpers, string(s.ada)) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"member removed", "member added", "owner added", "owner removed"}
	for i, e := range s.recorded(t, audit.Group)[before:] {
		gone := strings.HasSuffix(want[i], "removed")
		if e.Activity != want[i] || e.Target != string(s.helpers) || strings.Contains(string(e.Before), string(s.ada)) != gone || strings.Contains(string(e.After), string(s.ada)) == gone {
			t.Errorf("%s: %+v", want[i], e)
		}
	}
}

func TestAFoundingIsOnRecordWhole(t *testing.T) {
	room, _, b := founded(t)
	entries := must(room.Entries(t.Context(), b.Tenant, admin.EntryQuery{}))(t)
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, string(e.Kind))
		if e.Operation != audit.Create || e.Revision != 1 || len(e.After) == 0 || strings.Contains(string(e.After), b.ClientSecret) {
			t.Errorf("%+v", e)
		}
	}
	slices.Sort(kinds)
	if got := fmt.Sprint(slices.Compact(kinds)); got != "[application organization user]" || len(entries) != 10 {
		t.Errorf("%d entries of %s", len(entries), got)
	}
}

func TestAPolicyComesBackAsItWas(t *testing.T) {
	s := newStaff(t)
	policies := s.ProtectionPolicies()
	p := s.protection()
	p.Assignments = []targeting.Assignment{{Kind: targeting.IncludeGroup, Group: s.helpers}}
	first := must(policies.Save(s.ctx, p))(t)
	p = first
	p.DisplayName, p.Assignments = "Everybody", []targeting.Assignment{{Kind: targeting.AllUsers}}
	second := must(policies.Save(s.ctx, p))(t)

	third := must(policies.Restore(s.ctx, s.tenant, string(first.ID), 1))(t)
	if third.Revision != 3 || third.DisplayName != "Edge" || !slices.Equal(third.Assignments, first.Assignments) || third.ID != first.ID {
		t.Errorf("%+v", third)
	}
	history := must(policies.History(s.ctx, s.tenant, string(first.ID), admin.EntryQuery{Limit: 2}))(t)
	if len(history) != 2 || history[0].Revision != 3 || history[0].Activity != "revision 1 restored" || history[1].Revision != 2 {
		t.Errorf("%+v", history)
	}
	older := must(policies.History(s.ctx, s.tenant, string(first.ID), admin.EntryQuery{After: history[1].ID}))(t)
	if len(older) != 1 || older[0].Operation != audit.Create {
		t.Errorf("%+v", older)
	}
	for _, revision := range []int64{-1, 0, 4} {
		if _, err := policies.Restore(s.ctx, s.tenant, string(first.ID), revision); fault.KindOf(err) != fault.NotFound {
			t.Errorf("revision %d: %v", revision, err)
		}
	}
	if _, err := s.Configurations().Restore(s.ctx, s.tenant, string(first.ID), 1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a policy of another kind: %v", err)
	}

	t.Run("after its deletion under its identifier", func(t *testing.T) {
		if err := policies.Delete(s.ctx, s.tenant, string(first.ID)); err != nil {
			t.Fatal(err)
		}
		back := must(policies.Restore(s.ctx, s.tenant, string(first.ID), 2))(t)
		if back.ID != first.ID || back.DisplayName != second.DisplayName || back.Revision != 1 {
			t.Errorf("%+v", back)
		}
	})
	t.Run("by the rules of today", func(t *testing.T) {
		if err := policies.Delete(s.ctx, s.tenant, string(first.ID)); err != nil {
			t.Fatal(err)
		}
		if err := s.Groups().Delete(s.ctx, s.tenant, string(s.helpers)); err != nil {
			t.Fatal(err)
		}
		_, err := policies.Restore(s.ctx, s.tenant, string(first.ID), 3)
		wantInvalid(t, err, "assignments.target.groupId", string(s.helpers))
	})
}

func TestEveryKindOfPolicyComesBackAndNothingElse(t *testing.T) {
	s := newStaff(t)
	ids := everyKind(t, s, s.Service)
	restore := map[audit.Kind]func(id string) (string, error){
		audit.AccessPolicy: func(id string) (string, error) {
			v, err := s.AccessPolicies().Restore(s.ctx, s.tenant, id, 1)
			return v.DisplayName, err
		},
		audit.ProtectionPolicy: func(id string) (string, error) {
			v, err := s.ProtectionPolicies().Restore(s.ctx, s.tenant, id, 1)
			return v.DisplayName, err
		},
		audit.Configuration: func(id string) (string, error) {
			v, err := s.Configurations().Restore(s.ctx, s.tenant, id, 1)
			return v.DisplayName, err
		},
		audit.AssignmentFilter: func(id string) (string, error) {
			v, err := s.Filters().Restore(s.ctx, s.tenant, id, 1)
			return v.DisplayName + v.Rule.String(), err
		},
	}
	want := map[audit.Kind]string{
		audit.AccessPolicy: "CA", audit.ProtectionPolicy: "Edge", audit.Configuration: "Pages", audit.AssignmentFilter: `Books(app.deviceModel -eq "Book")`,
	}
	for kind, name := range want {
		if got, err := restore[kind](ids[kind]); err != nil || got != name {
			t.Errorf("%s: %q %v", kind, got, err)
		}
	}
	_, err := s.Apps().Restore(s.ctx, s.tenant, ids[audit.App], 1)
	wantInvalid(t, err, "application")
	_, err = s.Users().Restore(s.ctx, s.tenant, ids[audit.User], 1)
	wantInvalid(t, err, "user")
}

func TestAUserIsWipedUntilThatIsTakenBack(t *testing.T) {
	room, kept, b := founded(t)
	user := must(room.FindUser(t.Context(), b.Tenant, b.AdminUserPrincipalName))(t)
	as := room.As(audit.Actor{User: user.ID, Client: "portal"})
	last := must(kept.Outbox().LastSequence(t.Context()))(t)
	wantInvalid(t, as.WipeUser(t.Context(), b.Tenant, user.ID, strings.Repeat("x", 257)), "reason")
	for _, step := range []func() error{
		func() error { return as.WipeUser(t.Context(), b.Tenant, user.ID, "lost") },
		func() error { return as.WipeUser(t.Context(), b.Tenant, user.ID, "again") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	wiped := must(room.Users().Get(t.Context(), b.Tenant, string(user.ID)))(t)
	if wiped.Wipe == nil || wiped.Wipe.RequestedBy != string(user.ID) || wiped.Wipe.Reason != "lost" || wiped.Wipe.RequestedAt.IsZero() {
		t.Fatalf("%+v", wiped.Wipe)
	}
	wiped.DisplayName = "Renamed"
	if v := must(room.Users().Save(t.Context(), wiped))(t); v.Wipe == nil {
		t.Error("another change of the user took the wipe back")
	}
	for range 2 {
		if err := as.UnwipeUser(t.Context(), b.Tenant, user.ID); err != nil {
			t.Fatal(err)
		}
	}
	if v := must(room.Users().Get(t.Context(), b.Tenant, string(user.ID)))(t); v.Wipe != nil {
		t.Errorf("%+v", v.Wipe)
	}
	if err := as.WipeUser(t.Context(), b.Tenant, "nobody", ""); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	var did []string
	for _, e := range must(room.Entries(t.Context(), b.Tenant, admin.EntryQuery{Kinds: []audit.Kind{audit.User}, Limit: 3}))(t) {
		did = append(did, string(e.Operation)+" "+e.Activity+" "+string(e.Actor.Client))
	}
	if got := strings.Join(did, ", "); got != "action user wipe removed portal, change  , action user wipe ordered portal" {
		t.Error(got)
	}
	if got := strings.Join(announced(t, kept, last), ", "); got != "user, user, user" {
		t.Errorf("announced: %s", got)
	}
}
