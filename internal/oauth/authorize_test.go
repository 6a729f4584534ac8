package oauth_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/oauth"
)

var (
	now       = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	challenge = oauth.Challenge256(strings.Repeat("v", 43))
)

// good is an authorization request that breaks no rule; change pairs replace
// parameters, an empty value removes one.
func good(change ...string) url.Values {
	v := url.Values{
		"client_id": {"app"}, "redirect_uri": {"https://app.example/cb"}, "response_type": {"code"},
		"scope": {"openid api://x/read"}, "state": {"s"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == "" {
			v.Del(change[i])
		} else {
			v.Set(change[i], change[i+1])
		}
	}
	return v
}

func code(err error) oauth.Code {
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestAnAuthorizationRequestIsReadWhole(t *testing.T) {
	a, err := oauth.ParseAuthorize(good("response_mode", "form_post", "nonce", "n", "prompt", "select_account consent", "login_hint", "ada",
		"max_age", "60", "dpop_jkt", challenge, "claims", `{"access_token":{"xms_cc":{"values":["CP1"]}}}`, "unknown", "is ignored"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Client != "app" || a.Mode != oauth.FormPost || a.Nonce != "n" || !a.Prompt.Login || a.LoginHint != "ada" || *a.MaxAge != 60 ||
		a.JKT != challenge || !a.Claims.Capable || !a.Scope.OpenID || a.Scope.Resource != "api://x" || a.Challenge != challenge {
		t.Errorf("read %+v", a)
	}
	text, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := oauth.DecodeAuthorize(text)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := back.Encode(); again != text {
		t.Errorf("%s came back as %s", text, again)
	}
}

func TestABadAuthorizationRequestIsRefusedByItsRule(t *testing.T) {
	long := strings.Repeat("a", 3000)
	tests := []struct {
		name   string
		change []string
		want   oauth.Code
	}{
		{"no client", []string{"client_id", ""}, oauth.InvalidRequest},
		{"no redirect", []string{"redirect_uri", ""}, oauth.InvalidRequest},
		{"long state", []string{"state", long}, oauth.InvalidRequest},
		{"not UTF-8", []string{"state", "\xff"}, oauth.InvalidRequest},
		{"no response type", []string{"response_type", ""}, oauth.InvalidRequest},
		{"implicit", []string{"response_type", "token"}, oauth.UnsupportedResponse},
		{"hybrid", []string{"response_type", "code id_token"}, oauth.UnsupportedResponse},
		{"fragment", []string{"response_mode", "fragment"}, oauth.InvalidRequest},
		{"request object", []string{"request", "x"}, oauth.RequestNotSupported},
		{"request URI", []string{"request_uri", "https://x"}, oauth.RequestURINotSupported},
		{"resource", []string{"resource", "https://x"}, oauth.InvalidTarget},
		{"no PKCE", []string{"code_challenge", ""}, oauth.InvalidRequest},
		{"plain PKCE", []string{"code_challenge_method", "plain"}, oauth.InvalidRequest},
		{"PKCE downgrade by leaving the method out", []string{"code_challenge_method", ""}, oauth.InvalidRequest},
		{"short challenge", []string{"code_challenge", "abc"}, oauth.InvalidRequest},
		{"no scope", []string{"scope", ""}, oauth.InvalidScope},
		{"blank scope", []string{"scope", " "}, oauth.InvalidScope},
		{"two resources", []string{"scope", "api://x/read api://y/read"}, oauth.InvalidScope},
		{"none and login", []string{"prompt", "none login"}, oauth.InvalidRequest},
		{"unknown prompt", []string{"prompt", "create"}, oauth.InvalidRequest},
		{"negative age", []string{"max_age", "-1"}, oauth.InvalidRequest},
		{"wordy age", []string{"max_age", "soon"}, oauth.InvalidRequest},
		{"bad claims", []string{"claims", "{"}, oauth.InvalidRequest},
		{"bad thumbprint", []string{"dpop_jkt", "abc"}, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := oauth.ParseAuthorize(good(tt.change...))
			if code(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if tt.name != "no redirect" && a.RedirectURI == "" {
				t.Error("the redirect URI was lost: the error cannot reach the client")
			}
		})
	}
}

func TestARepeatedParameterIsRefused(t *testing.T) {
	for _, name := range []string{"client_id", "redirect_uri", "scope", "state", "response_type", "code_challenge", "nonce"} {
		v := good()
		v[name] = []string{"a", "a"}
		if _, err := oauth.ParseAuthorize(v); code(err) != oauth.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASignInIsFreshUntilTheRequestSaysOtherwise(t *testing.T) {
	read := func(change ...string) oauth.Authorize {
		a, err := oauth.ParseAuthorize(good(change...))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	tests := []struct {
		name string
		a    oauth.Authorize
		age  time.Duration
		want bool
	}{
		{"no wish", read(), 20 * time.Hour, true},
		{"login", read("prompt", "login"), 0, false},
		{"young enough", read("max_age", "60"), time.Minute, true},
		{"too old", read("max_age", "60"), time.Minute + time.Second, false},
		{"zero", read("max_age", "0"), time.Second, false},
	}
	for _, tt := range tests {
		if got := tt.a.Fresh(now.Add(-tt.age), now); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestEveryResponseNamesItsIssuer(t *testing.T) {
	a, _ := oauth.ParseAuthorize(good("redirect_uri", "https://app.example/cb?x=1"))
	r := a.Granted("https://idp/t/v2.0", "the code")
	if got, want := r.Location(), "https://app.example/cb?x=1&code=the+code&iss=https%3A%2F%2Fidp%2Ft%2Fv2.0&state=s"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e := oauth.Errorf(oauth.InteractionRequired, 50076, "more is needed")
	e.Suberror, e.Claims = oauth.BasicAction, "{}"
	a.State, a.RedirectURI = "", "https://app.example/cb"
	want := "https://app.example/cb?claims=%7B%7D&error=interaction_required&error_description=more+is+needed&iss=i&suberror=basic_action"
	if got := a.Refused("i", e).Location(); got != want {
		t.Errorf("got %s", got)
	}
}

func FuzzParseAuthorize(f *testing.F) {
	f.Add(good().Encode())
	f.Add(good("max_age", "0", "claims", `{"access_token":{"nbf":{"value":1}}}`).Encode())
	f.Fuzz(func(t *testing.T, query string) {
		v, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a, err := oauth.ParseAuthorize(v)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("%v is no OAuth error", err)
			}
			return
		}
		if a.Client == "" || a.RedirectURI == "" || len(a.Challenge) != 43 || a.Scope.Empty() {
			t.Fatalf("accepted %+v", a)
		}
		text, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := oauth.DecodeAuthorize(text)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := back.Encode(); again != text {
			t.Fatalf("%s came back as %s", text, again)
		}
	})
}
