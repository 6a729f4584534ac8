package oauth_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/oauth"
)

func TestAScopeNamesOneResource(t *testing.T) {
	tests := []struct {
		text, resource string
		names          []string
		want           oauth.Code
	}{
		{"openid profile email offline_access", "", nil, ""},
		{"api://x/read api://x/write api://x/read", "api://x", []string{"read", "write"}, ""},
		{"https://graph.microsoft.com/.default offline_access", "https://graph.microsoft.com", []string{".default"}, ""},
		{"https://h:8443//.default", "https://h:8443/", []string{".default"}, ""},
		{"User.Read", oauth.GraphURI, []string{"User.Read"}, ""},
		{"User.Read api://x/read", "", nil, oauth.InvalidScope},
		{"api://x/read api://y/read", "", nil, oauth.InvalidScope},
		{"api://x/.default api://x/read", "", nil, oauth.InvalidScope},
		{"/read", "", nil, oauth.InvalidScope},
		{"api://x/", "", nil, oauth.InvalidScope},
		{`api://x/"`, "", nil, oauth.InvalidScope},
		{"api://x/\u00e9", "", nil, oauth.InvalidScope},
		{strings.Repeat("a", 1025), "", nil, oauth.InvalidScope},
		{strings.Repeat("a ", 33), "", nil, oauth.InvalidScope},
	}
	for _, tt := range tests {
		s, err := oauth.ParseScope(tt.text)
		if code(err) != tt.want || s.Resource != tt.resource || !slices.Equal(s.Names, tt.names) {
			t.Errorf("%q: %+v %v", tt.text, s, err)
		}
	}
}

func TestAScopeMayNarrowAndNeverWiden(t *testing.T) {
	read := func(text string) oauth.Scope {
		s, err := oauth.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct {
		asked, granted string
		want           bool
	}{
		{"", "api://x/read", true},
		{"openid", "api://x/read", true},
		{"api://x/read", "api://x/read api://x/write", true},
		{"api://x//read", "api://x/read", true},
		{"api://x/write", "api://x/read", false},
		{"api://x/read", "api://x/.default", true},
		{"api://x/.default", "api://x/read", false},
		{"api://y/read", "api://x/read", false},
		{"api://y/read", "openid", false},
	}
	for _, tt := range tests {
		if got := read(tt.asked).Within(read(tt.granted)); got != tt.want {
			t.Errorf("%q within %q: %v", tt.asked, tt.granted, got)
		}
	}
}

func FuzzParseScope(f *testing.F) {
	f.Add("openid api://x/read")
	f.Add("https://h//.default")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := oauth.ParseScope(text)
		if err != nil {
			return
		}
		again, err := oauth.ParseScope(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q became %q, then %q: %v", text, s, again, err)
		}
	})
}

