package recorded_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// apart are the MSAL runs that this server refuses, on purpose. What it says
// must still be an OAuth error that MSAL can show.
var apart = map[string]string{
	"device code": "the device grant (RFC 8628) is off until an administrator allows it",
	"device code, discovery lacks device_authorization_endpoint": "likewise",
	"discovery: issuer on another host":                          "its point is another server's answer",
	"discovery: no issuer":                                       "likewise",
	"silent/refresh":                                             "redeems a code without PKCE",
	"authority https://127.0.0.1:43001/common":                   "an authority names its tenant by identifier",
	"authority https://127.0.0.1:43001/organizations":            "likewise",
	"authority https://127.0.0.1:43001/mam/tenant/v2.0":          "likewise",
	"authority https://127.0.0.1:43001/contoso.example":          "likewise",
	"authority https://127.0.0.1:43001/adfs":                     "likewise",
	"CA denial":                                                  "asks for a resource that does not exist here",
}

// person is somebody who signs in to a public client, as MSAL makes one.
type person struct {
	*client
	app      string // client identifier
	redirect string // on a port that the app did not register
	refresh  string
}

const (
	passphrase = "a long enough passphrase"
	mamScope   = "api%3A%2F%2Fmam%2Fuser_impersonation" // in the recording
	graphScope = "https%3A%2F%2Fgraph.microsoft.com%2FUser.Read"
)

