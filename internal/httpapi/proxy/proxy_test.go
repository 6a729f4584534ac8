package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/proxy"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/tunnel"
)

const issuer = "https://id.example"

// world is everything behind the door, in memory: one site, one person.
type world struct {
	mu      sync.Mutex
	site    directory.App
	passes  map[string]tunnel.Pass
	refused bool
	code    int                // of the refusal; 0: 53009
	device  directory.DeviceID // that proved itself
	records int
}

func (w *world) SiteByHost(_ context.Context, host string) (directory.App, error) {
	if host != w.site.Site.Host {
		return directory.App{}, fault.New(fault.NotFound, "no such site")
	}
	return w.site, nil
}

func (w *world) Pass(_ context.Context, hash string) (tunnel.Pass, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.passes[hash]
	if !ok {
		return p, fault.New(fault.NotFound, "no such pass")
	}
	return p, nil
}

func (w *world) SavePass(_ context.Context, p tunnel.Pass) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passes[p.Hash] = p
	return nil
}

func (w *world) DeletePass(_ context.Context, hash string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.passes, hash)
	return nil
}

func (w *world) Decide(context.Context, access.Request) (access.Ruling, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused {
		code := w.code
		if code == 0 {
			code = 53009
		}
		return access.Ruling{
			Decision: access.Decision{Code: code}, Record: access.Record{Device: w.device},
			Remedies: []access.Remedy{{Code: "maxThreatLevel", Title: "Remove the threat", Why: "A threat was found.", Steps: []string{"Run a scan."}}},
		}, nil
	}
	return access.Ruling{Decision: access.Decision{Outcome: access.Granted}}, nil
}

func (w *world) refuse(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = yes
}

func (w *world) Record(context.Context, access.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records++
	return nil
}

func (w *world) RedeemForSite(_ context.Context, r oauth.Redemption) (directory.SessionID, directory.User, error) {
	if r.Code != "good" || r.Verifier == "" || r.Client != w.site.ID {
		return "", directory.User{}, fault.New(fault.Forbidden, "the code is unknown")
	}
	return "session", directory.User{ID: "ada", UserPrincipalName: "ada@example.org"}, nil
}

// plain is a sealer that hides nothing, but notices a wrong name.
type plain struct{}

func (plain) Seal(name string, b []byte) ([]byte, error) { return append([]byte(name+"|"), b...), nil }

func (plain) Open(name string, b []byte) ([]byte, error) {
	rest, ok := strings.CutPrefix(string(b), name+"|")
	if !ok {
		return nil, fault.New(fault.Invalid, "not sealed for this")
	}
	return []byte(rest), nil
}

// house is a door with its upstream, reached over real TLS.
type house struct {
	*world
	tunnel *tunnel.Service
	server *httptest.Server
	client *http.Client
}

func open(t testing.TB, upstream http.Handler, trusted ...netip.Prefix) *house {
	t.Helper()
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	w := &world{passes: map[string]tunnel.Pass{}, site: directory.App{
		ID: "site", Tenant: "t", DisplayName: "Intranet", Site: &directory.Site{Host: "intranet.example", Upstream: up.URL},
	}}
	svc, err := tunnel.New(tunnel.Config{Store: w, Gate: w, SignIns: w, Recorder: w})
	if err != nil {
		t.Fatal(err)
	}
	h, err := proxy.New(proxy.Config{Tunnel: svc, Sealer: plain{}, Issuer: issuer, TrustedProxies: trusted, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	tr := client.Transport.(*http.Transport)
	tr.TLSClientConfig.InsecureSkipVerify = true
	all := &house{world: w, tunnel: svc, server: server, client: client}
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, all.server.Listener.Addr().String())
	}
	return all
}

