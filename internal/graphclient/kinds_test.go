package graphclient_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/graphclient"
	"github.com/postern-mam/postern/internal/graphclient/document"
)

const (
	berlin  = `{"@odata.context":"https://graph.example/beta/$metadata#deviceManagement/roleScopeTags/$entity","id":"7","displayName":"Berlin","description":"Office","isBuiltIn":false}`
	filter  = `{"@odata.type":"#microsoft.graph.deviceAndAppManagementAssignmentFilter","id":"44444444-4444-4444-8444-444444444444","displayName":"New PCs","platform":"windowsMobileApplicationManagement","assignmentFilterManagementType":"apps","rule":"(app.deviceModel -startsWith \"PC\")","roleScopeTags":["7"],"payloads":[]}`
	filters = `"deviceAndAppManagementAssignmentFilterId":"44444444-4444-4444-8444-444444444444","deviceAndAppManagementAssignmentFilterType":"include"`
	edge    = `{"@odata.type":"#microsoft.graph.targetedManagedAppConfiguration","id":"A_55555555-5555-4555-8555-555555555555","displayName":"Edge settings","description":"",
		"customSettings":[{"name":"seven","value":"7"},{"name":"homepageLocation","value":"https://intranet.example/"}],"roleScopeTagIds":["7"],"targetedAppManagementLevels":"unmanaged","appGroupType":"selectedPublicApps",
		"settings":[{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSetting","id":"0","settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
			"settingDefinitionId":"com.microsoft.edge.mamedgeappconfigsettings.favoritesbarenabled","choiceSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingValue","value":"com.microsoft.edge.mamedgeappconfigsettings.favoritesbarenabled_1","children":[]}}}],
		"apps":[{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"com.microsoft.edge"}}],
		"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"11111111-1111-4111-8111-111111111111",` + filters + `}}],"postern":{"priority":7}}`
	wiper = `{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleDefinition","id":"66666666-6666-4666-8666-666666666666","displayName":"Wiper","description":null,"isBuiltIn":false,"roleScopeTagIds":["7"],
		"rolePermissions":[{"resourceActions":[{"allowedResourceActions":["Microsoft.Intune_ManagedApps_Wipe","Microsoft.Intune_ManagedApps_Read"],"notAllowedResourceActions":[]}]}]}`
	held = `{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleAssignment","displayName":"Wipers","description":"","members":["11111111-1111-4111-8111-111111111111"],"resourceScopes":["11111111-1111-4111-8111-111111111111"],
		"roleScopeTagIds":["7"],"roleDefinition@odata.bind":"https://elsewhere/beta/deviceManagement/roleDefinitions('66666666-6666-4666-8666-666666666666')"}`
)

// everything is one of each kind that a document can hold.
func everything() string {
	return "[" + strings.Join([]string{held, wiper, edge, filter, berlin, staff, protect, require, wsc, site, ada}, ",") + "]"
}

func TestEveryKindIsAppliedInTheOrderOfDependence(t *testing.T) {
	s := newService(t)
	other := strings.NewReplacer("Berlin", "Paris", `"7"`, `"9"`).Replace(berlin)
	s.apply(s.write("tag.json", other)) // takes the first number, so that those of the documents must be rewritten
	dir := s.write("all.json", everything())
	if plan := s.apply(dir); plan.Count(graphclient.Create) != 11 {
		t.Fatalf("%d created, want 11", plan.Count(graphclient.Create))
	}
	s.unchanged(dir)
	back := s.export()
	s.unchanged(back)
	doc := read(t, filepath.Join(back, "app-configuration", "edge-settings.json"))
	if !strings.Contains(doc, `"7"`) {
		t.Errorf("a value that looks like a scope tag was rewritten: %s", doc)
	}
}

