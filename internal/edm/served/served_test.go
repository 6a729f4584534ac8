package served_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/edm"
	"github.com/postern-mam/postern/internal/edm/served"
)

var versions = []string{"v1.0", "beta"}

// reference reads the CSDL that Microsoft publishes, when it is at hand.
func reference(t *testing.T, version string) *edm.Model {
	t.Helper()
	dir := os.Getenv("POSTERN_GRAPHDATA")
	if dir == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") != "" {
			t.Fatal("POSTERN_GRAPHDATA names no folder")
		}
		t.Skip("POSTERN_GRAPHDATA names no folder with the reference CSDL")
	}
	text, err := os.ReadFile(filepath.Join(dir, version+".csdl.xml"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := edm.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// types walks through a model by what it writes, so that nothing is left out.
func types(t *testing.T, m *edm.Model) []edm.Type {
	t.Helper()
	var all []edm.Type
	for _, name := range m.Names() {
		typ, ok := m.Type(name)
		if !ok {
			t.Fatalf("%s is a name without a type", name)
		}
		all = append(all, typ)
	}
	return all
}

func TestTheServedModelAgreesWithTheReference(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			ref, ours := reference(t, version), served.Model(version)
			checked := 0
			for _, have := range types(t, ours) {
				if have.Name == "posternExtension" {
					continue
				}
				want, ok := ref.Type(have.Name)
				if slices.Contains(beyond, have.Name) {
					if ok {
						t.Errorf("the metadata has %s by now; take it off the list", have.Name)
					}
					continue
				}
				if !ok {
					t.Errorf("%s is no type of Graph %s", have.Name, version)
					continue
				}
				checked += agree(t, have, want)
			}
			for _, o := range ours.Operations() {
				if !slices.ContainsFunc(ref.Operations(), func(r edm.Operation) bool { return sameCall(o, r) }) {
					t.Errorf("%s on %s is no operation of Graph %s", o.Name, o.Binding.Type, version)
				}
			}
			for _, s := range ours.Sets() {
				if !slices.Contains(ref.Sets(), s) && !slices.Contains(beyond, s.Name) {
					t.Errorf("%s is no way into Graph %s", s.Name, version)
				}
			}
			if checked < 700 {
				t.Errorf("only %d properties and members were compared", checked)
			}
		})
	}
}

// undeclared are members that Microsoft's reference of an enumeration describes
// and its published metadata lacks. Policies in the field have them, so that we
// must declare them for clients that read $metadata.
// https://learn.microsoft.com/graph/api/resources/intune-mam-windowsmanagedappclipboardsharinglevel
var undeclared = map[string][]string{
	"windowsManagedAppClipboardSharingLevel": {"orgDestinationAnySource", "orgDestinationOrgSource"},
}

// beyond are types that Graph has and the copy of its metadata leaves out: terms
// of use.
var beyond = []string{
	"agreement", "agreementAcceptance", "agreementAcceptanceState", "agreementFile", "agreementFileData", "agreementFileLocalization",
	"agreementFileProperties", "identityGovernance", "termsExpiration", "termsOfUseContainer",
}

func agree(t *testing.T, have, want edm.Type) int {
	t.Helper()
	if have.Kind != want.Kind || have.Base != want.Base || have.Abstract != want.Abstract || have.Open != want.Open ||
		have.Flags != want.Flags || !slices.Equal(have.Key, want.Key) {
		t.Errorf("%s is declared as %+v, Graph has %+v", have.Name, have, want)
	}
	for i, member := range have.Members {
		if slices.Contains(undeclared[have.Name], member) {
			if slices.Contains(want.Members, member) {
				t.Errorf("%s: Graph declares %s by now; take it off the list", have.Name, member)
			}
			continue
		}
		at := slices.Index(want.Members, member)
		if at < 0 || want.Values[at] != have.Values[i] {
			t.Errorf("%s: %s = %d is no member", have.Name, member, have.Values[i])
		}
	}
	if len(have.Members)-len(undeclared[have.Name]) != len(want.Members) {
		t.Errorf("%s has %d members, Graph has %d", have.Name, len(have.Members), len(want.Members))
	}
	for _, p := range have.Properties {
		if p.Name == edm.Extension {
			continue
		}
		p.ReadOnly = false // Graph's CSDL does not say it in line
		if !slices.Contains(want.Properties, p) {
			t.Errorf("%s: Graph has no property %+v", have.Name, p)
		}
	}
	return len(have.Members) + len(have.Properties)
}

func sameCall(a, b edm.Operation) bool {
	return a.Name == b.Name && a.Action == b.Action && a.Binding == b.Binding && a.Returns == b.Returns && slices.Equal(a.Parameters, b.Parameters)
}

