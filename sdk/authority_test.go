package sdk_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

const tenant = "6f0c2d1e-0000-4000-8000-000000000001"

// authority is a tiny service that speaks the protocol and remembers what it heard.
type authority struct {
	*httptest.Server
	t   testing.TB
	key *ecdsa.PrivateKey

	clock func() time.Time // of the service

	mu       sync.Mutex
	nonce    string
	heard    []string // method and path
	refused  int      // use_dpop_nonce answers
	refresh  string   // the refresh token that is good now
	before   string   // the one that it came of, whose answer may have been lost
	disabled bool
	down     bool
	jkt      string
	device   *jose.JSONWebKey // of the newest proof
	policy   wire.Policy
	result   wire.CheckInResult
	orders   []wire.Operation
	receipts []wire.WipeReceipt
	signed   []string // the same, as they came
	answers  []wire.Diagnostics
	etags    []string // If-None-Match of those who asked for the policy
	checkIns []wire.CheckIn
	user     string                  // who signs in
	access   map[string]bool         // access tokens that are good now
	spent    map[string]bool         // refresh tokens that were used
	reused   bool                    // one of them came again
	refuse   map[string]http.Handler // answers instead, by the end of the path
	streams  []chan string           // what they are nudged with; a closed one breaks
	during   func()                  // happens while a token is asked for
	lines    int                     // connections
}

func newAuthority(t testing.TB) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := &authority{t: t, key: key, nonce: "nonce-1", user: "user-1", access: map[string]bool{}, spent: map[string]bool{}, refuse: map[string]http.Handler{}, policy: wire.Policy{
		ETag: "policy-1", Settings: map[string]string{"printOrgData": "block", "sendOrgDataTo": "none", "cutCopyPaste": "orgDestinationAnySource"},
		Checks: []wire.Check{
			{Subject: "offlineGracePeriod", Action: "block", Value: "43200"}, {Subject: "offlineGracePeriod", Action: "wipe", Value: "86400"},
			{Subject: "minAppVersion", Action: "warn", Value: "200.0"}, {Subject: "disabledAccount", Action: "block"},
		},
	}, result: wire.CheckInResult{State: "compliant", Action: "allow", PolicyETag: "policy-1", CheckInSeconds: 1800}}
	mux := http.NewServeMux()
	base := "/" + tenant
	mux.HandleFunc("GET "+base+"/oauth2/v2.0/authorize", a.authorize)
	mux.HandleFunc("POST "+base+"/oauth2/v2.0/token", a.token)
	for path, answer := range map[string]func(*http.Request) (int, any){
		"POST " + wire.PathDevices:        func(*http.Request) (int, any) { return http.StatusOK, wire.Device{ID: "device-1"} },
		"POST " + wire.PathRegistrations:  func(*http.Request) (int, any) { return http.StatusCreated, a.enrollment() },
		"DELETE " + wire.PathRegistration: func(*http.Request) (int, any) { return http.StatusNoContent, nil },
		"GET " + wire.PathPolicy:          a.current,
		"POST " + wire.PathCheckIn:        a.checkIn,
		"GET " + wire.PathOperations:      func(*http.Request) (int, any) { return http.StatusOK, wire.Operations{Value: a.orders} },
		"POST " + wire.PathReceipt:        a.receipt,
		"POST " + wire.PathAnswer:         a.answer,
	} {
		method, rest, _ := cut(path)
		mux.HandleFunc(method+" "+base+"/mam/v1"+rest, a.guard(answer))
	}
	mux.HandleFunc("GET "+base+"/mam/v1"+wire.PathStream, a.stream)
	a.Server = httptest.NewUnstartedServer(mux)
	a.Config.ConnState = a.line
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

// line counts the connections.
func (a *authority) line(_ net.Conn, s http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch s {
	case http.StateNew:
		a.lines++
	case http.StateClosed, http.StateHijacked:
		a.lines--
	}
}

// settled waits until everything is heard that was said.
func (a *authority) settled() {
	a.Client().CloseIdleConnections()
	a.eventually(func() bool { return a.lines == 0 })
}

