// Package csdl holds what the Graph door really sends against the metadata that
// Microsoft publishes for Graph: names, types, enumerations, nullability, and
// that the path which was asked exists there and leads to what came back.
//
// The metadata is no part of this repository. POSTERN_GRAPHDATA names the folder
// with v1.0.csdl.xml and beta.csdl.xml.
package csdl

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/edm"
)

// extension begins the names of operations that Graph has no word for.
const extension = "postern."

// extended is the context of what they answer: it is ours alone.
const extended = "graph.posternExtension"

// lent are the types that answers on v1.0 have although Graph declares them on
// beta alone: it has no others for apps, registrations and policies of Windows,
// and their bases are abstract. They are held against beta's declaration.
var lent = []string{
	"windowsManagedAppRegistration", "windowsAppIdentifier", "windowsManagedAppProtection",
	"windowsManagedAppDataTransferLevel", "windowsManagedAppClipboardSharingLevel", "managedAppRemediationAction",
	"managedAppDeviceThreatLevel",
}

// beyond are the paths that Graph has and the copy of its metadata leaves out.
var beyond = []string{"deviceManagement/reports/exportJobs", "identityGovernance", "me"}

// Reference is Graph's metadata, of both versions. Nil checks nothing.
type Reference struct{ models map[string]*edm.Model }

// Read reads the metadata. Where there is none it returns nil, and fails the
// test if POSTERN_REQUIRE_DATA is 1.
func Read(t testing.TB) *Reference {
	t.Helper()
	dir := os.Getenv("POSTERN_GRAPHDATA")
	if dir == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
			t.Fatal("POSTERN_GRAPHDATA is required here and missing")
		}
		t.Log("POSTERN_GRAPHDATA names no folder with Graph's metadata; answers are not held against it")
		return nil
	}
	beta := document(t, dir, "beta")
	r := &Reference{models: map[string]*edm.Model{}}
	for version, doc := range map[string]string{"beta": beta, "v1.0": lend(t, document(t, dir, "v1.0"), beta)} {
		var err error
		if r.models[version], err = edm.Parse([]byte(doc)); err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		for _, path := range beyond {
			if _, known := r.models[version].At(path); known {
				t.Fatalf("%s: the metadata has it by now; take it off the list", path)
			}
		}
	}
	return r
}

