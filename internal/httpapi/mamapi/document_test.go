package mamapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/postern-mam/postern/internal/enforcement"
)

const published = "../../../wire/"

// document is wire/openapi.yaml. Whatever the tests of the door exchange must
// be as it says.
type document struct {
	doc    *openapi3.T
	router routers.Router
}

type exchange struct {
	request *http.Request
	gzipped bool
	answer  *http.Response
	body    []byte
}

func openDocument(t testing.TB) *document {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(published + "openapi.yaml")
	must(t, err)
	must(t, doc.Validate(t.Context()))
	return &document{doc: doc}
}

func (d *document) serve(t testing.TB, base string) {
	t.Helper()
	d.doc.Servers = openapi3.Servers{{URL: base}}
	var err error
	d.router, err = legacy.NewRouter(d.doc)
	must(t, err)
}

// check holds one exchange against the document. A request that the door
// refused may be what the document forbids; the answer never.
func (d *document) check(t testing.TB, x exchange) {
	t.Helper()
	route, params, err := d.router.FindRoute(x.request)
	if err != nil {
		t.Fatalf("%s %s is not in the document: %v", x.request.Method, x.request.URL, err)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: x.request, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, ExcludeRequestBody: x.gzipped,
		},
	}
	if x.answer.StatusCode < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("the door accepts what the document forbids: %v", err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: x.answer.StatusCode, Header: x.answer.Header,
		Body: io.NopCloser(bytes.NewReader(x.body)), Options: in.Options,
	}
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("the answer is not as the document says: %v", err)
	}
}

// Each file of the vectors is an example of one schema of the document.
func TestTheVectorsAreAsTheDocumentSays(t *testing.T) {
	d := openDocument(t)
	for file, schema := range map[string]string{
		"register-device.json": "RegisterDevice", "device.json": "Device", "enroll.json": "Enroll", "enrollment.json": "Enrollment",
		"policy.json": "Policy", "check-in.json": "CheckIn", "check-in-result.json": "CheckInResult", "nudge.json": "Nudge",
		"operations.json": "Operations", "receipt.json": "ReceiptEnvelope", "health-report.json": "HealthReport",
		"health-accepted.json": "HealthAccepted", "problem.json": "Problem", "diagnostics.json": "Diagnostics",
	} {
		d.matches(t, schema, read(t, file))
	}
	for file, schema := range map[string]string{
		"wipe-order.json": "WipeOrder", "diagnostics-order.json": "WipeOrder", "wipe-receipt.json": "WipeReceipt", "device-proof.json": "DeviceProof",
	} {
		var v struct{ Payload json.RawMessage }
		must(t, json.Unmarshal(read(t, file), &v))
		d.matches(t, schema, v.Payload)
	}
}

func TestEverySchemaHasAVector(t *testing.T) {
	d := openDocument(t)
	files, err := filepath.Glob(published + "testdata/*.json")
	must(t, err)
	have := map[string]bool{}
	for _, f := range files {
		have[strings.ReplaceAll(strings.TrimSuffix(filepath.Base(f), ".json"), "-", "")] = true
	}
	parts := map[string]bool{
		"Management": true, "Check": true, "Control": true, "Configured": true, "Subject": true, "ProviderState": true, "Reason": true,
		"Operation": true, "HealthState": true, "Version": true, "JWS": true,
	}
	for name := range d.doc.Components.Schemas {
		file := strings.ToLower(strings.TrimSuffix(name, "Envelope"))
		if !parts[name] && !have[file] {
			t.Errorf("schema %s has no vector", name)
		}
	}
}

// The document spells the words of controls as the service reads them.
func TestTheDocumentHasTheWordsOfControls(t *testing.T) {
	of := openDocument(t).doc.Components.Schemas["Control"].Value.Properties
	var gaps, controls []any
	for _, g := range enforcement.Gaps() {
		gaps = append(gaps, g.Word)
	}
	for _, c := range enforcement.Controls() {
		controls = append(controls, c)
	}
	if got := of["gaps"].Value.Items.Value.Enum; !slices.Equal(got, gaps) {
		t.Errorf("gaps are %v, want %v", got, gaps)
	}
	if got := of["control"].Value.Enum; !slices.Equal(got, controls) {
		t.Errorf("controls are %v, want %v", got, controls)
	}
}

func (d *document) matches(t *testing.T, schema string, document []byte) {
	t.Helper()
	s := d.doc.Components.Schemas[schema]
	if s == nil {
		t.Fatalf("the document has no schema %s", schema)
	}
	var v any
	must(t, json.Unmarshal(document, &v))
	if err := s.Value.VisitJSON(v, openapi3.EnableFormatValidation()); err != nil {
		t.Errorf("the vector of %s: %v", schema, err)
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(published + "testdata/" + file)
	must(t, err)
	return b
}
