package proxy_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/httpapi/proxy"
)

// echo is an upstream that remembers the last request it saw.
type echo struct{ last *http.Request }

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.last = r.Clone(context.Background())
	_, _ = io.WriteString(w, "ok")
}

func TestCookiesOfTheSiteStayByteForByte(t *testing.T) {
	up := &echo{}
	h := open(t, up)
	pass := h.enter(t)
	for sent, want := range map[string]string{
		`a=1; b="quoted, with comma"`:             `a=1; b="quoted, with comma"`,
		"a=1;__Host-postern-x=2;b=3":              "a=1; b=3",
		"odd; =nameless; a=b=c":                   "odd; =nameless; a=b=c",
		"=__Host-postern-pass=x; a=1":             "a=1",
		"__HOST-POSTERN-PASS=x; a=1":              "a=1",
		"__Host-poster=near; x__Host-postern=far": "__Host-poster=near; x__Host-postern=far",
		"":                         "",
		"\t__Host-postern-state=x": "",
		strings.Repeat("a=1; ", 100) + "__Host-postern-pass-old=1": strings.TrimSuffix(strings.Repeat("a=1; ", 100), "; "),
	} {
		if r := h.do(t, "GET", "/", "Cookie", pass+"; "+sent); r.StatusCode != http.StatusOK {
			t.Fatalf("%q: status %d", sent, r.StatusCode)
		}
		if got := up.last.Header.Get("Cookie"); got != want {
			t.Errorf("%q arrives as %q, want %q", sent, got, want)
		}
	}
}

func TestOurTokensNeverReachTheUpstream(t *testing.T) {
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	up := &echo{}
	h := open(t, up)
	pass := h.enter(t)
	for sent, kept := range map[string]bool{
		"DPoP abc": false, "dpop abc": false,
		"Bearer " + token(`{"iss":"https://id.example/t/v2.0"}`): false,
		"bearer " + token(`{"iss":"https://id.example/t/v2.0"}`): false,
		"Bearer " + token(`{"iss":"https://id.example.evil/t"}`): true,
		"Bearer " + token(`{"iss":"https://other.example"}`):     true,
		"Bearer opaque": true, "Bearer a.b.c": true, "Basic dXNlcjpwdw==": true, "Negotiate YII": true,
	} {
		h.do(t, "GET", "/", "Cookie", pass, "Authorization", sent)
		if got := up.last.Header.Get("Authorization"); (got == sent) != kept || !kept && got != "" {
			t.Errorf("%q arrives as %q", sent, got)
		}
	}
}

func TestOnlyWebSocketsMayUpgrade(t *testing.T) {
	up := &echo{}
	h := open(t, up)
	pass := h.enter(t)
	for _, protocol := range []string{"h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c"} {
		r := h.do(t, "GET", "/", "Cookie", pass, "Connection", "Upgrade, HTTP2-Settings", "Upgrade", protocol, "HTTP2-Settings", "AAMAAABkAAQAAP__")
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", protocol, r.StatusCode)
		}
		for _, name := range []string{"Upgrade", "Http2-Settings"} {
			if got := up.last.Header.Get(name); got != "" {
				t.Errorf("%s: the upstream sees %s: %s", protocol, name, got)
			}
		}
	}
}

func TestWhatAClientNamesInConnectionDoesNotTakeOursAway(t *testing.T) {
	up := &echo{}
	h := open(t, up)
	h.do(t, "GET", "/", "Cookie", h.enter(t), "Connection", "close, X-Postern-User, X-Forwarded-For, X-Drop", "X-Drop", "1")
	if up.last.Header.Get("X-Postern-User") != "ada@example.org" || up.last.Header.Get("X-Forwarded-For") == "" || up.last.Header.Get("X-Drop") != "" {
		t.Errorf("the upstream sees %v", up.last.Header)
	}
}

