package proof_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/proof"
	"github.com/postern-mam/postern/internal/strength"
)

// lint returns the rules that found something, each with what it said.
func lint(r access.Rules, w proof.World, refs proof.References) map[proof.Rule]proof.Finding {
	for i := range r.Policies {
		r.Policies[i].ID = access.PolicyID(rune('a' + i))
		if r.Policies[i].DisplayName == "P" {
			r.Policies[i].DisplayName = "P" + string(r.Policies[i].ID)
		}
	}
	r.Strengths = append(strength.BuiltIns(), r.Strengths...)
	out := map[proof.Rule]proof.Finding{}
	for _, f := range proof.Lint(access.Compile(r), w, refs) {
		out[f.Rule] = f
	}
	return out
}

func platformsOnly(include ...access.Platform) func(p *access.Policy) {
	return func(p *access.Policy) { p.Conditions.Platforms = &access.Platforms{Include: include} }
}

func leaving(filter string) func(p *access.Policy) {
	return func(p *access.Policy) { p.Conditions.Device = &access.Filter{Exclude: true, Rule: filter} }
}

func excluding(group directory.GroupID, change func(p *access.Policy)) func(p *access.Policy) {
	return func(p *access.Policy) {
		p.Conditions.Users.ExcludeGroups = append(p.Conditions.Users.ExcludeGroups, group)
		if change != nil {
			change(p)
		}
	}
}