func TestTheServedModelHasWhatTheDoorServes(t *testing.T) {
	for _, version := range versions {
		m := served.Model(version)
		for _, name := range []string{
			"user", "group", "device", "directoryObject", "application", "servicePrincipal", "passwordCredential", "keyCredential",
			"webApplication", "publicClientApplication", "spaApplication", "appRole", "organization", "verifiedDomain", "managedAppPolicy",
			"managedAppProtection", "targetedManagedAppConfiguration", "managedMobileApp", "androidMobileAppIdentifier",
			"targetedManagedAppPolicyAssignment", "exclusionGroupAssignmentTarget", "managedAppPolicyDeploymentSummaryPerApp", "keyValuePair",
			"managedAppRegistration", "managedAppOperation", "managedAppStatusRaw", "mobileThreatDefenseConnector",
			"deviceAndAppManagementRoleDefinition", "deviceAndAppManagementRoleAssignment", "rolePermission", "resourceAction", "auditEvent",
			"auditProperty", "directoryAudit", "targetResource", "signIn", "signInStatus", "appliedConditionalAccessPolicy",
			"conditionalAccessPolicy", "ipNamedLocation", "countryNamedLocation", "iPv6CidrRange", "whatIfAnalysisResult",
			"persistentBrowserSessionControl", "posternExtension",
		} {
			if _, ok := m.Type(name); !ok {
				t.Errorf("%s lacks %s", version, name)
			}
		}
		for _, name := range []string{
			"windowsManagedAppProtection", "windowsManagedAppRegistration", "windowsAppIdentifier", "macAppIdentifier",
			"deviceManagementConfigurationChoiceSettingInstance", "deviceManagementConfigurationStringSettingValue",
			"managedAppLogCollectionRequest", "managedAppLogUpload", "deviceAndAppManagementAssignmentFilter", "assignmentFilterState",
			"assignmentFilterSupportedProperty", "assignmentFilterValidationResult", "roleScopeTag", "roleScopeTagAutoAssignment",
		} {
			if _, ok := m.Type(name); ok != (version == "beta") {
				t.Errorf("%s: %s is there: %v", version, name, ok)
			}
		}
		if p, ok := m.Property("windowsManagedAppRegistration", edm.Extension); version == "beta" && (!ok || p.Type != "graph.posternExtension") {
			t.Errorf("a registration has no extension: %+v", p)
		}
	}
}

func TestAnUnknownVersionHasNoModel(t *testing.T) {
	if m := served.Model("v2.0"); m != nil {
		t.Errorf("v2.0 has a model: %v", m.Names())
	}
}

func TestTheServedModelIsReadBackAsItWasWritten(t *testing.T) {
	for _, version := range versions {
		m := served.Model(version)
		first := written(t, m)
		again, err := edm.Parse(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := written(t, again); !bytes.Equal(first, second) {
			t.Errorf("%s: what is read back is written otherwise", version)
		}
		if !bytes.Contains(first, []byte(`<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">`)) ||
			!bytes.Contains(first, []byte(`<Singleton Name="deviceAppManagement" Type="graph.deviceAppManagement">`)) {
			t.Errorf("%s is no CSDL as clients know it:\n%.400s", version, first)
		}
		user, _ := m.Type("user")
		same, _ := again.Type("user")
		if len(user.Properties) != len(same.Properties) {
			t.Errorf("%s: properties of user got lost", version)
		}
	}
}

func written(t testing.TB, m *edm.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func BenchmarkServed(b *testing.B) {
	for b.Loop() {
		served.Model("beta")
	}
}

// The bodies that released clients were seen to send are of the served types,
// and the answers that they accepted are of the reference's.
func TestRecordedRequestsAreOfTheServedTypes(t *testing.T) {
	models := map[string]*edm.Model{"v1.0": served.Model("v1.0"), "beta": served.Model("beta")}
	reference(t, "beta")
	file, err := os.Open(filepath.Join(os.Getenv("POSTERN_GRAPHDATA"), "recorded.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	checked, lines := 0, bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct {
			Method, Path string
			Body         any
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		body, isObject := r.Body.(map[string]any)
		version, path, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
		m := models[version]
		if m == nil || !isObject || strings.HasSuffix(path, "$batch") || strings.HasSuffix(path, "$ref") {
			continue
		}
		where, action := path, ""
		p, ok := m.At(where)
		if slash := strings.LastIndexByte(path, '/'); !ok && slash > 0 {
			where, action = path[:slash], path[slash+1:]
			p, ok = m.At(where)
		}
		if !ok {
			t.Errorf("%s %s leads nowhere", r.Method, r.Path)
			continue
		}
		faults := m.CheckIn(p.Type, body)
		if action != "" {
			faults = m.CheckAction(p.Type, action, body)
		}
		for _, fault := range faults {
			t.Errorf("%s %s: %s", r.Method, r.Path, fault)
		}
		checked++
	}
	if checked < 25 {
		t.Errorf("only %d recorded bodies were checked", checked)
	}
	t.Logf("%d recorded bodies", checked)
}
