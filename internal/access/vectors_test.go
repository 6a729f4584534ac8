package access_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
)

const (
	ada  directory.UserID  = "ada"
	site directory.AppID   = "site"
	mail directory.AppID   = "mail"
	all  directory.GroupID = "staff"
)

// policy is enabled, for everyone, everything and every client, joined by AND.
func policy(id string, controls ...access.Control) access.Policy {
	return access.Policy{
		ID: access.PolicyID(id), DisplayName: "Policy " + id, State: access.Enabled,
		Conditions: access.Conditions{
			Users: access.Users{All: true}, Apps: access.Apps{All: true},
			ClientAppTypes: []access.ClientAppType{access.AllClientApps},
		},
		Grant: access.Grant{Controls: controls},
	}
}

func either(p access.Policy) access.Policy { p.Grant.Operator = access.Or; return p }

func reporting(p access.Policy) access.Policy { p.State = access.ReportOnly; return p }

func with(p access.Policy, change func(*access.Policy)) access.Policy { change(&p); return p }

// recipe is the one for personal Windows PCs: in the browser, a protected app
// or a compliant device.
func recipe() access.Policy {
	return with(either(policy("recipe", access.CompliantApplication, access.CompliantDevice)), func(p *access.Policy) {
		p.Conditions.ClientAppTypes = []access.ClientAppType{access.Browser}
		p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.Windows}}
	})
}

// signIn is ada in a browser on Windows, reaching site, with nothing proven.
func signIn(change func(*access.Facts)) access.Facts {
	f := access.Facts{
		User: ada, Groups: []directory.GroupID{all}, Resources: []directory.AppID{site},
		ClientAppType: access.Browser, Platform: access.Windows,
	}
	if change != nil {
		change(&f)
	}
	return f
}

func summary(d access.Decision) string {
	results := make([]access.Result, len(d.Applied))
	for i, a := range d.Applied {
		results[i] = a.Result
	}
	return fmt.Sprint(d.Outcome, " ", d.Code, " ", d.Missing, " ", results)
}

// law is one row: policies and facts come to what summary prints.
type law struct {
	name     string
	policies []access.Policy
	facts    func(*access.Facts)
	want     string
}

func check(t *testing.T, laws []law) {
	t.Helper()
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			if got := summary(access.Compile(l.policies).Evaluate(signIn(l.facts))); got != l.want {
				t.Errorf("got  %s\nwant %s", got, l.want)
			}
		})
	}
}

func mfaDone(f *access.Facts)   { f.MFA = true }
func compliant(f *access.Facts) { f.CompliantDevice = true }
func protected(f *access.Facts) { f.CompliantApplication = true }

// The golden vectors of docs/spec, by their numbers.
func TestGoldenVectors(t *testing.T) {
	one := func(p ...access.Policy) []access.Policy { return p }
	check(t, []law{
		{"V5 a second factor does not stand in for a compliant device",
			one(policy("a", access.MFA), policy("b", access.CompliantDevice)), mfaDone,
			"denied 53000 [compliantDevice] [success failure]"},
		{"V6 one satisfied control of an OR asks for no other",
			one(either(policy("a", access.MFA, access.CompliantDevice))), compliant,
			"granted 0 [] [success]"},
		{"V7 a block wins over everything that is satisfied",
			one(policy("a", access.Block), policy("b", access.MFA)), mfaDone,
			"denied 53003 [] [failure success]"},
		{"V14 an exclusion from all resources does not open the others",
			one(with(policy("a", access.MFA), func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{site} })),
			func(f *access.Facts) {
				f.Resources = []directory.AppID{directory.DirectoryAPI}
				f.ClientAppType = access.MobileAndDesktop
			},
			"challenge 50076 [mfa] [failure]"},
		{"V15 a policy does not apply to the resource that it excludes",
			one(with(policy("a", access.MFA), func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{mail} })),
			func(f *access.Facts) { f.Resources = []directory.AppID{mail} },
			"granted 0 [] [notApplied]"},
		{"V17 report-only mfa interrupts on paper only",
			one(reporting(policy("a", access.MFA))), nil,
			"granted 0 [] [reportOnlyInterrupted]"},
		{"V18 report-only compliantDevice fails on paper only",
			one(reporting(policy("a", access.CompliantDevice))), nil,
			"granted 0 [] [reportOnlyFailure]"},
		{"V19 with AND a hard failure dominates what could be prompted for",
			one(reporting(policy("a", access.CompliantApplication, access.MFA))), nil,
			"granted 0 [] [reportOnlyFailure]"},
		{"V20 with OR a prompt is a way out",
			one(reporting(either(policy("a", access.CompliantApplication, access.MFA)))), nil,
			"granted 0 [] [reportOnlyInterrupted]"},
		{"V21 a protected app satisfies the recipe", one(recipe()), protected, "granted 0 [] [success]"},
		{"V22 an unprotected browser on an unmanaged PC is told to protect the app", one(recipe()), nil,
			"denied 53009 [compliantDevice compliantApplication] [failure]"},
		{"V29 a user excluded by name is out, though a group includes them",
			one(with(policy("a", access.Block), func(p *access.Policy) {
				p.Conditions.Users = access.Users{IncludeGroups: []directory.GroupID{all}, Exclude: []directory.UserID{ada}}
			})), nil, "granted 0 [] [notApplied]"},
	})
}

