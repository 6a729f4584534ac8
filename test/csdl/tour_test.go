package csdl_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/demo"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/httpapi/graph/conditional"
	"github.com/postern-mam/postern/internal/httpapi/graph/entra"
	"github.com/postern-mam/postern/internal/httpapi/graph/intune"
	"github.com/postern-mam/postern/internal/httpapi/graph/registration"
	"github.com/postern-mam/postern/internal/httpapi/graph/signins"
	"github.com/postern-mam/postern/internal/httpapi/graph/tenantadmin"
	"github.com/postern-mam/postern/test/csdl"
	"github.com/postern-mam/postern/test/play"
)

// served lists the routes of every area. A zero area lists them; it only cannot
// serve them.
func served() (all []graph.Route) {
	for _, area := range [][]graph.Route{
		entra.New(nil, "").Routes(), (&conditional.Area{}).Routes(), (&intune.Area{}).Routes(),
		(&registration.Area{}).Routes(), (&tenantadmin.Area{}).Routes(), (&signins.Area{}).Routes(),
	} {
		all = append(all, area...)
	}
	return all
}

// tour asks a service for everything in one version.
type tour struct {
	house     *play.House
	reference *csdl.Reference
	version   string
	token     string
	keys      map[string]string // what stands behind a pattern in the place of {}; where nothing is said, the first of the list
	done      map[string]bool   // "METHOD pattern", over both versions
	said      map[string]bool   // faults
}

var numbers = regexp.MustCompile(`\[\d+\]\.?`)

// What is served is asked for, in both versions, with objects present, and is
// what Graph's metadata says. A route that the tour does not know fails it.
func TestEverythingServedIsGraph(t *testing.T) {
	reference := csdl.Read(t)
	if reference == nil {
		t.Skip("POSTERN_GRAPHDATA names no folder with Graph's metadata")
	}
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	h.Agent(t)
	done, ended := map[string]bool{}, 0
	for _, version := range []string{graph.V1, graph.Beta} {
		t.Run(version, func(t *testing.T) {
			w := &tour{house: h, reference: reference, version: version, done: done, said: map[string]bool{}, keys: map[string]string{
				"users": h.User, "identityProtection/riskyUsers": h.User,
				"deviceManagement/assignmentFilters/getPlatformSupportedProperties": "(platform='windowsMobileApplicationManagement')",
				"deviceAppManagement/postern.effectivePolicy":                       "(user='" + h.Name + "',app='" + play.Edge + "')",
				"deviceManagement/auditEvents/getAuditActivityTypes":                "(category='Role')",
			}}
			w.signIn(t)
			w.build(t)
			w.look(t)
			w.clear(t)
			ended++
		})
	}
	for _, r := range served() {
		if ended == 2 && !done[r.Method+" "+r.Pattern] { // a tour that was cut short is reported already
			t.Errorf("the tour does not ask for %s %s", r.Method, r.Pattern)
		}
	}
}

