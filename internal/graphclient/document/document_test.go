package document_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

func load(t *testing.T, text string) []document.Document {
	t.Helper()
	docs, err := document.Load("-", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

func TestAnObjectIsRecognisedByTypeByContextOrByWhatItHas(t *testing.T) {
	for text, want := range map[string]string{
		`{"@odata.type":"#microsoft.graph.roleDefinition","displayName":"x"}`:                                                                  document.Role,
		`{"@odata.context":"https://graph.example/beta/$metadata#deviceManagement/roleScopeTags/$entity","displayName":"x"}`:                   document.ScopeTag,
		`{"@odata.context":"https://graph.example/beta/$metadata#deviceManagement/roleScopeTags","value":[{"displayName":"x"}]}`:               document.ScopeTag,
		`{"@odata.context":"https://graph.example/beta/$metadata#deviceAppManagement/windowsManagedAppProtections(apps())","displayName":"x"}`: document.Protection,
		`{"@odata.context":"https://graph.example/v1.0/$metadata#identity/conditionalAccess/policies/$entity","displayName":"x"}`:              document.Access,
		`{"displayName":"x","rule":"(app.deviceModel -eq \"x\")"}`:                                                                             document.Filter,
		`{"displayName":"x","customSettings":[]}`:                                                                                              document.Configuration,
		`{"displayName":"x","rolePermissions":[]}`:                                                                                             document.Role,
		`{"displayName":"x","resourceScopes":[]}`:                                                                                              document.RoleGrant,
		`{"displayName":"x","apps":[{"mobileAppIdentifier":{"windowsAppId":"com.microsoft.edge"}}]}`:                                           document.Protection,
		`{"userPrincipalName":"x@y.example"}`:                                                                                                  document.User,
		"\xef\xbb\xbf" + `[{"@odata.type":"#microsoft.graph.group","displayName":"x"}]`:                                                        document.Group,
	} {
		if docs := load(t, text); len(docs) != 1 || docs[0].Kind.OData != want {
			t.Errorf("%s is %v, want %s", text, docs, want)
		}
	}
}

func TestKindsHaveEachTheirOwnTypeFolderAndPath(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range document.Kinds() {
		for what, name := range map[string]string{"type": k.OData, "folder": k.Folder, "path": k.Path, "title": k.Title} {
			if name == "" || seen[what+name] {
				t.Errorf("%s: the %s %q is missing or there twice", k.OData, what, name)
			}
			seen[what+name] = true
		}
		if found, ok := document.KindOf(k.OData); !ok || found.Path != k.Path {
			t.Errorf("%s is not found", k.OData)
		}
	}
	if _, ok := document.KindOf("managedDevice"); ok {
		t.Error("a kind that is not supported is found")
	}
}

func TestReferencesAreThoseThatNameOtherObjects(t *testing.T) {
	for text, want := range map[string]string{
		`{"displayName":"x","@odata.type":"#microsoft.graph.windowsManagedAppProtection","roleScopeTagIds":["0","7"],"assignments":[{"target":{"groupId":"g","deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"include"}}]}`: "[assignments[0].target.groupId=g assignments[0].target.deviceAndAppManagementAssignmentFilterId=f roleScopeTagIds=7]",
		`{"displayName":"x","@odata.type":"#microsoft.graph.windowsManagedAppProtection","assignments":[{"target":{"groupId":"g","deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"none"}}]}`:                                "[assignments[0].target.groupId=g]",
		`{"displayName":"x","@odata.type":"#microsoft.graph.windowsManagedAppProtection","assignments":[{"target":{"deviceAndAppManagementAssignmentFilterId":"00000000-0000-0000-0000-000000000000","deviceAndAppManagementAssignmentFilterType":"include"}}]}`:        "[]",
		`{"displayName":"x","conditions":{"users":{"includeUsers":["All","u"],"excludeGroups":["g"]},"applications":{"includeApplications":["Office365","a"]}}}`:                                                                                                        "[conditions.users.includeUsers=u conditions.users.excludeGroups=g conditions.applications.includeApplications=a]",
		`{"displayName":"x","members":["g"],"resourceScopes":["s"],"roleDefinition@odata.bind":"https://h/beta/deviceManagement/roleDefinitions('r')"}`:                                                                                                                 "[members=g resourceScopes=s roleDefinition=r]",
		`{"displayName":"x","securityEnabled":true,"members@odata.bind":["https://h/v1.0/users/u","https://h/v1.0/groups('g')/"]}`:                                                                                                                                      "[members@odata.bind=u members@odata.bind=g]",
	} {
		var got []string
		for _, r := range document.References(load(t, text)[0]) {
			got = append(got, r.Property+"="+r.ID)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s refers to %v, want %s", text, got, want)
		}
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	d := load(t, `{"userPrincipalName":"a@b.example","passwordProfile":{"password":"correct horse"}}`)[0]
	doc, err := json.Marshal(d.Kind.Wanted(d.Body))
	if err != nil || strings.Contains(string(doc), "correct horse") || !strings.Contains(string(doc), "passwordProfile") {
		t.Errorf("%v %s", err, doc)
	}
}

func TestADifferenceOfListsSaysWhatGoesAndWhatComes(t *testing.T) {
	k, _ := document.KindOf(document.Protection)
	app := func(ids ...string) map[string]any {
		var list []any
		for _, id := range ids {
			list = append(list, map[string]any{"id": id + ".windows", "mobileAppIdentifier": map[string]any{"windowsAppId": id}})
		}
		return map[string]any{"apps": list}
	}
	changed, differences := k.Compare(app("a", "b"), app("b", "c"))
	if len(changed) != 1 || len(differences) != 1 || len(differences[0].Added) != 1 || len(differences[0].Removed) != 1 {
		t.Fatalf("%v %+v", changed, differences)
	}
	if added := fmt.Sprint(differences[0].Added[0]); !strings.Contains(added, "a.windows") {
		t.Errorf("added %s", added)
	}
}

// FuzzLoad wants that no input breaks the reading of documents, and that an
// object is never different from itself.
func FuzzLoad(f *testing.F) {
	f.Add(`{"displayName":"x","customSettings":[{"name":"HomepageLocation","value":"x"}],"settings":[{"settingInstance":{"settingDefinitionId":"com.microsoft.edge.mamedgeappconfigsettings.homepagelocation","simpleSettingValue":{"value":7}}}]}`)
	f.Add(`{"displayName":"x","rolePermissions":[{"resourceActions":[{"allowedResourceActions":["a",7]}]}]}`)
	f.Add(`{"value":[{"displayName":"x","assignments":[{"target":null},7],"apps":[null],"rule":7}]}`)
	f.Add(`[[[{"userPrincipalName":"x","members@odata.bind":["'(/"]}]]]`)
	f.Fuzz(func(t *testing.T, text string) {
		docs, err := document.Load("-", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, d := range docs {
			_, _ = document.References(d), d.Kind.Wanted(d.Body)
			body := document.NewIdentifiers().Rewrite(d.Body)
			if _, differences := d.Kind.Compare(d.Body, body); len(differences) > 0 {
				t.Errorf("%s differs from itself: %+v", d, differences)
			}
			_ = d.Kind.Exported(d.Body)
			_ = d.Kind.Outgoing(d.Body, nil)
		}
	})
}

func TestAFolderIsReadWhole(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.json": `{"userPrincipalName":"a@b.example"}`, "b.JSON": `{"userPrincipalName":"b@b.example"}`, "c.txt": "no"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if docs, err := document.Load(dir, nil); err != nil || len(docs) != 2 {
		t.Errorf("%v %v", docs, err)
	}
}
