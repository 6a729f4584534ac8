package access_test

import (
	"cmp"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
)

// The second evaluator: the rules read aloud, with no index, no mask and no
// thought of speed.

func naiveHas[T comparable](list []T, x T) bool {
	for _, y := range list {
		if y == x {
			return true
		}
	}
	return false
}

func naiveUsers(u access.Users, f access.Facts) bool {
	if f.User == "" || u.None || naiveHas(u.Exclude, f.User) {
		return false
	}
	in := u.All || naiveHas(u.Include, f.User)
	for _, g := range f.Groups {
		if naiveHas(u.ExcludeGroups, g) {
			return false
		}
		in = in || naiveHas(u.IncludeGroups, g)
	}
	return in
}

func naiveApps(a access.Apps, f access.Facts) bool {
	if a.None {
		return false
	}
	for _, r := range f.Resources {
		if (a.All || naiveHas(a.Include, r)) && !naiveHas(a.Exclude, r) {
			return true
		}
	}
	return a.All && len(f.Resources) == 0
}

func naiveClients(types []access.ClientAppType, f access.Facts) bool {
	return len(types) == 0 || naiveHas(types, access.AllClientApps) || f.ClientAppType != "" && naiveHas(types, f.ClientAppType)
}

func naivePlatforms(p *access.Platforms, f access.Facts) bool {
	if p == nil {
		return true
	}
	if f.Platform == "" {
		return len(p.Include) == 0 || naiveHas(p.Include, access.AllPlatforms)
	}
	in := len(p.Include) == 0 || naiveHas(p.Include, access.AllPlatforms) || naiveHas(p.Include, f.Platform)
	return in && !naiveHas(p.Exclude, f.Platform)
}

func naiveMet(c access.Control, f access.Facts) bool {
	legacy := f.ClientAppType == access.OtherClients || f.ClientAppType == access.ExchangeActiveSync
	switch c {
	case access.MFA:
		return f.MFA && !legacy
	case access.CompliantDevice:
		return f.CompliantDevice && !legacy
	case access.CompliantApplication:
		return f.CompliantApplication && !legacy
	}
	return false
}

// naiveStruck reports whether a bootstrap resource takes c out of the demand.
func naiveStruck(c access.Control, f access.Facts) bool {
	return f.Bootstrap && !naiveMet(c, f) && (c == access.CompliantDevice || c == access.CompliantApplication)
}

func naiveSatisfied(g access.Grant, f access.Facts) bool {
	if naiveHas(g.Controls, access.Block) {
		return false
	}
	met, demanded := 0, 0
	for _, c := range g.Controls {
		if naiveMet(c, f) {
			met++
		}
		if !naiveStruck(c, f) {
			demanded++
		}
	}
	if g.Operator == access.Or && demanded > 0 {
		return met > 0
	}
	return met == demanded
}

func naiveResult(p access.Policy, f access.Facts) access.Result {
	prompted := f
	prompted.MFA = true
	paper := p.State == access.ReportOnly
	c := p.Conditions
	switch {
	case p.State == access.Disabled:
		return access.NotEnabled
	case !naiveUsers(c.Users, f) || !naiveApps(c.Apps, f) || !naiveClients(c.ClientAppTypes, f) || !naivePlatforms(c.Platforms, f):
		if paper {
			return access.ReportOnlyNotApplied
		}
		return access.NotApplied
	case naiveSatisfied(p.Grant, f):
		if paper {
			return access.ReportOnlySuccess
		}
		return access.Success
	case !paper:
		return access.Failure
	case naiveSatisfied(p.Grant, prompted):
		return access.ReportOnlyInterrupted
	}
	return access.ReportOnlyFailure
}

type naiveDecision struct {
	Outcome access.Outcome
	Code    int
	Missing []access.Control
	Results map[access.PolicyID]access.Result
}

