package oauth_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/oauth"
)

func TestADeviceNamesItsClientAndWhatItWants(t *testing.T) {
	r, err := oauth.ParseDevice(form("client_id", "c", "scope", "openid api://x/.default", "claims", `{"access_token":{"acrs":{"value":"c1"}}}`), nil)
	if err != nil || r.Client != "c" || r.Scope.Resource != "api://x" || len(r.Claims.Contexts) != 1 {
		t.Errorf("%+v %v", r.Scope, err)
	}
	for name, bad := range map[string]url.Values{
		"no client": form("scope", "openid"), "no scope": form("client_id", "c"), "a resource": form("client_id", "c", "scope", "openid", "resource", "x"),
	} {
		if _, err := oauth.ParseDevice(bad, nil); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if text := fmt.Sprint(oauth.DeviceAuthorization{DeviceCode: "hush"}); strings.Contains(text, "hush") {
		t.Error(text)
	}
}

func TestADeviceCodeIsRedeemedBySpellingsOfBothKinds(t *testing.T) {
	for _, grant := range []string{string(oauth.DeviceGrant), "device_code"} {
		r, err := oauth.ParseToken(form("grant_type", grant, "client_id", "c", "device_code", "d"), nil)
		if err != nil || r.Grant != oauth.DeviceGrant || r.Device != "d" {
			t.Errorf("%s: %v", grant, err)
		}
		if _, err := oauth.ParseToken(form("grant_type", grant, "client_id", "c"), nil); code(err) != oauth.InvalidRequest {
			t.Errorf("%s without a code: %v", grant, err)
		}
	}
}

func TestAUserCodeIsReadAsPeopleTypeIt(t *testing.T) {
	for typed, want := range map[string]string{
		"BCDFGHJK": "BCDFGHJK", " bcdf-ghjk ": "BCDFGHJK", "bcdf ghjk": "BCDFGHJK", "BCDFGHJ": "", "BCDFGHJA": "", "BCDFGHJ1": "", "": "",
		strings.Repeat(" ", 65): "", "bcdfghjkl": "",
	} {
		if got := oauth.UserCode(typed); got != want {
			t.Errorf("%q is read as %q", typed, got)
		}
	}
	if oauth.ShowUserCode("BCDFGHJK") != "BCDF-GHJK" || oauth.ShowUserCode("") != "" {
		t.Error(oauth.ShowUserCode("BCDFGHJK"))
	}
}

func FuzzUserCode(f *testing.F) {
	f.Add("bcdf-ghjk")
	f.Fuzz(func(t *testing.T, typed string) {
		code := oauth.UserCode(typed)
		if code != "" && (oauth.UserCode(oauth.ShowUserCode(code)) != code || len(code) != oauth.UserCodeLength) {
			t.Errorf("%q is read as %q", typed, code)
		}
	})
}
