package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// raw sends a request whose path no client library tidies.
func (h *house) raw(t *testing.T, target string, headers ...string) *http.Response {
	t.Helper()
	r := h.request(t, "GET", "/", headers...)
	r.URL.Opaque = "//intranet.example" + target
	resp, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// A site may be published as one folder of an upstream; what lies beside it is
// not published.
func TestNobodyClimbsOutOfAPublishedFolder(t *testing.T) {
	var seen []string
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.RequestURI) }))
	t.Cleanup(up.Close)
	h := open(t, http.NotFoundHandler())
	h.site.Site.Upstream = up.URL + "/app"
	pass := h.enter(t)
	for _, target := range []string{
		"/../admin", "/x/../../admin", "/%2e%2e/admin", "/%2E./admin", "/..%2fadmin", "/..;/admin", "/..;x=1/admin",
		"/..%5cadmin", "/x/..%5c..%5cadmin", "/..", "/%252e%252e/admin",
	} {
		if r := h.raw(t, target, "Cookie", pass); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", target, r.StatusCode)
		}
	}
	if len(seen) > 0 {
		t.Errorf("the upstream was asked for %q", seen)
	}
	for _, target := range []string{"/", "/a..b/..c/d..", "/files/50%25.txt", "/?back=/../x"} {
		if r := h.raw(t, target, "Cookie", pass); r.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", target, r.StatusCode)
		}
	}
	h.site.Site.Upstream = up.URL
	if r := h.raw(t, "/a/../b", "Cookie", pass); r.StatusCode != http.StatusOK {
		t.Errorf("where all is published, status %d", r.StatusCode)
	}
}

// The page of a refusal says "Check again" under the name of the service: its
// link must lead nowhere else.
func TestCheckAgainStaysAtTheSite(t *testing.T) {
	h := open(t, http.NotFoundHandler())
	pass := h.enter(t)
	h.refuse(true)
	h.device = "pc"
	r := h.request(t, "GET", "/", "Cookie", pass, "Accept", "text/html")
	r.URL.Opaque = "//intranet.example//evil.example/steal"
	resp, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	page := text(t, resp)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || strings.Contains(page, `="//evil.example`) {
		t.Errorf("status %d: %s", resp.StatusCode, page)
	}
}
