package idp_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

const agent = string(directory.AgentClient)

// RFC 6749 section 4.1.4, OpenID Connect Core section 3.1.3.3.
func TestACodeBecomesTokensThatSayWhoAndWhat(t *testing.T) {
	w := open(t)
	out := w.webTokens("client_info", "1", "claims", `{"access_token":{"xms_cc":{"values":["CP1"]}}}`)
	if out.TokenType != "Bearer" || out.ExpiresIn != 600 || out.RefreshToken == "" {
		t.Errorf("%s %d", out.TokenType, out.ExpiresIn)
	}
	if !strings.Contains(out.Scope, "https://graph.microsoft.com/.default") || !strings.Contains(out.Scope, "openid") {
		t.Error(out.Scope)
	}
	info, _ := base64.RawURLEncoding.DecodeString(out.ClientInfo)
	if string(info) != `{"uid":"ada-id","utid":"`+string(tenant)+`"}` {
		t.Errorf("client_info %s", info)
	}
	at := claims(t, out.AccessToken)
	for name, want := range map[string]any{"iss": base + "/" + string(tenant) + "/v2.0", "sub": "ada-id", "oid": "ada-id", "tid": string(tenant),
		"aud": string(directory.GraphAPI), "azp": "web", "appid": "web", "client_id": "web", "scp": "Directory.AccessAsUser.All", "idtyp": "user"} {
		if at[name] != want {
			t.Errorf("access token %s = %v, want %v", name, at[name], want)
		}
	}
	if len(at["roles"].([]any)) != len(directory.Permissions()) || at["xms_cc"].([]any)[0] != "cp1" {
		t.Errorf("roles %v xms_cc %v", at["roles"], at["xms_cc"])
	}
	id := claims(t, out.IDToken)
	if id["aud"] != "web" || id["nonce"] != "n" || id["preferred_username"] != "ada@contoso.example" || id["amr"].([]any)[0] != "pwd" || id["email"] != nil {
		t.Errorf("id token %v", id)
	}
	p, proof, err := w.idp.Authenticate(t.Context(), graphCall(out.AccessToken))
	if err != nil || proof != nil || p.User != ada || p.Tenant != tenant || p.Client != "web" || len(p.Permissions) != len(directory.Permissions()) {
		t.Errorf("%+v %v", p, err)
	}
}

// RFC 6749 sections 4.1.2 and 10.5.
func TestACodeShownTwiceEndsWhatItGave(t *testing.T) {
	w := open(t)
	code := w.signIn(query("web", cb, graphScope))
	form := codeForm("web", cb, code, "client_secret", webSecret)
	out, err := w.token(form)
	w.must(err)
	_, err = w.token(form)
	refused(t, err, oauth.InvalidGrant, oauth.NumberCodeSpent)
	_, err = w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, oauth.NumberSessionRevoked)
}

// RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 9700 sections 2.1.1 and 4.5.
func TestACodeIsGoodForItsOwnRequestAlone(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	tests := []struct {
		name   string
		change []string
		want   int
	}{
		{"other redirect", []string{"redirect_uri", "https://web.example/other"}, oauth.NumberRedirectMismatch},
		{"other verifier", []string{"code_verifier", strings.Repeat("x", 43)}, oauth.NumberPKCEMismatch},
		{"no verifier: PKCE downgrade", []string{"code_verifier", ""}, oauth.NumberPKCERequired},
		{"unknown code", []string{"code", "guess"}, oauth.NumberInvalidGrant},
	}
	for _, tt := range tests {
		code := w.signIn(query("web", cb, graphScope))
		_, err := w.token(codeForm("web", cb, code, append([]string{"client_secret", webSecret}, tt.change...)...))
		refused(t, err, oauth.InvalidGrant, tt.want)
	}
	code := w.signIn(query("web", cb, graphScope))
	_, err := w.token(codeForm(agent, cb, code))
	refused(t, err, oauth.InvalidGrant, oauth.NumberInvalidGrant) // another client's
	_, err = w.token(codeForm("web", cb, code, "client_secret", "guess"))
	refused(t, err, oauth.InvalidClient, oauth.NumberBadSecret)
	_, err = w.token(codeForm("web", cb, code, "client_secret", webSecret, "scope", "api://files/read"))
	refused(t, err, oauth.InvalidScope, 0)
	w.clock.pass(3 * time.Minute)
	_, err = w.token(codeForm("web", cb, code, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, oauth.NumberExpiredGrant)

	bound := w.signIn(query(agent, loop, enrollScope, "dpop_jkt", d.jkt())) // RFC 9449 section 10
	_, err = w.token(codeForm(agent, loop, bound), newDevice(w).proof("POST", tokenURL))
	refused(t, err, oauth.InvalidGrant, 0)
	_, err = w.token(codeForm(agent, loop, bound))
	refused(t, err, oauth.InvalidDPoPProof, 0)
}

// RFC 9449 sections 5 and 8, RFC 6749 section 6.
func TestAnEnrolmentTokenIsBoundAndCarriesEnrolmentAlone(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	out := w.enrolTokens(d)
	at := claims(t, out.AccessToken)
	if out.TokenType != "DPoP" || at["scp"] != "enrollment" || at["roles"] != nil || at["cnf"].(map[string]any)["jkt"] != d.jkt() {
		t.Errorf("%s %v", out.TokenType, at)
	}
	code := w.signIn(query(agent, loop, enrollScope))
	_, err := w.token(codeForm(agent, loop, code))
	if e := refused(t, err, oauth.InvalidDPoPProof, 0); e.Nonce == "" {
		t.Error("no nonce is offered")
	}
	_, err = w.token(codeForm(agent, loop, code), d.proof("POST", tokenURL, "nonce", "guess"))
	e := refused(t, err, oauth.UseDPoPNonce, 0)
	_, err = w.token(codeForm(agent, loop, code), d.proof("POST", tokenURL, "nonce", e.Nonce))
	w.must(err)
}

// RFC 9449 sections 4.3 and 11.1: refused at the token endpoint, and after a restart.
func TestAProofIsGoodOnceEvenAfterARestart(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	out := w.enrolTokens(d)
	proof := d.proof("POST", tokenURL)
	next, err := w.token(refreshForm(agent, out.RefreshToken), proof)
	w.must(err)
	_, err = w.token(refreshForm(agent, next.RefreshToken), proof)
	refused(t, err, oauth.InvalidDPoPProof, 0)
	w.must(w.store.Close())
	w.start()
	_, err = w.token(refreshForm(agent, next.RefreshToken), proof)
	refused(t, err, oauth.InvalidDPoPProof, 0)
	if _, err = w.token(refreshForm(agent, next.RefreshToken), d.proof("POST", tokenURL)); err != nil {
		t.Errorf("a replay ended the grant of its victim: %v", err)
	}
}

// RFC 9700 section 4.14.2.
func TestARefreshTokenShownTwiceEndsItsFamily(t *testing.T) {
	w := open(t)
	first := w.webTokens()
	second, err := w.token(refreshForm("web", first.RefreshToken, "client_secret", webSecret))
	w.must(err)
	if second.RefreshToken == first.RefreshToken || second.IDToken == "" {
		t.Error("the refresh token did not rotate, or the ID token is missing")
	}
	_, err = w.token(refreshForm("web", first.RefreshToken, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, 0)
	_, err = w.token(refreshForm("web", second.RefreshToken, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, oauth.NumberSessionRevoked)
}

// RFC 9449 section 5: a thief without the key gets nothing and ends nothing.
func TestABoundRefreshTokenNeedsItsKey(t *testing.T) {
	w := open(t)
	d, thief := newDevice(w), newDevice(w)
	out := w.enrolTokens(d)
	_, err := w.token(refreshForm(agent, out.RefreshToken))
	refused(t, err, oauth.InvalidDPoPProof, 0)
	_, err = w.token(refreshForm(agent, out.RefreshToken), thief.proof("POST", tokenURL))
	refused(t, err, oauth.InvalidGrant, 0)
	_, err = w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, 0)
	next, err := w.token(refreshForm(agent, out.RefreshToken), d.proof("POST", tokenURL))
	w.must(err)
	_, err = w.token(refreshForm(agent, out.RefreshToken), thief.proof("POST", tokenURL))
	refused(t, err, oauth.InvalidGrant, 0)
	if _, err = w.token(refreshForm(agent, next.RefreshToken), d.proof("POST", tokenURL)); err != nil {
		t.Errorf("a thief ended the family: %v", err)
	}
}

// RFC 6749 section 6: a refresh may narrow; what was granted is not lost by it.
func TestARefreshMayNarrowAndNeverWiden(t *testing.T) {
	w := open(t)
	out := w.webTokens()
	out, err := w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret, "scope", "https://graph.microsoft.com/User.Read.All"))
	w.must(err)
	if at := claims(t, out.AccessToken); at["scp"] != "User.Read.All" || !slices.Equal(at["roles"].([]any), []any{"User.Read.All"}) {
		t.Errorf("narrowed to %v %v", at["scp"], at["roles"])
	}
	_, err = w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret, "scope", "api://files/.default"))
	refused(t, err, oauth.InvalidScope, 0)
	out, err = w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret))
	w.must(err)
	if at := claims(t, out.AccessToken); len(at["roles"].([]any)) != len(directory.Permissions()) {
		t.Errorf("the grant shrank: %v", at["roles"])
	}
}