// enter signs in and returns the pass cookie.
func (h *house) enter(t testing.TB) string {
	t.Helper()
	r := h.do(t, "GET", "/secret?x=1", "Accept", "text/html")
	to, err := r.Location()
	if err != nil || r.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d, %v", r.StatusCode, err)
	}
	back := h.do(t, "GET", "/.postern/callback?"+url.Values{
		"code": {"good"}, "state": {to.Query().Get("state")}, "iss": {issuer + "/t/v2.0"},
	}.Encode(), "Accept", "text/html", "Cookie", cookieOf(r, "__Host-postern-state"))
	if loc := back.Header.Get("Location"); back.StatusCode != http.StatusSeeOther || loc != "/secret?x=1" {
		t.Fatalf("status %d, to %q", back.StatusCode, loc)
	}
	return cookieOf(back, "__Host-postern-pass")
}

func cookieOf(r *http.Response, name string) string {
	for _, c := range r.Cookies() {
		if c.Name == name && c.Value != "" {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}

func (h *house) request(t testing.TB, method, path string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://intranet.example"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func (h *house) do(t testing.TB, method, path string, headers ...string) *http.Response {
	t.Helper()
	resp, err := h.client.Do(h.request(t, method, path, headers...))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	return resp
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOnlyWhatIsTrueReachesTheUpstream(t *testing.T) {
	var got http.Header
	h := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		w.Header().Add("Set-Cookie", "__Host-postern-pass=stolen; Path=/; Secure")
		w.Header().Add("Set-Cookie", "__host-POSTERN-x=1")
		w.Header().Add("Set-Cookie", "app=fine")
	}))
	pass := h.enter(t)
	r := h.do(t, "GET", "/", "Cookie", pass+"; app=mine; __Host-postern-state=x",
		"X-Forwarded-For", "6.6.6.6", "X-Forwarded-User", "root", "X-Postern-User", "root", "X_Postern_User", "root", "Remote-User", "root",
		"X-Auth-Request-Email", "root@x", "Forwarded", "for=6.6.6.6", "Dpop", "x", "X-Custom", "stays", "Authorization", "Basic stays")
	if r.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", r.StatusCode, text(t, r))
	}
	for name, want := range map[string]string{
		"Cookie": "app=mine", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "intranet.example", "X-Forwarded-Proto": "https",
		"X-Postern-User": "ada@example.org", "X-Postern-User-Id": "ada", "X-Postern-Tenant": "t",
		"X-Forwarded-User": "", "Remote-User": "", "X-Auth-Request-Email": "", "Forwarded": "", "Dpop": "", "X_postern_user": "",
		"X-Custom": "stays", "Authorization": "Basic stays",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
	if c := r.Header.Values("Set-Cookie"); len(c) != 1 || c[0] != "app=fine" {
		t.Errorf("cookies set: %q", c)
	}
	if r.Header.Get("Cache-Control") == "" {
		t.Error("a protected answer may be kept by shared caches")
	}
}

