package proof_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/proof"
	"github.com/postern-mam/postern/internal/strength"
)

// asked is a policy for everybody, changed.
func asked(change func(p *access.Policy), controls ...access.Control) access.Policy {
	p := access.Policy{ID: "p", DisplayName: "P", State: access.Enabled, Grant: access.Grant{Controls: controls}}
	p.Conditions = access.Conditions{Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.AllClientApps}}
	if change != nil {
		change(&p)
	}
	return p
}

func compiled(policies ...access.Policy) *access.Set {
	for i := range policies {
		policies[i].ID = access.PolicyID(fmt.Sprintf("p%d", i))
	}
	return access.Compile(access.Rules{Policies: policies, Locations: places})
}

func prove(t *testing.T, set *access.Set, w proof.World, q proof.Question) proof.Answer {
	t.Helper()
	a, err := proof.Prove(set, w, q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAQuestionThatMeansNothingIsRefusedInWholeSentences(t *testing.T) {
	w := proof.World{People: []proof.Person{{User: "ada"}}}
	_, err := proof.Prove(compiled(), w, proof.Question{
		Users: []directory.UserID{"ada", "bob"}, Locations: []location.ID{"office", "nowhere"}, Platforms: []access.Platform{"amiga"},
		Without: access.ControlsOf(access.Block), ClientAppTypes: []access.ClientAppType{access.Browser}, Actions: []access.UserAction{"dance"},
	})
	for _, want := range []string{`users holds "bob"`, `locations holds "nowhere"`, `platforms holds "amiga"; valid are windows`, "without holds block", `actions holds "dance"`} {
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	if _, err := proof.Prove(nil, w, proof.Question{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without policies: %v", err)
	}
}

func TestVerdictsHaveWords(t *testing.T) {
	if got := fmt.Sprint(proof.Unknown, proof.No, proof.Yes); got != "unknown no yes" {
		t.Error(got)
	}
}

func TestAppsThatExistAreAskedForButNotClients(t *testing.T) {
	set := compiled(asked(func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{"tool"} }, access.Block))
	w := proof.World{Apps: []proof.App{{Resource: access.Resource{ID: "site"}}, {Resource: access.Resource{ID: "tool"}, Public: true}}, Names: map[string]string{"ada": "Ada"}}
	if a := prove(t, set, w, proof.Question{}); a.Verdict != proof.No {
		t.Errorf("a public client is no resource: %+v", a.Witness)
	}
	w.Apps[1].Public = false
	w.People = []proof.Person{{User: "ada", Roles: []directory.RoleTemplateID{directory.GlobalAdministrator.Template(), "other"}}}
	a := prove(t, set, w, proof.Question{})
	if a.Verdict != proof.Yes || a.Witness.Facts.Resources[0].ID != "tool" || a.Witness.Who != `"Ada", who holds Global Administrator and the role other` {
		t.Errorf("%+v %+v", a, a.Witness)
	}
}

func TestUserActionsAreAskedForByName(t *testing.T) {
	register := asked(func(p *access.Policy) {
		p.Conditions.Apps = access.Apps{Actions: []access.UserAction{access.RegisterSecurityInfo}}
	}, access.Block)
	for action, want := range map[access.UserAction]proof.Verdict{access.RegisterSecurityInfo: proof.No, access.RegisterDevice: proof.Yes} {
		if a := prove(t, compiled(register), proof.World{}, proof.Question{Actions: []access.UserAction{action}}); a.Verdict != want {
			t.Errorf("%s: %s", action, a.Verdict)
		}
	}
}

func TestWhatCannotBeExhaustedIsUnknown(t *testing.T) {
	var rule []string
	for i := range 18 {
		rule = append(rule, fmt.Sprintf(`device.extensionAttribute%d -eq "a"`, i%15+1), fmt.Sprintf(`device.extensionAttribute%d -eq "b"`, i%15+1))
	}
	many := asked(func(p *access.Policy) {
		p.Conditions.Device = &access.Filter{Exclude: true, Rule: strings.Join(rule, " or ") + ` or device.displayName -contains "x"`}
	}, access.Block)
	unknown := prove(t, compiled(many, asked(nil, access.Block)), proof.World{}, proof.Question{})
	if unknown.Verdict != proof.Unknown || !strings.Contains(unknown.Why, "too many") {
		t.Errorf("%+v", unknown)
	}
	windows := asked(func(p *access.Policy) {
		p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.Windows}}
	}, access.Block)
	office := asked(func(p *access.Policy) { p.Conditions.Locations = &access.Locations{Include: []location.ID{"office"}} }, access.Block)
	elsewhere := asked(func(p *access.Policy) {
		p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.AllPlatforms}, Exclude: []access.Platform{access.Windows}}
	}, access.Block)
	bounded := prove(t, compiled(windows, office, elsewhere), proof.World{}, proof.Question{States: 1})
	if bounded.Verdict != proof.Unknown || !strings.Contains(bounded.Why, "more combinations") {
		t.Errorf("%+v", bounded)
	}
}

