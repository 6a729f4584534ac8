package edm_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/edm/served"
)

func TestAPathLeadsToAType(t *testing.T) {
	m := served.Model("beta")
	for path, want := range map[string]string{
		"users":                                 "[]graph.user",
		"users/0123":                            "graph.user",
		"users('a/b@c')":                        "graph.user",
		"users(id,displayName)":                 "[]graph.user",
		"devices(deviceId='x')":                 "graph.device",
		"groups/x/members/microsoft.graph.user": "[]graph.user",
		"groups/x/members/graph.user/y":         "graph.user",
		"groups('x')/owners('y')":               "graph.directoryObject",
		"users/x/displayName":                   "Edm.String",
		"users/x/getManagedAppPolicies()":       "[]graph.managedAppPolicy",
		"users/microsoft.graph.delta()":         "[]graph.user",
		"deviceAppManagement":                   "graph.deviceAppManagement",
		"deviceAppManagement/windowsManagedAppProtections(apps(),assignments())": "[]graph.windowsManagedAppProtection",
		"deviceAppManagement/windowsManagedAppProtections('T_1')/apps":           "[]graph.managedMobileApp",
		"deviceAppManagement/managedAppRegistrations/x/operations/y":             "graph.managedAppOperation",
		"identity/conditionalAccess/policies":                                    "[]graph.conditionalAccessPolicy",
		"Collection(Edm.String)":                                                 "[]Edm.String",
		"Collection(microsoft.graph.whatIfAnalysisResult)":                       "[]graph.whatIfAnalysisResult",
		"microsoft.graph.passwordCredential":                                     "graph.passwordCredential",
		"#graph.passwordCredential":                                              "graph.passwordCredential",
		"Edm.Boolean":                                                            "Edm.Boolean",
		"":                                                                       "", "me": "", "users/x/nothing": "", "users/x/y/z": "", "users/$count": "",
		"groups/x/microsoft.graph.user": "", "users/x/wipeAndBlockManagedApps": "", "Collection(graph.fish)": "", "nothing/users": "",
	} {
		p, ok := m.At(path)
		got := p.Type
		if p.Collection {
			got = "[]" + got
		}
		if got != want && (ok || want != "") || ok != (want != "") {
			t.Errorf("%q is %q, %v; want %q", path, got, ok, want)
		}
	}
}

func TestAnAnswerIsCheckedAsWhatItsContextNames(t *testing.T) {
	m := served.Model("beta")
	for text, want := range map[string]string{
		`{"@odata.context":"https://h/beta/$metadata#users/$entity","displayName":"x"}`:                     "",
		`{"@odata.context":"https://h/beta/$metadata#users/$entity","displayName":7}`:                       "displayName: 7",
		`{"@odata.context":"https://h/beta/$metadata#users(displayName)","value":[{"displayName":"x"}]}`:    "",
		`{"@odata.context":"https://h/beta/$metadata#users","value":[{},{"mail":7}]}`:                       "value[1].mail: 7",
		`{"@odata.context":"https://h/beta/$metadata#users","value":{}}`:                                    "value: {} is not valid; valid: a list",
		`{"@odata.context":"https://h/beta/$metadata#users"}`:                                               "value: null is not allowed",
		`{"@odata.context":"https://h/beta/$metadata#users/$delta","value":[{"mail":"x"}]}`:                 "",
		`{"@odata.context":"https://h/beta/$metadata#deviceAppManagement/managedAppPolicies","value":[{}]}`: "value[0]: managedAppPolicy is abstract",
		`{"@odata.context":"https://h/beta/$metadata#Collection(Edm.String)","value":["x"]}`:                "",
		`{"@odata.context":"https://h/beta/$metadata#Edm.Boolean","value":"x"}`:                             `value: "x"`,
		`{"@odata.context":"https://h/beta/$metadata#microsoft.graph.passwordCredential","keyId":"x"}`:      `keyId: "x"`,
		`{"@odata.context":"https://h/beta/$metadata#me"}`:                                                  "@odata.context: there is no \"me\"",
		`{"value":[]}`: "@odata.context: \"\" names nothing",
		`{"error":{"code":"BadRequest","message":"no"}}`: "",
		`{"error":{"code":"BadRequest"}}`:                "error: needs code and message",
		`{"error":{"message":"no"}}`:                     "error: needs code and message",
	} {
		faults := m.CheckAnswer(objects(t, text)[0])
		if want == "" {
			verdict(t, text, faults)
		} else {
			verdict(t, text, faults, want)
		}
	}
}

// What people published is of the served types: conditional access policies
// and the app protection policy for Windows.
func TestPublishedPoliciesAreOfTheServedTypes(t *testing.T) {
	dir := os.Getenv("POSTERN_REALDATA")
	if dir == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") != "" {
			t.Fatal("POSTERN_REALDATA names no folder")
		}
		t.Skip("POSTERN_REALDATA names no folder with real policies")
	}
	m, checked := served.Model("beta"), 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var v map[string]any
		if json.Unmarshal(text, &v) != nil {
			return nil
		}
		typ, _ := v["@odata.type"].(string)
		if _, ok := v["grantControls"]; ok && typ == "" {
			typ = "conditionalAccessPolicy"
		}
		if _, ok := m.Type(typ); !ok {
			return nil
		}
		checked++
		for _, fault := range m.CheckIn(typ, v) {
			// one exporter writes an empty list for an object that is not there
			if !strings.HasPrefix(fault, "conditions.locations: [] is not valid; valid: an object") {
				t.Errorf("%s: %s", strings.TrimPrefix(path, dir), fault)
			}
		}
		return nil
	})
	if err != nil || checked < 20 {
		t.Errorf("only %d policies were checked: %v", checked, err)
	}
	t.Logf("%d published policies", checked)
}
