package lint_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/graphclient/document"
	"github.com/postern-mam/postern/internal/lint"
)

const (
	staff  = "11111111-1111-4111-8111-111111111111"
	guests = "22222222-2222-4222-8222-222222222222"
	nobody = "99999999-9999-4999-8999-999999999999"
	pcs    = "44444444-4444-4444-8444-444444444444"
)

func to(group string) string {
	return fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":%q}}`, group)
}

func not(group string) string {
	return fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":%q}}`, group)
}

func through(filter string) string {
	return fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget","deviceAndAppManagementAssignmentFilterId":%q,"deviceAndAppManagementAssignmentFilterType":"include"}}`, filter)
}

const (
	everyone = `{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget"}}`
	edge     = `{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"com.microsoft.edge"}}`
	other    = `{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"com.example.other"}}`
)

func group(id, name string) string {
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.group","id":%q,"displayName":%q,"securityEnabled":true}`, id, name)
}

func filter(platform string) string {
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.deviceAndAppManagementAssignmentFilter","id":%q,"displayName":"PCs","platform":%q,"rule":"(app.deviceModel -eq \"PC\")"}`, pcs, platform)
}

// policy is an app protection policy with assignments and further properties.
func policy(assignments string, more ...string) string {
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.windowsManagedAppProtection","id":"T_33333333-3333-4333-8333-333333333333","displayName":"P","apps":[%s],"assignments":[%s]%s}`,
		edge, assignments, rest(more))
}

func rest(more []string) string {
	if len(more) == 0 {
		return ""
	}
	return "," + strings.Join(more, ",")
}

func configuration(name, assignments, pairs string, more ...string) string {
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.targetedManagedAppConfiguration","displayName":%q,"apps":[%s],"assignments":[%s],"customSettings":[%s]%s}`, name, edge, assignments, pairs, rest(more))
}

func pair(name, value string) string { return fmt.Sprintf(`{"name":%q,"value":%q}`, name, value) }

func access(state, users, controls string) string {
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","id":"66666666-6666-4666-8666-666666666666","displayName":"A","state":%q,"conditions":{"users":{%s},"applications":{"includeApplications":["All"]}},"grantControls":{"operator":"OR","builtInControls":[%s]}}`,
		state, users, controls)
}

const connector = `{"@odata.type":"#microsoft.graph.mobileThreatDefenseConnector","windowsMobileApplicationManagementEnabled":true}`