// normal makes exports of two services comparable: identifiers become the names
// of what they identify, and addresses go.
func normal(t *testing.T, dir string) map[string]string {
	t.Helper()
	out, names := map[string]string{}, []string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		var o map[string]any
		if err := json.Unmarshal(raw, &o); err != nil {
			return err
		}
		if id, _ := o["id"].(string); len(id) > 8 {
			names = append(names, id, "id of "+name)
		}
		if id, _ := o["appId"].(string); id != "" {
			names = append(names, id, "appId of "+name)
		}
		if strings.HasPrefix(name, "scope-tags") {
			delete(o, "id")
		}
		raw, err = json.MarshalIndent(o, "", " ")
		out[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer(names...)
	host := regexp.MustCompile(`https?://127\.0\.0\.1:\d+`)
	for name, doc := range out {
		out[name] = host.ReplaceAllString(replace.Replace(doc), "https://here")
	}
	return out
}

func TestAnExportAppliedElsewhereIsExportedTheSame(t *testing.T) {
	s, other := newService(t), newService(t)
	s.apply(s.write("all.json", everything()))
	first := s.export()
	// A password is the one thing that an export cannot hold.
	path := filepath.Join(first, "users", "ada-contoso-example.json")
	withPassword := strings.Replace(read(t, path), "{", `{"passwordProfile":{"password":"correct horse"},`, 1)
	if err := os.WriteFile(path, []byte(withPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	other.apply(first)
	other.unchanged(first)
	want, got := normal(t, first), normal(t, other.export())
	want["users/ada-contoso-example.json"] = strings.Replace(want["users/ada-contoso-example.json"], " \"passwordProfile\": {\n  \"password\": \"correct horse\"\n },\n", "", 1)
	if len(want) < 11 || len(want) != len(got) {
		t.Fatalf("%d files, then %d", len(want), len(got))
	}
	for name, doc := range want {
		if strings.HasPrefix(name, "organization") { // its identifier is the tenant's own
			continue
		}
		if got[name] != doc {
			t.Errorf("%s was\n%s\nand is\n%s", name, doc, got[name])
		}
	}
}

func deleted(p graphclient.Plan) (names []string) {
	for _, ch := range p.Changes {
		if ch.Action == graphclient.Delete {
			names = append(names, ch.Kind+" "+ch.Name)
		}
	}
	return names
}

// pruned plans with prune.
func (s *service) pruned(dir string) graphclient.Plan {
	s.Helper()
	docs, err := document.Load(dir, strings.NewReader(""))
	if err != nil {
		s.Fatal(err)
	}
	plan, err := s.client.Plan(s.Context(), graphclient.Wish{Documents: docs, Prune: true})
	if err != nil {
		s.Fatal(err)
	}
	return plan
}

func TestSpellingsThatMeanTheSameAreNoChange(t *testing.T) {
	s := newService(t)
	dir := s.write("all.json", everything())
	s.apply(dir)
	other := strings.NewReplacer(`"homepageLocation"`, `"HomepageLocation"`, `"https://intranet.example/"}`, `"\"https://intranet.example/\""}`,
		"favoritesbarenabled_1", "favoritesbarenabled_true", `"unmanaged"`, `"Unmanaged"`, "rolePermissions", "permissions", `"resourceScopes"`, `"scopeMembers"`,
		`"roleDefinition@odata.bind":"https://elsewhere/beta/deviceManagement/roleDefinitions('66666666-6666-4666-8666-666666666666')"`,
		`"roleDefinition":{"id":"66666666-6666-4666-8666-666666666666"}`).Replace(everything())
	s.unchanged(s.write("all.json", other))
}

func TestANumberOfAScopeTagIsNoKey(t *testing.T) {
	s := newService(t)
	s.apply(s.write("tag.json", berlin)) // the first number that is given
	paris := strings.NewReplacer("Berlin", "Paris", `"7"`, `"1"`).Replace(berlin)
	if plan := s.apply(s.write("tag.json", paris)); plan.Count(graphclient.Create) != 1 {
		t.Errorf("%+v", plan.Changes)
	}
}

func TestPruneDeletesLastWhatNoDocumentHoldsAndOnlyKindsThatTheDocumentsHold(t *testing.T) {
	s := newService(t)
	s.apply(s.write("all.json", everything()))
	another := strings.NewReplacer("Staff", "Others", "11111111", "99999999", "members@odata.bind", "members@odata.ignore").Replace(staff)
	rename := func(doc, from, to string) string {
		return regexp.MustCompile(`"id":"[^"]*",`).ReplaceAllString(strings.Replace(doc, from, to, 1), "")
	}
	dir := s.write("g.json", another, "p.json", strings.ReplaceAll(rename(protect, `"Edge"`, `"Other"`), "11111111", "99999999"),
		"f.json", rename(strings.Replace(filter, `"roleScopeTags":["7"],`, "", 1), "New PCs", "Old PCs"),
		"r.json", rename(strings.Replace(wiper, `"roleScopeTagIds":["7"],`, "", 1), "Wiper", "Reader"))
	plan := s.pruned(dir)
	// The configuration policy, whose kind no document has, uses the filter and the
	// group; the role assignment uses the role.
	if got := deleted(plan); !slices.Equal(got, []string{"app protection policy Edge"}) {
		t.Errorf("deleted: %v", got)
	}
	why := map[string]string{}
	for _, ch := range plan.Changes {
		if ch.Why != "" {
			why[ch.Name] = ch.Why
		}
	}
	for name, word := range map[string]string{"Wiper": "Wipers", "New PCs": "Edge settings", "Staff": "refers to it"} {
		if !strings.Contains(why[name], word) {
			t.Errorf("%s is kept because %q, want %q", name, why[name], word)
		}
	}
	if plan.Count(graphclient.Create) != 4 {
		t.Errorf("%+v", plan.Changes)
	}
}

func TestPruneOfEverythingLeavesWhatIsNobodysToDelete(t *testing.T) {
	s := newService(t)
	s.apply(s.write("all.json", everything()))
	keeping := []string{
		`{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","displayName":"Only","state":"disabled","conditions":{"clientAppTypes":["all"],"users":{"includeUsers":["All"]},"applications":{"includeApplications":["All"]}},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}`,
		`{"@odata.type":"#microsoft.graph.windowsManagedAppProtection","displayName":"Only"}`, `{"@odata.type":"#microsoft.graph.targetedManagedAppConfiguration","displayName":"Only","customSettings":[]}`,
		`{"@odata.type":"#microsoft.graph.deviceAndAppManagementAssignmentFilter","displayName":"Only","platform":"windows10AndLater","rule":"(device.model -eq \"x\")"}`,
		`{"@odata.type":"#microsoft.graph.roleScopeTag","displayName":"Only"}`, `{"@odata.type":"#microsoft.graph.group","displayName":"Only","mailNickname":"only","mailEnabled":false,"securityEnabled":true}`,
		`{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleDefinition","displayName":"Only","rolePermissions":[]}`,
		strings.NewReplacer("Ada", "Eve", "ada", "eve", "22222222", "77777777").Replace(ada), strings.Replace(site, "Intranet", "Only", 1),
		`{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleAssignment","displayName":"Only","members":["77777777-7777-4777-8777-777777777777"],"resourceScopes":[],"roleDefinition":{"id":"9e0cc482-82df-4ab2-a24c-0c23a3f52e1e"}}`,
	}
	keeping[8] = strings.NewReplacer("Intranet.example", "only.example", "api://intranet", "api://only").Replace(keeping[8])
	keeping[5] = strings.Replace(keeping[5], `"displayName"`, `"id":"77777777-7777-4777-8777-000000000000","displayName"`, 1)
	keeping[9] = strings.Replace(keeping[9], "77777777-7777-4777-8777-777777777777", "77777777-7777-4777-8777-000000000000", 1)
	dir := s.write("all.json", "["+strings.Join(keeping, ",")+"]")
	plan := s.pruned(dir)
	want := []string{
		"role assignment Wipers", "role definition Wiper", "conditional access policy Require app protection", "app configuration policy Edge settings",
		"app protection policy Edge", "assignment filter New PCs", "group Staff", "scope tag Berlin",
	}
	if got := deleted(plan); !slices.Equal(got, want) {
		t.Fatalf("deleted %v, want %v", got, want)
	}
	if err := s.client.Apply(t.Context(), plan, func(graphclient.Change) {}); err != nil {
		t.Fatal(err)
	}
	if again := s.pruned(dir); again.Changing() != 0 {
		t.Errorf("a second run would change %+v", again.Changes)
	}
	if _, err := s.client.Export(t.Context()); err != nil {
		t.Errorf("the client lost what it needs: %v", err)
	}
}

func TestWhatIsBuiltInIsNeverChanged(t *testing.T) {
	s := newService(t)
	role := `{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleDefinition","id":"9e0cc482-82df-4ab2-a24c-0c23a3f52e1e","displayName":"Help Desk Operator","isBuiltIn":true,"rolePermissions":[]}`
	if _, err := s.plan(s.write("r.json", role)); err == nil || !strings.Contains(err.Error(), "built in") || !strings.Contains(err.Error(), "rolePermissions") {
		t.Errorf("%v", err)
	}
}

func TestANameIsNoReferenceButSaysWhatTheIdentifierIs(t *testing.T) {
	s := newService(t)
	s.apply(s.write("g.json", staff, "u.json", ada))
	_, err := s.plan(s.write("p.json", strings.ReplaceAll(protect, "11111111-1111-4111-8111-111111111111", "Staff")))
	if err == nil || !strings.Contains(err.Error(), `is "Staff"; neither`) || !strings.Contains(err.Error(), "has the id ") {
		t.Errorf("%v", err)
	}
}

func TestOtherPlatformsAreRefusedByName(t *testing.T) {
	s := newService(t)
	for doc, word := range map[string]string{
		strings.Replace(filter, "windowsMobileApplicationManagement", "iOSMobileApplicationManagement", 1):                   "is for iOS",
		strings.Replace(filter, "windowsMobileApplicationManagement", "androidAOSP", 1):                                      "is for Android",
		strings.NewReplacer("windowsAppIdentifier", "androidMobileAppIdentifier", "windowsAppId", "packageId").Replace(edge): "apps[0] is an app for Android",
		`{"@odata.type":"#microsoft.graph.androidManagedStoreAppConfiguration","displayName":"x"}`:                           "is a policy for Android",
		strings.Replace(edge, "microsoft.graph.windowsAppIdentifier", "microsoft.graph.iosMobileAppIdentifier", 1):           "an app for iOS",
		strings.Replace(protect, `"#microsoft.graph.windowsAppIdentifier"`, `"#microsoft.graph.macAppIdentifier"`, 1):        "an app for macOS",
	} {
		if _, err := s.plan(s.write("x.json", doc)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v\ndoes not say %q", err, word)
		}
	}
}
