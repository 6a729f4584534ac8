package idp_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

const (
	base     = "https://idp.example:8443"
	tenant   = directory.TenantID("11111111-1111-4111-8111-111111111111")
	tokenURL = base + "/" + string(tenant) + "/oauth2/v2.0/token"
	ada      = directory.UserID("ada-id")
	password = "correct horse battery"
	cb       = "https://web.example/cb"
	loop     = "http://127.0.0.1:4711/cb"
	verifier = "verifier-verifier-verifier-verifier-verifier"
)

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// gate grants unless the test says otherwise.
type gate struct {
	guardsFactors bool // its rule decides on registering a second factor, too
	mu            sync.Mutex
	asked         []access.Request
	rule          func(access.Request) (access.Ruling, error)
}

func (g *gate) Decide(_ context.Context, r access.Request) (access.Ruling, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r)
	if g.rule == nil || slices.Contains(r.Actions, access.RegisterSecurityInfo) && !g.guardsFactors {
		return ruling(r, access.Granted, 0), nil
	}
	return g.rule(r)
}

func (g *gate) last() access.Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[len(g.asked)-1]
}

func ruling(r access.Request, o access.Outcome, code int, missing ...access.Control) access.Ruling {
	var steps []access.Step
	for _, c := range missing {
		steps = append(steps, access.Step(c))
	}
	return access.Ruling{
		Decision: access.Decision{Outcome: o, Code: code, Missing: access.ControlsOf(missing...)}, Steps: steps, DecidedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Record: access.Record{Tenant: r.Tenant, Client: r.Client, Protocol: r.Protocol, Outcome: o, Code: code},
	}
}

// box seals by writing the name in front: enough to tell a wrong name.
type box struct{}

func (box) Seal(name string, plain []byte) ([]byte, error) {
	return append([]byte(name+"\x00"), plain...), nil
}

func (box) Open(name string, sealed []byte) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(sealed), name+"\x00")
	if !ok {
		return nil, errors.New("sealed under another name")
	}
	return []byte(plain), nil
}

// world is a room over a real store with one tenant in it.
type world struct {
	testing.TB
	path  string
	store *store.Store
	idp   *idp.Service
	clock *clock
	gate  *gate
	user  directory.User
}

func open(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, path: storetest.File(t), gate: &gate{}, clock: &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}}
	w.start()
	hash, err := w.idp.HashPassword(t.Context(), password)
	w.must(err)
	w.user = directory.User{ID: ada, Tenant: tenant, UserPrincipalName: "ada@contoso.example", DisplayName: "Ada", Mail: "ada@mail.example",
		Enabled: true, Roles: []directory.Role{directory.GlobalAdministrator}, CreatedAt: w.clock.now()}
	var apps []directory.App
	for _, a := range []directory.App{
		{ID: directory.GraphAPI}, {ID: directory.EnrollmentAPI}, {ID: directory.DirectoryAPI}, {ID: directory.ThreatAPI},
		{ID: directory.AgentClient, Public: true, RedirectURIs: []string{"http://127.0.0.1/cb"}},
		{ID: "web", RedirectURIs: []string{cb}, Secrets: []directory.Secret{{ID: "1", Hash: oauth.SHA256("web secret")}}},
		{ID: "daemon", ObjectID: "daemon-object", Permissions: []string{"User.ReadWrite.All"}, Secrets: []directory.Secret{{ID: "1", Hash: oauth.SHA256("old"), ExpiresAt: w.clock.now().Add(time.Hour)}}},
		{ID: "site", RedirectURIs: []string{"https://wiki.example/cb"}, Site: &directory.Site{Host: "wiki.example", Upstream: "http://10.0.0.1"}},
		{ID: "api", IdentifierURIs: []string{"api://files"}},
	} {
		a.Tenant, a.DisplayName, a.CreatedAt = tenant, string(a.ID), w.clock.now()
		if a.ObjectID == "" {
			a.ObjectID = "object of " + string(a.ID)
		}
		apps = append(apps, a)
	}
	w.must(w.store.Admin().Found(t.Context(), admin.Founding{
		Tenant: directory.Tenant{ID: tenant, DisplayName: "Contoso", Domain: "contoso.example", CreatedAt: w.clock.now()},
		Admin:  w.user, Password: admin.Password{Hash: hash}, Apps: apps,
	}))
	w.user, err = w.store.IDP().User(t.Context(), tenant, ada)
	w.must(err)
	return w
}

// start opens the store, again after a stop, and a room over it.
func (w *world) start() {
	w.Helper()
	w.store = storetest.OpenWith(w.TB, store.Options{Path: w.path, Now: w.clock.now})
	w.idp = w.replica()
}