func TestEveryRefreshIsDecidedAgain(t *testing.T) {
	w := open(t)
	out := w.webTokens()
	tests := []struct {
		outcome  access.Outcome
		code     int
		want     oauth.Code
		suberror string
		claims   bool
	}{
		{access.Denied, 53009, oauth.InvalidGrant, "protection_policy_required", true},
		{access.Denied, 53003, oauth.InvalidGrant, "message_only", true},
		{access.Denied, 53000, oauth.InvalidGrant, "additional_action", true},
		{access.Denied, 50057, oauth.InvalidGrant, "message_only", false},
		{access.Denied, 70043, oauth.InvalidGrant, "additional_action", true},
		{access.Challenge, 50076, oauth.InteractionRequired, "basic_action", true},
	}
	for _, tt := range tests {
		w.gate.rule = func(r access.Request) (access.Ruling, error) { return ruling(r, tt.outcome, tt.code, access.MFA), nil }
		_, err := w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret))
		e := refused(t, err, tt.want, tt.code)
		if e.Suberror != tt.suberror || tt.claims != (e.Claims != "") {
			t.Errorf("%d: %s %s", tt.code, e.Suberror, e.Claims)
		}
	}
	if r := w.gate.last(); r.Protocol != "refreshToken" || r.Interactive || !slices.Equal(r.Resources, []directory.AppID{directory.GraphAPI, "web"}) || r.ClientAppType != access.Browser {
		t.Errorf("the gate was asked %+v", r)
	}
	w.gate.rule = func(access.Request) (access.Ruling, error) { return access.Ruling{}, errors.New("outage") }
	if _, err := w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret)); err == nil {
		t.Error("an outage grants")
	}
	w.gate.rule = nil
	if _, err := w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret)); err != nil {
		t.Errorf("a refusal used the refresh token up: %v", err)
	}
	log, err := w.store.Records(t.Context(), tenant, access.RecordQuery{Limit: 100})
	w.must(err)
	if n := len(slices.DeleteFunc(log, func(r access.Record) bool { return r.Code == 0 })); n != len(tests) {
		t.Errorf("%d refusals in the log, want %d", n, len(tests))
	}
}

// A grant is saved only on the facts it was decided from.
func TestADecisionOnMovedFactsIsMadeAgain(t *testing.T) {
	w := open(t)
	out := w.webTokens()
	asked := 0
	w.gate.rule = func(r access.Request) (access.Ruling, error) {
		asked++
		g := ruling(r, access.Granted, 0)
		if asked == 1 {
			g.Basis.Config = 9999
		}
		return g, nil
	}
	next, err := w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret))
	if err != nil || asked != 2 {
		t.Fatalf("%v after %d decisions", err, asked)
	}
	w.gate.rule = func(r access.Request) (access.Ruling, error) {
		g := ruling(r, access.Granted, 0)
		g.Basis.User = w.user.Revision + 1
		return g, nil
	}
	if _, err := w.token(refreshForm("web", next.RefreshToken, "client_secret", webSecret)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("facts that never hold still grant: %v", err)
	}
}

func TestADisabledUserGetsNothingMore(t *testing.T) {
	w := open(t)
	out := w.webTokens()
	w.change(func(u *directory.User) { u.Enabled = false })
	_, err := w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, oauth.NumberUserDisabled)
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(out.AccessToken))
	refused(t, err, oauth.InvalidToken, 0)
}

