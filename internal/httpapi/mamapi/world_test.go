package mamapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/mamapi"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

const (
	tenant = directory.TenantID("5a1e2d6c-0000-4000-8000-000000000001")
	anna   = directory.UserID("5a1e2d6c-0000-4000-8000-000000000002")
)

// world is the door in front of the real room and the real store. Who knocks is
// decided by the words in the headers: "Authorization: DPoP <user>" and
// "DPoP: <name of a key>.<jti>".
type world struct {
	testing.TB
	store  *store.Store
	mam    *mam.Service
	hub    *mamapi.Hub
	door   *mamapi.Handler
	server *httptest.Server
	done   chan struct{}
	now    time.Time
	keys   map[string]*ecdsa.PrivateKey
	tokens map[string]oauth.Principal
	spec   *document
}

func newWorld(t testing.TB) *world { return newWorldBeating(t, 20*time.Millisecond) }

// newWorldBeating has streams that tell that they live every so often.
func newWorldBeating(t testing.TB, every time.Duration) *world {
	t.Helper()
	w := &world{
		TB: t, store: storetest.Open(t), hub: mamapi.NewHub(), done: make(chan struct{}), now: time.Now().UTC().Truncate(time.Second),
		keys: map[string]*ecdsa.PrivateKey{"service": newKey(t), "pc": newKey(t), "other": newKey(t)}, spec: openDocument(t),
	}
	jkt := w.jkt("pc")
	whole := oauth.Principal{Tenant: tenant, User: anna, Audience: directory.EnrollmentAPI, Scopes: []string{"enrollment"}, JKT: jkt}
	unscoped, foreign, misdirected, app, otherPC := whole, whole, whole, whole, whole
	unscoped.Scopes = []string{"openid"}
	foreign.Tenant = "another"
	misdirected.Audience = directory.GraphAPI
	app.User = ""
	otherPC.JKT = w.jkt("other")
	w.tokens = map[string]oauth.Principal{
		"anna": whole, "unscoped": unscoped, "foreign": foreign, "misdirected": misdirected, "app": app, "anna-elsewhere": otherPC,
	}
	var err error
	w.mam, err = mam.New(mam.Config{
		Store: w.store.MAM(), Signer: w, Issuer: "https://postern.example", OrderKeys: w.orderKeys,
		Now: func() time.Time { return w.now },
	})
	must(t, err)
	w.found()
	mux := http.NewServeMux()
	w.door = &mamapi.Handler{
		MAM: w.mam, Hub: w.hub, Authenticate: w.authenticate, DeviceProof: w.deviceProof,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Done: w.done, Heartbeat: every,
	}
	w.door.Mount(mux)
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	w.spec.serve(t, w.server.URL+"/"+string(tenant))
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return k
}

func (w *world) found() {
	w.Helper()
	user := func(id directory.UserID, name string) directory.User {
		return directory.User{ID: id, Tenant: tenant, UserPrincipalName: name + "@contoso.example", DisplayName: name, Enabled: true}
	}
	a := w.store.Admin()
	must(w, a.Found(w.Context(), admin.Founding{
		Tenant: directory.Tenant{ID: tenant, DisplayName: "Contoso", Domain: "contoso.example", CreatedAt: w.now},
		Admin:  user("5a1e2d6c-0000-4000-8000-00000000000f", "admin"), Password: admin.Password{Hash: "x"},
	}))
	_, err := a.Users().Save(w.Context(), user(anna, "anna"))
	must(w, err)
	_, err = a.Apps().Save(w.Context(), directory.App{
		ID: "wiki", Tenant: tenant, DisplayName: "Wiki", Site: &directory.Site{Host: "wiki.corp.example", Upstream: "http://wiki"},
	})
	must(w, err)
	_, err = a.ProtectionPolicies().Save(w.Context(), protection.Policy{
		ID: "T_5a1e2d6c-0000-4000-8000-000000000006", Tenant: tenant, DisplayName: "Edge",
		Apps: []directory.PackageID{"com.microsoft.edge"}, Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
		Settings: protection.Settings{Checks: []protection.Check{{Subject: protection.MaxThreatLevel, Action: protection.Block, Level: threat.Low}}},
	})
	must(w, err)
	_, err = a.Connectors().Save(w.Context(), threat.Connector{
		ID: directory.WindowsSecurityCenter, Tenant: tenant, EnabledForWindows: true, HeartbeatAt: w.now,
	})
	must(w, err)
}

