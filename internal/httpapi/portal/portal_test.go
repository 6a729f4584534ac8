package portal_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/portal"
)

// office is a hall for the door: one tenant, one site, one person.
type office struct {
	view  portal.View
	err   error
	asked []directory.AppID
}

func (o *office) rule(_ *http.Request, t directory.TenantID, resource directory.AppID) (portal.View, error) {
	o.asked = append(o.asked, resource)
	if t != "contoso" {
		return portal.View{}, fault.New(fault.NotFound, "tenant %q does not exist", t)
	}
	return o.view, o.err
}

func (o *office) name(_ *http.Request, t directory.TenantID) (string, error) {
	if t != "contoso" {
		return "", fault.New(fault.NotFound, "tenant %q does not exist", t)
	}
	return "Contoso & Sons", nil
}

func (o *office) config(t *testing.T) portal.Config {
	return portal.Config{
		Issuer: "https://id.example", Rule: o.rule, Organization: o.name,
		SignIn: func(t directory.TenantID, returnTo string) string {
			return "/" + string(t) + "/sign-in?return=" + returnTo[:len("/contoso")]
		},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

func serve(t *testing.T, c portal.Config) func(path string) (*http.Response, string) {
	t.Helper()
	h, err := portal.New(c)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	h.Mount(mux)
	return func(path string) (*http.Response, string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Result(), w.Body.String()
	}
}

func expect(t *testing.T, res *http.Response, body string, status int, want ...string) {
	t.Helper()
	if res.StatusCode != status {
		t.Errorf("status %d, want %d", res.StatusCode, status)
	}
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Security-Policy") == "" {
		t.Error("the page may be kept or framed")
	}
	for _, s := range want {
		if !strings.Contains(body, s) {
			t.Errorf("the page lacks %q", s)
		}
	}
}

func denied() portal.View {
	return portal.View{UserName: "ada@contoso.example", Site: "Wiki", Ruling: access.Ruling{
		Decision:  access.Decision{Code: access.CodeApplicationNotProtected},
		Remedies:  []access.Remedy{{Title: "Turn the firewall on", Why: "It is off.", Steps: []string{"Open Windows Security."}}},
		Record:    access.Record{CorrelationID: "c-1"},
		DecidedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}}
}

func TestWhatIsMissingIsShownWithItsSteps(t *testing.T) {
	get := serve(t, (&office{view: denied()}).config(t))
	res, body := get("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusOK, "ada@contoso.example", "Wiki", "Turn the firewall on", "It is off.", "Open Windows Security.",
		"53009", "c-1", "2026-01-02T03:04:05Z", `href="/contoso/remediation?resource=wiki"`)
}

func TestEveryViewAsksAgain(t *testing.T) {
	o := &office{view: denied()}
	get := serve(t, o.config(t))
	get("/contoso/remediation?resource=wiki")
	o.view.Ruling.Decision.Outcome, o.view.Open = access.Granted, "https://wiki.example/"
	res, body := get("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusOK, "Everything is in place", "Open Wiki", `href="https://wiki.example/"`)
	if strings.Contains(body, "firewall") || len(o.asked) != 2 {
		t.Errorf("the page remembers; asked %v", o.asked)
	}
}

func TestASiteWithoutNameOrAddressIsStillAnnounced(t *testing.T) {
	v := portal.View{}
	v.Ruling.Decision.Outcome = access.Granted
	get := serve(t, (&office{view: v}).config(t))
	res, body := get("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusOK, "You can open the site now")
}

func TestAClientMayNameTheResource(t *testing.T) {
	o := &office{view: denied()}
	get := serve(t, o.config(t))
	get("/contoso/remediation?client_id=wiki")
	get("/contoso/remediation?client_id=other&resource=site")
	if len(o.asked) != 2 || o.asked[0] != "wiki" || o.asked[1] != "site" {
		t.Errorf("asked %v", o.asked)
	}
}

func TestAMissingSecondFactorHasAStepEvenWithoutARemedy(t *testing.T) {
	v := denied()
	v.Ruling.Remedies, v.Ruling.Decision.Outcome = nil, access.Challenge
	get := serve(t, (&office{view: v}).config(t))
	res, body := get("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusOK, "Confirm that it is you")
}

func TestABlockPromisesNothing(t *testing.T) {
	v := denied()
	v.Ruling.Remedies, v.Ruling.Decision.Code = nil, access.CodeBlocked
	get := serve(t, (&office{view: v}).config(t))
	res, body := get("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusOK, "ask your administrator", "53003")
}

func TestAStrangerIsAskedToSignInAndToldNothing(t *testing.T) {
	o := &office{view: denied(), err: fault.New(fault.Unauthenticated, "nobody is signed in")}
	c := o.config(t)
	res, body := serve(t, c)("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusForbidden, `href="/contoso/sign-in?return=/contoso"`)
	if strings.Contains(body, "Wiki") || strings.Contains(body, "firewall") {
		t.Error("a stranger reads what is missing")
	}
	c.SignIn = nil
	res, body = serve(t, c)("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusForbidden, "Open the site you wanted again")
}

func TestAnUnclearQuestionIsNotPutToTheEvaluator(t *testing.T) {
	o := &office{view: denied()}
	get := serve(t, o.config(t))
	for _, query := range []string{"", "?resource=", "?resource=" + strings.Repeat("x", 257)} {
		res, body := get("/contoso/remediation" + query)
		expect(t, res, body, http.StatusBadRequest, "which site you want")
	}
	if len(o.asked) != 0 {
		t.Errorf("asked %v", o.asked)
	}
}

func TestAnErrorIsADenialAndTellsNoSecrets(t *testing.T) {
	o := &office{view: denied(), err: errors.New("disk on fire at /var/lib/postern")}
	o.view.Ruling.Decision.Outcome = access.Granted
	get := serve(t, o.config(t))
	res, body := get("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusInternalServerError, "Try again in a minute")
	if strings.Contains(body, "disk") || strings.Contains(body, "in place") {
		t.Error("the page tells too much")
	}
	o.err = fault.New(fault.Unavailable, "the database is busy")
	res, body = get("/contoso/remediation?resource=wiki")
	expect(t, res, body, http.StatusServiceUnavailable, "Try again in a minute")
	if res.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestTheInstallPageNamesTheAuthorityOfARealTenantOnly(t *testing.T) {
	get := serve(t, (&office{}).config(t))
	res, body := get("/contoso/install")
	expect(t, res, body, http.StatusOK, "Contoso &amp; Sons", "postern-agent enroll --authority https://id.example/contoso")
	for _, path := range []string{"/fabrikam;rm/install", "/fabrikam/remediation?resource=wiki"} {
		res, body = get(path)
		expect(t, res, body, http.StatusNotFound, "nothing at this address")
		if strings.Contains(body, "fabrikam") {
			t.Errorf("%s is echoed", path)
		}
	}
}

func TestTheFrontPageSaysWhatThisIs(t *testing.T) {
	res, body := serve(t, (&office{}).config(t))("/")
	expect(t, res, body, http.StatusOK, "Postern server", "https://github.com/postern-mam/postern")
}

func TestEveryMissingDependencyIsNamed(t *testing.T) {
	_, err := portal.New(portal.Config{})
	for _, name := range []string{"Issuer", "Rule", "Organization", "Log"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