func TestCornerCases(t *testing.T) {
	one := func(p ...access.Policy) []access.Policy { return p }
	legacy := func(f *access.Facts) {
		f.ClientAppType, f.MFA, f.CompliantDevice, f.CompliantApplication = access.OtherClients, true, true, true
	}
	bootstrap := func(f *access.Facts) { f.Bootstrap, f.Resources = true, []directory.AppID{directory.EnrollmentAPI} }
	two := func(f *access.Facts) { f.Resources = []directory.AppID{mail, site} }
	named := with(policy("a", access.Block), func(p *access.Policy) { p.Conditions.Apps = access.Apps{Include: []directory.AppID{site}} })
	check(t, []law{
		{"no policy, no obstacle", nil, nil, "granted 0 [] []"},
		{"2 formulas are joined, never flattened",
			one(either(policy("a", access.MFA, access.CompliantDevice)), either(policy("b", access.CompliantApplication, access.CompliantDevice))), compliant,
			"granted 0 [] [success success]"},
		{"2 and each is unmet by itself",
			one(either(policy("a", access.MFA, access.CompliantDevice)), either(policy("b", access.CompliantApplication, access.CompliantDevice))), mfaDone,
			"denied 53009 [compliantDevice compliantApplication] [success failure]"},
		{"5 a user excluded by group is out, though included by name",
			one(with(policy("a", access.Block), func(p *access.Policy) {
				p.Conditions.Users = access.Users{Include: []directory.UserID{ada}, ExcludeGroups: []directory.GroupID{all}}
			})), nil, "granted 0 [] [notApplied]"},
		{"6 a group that is gone matches nobody",
			one(with(policy("a", access.Block), func(p *access.Policy) {
				p.Conditions.Users = access.Users{IncludeGroups: []directory.GroupID{"deleted"}}
			})), nil, "granted 0 [] [notApplied]"},
		{"7 None is for no user, whatever else is named",
			one(with(policy("a", access.Block), func(p *access.Policy) {
				p.Conditions.Users = access.Users{None: true, Include: []directory.UserID{ada}}
			})), nil, "granted 0 [] [notApplied]"},
		{"an app that signs in as itself is no user", one(policy("a", access.Block)),
			func(f *access.Facts) { f.User = "" }, "granted 0 [] [notApplied]"},
		{"None of the apps is none of them",
			one(with(policy("a", access.Block), func(p *access.Policy) { p.Conditions.Apps = access.Apps{None: true} })), nil,
			"granted 0 [] [notApplied]"},
		{"9 a policy for the second of two audiences applies", one(named), two, "denied 53003 [] [failure]"},
		{"9 excluding one of two audiences excludes only that one",
			one(with(policy("a", access.Block), func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{mail, mail} })), two,
			"denied 53003 [] [failure]"},
		{"9 excluding both excludes",
			one(with(policy("a", access.Block), func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{mail, site} })), two,
			"granted 0 [] [notApplied]"},
		{"9 an app both included and excluded is excluded",
			one(with(named, func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{site} })), two,
			"granted 0 [] [notApplied]"},
		{"9 without an audience the policies for all apps still hold", one(policy("a", access.Block), with(named, func(p *access.Policy) { p.ID = "b" })),
			func(f *access.Facts) { f.Resources = nil }, "denied 53003 [] [failure notApplied]"},
		{"10 a client that is also an audience is judged as one",
			one(with(policy("a", access.MFA), func(p *access.Policy) { p.Conditions.Apps = access.Apps{Include: []directory.AppID{"portal"}} })),
			func(f *access.Facts) { f.Resources = []directory.AppID{directory.DirectoryAPI, "portal"} },
			"challenge 50076 [mfa] [failure]"},
		{"11 OpenID scopes alone are judged as the directory",
			one(with(policy("a", access.MFA), func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{site} })),
			func(f *access.Facts) { f.Resources = []directory.AppID{directory.DirectoryAPI, site} },
			"challenge 50076 [mfa] [failure]"},
		{"19 for a legacy client a demand is a block", one(policy("a", access.MFA)), legacy, "denied 53003 [] [failure]"},
		{"19 also as Exchange ActiveSync", one(either(policy("a", access.MFA, access.CompliantDevice))),
			func(f *access.Facts) { f.ClientAppType = access.ExchangeActiveSync }, "denied 53003 [] [failure]"},
		{"19 and on paper a failure, not a prompt", one(reporting(policy("a", access.MFA))), legacy, "granted 0 [] [reportOnlyFailure]"},
		{"20, 21 report-only neither prompts nor blocks", one(reporting(policy("a", access.Block)), reporting(policy("b", access.MFA))), mfaDone,
			"granted 0 [] [reportOnlyFailure reportOnlySuccess]"},
		{"25 an unknown platform escapes a policy for a named one", one(recipe()),
			func(f *access.Facts) { f.Platform = "" }, "granted 0 [] [notApplied]"},
		{"25 and is caught by all but the named ones",
			one(with(policy("a", access.Block), func(p *access.Policy) {
				p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.AllPlatforms}, Exclude: []access.Platform{access.Windows, access.MacOS}}
			})), func(f *access.Facts) { f.Platform = "" }, "denied 53003 [] [failure]"},
		{"26 a managed PC is let in by the other half of the OR", one(recipe()), compliant, "granted 0 [] [success]"},
		{"27 enrolment is not locked by what only enrolment can give",
			one(policy("a", access.CompliantApplication), policy("b", access.CompliantDevice)), bootstrap,
			"granted 0 [] [success success]"},
		{"27 but a second factor holds there", one(policy("a", access.CompliantApplication, access.MFA)), bootstrap,
			"challenge 50076 [mfa] [failure]"},
		{"27 and what is waived there does not stand in for a second factor",
			one(either(policy("a", access.CompliantApplication, access.MFA))), bootstrap, "challenge 50076 [mfa] [failure]"},
		{"27 while two waived alternatives demand nothing",
			one(either(policy("a", access.CompliantApplication, access.CompliantDevice))), bootstrap, "granted 0 [] [success]"},
		{"27 and a block holds there", one(policy("a", access.Block)), bootstrap, "denied 53003 [] [failure]"},
		{"what can be prompted for waits for nothing hard", one(policy("a", access.MFA), policy("b", access.CompliantApplication)), nil,
			"denied 53009 [mfa compliantApplication] [failure failure]"},
		{"a disabled policy is recorded and does nothing",
			one(with(policy("a", access.Block), func(p *access.Policy) { p.State = access.Disabled })), nil, "granted 0 [] [notEnabled]"},
		{"a policy without controls demands nothing", one(either(policy("a"))), nil, "granted 0 [] [success]"},
		{"policies are listed in the order of their identifiers",
			one(policy("b", access.MFA), reporting(policy("a", access.Block))), mfaDone, "granted 0 [] [reportOnlyFailure success]"},
	})
}