func naiveEvaluate(policies []access.Policy, f access.Facts) naiveDecision {
	d := naiveDecision{Outcome: access.Granted, Results: map[access.PolicyID]access.Result{}}
	prompted, protected := f, f
	prompted.MFA = true
	protected.MFA, protected.CompliantApplication = true, true
	legacy := f.ClientAppType == access.OtherClients || f.ClientAppType == access.ExchangeActiveSync
	var failed []access.Policy
	block, hard, device := false, false, false
	for _, p := range policies {
		d.Results[p.ID] = naiveResult(p, f)
		if d.Results[p.ID] == access.Failure {
			failed = append(failed, p)
			block = block || legacy || naiveHas(p.Grant.Controls, access.Block)
			hard = hard || !naiveSatisfied(p.Grant, prompted)
			device = device || !naiveSatisfied(p.Grant, protected)
		}
	}
	if len(failed) == 0 {
		return d
	}
	if block {
		d.Outcome, d.Code = access.Denied, 53003
		return d
	}
	for _, c := range []access.Control{access.MFA, access.CompliantDevice, access.CompliantApplication} {
		for _, p := range failed {
			if naiveHas(p.Grant.Controls, c) && !naiveMet(c, f) && !naiveStruck(c, f) && !naiveHas(d.Missing, c) {
				d.Missing = append(d.Missing, c)
			}
		}
	}
	switch {
	case device:
		d.Outcome, d.Code = access.Denied, 53000
	case hard:
		d.Outcome, d.Code = access.Denied, 53009
	default:
		d.Outcome, d.Code = access.Challenge, 50076
	}
	return d
}

func simplified(d access.Decision) naiveDecision {
	n := naiveDecision{Outcome: d.Outcome, Code: d.Code, Missing: d.Missing, Results: map[access.PolicyID]access.Result{}}
	for _, a := range d.Applied {
		n.Results[a.Policy] = a.Result
	}
	return n
}

// Generators over an alphabet so small that everything collides.

func some[T any](words ...T) *rapid.Generator[[]T] {
	return rapid.SliceOfN(rapid.SampledFrom(words), 0, 3)
}

var (
	users     = []directory.UserID{"u1", "u2", "u3"}
	groups    = []directory.GroupID{"g1", "g2", "g3"}
	apps      = []directory.AppID{"a1", "a2", "a3"}
	types     = []access.ClientAppType{access.AllClientApps, access.Browser, access.MobileAndDesktop, access.ExchangeActiveSync, access.OtherClients}
	platforms = []access.Platform{access.Windows, access.MacOS, access.Linux, access.Android, access.IOS, access.WindowsPhone}
	grants    = []access.Control{access.MFA, access.CompliantDevice, access.CompliantApplication}
)

var aPolicy = rapid.Custom(func(t *rapid.T) access.Policy {
	p := access.Policy{State: rapid.SampledFrom([]access.State{access.Enabled, access.Enabled, access.ReportOnly, access.Disabled}).Draw(t, "state")}
	p.Conditions.Users = access.Users{
		All: rapid.Bool().Draw(t, "all users"), None: rapid.IntRange(0, 9).Draw(t, "no user") == 0,
		Include: some(users...).Draw(t, "include"), Exclude: some(users...).Draw(t, "exclude"),
		IncludeGroups: some(groups...).Draw(t, "include groups"), ExcludeGroups: some(groups...).Draw(t, "exclude groups"),
	}
	p.Conditions.Apps = access.Apps{
		All: rapid.Bool().Draw(t, "all apps"), None: rapid.IntRange(0, 9).Draw(t, "no app") == 0,
		Include: some(apps...).Draw(t, "include apps"), Exclude: some(apps...).Draw(t, "exclude apps"),
	}
	p.Conditions.ClientAppTypes = some(types...).Draw(t, "types")
	if rapid.Bool().Draw(t, "platforms") {
		p.Conditions.Platforms = &access.Platforms{
			Include: some(append([]access.Platform{access.AllPlatforms}, platforms...)...).Draw(t, "include platforms"),
			Exclude: some(platforms...).Draw(t, "exclude platforms"),
		}
	}
	p.Grant.Operator = rapid.SampledFrom([]access.Operator{access.And, access.Or}).Draw(t, "operator")
	p.Grant.Controls = some(grants...).Draw(t, "controls")
	if rapid.IntRange(0, 9).Draw(t, "block") == 0 {
		p.Grant.Controls = append(p.Grant.Controls, access.Block)
	}
	return p
})

var aSet = rapid.Custom(func(t *rapid.T) []access.Policy {
	policies := rapid.SliceOfN(aPolicy, 0, 6).Draw(t, "policies")
	for i := range policies {
		policies[i].ID = access.PolicyID(rune('a' + i))
	}
	return policies
})

