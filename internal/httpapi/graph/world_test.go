package graph_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/httpapi/graph/conditional"
	"github.com/postern-mam/postern/internal/httpapi/graph/entra"
	"github.com/postern-mam/postern/internal/httpapi/graph/intune"
	registrations "github.com/postern-mam/postern/internal/httpapi/graph/registration"
	"github.com/postern-mam/postern/internal/httpapi/graph/signins"
	"github.com/postern-mam/postern/internal/httpapi/graph/tenantadmin"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/prover"
	"github.com/postern-mam/postern/internal/report"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

const base = "https://postern.example:8443"

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// plainHash stands for the hashing of sign-in, which is slow by design.
type plainHash struct{}

func (plainHash) HashPassword(_ context.Context, password string) (string, error) {
	return "hash of " + password, nil
}

// installations is the part of the MAM room that the door asks.
type installations struct {
	registrations.Registrations
	all   []mam.Registration
	ops   []mam.Operation
	wiped []mam.WipeRequest
}

func (f *installations) Get(_ context.Context, t directory.TenantID, id directory.RegistrationID) (mam.Registration, error) {
	for _, r := range f.all {
		if r.Tenant == t && r.Standing.Registration == id {
			return r, nil
		}
	}
	return mam.Registration{}, fault.New(fault.NotFound, "there is no registration %q", id)
}

