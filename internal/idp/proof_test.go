package idp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

const checkIn = base + "/" + string(tenant) + "/mam/v1/registrations/1/check-in"

func enrolCall(token string, proofs ...string) oauth.Presented {
	return oauth.Presented{Authorization: []string{"DPoP " + token}, DPoP: proofs, Method: "POST", URL: checkIn, Audience: directory.EnrollmentAPI}
}

// RFC 9449 sections 4.3, 7.1 and 7.2, RFC 6750 section 3.1, RFC 9068 section 4.
func TestAnAccessTokenPassesOnlyAsItWasIssued(t *testing.T) {
	w := open(t)
	d, thief := newDevice(w), newDevice(w)
	token, bearer := w.enrolTokens(d).AccessToken, w.webTokens().AccessToken
	ath := oauth.SHA256(token)
	good := func(change ...any) string { return d.proof("POST", checkIn, append([]any{"ath", ath}, change...)...) }
	p, proof, err := w.idp.Authenticate(t.Context(), enrolCall(token, good()))
	if err != nil || p.User != ada || p.JKT != d.jkt() || proof.JKT != d.jkt() || proof.JTI == "" || !proof.ExpiresAt.After(w.clock.now()) {
		t.Fatalf("%+v %+v %v", p, proof, err)
	}
	with := func(c oauth.Presented, f func(*oauth.Presented)) oauth.Presented { f(&c); return c }
	tests := []struct {
		name string
		call oauth.Presented
		want oauth.Code
	}{
		{"no token", oauth.Presented{Audience: directory.EnrollmentAPI}, oauth.InvalidToken},
		{"two tokens", with(enrolCall(token, good()), func(c *oauth.Presented) { c.Authorization = append(c.Authorization, "Bearer x") }), oauth.InvalidToken},
		{"basic", with(enrolCall(token, good()), func(c *oauth.Presented) { c.Authorization = []string{"Basic x"} }), oauth.InvalidToken},
		{"bound token as bearer", with(enrolCall(token, good()), func(c *oauth.Presented) { c.Authorization = []string{"Bearer " + token} }), oauth.InvalidToken},
		{"bearer token as bound", with(graphCall(bearer), func(c *oauth.Presented) { c.Authorization = []string{"DPoP " + bearer} }), oauth.InvalidToken},
		{"wrong audience", with(graphCall(bearer), func(c *oauth.Presented) { c.Audience = directory.EnrollmentAPI }), oauth.InsufficientScope},
		{"no proof", enrolCall(token), oauth.InvalidDPoPProof},
		{"two proofs", enrolCall(token, good(), good()), oauth.InvalidDPoPProof},
		{"rubbish", enrolCall(token, "a.b.c"), oauth.InvalidDPoPProof},
		{"endless", enrolCall(token, strings.Repeat("a", 9000)), oauth.InvalidDPoPProof},
		{"wrong key", enrolCall(token, thief.proof("POST", checkIn, "ath", ath)), oauth.InvalidDPoPProof},
		{"wrong method", enrolCall(token, d.proof("GET", checkIn, "ath", ath)), oauth.InvalidDPoPProof},
		{"wrong address", enrolCall(token, d.proof("POST", tokenURL, "ath", ath)), oauth.InvalidDPoPProof},
		{"no ath", enrolCall(token, d.proof("POST", checkIn)), oauth.InvalidDPoPProof},
		{"ath of another token", enrolCall(token, good("ath", oauth.SHA256(bearer))), oauth.InvalidDPoPProof},
		{"old", enrolCall(token, good("iat", w.clock.now().Unix()-301)), oauth.InvalidDPoPProof},
		{"future", enrolCall(token, good("iat", w.clock.now().Unix()+301)), oauth.InvalidDPoPProof},
		{"no jti", enrolCall(token, good("jti", "")), oauth.InvalidDPoPProof},
		{"no nonce", enrolCall(token, good("nonce", "")), oauth.UseDPoPNonce},
		{"made-up nonce", enrolCall(token, good("nonce", strings.Repeat("A", 54))), oauth.UseDPoPNonce},
		{"other typ", enrolCall(token, d.sign("JWT", true, map[string]any{})), oauth.InvalidDPoPProof},
		{"no key in the header", enrolCall(token, d.sign("dpop+jwt", false, map[string]any{})), oauth.InvalidDPoPProof},
		{"another service's token", graphCall(d.sign("at+jwt", false, claims(t, bearer))), oauth.InvalidToken},
		{"an ID token", graphCall(w.webTokens().IDToken), oauth.InvalidToken},
		{"unsigned", graphCall("eyJhbGciOiJub25lIn0.e30."), oauth.InvalidToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := w.idp.Authenticate(t.Context(), tt.call)
			e := refused(t, err, tt.want, 0)
			if (e.Code == oauth.InvalidDPoPProof || e.Code == oauth.UseDPoPNonce) && e.Nonce == "" {
				t.Error("no nonce is offered")
			}
		})
	}
	w.clock.pass(11 * time.Minute)
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(bearer))
	refused(t, err, oauth.InvalidToken, 0)
}