// RFC 6749 section 4.4.
func TestAClientActsForItselfWithItsPermissions(t *testing.T) {
	w := open(t)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"daemon"}, "client_secret": {"old"}, "scope": {base + "/.default openid offline_access profile"}}
	out, err := w.token(form)
	w.must(err)
	at := claims(t, out.AccessToken)
	if at["aud"] != string(directory.GraphAPI) || at["oid"] != "daemon-object" || at["idtyp"] != "app" || at["roles"].([]any)[0] != "User.ReadWrite.All" || out.RefreshToken != "" || out.IDToken != "" {
		t.Errorf("%v", at)
	}
	p, _, err := w.idp.Authenticate(t.Context(), graphCall(out.AccessToken))
	if err != nil || p.User != "" || p.Client != "daemon" || !slices.Equal(p.Permissions, []string{"User.ReadWrite.All"}) {
		t.Errorf("%+v %v", p, err)
	}
	w.app("daemon", func(a *directory.App) { a.Permissions = nil })
	if p, _, err = w.idp.Authenticate(t.Context(), graphCall(out.AccessToken)); err != nil || len(p.Permissions) != 0 {
		t.Errorf("a permission outlives its removal: %+v %v", p, err)
	}
	for _, bad := range []struct {
		change []string
		want   oauth.Code
	}{
		{[]string{"scope", "https://graph.microsoft.com/User.Read"}, oauth.InvalidScope},
		{[]string{"scope", "openid"}, oauth.InvalidScope},
		{[]string{"scope", "api://nothing/.default"}, oauth.InvalidTarget},
		{[]string{"scope", "api://postern-enrollment/.default"}, oauth.UnauthorizedClient},
		{[]string{"scope", "api://postern-threat/.default"}, oauth.UnauthorizedClient},
		{[]string{"client_secret", ""}, oauth.InvalidClient},
		{[]string{"client_id", "nobody"}, oauth.InvalidClient},
		{[]string{"client_id", agent}, oauth.InvalidClient},
	} {
		f := url.Values{}
		for k, v := range form {
			f[k] = v
		}
		f.Set(bad.change[0], bad.change[1])
		_, err := w.token(f)
		refused(t, err, bad.want, 0)
	}
	w.clock.pass(2 * time.Hour)
	_, err = w.token(form)
	refused(t, err, oauth.InvalidClient, oauth.NumberBadSecret) // the secret has expired
}

func TestThePublishedSiteRedeemsItsCodeOnce(t *testing.T) {
	w := open(t)
	const siteCB = "https://wiki.example/cb"
	code := w.signIn(query("site", siteCB, "openid"))
	if r := w.gate.last(); !slices.Equal(r.Resources, []directory.AppID{"site"}) {
		t.Errorf("the gate was asked about %v", r.Resources)
	}
	r := oauth.Redemption{Tenant: tenant, Client: "site", Code: code, Verifier: verifier, RedirectURI: siteCB}
	wrong := r
	wrong.Verifier = strings.Repeat("x", 43)
	_, _, err := w.idp.RedeemForSite(t.Context(), wrong)
	refused(t, err, oauth.InvalidGrant, oauth.NumberPKCEMismatch)
	session, u, err := w.idp.RedeemForSite(t.Context(), r)
	if err != nil || session == "" || u.ID != ada {
		t.Fatalf("%v %v %v", session, u, err)
	}
	_, _, err = w.idp.RedeemForSite(t.Context(), r)
	refused(t, err, oauth.InvalidGrant, oauth.NumberCodeSpent)
	r.Client = "web"
	if _, _, err = w.idp.RedeemForSite(t.Context(), r); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a client without a site redeems without a secret: %v", err)
	}
}

func TestReplicasAgreeOnKeysAndNonces(t *testing.T) {
	w := open(t)
	other := w.replica()
	out := w.webTokens()
	if _, _, err := other.Authenticate(t.Context(), graphCall(out.AccessToken)); err != nil {
		t.Error(err)
	}
	a, err := w.idp.JWKS(t.Context())
	w.must(err)
	b, err := other.JWKS(t.Context())
	w.must(err)
	na, _ := w.idp.Nonce(t.Context())
	nb, _ := other.Nonce(t.Context())
	if string(a) != string(b) || na != nb {
		t.Error("replicas differ")
	}
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	w.must(json.Unmarshal(a, &set))
	if k := set.Keys[0]; k["kty"] != "EC" || k["alg"] != "ES256" || k["use"] != "sig" || k["kid"] == "" || k["d"] != "" {
		t.Errorf("%v", k)
	}
}

func TestOnlyTheRoomIssuesTokens(t *testing.T) {
	w := open(t)
	for _, typ := range []string{"", "JWT", "at+jwt", "application/at+jwt"} {
		if _, err := w.idp.Sign(t.Context(), typ, map[string]string{}); err == nil {
			t.Errorf("%q is signed for anyone", typ)
		}
	}
	order, err := w.idp.Sign(t.Context(), "postern-wipe-order+jwt", claims(t, w.webTokens().AccessToken))
	w.must(err)
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(order))
	refused(t, err, oauth.InvalidToken, 0)
}

func TestAnUnknownTenantIsRefused(t *testing.T) {
	w := open(t)
	_, err := w.idp.Token(t.Context(), idp.Call{Tenant: "nobody"})
	refused(t, err, oauth.InvalidRequest, oauth.NumberUnknownTenant)
}

func TestEverythingMissingIsNamedAtOnce(t *testing.T) {
	_, err := idp.New(idp.Config{Issuer: "http://plain"})
	for _, what := range []string{"Store", "Keys", "Gate", "Sealer", "Now", "Issuer"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+what) {
			t.Errorf("%s is not named: %v", what, err)
		}
	}
}