func TestTheUpstreamHearsOnlyWhatWeKnowOfTheWay(t *testing.T) {
	up := &echo{}
	for _, tt := range []struct {
		trusted []netip.Prefix
		want    string
	}{
		{nil, "127.0.0.1"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "198.51.100.7"},
	} {
		h := open(t, up, tt.trusted...)
		r := h.request(t, "GET", "/", "Cookie", h.enter(t), "X-Forwarded-For", "6.6.6.6, 198.51.100.7",
			"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http", "X-Forwarded-Port", "1", "X-Forwarded-Prefix", "/evil", "X-Real-Ip", "6.6.6.6")
		r.Host = "Intranet.Example:1234"
		resp, err := h.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		for name, want := range map[string]string{
			"X-Forwarded-For": tt.want, "X-Forwarded-Host": "intranet.example", "X-Forwarded-Proto": "https",
			"X-Forwarded-Port": "", "X-Forwarded-Prefix": "", "X-Real-Ip": "",
		} {
			if got := up.last.Header.Get(name); got != want {
				t.Errorf("trusting %v: %s is %q, want %q", tt.trusted, name, got, want)
			}
		}
		if strings.Contains(up.last.Host, "1234") {
			t.Errorf("the upstream is asked for %s", up.last.Host)
		}
	}
}

func TestClientIPOfAnythingIsNoProxysWord(t *testing.T) {
	for _, remote := range []string{"", "@", "pipe", "[::1%eth0]:1", "203.0.113.9:1"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", "6.6.6.6")
		if got := proxy.ClientIP(r, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}); got == "6.6.6.6" {
			t.Errorf("%q is taken for a trusted proxy", remote)
		}
	}
}

func TestAnUpstreamMayNotSetOurCookies(t *testing.T) {
	all := []string{
		"__Host-postern-pass=x; Path=/; Secure", " __Host-postern-pass=x", "=__Host-postern-pass=x", "__HOST-Postern-state=",
		"app=1; Domain=example; Path=/a", "__Host-app=1; Secure; Path=/",
	}
	h := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = all
		w.Header().Set("Cache-Control", "max-age=60")
	}))
	r := h.do(t, "GET", "/", "Cookie", h.enter(t))
	if got := r.Header.Values("Set-Cookie"); !slices.Equal(got, all[4:]) {
		t.Errorf("the browser is told %q", got)
	}
	if r.Header.Get("Cache-Control") != "max-age=60" {
		t.Error("the upstream's own word on caching was changed")
	}
}

func TestOurOwnPathsNeverReachTheUpstream(t *testing.T) {
	up := &echo{}
	h := open(t, up)
	pass := h.enter(t)
	for _, path := range []string{"/.postern/", "/.postern", "/.postern/else", "/a/../.postern/x", "//.postern/x", "/.postern/%63allback"} {
		up.last = nil
		r := h.request(t, "GET", "/", "Cookie", pass, "Accept", "text/html")
		r.URL.Opaque = "//intranet.example" + path
		resp, err := h.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if up.last != nil || resp.StatusCode < 400 {
			t.Errorf("%s: status %d, upstream reached: %v", path, resp.StatusCode, up.last != nil)
		}
	}
	if h.do(t, "GET", "/.posterns", "Cookie", pass); up.last == nil {
		t.Error("control: a path of the site was not passed on")
	}
}

func TestWhoseSignInEndedSignsInAgain(t *testing.T) {
	h := open(t, http.NotFoundHandler())
	pass := h.enter(t)
	h.mu.Lock()
	h.refused, h.code = true, 50173
	h.mu.Unlock()
	r := h.do(t, "GET", "/deep?x=1", "Cookie", pass, "Sec-Fetch-Mode", "navigate")
	if to, err := r.Location(); err != nil || !strings.HasPrefix(to.String(), issuer+"/t/oauth2/v2.0/authorize?") {
		t.Errorf("a browser is sent to %v, %v", to, err)
	}
	r = h.do(t, "POST", "/deep", "Cookie", pass, "Accept", "text/html")
	if r.StatusCode != http.StatusUnauthorized || !strings.Contains(text(t, r), "signInRequired") {
		t.Errorf("a form gets %d", r.StatusCode)
	}
}