// A finding, and the nearest policies without it.
func TestEveryRuleFindsItsFaultAndNotTheNearestThingToIt(t *testing.T) {
	everywhereElse := asked(func(p *access.Policy) {
		p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.AllPlatforms}, Exclude: []access.Platform{access.Windows}}
	}, access.Block)
	guest := func(p *access.Policy) { p.Conditions.Users.NoGuest = true }
	kind := func(p *access.Policy) {
		p.Conditions.Users.ExcludeGuests = &access.Guests{Kinds: []directory.GuestKind{directory.ServiceProvider}}
	}
	forGuests := asked(func(p *access.Policy) { p.Conditions.Users = access.Users{AnyGuest: true} }, access.MFA)
	register := func(change func(p *access.Policy)) func(p *access.Policy) {
		return func(p *access.Policy) {
			p.Conditions.Apps = access.Apps{Actions: []access.UserAction{access.RegisterSecurityInfo}}
			if change != nil {
				change(p)
			}
		}
	}
	everyTime := func(change func(p *access.Policy)) func(p *access.Policy) {
		return func(p *access.Policy) {
			p.Session = &access.SessionControls{Frequency: &access.Frequency{EveryTime: true}}
			if change != nil {
				change(p)
			}
		}
	}
	office := func(p *access.Policy) {
		p.Conditions.Locations = &access.Locations{All: true, Exclude: []location.ID{"office"}}
	}
	trusted := func(p *access.Policy) { p.Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true} }
	enrolling := asked(func(p *access.Policy) {
		p.Conditions.Apps = access.Apps{Include: []directory.AppID{directory.EnrollmentAPI}}
	}, access.Block)
	protect := asked(func(p *access.Policy) { p.Grant.Operator = access.Or }, access.CompliantApplication, access.CompliantDevice)
	for _, c := range []struct {
		rule     proof.Rule
		severity proof.Severity
		with     []access.Policy
		without  [][]access.Policy
	}{
		{"filter-spares-unknown-devices", proof.Error, []access.Policy{asked(leaving(`device.trustType -ne "ServerAD"`), access.MFA)}, [][]access.Policy{
			{asked(leaving(`device.trustType -eq "ServerAD"`), access.MFA)}, {asked(nil, access.MFA)}, {asked(leaving("nonsense"), access.MFA)},
		}},
		{"filter-spares-unknown-devices", proof.Notice, []access.Policy{asked(leaving(`device.model -ne "a"`), access.MFA), asked(nil, access.MFA)}, nil},
		{"unreachable", proof.Error, []access.Policy{asked(func(p *access.Policy) {
			p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.Windows}, Exclude: []access.Platform{access.Windows}}
		}, access.MFA)}, [][]access.Policy{{asked(platformsOnly(access.Windows), access.MFA)}}},
		{"about-nothing", proof.Notice, []access.Policy{asked(func(p *access.Policy) { p.Conditions.Apps = access.Apps{None: true} }, access.MFA)}, [][]access.Policy{{asked(nil, access.MFA)}}},
		{"duplicate", proof.Notice, []access.Policy{asked(nil, access.MFA), asked(nil, access.MFA)}, [][]access.Policy{{asked(nil, access.MFA), asked(nil, access.Block)}}},
		{"platform-claim", proof.Warning, []access.Policy{asked(platformsOnly(access.Windows), access.MFA)}, [][]access.Policy{
			{asked(platformsOnly(access.Windows), access.MFA), everywhereElse}, {asked(platformsOnly(access.AllPlatforms), access.MFA)}, {asked(platformsOnly(access.Windows), access.Block)},
		}},
		{"guests-spared", proof.Warning, []access.Policy{asked(guest, access.MFA)}, [][]access.Policy{{asked(guest, access.MFA), forGuests}, {asked(nil, access.MFA)}}},
		{"guests-spared", proof.Warning, []access.Policy{asked(kind, access.MFA)}, [][]access.Policy{{asked(kind, access.MFA), forGuests}, {asked(register(kind), access.MFA)}}},
		{"unattainable", proof.Warning, []access.Policy{asked(nil, access.CompliantDevice)}, [][]access.Policy{{protect}, {asked(nil, access.Block)}, {asked(nil, access.MFA)}}},
		{"unattainable", proof.Warning, []access.Policy{asked(func(p *access.Policy) { p.Grant.Strength = strength.PhishingResistant })}, [][]access.Policy{
			{asked(func(p *access.Policy) { p.Grant.Strength = strength.Multifactor })},
		}},
		{"managed-locked-out", proof.Warning, []access.Policy{asked(nil, access.CompliantApplication)}, [][]access.Policy{
			{protect}, {asked(leaving(`device.isCompliant -eq True`), access.CompliantApplication)}, {asked(platformsOnly(access.IOS), access.CompliantApplication)},
		}},
		{"registration-deadlock", proof.Warning, []access.Policy{asked(register(nil), access.MFA)}, [][]access.Policy{
			{asked(register(office), access.MFA)}, {asked(register(trusted), access.MFA)}, {asked(nil, access.MFA)},
		}},
		{"enrolment-deadlock", proof.Error, []access.Policy{protect, enrolling}, [][]access.Policy{{protect}, {asked(nil, access.MFA), enrolling}}},
		{"asked-every-time", proof.Warning, []access.Policy{asked(everyTime(nil))}, [][]access.Policy{
			{asked(everyTime(func(p *access.Policy) { p.Conditions.SignInRisk = []access.Risk{access.RiskHigh} }))}, {asked(nil, access.MFA)},
		}},
		{"no-emergency-account", proof.Notice, []access.Policy{asked(nil, access.MFA)}, [][]access.Policy{{asked(excluding("glass", nil), access.MFA)}}},
		{"risks-combined", proof.Warning, []access.Policy{asked(func(p *access.Policy) {
			p.Conditions.SignInRisk, p.Conditions.UserRisk = []access.Risk{access.RiskHigh}, []access.Risk{access.RiskHigh}
		}, access.MFA)}, [][]access.Policy{{asked(func(p *access.Policy) { p.Conditions.SignInRisk = []access.Risk{access.RiskHigh} }, access.MFA)}}},
		{"password-alone", proof.Warning, []access.Policy{asked(office, access.MFA)}, [][]access.Policy{
			{asked(nil, access.MFA)}, {asked(excluding("glass", nil), access.MFA)}, {asked(office, access.Block)},
		}},
		{"legacy-clients", proof.Notice, []access.Policy{asked(func(p *access.Policy) {
			p.Conditions.ClientAppTypes = []access.ClientAppType{access.Browser, access.MobileAndDesktop}
		}, access.MFA)},
			[][]access.Policy{{asked(nil, access.MFA)}}},
	} {
		rules := access.Rules{Policies: c.with, Locations: places}
		if f, ok := lint(rules, proof.World{}, proof.References{})[c.rule]; !ok || f.Severity != c.severity || f.Why == "" || f.Do == "" {
			t.Errorf("%s is not found, or not as %s: %+v", c.rule, c.severity, f)
		}
		for i, w := range c.without {
			if f, ok := lint(access.Rules{Policies: w, Locations: places}, proof.World{}, proof.References{})[c.rule]; ok {
				t.Errorf("%s is found in its opposite %d: %+v", c.rule, i, f)
			}
		}
	}
}

func TestWitnessesOfFindingsAreLetIn(t *testing.T) {
	r := access.Rules{Policies: []access.Policy{asked(excluding("glass", leaving(`device.model -ne "a"`)), access.MFA), asked(platformsOnly(access.Windows), access.CompliantApplication)}}
	set := access.Compile(r)
	found := lint(r, proof.World{}, proof.References{})
	for _, rule := range []proof.Rule{"filter-spares-unknown-devices", "platform-claim", "password-alone"} {
		f := found[rule]
		if f.Witness == nil {
			t.Fatalf("%s has no witness: %+v", rule, f)
		}
		if d := set.Evaluate(&f.Witness.Facts); d.Outcome != access.Granted || f.Witness.Who == "" || f.Witness.How == "" {
			t.Errorf("%s: the witness is %s: %+v", rule, d.Outcome, f.Witness)
		}
	}
}