// RFC 7515 section 4.1.3: a private key in a header is no key to trust.
func TestAProofByAWeakOrPrivateKeyIsRefused(t *testing.T) {
	w := open(t)
	sign := func(alg jose.SignatureAlgorithm, key, shown any) string {
		opts := (&jose.SignerOptions{}).WithType("dpop+jwt").WithHeader("jwk", shown)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
		w.must(err)
		out, err := jwt.Signed(signer).Claims(map[string]any{}).Serialize()
		w.must(err)
		return out
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	d := newDevice(w)
	for name, proof := range map[string]string{
		"RSA":         sign(jose.RS256, private, jose.JSONWebKey{Key: private.Public()}),
		"HMAC":        sign(jose.HS256, []byte(strings.Repeat("k", 32)), d.jwk()),
		"private":     sign(jose.ES256, d.key, jose.JSONWebKey{Key: d.key}),
		"another one": sign(jose.ES256, d.key, newDevice(w).jwk()),
	} {
		_, err := w.idp.DeviceProof(t.Context(), tenant, oauth.Presented{DPoP: []string{proof}, Method: "GET", URL: checkIn})
		if e := refused(t, err, oauth.InvalidDPoPProof, 0); e.Nonce == "" {
			t.Errorf("%s: no nonce", name)
		}
	}
}

// RFC 9449 section 8: a nonce rotates and those before stay good for a while.
func TestANonceRotatesAndThePreviousOnesStayGood(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	show := func(nonce string) error {
		_, err := w.idp.DeviceProof(t.Context(), tenant, oauth.Presented{DPoP: []string{d.proof("GET", checkIn, "nonce", nonce)}, Method: "GET", URL: checkIn})
		return err
	}
	first, err := w.idp.Nonce(t.Context())
	w.must(err)
	w.clock.pass(4 * time.Minute)
	second, err := w.idp.Nonce(t.Context())
	w.must(err)
	if first == second {
		t.Error("the nonce does not rotate")
	}
	w.must(show(first))
	w.must(show(second))
	w.clock.pass(2 * time.Minute)
	if e := refused(t, show(first), oauth.UseDPoPNonce, 0); e.Nonce == "" {
		t.Error("no nonce is offered")
	}
	w.must(show(second))
	w.clock.pass(-10 * time.Minute)
	refused(t, show(second), oauth.UseDPoPNonce, 0)
}

func TestADeviceProofTakesNoToken(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	call := oauth.Presented{DPoP: []string{d.proof("GET", checkIn)}, Method: "GET", URL: checkIn}
	p, err := w.idp.DeviceProof(t.Context(), tenant, call)
	if err != nil || p.JKT != d.jkt() {
		t.Errorf("%+v %v", p, err)
	}
	call.Authorization = []string{"DPoP x"}
	_, err = w.idp.DeviceProof(t.Context(), tenant, call)
	refused(t, err, oauth.InvalidRequest, 0)
	call = oauth.Presented{DPoP: []string{d.proof("GET", checkIn, "ath", oauth.SHA256("x"))}, Method: "GET", URL: checkIn}
	_, err = w.idp.DeviceProof(t.Context(), tenant, call)
	refused(t, err, oauth.InvalidDPoPProof, 0)
	_, err = w.idp.DeviceProof(t.Context(), "nobody", call)
	refused(t, err, oauth.InvalidRequest, oauth.NumberUnknownTenant)
}

// Microsoft Learn, "Claims challenges": only clients that declared cp1 get one.
func TestARevokedSessionChallengesClientsThatUnderstand(t *testing.T) {
	w := open(t)
	plain := w.webTokens().AccessToken
	capable := w.webTokens("claims", `{"access_token":{"xms_cc":{"values":["cp1"]}}}`).AccessToken
	w.clock.pass(time.Minute)
	_, err := w.store.IDP().RevokeSessions(t.Context(), tenant, ada, "test", w.clock.now())
	w.must(err)
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(plain))
	refused(t, err, oauth.InvalidToken, 0)
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(capable))
	e := refused(t, err, oauth.InsufficientClaims, 0)
	if e.Claims != oauth.NewerThan(w.clock.now()) || !strings.Contains(e.Challenge("Bearer"), `authorization_uri="`+base+"/"+string(tenant)+`/oauth2/v2.0/authorize"`) {
		t.Errorf("%s", e.Challenge("Bearer"))
	}
}