func TestWhoMayNotPassLearnsWhyAndHow(t *testing.T) {
	reached := 0
	h := open(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	pass := h.enter(t)
	if r := h.do(t, "GET", "/", "Cookie", pass); r.StatusCode != http.StatusOK || reached != 1 {
		t.Fatalf("control: status %d, reached %d", r.StatusCode, reached)
	}
	h.refuse(true)
	page := h.do(t, "GET", "/deep", "Cookie", pass, "Accept", "text/html")
	if body := text(t, page); page.StatusCode != http.StatusForbidden || !strings.Contains(body, "Run a scan.") || !strings.Contains(body, "53009") {
		t.Errorf("status %d: %s", page.StatusCode, body)
	}
	script := h.do(t, "GET", "/api", "Cookie", pass, "Sec-Fetch-Mode", "cors", "Accept", "text/html")
	if body := text(t, script); script.StatusCode != http.StatusForbidden || !strings.Contains(body, `"code":"maxThreatLevel"`) {
		t.Errorf("status %d: %s", script.StatusCode, body)
	}
	if reached != 1 {
		t.Errorf("the upstream was reached %d times", reached)
	}
	h.refuse(false)
	if r := h.do(t, "GET", "/", "Cookie", pass); r.StatusCode != http.StatusOK {
		t.Errorf("healed, but status %d", r.StatusCode)
	}
	if h.records != 3 {
		t.Errorf("%d log entries, want one for each change of outcome", h.records)
	}
}

func TestStrangersAreSentToSignIn(t *testing.T) {
	h := open(t, http.NotFoundHandler())
	r := h.do(t, "GET", "/x", "Accept", "text/html", "Cookie", "__Host-postern-pass=made-up")
	to, err := r.Location()
	if err != nil || !strings.HasPrefix(to.String(), issuer+"/t/oauth2/v2.0/authorize?") {
		t.Fatalf("sent to %v, %v", to, err)
	}
	if q := to.Query(); q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != "https://intranet.example/.postern/callback" || q.Get("state") == "" {
		t.Errorf("query %v", q)
	}
	if post := h.do(t, "POST", "/x", "Accept", "text/html"); post.StatusCode != http.StatusUnauthorized {
		t.Errorf("a form is answered with %d", post.StatusCode)
	}
	if c := r.Cookies(); len(c) != 1 || !c[0].Secure || !c[0].HttpOnly || c[0].Path != "/" || c[0].Domain != "" {
		t.Errorf("cookie %+v", c)
	}
}

func TestASignInStartedElsewhereIsRefused(t *testing.T) {
	h := open(t, http.NotFoundHandler())
	start := h.do(t, "GET", "/x", "Accept", "text/html")
	to, _ := start.Location()
	good := url.Values{"code": {"good"}, "state": {to.Query().Get("state")}, "iss": {issuer + "/t/v2.0"}}
	with := func(name, value string) string {
		q := url.Values{}
		for k, v := range good {
			q[k] = v
		}
		q.Set(name, value)
		return "/.postern/callback?" + q.Encode()
	}
	state := cookieOf(start, "__Host-postern-state")
	for name, path := range map[string]string{
		"another state": with("state", "x"), "another issuer": with("iss", "https://evil.example/t/v2.0"),
		"a bad code": with("code", "x"), "an error": with("error", "access_denied"),
	} {
		if r := h.do(t, "GET", path, "Cookie", state, "Accept", "text/html"); r.StatusCode < 400 || cookieOf(r, "__Host-postern-pass") != "" {
			t.Errorf("%s: status %d", name, r.StatusCode)
		}
	}
	if r := h.do(t, "GET", with("state", good.Get("state")), "Accept", "text/html"); r.StatusCode < 400 {
		t.Errorf("without the cookie: status %d", r.StatusCode)
	}
	if r := h.do(t, "GET", with("state", good.Get("state")), "Cookie", state, "Accept", "text/html"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("control: status %d: %s", r.StatusCode, text(t, r))
	}
}

func TestNoOpenRedirect(t *testing.T) {
	for _, to := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, "javascript:alert(1)", "/.postern/sign-out", "evil"} {
		h := open(t, http.NotFoundHandler())
		r := h.do(t, "GET", "/.postern/sign-in?to="+url.QueryEscape(to), "Accept", "text/html")
		loc, _ := r.Location()
		back := h.do(t, "GET", "/.postern/callback?"+url.Values{"code": {"good"}, "state": {loc.Query().Get("state")}, "iss": {issuer + "/t/v2.0"}}.Encode(),
			"Cookie", cookieOf(r, "__Host-postern-state"), "Accept", "text/html")
		if got := back.Header.Get("Location"); got != "/" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

func TestAnOpenStreamIsCutWhenAccessEnds(t *testing.T) {
	began := make(chan struct{})
	ended := make(chan struct{})
	h := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: secret\n\n")
		_ = http.NewResponseController(w).Flush()
		close(began)
		<-r.Context().Done()
		close(ended)
	}))
	pass := h.enter(t)
	resp, err := h.client.Do(h.request(t, "GET", "/stream", "Cookie", pass))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil || line != "data: secret\n" {
		t.Fatal(line, err)
	}
	<-began
	about := event.ThreatChanged{Installation: directory.Installation{Tenant: "t", User: "ada", Device: "pc"}}
	if err := h.tunnel.OnEvent(t.Context(), about); err != nil {
		t.Fatal(err)
	}
	if h.tunnel.Open() != 1 {
		t.Fatal("an event that changes nothing cut the stream")
	}
	h.refuse(true)
	other := about
	other.User = "bob"
	if err := h.tunnel.OnEvent(t.Context(), other); err != nil || h.tunnel.Open() != 1 {
		t.Fatal("an event about somebody else cut the stream", err)
	}
	if err := h.tunnel.OnEvent(t.Context(), about); err != nil {
		t.Fatal(err)
	}
	<-ended
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the stream ended as if it were complete")
	}
}

