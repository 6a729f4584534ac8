package mtdapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"context"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/mtdapi"
	"github.com/postern-mam/postern/internal/mtd"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

const tenant = directory.TenantID("5a1e2d6c-0000-4000-8000-000000000001")

// memory is the smallest store that this door can stand before; the room has
// its own tests over SQL.
type memory struct {
	connectors []directory.AppID
	enrolled   map[directory.UserID]directory.RegistrationID
	newest     map[directory.RegistrationID]time.Time
	beats      int
}

func (m *memory) Connector(_ context.Context, _ directory.TenantID, partner directory.AppID) (threat.Connector, error) {
	for _, c := range m.connectors {
		if c == partner {
			return threat.Connector{ID: c}, nil
		}
	}
	return threat.Connector{}, fault.New(fault.NotFound, "no such connector")
}

func (m *memory) Heartbeat(context.Context, directory.TenantID, directory.AppID, time.Time) error {
	m.beats++
	return nil
}

func (m *memory) Enrolled(_ context.Context, in directory.Installation) (directory.RegistrationID, error) {
	if id, ok := m.enrolled[in.User]; ok {
		return id, nil
	}
	return "", fault.New(fault.NotFound, "not enrolled")
}

func (m *memory) SaveSignal(_ context.Context, _ directory.TenantID, id directory.RegistrationID, s threat.Signal, _ ...event.Event) error {
	if !s.ReportedAt.After(m.newest[id]) {
		return fault.New(fault.Conflict, "not newer")
	}
	m.newest[id] = s.ReportedAt
	return nil
}

type door struct {
	*testing.T
	store  *memory
	url    string
	router routers.Router
	now    time.Time
}

func open(t *testing.T) *door {
	t.Helper()
	d := &door{T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), store: &memory{
		connectors: []directory.AppID{"wsc"}, enrolled: map[directory.UserID]directory.RegistrationID{"anna": "r1"},
		newest: map[directory.RegistrationID]time.Time{},
	}}
	svc, err := mtd.New(mtd.Config{Store: d.store, Now: func() time.Time { return d.now }})
	d.must(err)
	mux := http.NewServeMux()
	(&mtdapi.Handler{MTD: svc, Authenticate: authenticate, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}).Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	d.url = server.URL + "/" + string(tenant)
	doc, err := openapi3.NewLoader().LoadFromFile("../../../wire/openapi.yaml")
	d.must(err)
	doc.Servers = openapi3.Servers{{URL: d.url}}
	d.router, err = legacy.NewRouter(doc)
	d.must(err)
	return d
}

func (d *door) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func authenticate(r *http.Request, audience directory.AppID) (oauth.Principal, *oauth.Proof, error) {
	p := oauth.Principal{Tenant: tenant, Client: "wsc", Audience: audience, Permissions: []string{"HealthState.Report"}}
	switch strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") {
	case "wsc":
	case "stranger":
		p.Client = "another"
	case "powerless":
		p.Permissions = nil
	case "foreign":
		p.Tenant = "another"
	case "misdirected":
		p.Audience = directory.GraphAPI
	case "person":
		p.User = "anna"
	default:
		return p, nil, &oauth.Error{Code: oauth.InvalidToken, Description: "no such token"}
	}
	return p, nil, nil
}

// post sends body and holds the exchange against the published document.
func (d *door) post(token, path string, body any, status int) []byte {
	d.Helper()
	doc, err := json.Marshal(body)
	d.must(err)
	request := func() *http.Request {
		r, err := http.NewRequestWithContext(d.Context(), http.MethodPost, d.url+path, bytes.NewReader(doc))
		d.must(err)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	res, err := http.DefaultClient.Do(request())
	d.must(err)
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	d.must(err)
	if res.StatusCode != status {
		d.Fatalf("%s as %s: %d %s, want %d", path, token, res.StatusCode, answer, status)
	}
	r := request()
	route, params, err := d.router.FindRoute(r)
	d.must(err)
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
	}}
	if status < http.StatusBadRequest {
		d.must(openapi3filter.ValidateRequest(d.Context(), in))
	}
	d.must(openapi3filter.ValidateResponse(d.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: status, Header: res.Header, Body: io.NopCloser(bytes.NewReader(answer)), Options: in.Options,
	}))
	return answer
}

func (d *door) state(user, state string) wire.HealthState {
	return wire.HealthState{UserID: user, App: "com.microsoft.edge", DeviceID: "d1", State: state, UpdatedAt: d.now}
}

func TestAReportIsAnsweredStateByState(t *testing.T) {
	d := open(t)
	report := wire.HealthReport{Value: []wire.HealthState{d.state("anna", "activeThreat"), d.state("bob", "healthy"), d.state("anna", "healthy")}}
	var got wire.HealthAccepted
	d.must(json.Unmarshal(d.post("wsc", "/mtd/v1/health", report, http.StatusOK), &got))
	var results []string
	for _, r := range got.Value {
		results = append(results, r.Result)
	}
	if fmt.Sprint(results) != "[accepted notEnrolled stale]" {
		t.Errorf("results %v", results)
	}
	d.post("wsc", "/mtd/v1/heartbeat", struct{}{}, http.StatusNoContent)
	if d.store.beats != 1 {
		t.Errorf("%d heartbeats", d.store.beats)
	}
}

func TestOneUnknownStateRefusesTheWholeReport(t *testing.T) {
	d := open(t)
	answer := d.post("wsc", "/mtd/v1/health", wire.HealthReport{Value: []wire.HealthState{d.state("anna", "healthy"), d.state("anna", "high")}}, http.StatusBadRequest)
	for _, word := range []string{"value[1].state", `\"high\"`, "activeThreat"} {
		if !strings.Contains(string(answer), word) {
			t.Errorf("%s does not name %s", answer, word)
		}
	}
	if len(d.store.newest) != 0 {
		t.Error("part of a refused report was saved")
	}
	d.post("wsc", "/mtd/v1/health", map[string]any{"value": "all good"}, http.StatusBadRequest)
	d.post("wsc", "/mtd/v1/health", map[string]any{}, http.StatusBadRequest)
}

func TestOnlyAConnectorReports(t *testing.T) {
	d := open(t)
	report := wire.HealthReport{Value: []wire.HealthState{d.state("anna", "healthy")}}
	for token, status := range map[string]int{
		"": 401, "misdirected": 401, "powerless": 403, "foreign": 403, "person": 403, "stranger": 403,
	} {
		d.post(token, "/mtd/v1/health", report, status)
		d.post(token, "/mtd/v1/heartbeat", struct{}{}, status)
	}
	if len(d.store.newest) != 0 || d.store.beats != 0 {
		t.Error("a stranger was believed")
	}
}
