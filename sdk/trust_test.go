package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

func TestTheServicesVerdictIsWhatTheAppMustDo(t *testing.T) {
	p := newPC(t)
	p.policy.Checks = nil
	c := p.enrolled()
	for action, allowed := range map[string]bool{"allow": true, "warn": true, "block": false, "wipe": false} {
		p.result.Action = action
		_, err := c.CheckIn(t.Context())
		must(t, err)
		for _, d := range []sdk.Decision{c.Decide(), p.start().Decide()} {
			if d.Action != action || d.Allowed() != allowed || (len(d.Reasons) == 0) != (action == "allow") {
				t.Errorf("the service says %s, the app %+v", action, d)
			}
		}
	}
}

func TestTheOfflineGraceEndsAtItsLimitAndNotBefore(t *testing.T) {
	p := newPC(t)
	p.enrolled()
	p.down = true
	for _, tt := range []struct {
		offline time.Duration
		want    string
	}{
		{12 * time.Hour, "warn"}, {12*time.Hour + time.Nanosecond, "block"},
		{24 * time.Hour, "block"}, {24*time.Hour + time.Nanosecond, "wipe"},
	} {
		p.now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(tt.offline)
		if d := p.start().Decide(); d.Action != tt.want {
			t.Errorf("after %s: %+v, want %s", tt.offline, d, tt.want)
		}
	}
}

// Whoever sets the clock back right after a check-in would be within the grace
// for as long as the clock needs to get there again.
func TestAClockThatWasSetBackIsNotBelieved(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	p.now = p.now.Add(-5 * time.Minute)
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("set right by minutes: %+v", d)
	}
	p.now = p.now.Add(-time.Second)
	if d := p.start().Decide(); d.Action != "block" || d.Reasons[0].Code != "clock" {
		t.Errorf("set back: %+v", d)
	}
	_, err := c.CheckIn(t.Context())
	must(t, err)
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("the service has met this clock: %+v", d)
	}
	p.policy.Checks, p.policy.ETag, p.result.PolicyETag = nil, "policy-2", "policy-2"
	_, err = c.CheckIn(t.Context())
	must(t, err)
	p.now = p.now.Add(-time.Hour)
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("nothing depends on the clock: %+v", d)
	}
}

func TestANewPolicyIsFetchedAndAppliedAfterARestart(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	if ok, _ := c.May(sdk.Print); ok {
		t.Fatal("control: printing is allowed")
	}
	p.policy.ETag, p.result.PolicyETag, p.policy.Settings = "policy-2", "policy-2", map[string]string{"printOrgData": "allow"}
	_, err := c.CheckIn(t.Context())
	must(t, err)
	if ok, why := p.start().May(sdk.Print); !ok || p.start().Status().PolicyETag != "policy-2" {
		t.Errorf("printing: %s", why)
	}
	p.policy.ETag, p.result.PolicyETag, p.policy.Settings = "policy-3", "policy-3", map[string]string{"printOrgData": "perhaps"}
	_, err = c.CheckIn(t.Context())
	must(t, err)
	if d := c.Decide(); d.Action != "block" || d.Reasons[0].Code != "policy" {
		t.Errorf("a policy that is not understood: %+v", d)
	}
}