func cut(s string) (string, string, bool) {
	i := slices.Index([]byte(s), ' ')
	return s[:i], s[i+1:], true
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (a *authority) url() string { return a.URL + "/" + tenant }

// proven checks the proof of r, or asks for a nonce.
func (a *authority) proven(w http.ResponseWriter, r *http.Request) bool {
	jws, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		a.t.Errorf("%s %s: DPoP: %v", r.Method, r.URL.Path, err)
		return false
	}
	header := jws.Signatures[0].Protected
	payload, err := jws.Verify(header.JSONWebKey)
	var c struct{ HTM, HTU, Nonce, ATH string }
	if err != nil || json.Unmarshal(payload, &c) != nil || c.HTM != r.Method || c.HTU != a.URL+r.URL.Path {
		a.t.Errorf("%s %s: proof %+v, %v", r.Method, r.URL.Path, c, err)
	}
	if bound := r.Header.Get("Authorization") != ""; bound != (c.ATH != "") {
		a.t.Errorf("%s %s: token %t, ath %q", r.Method, r.URL.Path, bound, c.ATH)
	}
	a.device = header.JSONWebKey
	a.jkt, _ = thumbprint(*header.JSONWebKey)
	if c.Nonce == a.nonce {
		return true
	}
	a.refused++
	w.Header().Set("DPoP-Nonce", a.nonce)
	w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

func (a *authority) guard(answer func(*http.Request) (int, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if !a.proven(w, r) {
			return
		}
		a.heard = append(a.heard, r.Method+" "+r.URL.Path)
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "DPoP "); ok && !a.access[token] {
			problem(http.StatusUnauthorized, wire.Problem{Code: "invalid_token"}).ServeHTTP(w, r)
			return
		}
		for end, instead := range a.refuse {
			if strings.HasSuffix(r.URL.Path, end) {
				instead.ServeHTTP(w, r)
				return
			}
		}
		status, body := answer(r)
		w.WriteHeader(status)
		if body != nil {
			_ = json.NewEncoder(w).Encode(body)
		}
	}
}

func (a *authority) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("dpop_jkt") == "" {
		a.t.Errorf("authorize: %v", q)
	}
	back := url.Values{"code": {"code-1"}, "state": {q.Get("state")}, "iss": {a.url() + "/v2.0"}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (a *authority) token(w http.ResponseWriter, r *http.Request) {
	if a.during != nil {
		a.during()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.proven(w, r) {
		return
	}
	must(a.t, r.ParseForm())
	shown := r.PostForm.Get("refresh_token")
	a.reused = a.reused || a.spent[shown]
	again := shown != "" && shown == a.before
	good := r.PostForm.Get("code") == "code-1" && r.PostForm.Get("code_verifier") != "" || shown == a.refresh || again
	if !good || a.disabled {
		codes := []int{70000}
		if a.disabled {
			codes = []int{50057}
		}
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": "invalid_grant", "error_description": "no", "error_codes": codes})
		return
	}
	a.spent[shown] = shown != ""
	token := rand.Text()
	a.access[token] = true
	if !again {
		a.before, a.refresh = shown, rand.Text()
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "refresh_token": a.refresh, "expires_in": 600, "token_type": "DPoP"})
}

func (a *authority) enrollment() wire.Enrollment {
	return wire.Enrollment{
		RegistrationID: strings.Replace(a.user, "user", "registration", 1), TenantID: tenant, UserID: a.user, Policy: a.seal(),
		OrderKeys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: a.key.Public(), KeyID: "key-1", Algorithm: "ES256", Use: "sig"}}},
	}
}

func (a *authority) checkIn(r *http.Request) (int, any) {
	var in wire.CheckIn
	must(a.t, json.NewDecoder(r.Body).Decode(&in))
	a.checkIns = append(a.checkIns, in)
	out := a.result
	out.Lease = a.compact(a.key, wire.TypeLease, wire.Lease{Bound: a.bound(), PolicyETag: out.PolicyETag, Action: out.Action})
	return http.StatusOK, out
}

// seal is the policy with its signature.
func (a *authority) seal() wire.Policy {
	p := a.policy
	p.Signed = a.compact(a.key, wire.TypePolicy, wire.SignedPolicy{Bound: a.bound(), Policy: p})
	return p
}

func (a *authority) bound() wire.Bound {
	return wire.Bound{
		Issuer: a.url(), IssuedAt: a.clock().Unix(), Tenant: tenant, User: a.user, Registration: strings.Replace(a.user, "user", "registration", 1),
		Device: "device-1", KeyThumb: a.jkt,
	}
}

// current is the policy, or 304 to who has it.
func (a *authority) current(r *http.Request) (int, any) {
	tag := r.Header.Get("If-None-Match")
	if a.etags = append(a.etags, tag); tag == `"`+a.policy.ETag+`"` {
		return http.StatusNotModified, nil
	}
	return http.StatusOK, a.seal()
}

func (a *authority) answer(r *http.Request) (int, any) {
	var d wire.Diagnostics
	must(a.t, json.NewDecoder(r.Body).Decode(&d))
	a.answers, a.orders = append(a.answers, d), nil
	return http.StatusNoContent, nil
}

func (a *authority) receipt(r *http.Request) (int, any) {
	var in wire.ReceiptEnvelope
	must(a.t, json.NewDecoder(r.Body).Decode(&in))
	jws, err := jose.ParseSignedCompact(in.Receipt, []jose.SignatureAlgorithm{jose.ES256})
	must(a.t, err)
	payload, err := jws.Verify(a.device)
	must(a.t, err)
	if jws.Signatures[0].Protected.KeyID != a.jkt || jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != wire.TypeWipeReceipt {
		a.t.Errorf("receipt header %+v", jws.Signatures[0].Protected)
	}
	var out wire.WipeReceipt
	must(a.t, json.Unmarshal(payload, &out))
	a.receipts, a.signed = append(a.receipts, out), append(a.signed, in.Receipt)
	a.orders = nil
	return http.StatusNoContent, nil
}

