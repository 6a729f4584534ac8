package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

func TestASoundPolicyMayBeSaved(t *testing.T) {
	for _, p := range []access.Policy{
		recipe(), policy("a", access.Block), policy("a", access.ApprovedApplication, access.DomainJoinedDevice), policy("a", access.MFA, access.CompliantApplication), reporting(policy("a", access.CompliantDevice)),
		with(policy("a", access.MFA), func(p *access.Policy) {
			p.Conditions.Users = access.Users{None: true}
			p.Conditions.Apps = access.Apps{None: true}
			p.DisplayName = strings.Repeat("ä", 256)
		}),
		with(either(policy("a", access.CompliantApplication, access.MFA)), func(p *access.Policy) {
			p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.MacOS, access.Linux}, Exclude: []access.Platform{access.IOS}}
		}),
		with(policy("a", access.CompliantApplication), func(p *access.Policy) {
			p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.AllPlatforms}}
		}),
	} {
		if err := access.Validate(p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestABrokenRuleIsNamedWithFieldValueAndWhatIsValid(t *testing.T) {
	tests := []flaw{
		{"a name", func(p *access.Policy) { p.DisplayName = " " }, []string{"displayName is empty", "1 to 256"}},
		{"a short name", func(p *access.Policy) { p.DisplayName = strings.Repeat("x", 257) }, []string{"displayName has 257", "1 to 256"}},
		{"a state", func(p *access.Policy) { p.State = 7 }, []string{"state is State(7)", "disabled, enabled, enabledForReportingButNotEnforced"}},
		{"users", func(p *access.Policy) { p.Conditions.Users = access.Users{Exclude: []directory.UserID{ada}} }, []string{"conditions.users includes nobody", "includeUsers"}},
		{"None alone", func(p *access.Policy) { p.Conditions.Users.None = true }, []string{"conditions.users.includeUsers holds None", "alone"}},
		{"identifiers of users", func(p *access.Policy) { p.Conditions.Users.Include = []directory.UserID{"GuestsOrExternalUsers"} },
			[]string{"conditions.users.includeUsers", `"GuestsOrExternalUsers"`, "user identifiers"}},
		{"identifiers of excluded users", func(p *access.Policy) { p.Conditions.Users.Exclude = []directory.UserID{""} },
			[]string{"conditions.users.excludeUsers", `""`, "user identifiers"}},
		{"identifiers of groups", func(p *access.Policy) { p.Conditions.Users.IncludeGroups = []directory.GroupID{"All"} },
			[]string{"conditions.users.includeGroups", `"All"`, "group identifiers"}},
		{"identifiers of excluded groups", func(p *access.Policy) { p.Conditions.Users.ExcludeGroups = []directory.GroupID{"All"} },
			[]string{"conditions.users.excludeGroups", `"All"`, "group identifiers"}},
		{"apps", func(p *access.Policy) { p.Conditions.Apps = access.Apps{} }, []string{"conditions.applications includes nothing", "includeApplications"}},
		{"None of the apps alone", func(p *access.Policy) { p.Conditions.Apps.None = true }, []string{"includeApplications holds None", "alone"}},
		{"identifiers of apps", func(p *access.Policy) { p.Conditions.Apps.Include = []directory.AppID{"All"} },
			[]string{"includeApplications", `"All"`, "application identifiers"}},
		{"identifiers of excluded apps", func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{""} },
			[]string{"excludeApplications", `""`, "application identifiers"}},
		{"client app types", func(p *access.Policy) { p.Conditions.ClientAppTypes = nil }, []string{"clientAppTypes is empty", "all, browser"}},
		{"known client app types", func(p *access.Policy) { p.Conditions.ClientAppTypes = []access.ClientAppType{"easSupported"} },
			[]string{`clientAppTypes holds "easSupported"`, "all, browser, mobileAppsAndDesktopClients, exchangeActiveSync, other"}},
		{"platforms", func(p *access.Policy) { p.Conditions.Platforms = &access.Platforms{} }, []string{"includePlatforms is empty", "all, android"}},
		{"known platforms", func(p *access.Policy) {
			p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{"chromeOS"}}
		}, []string{`includePlatforms holds "chromeOS"`, "linux"}},
		{"known excluded platforms", func(p *access.Policy) {
			p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.AllPlatforms}, Exclude: []access.Platform{access.AllPlatforms}}
		}, []string{`excludePlatforms holds "all"`, "android, iOS"}},
		{"a platform where apps can be protected", func(p *access.Policy) {
			p.Grant.Controls = append(p.Grant.Controls, access.CompliantApplication)
			p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.Linux}}
		}, []string{`includePlatforms holds "linux"`, "compliantApplication", "OR"}},
		{"the same for the only control of an OR", func(p *access.Policy) {
			p.Grant = access.Grant{Operator: access.Or, Controls: []access.Control{access.CompliantApplication}}
			p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.MacOS}}
		}, []string{`includePlatforms holds "macOS"`}},
		{"an operator", func(p *access.Policy) { p.Grant.Operator = 5 }, []string{"operator is Operator(5)", "AND, OR"}},
		{"a control", func(p *access.Policy) { p.Grant.Controls = nil }, []string{"grantControls demands nothing", "block, mfa"}},
		{"an evaluated control", func(p *access.Policy) { p.Grant.Controls = []access.Control{"riskRemediation"} },
			[]string{`builtInControls holds "riskRemediation"`, "block, mfa, compliantDevice"}},
		{"block alone", func(p *access.Policy) { p.Grant.Controls = []access.Control{access.Block, access.MFA} }, []string{"block", "alone"}},
	}
	tests = append(tests, wholeLanguage()...)
	for _, tt := range tests {
		t.Run("it needs "+tt.name, func(t *testing.T) {
			err := access.Validate(with(policy("a", access.MFA), tt.change))
			if fault.KindOf(err) != fault.Invalid || err == nil {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "; also: ") {
				t.Errorf("one change breaks more than one rule: %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(fault.Detail(err), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
		})
	}
}

// flaw is a change that breaks one rule, and what the error must say.
type flaw struct {
	name   string
	change func(*access.Policy)
	want   []string
}

func wholeLanguage() []flaw {
	grant := func(g access.Grant) func(*access.Policy) { return func(p *access.Policy) { p.Grant = g } }
	session := func(n access.SessionControls) func(*access.Policy) { return func(p *access.Policy) { p.Session = &n } }
	guests := func(g access.Guests) func(*access.Policy) {
		return func(p *access.Policy) { p.Conditions.Users = access.Users{IncludeGuests: &g} }
	}
	workloads := func(change func(*access.Policy)) func(*access.Policy) {
		return func(p *access.Policy) {
			p.Conditions.Users, p.Conditions.Workloads = access.Users{None: true}, &access.Workloads{All: true}
			p.Grant.Controls = []access.Control{access.Block}
			change(p)
		}
	}
	heal := func(change func(*access.Policy)) func(*access.Policy) {
		return func(p *access.Policy) {
			p.Conditions.UserRisk = []access.Risk{access.RiskHigh}
			p.Grant.Controls = []access.Control{access.MFA, access.PasswordChange}
			change(p)
		}
	}
	device := func(change func(*access.Policy)) func(*access.Policy) {
		return func(p *access.Policy) {
			p.Conditions.Apps = access.Apps{Actions: []access.UserAction{access.RegisterDevice}}
			change(p)
		}
	}
	return []flaw{
		{"guests apart from everybody", func(p *access.Policy) {
			p.Conditions.Users.IncludeGuests = &access.Guests{Kinds: directory.GuestKinds()}
		},
			[]string{"includeGuestsOrExternalUsers is set next to All"}},
		{"kinds of guests", guests(access.Guests{}), []string{"guestOrExternalUserTypes is none", "internalGuest"}},
		{"known kinds of guests", guests(access.Guests{Kinds: []directory.GuestKind{"friend"}}), []string{`holds "friend"`, "serviceProvider"}},
		{"home tenants", guests(access.Guests{Kinds: directory.GuestKinds(), Enumerated: true}), []string{"externalTenants.members is empty"}},
		{"no home tenants for all", guests(access.Guests{Kinds: directory.GuestKinds(), Tenants: []directory.TenantID{"t"}}), []string{"membershipKind is all"}},
		{"identifiers of roles", func(p *access.Policy) { p.Conditions.Users.IncludeRoles = []directory.RoleTemplateID{"All"} }, []string{"includeRoles", "role templates"}},
		{"identifiers of excluded roles", func(p *access.Policy) { p.Conditions.Users.ExcludeRoles = []directory.RoleTemplateID{"All"} }, []string{"excludeRoles"}},
		{"workloads for a workload's risk", func(p *access.Policy) { p.Conditions.WorkloadRisk = []access.Risk{access.RiskHigh} },
			[]string{"servicePrincipalRiskLevels needs conditions.clientApplications"}},
		{"some workload", workloads(func(p *access.Policy) { p.Conditions.Workloads = &access.Workloads{} }), []string{"clientApplications includes nothing"}},
		{"no people among workloads", workloads(func(p *access.Policy) { p.Conditions.Users = access.Users{All: true} }), []string{"includeUsers must be None"}},
		{"identifiers of workloads", workloads(func(p *access.Policy) { p.Conditions.Workloads.Include = []directory.AppID{"All"} }), []string{"includeServicePrincipals"}},
		{"identifiers of excluded workloads", workloads(func(p *access.Policy) { p.Conditions.Workloads.Exclude = []directory.AppID{"All"} }), []string{"excludeServicePrincipals"}},
		{"a block for workloads", workloads(func(p *access.Policy) { p.Grant.Controls = []access.Control{access.MFA} }), []string{"can only be blocked"}},
		{"one kind of target", func(p *access.Policy) { p.Conditions.Apps.Contexts = []access.ContextID{"c1"} }, []string{"more than one kind of target"}},
		{"known user actions", func(p *access.Policy) {
			p.Conditions.Apps = access.Apps{Actions: []access.UserAction{"urn:user:dance"}}
		},
			[]string{"includeUserActions", "urn:user:registersecurityinfo"}},
		{"user actions that are enforced", func(p *access.Policy) {
			p.Conditions.Apps, p.State = access.Apps{Actions: []access.UserAction{access.RegisterSecurityInfo}}, access.ReportOnly
		}, []string{"cannot be report-only"}},
		{"V27 only a second factor for a device", device(func(p *access.Policy) { p.Grant.Controls = []access.Control{access.CompliantDevice} }),
			[]string{"compliantDevice", "only demand mfa"}},
		{"no filter for a device that is to come", device(func(p *access.Policy) { p.Conditions.Device = &access.Filter{Rule: `device.model -eq "X"`} }),
			[]string{"conditions.devices is set"}},
		{"every client for a device", device(func(p *access.Policy) { p.Conditions.ClientAppTypes = []access.ClientAppType{access.Browser} }),
			[]string{"clientAppTypes is browser"}},
		{"contexts", func(p *access.Policy) { p.Conditions.Apps = access.Apps{Contexts: []access.ContextID{"c0"}} }, []string{`"c0"`, "c1 to c99"}},
		{"a rule for apps", func(p *access.Policy) { p.Conditions.Apps.Filter = &access.Filter{Rule: "device.model"} }, []string{"applicationFilter.rule", "CustomSecurityAttribute"}},
		{"a rule for devices", func(p *access.Policy) { p.Conditions.Device = &access.Filter{Rule: `app.appVersion -eq "1"`} }, []string{"deviceFilter.rule"}},
		{"locations", func(p *access.Policy) { p.Conditions.Locations = &access.Locations{} }, []string{"conditions.locations includes nothing"}},
		{"identifiers of locations", func(p *access.Policy) {
			p.Conditions.Locations = &access.Locations{Include: []location.ID{"AllTrusted"}}
		}, []string{"includeLocations", `"AllTrusted"`}},
		{"identifiers of excluded locations", func(p *access.Policy) {
			p.Conditions.Locations = &access.Locations{All: true, Exclude: []location.ID{"All"}}
		}, []string{"excludeLocations"}},
		{"known risks", func(p *access.Policy) { p.Conditions.SignInRisk = []access.Risk{"elevated"} }, []string{"signInRiskLevels", "none, low, medium, high, hidden"}},
		{"known user risks", func(p *access.Policy) { p.Conditions.UserRisk = []access.Risk{"x"} }, []string{"userRiskLevels"}},
		{"known insider risks", func(p *access.Policy) { p.Conditions.InsiderRisk = []access.Risk{"high"} }, []string{"insiderRiskLevels", "minor, moderate, elevated"}},
		{"known ways of transfer", func(p *access.Policy) { p.Conditions.Transfer = []access.TransferMethod{"pigeon"} }, []string{"transferMethods", "deviceCodeFlow"}},
		{"one way to say mfa", func(p *access.Policy) { p.Grant.Strength = strength.Multifactor }, []string{"mfa next to an authenticationStrength"}},
		{"block beside no terms", grant(access.Grant{Controls: []access.Control{access.Block}, Terms: []agreement.ID{"x"}}), []string{"block must stand alone"}},
		{"V28 mfa beside a new password", heal(func(p *access.Policy) { p.Grant.Controls = []access.Control{access.PasswordChange} }), []string{"passwordChange without mfa"}},
		{"both of them", heal(func(p *access.Policy) { p.Grant.Operator = access.Or }), []string{"joined by AND"}},
		{"a user risk for a new password", heal(func(p *access.Policy) { p.Conditions.UserRisk = nil }), []string{"userRiskLevels is empty"}},
		{"every app for a new password", heal(func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{site} }), []string{"must be All without exclusions"}},
		{"no other condition for a new password", heal(func(p *access.Policy) { p.Conditions.Locations = &access.Locations{All: true} }), []string{"allows no other condition"}},
		{"no other control for a new password", heal(func(p *access.Policy) { p.Grant.Controls = append(p.Grant.Controls, access.CompliantDevice) }), []string{"can only hold mfa"}},
		{"a number of hours", session(access.SessionControls{Frequency: &access.Frequency{After: 24 * time.Hour}}), []string{"signInFrequency.value is 24", "1 to 23 hours"}},
		{"a number of days", session(access.SessionControls{Frequency: &access.Frequency{InDays: true}}), []string{"signInFrequency.value is 0", "1 to 365 days"}},
		{"a mode of staying signed in", session(access.SessionControls{Persistent: "often"}), []string{`persistentBrowser.mode is "often"`}},
		{"every app for staying signed in", func(p *access.Policy) {
			p.Session = &access.SessionControls{Persistent: access.PersistNever}
			p.Conditions.Apps = access.Apps{Include: []directory.AppID{site}}
		}, []string{"persistentBrowser needs"}},
		{"a kind of cloud app security", session(access.SessionControls{CloudApps: "x"}), []string{"cloudAppSecurityType"}},
		{"a mode of continuous evaluation", session(access.SessionControls{Continuous: "x"}), []string{"continuousAccessEvaluation.mode"}},
		{"every app without continuous evaluation", func(p *access.Policy) {
			p.Session = &access.SessionControls{Continuous: access.ContinuousOff}
			p.Conditions.Apps = access.Apps{Include: []directory.AppID{site}}
		}, []string{"mode is disabled"}},
	}
}

func TestEveryBrokenRuleIsListedAtOnce(t *testing.T) {
	err := access.Validate(access.Policy{})
	if got := strings.Count(err.Error(), "; also: "); got != 4 {
		t.Errorf("name, users, apps, types and controls are missing, but: %v", err)
	}
}