func document(t testing.TB, dir, version string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(dir, version+".csdl.xml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// lend copies the declarations of the lent types from one document to another.
// One that has them by now needs no loan.
func lend(t testing.TB, to, from string) string {
	t.Helper()
	for _, name := range lent {
		declaration := regexp.MustCompile(`(?s)<(EntityType|ComplexType|EnumType) Name="` + name + `".*?</(EntityType|ComplexType|EnumType)>`)
		found := declaration.FindString(from)
		if found == "" || declaration.MatchString(to) {
			t.Fatalf("%s: beta alone should declare it; correct the list", name)
		}
		to = strings.Replace(to, "<EntityContainer", found+"<EntityContainer", 1)
	}
	return to
}

// Answer is one answer of the door.
type Answer struct {
	Method      string
	URL         string // from the version on: "/beta/groups?$top=5"
	Status      int
	ContentType string
	Body        []byte
}

// Check fails the test with everything that is wrong with a.
func (r *Reference) Check(t testing.TB, a Answer) {
	t.Helper()
	for _, fault := range r.Faults(a) {
		t.Errorf("metadata: %s %s: %d: %s", a.Method, a.URL, a.Status, fault)
	}
}

// Faults is what is wrong with a; a nil Reference finds nothing.
func (r *Reference) Faults(a Answer) []string {
	if r == nil {
		return nil
	}
	version, path, ok := split(a.URL)
	model := r.models[version]
	switch {
	case !ok || model == nil:
		return []string{"the path names no version"}
	case path == "$metadata":
		return nil
	case a.Status == http.StatusNoContent:
		if len(a.Body) > 0 {
			return []string{"204 with a body"}
		}
		return nil
	case strings.HasPrefix(a.ContentType, "text/plain"):
		if _, err := strconv.Atoi(string(a.Body)); err != nil || !strings.HasSuffix(path, "/$count") {
			return []string{fmt.Sprintf("text/plain %q, which only a $count segment answers, with a number", a.Body)}
		}
		return nil
	case !strings.HasPrefix(a.ContentType, "application/json"):
		return []string{"Content-Type is " + a.ContentType}
	}
	var body map[string]any
	if err := json.Unmarshal(a.Body, &body); err != nil {
		return []string{"the body is no JSON object: " + err.Error()}
	}
	if path == "$batch" {
		return batch(model, body)
	}
	return judge(model, path, a.Status, body)
}

// split takes the version off a URL, and the query.
func split(address string) (version, path string, ok bool) {
	address, _, _ = strings.Cut(address, "?")
	version, path, ok = strings.Cut(strings.TrimPrefix(address, "/"), "/")
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return version, strings.Trim(path, "/"), ok
}

// judge checks an answer with a JSON object.
func judge(m *edm.Model, path string, status int, body map[string]any) []string {
	refusal, isError := body["error"].(map[string]any)
	if isError != (status >= http.StatusBadRequest) {
		return []string{"an error is in the body or in the status, but not in both"}
	}
	if isError {
		return refused(refusal)
	}
	if strings.HasSuffix(path, "/$ref") {
		return append(references(body), links(body)...)
	}
	if slices.ContainsFunc(beyond, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
		return links(body)
	}
	context, _ := body["@odata.context"].(string)
	_, fragment, _ := strings.Cut(context, "$metadata#")
	if strings.Contains(path, extension) && fragment == extended {
		return links(body)
	}
	faults := append(m.CheckAnswer(body), links(body)...)
	if strings.Contains(path, extension) {
		return faults
	}
	asked, ok := m.At(path)
	if !ok {
		return append(faults, "Graph has no such path")
	}
	got, ok := m.At(strings.TrimSuffix(fragment, "/$entity"))
	if ok && !m.IsA(got.Type, asked.Type) && !m.IsA(asked.Type, got.Type) && got.Type != asked.Type {
		faults = append(faults, fmt.Sprintf("@odata.context names %s, the path leads to %s", got.Type, asked.Type))
	}
	return faults
}

// references checks a list of nothing but addresses (OData JSON format section 14).
func references(body map[string]any) (faults []string) {
	context, _ := body["@odata.context"].(string)
	if !strings.HasSuffix(context, "$metadata#Collection($ref)") {
		faults = append(faults, fmt.Sprintf("@odata.context is %q, not that of a Collection($ref)", context))
	}
	list, _ := body["value"].([]any)
	for i, item := range list {
		reference, _ := item.(map[string]any)
		address, _ := reference["@odata.id"].(string)
		if u, err := url.Parse(address); err != nil || !u.IsAbs() || len(reference) != 1 {
			faults = append(faults, fmt.Sprintf("value[%d] is %v, not an absolute @odata.id alone", i, item))
		}
	}
	return faults
}

// refused checks the shape of an error.
func refused(e map[string]any) (faults []string) {
	for _, name := range []string{"code", "message"} {
		if s, _ := e[name].(string); s == "" {
			faults = append(faults, "error."+name+" is missing")
		}
	}
	inner, _ := e["innerError"].(map[string]any)
	for _, name := range []string{"date", "request-id", "client-request-id"} {
		if s, _ := inner[name].(string); s == "" {
			faults = append(faults, "error.innerError."+name+" is missing")
		}
	}
	return faults
}

// links checks the annotations of a list.
func links(body map[string]any) (faults []string) {
	if next, ok := body["@odata.nextLink"]; ok {
		text, _ := next.(string)
		if u, err := url.Parse(text); err != nil || !u.IsAbs() {
			faults = append(faults, fmt.Sprintf("@odata.nextLink %q is not absolute", text))
		}
	}
	if n, ok := body["@odata.count"]; ok {
		if f, isNumber := n.(float64); !isNumber || f < 0 {
			faults = append(faults, fmt.Sprintf("@odata.count is %v", n))
		}
	}
	return faults
}

// batch checks every answer inside of one; what was asked is not seen here.
func batch(m *edm.Model, body map[string]any) (faults []string) {
	list, ok := body["responses"].([]any)
	if !ok {
		return []string{"a batch answers with responses"}
	}
	for i, item := range list {
		part, _ := item.(map[string]any)
		status, isNumber := part["status"].(float64)
		if _, ok := part["id"].(string); !ok || !isNumber {
			faults = append(faults, fmt.Sprintf("responses[%d] lacks id or status", i))
		}
		inner, ok := part["body"].(map[string]any)
		if !ok || status == http.StatusNoContent {
			continue
		}
		for _, fault := range m.CheckAnswer(inner) {
			faults = append(faults, fmt.Sprintf("responses[%d]: %s", i, fault))
		}
	}
	return faults
}
