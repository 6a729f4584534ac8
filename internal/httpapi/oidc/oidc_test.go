package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/oidc"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

const (
	tenant   = "11111111-1111-4111-8111-111111111111"
	password = "correct horse battery"
	cb       = "https://web.example/cb"
	verifier = "verifier-verifier-verifier-verifier-verifier"
)

type gate func(access.Request) (access.Ruling, error)

func (g gate) Decide(_ context.Context, r access.Request) (access.Ruling, error) { return g(r) }

func granted(r access.Request) (access.Ruling, error) {
	return access.Ruling{Decision: access.Decision{Outcome: access.Granted}, Record: access.Record{Tenant: r.Tenant}}, nil
}

type box struct{}

func (box) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (box) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// world is the door over a real room and a real store, reached over TLS.
type world struct {
	*testing.T
	server  *httptest.Server
	browser *http.Client
	base    string
	at      oauth.Endpoints
	store   *store.Store
	rule    gate
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, store: storetest.Open(t), rule: granted}
	mux := http.NewServeMux()
	w.server = httptest.NewTLSServer(mux)
	t.Cleanup(w.server.Close)
	w.base, w.at = w.server.URL, oauth.EndpointsOf(w.server.URL, tenant)
	s, err := idp.New(idp.Config{Store: w.store.IDP(), Keys: w.store.Keys(), Sealer: box{}, Issuer: w.base, Now: time.Now,
		Gate: gate(func(r access.Request) (access.Ruling, error) { return w.rule(r) })})
	w.must(err)
	d, err := oidc.New(oidc.Config{Service: s, Issuer: w.base, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now})
	w.must(err)
	d.Mount(mux)
	hash, err := s.HashPassword(t.Context(), password)
	w.must(err)
	var apps []directory.App
	for _, a := range []directory.App{{ID: directory.GraphAPI}, {ID: directory.DirectoryAPI},
		{ID: "web", RedirectURIs: []string{cb}, Secrets: []directory.Secret{{Hash: oauth.SHA256("hush")}}},
		{ID: "native", Public: true, RedirectURIs: []string{"http://localhost"}}} {
		a.Tenant, a.ObjectID, a.DisplayName = tenant, "o-"+string(a.ID), string(a.ID)
		apps = append(apps, a)
	}
	w.must(w.store.Admin().Found(t.Context(), admin.Founding{
		Tenant: directory.Tenant{ID: tenant, DisplayName: "Contoso", Domain: "contoso.example"}, Apps: apps, Password: admin.Password{Hash: hash},
		Admin: directory.User{ID: "ada", Tenant: tenant, UserPrincipalName: "ada@contoso.example", Enabled: true},
	}))
	jar, err := cookiejar.New(nil)
	w.must(err)
	w.browser = w.server.Client()
	w.browser.Jar = jar
	w.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// send sends a request and returns the answer with its body read.