func TestARoleLostIsLostAtOnce(t *testing.T) {
	w := open(t)
	token := w.webTokens().AccessToken
	w.change(func(u *directory.User) { u.Roles = nil })
	p, _, err := w.idp.Authenticate(t.Context(), graphCall(token))
	if err != nil || len(p.Permissions) != 0 {
		t.Errorf("%v %v", p.Permissions, err)
	}
	w.must(w.store.Admin().Apps().Delete(t.Context(), tenant, "web"))
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(token))
	refused(t, err, oauth.InvalidToken, 0)
}

// certificate makes a self-signed certificate for key.
func certificate(t *testing.T, w *world, public, private any, days int) []byte {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "c"}, NotBefore: w.clock.now().Add(-time.Hour), NotAfter: w.clock.now().AddDate(0, 0, days)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, private)
	w.must(err)
	return der
}

// RFC 7523 section 3.
func TestAConnectorAuthenticatesByAnAssertionOnce(t *testing.T) {
	w := open(t)
	key := newDevice(w)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	const id = string(directory.WindowsSecurityCenter)
	_, err = w.store.Admin().Apps().Save(t.Context(), directory.App{
		ID: directory.WindowsSecurityCenter, ObjectID: "wsc", Tenant: tenant, DisplayName: "wsc", CreatedAt: w.clock.now(), Keys: []directory.Key{
			{ID: "0", Certificate: []byte("rubbish")},
			{ID: "1", Certificate: certificate(t, w, key.key.Public(), key.key, 30)},
			{ID: "2", Certificate: certificate(t, w, rsaKey.Public(), rsaKey, 30)},
		}})
	w.must(err)
	n := 0
	make := func(k any, alg jose.SignatureAlgorithm, change map[string]any) url.Values {
		n++
		c := map[string]any{"iss": id, "sub": id, "aud": tokenURL, "exp": w.clock.now().Unix() + 300, "jti": n}
		c["jti"] = strings.Repeat("j", n)
		for name, v := range change {
			c[name] = v
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: k}, nil)
		w.must(err)
		out, err := jwt.Signed(signer).Claims(c).Serialize()
		w.must(err)
		return url.Values{"grant_type": {"client_credentials"}, "scope": {"api://postern-threat/.default"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {out}}
	}
	_, err = w.token(make(key.key, jose.ES256, nil))
	refused(t, err, oauth.UnauthorizedClient, 0) // no connector yet
	_, err = w.store.Admin().Connectors().Save(t.Context(), threat.Connector{Tenant: tenant, ID: directory.WindowsSecurityCenter})
	w.must(err)
	form := make(key.key, jose.ES256, nil)
	out, err := w.token(form)
	w.must(err)
	p, _, err := w.idp.Authenticate(t.Context(), oauth.Presented{Authorization: []string{"Bearer " + out.AccessToken}, Audience: directory.ThreatAPI})
	if err != nil || p.Client != directory.WindowsSecurityCenter || len(p.Permissions) != 1 || p.Permissions[0] != "HealthState.Report" {
		t.Errorf("%+v %v", p, err)
	}
	_, err = w.token(form)
	refused(t, err, oauth.InvalidClient, oauth.NumberBadAssertion) // replayed
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256} {
		_, err = w.token(make(rsaKey, alg, map[string]any{"aud": []string{base + "/" + string(tenant) + "/v2.0"}}))
		w.must(err)
	}
	for name, form := range map[string]url.Values{
		"other key":      make(newDevice(w).key, jose.ES256, nil),
		"other audience": make(key.key, jose.ES256, map[string]any{"aud": "https://login.example"}),
		"other issuer":   make(key.key, jose.ES256, map[string]any{"iss": "daemon"}),
		"too long":       make(key.key, jose.ES256, map[string]any{"exp": w.clock.now().Unix() + 3600}),
		"expired":        make(key.key, jose.ES256, map[string]any{"exp": w.clock.now().Unix() - 61}),
		"another client": make(key.key, jose.ES256, map[string]any{"iss": "daemon", "sub": "daemon"}),
		"shared secret":  make([]byte(strings.Repeat("k", 32)), jose.HS256, nil),
	} {
		if _, err := w.token(form); err == nil {
			t.Errorf("%s passes", name)
		} else {
			refused(t, err, oauth.InvalidClient, 0)
		}
	}
	w.must(w.store.Admin().Connectors().Delete(t.Context(), tenant, id))
	if p, _, err = w.idp.Authenticate(t.Context(), oauth.Presented{Authorization: []string{"Bearer " + out.AccessToken}, Audience: directory.ThreatAPI}); err != nil || len(p.Permissions) != 0 {
		t.Errorf("a removed connector may still report: %+v %v", p, err)
	}
	w.clock.pass(31 * 24 * time.Hour)
	_, err = w.token(make(key.key, jose.ES256, nil))
	refused(t, err, oauth.InvalidClient, 0) // the certificate has expired
}

