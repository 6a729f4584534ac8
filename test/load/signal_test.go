// Package load measures the closed loop from outside: the real binary, real
// TLS, real sessions. It asserts what must hold at any speed and prints times.
package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

// number reads a size from the environment, so that the same test serves as a
// quick check and as a measurement.
func number(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return usual
}

// world is a healthy PC with many open sessions of one person at a site.
type world struct {
	*play.House
	agent    *sdk.Client
	sessions []*http.Client
	refresh  refresher
	streams  chan struct{} // one for each open stream that ended
	beside   *http.Transport
}

// One signal, and every session, every open stream and a refresh are refused.
// Nothing that is asked after the signal's 2xx is admitted.
//
// POSTERN_SIGNALS and POSTERN_SESSIONS set how often and how many; the published
// numbers are those of 200 and 50, on a machine that does nothing else: the
// printed load average tells.
func TestSignalToDeny(t *testing.T) {
	signals, sessions := number("POSTERN_SIGNALS", 3), number("POSTERN_SESSIONS", 10)
	w := furnish(t, sessions)
	var accepted, refused, cut []time.Duration
	var admitted atomic.Int64
	for range signals {
		w.openStreams(t)
		w.visitAll(t) // every session has a connection that is warm
		began := time.Now()
		if err := w.Report(t.Context(), w.agent, "activeThreat"); err != nil {
			t.Fatal(err)
		}
		accepted = append(accepted, time.Since(began))
		var all sync.WaitGroup
		all.Go(func() { admitted.Add(w.visitAll(t)) })
		all.Go(func() {
			if w.refresh.try(t, w.House) {
				admitted.Add(1)
			}
		})
		all.Wait()
		refused = append(refused, time.Since(began))
		for range w.sessions {
			<-w.streams
		}
		cut = append(cut, time.Since(began))
		if err := w.Report(t.Context(), w.agent, "healthy"); err != nil {
			t.Fatal(err)
		}
		if got := w.visitAll(t); got != int64(sessions) {
			t.Fatalf("healed, but only %d sessions are in", got)
		}
		if !w.refresh.try(t, w.House) {
			t.Fatal("healed, but the refresh is refused")
		}
	}
	if n := admitted.Load(); n != 0 {
		t.Errorf("%d requests were admitted after the signal's 2xx", n)
	}
	t.Logf("%d signals, %d sessions and a refresh, %d open streams; memory %s; load average %s", signals, sessions, sessions, w.Memory(t), loadAverage())
	t.Logf("signal accepted:            %s", spread(accepted))
	t.Logf("all requests refused:       %s", spread(refused))
	t.Logf("all open streams cut too:   %s", spread(cut))
}

func spread(d []time.Duration) string {
	slices.Sort(d)
	at := func(p float64) time.Duration {
		return d[min(len(d)-1, int(p*float64(len(d))))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %s, p99 %s, max %s", at(.5), at(.99), d[len(d)-1].Round(10*time.Microsecond))
}

func furnish(t *testing.T, sessions int) *world {
	t.Helper()
	w := &world{House: play.Start(t, play.Build(t)), streams: make(chan struct{}, sessions)}
	w.beside = w.Transport.Clone()
	w.Furnish(t)
	w.agent = w.Agent(t)
	for range sessions {
		b := w.Browser(t, w.agent)
		p, err := b.Open(t.Context(), w.SiteURL("/"))
		if err != nil || p.Status != http.StatusOK {
			t.Fatalf("status %d, %v: %s", p.Status, err, p.Body)
		}
		w.sessions = append(w.sessions, b.Client())
	}
	w.refresh = signIn(t, w)
	return w
}

// loadAverage is how busy this machine is, where it tells.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// visitAll asks for the site in every session at once and returns how many got
// in. Whoever does not is refused properly: an outage is no denial to count.
func (w *world) visitAll(t *testing.T) int64 {
	var all sync.WaitGroup
	var in atomic.Int64
	for _, c := range w.sessions {
		all.Go(func() {
			switch status := w.visit(t, c); status {
			case http.StatusOK:
				in.Add(1)
			case http.StatusForbidden:
			default:
				t.Errorf("a visit was answered with %d", status)
			}
		})
	}
	all.Wait()
	return in.Load()
}

// visit asks for the site once in a session and returns the status.
func (w *world) visit(t *testing.T, c *http.Client) int {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.SiteURL("/"), nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/130.0")
	resp, err := c.Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

// openStreams leaves an answer open in every session and counts those that end.
func (w *world) openStreams(t *testing.T) {
	t.Helper()
	for _, c := range w.sessions {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.SiteURL("/stream"), nil)
		if err != nil {
			t.Fatal(err)
		}
		// Connections of their own: a cut stream takes its connection along, and
		// the next request of the session shall not pay for that.
		resp, err := (&http.Client{Transport: w.beside, Jar: c.Jar}).Do(r)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			w.streams <- struct{}{}
		}()
	}
}

// refresher holds a refresh token of a confidential web client.
type refresher struct {
	id, secret, token string
}

// try refreshes and reports whether that was granted. A refusal is one by policy.
func (r *refresher) try(t *testing.T, h *play.House) bool {
	got, err := askToken(t.Context(), h, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {r.token}, "client_id": {r.id}, "client_secret": {r.secret},
	})
	if err != nil {
		if !strings.Contains(err.Error(), "53009") {
			t.Error(err)
		}
		return false
	}
	r.token = got
	return true
}

func askToken(ctx context.Context, h *play.House, form url.Values) (refresh string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.Authority+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := h.Client().Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var t struct {
		Refresh string `json:"refresh_token"`
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &t) != nil {
		return "", fmt.Errorf("%d %s", resp.StatusCode, bytes.TrimSpace(body))
	}
	return t.Refresh, nil
}

// signIn gets a refresh token for a web client, from a browser that proved the
// device.
func signIn(t *testing.T, w *world) refresher {
	t.Helper()
	var app struct{ ID, AppID string }
	w.Do(t, "POST", "/v1.0/applications", map[string]any{"displayName": "Web client", "web": map[string]any{"redirectUris": []string{"https://client.postern.localhost/back"}}}, &app)
	var secret struct {
		SecretText string `json:"secretText"`
	}
	w.Do(t, "POST", "/v1.0/applications/"+app.ID+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "load"}}, &secret)
	verifier := strings.Repeat("v", 43)
	q := url.Values{
		"client_id": {app.AppID}, "response_type": {"code"}, "redirect_uri": {"https://client.postern.localhost/back"}, "state": {"s"},
		"scope": {"openid offline_access"}, "code_challenge": {oauth.SHA256(verifier)}, "code_challenge_method": {"S256"},
	}
	b := w.Browser(t, w.agent)
	var back *url.URL
	b.Client().CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "client.postern.localhost" {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	if _, err := b.Open(t.Context(), w.Authority+"/oauth2/v2.0/authorize?"+q.Encode()); err != nil || back == nil {
		t.Fatal(back, err)
	}
	token, err := askToken(t.Context(), w.House, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "code_verifier": {verifier},
		"redirect_uri": {"https://client.postern.localhost/back"}, "client_id": {app.AppID}, "client_secret": {secret.SecretText},
	})
	if err != nil || token == "" {
		t.Fatal(errors.Join(err, errors.New("no refresh token")))
	}
	return refresher{app.AppID, secret.SecretText, token}
}