func TestAnUpgradedConnectionIsCutWhenAccessEnds(t *testing.T) {
	h := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n")
		_ = rw.Flush()
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}))
	pass := h.enter(t)
	conn, err := tls.Dial("tcp", h.server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := h.request(t, "GET", "/ws", "Cookie", pass, "Connection", "Upgrade", "Upgrade", "websocket")
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for line := ""; line != "hello\n"; {
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	h.refuse(true)
	if err := h.tunnel.OnEvent(t.Context(), event.UserChanged{Tenant: "t", User: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Error("the connection is still open")
	}
}

func TestClientIP(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct{ peer, forwarded, want string }{
		{"203.0.113.9:1", "6.6.6.6", "203.0.113.9"},
		{"10.0.0.1:1", "6.6.6.6, 198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:1", "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"10.0.0.1:1", "nonsense", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", "::ffff:198.51.100.7", "198.51.100.7"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		r.Header.Set("X-Forwarded-For", tt.forwarded)
		if got := proxy.ClientIP(r, trusted); got != tt.want {
			t.Errorf("%s forwarding %q is %s, want %s", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

func TestAnUpstreamThatIsGoneIsSaidPlainly(t *testing.T) {
	h := open(t, http.NotFoundHandler())
	pass := h.enter(t)
	h.site.Site = &directory.Site{Host: "intranet.example", Upstream: "http://127.0.0.1:1"}
	if r := h.do(t, "GET", "/", "Cookie", pass, "Accept", "text/html"); r.StatusCode != http.StatusBadGateway || !strings.Contains(text(t, r), "Intranet does not answer") {
		t.Errorf("status %d", r.StatusCode)
	}
	if r := h.do(t, "GET", "/", "Cookie", pass, "Sec-Fetch-Mode", "cors"); r.StatusCode != http.StatusBadGateway || !strings.Contains(text(t, r), `"code":"siteUnavailable"`) {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestSigningOutForgetsThePass(t *testing.T) {
	h := open(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	pass := h.enter(t)
	if r := h.do(t, "GET", "/.postern/sign-out", "Cookie", pass, "Sec-Fetch-Site", "cross-site"); r.StatusCode != http.StatusForbidden {
		t.Errorf("another site signs out with %d", r.StatusCode)
	}
	if r := h.do(t, "GET", "/", "Cookie", pass); r.StatusCode != http.StatusOK {
		t.Fatalf("control: %d", r.StatusCode)
	}
	if r := h.do(t, "GET", "/.postern/sign-out", "Cookie", pass, "Sec-Fetch-Site", "same-origin"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("status %d", r.StatusCode)
	}
	if r := h.do(t, "GET", "/", "Cookie", pass); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the pass still opens: %d", r.StatusCode)
	}
}

// One proxied request to a trivial upstream, over TLS on loopback.
func BenchmarkProxiedRequest(b *testing.B) {
	h := open(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	pass := h.enter(b)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := h.client.Do(h.request(b, "GET", "/", "Cookie", pass))
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}