func newPerson(t *testing.T) *person {
	t.Helper()
	c := newClient(t)
	c.house.Name, c.house.Password = "ada@postern.internal", passphrase
	c.house.Do(t, http.MethodPost, "/v1.0/users", map[string]any{
		"displayName": "Ada", "userPrincipalName": c.house.Name, "accountEnabled": true, "mailNickname": "ada",
		"passwordProfile": map[string]any{"password": passphrase, "forceChangePasswordNextSignIn": false},
	}, nil)
	var app struct {
		AppID string `json:"appId"`
	}
	c.house.Do(t, http.MethodPost, "/v1.0/applications", map[string]any{
		"displayName": "MSAL", "isFallbackPublicClient": true, "publicClient": map[string]any{"redirectUris": []string{"http://localhost"}},
	}, &app)
	callback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	t.Cleanup(callback.Close)
	u, err := url.Parse(callback.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &person{client: c, app: app.AppID, redirect: "http://localhost:" + u.Port()}
}

func TestMSALIsServed(t *testing.T) {
	p := newPerson(t)
	met := map[string]bool{}
	for _, x := range recording(t, msal) {
		_, run, _ := strings.Cut(x.Client, ": ")
		t.Run(run+" "+x.request(), func(t *testing.T) {
			_, refused := apart[run]
			met[run] = true
			switch {
			case strings.HasSuffix(x.Path, "/openid-configuration"):
				p.discover(t, x)
			case strings.HasSuffix(x.Path, "/authorize"):
				p.interactive(t, x)
			default:
				p.redeem(t, x, refused)
			}
		})
	}
	for run := range apart {
		if !met[run] {
			t.Errorf("%q is not recorded; remove it from the table", run)
		}
	}
}

// discover reads the metadata as MSAL does: the issuer's host must be the
// authority's own.
func (p *person) discover(t *testing.T, x exchange) {
	r, err := http.NewRequestWithContext(t.Context(), x.Method, p.house.GraphEndpoint+p.local(x), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := p.do(t, r)
	if !strings.Contains(x.Path, tenantThere) {
		if a.status < http.StatusBadRequest {
			t.Errorf("an authority without a tenant's identifier answers %v", a)
		}
		return
	}
	o := a.object()
	for _, name := range []string{"issuer", "authorization_endpoint", "token_endpoint"} {
		if s, _ := o[name].(string); !strings.HasPrefix(s, p.house.GraphEndpoint+"/") {
			t.Errorf("%s is %q, not at %s", name, s, p.house.GraphEndpoint)
		}
	}
}

// redeem sends a token request as it was recorded, with a code, a secret or a
// refresh token that is worth something here.
func (p *person) redeem(t *testing.T, x exchange, refused bool) {
	form, err := url.ParseQuery(strings.ReplaceAll(string(x.sent()), mamScope, graphScope))
	if err != nil {
		t.Fatal(err)
	}
	form.Set("client_id", p.app)
	switch grant := form.Get("grant_type"); {
	case grant == "authorization_code":
		form.Set("redirect_uri", p.redirect)
		form.Set("code", p.code(t, form.Get("code_verifier")))
	case grant == "refresh_token":
		form.Set("refresh_token", p.refresh)
	case form.Has("client_secret"):
		form.Set("client_id", p.house.ClientID)
		form.Set("client_secret", p.house.ClientSecret)
		form.Set("scope", strings.ReplaceAll(form.Get("scope"), "https://graph.local", "https://graph.microsoft.com"))
		refused = refused || form.Has("assertion") // on behalf of: no app here calls another for a person
	}
	a := p.form(t, p.house.GraphEndpoint+p.local(x), form)
	o := a.object()
	if refused {
		if _, ok := o["error"].(string); a.status < http.StatusBadRequest || a.status >= http.StatusInternalServerError || !ok && a.status != http.StatusNotFound {
			t.Errorf("%v; if it is granted now, remove it from the table", a)
		}
		return
	}
	if a.status != http.StatusOK {
		t.Fatalf("%v", a)
	}
	for _, name := range []string{"access_token", "token_type"} {
		if s, _ := o[name].(string); s == "" {
			t.Errorf("%s is missing: %v", name, a)
		}
	}
	if n, _ := o["expires_in"].(float64); n <= 0 {
		t.Errorf("expires_in is %v", o["expires_in"])
	}
	p.account(t, form, o)
}

// account reads what makes an account in MSAL: without client_info and id_token
// it would not find it again.
func (p *person) account(t *testing.T, form url.Values, o map[string]any) {
	t.Helper()
	if form.Get("client_info") != "1" {
		return
	}
	for _, name := range []string{"id_token", "client_info", "refresh_token", "scope"} {
		if s, _ := o[name].(string); s == "" {
			t.Errorf("%s is missing", name)
		}
	}
	p.refresh, _ = o["refresh_token"].(string)
}

// interactive follows MSAL's own authorization request up to the page that posts
// the code back.
func (p *person) interactive(t *testing.T, x exchange) {
	query, err := url.ParseQuery(strings.ReplaceAll(x.Query, mamScope, graphScope))
	if err != nil {
		t.Fatal(err)
	}
	query.Set("client_id", p.app)
	query.Set("redirect_uri", p.redirect)
	page := p.open(t, query)
	for _, want := range []string{`action="` + p.redirect + `"`, `value="` + query.Get("state") + `"`, `name="code"`} {
		if !strings.Contains(html.UnescapeString(page), want) {
			t.Errorf("the page does not post %s: %.600s", want, page)
		}
	}
}

// code signs the person in and returns the code that came back. Without a
// verifier there is none to be had, and any will do.
func (p *person) code(t *testing.T, verifier string) string {
	t.Helper()
	if verifier == "" {
		return "x"
	}
	sum := sha256.Sum256([]byte(verifier))
	page := p.open(t, url.Values{
		"client_id": {p.app}, "response_type": {"code"}, "redirect_uri": {p.redirect}, "state": {"s"}, "response_mode": {"form_post"},
		"scope":          {"https://graph.microsoft.com/User.Read openid offline_access profile"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	})
	found := codeField.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no code: %.600s", page)
	}
	return html.UnescapeString(found[1])
}

var codeField = regexp.MustCompile(`name="code" value="([^"]+)"`)

func (p *person) open(t *testing.T, query url.Values) string {
	t.Helper()
	page, err := p.house.Browser(t, nil).Open(t.Context(), p.house.Authority+"/oauth2/v2.0/authorize?"+query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return page.Body
}