func (w *world) send(method, target string, form url.Values, header ...string) (*http.Response, string) {
	w.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(w.Context(), method, target, body)
	w.must(err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := w.browser.Do(r)
	w.must(err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	w.must(err)
	return res, string(text)
}

func (w *world) authorize(more ...string) string {
	q := url.Values{"client_id": {"web"}, "redirect_uri": {cb}, "response_type": {"code"}, "scope": {"openid profile offline_access"},
		"state": {"a b"}, "code_challenge": {oauth.Challenge256(verifier)}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return w.at.Authorize + "?" + q.Encode()
}

var (
	action = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	flow   = regexp.MustCompile(`name="flow" value="([^"]+)"`)
)

// post fills in the form of a page.
func (w *world) post(page string, fields ...string) (*http.Response, string) {
	w.Helper()
	a, f := action.FindStringSubmatch(page), flow.FindStringSubmatch(page)
	if a == nil || f == nil {
		w.Fatalf("no form in %s", page)
	}
	form := url.Values{"flow": {f[1]}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return w.send("POST", a[1], form, "Sec-Fetch-Site", "same-origin")
}

func (w *world) signIn(more ...string) (*http.Response, string) {
	w.Helper()
	_, page := w.send("GET", w.authorize(more...), nil)
	return w.post(page, "username", "ada@contoso.example", "password", password)
}

func TestDiscoverySaysWhatClientsAndStandardsNeed(t *testing.T) {
	w := open(t)
	res, body := w.send("GET", w.at.Configuration, nil)
	var doc map[string]any
	w.must(json.Unmarshal([]byte(body), &doc))
	for name, want := range map[string]any{"issuer": w.at.Issuer, "authorization_endpoint": w.at.Authorize, "token_endpoint": w.at.Token, "jwks_uri": w.at.Keys,
		"authorization_response_iss_parameter_supported": true, "request_uri_parameter_supported": false, "claims_parameter_supported": true} {
		if doc[name] != want {
			t.Errorf("%s is %v, want %v", name, doc[name], want)
		}
	}
	if res.Header.Get("Access-Control-Allow-Origin") != "*" || doc["code_challenge_methods_supported"].([]any)[0] != "S256" || doc["dpop_signing_alg_values_supported"].([]any)[0] != "ES256" {
		t.Error(body)
	}
	_, body = w.send("GET", w.at.Keys, nil)
	if !strings.Contains(body, `"kty":"EC"`) || strings.Contains(body, `"d":`) {
		t.Error(body)
	}
}

func TestAnAuthorityOfNoTenantIsRefusedClearly(t *testing.T) {
	w := open(t)
	for _, name := range []string{"common", "organizations", "consumers", "nobody"} {
		at := oauth.EndpointsOf(w.base, directory.TenantID(name))
		for _, target := range []string{at.Configuration, at.Keys} {
			if res, body := w.send("GET", target, nil); res.StatusCode != 400 || !strings.Contains(body, `"error":"invalid_request"`) {
				t.Errorf("%s: %d %s", target, res.StatusCode, body)
			}
		}
		if res, _ := w.send("GET", at.Authorize+"?client_id=web", nil); res.StatusCode != 400 {
			t.Errorf("%s: %d", at.Authorize, res.StatusCode)
		}
	}
}

func TestAPersonSignsInAndTheClientGetsTokens(t *testing.T) {
	w := open(t)
	res, body := w.signIn()
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	for _, c := range res.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-postern-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %+v", c)
		}
	}
	to, err := url.Parse(res.Header.Get("Location"))
	w.must(err)
	if q := to.Query(); !strings.HasPrefix(to.String(), cb+"?") || q.Get("state") != "a b" || q.Get("iss") != w.at.Issuer || q.Get("code") == "" {
		t.Fatalf("%s", to)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"web"}, "client_secret": {"hush"}, "redirect_uri": {cb},
		"code": {to.Query().Get("code")}, "code_verifier": {verifier}}
	res, body = w.send("POST", w.at.Token, form)
	if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(body, `"id_token"`) || !strings.Contains(body, `"ext_expires_in":600`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res, _ = w.send("GET", w.authorize(), nil); res.StatusCode != http.StatusFound || !strings.Contains(res.Header.Get("Location"), "code=") {
		t.Errorf("the session spares nothing: %d", res.StatusCode)
	}
	if res, _ = w.send("GET", w.at.Logout, nil, "Sec-Fetch-Site", "cross-site"); res.StatusCode != 200 || len(res.Cookies()) != 0 {
		t.Error("another site's link signs people out")
	}
	if _, body = w.send("GET", w.at.Logout, nil, "Sec-Fetch-Site", "same-origin"); !strings.Contains(body, "signed out") {
		t.Error(body)
	}
	if res, _ = w.send("GET", w.authorize(), nil); res.StatusCode != http.StatusOK {
		t.Errorf("the session outlives the sign-out: %d", res.StatusCode)
	}
}

func TestMSALsInteractiveRequestIsAnsweredByAForm(t *testing.T) {
	w := open(t)
	const redirect = "http://localhost:44159"
	res, body := w.signIn("client_id", "native", "redirect_uri", redirect, "response_mode", "form_post", "prompt", "select_account")
	if res.StatusCode != 200 || !strings.Contains(body, `action="`+redirect+`"`) || !strings.Contains(body, `name="code"`) ||
		!strings.Contains(body, `name="state" value="a b"`) || !strings.Contains(res.Header.Get("Content-Security-Policy"), "form-action 'self' "+redirect) {
		t.Errorf("%d %s %s", res.StatusCode, res.Header.Get("Content-Security-Policy"), body)
	}
}

func TestErrorsBeforeTheAddressIsKnownArePagesAndLaterOnesRedirects(t *testing.T) {
	w := open(t)
	res, body := w.send("GET", w.authorize("redirect_uri", "https://evil.example/"), nil)
	if res.StatusCode != 400 || res.Header.Get("Location") != "" || !strings.Contains(body, "50011") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	res, _ = w.send("GET", w.authorize("response_type", "token"), nil)
	if to := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !strings.Contains(to, "error=unsupported_response_type") || !strings.Contains(to, "iss=") {
		t.Errorf("%d %s", res.StatusCode, to)
	}
	res, _ = w.send("GET", w.authorize()+"&state=again", nil)
	if to := res.Header.Get("Location"); !strings.Contains(to, "error=invalid_request") {
		t.Errorf("%d %s", res.StatusCode, to)
	}
}

func TestARefusalIsAPageThatLooksAgain(t *testing.T) {
	w := open(t)
	w.rule = func(r access.Request) (access.Ruling, error) {
		return access.Ruling{Decision: access.Decision{Code: 53009}, Remedies: []access.Remedy{{Code: "x", Title: "Protect this app", Why: "Because."}},
			Record: access.Record{Tenant: r.Tenant}}, nil
	}
	res, body := w.signIn()
	if res.StatusCode != http.StatusForbidden || !strings.Contains(body, "Protect this app") || !strings.Contains(body, "53009") || !strings.Contains(body, "mam-device-challenge") {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	res, body = w.post(body, "proof", "rubbish")
	if res.StatusCode != http.StatusForbidden || !strings.Contains(body, "could not prove itself") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	w.rule = granted
	again := regexp.MustCompile(`href="([^"]*resume[^"]*)"`).FindStringSubmatch(body)
	if again == nil {
		t.Fatal("nothing to check again by")
	}
	if res, _ = w.send("GET", again[1], nil); res.StatusCode != http.StatusFound {
		t.Errorf("%d", res.StatusCode)
	}
	w.rule = func(access.Request) (access.Ruling, error) { return access.Ruling{}, errors.New("secret detail") }
	if res, body = w.send("GET", w.authorize(), nil); res.StatusCode != 500 || strings.Contains(body, "secret detail") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestFormsOfOtherSitesAndOtherBrowsersAreRefused(t *testing.T) {
	w := open(t)
	_, page := w.send("GET", w.authorize(), nil)
	a, f := action.FindStringSubmatch(page)[1], flow.FindStringSubmatch(page)[1]
	form := url.Values{"flow": {f}, "username": {"ada@contoso.example"}, "password": {password}}
	if res, _ := w.send("POST", a, form, "Sec-Fetch-Site", "cross-site"); res.StatusCode != http.StatusForbidden {
		t.Errorf("a forged post: %d", res.StatusCode)
	}
	jar := w.browser.Jar
	w.browser.Jar = nil
	if res, _ := w.send("POST", a, form, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusNotFound {
		t.Errorf("another browser: %d", res.StatusCode)
	}
	w.browser.Jar = jar
	if res, _ := w.send("POST", a, form, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the right one: %d", res.StatusCode)
	}
}

func TestNobodyElseAsksForAChallengeOfTheDevice(t *testing.T) {
	w := open(t)
	at := w.base + "/" + tenant + "/oauth2/v2.0/deviceproof"
	for _, from := range []string{"cross-site", "same-site"} {
		if res, _ := w.send("GET", at, nil, "Sec-Fetch-Site", from); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", from, res.StatusCode)
		}
	}
	if res, body := w.send("GET", at, nil); res.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "sign in first") {
		t.Errorf("nobody is signed in: %d %s", res.StatusCode, body)
	}
	if res, body := w.send("POST", at+"/renew", url.Values{"proof": {"a.b.c"}}); res.StatusCode != http.StatusUnauthorized || strings.Contains(body, "<") {
		t.Errorf("a proof without a session: %d %s", res.StatusCode, body)
	}
	if res, _ := w.send("GET", at+"/renew", nil); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("by GET: %d", res.StatusCode)
	}
}

func TestATokenErrorHasEntrasShape(t *testing.T) {
	w := open(t)
	id := "0f6e3c40-1111-4222-8333-444455556666"
	res, body := w.send("POST", w.at.Token, url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "client_secret": {"hush"}, "refresh_token": {"x"}},
		"client-request-id", id, "return-client-request-id", "true")
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
		Timestamp   string `json:"timestamp"`
		Trace       string `json:"trace_id"`
		Correlation string `json:"correlation_id"`
		Suberror    string `json:"suberror"`
	}
	w.must(json.Unmarshal([]byte(body), &e))
	if res.StatusCode != 400 || e.Error != "invalid_grant" || e.Codes[0] != 70000 || e.Correlation != id || e.Trace == "" || e.Suberror != "bad_token" ||
		res.Header.Get("client-request-id") != id || res.Header.Get("x-ms-request-id") != e.Trace {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if _, err := time.Parse("2006-01-02 15:04:05Z", e.Timestamp); err != nil {
		t.Error(err)
	}
	res, body = w.send("POST", w.at.Token, url.Values{"grant_type": {"client_credentials"}}, "Authorization", "Basic d2ViOmd1ZXNz", "client-request-id", "<script>")
	if res.StatusCode != 401 || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic ") || !strings.Contains(body, "invalid_client") || strings.Contains(body, "<script") || strings.Contains(body, `\u003cscript`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	res, body = w.send("POST", w.at.Token, url.Values{"grant_type": {"refresh_token"}, "client_id": {"native"}, "refresh_token": {"x"}}, "DPoP", "rubbish")
	if res.StatusCode != 400 || res.Header.Get("DPoP-Nonce") == "" || !strings.Contains(body, "invalid_dpop_proof") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestOddBodiesAreRefused(t *testing.T) {
	w := open(t)
	form := url.Values{"grant_type": {"refresh_token"}}
	tests := []struct {
		name   string
		form   url.Values
		header []string
		want   int
	}{
		{"JSON", form, []string{"Content-Type", "application/json"}, 415},
		{"no type", form, []string{"Content-Type", ""}, 415},
		{"gzip", form, []string{"Content-Encoding", "gzip"}, 415},
		{"large", url.Values{"x": {strings.Repeat("a", 70<<10)}}, nil, 413},
		{"empty", url.Values{}, nil, 400},
	}
	for _, tt := range tests {
		res, body := w.send("POST", w.at.Token, tt.form, tt.header...)
		if res.StatusCode != tt.want || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") || !strings.Contains(body, `"error":`) {
			t.Errorf("%s: %d %s", tt.name, res.StatusCode, body)
		}
	}
	if res, _ := w.send("GET", w.at.Token, nil); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", res.StatusCode)
	}
	if res, _ := w.send("POST", w.at.Token+"?grant_type=client_credentials&client_id=web&client_secret=hush&scope=x", url.Values{}); res.StatusCode != 400 {
		t.Errorf("a secret in the address works: %d", res.StatusCode)
	}
}

func TestOneAddressCannotPostWithoutEnd(t *testing.T) {
	w := open(t)
	last := 0
	for range 700 {
		res, _ := w.send("POST", w.at.Authority+"/oauth2/v2.0/resume", url.Values{"flow": {"x"}})
		if last = res.StatusCode; last == http.StatusTooManyRequests {
			if res.Header.Get("Retry-After") == "" {
				t.Error("when to come back is not said")
			}
			return
		}
	}
	t.Errorf("the last of 700 posts: %d", last)
}

func TestEverythingMissingIsNamed(t *testing.T) {
	_, err := oidc.New(oidc.Config{})
	for _, what := range []string{"Service", "Issuer", "Log", "Now"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
