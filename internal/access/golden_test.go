package access_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
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
		User: ada, Groups: []directory.GroupID{all}, Resources: at(site),
		ClientAppType: access.Browser, Platform: access.Windows, Now: noon, AuthAt: noon,
	}
	if change != nil {
		change(&f)
	}
	return f
}

func summary(d access.Decision) string {
	applied := d.Applied()
	results := make([]access.Result, len(applied))
	for i, a := range applied {
		results[i] = a.Result
	}
	return fmt.Sprint(d.Outcome, " ", d.Code, " ", d.Missing.List(), " ", results)
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
			f := signIn(l.facts)
			if got := summary(set(l.policies...).Evaluate(&f)); got != l.want {
				t.Errorf("got  %s\nwant %s", got, l.want)
			}
		})
	}
}

func set(policies ...access.Policy) *access.Set {
	return access.Compile(access.Rules{Policies: policies, Strengths: strength.BuiltIns(), Locations: []location.Location{
		{ID: "us", Countries: []string{"US"}}, {ID: "office", Trusted: true, Ranges: []netip.Prefix{netip.MustParsePrefix("2001:db8:5::/48")}},
	}})
}

func mfaDone(f *access.Facts)   { f.MFAAt = noon }
func compliant(f *access.Facts) { f.Device = &access.Device{Compliant: true} }
func protected(f *access.Facts) { f.CompliantApplication = true }

func TestGoldenVectors(t *testing.T) { check(t, goldenLaws()) }