// enrol stores d as a device with one registration of a user.
func (d *device) enrol(t *testing.T, in directory.TenantID, u directory.UserID, id directory.DeviceID) {
	t.Helper()
	public := d.jwk()
	doc, err := json.Marshal(public)
	d.must(err)
	_, err = d.store.MAM().SaveDevice(t.Context(), directory.Device{ID: id, Tenant: in, Owner: u, DisplayName: "pc", Platform: "windows", Enabled: true,
		KeyThumbprint: d.jkt(), Key: doc, CreatedAt: d.clock.now()}, nil)
	d.must(err)
	d.must(d.store.MAM().Save(t.Context(), mam.Change{Registration: &mam.Registration{
		Standing:      compliance.Standing{Registration: "reg-" + directory.RegistrationID(id), Installation: directory.Installation{Tenant: in, User: u, App: "com.microsoft.edge", Device: id}},
		KeyThumbprint: d.jkt(),
	}}))
}

func (d *device) answer(nonce string, change ...any) string {
	d.Helper()
	c := map[string]any{"nonce": nonce, "aud": base, "iat": d.clock.now().Unix(), "exp": d.clock.now().Unix() + 60, "jti": "1", "sub": "pc", "app": "com.microsoft.edge"}
	for i := 0; i < len(change); i += 2 {
		c[change[i].(string)] = change[i+1]
	}
	return d.sign(wire.TypeDeviceProof, false, c)
}

