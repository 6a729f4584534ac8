package oauth_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/oauth"
)

func TestWhoAsksAboutATokenNamesItAndThemselves(t *testing.T) {
	r, err := oauth.ParseIntrospect(form("token", "t", "token_type_hint", "refresh_token"), basic("c:s"))
	if err != nil || r.Token != "t" || r.Client != "c" || r.Secret != "s" {
		t.Errorf("%v", err)
	}
	if text := fmt.Sprintf("%v %+v", r, &r); strings.Contains(text, "{") || strings.Contains(text, " t ") {
		t.Errorf("a token is printed: %s", text)
	}
	for name, bad := range map[string]url.Values{
		"no token":   form("client_id", "c"),
		"two tokens": form("token", "a", "token", "b", "client_id", "c"),
		"no client":  form("token", "a"),
		"too long":   form("token", strings.Repeat("a", 1<<20), "client_id", "c"),
	} {
		if _, err := oauth.ParseIntrospect(bad, nil); code(err) != oauth.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAuthenticationContextsAreAskedForInClaims(t *testing.T) {
	c, err := oauth.ParseClaims(`{"access_token":{"acrs":{"essential":true,"values":["c1","c7"]}}}`)
	if err != nil || !slices.Equal(c.Contexts, []string{"c1", "c7"}) {
		t.Errorf("%+v %v", c, err)
	}
	many := `"c1"` + strings.Repeat(`,"c1"`, 10)
	if _, err := oauth.ParseClaims(`{"access_token":{"acrs":{"values":[` + many + `]}}}`); code(err) != oauth.InvalidRequest {
		t.Errorf("eleven contexts: %v", err)
	}
}

func FuzzParseIntrospect(f *testing.F) {
	f.Add("token=t&client_id=c", "")
	f.Add("token=%zz", "Basic ?")
	f.Fuzz(func(t *testing.T, body, header string) {
		values, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		if r, err := oauth.ParseIntrospect(values, []string{header}); err == nil && (r.Token == "" || r.Client == "" && r.Assertion == "") {
			t.Errorf("%q %q is taken without a token or a client", body, header)
		}
	})
}

func TestAContextHasOneSpelling(t *testing.T) {
	for _, bad := range []string{`"C1"`, `"c01"`, `"c1 "`, `"c100"`, `"anything"`, `7`, `{"a":"c1"}`, `"\u0063\u0031\u0000"`} {
		if got, err := oauth.ParseClaims(`{"access_token":{"acrs":{"value":` + bad + `}}}`); code(err) != oauth.InvalidRequest {
			t.Errorf("%s: %+v %v", bad, got, err)
		}
	}
}