func check(t *testing.T, facts *document.Facts, docs ...string) []lint.Finding {
	t.Helper()
	found, err := document.Load("-", strings.NewReader("["+strings.Join(docs, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return lint.Check(found, facts)
}

func used(os, app string) *document.Facts {
	return &document.Facts{Installations: []document.Installation{{App: "com.microsoft.edge", AppVersion: app, OSVersion: os}, {App: "com.example.other", AppVersion: "999", OSVersion: "10.0.99999"}}}
}

// law is what one rule finds: in bad, and not in good.
type law struct {
	rule, property string
	severity       lint.Severity
	says           string
	bad, good      []string
	facts, better  *document.Facts // for bad, for good
}

func protectionLaws() []law {
	return []law{
		{"os-version-spelling", "minimumRequiredOsVersion", lint.Warning, "10.0.22631.3155", []string{policy(everyone, `"minimumRequiredOsVersion":"22631.3155"`)}, []string{policy(everyone, `"minimumRequiredOsVersion":"10.0.22631.3155"`)}, nil, nil},
		{"os-version-spelling", "maximumWipeOsVersion", lint.Warning, "winver", []string{policy(everyone, `"maximumWipeOsVersion":"26100"`)}, []string{policy(everyone, `"maximumWipeOsVersion":"10.0.26100"`)}, nil, nil},
		{"app-version-several-apps", "minimumRequiredAppVersion", lint.Warning, "2 apps", []string{strings.Replace(policy(everyone, `"minimumRequiredAppVersion":"130"`), edge, edge+","+other, 1)}, []string{policy(everyone, `"minimumRequiredAppVersion":"130"`)}, nil, nil},
		{"threat-level-without-connector", "maximumAllowedDeviceThreatLevel", lint.Warning, "--server", []string{policy(everyone, `"maximumAllowedDeviceThreatLevel":"low"`)}, []string{policy(everyone, `"maximumAllowedDeviceThreatLevel":"low"`), connector}, nil, nil},
		{"threat-level-without-connector", "maximumAllowedDeviceThreatLevel", lint.Error, "no threat connector", []string{policy(everyone, `"maximumAllowedDeviceThreatLevel":"low"`), strings.Replace(connector, "true", "false", 1)}, []string{policy(everyone, `"maximumAllowedDeviceThreatLevel":"notConfigured"`)}, nil, nil},
		{"os-versions-contradict", "maximumRequiredOsVersion", lint.Error, "no PC passes both", []string{policy(everyone, `"minimumWipeOsVersion":"10.0.22631","maximumRequiredOsVersion":"10.0.19045"`)}, []string{policy(everyone, `"minimumRequiredOsVersion":"10.0.19045","maximumRequiredOsVersion":"10.0.26100","maximumWarningOsVersion":"10.0.10240"`)}, nil, nil},
		{"wipe-before-block", "periodOfflineBeforeWipeIsEnforced", lint.Warning, "PT12H", []string{policy(everyone, `"periodOfflineBeforeWipeIsEnforced":"PT1H"`)}, []string{policy(everyone, `"periodOfflineBeforeWipeIsEnforced":"PT0S"`)}, nil, nil},
		{"wipe-before-block", "minimumWipeOsVersion", lint.Warning, "wipes before", []string{policy(everyone, `"minimumWipeOsVersion":"10.0.22631","minimumRequiredOsVersion":"10.0.19045"`)}, []string{policy(everyone, `"minimumWipeOsVersion":"10.0.19045","minimumRequiredOsVersion":"10.0.22631"`)}, nil, nil},
		{"wipe-before-block", "maximumWipeOsVersion", lint.Warning, "wipes before", []string{policy(everyone, `"maximumWipeOsVersion":"10.0.19045","maximumRequiredOsVersion":"10.0.22631"`)}, []string{policy(everyone, `"maximumWipeOsVersion":"10.0.26100","maximumRequiredOsVersion":"10.0.22631"`)}, nil, nil},
		{"warning-never-seen", "minimumWarningAppVersion", lint.Note, "130", []string{policy(everyone, `"minimumWarningAppVersion":"120","minimumRequiredAppVersion":"130"`)}, []string{policy(everyone, `"minimumWarningAppVersion":"131","minimumRequiredAppVersion":"130"`)}, nil, nil},
		{"minimum-newer-than-any", "minimumRequiredAppVersion", lint.Error, "131.5", []string{policy(everyone, `"minimumRequiredAppVersion":"132"`), group(staff, "s")}, []string{policy(everyone, `"minimumRequiredAppVersion":"131.5"`)}, used("10.0.22631", "131.5"), used("10.0.22631", "131.5")},
		{"minimum-newer-than-any", "minimumWarningOsVersion", lint.Warning, "is warned", []string{policy(everyone, `"minimumWarningOsVersion":"10.0.26100"`)}, []string{policy(everyone, `"minimumWarningOsVersion":"10.0.26100"`)}, used("10.0.22631", "1"), used("10.0.26100", "1")},
	}
}

func targetLaws() []law {
	empty := &document.Facts{Peopled: map[string]bool{staff: false}, Passed: map[string]bool{pcs: false}}
	full := &document.Facts{Peopled: map[string]bool{staff: true}, Passed: map[string]bool{pcs: true}}
	failing := used("10.0.1", "1")
	failing.Passed = empty.Passed
	apps, devices := filter("windowsMobileApplicationManagement"), filter("windows10AndLater")
	return []law{
		{"stale-reference", "assignments[0].target.groupId", lint.Error, nobody, []string{policy(to(nobody)), group(staff, "Staff")}, []string{policy(to(staff)), group(staff, "Staff")}, nil, nil},
		{"stale-reference", "assignments[0].target.groupId", lint.Error, "no identifier", []string{policy(to("$groupid"))}, []string{policy(to(nobody))}, nil, nil},
		{"stale-reference", "assignments[0].target.groupId", lint.Error, nobody, []string{policy(to(nobody))}, []string{policy(to(staff)), group(staff, "Staff")}, full, full},
		{"stale-reference", "assignments[0].target.deviceAndAppManagementAssignmentFilterId", lint.Error, "assignment filter", []string{policy(through(nobody)), apps}, []string{policy(through(pcs)), apps}, nil, nil},
		{"stale-reference", "roleScopeTagIds", lint.Error, "scope tag 7", []string{policy(everyone, `"roleScopeTagIds":["0","7"]`)}, []string{policy(everyone, `"roleScopeTagIds":["0"]`)}, full, full},
		{"stale-reference", "conditions.applications.includeApplications", lint.Error, "application", []string{strings.Replace(access("disabled", `"includeUsers":["All"]`, `"mfa"`), `["All"]}},"grant`, `["`+nobody+`"]}},"grant`, 1)}, []string{access("disabled", `"includeUsers":["All"]`, `"mfa"`)}, full, full},
		{"stale-reference", "roleDefinition", lint.Error, "role definition", []string{`{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleAssignment","displayName":"H","roleDefinition":{"id":"` + nobody + `"}}`}, []string{`{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleAssignment","displayName":"H","roleDefinition":{"id":"9e0cc482-82df-4ab2-a24c-0c23a3f52e1e"}}`}, full, full},
		{"policy-excludes-itself", "assignments", lint.Error, "nobody", []string{policy(to(staff) + "," + not(staff))}, []string{policy(to(staff) + "," + to(guests) + "," + not(staff))}, nil, nil},
		{"policy-excludes-itself", "conditions.users", lint.Error, "nobody", []string{access("disabled", `"includeGroups":["`+staff+`"],"excludeGroups":["`+staff+`"]`, `"mfa"`)}, []string{access("disabled", `"includeUsers":["All"],"includeGroups":["`+staff+`"],"excludeGroups":["`+staff+`"]`, `"mfa"`)}, nil, nil},
		{"policy-unassigned", "assignments", lint.Warning, "nobody", []string{policy(not(staff))}, []string{policy(everyone)}, nil, nil},
		{"policy-unassigned", "conditions.users", lint.Warning, "nobody", []string{access("disabled", `"includeUsers":["None"]`, `"mfa"`)}, []string{access("disabled", `"includeUsers":["All"]`, `"mfa"`)}, nil, nil},
		{"policy-unassigned", "conditions.users", lint.Warning, "nobody", []string{access("disabled", `"includeUsers":[]`, `"mfa"`)}, []string{access("disabled", `"includeUsers":[],"includeRoles":["`+nobody+`"]`, `"mfa"`)}, nil, nil},
		{"policy-unassigned", "conditions.users", lint.Warning, "nobody", []string{access("disabled", `"includeGuestsOrExternalUsers":null`, `"mfa"`)}, []string{access("disabled", `"includeGuestsOrExternalUsers":{}`, `"mfa"`)}, nil, nil},
		{"policy-without-apps", "apps", lint.Warning, "no app", []string{strings.Replace(policy(everyone), edge, "", 1)}, []string{policy(everyone)}, nil, nil},
		{"group-included-and-excluded", "assignments[1].target.groupId", lint.Warning, `"Staff"`, []string{policy(to(guests) + "," + to(staff) + "," + not(staff)), group(staff, "Staff"), group(guests, "Guests")}, []string{policy(to(staff) + "," + not(guests))}, nil, nil},
		{"group-empty", "assignments[0].target.groupId", lint.Warning, `"Staff"`, []string{policy(to(staff)), group(staff, "Staff")}, []string{policy(to(staff)), group(staff, "Staff")}, empty, full},
		{"filter-of-devices", "assignments[0].target.deviceAndAppManagementAssignmentFilterId", lint.Error, "windows10AndLater", []string{policy(through(pcs)), devices}, []string{policy(through(pcs)), apps}, nil, nil},
		{"filter-matches-nothing", "rule", lint.Warning, "app.deviceModel", []string{apps}, []string{apps}, failing, full},
		{"filter-matches-nothing", "rule", lint.Note, "yet", []string{apps}, []string{devices}, empty, &document.Facts{}},
		{"filter-unused", "", lint.Note, "no policy", []string{policy(everyone), apps}, []string{policy(through(pcs)), apps}, nil, nil},
	}
}

func configurationLaws() []law {
	one, two := configuration("One", everyone, pair("homepageLocation", "https://a.example/")), configuration("Two", to(staff), pair("HomepageLocation", "https://b.example/"))
	typed := `"settings":[{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance","settingDefinitionId":"com.microsoft.edge.mamedgeappconfigsettings.homepagelocation","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":%q}}}]`
	return []law{
		{"edge-key-of-mobile", "customSettings[0]", lint.Warning, "HomepageLocation", []string{configuration("C", everyone, pair("com.microsoft.intune.mam.managedbrowser.homepage", "https://a.example/"))}, []string{configuration("C", everyone, pair("com.example.own", "x"))}, nil, nil},
		{"edge-key-invalid", "customSettings[0]", lint.Error, "HomepageLocation", []string{configuration("C", everyone, pair("HomepageLocatoin", "https://a.example/"))}, []string{one}, nil, nil},
		{"edge-key-invalid", "customSettings[0]", lint.Error, "absolute URL", []string{configuration("C", everyone, pair("HomepageLocation", "intranet"))}, []string{one}, nil, nil},
		{"edge-key-invalid", "settings[0]", lint.Error, "absolute URL", []string{configuration("C", everyone, "", fmt.Sprintf(typed, "intranet"))}, []string{configuration("C", everyone, "", fmt.Sprintf(typed, "https://a.example/"))}, nil, nil},
		{"configuration-conflict", "HomepageLocation", lint.Warning, "same priority", []string{one, two}, []string{one, strings.Replace(two, `"customSettings"`, `"postern":{"priority":5},"customSettings"`, 1)}, nil, nil},
		{"configuration-conflict", "HomepageLocation", lint.Warning, `"Typed"`, []string{one, configuration("Typed", everyone, "", fmt.Sprintf(typed, "https://b.example/"))}, []string{one, configuration("Typed", everyone, "", fmt.Sprintf(typed, "https://a.example/"))}, nil, nil},
		{"configuration-conflict", "HomepageLocation", lint.Warning, "decides", []string{configuration("One", to(staff), pair("HomepageLocation", "https://a.example/")), two}, []string{configuration("One", to(guests), pair("HomepageLocation", "https://a.example/")), two}, nil, nil},
	}
}

func accessLaws() []law {
	all, need := `"includeUsers":["All"]`, `"compliantApplication"`
	ofStaff := `"includeGroups":["` + staff + `"]`
	return []law{
		{"access-without-protection", "grantControls.builtInControls", lint.Error, "none of them", []string{access("enabled", all, need), policy("")}, []string{access("enabled", all, need), policy(everyone)}, nil, nil},
		{"access-without-protection", "grantControls.builtInControls", lint.Warning, "none of them", []string{access("enabledForReportingButNotEnforced", all, need), policy("")}, []string{access("disabled", all, need), policy("")}, nil, nil},
		{"access-without-protection", "grantControls.builtInControls", lint.Warning, "some of them", []string{access("enabled", all, need), policy(to(staff))}, []string{access("enabled", all, need+`,"compliantDevice"`), policy(to(staff))}, nil, nil},
		{"access-without-protection", "grantControls.builtInControls", lint.Warning, "some of them", []string{access("enabled", all, need), policy(everyone + "," + not(staff))}, []string{access("enabled", all+`,"excludeGroups":["`+staff+`"]`, need), policy(everyone + "," + not(staff))}, nil, nil},
		{"access-without-protection", "conditions.users.includeGroups[0]", lint.Warning, staff, []string{access("enabled", ofStaff, need), policy(to(guests))}, []string{access("enabled", ofStaff, need), policy(to(staff))}, nil, nil},
	}
}

func TestEveryRuleFindsWhatItIsForAndNothingElse(t *testing.T) {
	tested := map[string]bool{}
	for i, l := range slices.Concat(protectionLaws(), targetLaws(), configurationLaws(), accessLaws()) {
		t.Run(fmt.Sprint(i, " ", l.rule), func(t *testing.T) {
			tested[l.rule] = true
			mine := func(f lint.Finding) bool { return f.Rule == l.rule }
			found := check(t, l.facts, l.bad...)
			at := slices.IndexFunc(found, mine)
			if at < 0 {
				t.Fatalf("nothing found; others: %+v", found)
			}
			if f := found[at]; f.Property != l.property || f.Severity != l.severity || !strings.Contains(f.Why+f.Do, l.says) || f.Do == "" || f.Kind == "" || f.Name == "" || f.Source == "" {
				t.Errorf("found %+v", f)
			}
			if again := check(t, l.better, l.good...); slices.ContainsFunc(again, mine) {
				t.Errorf("found where nothing is wrong: %+v", again)
			}
		})
	}
	for _, r := range lint.Rules() {
		if !tested[r.Name] {
			t.Errorf("no test has seen %s find anything", r.Name)
		}
	}
}

func TestRulesThatNeedAServiceAreSilentWithoutOne(t *testing.T) {
	for _, f := range check(t, nil, policy(to(staff), `"minimumRequiredAppVersion":"999"`), filter("windowsMobileApplicationManagement")) {
		for _, r := range lint.Rules() {
			if r.Name == f.Rule && r.Asks {
				t.Errorf("%+v", f)
			}
		}
	}
}

func TestFindingsComeWorstFirst(t *testing.T) {
	found := check(t, nil, policy(everyone, `"minimumWarningAppVersion":"1","minimumRequiredAppVersion":"2"`), policy(""), strings.Replace(policy(to("x")), "T_3", "T_4", 1))
	order := []lint.Severity{lint.Error, lint.Warning, lint.Note}
	if len(found) < 3 || !slices.IsSortedFunc(found, func(a, b lint.Finding) int {
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	}) {
		t.Errorf("%+v", found)
	}
}

func TestPartsOfTheProductAreNotJudged(t *testing.T) {
	role := `{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleDefinition","id":"x","displayName":"R","isBuiltIn":true,"roleScopeTagIds":["7"]}`
	if found := check(t, &document.Facts{}, role); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestTheManualListsEveryRule(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operate/administration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range lint.Rules() {
		if !strings.Contains(string(manual), "`"+r.Name+"`") || !strings.Contains(string(manual), r.About) {
			t.Errorf("docs/operate/administration.md does not list %s: %s", r.Name, r.About)
		}
	}
}