// problem always answers with p.
func problem(status int, p wire.Problem) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(p)
	})
}

// stream says hello and passes nudges on.
func (a *authority) stream(w http.ResponseWriter, r *http.Request) {
	nudges := make(chan string, 8)
	a.mu.Lock()
	ok := !a.down && a.proven(w, r)
	if ok {
		a.streams = append(a.streams, nudges)
	}
	a.mu.Unlock()
	for what := "hello"; ok; {
		_, _ = fmt.Fprintf(w, ": still here\n\nevent: %s\ndata: {\"what\":%q}\n\n", what, what)
		_ = http.NewResponseController(w).Flush()
		select {
		case what, ok = <-nudges:
		case <-r.Context().Done():
			ok = false
		}
	}
}

// eventually waits until yes holds, which something else brings about.
func (a *authority) eventually(yes func() bool) {
	for a.t.Context().Err() == nil {
		a.mu.Lock()
		ok := yes()
		a.mu.Unlock()
		if ok {
			return
		}
		runtime.Gosched()
	}
}

// order is a good wipe order; change spoils it.
func (a *authority) order(change func(*wire.WipeOrder)) wire.WipeOrder {
	o := wire.WipeOrder{
		Issuer: a.url(), Operation: "op-1", IssuedAt: 1, Tenant: tenant, User: "user-1", Registration: "registration-1", Device: "device-1",
		KeyThumb: a.jkt, Action: "wipe",
	}
	if change != nil {
		change(&o)
	}
	return o
}

func (a *authority) sign(key *ecdsa.PrivateKey, typ string, o wire.WipeOrder) wire.Operation {
	return wire.Operation{ID: "op-1", Order: a.compact(key, typ, o)}
}

func (a *authority) compact(key *ecdsa.PrivateKey, typ string, o any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "key-1"}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	must(a.t, err)
	doc, err := json.Marshal(o)
	must(a.t, err)
	jws, err := signer.Sign(doc)
	must(a.t, err)
	compact, err := jws.CompactSerialize()
	must(a.t, err)
	return compact
}

// health is the same always, unless it cannot be measured.
type health struct{ broken *error }

func (h health) Measure(context.Context) (sdk.Measurement, error) {
	if h.broken != nil && *h.broken != nil {
		return sdk.Measurement{}, *h.broken
	}
	return sdk.Measurement{Adapter: "development", DisplayName: "pc", OSVersion: "10.0.22631.3155", Providers: map[string]string{"antivirus": "good"}}, nil
}

// pc is an app on a PC with a clock of its own.
type pc struct {
	*authority
	dir    string
	now    time.Time
	onWipe func(context.Context) []wire.WipeItem
	broken error // why health cannot be measured
	sealer sdk.Sealer
	// browser is the person; zero: somebody who signs in.
	browser func(ctx context.Context, url string) error
}

func newPC(t testing.TB) *pc {
	p := &pc{authority: newAuthority(t), dir: directory(t), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	p.clock = func() time.Time { return p.now }
	return p
}

// start is the app after its process starts anew.
func (p *pc) start() *sdk.Client {
	p.t.Helper()
	c, err := sdk.New(sdk.Config{
		Authority: p.url(), App: "com.microsoft.edge", AppVersion: "130.0", Dir: p.dir, Health: health{&p.broken}, HTTP: p.Client(), Sealer: p.sealer,
		Now: func() time.Time { return p.now }, OnWipe: p.onWipe,
		Browser: func(ctx context.Context, url string) error {
			if p.browser != nil {
				return p.browser(ctx, url)
			}
			_, err := p.open(ctx, url)
			return err
		},
	})
	must(p.t, err)
	return c
}

func (p *pc) enrolled() *sdk.Client {
	p.t.Helper()
	c := p.start()
	must(p.t, c.Enroll(p.t.Context()))
	return c
}

// open shows an address as a browser does, and returns the status of its end.
func (p *pc) open(ctx context.Context, url string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := p.Client().Do(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// killed runs f as a process that ends in the middle of a wipe, when the app's
// own data is to go: nothing after that is done.
func (p *pc) killed(f func(*sdk.Client)) {
	p.t.Helper()
	reached, gone := false, make(chan struct{})
	p.onWipe = func(context.Context) []wire.WipeItem {
		reached = true
		runtime.Goexit()
		return nil
	}
	c := p.start()
	go func() {
		defer close(gone)
		f(c)
	}()
	<-gone
	p.onWipe = nil
	if !reached {
		p.t.Fatal("nothing was wiped: nothing was cut short")
	}
}