func TestWhatANewerVersionWroteNeverLoosens(t *testing.T) {
	one := func(p ...access.Policy) []access.Policy { return p }
	check(t, []law{
		{"an unknown control blocks", one(either(policy("a", access.MFA, "passkey"))), mfaDone, "denied 53003 [] [failure]"},
		{"an unknown platform includes every one",
			one(with(policy("a", access.MFA), func(p *access.Policy) {
				p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{"chromeOS"}}
			})),
			nil, "challenge 50076 [mfa] [failure]"},
		{"an unknown platform excludes none",
			one(with(policy("a", access.MFA), func(p *access.Policy) {
				p.Conditions.Platforms = &access.Platforms{Exclude: []access.Platform{"chromeOS"}}
			})),
			nil, "challenge 50076 [mfa] [failure]"},
		{"an unknown client app type includes every one",
			one(with(policy("a", access.MFA), func(p *access.Policy) { p.Conditions.ClientAppTypes = []access.ClientAppType{"terminal"} })),
			nil, "challenge 50076 [mfa] [failure]"},
		{"an unknown state enforces", one(with(policy("a", access.MFA), func(p *access.Policy) { p.State = 9 })), nil, "challenge 50076 [mfa] [failure]"},
		{"an unknown operator means AND", one(with(policy("a", access.MFA, access.CompliantDevice), func(p *access.Policy) { p.Grant.Operator = 9 })),
			mfaDone, "denied 53000 [compliantDevice] [failure]"},
		{"all platforms excluded leaves none",
			one(with(policy("a", access.MFA), func(p *access.Policy) {
				p.Conditions.Platforms = &access.Platforms{Exclude: []access.Platform{access.AllPlatforms}}
			})),
			nil, "granted 0 [] [notApplied]"},
	})
	var none *access.Set
	if got := summary(none.Evaluate(signIn(nil))); got != "denied 53003 [] []" {
		t.Errorf("a set that was never compiled gives %s", got)
	}
}