func TestWhatAPolicyNamesAndDoesNotExistIsFoundByKind(t *testing.T) {
	p := asked(func(p *access.Policy) {
		p.Conditions.Users = access.Users{Include: []directory.UserID{"ada"}, ExcludeGroups: []directory.GroupID{"gone"}, IncludeRoles: []directory.RoleTemplateID{"unknown"}}
		p.Conditions.Apps = access.Apps{Include: []directory.AppID{"site"}}
		p.Conditions.Locations = &access.Locations{All: true, Exclude: []location.ID{"nowhere"}}
		p.Grant.Terms, p.Grant.Strength = []agreement.ID{"terms"}, "weak"
	})
	context := asked(func(p *access.Policy) { p.Conditions.Apps = access.Apps{Contexts: []access.ContextID{"c1"}} }, access.MFA)
	said := func(refs proof.References) string {
		var all []string
		for _, f := range proof.Lint(compiled(p, context), proof.World{}, refs) {
			if f.Rule == "dangling-reference" || f.Rule == "roles-of-nobody" {
				all = append(all, f.Why)
			}
		}
		slices.Sort(all)
		return strings.Join(all, "\n")
	}
	const unknown = "it names authentication strengths that do not exist: weak\nit names named locations that do not exist: nowhere\nit names roles that nobody can hold here: unknown"
	if got := said(proof.References{}); got != unknown {
		t.Errorf("what nobody knows is judged:\n%s", got)
	}
	got := said(proof.References{Users: []directory.UserID{}, Groups: []directory.GroupID{"there"}, Apps: []directory.AppID{}, Agreements: []agreement.ID{}, Contexts: []access.ContextID{}})
	for _, want := range []string{"users that do not exist: ada", "groups that do not exist: gone", "applications that do not exist: site", "contexts that do not exist: c1", "terms of use that do not exist: terms"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s does not say %s", got, want)
		}
	}
}

func TestAdminsWhoAreLockedOutAreFoundWithWhatStopsThem(t *testing.T) {
	admins := proof.World{People: []proof.Person{{User: "ada"}, {User: "bob", Groups: []directory.GroupID{"glass"}}}}
	shut := access.Rules{Policies: []access.Policy{asked(nil, access.CompliantApplication), asked(nil, access.MFA)}}
	f := lint(shut, admins, proof.References{})["admins-locked-out"]
	if f.Severity != proof.Error || !slices.Equal(f.Names, []string{"Pa"}) {
		t.Errorf("%+v", f)
	}
	admins.People[1].Attains = access.ControlsOf(access.CompliantApplication, access.ApprovedApplication)
	if f, ok := lint(shut, admins, proof.References{})["admins-locked-out"]; ok {
		t.Errorf("one who has a protected app gets in: %+v", f)
	}
	open := access.Rules{Policies: []access.Policy{asked(excluding("glass", nil), access.Block)}}
	if f, ok := lint(open, proof.World{People: admins.People}, proof.References{})["admins-locked-out"]; ok {
		t.Errorf("one who is left out gets in: %+v", f)
	}
}

func TestReportOnlyIsLintedAsItIsMeantAndDisabledIsNot(t *testing.T) {
	for state, want := range map[access.State]bool{access.Enabled: true, access.ReportOnly: true, access.Disabled: false} {
		p := asked(leaving(`device.model -ne "a"`), access.MFA)
		p.State = state
		if _, ok := lint(access.Rules{Policies: []access.Policy{p}}, proof.World{}, proof.References{})["filter-spares-unknown-devices"]; ok != want {
			t.Errorf("%s: %v", state, ok)
		}
	}
}

func TestPoliciesForWorkloadsAreNotAboutPeople(t *testing.T) {
	p := asked(func(p *access.Policy) {
		p.Conditions.Users, p.Conditions.Workloads = access.Users{None: true}, &access.Workloads{All: true}
	}, access.Block)
	if found := lint(access.Rules{Policies: []access.Policy{p}}, proof.World{}, proof.References{}); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestTrustedLocationsThatNobodyTrustsAreOneFinding(t *testing.T) {
	trusted := asked(func(p *access.Policy) { p.Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true} }, access.MFA)
	r := access.Rules{Policies: []access.Policy{trusted, trusted, asked(nil, access.Block)}}
	if f := lint(r, proof.World{}, proof.References{})["nothing-trusted"]; !slices.Equal(f.Names, []string{"Pa", "Pb"}) {
		t.Errorf("%+v", f)
	}
	r.Locations = places
	if f, ok := lint(r, proof.World{}, proof.References{})["nothing-trusted"]; ok {
		t.Errorf("%+v", f)
	}
}

func TestTheWorstIsSaidFirst(t *testing.T) {
	r := access.Rules{Policies: []access.Policy{asked(nil, access.MFA), asked(leaving(`device.model -ne "a"`), access.CompliantDevice), asked(nil, access.MFA)}}
	r.Policies[1].ID, r.Policies[0].ID, r.Policies[2].ID = "b", "a", "c"
	last := proof.Error
	for _, f := range proof.Lint(access.Compile(r), proof.World{}, proof.References{}) {
		if f.Severity < last {
			t.Errorf("%s comes after something better", f.Rule)
		}
		last = f.Severity
	}
	if last != proof.Notice || proof.Error.String() != "error" || proof.Notice.String() != "note" {
		t.Error(last)
	}
}