// goldenLaws are the golden vectors of docs/spec, by their numbers.
func goldenLaws() []law {
	us := with(policy("a", access.MFA), func(p *access.Policy) {
		p.Conditions.Apps = access.Apps{IncludeGroups: []access.AppGroup{access.Office365}}
		p.Conditions.Locations = &access.Locations{Include: []location.ID{"us"}}
		p.Conditions.SignInRisk = []access.Risk{access.RiskHigh}
	})
	office := []access.Resource{{ID: mail, Groups: []access.AppGroup{access.Office365}}}
	filtered := func(exclude bool, rule string) access.Policy {
		return with(policy("a", access.MFA), func(p *access.Policy) { p.Conditions.Device = &access.Filter{Exclude: exclude, Rule: rule} })
	}
	deviceCode := with(policy("a", access.Block), func(p *access.Policy) {
		p.Conditions.Transfer = []access.TransferMethod{access.DeviceCodeFlow}
		p.Conditions.Apps.Exclude = []directory.AppID{site}
	})
	again := func(q access.Frequency) access.Policy {
		return with(policy("a"), func(p *access.Policy) { p.Session = &access.SessionControls{Frequency: &q} })
	}
	persistent := func(id string, mode access.Persistence) access.Policy {
		return with(policy(id), func(p *access.Policy) { p.Session = &access.SessionControls{Persistent: mode} })
	}
	one := func(p ...access.Policy) []access.Policy { return p }
	return []law{
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
				f.Resources = at(directory.DirectoryAPI)
				f.ClientAppType = access.MobileAndDesktop
			},
			"challenge 50076 [mfa] [failure]"},
		{"V15 a policy does not apply to the resource that it excludes",
			one(with(policy("a", access.MFA), func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{mail} })),
			func(f *access.Facts) { f.Resources = at(mail) },
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
		{"V23 and so is one whose device was found to be at risk since", one(recipe()), func(f *access.Facts) { f.MFAAt, f.Device = noon, &access.Device{TrustType: access.Registered} },
			"denied 53009 [compliantDevice compliantApplication] [failure]"},
		{"V26 a browser that one policy lets stay signed in, and another does not, does not", one(persistent("a", access.PersistAlways), persistent("b", access.PersistNever)), nil,
			"granted 0 [] [success success]"},
		{"V1 with only the user given, the app does not match", one(us), func(f *access.Facts) { f.Resources = at(mail) }, "granted 0 [] [notApplied]"},
		{"V2 with the app, the country does not", one(us), func(f *access.Facts) { f.Resources = office }, "granted 0 [] [notApplied]"},
		{"V3 with the country, the risk does not", one(us), func(f *access.Facts) { f.Resources, f.Country = office, "US" }, "granted 0 [] [notApplied]"},
		{"V4 with everything the policy applies", one(us),
			func(f *access.Facts) { f.Resources, f.Country, f.SignInRisk = office, "US", access.RiskHigh }, "challenge 50076 [mfa] [failure]"},
		{"V8 a positive filter takes no unregistered device in", one(filtered(false, `device.trustType -eq "ServerAD"`)), nil, "granted 0 [] [notApplied]"},
		{"V9 a negative one does", one(filtered(false, `device.trustType -ne "ServerAD"`)), nil, "challenge 50076 [mfa] [failure]"},
		{"V10 an excluding negative filter lets every unregistered device out", one(filtered(true, `device.extensionAttribute1 -ne "SAW"`)), nil, "granted 0 [] [notApplied]"},
		{"V11 anybody can write attributes on a device that nobody manages", one(filtered(true, `device.extensionAttribute1 -eq "SAW"`)),
			func(f *access.Facts) {
				f.Device = &access.Device{TrustType: access.Registered, ExtensionAttributes: [15]string{"SAW"}}
			}, "challenge 50076 [mfa] [failure]"},
		{"V11 and those of a managed one count", one(filtered(true, `device.extensionAttribute1 -eq "SAW"`)),
			func(f *access.Facts) {
				f.Device = &access.Device{Managed: true, ExtensionAttributes: [15]string{"SAW"}}
			}, "granted 0 [] [notApplied]"},
		{"V12 of a collection whole elements are compared", one(filtered(false, `device.systemLabels -contains "M365"`)),
			func(f *access.Facts) { f.Device = &access.Device{SystemLabels: []string{"M365Managed"}} }, "granted 0 [] [notApplied]"},
		{"V12 each of several", one(filtered(false, `device.systemLabels -contains "M365"`)),
			func(f *access.Facts) { f.Device = &access.Device{SystemLabels: []string{"Other", "m365"}} }, "challenge 50076 [mfa] [failure]"},
		{"V13 of text a part", one(filtered(false, `device.model -contains "face"`)),
			func(f *access.Facts) { f.Device = &access.Device{Model: "Surface"} }, "challenge 50076 [mfa] [failure]"},
		{"V16 a device code to the app that is left out is in order", one(deviceCode),
			func(f *access.Facts) { f.Transfer, f.OriginalTransfer = access.DeviceCodeFlow, access.DeviceCodeFlow }, "granted 0 [] [notApplied]"},
		{"V16 and an ordinary request of that session to another is blocked for how it began", one(deviceCode),
			func(f *access.Facts) { f.Resources, f.OriginalTransfer = at(mail), access.DeviceCodeFlow }, "denied 530036 [] [failure]"},
		{"V16 as is a device code itself", one(deviceCode),
			func(f *access.Facts) { f.Resources, f.Transfer = at(mail), access.DeviceCodeFlow }, "denied 53003 [] [failure]"},
		{"V24 nobody is asked twice within five minutes", one(again(access.Frequency{EveryTime: true}), with(again(access.Frequency{EveryTime: true}), func(p *access.Policy) { p.ID = "b" })),
			func(f *access.Facts) { f.AuthAt = noon.Add(-5 * time.Minute) }, "granted 0 [] [success success]"},
		{"V24 and is asked after them", one(again(access.Frequency{EveryTime: true})),
			func(f *access.Facts) { f.AuthAt = noon.Add(-5*time.Minute - time.Second) }, "challenge 70044 [signInFrequency] [failure]"},
		{"V25 the shorter time counts", one(again(access.Frequency{After: 8 * time.Hour}), with(again(access.Frequency{After: time.Hour}), func(p *access.Policy) { p.ID = "b" })),
			func(f *access.Facts) { f.AuthAt = noon.Add(-2 * time.Hour) }, "challenge 70044 [signInFrequency] [success failure]"},
		{"V30 a trusted location that is left out, by IPv6", one(with(policy("a", access.Block), func(p *access.Policy) {
			p.Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true}
		})), func(f *access.Facts) { f.IP = netip.MustParseAddr("2001:db8:5:1::7") }, "granted 0 [] [notApplied]"},
		{"V29 a user excluded by name is out, though a group includes them",
			one(with(policy("a", access.Block), func(p *access.Policy) {
				p.Conditions.Users = access.Users{IncludeGroups: []directory.GroupID{all}, Exclude: []directory.UserID{ada}}
			})), nil, "granted 0 [] [notApplied]"},
	}
}

func TestCornerCases(t *testing.T) { check(t, cornerLaws()) }

func cornerLaws() []law {
	one := func(p ...access.Policy) []access.Policy { return p }
	legacy := func(f *access.Facts) {
		f.ClientAppType, f.MFAAt, f.CompliantApplication = access.OtherClients, noon, true
		compliant(f)
	}
	bootstrap := func(f *access.Facts) { f.Bootstrap, f.Resources = true, at(directory.EnrollmentAPI) }
	two := func(f *access.Facts) { f.Resources = at(mail, site) }
	named := with(policy("a", access.Block), func(p *access.Policy) { p.Conditions.Apps = access.Apps{Include: []directory.AppID{site}} })
	return []law{
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
			func(f *access.Facts) { f.Resources = at(directory.DirectoryAPI, "portal") },
			"challenge 50076 [mfa] [failure]"},
		{"11 OpenID scopes alone are judged as the directory",
			one(with(policy("a", access.MFA), func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{site} })),
			func(f *access.Facts) { f.Resources = at(directory.DirectoryAPI, site) },
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
	}
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
	if got := summary(none.Evaluate(&access.Facts{})); got != "denied 53003 [] []" {
		t.Errorf("a set that was never compiled gives %s", got)
	}
}