// replica is another room over the same store.
func (w *world) replica() *idp.Service {
	w.Helper()
	s, err := idp.New(idp.Config{Store: w.store.IDP(), Keys: w.store.Keys(), Gate: w.gate, Sealer: box{}, Issuer: base, Now: w.clock.now})
	w.must(err)
	return s
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// change saves the user as f changes it.
func (w *world) change(f func(*directory.User)) {
	w.Helper()
	f(&w.user)
	var err error
	w.user, err = w.store.Admin().Users().Save(w.Context(), w.user)
	w.must(err)
}

// app saves an application as f changes it.
func (w *world) app(id directory.AppID, f func(*directory.App)) {
	w.Helper()
	a, err := w.store.IDP().App(w.Context(), tenant, id)
	w.must(err)
	f(&a)
	_, err = w.store.Admin().Apps().Save(w.Context(), a)
	w.must(err)
}

// refused fails unless err is an OAuth error of the given code and number (0: any).
func refused(t testing.TB, err error, code oauth.Code, number int) *oauth.Error {
	t.Helper()
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok || e.Code != code || number != 0 && !slices.Contains(e.ErrorCodes, number) {
		t.Fatalf("got %v, want %s (%d)", err, code, number)
	}
	return e
}

// browser is a person's browser: it keeps cookies between visits.
type browser struct {
	*world
	flow, session string
	step          idp.Step
}

func (b *browser) visit() idp.Visit {
	return idp.Visit{Tenant: tenant, Flow: b.step.Flow, Browser: b.flow, Session: b.session, UserAgent: "Mozilla/5.0 (Windows NT 10.0)", IP: "192.0.2.1"}
}

// got takes the cookies of a step and checks its kind.
func (b *browser) got(st idp.Step, err error) func(idp.Kind) idp.Step {
	b.Helper()
	b.must(err)
	b.step = st
	if st.SetBrowser != "" {
		b.flow = st.SetBrowser
	}
	if st.SetSession != "" {
		b.session = st.SetSession
	}
	return func(want idp.Kind) idp.Step {
		b.Helper()
		if st.Kind != want {
			b.Fatalf("step %d, want %d: %s %v", st.Kind, want, st.Problem, st.Response.Params)
		}
		return st
	}
}

func query(client, redirect, scope string, more ...string) url.Values {
	q := url.Values{
		"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {scope}, "state": {"st"},
		"nonce": {"n"}, "code_challenge": {oauth.Challenge256(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q
}

func (b *browser) start(q url.Values) idp.Step {
	b.Helper()
	st, err := b.idp.Authorize(b.Context(), b.visit(), q)
	b.got(st, err)
	return st
}

func (b *browser) password(text string) func(idp.Kind) idp.Step {
	b.Helper()
	return b.got(b.idp.Password(b.Context(), b.visit(), "ADA@contoso.example", text))
}

// signIn plays a sign-in without obstacles and returns the code.
func (w *world) signIn(q url.Values) string {
	w.Helper()
	b := &browser{world: w}
	b.start(q)
	return b.password(password)(idp.Answer).Response.Params.Get("code")
}

// device is a key and the proofs it makes.
type device struct {
	*world
	key *ecdsa.PrivateKey
	jti int
}

func newDevice(w *world) *device {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	return &device{world: w, key: key}
}

func (d *device) jwk() jose.JSONWebKey { return jose.JSONWebKey{Key: d.key.Public()} }

func (d *device) jkt() string {
	k := d.jwk()
	sum, err := k.Thumbprint(crypto.SHA256)
	d.must(err)
	return base64.RawURLEncoding.EncodeToString(sum)
}

func (d *device) sign(typ string, embed bool, claims any) string {
	d.Helper()
	opts := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	if !embed {
		opts = opts.WithHeader("kid", d.jkt())
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: d.key}, opts)
	d.must(err)
	out, err := jwt.Signed(signer).Claims(claims).Serialize()
	d.must(err)
	return out
}

// proof makes a DPoP proof with the current nonce; change pairs replace claims.
func (d *device) proof(method, target string, change ...any) string {
	d.Helper()
	nonce, err := d.idp.Nonce(d.Context())
	d.must(err)
	d.jti++
	c := map[string]any{"jti": d.jkt() + string(rune('a'+d.jti)), "htm": method, "htu": target, "iat": d.clock.now().Unix(), "nonce": nonce}
	for i := 0; i < len(change); i += 2 {
		c[change[i].(string)] = change[i+1]
	}
	return d.sign("dpop+jwt", true, c)
}

func (w *world) token(form url.Values, proofs ...string) (oauth.Tokens, error) {
	return w.idp.Token(w.Context(), idp.Call{Tenant: tenant, Form: form, DPoP: proofs, UserAgent: "agent", IP: "192.0.2.1"})
}

func codeForm(client, redirect, code string, more ...string) url.Values {
	f := url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {redirect}, "code": {code}, "code_verifier": {verifier}}
	for i := 0; i < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

func refreshForm(client, token string, more ...string) url.Values {
	f := url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {token}}
	for i := 0; i < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

const (
	enrollScope = "api://postern-enrollment/.default openid offline_access profile"
	graphScope  = "https://graph.microsoft.com/.default openid offline_access profile"
	webSecret   = "web secret"
)

// enrolTokens signs the agent in with d's key.
func (w *world) enrolTokens(d *device, more ...string) oauth.Tokens {
	w.Helper()
	code := w.signIn(query(string(directory.AgentClient), loop, enrollScope, append(more, "dpop_jkt", d.jkt())...))
	out, err := w.token(codeForm(string(directory.AgentClient), loop, code, more...), d.proof("POST", tokenURL))
	w.must(err)
	return out
}

// webTokens signs the web client in for Graph.
func (w *world) webTokens(more ...string) oauth.Tokens {
	w.Helper()
	code := w.signIn(query("web", cb, graphScope))
	out, err := w.token(codeForm("web", cb, code, append([]string{"client_secret", webSecret}, more...)...))
	w.must(err)
	return out
}

// claims reads a token's payload without verifying it.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func graphCall(token string) oauth.Presented {
	return oauth.Presented{Authorization: []string{"Bearer " + token}, Method: "GET", URL: base + "/v1.0/users", Audience: directory.GraphAPI}
}