func TestTheDeviceProvesItselfAtARefusalOnce(t *testing.T) {
	w := open(t)
	d, foreign, stranger := newDevice(w), newDevice(w), newDevice(w)
	d.enrol(t, tenant, ada, "pc")
	_, err := w.store.Admin().Users().Save(t.Context(), directory.User{ID: "bob", Tenant: tenant, UserPrincipalName: "bob@contoso.example", Enabled: true})
	w.must(err)
	foreign.enrol(t, tenant, "bob", "bobs")
	w.gate.rule = func(r access.Request) (access.Ruling, error) {
		if n, err := w.store.IDP().Session(t.Context(), tenant, r.Session); err == nil && n.Registration == "reg-pc" {
			return ruling(r, access.Granted, 0), nil
		}
		return ruling(r, access.Denied, 53009), nil
	}
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.Denied)
	now := w.clock.now().Unix()
	tests := map[string]func(nonce string) string{
		"rubbish":                func(string) string { return "a.b.c" },
		"endless":                func(string) string { return strings.Repeat("a", 9000) },
		"other nonce":            func(string) string { return d.answer("guess") },
		"other audience":         func(n string) string { return d.answer(n, "aud", "https://evil.example") },
		"expired":                func(n string) string { return d.answer(n, "iat", now-100, "exp", now-40) },
		"good for too long":      func(n string) string { return d.answer(n, "exp", now+61) },
		"from the future":        func(n string) string { return d.answer(n, "iat", now+90, "exp", now+100) },
		"no jti":                 func(n string) string { return d.answer(n, "jti", "") },
		"other device":           func(n string) string { return d.answer(n, "sub", "bobs") },
		"an app not enrolled":    func(n string) string { return d.answer(n, "app", "com.other") },
		"another user's device":  func(n string) string { return foreign.answer(n, "sub", "bobs") },
		"an unregistered device": func(n string) string { return stranger.answer(n) },
		"a DPoP proof":           func(n string) string { return d.proof("POST", base, "nonce", n) },
		"other typ":              func(n string) string { return d.sign("JWT", false, map[string]any{"nonce": n}) },
		"a key of its own":       func(n string) string { return d.sign(wire.TypeDeviceProof, true, map[string]any{"nonce": n}) },
	}
	for name, make := range tests {
		nonce := b.step.Nonce
		st, err := w.idp.ProveDevice(t.Context(), b.visit(), make(nonce))
		b.got(st, err)(idp.Denied)
		if len(st.Ruling.Remedies) == 0 || st.Ruling.Remedies[0].Code != "deviceProof" || st.Ruling.Remedies[0].Why == "" {
			t.Errorf("%s: %+v", name, st.Ruling.Remedies)
		}
		if st.Nonce == nonce {
			t.Errorf("%s: the nonce stays good", name)
		}
	}
	proof := d.answer(b.step.Nonce)
	other := &browser{world: w}
	other.start(query("web", cb, graphScope))
	other.password(password)(idp.Denied)
	other.got(w.idp.ProveDevice(t.Context(), other.visit(), proof))(idp.Denied) // for another page
	b.got(w.idp.ProveDevice(t.Context(), b.visit(), proof))(idp.Answer)
	n, err := w.store.IDP().SessionByCookie(t.Context(), tenant, oauth.SHA256(b.session))
	if err != nil || n.Registration != "reg-pc" || !n.ProvedAt.Equal(w.clock.now()) {
		t.Errorf("%+v %v", n, err)
	}
}

func TestADeviceProofIsSpentByItsFirstUseAcrossARestart(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	d.enrol(t, tenant, ada, "pc")
	w.gate.rule = func(r access.Request) (access.Ruling, error) { return ruling(r, access.Denied, 53009), nil }
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	proof := d.answer(b.password(password)(idp.Denied).Nonce)
	b.got(w.idp.ProveDevice(t.Context(), b.visit(), proof))(idp.Denied)
	if len(b.step.Ruling.Remedies) != 0 {
		t.Fatalf("%+v", b.step.Ruling.Remedies)
	}
	w.must(w.store.Close())
	w.start()
	b.got(w.idp.ProveDevice(t.Context(), b.visit(), proof))(idp.Denied)
	if len(b.step.Ruling.Remedies) != 1 {
		t.Error("a proof works twice")
	}
}

func FuzzAuthenticate(f *testing.F) {
	w := open(f)
	f.Add("Bearer a.b.c", "")
	f.Add("DPoP eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.AA", "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRwb3Arand0In0.e30.AA")
	f.Fuzz(func(t *testing.T, authorization, proof string) {
		if _, _, err := w.idp.Authenticate(t.Context(), oauth.Presented{Authorization: []string{authorization}, Audience: directory.GraphAPI}); err == nil {
			t.Fatal("a made-up token passes")
		}
		if _, err := w.idp.DeviceProof(t.Context(), tenant, oauth.Presented{DPoP: []string{proof}, Method: "GET", URL: checkIn}); err == nil {
			t.Fatal("a made-up proof passes")
		}
		form := url.Values{"grant_type": {"client_credentials"}, "client_assertion": {proof}, "scope": {authorization},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
		if _, err := w.idp.Token(t.Context(), idp.Call{Tenant: tenant, Form: form}); err == nil {
			t.Fatal("a made-up assertion passes")
		}
	})
}

// BenchmarkRefresh is one token refresh on the real store, the gate's decision apart.
func BenchmarkRefresh(b *testing.B) {
	w := open(b)
	out := w.webTokens()
	b.ReportAllocs()
	for b.Loop() {
		next, err := w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret))
		if err != nil {
			b.Fatal(err)
		}
		out = next
	}
}

// BenchmarkAuthenticate is one bearer token at a resource.
func BenchmarkAuthenticate(b *testing.B) {
	w := open(b)
	call := graphCall(w.webTokens().AccessToken)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := w.idp.Authenticate(b.Context(), call); err != nil {
			b.Fatal(err)
		}
	}
}
