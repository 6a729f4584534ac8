package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/postern-mam/postern/wire"
)

// The vectors in testdata are what implementations in other languages test
// against. "go test ./wire -update" writes them anew; review them as code.
var update = flag.Bool("update", false, "write testdata anew")

const (
	tenant       = "5a1e2d6c-0000-4000-8000-000000000001"
	user         = "5a1e2d6c-0000-4000-8000-000000000002"
	device       = "5a1e2d6c-0000-4000-8000-000000000003"
	registration = "5a1e2d6c-0000-4000-8000-000000000004"
	wipe         = "5a1e2d6c-0000-4000-8000-000000000005"
	authority    = "https://postern.example/" + tenant
	policyID     = "T_5a1e2d6c-0000-4000-8000-000000000006"
)

func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func policy() wire.Policy {
	return wire.Policy{
		ETag:           "hJz2PqYw0c8Y1x3F",
		Settings:       map[string]string{"receiveDataFrom": "none", "sendOrgDataTo": "none", "cutCopyPaste": "orgDestinationAnySource", "printOrgData": "block"},
		Checks:         []wire.Check{{Subject: "offlineGracePeriod", Action: "block", Value: "43200"}, {Subject: "disabledAccount", Action: "wipe"}, {Subject: "minOsVersion", Action: "warn", Value: "10.0.22631.3155"}, {Subject: "maxThreatLevel", Action: "block", Value: "low"}},
		Sources:        map[string]string{"receiveDataFrom": policyID, "maxThreatLevel": policyID},
		CheckInSeconds: 1800, OrganizationOrigins: []string{"https://wiki.corp.example:8443"},
		Configuration: []wire.Configured{{Name: "HomepageLocation", Value: `"https://wiki.corp.example:8443"`, Typed: true, Source: "A_5a1e2d6c-0000-4000-8000-000000000007"}},
	}
}

// messages are one example of every body, by file name.
func messages() map[string]any {
	return map[string]any{
		"register-device.json": &wire.RegisterDevice{
			DisplayName: "Anna's laptop", Platform: "windows", OSVersion: "10.0.22631.3155", Model: "X1", Manufacturer: "Contoso", KeyProtection: "tpm",
		},
		"device.json": &wire.Device{ID: device},
		"enroll.json": &wire.Enroll{DeviceID: device, App: "com.microsoft.edge", AppVersion: "122.0.2365.52", SDKVersion: "1.0.0"},
		"policy.json": ptr(policy()),
		"check-in.json": &wire.CheckIn{
			AppVersion: "122.0.2365.52", SDKVersion: "1.0.0", OSVersion: "10.0.22631.3155", Adapter: "windows",
			Providers:  map[string]string{"antivirus": "good", "firewall": "poor", "autoUpdate": "good", "internetSettings": "good", "userAccountControl": "good", "securityCenter": "good"},
			MeasuredAt: at(), PolicyETag: policy().ETag, FailedChecks: []string{"maxThreatLevel"},
			Controls: []wire.Control{
				{Control: "printOrgData", State: "partly", By: "extension", Gaps: []string{"developerTools", "privateWindows"}}, {Control: "appConfiguration", State: "unknown", By: "nobody"},
			},
		},
		"check-in-result.json": &wire.CheckInResult{
			State: "noncompliant", Action: "block", PolicyETag: policy().ETag, Operations: 1, CheckInSeconds: 1800, ServerTime: at(),
			Reasons: []wire.Reason{{Code: "maxThreatLevel", Action: "block", Have: "high", Want: "at most low", Text: "The firewall is off.", Steps: []string{"Open Windows Security and choose Firewall & network protection."}}},
		},
		"nudge.json":      &wire.Nudge{What: "operation"},
		"operations.json": &wire.Operations{Value: []wire.Operation{{ID: wipe, Order: order().Compact}}},
		"receipt.json":    &wire.ReceiptEnvelope{Receipt: receipt().Compact},
		"health-report.json": &wire.HealthReport{Value: []wire.HealthState{
			{UserID: user, App: "com.microsoft.edge", DeviceID: device, State: "activeThreat", UpdatedAt: at()},
		}},
		"health-accepted.json": &wire.HealthAccepted{Value: []wire.HealthResult{{Result: "accepted"}, {Result: "stale", Detail: "the state stored for this installation is as new or newer"}}},
		"diagnostics.json": &wire.Diagnostics{
			CollectedAt: at(), AppVersion: "122.0.2365.52", SDKVersion: "1.0.0", OSVersion: "10.0.22631.3155", PolicyETag: policy().ETag,
			State: "compliant", LastSync: at(), Facts: map[string]string{"adapter": "windows"}, Log: []string{"2026-03-01T12:00:00Z check-in: compliant"},
		},
		"problem.json": &wire.Problem{
			Title: "Forbidden", Status: 403, Code: "managed", Detail: "this PC is managed by an organization; only personal PCs can be enrolled",
			Steps: []string{"use a personal PC"},
		},
	}
}

func ptr[T any](v T) *T { return &v }

// What the Go types write is the vector, and what they read from it is the
// same value again, with no member left over.
func TestMessagesReadAndWriteTheirVectors(t *testing.T) {
	for name, value := range messages() {
		t.Run(name, func(t *testing.T) {
			document := golden(t, name, value)
			read := reflect.New(reflect.TypeOf(value).Elem()).Interface()
			strict(t, document, read)
			if !reflect.DeepEqual(read, value) {
				t.Errorf("read %+v\nwant %+v", read, value)
			}
		})
	}
}

func TestAnEnrollmentCarriesPolicyAndKeys(t *testing.T) {
	keys := jwkSet{Keys: []jwk{public(serviceKey())}}
	document := golden(t, "enrollment.json", &wire.Enrollment{
		RegistrationID: registration, TenantID: tenant, UserID: user, Policy: policy(), OrderKeys: keys,
	})
	var read struct {
		wire.Enrollment
		OrderKeys jwkSet `json:"orderKeys"`
	}
	strict(t, document, &read)
	if !reflect.DeepEqual(read.Policy, policy()) || !reflect.DeepEqual(read.OrderKeys, keys) {
		t.Errorf("read %+v", read)
	}
}

func TestUnknownMembersPass(t *testing.T) {
	var n wire.Nudge
	if err := json.Unmarshal([]byte(`{"what":"hello","since":"tomorrow"}`), &n); err != nil || n.What != "hello" {
		t.Errorf("read %+v, %v", n, err)
	}
}

// golden returns the vector called name, which must be what value writes.
func golden(t *testing.T, name string, value any) []byte {
	t.Helper()
	var written bytes.Buffer
	enc := json.NewEncoder(&written)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, written.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, written.Bytes()) {
		t.Errorf("%s is\n%s\nwant\n%s", name, stored, written.Bytes())
	}
	return stored
}

func strict(t *testing.T, document []byte, v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		t.Fatal(err)
	}
}