func TestWhoseAppIsUnknownMayProveItAtTheSignIn(t *testing.T) {
	h := open(t, http.NotFoundHandler())
	pass := h.enter(t)
	h.refuse(true)
	body := text(t, h.do(t, "GET", "/deep?x=1", "Cookie", pass, "Accept", "text/html"))
	if want := "/.postern/sign-in?to=" + url.QueryEscape("/deep?x=1"); !strings.Contains(body, want) {
		t.Errorf("no way to prove the device: %s", body)
	}
	h.mu.Lock()
	h.device = "pc"
	h.mu.Unlock()
	body = text(t, h.do(t, "GET", "/deep?x=1", "Cookie", pass, "Accept", "text/html"))
	if strings.Contains(body, "/.postern/sign-in") || !strings.Contains(body, "/deep?x=1") {
		t.Errorf("checking again does not reload the page: %s", body)
	}
}

func TestSigningOutLeadsToWhereTheSignInEnds(t *testing.T) {
	h := open(t, &echo{})
	pass := h.enter(t)
	r := h.do(t, "GET", "/.postern/sign-out", "Cookie", pass, "Sec-Fetch-Site", "none")
	if to := r.Header.Get("Location"); to != issuer+"/t/oauth2/v2.0/logout" {
		t.Errorf("sent to %q", to)
	}
	if len(h.passes) != 0 {
		t.Error("the pass is still there")
	}
}

// An upload is cut too, and over HTTP/2 only its own stream.
func TestAnUploadIsCutWhenAccessEnds(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	h := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			return
		}
		close(began)
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}))
	h.client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	h.server.Close()
	h.server = httptest.NewUnstartedServer(h.server.Config.Handler)
	h.server.EnableHTTP2 = true
	h.server.StartTLS()
	t.Cleanup(h.server.Close)
	pass := h.enter(t)
	body, feed := io.Pipe()
	r := h.request(t, "PUT", "/upload", "Cookie", pass)
	r.Body = io.NopCloser(body)
	go func() {
		for {
			if _, err := feed.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	}()
	answered := make(chan *http.Response, 1)
	go func() {
		resp, err := h.client.Do(r)
		if err != nil {
			resp = nil
		}
		answered <- resp
	}()
	<-began
	h.refuse(true)
	if err := h.tunnel.OnEvent(t.Context(), event.UserChanged{Tenant: "t", User: "ada"}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the upstream takes a part for the whole")
	}
	if resp := <-answered; resp != nil {
		if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s %d", resp.Proto, resp.StatusCode)
		}
		_ = resp.Body.Close()
	}
	_ = body.Close()
	h.refuse(false)
	if r := h.do(t, "GET", "/", "Cookie", pass); r.StatusCode != http.StatusOK {
		t.Errorf("the connection died with its stream: %d", r.StatusCode)
	}
}

// Many streams of many people, cut at once.
func TestFiftyStreamsAreCutByOneEvent(t *testing.T) {
	h := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: x\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	pass := h.enter(t)
	var streams []*http.Response
	for range 50 {
		resp, err := h.client.Do(h.request(t, "GET", "/stream", "Cookie", pass))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if _, err := bufio.NewReader(resp.Body).ReadByte(); err != nil {
			t.Fatal(err)
		}
		streams = append(streams, resp)
	}
	h.refuse(true)
	if err := h.tunnel.OnEvent(t.Context(), event.ConfigChanged{Tenant: "t"}); err != nil {
		t.Fatal(err)
	}
	for i, s := range streams {
		if _, err := io.Copy(io.Discard, s.Body); err == nil {
			t.Errorf("stream %d ended as if it were complete", i)
		}
	}
}
