package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/oauth"
)

const bearerAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func basic(credentials string) []string {
	return []string{"basic " + base64.StdEncoding.EncodeToString([]byte(credentials))}
}

func TestATokenRequestIsReadByItsGrant(t *testing.T) {
	r, err := oauth.ParseToken(form("grant_type", "authorization_code", "client_id", "c", "client_secret", "s", "code", "x",
		"redirect_uri", "u", "code_verifier", "v", "client_info", "1", "scope", "openid"), nil)
	if err != nil || r.Code != "x" || r.Redirect != "u" || r.Verifier != "v" || !r.ClientInfo || r.Secret != "s" || r.Basic || !r.Scope.OpenID {
		t.Errorf("code: %v", err)
	}
	r, err = oauth.ParseToken(form("grant_type", "refresh_token", "refresh_token", "x"), basic("c%3A1:s%2B"))
	if err != nil || r.Refresh != "x" || r.Client != "c:1" || r.Secret != "s+" || !r.Basic {
		t.Errorf("refresh: %v", err)
	}
	r, err = oauth.ParseToken(form("grant_type", "client_credentials", "client_assertion", "j", "client_assertion_type", bearerAssertion), nil)
	if err != nil || r.Assertion != "j" || r.Client != "" {
		t.Errorf("client: %v", err)
	}
}

