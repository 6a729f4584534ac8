package graphsdk_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// line is a bad line between the SDK and the service: it answers the first
// requests itself, and notes what it saw.
type line struct {
	*httptest.Server
	mu    sync.Mutex
	spoil int // how many requests are still to be spoiled
	seen  []http.Header
}

// spoiled opens a line that spoils the first n requests by answering them with
// status and headers.
func spoiled(t *testing.T, s service, n, status int, header http.Header) *line {
	t.Helper()
	target, err := url.Parse(s.GraphEndpoint)
	check(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	l := &line{spoil: n}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.seen = append(l.seen, r.Header.Clone())
		l.spoil--
		bad := l.spoil >= 0
		l.mu.Unlock()
		if !bad {
			proxy.ServeHTTP(w, r)
			return
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"error":{"code":"Spoiled","message":"the line is bad","innerError":{"date":"2026-01-01T00:00:00","request-id":"1","client-request-id":"1"}}}`)) // the SDK will complain
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *line) requests() []http.Header {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

func retryAfter() http.Header { return http.Header{"Retry-After": {"1"}} }

func (s service) throttlingIsRetried(t *testing.T) {
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		l := spoiled(t, s, 1, status, retryAfter())
		made, err := s.through(t, l.URL).users().Post(t.Context(), newUser("patient"+http.StatusText(status)[:3]), nil)
		check(t, err)
		seen := l.requests()
		if len(seen) != 2 || seen[1].Get("Retry-Attempt") != "1" || deref(made.GetId()) == "" {
			t.Errorf("%d: %d requests", status, len(seen))
		}
		if seen[0].Get("Content-Encoding") != "gzip" {
			t.Error("the SDK did not compress; this test is meant to see that it does")
		}
	}
}

func (s service) throttlingIsReported(t *testing.T) {
	l := spoiled(t, s, 4, http.StatusTooManyRequests, retryAfter())
	_, err := s.through(t, l.URL).users().Get(t.Context(), nil)
	refused(t, err, http.StatusTooManyRequests, "Spoiled")
	if n := len(l.requests()); n != 4 {
		t.Errorf("%d requests, not one and three retries", n)
	}
}

// retriesAreMislabelled sends what the SDK sends in every other run when it
// retries: its middlewares come in the order of a map (kiota-http-go 1.5.6), and
// if compression comes after retry, the second request is marked as compressed
// and has the body that was there before. A body that does not begin as gzip
// does (RFC 1952 section 2.3.1) is to be read as it is.
func (s service) retriesAreMislabelled(t *testing.T) {
	token, err := s.credential(t).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
	check(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.GraphEndpoint+"/v1.0/groups",
		strings.NewReader(`{"displayName":"Retried","mailEnabled":false,"mailNickname":"retried","securityEnabled":true}`))
	check(t, err)
	r.Header.Set("Authorization", "Bearer "+token.Token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	check(t, err)
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// challengesAreAnswered sees the SDK take the claims to azidentity, which takes
// them to our token endpoint, and try again with what it got.
func (s service) challengesAreAnswered(t *testing.T) {
	// {"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}
	const claims = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAwMDAwMDAwIn19fQ=="
	l := spoiled(t, s, 1, http.StatusUnauthorized, http.Header{
		"Www-Authenticate": {`Bearer realm="", authorization_uri="` + s.Authority + `/oauth2/v2.0/authorize", error="insufficient_claims", claims="` + claims + `"`},
	})
	_, err := s.through(t, l.URL).groups().Get(t.Context(), nil)
	check(t, err)
	seen := l.requests()
	if len(seen) != 2 || seen[0].Get("Authorization") == seen[1].Get("Authorization") {
		t.Errorf("%d requests; the second has the first one's token: %v", len(seen), len(seen) == 2)
	}
}