func (w *world) public(name string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: w.keys[name].Public()}
}

func (w *world) jkt(name string) string {
	k := w.public(name)
	sum, err := k.Thumbprint(crypto.SHA256)
	must(w, err)
	return base64.RawURLEncoding.EncodeToString(sum)
}

func (w *world) orderKeys(context.Context) ([]byte, error) {
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{w.public("service")}})
}

// Sign is the hall's signing key.
func (w *world) Sign(_ context.Context, typ string, claims any) (string, error) {
	return w.sign("service", typ, claims), nil
}

func (w *world) sign(key, typ string, claims any) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: w.keys[key]}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	must(w, err)
	doc, err := json.Marshal(claims)
	must(w, err)
	jws, err := s.Sign(doc)
	must(w, err)
	compact, err := jws.CompactSerialize()
	must(w, err)
	return compact
}

func (w *world) authenticate(r *http.Request, _ directory.AppID) (oauth.Principal, *oauth.Proof, error) {
	p, ok := w.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")]
	if !ok {
		return oauth.Principal{}, nil, &oauth.Error{Code: oauth.InvalidToken, Description: "no such token"}
	}
	if r.Header.Get("DPoP") == "" {
		return p, nil, nil
	}
	proof, err := w.deviceProof(r, tenant)
	return p, &proof, err
}

func (w *world) deviceProof(r *http.Request, _ directory.TenantID) (oauth.Proof, error) {
	name, jti, ok := strings.Cut(r.Header.Get("DPoP"), ".")
	if !ok || w.keys[name] == nil {
		return oauth.Proof{}, &oauth.Error{Code: oauth.UseDPoPNonce, Description: "prove with this nonce", Nonce: "next"}
	}
	doc, err := w.public(name).MarshalJSON()
	return oauth.Proof{JKT: w.jkt(name), JTI: jti, ExpiresAt: w.now.Add(5 * time.Minute), Key: doc}, err
}

// call is one request to the door; the zero value of token and key mean anna at
// her PC.
type call struct {
	method, path string
	token        string // "-" for none
	key          string // "-" for none
	jti          string
	body         any // a string is sent as it is
	gzipped      bool
	header       map[string]string
}

func (c call) request(w *world) *http.Request {
	w.Helper()
	var body []byte
	switch b := c.body.(type) {
	case nil:
	case string:
		body = []byte(b)
	default:
		var err error
		body, err = json.Marshal(b)
		must(w, err)
	}
	if c.gzipped {
		body = squeeze(w, body)
	}
	r, err := http.NewRequestWithContext(w.Context(), c.method, w.server.URL+"/"+string(tenant)+"/mam/v1"+c.path, bytes.NewReader(body))
	must(w, err)
	token, key, jti := or(c.token, "anna"), or(c.key, "pc"), or(c.jti, rand.Text())
	if token != "-" {
		r.Header.Set("Authorization", "DPoP "+token)
	}
	if key != "-" {
		r.Header.Set("DPoP", key+"."+jti)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.gzipped {
		r.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	return r
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func squeeze(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	must(t, err)
	must(t, z.Close())
	return out.Bytes()
}

// do makes the call, holds the exchange against the published document, and
// reads the answer into out when the status is the wanted one.
func (w *world) do(c call, status int, out any) http.Header {
	w.Helper()
	r := c.request(w)
	res, err := w.server.Client().Do(r)
	must(w, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	must(w, err)
	if res.StatusCode != status {
		w.Fatalf("%s %s: %d %s, want %d", c.method, c.path, res.StatusCode, body, status)
	}
	w.spec.check(w, exchange{c.request(w), c.gzipped, res, body})
	if res.Header.Get("Cache-Control") != "no-store" && len(body) > 0 {
		w.Errorf("%s %s may be cached", c.method, c.path)
	}
	if out != nil {
		must(w, json.Unmarshal(body, out))
	}
	return res.Header
}

func (w *world) problem(c call, status int, code string) wire.Problem {
	w.Helper()
	var p wire.Problem
	w.do(c, status, &p)
	if p.Status != status || code != "" && p.Code != code {
		w.Errorf("%s %s: problem %+v, want code %q", c.method, c.path, p, code)
	}
	return p
}