func TestDeviceFiltersAreAskedForEveryProperty(t *testing.T) {
	for rule, want := range map[string]string{
		`device.physicalIds -contains "a" and device.physicalIds -eq "b"`:                                    `its physicalIds "a b`,
		`device.systemLabels -contains "M365Managed"`:                                                        `its systemLabels "M365Managed`,
		`device.deviceOwnership -eq "Company"`:                                                               `its deviceOwnership "Company"`,
		`device.deviceId -eq "7" and device.model -eq "a"`:                                                   `its model "a"`,
		`device.model -in ["Ab", "aB", "AB"]`:                                                                `its model "ab"`,
		`device.extensionAttribute3 -eq "x"`:                                                                 `its extensionAttribute3 "x"`,
		`device.trustType -eq "AzureAD"`:                                                                     "a joined device",
		`device.enrollmentProfileName -eq $null and device.model -eq "x"`:                                    `its model "x"`,
		`device.model -contains "Face" and device.model -contains "face" and device.model -startsWith "sur"`: `its model "sur`,
	} {
		hole := asked(func(p *access.Policy) { p.Conditions.Device = &access.Filter{Exclude: true, Rule: rule} }, access.Block)
		a := prove(t, compiled(hole), proof.World{}, proof.Question{})
		if a.Verdict != proof.Yes || !strings.Contains(strings.ToLower(a.Witness.How), strings.ToLower(want)) {
			t.Errorf("%s: %+v %+v", rule, a, a.Witness)
		}
	}
	broken := asked(func(p *access.Policy) { p.Conditions.Device = &access.Filter{Exclude: true, Rule: "nonsense"} }, access.Block)
	if a := prove(t, compiled(broken), proof.World{}, proof.Question{}); a.Verdict == proof.Yes {
		t.Errorf("a rule that cannot be read lets somebody in: %+v", a.Witness)
	}
}

func TestMethodsThatProveTwoThingsAreASecondFactor(t *testing.T) {
	second := compiled(asked(nil, access.MFA))
	q := proof.Question{Methods: strength.WindowsHello, Without: access.ControlsOf(access.MFA)}
	if a := prove(t, second, proof.World{}, q); a.Verdict != proof.No {
		t.Errorf("%+v", a.Witness)
	}
}

func TestAPlatformNeedNotBeTold(t *testing.T) {
	a := prove(t, compiled(), proof.World{}, proof.Question{Platforms: []access.Platform{""}})
	if a.Verdict != proof.Yes || !strings.Contains(a.Witness.How, "does not tell") {
		t.Errorf("%+v", a.Witness)
	}
}

func TestWithoutCountriesThereAreNone(t *testing.T) {
	set := access.Compile(access.Rules{Policies: []access.Policy{asked(nil, access.MFA)}})
	if a := prove(t, set, proof.World{}, proof.Question{}); a.Verdict != proof.Yes || a.Witness.Facts.Country != "" {
		t.Errorf("%+v", a.Witness)
	}
}

func TestWhoIsBarredIsToldByWhat(t *testing.T) {
	q := proof.Question{ClientAppTypes: []access.ClientAppType{access.Browser}, Without: access.ControlsOf(access.CompliantDevice)}
	ada := proof.Person{User: "ada"}
	device, second := asked(nil, access.CompliantDevice), asked(nil, access.MFA)
	device.DisplayName = "Managed only"
	stopped, barred := proof.Barred(compiled(device, second), ada, q)
	if !barred || len(stopped) != 1 || stopped[0].DisplayName != "Managed only" || !slices.Equal(stopped[0].Unmet, []access.Control{access.CompliantDevice}) {
		t.Errorf("%v %+v", barred, stopped)
	}
	if _, barred := proof.Barred(compiled(second), ada, q); barred {
		t.Error("a second factor bars nobody")
	}
	if _, barred := proof.Barred(compiled(device), ada, proof.Question{Without: access.ControlsOf(access.Block)}); barred {
		t.Error("what cannot be asked bars nobody")
	}
}

func TestAPolicyHindersWhoeverCannotMeetIt(t *testing.T) {
	q := proof.Question{ClientAppTypes: []access.ClientAppType{access.Browser}, Without: access.ControlsOf(access.CompliantDevice)}
	paper := asked(func(p *access.Policy) { p.State = access.ReportOnly }, access.Block)
	for _, c := range []struct {
		p    access.Policy
		want bool
	}{{asked(nil, access.Block), true}, {asked(nil, access.CompliantDevice), true}, {asked(nil, access.MFA), false}, {paper, false}} {
		if got := proof.Hinders(access.Rules{DenyUncovered: true}, c.p, proof.World{}, q); got != c.want {
			t.Errorf("%v: %v", c.p.Grant.Controls, got)
		}
	}
}

func TestGuestsAreNamedByKindAndHome(t *testing.T) {
	hole := asked(func(p *access.Policy) {
		p.Conditions.Users.ExcludeGuests = &access.Guests{Kinds: []directory.GuestKind{directory.B2BCollaborationGuest}, Enumerated: true, Tenants: []directory.TenantID{"home"}}
	}, access.Block)
	a := prove(t, compiled(hole), proof.World{Names: map[string]string{"home": "Contoso"}}, proof.Question{})
	if a.Verdict != proof.Yes || a.Witness.Who != `somebody who is a guest or external user (b2bCollaborationGuest of the tenant "Contoso")` {
		t.Errorf("%+v", a.Witness)
	}
}