func (w *tour) signIn(t *testing.T) {
	t.Helper()
	resp, err := w.house.Client().PostForm(w.house.Authority+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {w.house.ClientID}, "client_secret": {w.house.ClientSecret},
		"scope": {"https://graph.microsoft.com/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("no token: %v", err)
	}
	w.token = answer.Token
}

// ask sends a request, checks the answer against the metadata and returns it.
func (w *tour) ask(t *testing.T, method, path string, body any, want int) map[string]any {
	t.Helper()
	var doc []byte
	if body != nil {
		var err error
		if doc, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	address := "/" + w.version + "/" + path
	r, err := http.NewRequestWithContext(t.Context(), method, w.house.GraphEndpoint+address, bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("ConsistencyLevel", "eventual")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := w.house.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if doc, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Errorf("%s %s: %d %.600s", method, address, resp.StatusCode, doc)
		return nil
	}
	for _, fault := range w.reference.Faults(csdl.Answer{
		Method: method, URL: address, Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"), Body: doc,
	}) {
		if kind := numbers.ReplaceAllString(fault, ""); !w.said[kind] { // once is enough
			w.said[kind] = true
			t.Errorf("%s %s: %s", method, address, fault)
		}
	}
	var o map[string]any
	_ = json.Unmarshal(doc, &o) // of text there is none
	return o
}

// do performs one route with keys in the places of {}, and returns the answer.
// A route that only beta has is passed over on v1.0.
func (w *tour) do(t *testing.T, want int, method, pattern string, body any, keys ...string) map[string]any {
	t.Helper()
	if !slices.ContainsFunc(served(), func(r graph.Route) bool { return r.Method == method && r.Pattern == pattern }) {
		t.Errorf("%s %s is not served any more; take it off the tour", method, pattern)
		return nil
	}
	if !w.serves(method, pattern) {
		return nil
	}
	w.done[method+" "+pattern] = true
	path := pattern
	for _, key := range keys {
		path = strings.Replace(path, "{}", key, 1)
	}
	return w.ask(t, method, path, body, want)
}

// serves reports whether a route is served in the tour's version.
func (w *tour) serves(method, pattern string) bool {
	return slices.ContainsFunc(served(), func(r graph.Route) bool {
		return r.Method == method && r.Pattern == pattern && (!r.Beta || w.version == graph.Beta)
	})
}

// made performs a creating route and returns the identifier.
func (w *tour) made(t *testing.T, pattern string, body map[string]any, keys ...string) string {
	t.Helper()
	id, _ := w.do(t, http.StatusCreated, http.MethodPost, pattern, body, keys...)["id"].(string)
	return id
}

// look asks for everything that can be asked for, and for lists in the ways that
// clients do.
func (w *tour) look(t *testing.T) {
	for _, r := range served() {
		if r.Method != http.MethodGet || r.Beta && w.version != graph.Beta {
			continue
		}
		w.done["GET "+r.Pattern] = true
		path, ok := w.path(t, r.Pattern)
		if r.Pattern == "me" { // is about a person, and an application asks
			w.ask(t, http.MethodGet, path, nil, http.StatusBadRequest)
			continue
		}
		if !ok {
			t.Errorf("%s: nothing is there to ask for", r.Pattern)
			continue
		}
		one := w.ask(t, http.MethodGet, path, nil, http.StatusOK)
		if identified(one) && !strings.Contains(r.Pattern, "postern.") {
			for _, query := range []string{"$top=1&$count=true", "$select=id", "$filter=id%20eq%20%27x%27"} {
				w.ask(t, http.MethodGet, path+"?"+query, nil, http.StatusOK)
			}
		}
	}
	for _, q := range w.expanded() {
		path, _ := w.path(t, q.pattern)
		w.ask(t, http.MethodGet, path+"?$expand="+q.names, nil, http.StatusOK)
		if !strings.Contains(q.pattern, "{}") {
			path, _ = w.path(t, q.pattern+"/{}")
			w.ask(t, http.MethodGet, path+"?$expand="+q.names, nil, http.StatusOK)
		}
	}
}

// identified reports whether an answer is a list of what has identifiers.
func identified(answer map[string]any) bool {
	items, _ := answer["value"].([]any)
	if len(items) == 0 {
		return false
	}
	first, _ := items[0].(map[string]any)
	return first["id"] != nil
}

type expansion struct{ pattern, names string }

func (w *tour) expanded() []expansion {
	all := []expansion{
		{"groups", "members"},
		{"groups", "owners($select=id)"},
		{"deviceManagement/roleDefinitions", "roleAssignments"},
		{"deviceManagement/roleAssignments", "roleDefinition"},
		{agreements, "files"},
		{registrations, "operations,appliedPolicies,intendedPolicies"},
		{configurations, "apps,assignments"},
	}
	if w.version == graph.Beta {
		all = append(all, expansion{protections, "apps,assignments"}, expansion{configurations, "settings"},
			expansion{"deviceManagement/roleAssignments", "roleScopeTags"})
	}
	return all
}

// path puts keys into a pattern: those that are known, or else that of the first
// in the list.
func (w *tour) path(t *testing.T, pattern string) (string, bool) {
	t.Helper()
	var path, sofar []string
	for segment := range strings.SplitSeq(pattern, "/") {
		prefix := strings.Join(sofar, "/")
		sofar = append(sofar, segment)
		if segment != "{}" {
			path = append(path, segment)
			continue
		}
		key := w.keys[prefix]
		if key == "" {
			list := w.ask(t, http.MethodGet, strings.Join(path, "/"), nil, http.StatusOK)
			items, _ := list["value"].([]any)
			if len(items) == 0 {
				return "", false
			}
			first, _ := items[0].(map[string]any)
			key, _ = first["id"].(string)
		}
		if strings.HasPrefix(key, "(") { // parameters of a function
			path[len(path)-1] += key
			continue
		}
		path = append(path, key)
	}
	return strings.Join(path, "/"), true
}

func (w *tour) name(what string) string {
	return what + " of " + strings.ReplaceAll(w.version, ".", "")
}

func (w *tour) url(path string) string {
	return fmt.Sprintf("%s/%s/%s", w.house.GraphEndpoint, w.version, path)
}

// restoreConnector removes the threat connector that the house was furnished
// with, and makes it again.
func (w *tour) restoreConnector(t *testing.T) {
	const all = "deviceManagement/mobileThreatDefenseConnectors"
	w.do(t, http.StatusNoContent, http.MethodDelete, all+"/{}", nil, demo.PartnerID)
	w.made(t, all, map[string]any{"id": demo.PartnerID})
	w.do(t, http.StatusOK, http.MethodPatch, all+"/{}", map[string]any{"windowsDeviceBlockedOnMissingPartnerData": false}, demo.PartnerID)
}