func (f *installations) List(_ context.Context, t directory.TenantID, q mam.Filter) ([]mam.Registration, error) {
	var out []mam.Registration
	for _, r := range f.all {
		if r.Tenant == t && (q.User == "" || r.User == q.User) && r.Standing.Registration > q.After && len(out) < q.Limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (f *installations) Count(ctx context.Context, t directory.TenantID, q mam.Filter) (int, error) {
	q.Limit = len(f.all)
	found, err := f.List(ctx, t, q)
	return len(found), err
}

func (f *installations) History(context.Context, directory.TenantID, directory.RegistrationID) ([]mam.Operation, error) {
	return f.ops, nil
}

func (f *installations) RequestWipe(_ context.Context, q mam.WipeRequest) ([]mam.Operation, error) {
	f.wiped = append(f.wiped, q)
	return nil, nil
}

// world is the door over the real room and the real store.
type world struct {
	testing.TB
	handler http.Handler
	admin   *admin.Service
	store   *store.Store
	proofs  *prover.Service
	boot    admin.Bootstrap
	who     oauth.Principal // whom a token stands for
	apps    *installations
	mam     registrations.Registrations // apps, unless a test has more in mind
}

func newWorld(t testing.TB) *world {
	t.Helper()
	s := storetest.Open(t)
	proofs, err := prover.New(s.Prover())
	if err != nil {
		t.Fatal(err)
	}
	room, err := admin.New(admin.Config{Store: s.Admin(), Passwords: plainHash{}, Lockouts: proofs, IssuerHost: "postern.example", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	boot, err := room.Found(t.Context(), admin.FoundRequest{BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, store: s, admin: room, proofs: proofs, boot: boot, apps: &installations{}}
	w.mam = w.apps
	w.who = oauth.Principal{Tenant: boot.Tenant, Client: boot.ClientID, Audience: directory.GraphAPI, Permissions: directory.Permissions()}
	w.mount()
	return w
}

func (w *world) mount() {
	w.Helper()
	clock := func() time.Time { return now }
	policies := &intune.Area{Admin: w.admin, Registrations: w.mam, Now: clock}
	decides, err := gate.New(gate.Options{Store: w.store.Gate(), Now: clock, Country: func(ip netip.Addr) string {
		if ip == netip.MustParseAddr("203.0.113.9") {
			return "US"
		}
		return ""
	}})
	if err != nil {
		w.Fatal(err)
	}
	door, err := graph.New(graph.Config{
		BaseURL: base, Now: clock, Log: slog.New(slog.DiscardHandler), Authority: w.admin.Authority,
		Address: func(r *http.Request) string { return r.Header.Get("X-Forwarded-For") }, // as behind a proxy that is trusted
		Authenticate: func(r *http.Request, audience directory.AppID) (oauth.Principal, *oauth.Proof, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return oauth.Principal{}, nil, &oauth.Error{Code: oauth.InvalidToken, Description: "there is no access token"}
			}
			return w.who, nil, nil
		},
	},
		entra.New(w.admin, base).Routes(),
		(&conditional.Area{Admin: w.admin, Gate: decides, Prover: w.proofs}).Routes(),
		(&signins.Area{Admin: w.admin, Log: w.store, Reasoner: decides}).Routes(),
		policies.Routes(),
		(&registrations.Area{Admin: w.admin, Registrations: w.mam, Reports: w.reports(clock), Policy: policies.Delivered, Now: clock}).Routes(),
		w.administration(clock).Routes(),
	)
	if err != nil {
		w.Fatal(err)
	}
	mux := http.NewServeMux()
	door.Mount(mux)
	w.handler = mux
}

// openSeal hides nothing, so that tests see what is in it.
type openSeal struct{}

func (openSeal) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (openSeal) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

func (w *world) reports(clock func() time.Time) *report.Service {
	w.Helper()
	reports, err := report.New(report.Config{Store: w.store.Reports(), Now: clock})
	if err != nil {
		w.Fatal(err)
	}
	return reports
}

func (w *world) administration(clock func() time.Time) *tenantadmin.Area {
	w.Helper()
	area, err := tenantadmin.New(tenantadmin.Config{
		Admin: w.admin, Registrations: w.mam, Reports: w.reports(clock), Sealer: openSeal{}, BaseURL: base, Now: clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.Fatal(err)
	}
	return area
}

// answer is what came back.
type answer struct {
	*world
	what   string
	status int
	header http.Header
	raw    string
	body   map[string]any
}

func (w *world) send(method, path, body string, headers ...string) answer {
	w.Helper()
	r := httptest.NewRequest(method, base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.serve(r)
}

func (w *world) serve(r *http.Request) answer {
	w.Helper()
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	a := answer{world: w, what: r.Method + " " + r.URL.RequestURI(), status: rec.Code, header: rec.Header(), raw: rec.Body.String()}
	_ = json.Unmarshal(rec.Body.Bytes(), &a.body) // empty answers have none
	return a
}

func (w *world) get(path string) answer { w.Helper(); return w.send("GET", path, "") }

// want fails the test unless the status is the one expected.
func (a answer) want(status int) answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("%s: %d, want %d: %s", a.what, a.status, status, a.raw)
	}
	return a
}

// refused wants a refusal whose message has all words.
func (a answer) refused(status int, words ...string) {
	a.Helper()
	a.want(status)
	e, _ := a.body["error"].(map[string]any)
	message, _ := e["message"].(string)
	inner, _ := e["innerError"].(map[string]any)
	if e["code"] == "" || inner["request-id"] == nil || inner["date"] == nil || inner["client-request-id"] == nil {
		a.Errorf("%s: not an error in Graph's shape: %s", a.what, a.raw)
	}
	for _, word := range words {
		if !strings.Contains(message, word) {
			a.Errorf("%s: the refusal does not say %q: %s", a.what, word, message)
		}
	}
}

func (a answer) text(name string) string {
	a.Helper()
	s, ok := a.body[name].(string)
	if !ok {
		a.Fatalf("%s: no %s in %s", a.what, name, a.raw)
	}
	return s
}

func (a answer) values() []map[string]any {
	a.Helper()
	list, ok := a.body["value"].([]any)
	if !ok {
		a.Fatalf("%s: no value in %s", a.what, a.raw)
	}
	var out []map[string]any
	for _, v := range list {
		out = append(out, v.(map[string]any))
	}
	return out
}

// has wants every member of the JSON object want, as it stands there.
func (a answer) has(want string) answer {
	a.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(want), &members); err != nil {
		a.Fatal(err)
	}
	for name, raw := range members {
		have, err := json.Marshal(a.body[name])
		if err != nil {
			a.Fatal(err)
		}
		if _, there := a.body[name]; !there || !sameJSON(a.TB, raw, have) {
			a.Errorf("%s: %s is %s, want %s", a.what, name, have, raw)
		}
	}
	return a
}

func sameJSON(t testing.TB, a, b []byte) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		t.Fatalf("not JSON: %s, %s", a, b)
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

func (w *world) group(name string) string {
	w.Helper()
	return w.send("POST", "/v1.0/groups", `{"displayName":"`+name+`","mailEnabled":false,"mailNickname":"x","securityEnabled":true}`).want(201).text("id")
}

func (w *world) user(name string) string {
	w.Helper()
	return w.send("POST", "/v1.0/users", `{"accountEnabled":true,"displayName":"`+name+`","mailNickname":"`+name+`",
		"userPrincipalName":"`+name+`@contoso.example","passwordProfile":{"password":"correct horse","forceChangePasswordNextSignIn":false}}`).want(201).text("id")
}

func zipped(t testing.TB, text string) io.Reader {
	t.Helper()
	b := new(bytes.Buffer)
	z := gzip.NewWriter(b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}