func TestEveryReasonIsRecorded(t *testing.T) {
	off := with(recipe(), func(p *access.Policy) {
		p.ID = "off"
		p.Conditions.Users, p.Conditions.Apps = access.Users{}, access.Apps{}
	})
	demand := policy("on", access.CompliantApplication, access.MFA, access.CompliantApplication)
	demand.Session = &access.SessionControls{
		Frequency: &access.Frequency{EveryTime: true}, Persistent: access.PersistNever, CloudApps: access.MonitorOnly,
		AppRestrictions: access.On, ResilienceDisabled: access.On, Continuous: access.ContinuousStrict, TokenProtection: access.On,
	}
	f := signIn(func(f *access.Facts) {
		f.Platform, f.ClientAppType, f.Bootstrap = access.Linux, access.MobileAndDesktop, true
	})
	d := set(demand, off).Evaluate(&f)
	want := []access.Applied{
		{Policy: "off", DisplayName: "Policy recipe", Result: access.NotApplied,
			NotMatched: []access.Condition{access.OfUsers, access.OfApplications, access.OfClientAppTypes, access.OfPlatforms}},
		{Policy: "on", DisplayName: "Policy on", Result: access.Failure,
			Enforced: []access.Control{access.MFA, access.CompliantApplication},
			Sessions: []string{
				"ApplicationEnforcedRestrictions", "CloudAppSecurity", "SignInFrequency", "PersistentBrowserSessionMode",
				"ContinuousAccessEvaluation", "ResilienceDefaults", "SignInTokenProtection",
			},
			Unmet:     []access.Control{access.MFA},
			Waived:    []access.Control{access.CompliantApplication, access.TokenProtection},
			Satisfied: []access.Condition{access.OfUsers, access.OfApplications}},
	}
	if got := d.Applied(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want[1].Satisfied = nil // which is not recorded
	if got := d.Matched(); !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("got  %+v\nwant %+v", got, want[1:])
	}
	if d.Covered() != true || d.Missing.First() != access.MFA || access.Controls(0).First() != "" || !d.Missing.Has(access.MFA) || d.Missing.Has("x") {
		t.Errorf("%+v", d)
	}
	if s := set(off); s.Evaluate(&f).Outcome != access.Granted || s.Len() != 1 || s.Policy(0).ID != "off" {
		t.Error("a policy that does not apply decides")
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	p := policy("a")
	p.Grant.Terms, p.Grant.Strength = []agreement.ID{"x1", "x2"}, strength.PhishingResistant
	q := policy("b")
	q.Grant.Terms, q.Grant.Strength = []agreement.ID{"x2", "x3"}, strength.PhishingResistant
	f := signIn(func(f *access.Facts) { f.Terms = []agreement.ID{"x1"} })
	d := set(p, q, reporting(policy("c", access.MFA))).Evaluate(&f)
	if got := d.MissingTerms(&f); !slices.Equal(got, []agreement.ID{"x2", "x3"}) {
		t.Errorf("terms %v", got)
	}
	if got := d.MissingStrengths(); !slices.Equal(got, []strength.ID{strength.PhishingResistant}) {
		t.Errorf("strengths %v", got)
	}
}

func TestAControlThatIsMetIsNotWaived(t *testing.T) {
	f := signIn(func(f *access.Facts) { f.Bootstrap = true; compliant(f) })
	d := set(policy("a", access.CompliantApplication, access.CompliantDevice)).Evaluate(&f)
	if w := d.Applied()[0].Waived; !slices.Equal(w, []access.Control{access.CompliantApplication}) {
		t.Errorf("waived are %v", w)
	}
}

func TestAHugeSetIsJudgedAsASmallOne(t *testing.T) {
	var policies []access.Policy
	for i := range 1000 {
		policies = append(policies, policy(fmt.Sprintf("%04d", i), access.MFA))
	}
	policies = append(policies, policy("block", access.Block))
	f := signIn(mfaDone)
	d := set(policies...).Evaluate(&f)
	if d.Code != access.CodeBlocked || len(d.Findings) != 1001 || d.Findings[999].Result != access.Success {
		t.Errorf("code %d, %d policies", d.Code, len(d.Findings))
	}
}

func at(ids ...directory.AppID) []access.Resource {
	var out []access.Resource
	for _, id := range ids {
		out = append(out, access.Resource{ID: id})
	}
	return out
}