func TestEveryReasonIsRecorded(t *testing.T) {
	off := with(recipe(), func(p *access.Policy) {
		p.ID = "off"
		p.Conditions.Users, p.Conditions.Apps = access.Users{}, access.Apps{}
	})
	demand := policy("on", access.CompliantApplication, access.MFA, access.CompliantApplication)
	d := access.Compile([]access.Policy{demand, off}).Evaluate(signIn(func(f *access.Facts) {
		f.Platform, f.ClientAppType, f.Bootstrap = access.Linux, access.MobileAndDesktop, true
	}))
	want := []access.Applied{
		{Policy: "off", DisplayName: "Policy recipe", Result: access.NotApplied,
			NotMatched: []string{"users", "applications", "clientAppTypes", "platforms"}},
		{Policy: "on", DisplayName: "Policy on", Result: access.Failure,
			Enforced: []access.Control{access.MFA, access.CompliantApplication},
			Unmet:    []access.Control{access.MFA},
			Waived:   []access.Control{access.CompliantApplication}},
	}
	if !reflect.DeepEqual(d.Applied, want) {
		t.Errorf("got  %+v\nwant %+v", d.Applied, want)
	}
}

func TestASetRemembersNothingOfWhatItWasMadeFrom(t *testing.T) {
	p := with(policy("a", access.Block), func(p *access.Policy) { p.Conditions.Users = access.Users{Include: []directory.UserID{ada}} })
	policies := []access.Policy{p}
	set := access.Compile(policies)
	before := set.Evaluate(signIn(nil))
	policies[0].State, p.Conditions.Users.Include[0], p.Grant.Controls[0] = access.Disabled, "eve", access.MFA
	if after := set.Evaluate(signIn(nil)); !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

func TestAControlThatIsMetIsNotWaived(t *testing.T) {
	set := access.Compile([]access.Policy{policy("a", access.CompliantApplication, access.CompliantDevice)})
	d := set.Evaluate(signIn(func(f *access.Facts) { f.Bootstrap, f.CompliantDevice = true, true }))
	if w := d.Applied[0].Waived; !slices.Equal(w, []access.Control{access.CompliantApplication}) {
		t.Errorf("waived are %v", w)
	}
}

func TestAppendingToADecisionLeavesTheSetAlone(t *testing.T) {
	set := access.Compile([]access.Policy{policy("a", access.MFA, access.CompliantDevice, access.CompliantApplication)})
	d := set.Evaluate(signIn(nil))
	for _, list := range [][]access.Control{d.Missing, d.Applied[0].Enforced, d.Applied[0].Unmet} {
		if len(list) != 3 || cap(list) != 3 {
			t.Errorf("%v has room for %d", list, cap(list))
		}
	}
}

func TestAHugeSetIsJudgedAsASmallOne(t *testing.T) {
	var policies []access.Policy
	for i := range 1000 {
		policies = append(policies, policy(fmt.Sprintf("%04d", i), access.MFA))
	}
	policies = append(policies, policy("block", access.Block))
	d := access.Compile(policies).Evaluate(signIn(mfaDone))
	if d.Code != access.CodeBlocked || len(d.Applied) != 1001 || d.Applied[999].Result != access.Success {
		t.Errorf("code %d, %d policies", d.Code, len(d.Applied))
	}
}