func TestAClaimsRequestIsReadWhereItIsUnderstood(t *testing.T) {
	tests := []struct {
		text    string
		capable bool
		newer   int64
		want    oauth.Code
	}{
		{"", false, 0, ""},
		{"{}", false, 0, ""},
		{`{"access_token":null,"id_token":{"acr":null}}`, false, 0, ""},
		{`{"access_token":{"xms_cc":null,"nbf":null}}`, false, 0, ""},
		{`{"access_token":{"xms_cc":{"values":["x","Cp1"]}}}`, true, 0, ""},
		{`{"access_token":{"xms_cc":{"value":"cp1"}}}`, true, 0, ""},
		{`{"access_token":{"xms_cc":{"values":["cp2"]}}}`, false, 0, ""},
		{`{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`, false, 1604106651, ""},
		{`{"access_token":{"nbf":{"value":7}}}`, false, 7, ""},
		{`{"access_token":{"nbf":{"value":"soon"}}}`, false, 0, oauth.InvalidRequest},
		{`{"access_token":{"nbf":{"value":-1}}}`, false, 0, oauth.InvalidRequest},
		{`{"access_token":[]}`, false, 0, oauth.InvalidRequest},
		{`[]`, false, 0, oauth.InvalidRequest},
		{strings.Repeat(" ", 5000), false, 0, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		c, err := oauth.ParseClaims(tt.text)
		if code(err) != tt.want || c.Capable != tt.capable || tt.newer != 0 && c.NotBefore.Unix() != tt.newer {
			t.Errorf("%.60q: %+v %v", tt.text, c, err)
		}
	}
	if c, err := oauth.ParseClaims(oauth.NewerThan(now)); err != nil || !c.NotBefore.Equal(now) {
		t.Errorf("our own challenge came back as %v %v", c, err)
	}
}

func FuzzParseClaims(f *testing.F) {
	f.Add(`{"access_token":{"nbf":{"essential":true,"value":"1"},"xms_cc":{"values":["cp1"]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := oauth.ParseClaims(text); err != nil && (c.Capable || !c.NotBefore.IsZero()) {
			t.Fatal("a refused request says something")
		}
	})
}

func TestPKCEComparesWhatWasHashed(t *testing.T) {
	// RFC 7636 appendix B.
	const verifier, want = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if !oauth.VerifyPKCE(verifier, want) {
		t.Error("the example of the RFC fails")
	}
	for _, bad := range []string{"", verifier[:42], verifier + strings.Repeat("a", 86), verifier[:42] + "!", verifier[:42] + "j"} {
		if oauth.VerifyPKCE(bad, want) {
			t.Errorf("%q passes", bad)
		}
	}
	if oauth.VerifyPKCE(verifier, verifier) {
		t.Error("plain passes")
	}
}

func TestARedirectURIMatchesExactly(t *testing.T) {
	app := directory.App{RedirectURIs: []string{"https://app.example/cb", "http://localhost", "http://127.0.0.1/cb?a=1", "http://[::1]/cb", "com.example.app:/cb"}}
	tests := []struct {
		uri          string
		any, private bool // for confidential clients too; for public clients alone
	}{
		{"https://app.example/cb", true, true},
		{"com.example.app:/cb", true, true},
		{"http://localhost:49152", false, true},
		{"http://localhost:49152/", false, true},
		{"http://127.0.0.1:1/cb?a=1", false, true},
		{"http://[::1]:1/cb", false, true},
		{"http://127.0.0.1:1/cb", false, false},
		{"http://127.0.0.1:1/cb?a=2", false, false},
		{"http://127.0.0.2:1/cb?a=1", false, false},
		{"http://localhost:1/other", false, false},
		{"https://localhost:1/", false, false},
		{"http://localhost.evil.example/", false, false},
		{"http://localhost@evil.example/", false, false},
		{"http://user@localhost/", false, false},
		{"http://localhost:1/#x", false, false},
		{"https://app.example/cb#", false, false},
		{"https://app.example/cb/", false, false},
		{"https://APP.example/cb", false, false},
		{"https://app.example/cb?x", false, false},
		{"http://localhost:x/", false, false},
		{"", false, false},
	}
	for _, tt := range tests {
		if got := oauth.MatchRedirect(app, tt.uri); got != tt.any {
			t.Errorf("confidential, %q: %v", tt.uri, got)
		}
		public := app
		public.Public = true
		if got := oauth.MatchRedirect(public, tt.uri); got != tt.private {
			t.Errorf("public, %q: %v", tt.uri, got)
		}
	}
}

func FuzzMatchRedirect(f *testing.F) {
	f.Add("http://localhost:1/cb")
	app := directory.App{Public: true, RedirectURIs: []string{"http://localhost/cb", "https://app.example/cb"}}
	f.Fuzz(func(t *testing.T, uri string) {
		if !oauth.MatchRedirect(app, uri) || uri == "https://app.example/cb" {
			return
		}
		rest, ok := strings.CutPrefix(strings.ToLower(uri), "http://localhost")
		if !ok || !strings.Contains(rest, "/cb") && !strings.Contains(rest, "/%63b") {
			t.Fatalf("%q matches", uri)
		}
	})
}

func TestAProofMustFitTheRequest(t *testing.T) {
	at := func(d time.Duration) *float64 { f := float64(now.Add(d).Unix()); return &f }
	fit := oauth.ProofClaims{ID: "1", Method: "POST", URL: "https://h/p", IssuedAt: at(0), TokenHash: oauth.SHA256("token")}
	demand := oauth.ProofDemand{Method: "POST", URL: "https://H:443/p", Token: "token", Now: now}
	if err := fit.Check(demand); err != nil {
		t.Fatal(err)
	}
	without, bare := fit, demand
	without.TokenHash, bare.Token = "", ""
	if err := without.Check(bare); err != nil {
		t.Fatal(err)
	}
	if fit.Check(bare) == nil {
		t.Error("a proof for a token passes without one")
	}
	tests := map[string]func(*oauth.ProofClaims){
		"no identifier": func(c *oauth.ProofClaims) { c.ID = "" },
		"long one":      func(c *oauth.ProofClaims) { c.ID = strings.Repeat("x", 257) },
		"other method":  func(c *oauth.ProofClaims) { c.Method = "GET" },
		"lower case":    func(c *oauth.ProofClaims) { c.Method = "post" },
		"other path":    func(c *oauth.ProofClaims) { c.URL = "https://h/q" },
		"other host":    func(c *oauth.ProofClaims) { c.URL = "https://g/p" },
		"other scheme":  func(c *oauth.ProofClaims) { c.URL = "http://h/p" },
		"other port":    func(c *oauth.ProofClaims) { c.URL = "https://h:444/p" },
		"relative":      func(c *oauth.ProofClaims) { c.URL = "/p" },
		"user":          func(c *oauth.ProofClaims) { c.URL = "https://u@h/p" },
		"no URL":        func(c *oauth.ProofClaims) { c.URL = "https://h/%zz" },
		"endless URL":   func(c *oauth.ProofClaims) { c.URL = "https://h/" + strings.Repeat("p", 3000) },
		"no time":       func(c *oauth.ProofClaims) { c.IssuedAt = nil },
		"old":           func(c *oauth.ProofClaims) { c.IssuedAt = at(-6 * time.Minute) },
		"early":         func(c *oauth.ProofClaims) { c.IssuedAt = at(6 * time.Minute) },
		"no ath":        func(c *oauth.ProofClaims) { c.TokenHash = "" },
		"other ath":     func(c *oauth.ProofClaims) { c.TokenHash = oauth.SHA256("other") },
	}
	for name, change := range tests {
		c := fit
		change(&c)
		if code(c.Check(demand)) != oauth.InvalidDPoPProof {
			t.Errorf("%s passes", name)
		}
	}
}

func TestAURLIsComparedWithoutQueryDefaultPortAndCase(t *testing.T) {
	c := oauth.ProofClaims{ID: "1", Method: "GET", IssuedAt: new(float64(now.Unix()))}
	for asked, want := range map[string]string{
		"HTTPS://H:443/a?b#c": "https://h/a", "http://h:80": "http://h/", "https://h/a%2fb": "https://h/a%2fb",
	} {
		c.URL = asked
		if err := c.Check(oauth.ProofDemand{Method: "GET", URL: want, Now: now}); err != nil {
			t.Errorf("%s: %v", asked, err)
		}
	}
}

func FuzzProofURL(f *testing.F) {
	f.Add("https://h/p")
	f.Fuzz(func(t *testing.T, text string) {
		c := oauth.ProofClaims{ID: "1", Method: "GET", URL: text, IssuedAt: new(float64(now.Unix()))}
		if c.Check(oauth.ProofDemand{Method: "GET", URL: "https://h/p", Now: now}) == nil && !strings.HasPrefix(strings.ToLower(text), "https://h") {
			t.Fatalf("%q is taken for https://h/p", text)
		}
	})
}