func TestOnlyTheTokenEndpointCallsAnAccountDisabled(t *testing.T) {
	says := func(codes string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"error": "invalid_grant", "error_codes": [` + codes + `]}`))
		})
	}
	p := newPC(t)
	c := p.enrolled()
	p.refuse["/check-in"] = says("50057")
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Fatal("control: no error")
	}
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("another endpoint: %+v", d)
	}
	clear(p.refuse)
	good := p.refresh
	p.refresh = "revoked"
	c = p.start() // has no access token
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Fatal("control: no error")
	}
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("another code: %+v", d)
	}
	p.refresh, p.disabled = good, true
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Fatal("control: no error")
	}
	if d := p.start().Decide(); d.Allowed() || d.Reasons[0].Code != "disabledAccount" {
		t.Errorf("50057 of the token endpoint: %+v", d)
	}
	p.disabled = false
	_, err := c.CheckIn(t.Context())
	must(t, err)
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("enabled again: %+v", d)
	}
}

func TestTheNewestRefreshTokenIsShownAndNoneTwice(t *testing.T) {
	p := newPC(t)
	p.enrolled()
	for range 3 {
		_, err := p.start().CheckIn(t.Context()) // has no access token
		must(t, err)
	}
	if p.reused || len(p.spent) != 4 { // "" is the code of the sign-in
		t.Errorf("shown twice: %t; shown: %d", p.reused, len(p.spent))
	}
}

func TestAProofIsForTheVeryOriginOfTheAuthority(t *testing.T) {
	p := newPC(t)
	fresh := p.start()
	if _, err := fresh.ProveDevice("n", p.URL); err == nil {
		t.Error("a proof before enrolment")
	}
	c := p.enrolled()
	u, err := url.Parse(p.URL)
	must(t, err)
	for _, origin := range []string{
		"", "null", p.URL + "/", p.url(), "http://" + u.Host, "https://" + u.Hostname(), "https://" + u.Host + ".evil.example", "https://evil.example#" + p.URL,
	} {
		if proof, err := c.ProveDevice("n", origin); err == nil || proof != "" {
			t.Errorf("%q got a proof", origin)
		}
	}
	if _, err := c.ProveDevice("n", p.URL); err != nil {
		t.Errorf("control: %v", err)
	}
}

func TestOnlyTheAnswerToTheOwnRequestSignsIn(t *testing.T) {
	p := newPC(t)
	p.browser = func(ctx context.Context, address string) error {
		u, err := url.Parse(address)
		must(t, err)
		q := u.Query()
		good := url.Values{"code": {"code-1"}, "state": {q.Get("state")}, "iss": {p.url() + "/v2.0"}}
		for name, spoil := range map[string]func(url.Values) string{
			"no state":        func(v url.Values) string { v.Del("state"); return "" },
			"another state":   func(v url.Values) string { v.Set("state", strings.Repeat("A", 26)); return "" },
			"no issuer":       func(v url.Values) string { v.Del("iss"); return "" },
			"another issuer":  func(v url.Values) string { v.Set("iss", "https://evil.example/v2.0"); return "" },
			"another path":    func(url.Values) string { return "/elsewhere" },
			"a forged denial": func(v url.Values) string { v.Del("state"); v.Set("error", "access_denied"); return "" },
		} {
			v := url.Values{"code": {"stolen"}, "state": good["state"], "iss": good["iss"]}
			path := spoil(v)
			if status, err := p.open(ctx, q.Get("redirect_uri")+path+"?"+v.Encode()); err != nil || status != http.StatusBadRequest {
				t.Errorf("%s: %d, %v", name, status, err)
			}
		}
		status, err := p.open(ctx, q.Get("redirect_uri")+"?"+good.Encode())
		if status != http.StatusOK {
			t.Errorf("the good answer: %d", status)
		}
		late := url.Values{"code": {"stolen"}, "state": good["state"], "iss": good["iss"]}
		_, _ = p.open(ctx, q.Get("redirect_uri")+"?"+late.Encode()) // the first counts; perhaps nobody listens any more
		return err
	}
	must(t, p.start().SignIn(t.Context()))
}

func TestADenialOfTheSignInIsTold(t *testing.T) {
	p := newPC(t)
	p.browser = func(ctx context.Context, address string) error {
		u, err := url.Parse(address)
		must(t, err)
		q := u.Query()
		back := url.Values{"error": {"access_denied"}, "error_description": {"no"}, "state": {q.Get("state")}, "iss": {p.url() + "/v2.0"}}
		_, err = p.open(ctx, q.Get("redirect_uri")+"?"+back.Encode())
		return err
	}
	e, ok := errors.AsType[*sdk.ServiceError](p.start().SignIn(t.Context()))
	if !ok || e.OAuth != "access_denied" || e.Error() != "no" {
		t.Errorf("got %+v", e)
	}
	p.browser = func(context.Context, string) error { return errors.New("no browser") }
	if err := p.start().SignIn(t.Context()); err == nil || !strings.Contains(err.Error(), "no browser") {
		t.Errorf("got %v", err)
	}
}

func TestANonceIsTriedOnceAndNotForEver(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	asked := 0
	p.refuse["/operations"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	_, err := c.Orders(t.Context())
	if e, ok := errors.AsType[*sdk.ServiceError](err); !ok || e.Status != http.StatusUnauthorized || asked != 2 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

func TestAnAnswerThatIsNoneIsAnErrorAndChangesNothing(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	before := c.Status()
	for name, body := range map[string]string{
		"a page":     "<html>maintenance</html>",
		"too large":  `{"action": "allow", "state": "` + strings.Repeat("x", 1<<20) + `"}`,
		"a fragment": `{"action": "allow"`,
	} {
		p.refuse["/check-in"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		if _, err := c.CheckIn(t.Context()); err == nil || !strings.Contains(err.Error(), "not JSON") {
			t.Errorf("%s: %v", name, err)
		}
		p.refuse["/check-in"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte(body))
		})
		_, err := c.CheckIn(t.Context())
		if e, ok := errors.AsType[*sdk.ServiceError](err); !ok || e.Status != http.StatusBadGateway || e.Error() != "Bad Gateway" {
			t.Errorf("%s, as an error: %v", name, err)
		}
	}
	if after := c.Status(); !after.LastCheckInAt.Equal(before.LastCheckInAt) || after.Decision.Action != before.Decision.Action {
		t.Errorf("%+v became %+v", before, after)
	}
}

func TestARefusalKeepsItsSteps(t *testing.T) {
	p := newPC(t)
	p.refuse["/registrations"] = problem(http.StatusForbidden, wire.Problem{Code: "joinLimit", Detail: "too many PCs", Steps: []string{"Remove one."}})
	err := p.start().Enroll(t.Context())
	if e, ok := errors.AsType[*sdk.ServiceError](err); !ok || e.Code != "joinLimit" || e.Error() != "too many PCs (Remove one.)" {
		t.Errorf("got %v", err)
	}
	if p.start().Status().Enrolled {
		t.Error("enrolled nevertheless")
	}
}