var aSignIn = rapid.Custom(func(t *rapid.T) access.Facts {
	return access.Facts{
		User:          rapid.SampledFrom(append([]directory.UserID{""}, users...)).Draw(t, "user"),
		Groups:        some(groups...).Draw(t, "groups"),
		Resources:     some(apps...).Draw(t, "resources"),
		ClientAppType: rapid.SampledFrom(append([]access.ClientAppType{""}, types[1:]...)).Draw(t, "type"),
		Platform:      rapid.SampledFrom(append([]access.Platform{""}, platforms...)).Draw(t, "platform"),
		Bootstrap:     rapid.Bool().Draw(t, "bootstrap"), MFA: rapid.Bool().Draw(t, "mfa"),
		CompliantDevice: rapid.Bool().Draw(t, "device"), CompliantApplication: rapid.Bool().Draw(t, "application"),
	}
})

func TestTheEvaluatorAgreesWithTheRulesReadAloud(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := aSet.Draw(t, "set")
		set := access.Compile(policies)
		for _, f := range rapid.SliceOfN(aSignIn, 1, 20).Draw(t, "sign-ins") {
			got, want := simplified(set.Evaluate(f)), naiveEvaluate(policies, f)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v\nfor  %+v", got, want, f)
			}
		}
	})
}

func TestOrderNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, f := aSet.Draw(t, "set"), aSignIn.Draw(t, "sign-in")
		shuffled := rapid.Permutation(policies).Draw(t, "shuffled")
		a, b := access.Compile(policies).Evaluate(f), access.Compile(shuffled).Evaluate(f)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\nbut shuffled %+v", a, b)
		}
		if !slices.IsSortedFunc(a.Applied, func(x, y access.Applied) int { return cmp.Compare(x.Policy, y.Policy) }) {
			t.Fatal("the policies are not in the order of their identifiers")
		}
	})
}

func TestExclusionBeatsInclusion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, f := aPolicy.Draw(t, "policy"), aSignIn.Draw(t, "sign-in")
		p.State = access.Enabled
		p.Conditions.Users.Exclude = append(p.Conditions.Users.Exclude, f.User)
		if r := access.Compile([]access.Policy{p}).Evaluate(f).Applied[0].Result; r != access.NotApplied {
			t.Fatalf("an excluded user gets %s", r)
		}
	})
}

func TestAnotherEnabledPolicyNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, f, p := aSet.Draw(t, "set"), aSignIn.Draw(t, "sign-in"), aPolicy.Draw(t, "another")
		p.ID, p.State = "z", access.Enabled
		before := access.Compile(policies).Evaluate(f).Outcome
		after := access.Compile(append(policies, p)).Evaluate(f).Outcome
		if after > before {
			t.Fatalf("%s became %s", before, after)
		}
	})
}

func TestReportOnlyNeverChangesTheOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, f := aSet.Draw(t, "set"), aSignIn.Draw(t, "sign-in")
		enforced := slices.DeleteFunc(slices.Clone(policies), func(p access.Policy) bool { return p.State == access.ReportOnly })
		a, b := access.Compile(policies).Evaluate(f), access.Compile(enforced).Evaluate(f)
		if a.Outcome != b.Outcome || a.Code != b.Code || !slices.Equal(a.Missing, b.Missing) {
			t.Fatalf("%s with, %s without", summary(a), summary(b))
		}
	})
}

func TestAFactMoreNeverNarrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, f := aSet.Draw(t, "set"), aSignIn.Draw(t, "sign-in")
		more := f
		*rapid.SampledFrom([]*bool{&more.MFA, &more.CompliantDevice, &more.CompliantApplication, &more.Bootstrap}).Draw(t, "fact") = true
		set := access.Compile(policies)
		if a, b := set.Evaluate(f).Outcome, set.Evaluate(more).Outcome; b < a {
			t.Fatalf("%s became %s", a, b)
		}
	})
}

func TestWhatIsMissingIsWhatHelps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, f := aSet.Draw(t, "set"), aSignIn.Draw(t, "sign-in")
		set := access.Compile(policies)
		d := set.Evaluate(f)
		for _, c := range d.Missing {
			switch c {
			case access.MFA:
				f.MFA = true
			case access.CompliantDevice:
				f.CompliantDevice = true
			case access.CompliantApplication:
				f.CompliantApplication = true
			}
		}
		if after := set.Evaluate(f); d.Code != access.CodeBlocked && after.Outcome != access.Granted {
			t.Fatalf("%s; with all of it %s", summary(d), summary(after))
		}
	})
}