func TestABadTokenRequestIsRefusedByItsRule(t *testing.T) {
	tests := []struct {
		name string
		form url.Values
		auth []string
		want oauth.Code
	}{
		{"no grant type", form("client_id", "c"), nil, oauth.InvalidRequest},
		{"password grant", form("grant_type", "password", "client_id", "c"), nil, oauth.UnsupportedGrantType},
		{"no client", form("grant_type", "client_credentials"), nil, oauth.InvalidRequest},
		{"no code", form("grant_type", "authorization_code", "client_id", "c", "redirect_uri", "u", "code_verifier", "v"), nil, oauth.InvalidRequest},
		{"no verifier", form("grant_type", "authorization_code", "client_id", "c", "redirect_uri", "u", "code", "x"), nil, oauth.InvalidGrant},
		{"no refresh token", form("grant_type", "refresh_token", "client_id", "c"), nil, oauth.InvalidRequest},
		{"resource", form("grant_type", "refresh_token", "client_id", "c", "refresh_token", "r", "resource", "x"), nil, oauth.InvalidTarget},
		{"two secrets", form("grant_type", "client_credentials", "client_id", "c", "client_secret", "s"), basic("c:s"), oauth.InvalidRequest},
		{"two headers", form("grant_type", "client_credentials"), append(basic("c:s"), basic("d:s")...), oauth.InvalidRequest},
		{"two clients", form("grant_type", "client_credentials", "client_id", "d"), basic("c:s"), oauth.InvalidRequest},
		{"bearer", form("grant_type", "client_credentials", "client_id", "c"), []string{"Bearer x"}, oauth.InvalidClient},
		{"not base64", form("grant_type", "client_credentials", "client_id", "c"), []string{"Basic ?"}, oauth.InvalidClient},
		{"no colon", form("grant_type", "client_credentials", "client_id", "c"), basic("c"), oauth.InvalidClient},
		{"bad escape", form("grant_type", "client_credentials", "client_id", "c"), basic("c:%zz"), oauth.InvalidClient},
		{"other assertion", form("grant_type", "client_credentials", "client_assertion", "j", "client_assertion_type", "saml"), nil, oauth.InvalidClient},
		{"twice", form("grant_type", "refresh_token", "grant_type", "refresh_token"), nil, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		if _, err := oauth.ParseToken(tt.form, tt.auth); code(err) != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestSecretsAndTokensAreNeverPrinted(t *testing.T) {
	text := fmt.Sprintf("%v %+v %s", oauth.TokenRequest{Secret: "hush"}, oauth.Tokens{AccessToken: "hush"}, oauth.Tokens{RefreshToken: "hush"})
	if strings.Contains(text, "hush") {
		t.Error(text)
	}
}

func TestAnErrorBodyHasEntrasMembers(t *testing.T) {
	e := oauth.Errorf(oauth.InvalidGrant, 53009, "no %s", "way")
	e.Suberror, e.Claims, e.TraceID, e.CorrelationID, e.At = oauth.ProtectionPolicyRequired, oauth.NewerThan(now), "t", "c", now
	doc, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"error":"invalid_grant","error_description":"no way","error_codes":[53009],"timestamp":"2026-11-23 09:00:00Z",` +
		`"trace_id":"t","correlation_id":"c","suberror":"protection_policy_required",` +
		`"claims":"{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"1795424400\"}}}"}`
	if string(doc) != want {
		t.Errorf("got  %s\nwant %s", doc, want)
	}
	if doc, _ := json.Marshal(oauth.Errorf(oauth.ServerError, 0, "x")); !strings.Contains(string(doc), `"error_codes":[]`) {
		t.Errorf("got %s", doc)
	}
	cause := fmt.Errorf("cause")
	if e.Err = cause; e.Unwrap() != cause || e.Error() != "invalid_grant: no way" {
		t.Error("the cause is lost")
	}
}

func TestAChallengeIsWhatClientsParse(t *testing.T) {
	e := oauth.Errorf(oauth.InsufficientClaims, 0, "say \"please\"\r\n")
	e.Claims, e.Authorize = "{}", "https://idp/authorize"
	want := `Bearer error="insufficient_claims", error_description="say 'please'  ", authorization_uri="https://idp/authorize", claims="e30="`
	if got := e.Challenge("Bearer"); got != want {
		t.Errorf("got %s", got)
	}
	if got := new(oauth.Error).Challenge("DPoP"); got != "DPoP" {
		t.Errorf("got %s", got)
	}
}

func TestEndpointsHaveEntrasShape(t *testing.T) {
	e := oauth.EndpointsOf("https://h:1", "t")
	if e.Issuer != "https://h:1/t/v2.0" || e.Token != "https://h:1/t/oauth2/v2.0/token" || e.Keys != "https://h:1/t/discovery/v2.0/keys" ||
		e.Configuration != e.Issuer+"/.well-known/openid-configuration" {
		t.Errorf("%+v", e)
	}
}

func TestAClientAssertionMustFit(t *testing.T) {
	at := func(d time.Duration) *float64 { f := float64(now.Add(d).Unix()); return &f }
	fit := oauth.AssertionClaims{Issuer: "c", Subject: "c", Audience: oauth.Audience{"x", "https://idp/token"}, ID: "1",
		ExpiresAt: at(time.Minute), NotBefore: at(0), IssuedAt: at(0)}
	demand := oauth.AssertionDemand{Client: "c", Audiences: []string{"https://idp/token", "https://idp"}, Now: now}
	if err := fit.Check(demand); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*oauth.AssertionClaims){
		"other issuer":   func(c *oauth.AssertionClaims) { c.Issuer = "d" },
		"other subject":  func(c *oauth.AssertionClaims) { c.Subject = "d" },
		"other audience": func(c *oauth.AssertionClaims) { c.Audience = oauth.Audience{"https://other"} },
		"no audience":    func(c *oauth.AssertionClaims) { c.Audience = nil },
		"no identifier":  func(c *oauth.AssertionClaims) { c.ID = "" },
		"long one":       func(c *oauth.AssertionClaims) { c.ID = strings.Repeat("x", 257) },
		"no end":         func(c *oauth.AssertionClaims) { c.ExpiresAt = nil },
		"expired":        func(c *oauth.AssertionClaims) { c.ExpiresAt = at(-time.Minute) },
		"too long":       func(c *oauth.AssertionClaims) { c.ExpiresAt = at(12 * time.Minute) },
		"not yet":        func(c *oauth.AssertionClaims) { c.NotBefore = at(2 * time.Minute) },
		"from tomorrow":  func(c *oauth.AssertionClaims) { c.IssuedAt = at(24 * time.Hour) },
	}
	for name, change := range tests {
		c := fit
		change(&c)
		if code(c.Check(demand)) != oauth.InvalidClient {
			t.Errorf("%s passes", name)
		}
	}
}

func TestAnAudienceIsOneOrSeveral(t *testing.T) {
	var c oauth.AssertionClaims
	for _, doc := range []string{`{"aud":"a"}`, `{"aud":["a"]}`} {
		if err := json.Unmarshal([]byte(doc), &c); err != nil || len(c.Audience) != 1 || c.Audience[0] != "a" {
			t.Errorf("%s: %v %v", doc, c.Audience, err)
		}
	}
	if json.Unmarshal([]byte(`{"aud":1}`), &c) == nil {
		t.Error("a number is no audience")
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("grant_type=refresh_token&client_id=c&refresh_token=r", "")
	f.Add("grant_type=authorization_code&code=x&redirect_uri=u&code_verifier=v", "Basic Yzpz")
	f.Fuzz(func(t *testing.T, body, header string) {
		v, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		var auth []string
		if header != "" {
			auth = []string{header}
		}
		r, err := oauth.ParseToken(v, auth)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("%v is no OAuth error", err)
			}
			return
		}
		if r.Client == "" && r.Assertion == "" || r.Secret != "" && r.Assertion != "" {
			t.Fatal("a request of nobody, or of two, was accepted")
		}
	})
}

func FuzzAudience(f *testing.F) {
	f.Add(`["a","b"]`)
	f.Fuzz(func(t *testing.T, doc string) {
		var a oauth.Audience
		if json.Unmarshal([]byte(doc), &a) != nil {
			return
		}
		if out, err := json.Marshal(a); err != nil || len(out) == 0 {
			t.Fatal(err)
		}
	})
}
