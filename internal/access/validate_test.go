package access_test

import (
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

func TestASoundPolicyMayBeSaved(t *testing.T) {
	for _, p := range []access.Policy{
		recipe(), policy("a", access.Block), policy("a", access.MFA, access.CompliantApplication), reporting(policy("a", access.CompliantDevice)),
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
	tests := []struct {
		name   string
		change func(*access.Policy)
		want   []string
	}{
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
		{"identifiers of apps", func(p *access.Policy) { p.Conditions.Apps.Include = []directory.AppID{"Office365"} },
			[]string{"includeApplications", `"Office365"`, "application identifiers"}},
		{"identifiers of excluded apps", func(p *access.Policy) { p.Conditions.Apps.Exclude = []directory.AppID{"MicrosoftAdminPortals"} },
			[]string{"excludeApplications", `"MicrosoftAdminPortals"`, "application identifiers"}},
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
		{"a control", func(p *access.Policy) { p.Grant.Controls = nil }, []string{"builtInControls is empty", "block, mfa"}},
		{"an evaluated control", func(p *access.Policy) { p.Grant.Controls = []access.Control{"passwordChange"} },
			[]string{`builtInControls holds "passwordChange"`, "block, mfa, compliantDevice, compliantApplication"}},
		{"block alone", func(p *access.Policy) { p.Grant.Controls = []access.Control{access.Block, access.MFA} }, []string{"block", "alone"}},
	}
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

func TestEveryBrokenRuleIsListedAtOnce(t *testing.T) {
	err := access.Validate(access.Policy{})
	if got := strings.Count(err.Error(), "; also: "); got != 4 {
		t.Errorf("name, users, apps, types and controls are missing, but: %v", err)
	}
}
