package idp_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	gates "github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

// underPolicy is a world whose real gate decides by one policy for everybody and
// every app, as change makes it.
func underPolicy(t *testing.T, change func(*access.Policy)) *world {
	t.Helper()
	w := open(t)
	w.demand("p", change)
	real, err := gates.New(gates.Options{Store: w.store.Gate(), Now: w.clock.now})
	w.must(err)
	w.idp, err = idp.New(idp.Config{Store: w.store.IDP(), Keys: w.store.Keys(), Gate: real, Sealer: box{}, Issuer: base, Now: w.clock.now})
	w.must(err)
	return w
}

func (w *world) demand(id access.PolicyID, change func(*access.Policy)) {
	w.Helper()
	p := access.Policy{
		ID: id, Tenant: tenant, DisplayName: "Policy " + string(id), State: access.Enabled, CreatedAt: w.clock.now(),
		Conditions: access.Conditions{
			Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.AllClientApps},
		},
	}
	change(&p)
	w.must(access.Validate(p))
	_, err := w.store.Admin().AccessPolicies().Save(w.Context(), p)
	w.must(err)
}

func (w *world) session(b *browser) idp.Session {
	w.Helper()
	n, err := w.store.IDP().SessionByCookie(w.Context(), tenant, oauth.SHA256(b.session))
	w.must(err)
	return n
}

func terms(change func(*agreement.Agreement)) agreement.Agreement {
	g := agreement.Agreement{
		ID: "house", Tenant: tenant, DisplayName: "House rules", Version: 1,
		Texts: []agreement.Text{{ID: "1", Language: "en", Name: "rules.txt", Default: true, Body: "Wipe your feet."}},
	}
	change(&g)
	return g
}

func TestTermsOfUseAreAcceptedOnce(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) { p.Grant.Terms = []agreement.ID{"house"} })
	_, err := w.store.Admin().Agreements().Save(t.Context(), terms(func(g *agreement.Agreement) { g.MustView = true }))
	w.must(err)
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	st := b.password(password)(idp.AskTerms)
	if len(st.Terms) != 1 || st.Terms[0].DisplayName != "House rules" {
		t.Fatalf("%+v", st.Terms)
	}
	key := idp.TermsKey(st.Terms[0])
	b.got(w.idp.Accept(t.Context(), b.visit(), []string{key}))(idp.AskTerms) // unread
	if b.step.Problem == "" {
		t.Error("nothing says why")
	}
	b.got(w.idp.View(t.Context(), b.visit(), "another.1"))(idp.AskTerms)
	b.got(w.idp.View(t.Context(), b.visit(), key))(idp.AskTerms)
	if !slices.Equal(b.step.Viewed, []string{key}) {
		t.Errorf("viewed %v", b.step.Viewed)
	}
	b.got(w.idp.Accept(t.Context(), b.visit(), []string{"house.2"}))(idp.AskTerms) // not what was shown
	b.got(w.idp.Accept(t.Context(), b.visit(), nil))(idp.AskTerms)
	b.got(w.idp.Decline(t.Context(), b.visit()))(idp.Denied)
	b.got(w.idp.Resume(t.Context(), b.visit()))(idp.AskTerms)
	b.got(w.idp.Accept(t.Context(), b.visit(), []string{key}))(idp.Answer)
	if st := b.start(query("web", cb, graphScope)); st.Kind != idp.Answer {
		t.Errorf("asked again: %d", st.Kind)
	}
	next, err := w.store.Admin().Agreements().Get(t.Context(), tenant, "house")
	w.must(err)
	next.Version, next.MustView = 2, false
	_, err = w.store.Admin().Agreements().Save(t.Context(), next)
	w.must(err)
	if st := b.start(query("web", cb, graphScope)); st.Kind != idp.AskTerms {
		t.Errorf("a new text is not shown: %d", st.Kind)
	}
	b.got(w.idp.Accept(t.Context(), b.visit(), []string{key}))(idp.AskTerms) // the old one
	if st := b.start(query("web", cb, graphScope, "prompt", "none")); st.Response.Params.Get("error") != "interaction_required" {
		t.Errorf("%v", st.Response.Params)
	}
}

// A sign-in that is too old is renewed in place: what the device proved stays.
func TestAnOldSignInIsRenewed(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) {
		p.Session = &access.SessionControls{Frequency: &access.Frequency{After: time.Hour}}
	})
	b := &browser{world: w}
	b.start(query("web", cb, graphScope+" offline_access"))
	code := b.password(password)(idp.Answer).Response.Params.Get("code")
	tokens, err := w.token(codeForm("web", cb, code, "client_secret", webSecret))
	w.must(err)
	first := w.session(b)
	w.clock.pass(59 * time.Minute)
	tokens, err = w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret))
	w.must(err)
	w.clock.pass(2 * time.Minute)
	_, err = w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret))
	refused(t, err, oauth.InteractionRequired, access.CodeSignInFrequency)
	st := b.start(query("web", cb, graphScope))
	if st.Kind != idp.AskPassword || st.Problem == "" {
		t.Fatalf("step %d %q", st.Kind, st.Problem)
	}
	b.password("wrong")(idp.AskPassword)
	b.password(password)(idp.Answer)
	if n := w.session(b); n.ID != first.ID || !n.AuthAt.Equal(w.clock.now()) {
		t.Errorf("%+v", n)
	}
	if _, err = w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret)); err != nil {
		t.Errorf("the grant hangs on the renewed session: %v", err)
	}
}

func TestSomebodyElseDoesNotRenewASession(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) {
		p.Session = &access.SessionControls{Frequency: &access.Frequency{After: time.Hour}}
	})
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.Answer)
	first := w.session(b)
	hash, err := w.idp.HashPassword(t.Context(), password)
	w.must(err)
	bob, err := w.store.Admin().Users().Save(t.Context(), directory.User{
		ID: "bob", Tenant: tenant, UserPrincipalName: "bob@contoso.example", DisplayName: "Bob", Enabled: true, CreatedAt: w.clock.now(),
	})
	w.must(err)
	w.must(w.store.IDP().SaveCredential(t.Context(), idp.Credential{Tenant: tenant, User: bob.ID, PasswordHash: hash}))
	w.clock.pass(2 * time.Hour)
	b.start(query("web", cb, graphScope))
	b.got(w.idp.Password(t.Context(), b.visit(), "bob@contoso.example", password))(idp.Answer)
	if n := w.session(b); n.ID == first.ID || n.User != "bob" {
		t.Errorf("%+v", n)
	}
}

// Whoever changed the password and has the second factor is no risk any more.
func TestANewPasswordEndsTheRisk(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) {
		p.Conditions.UserRisk = []access.Risk{access.RiskHigh}
		p.Grant.Controls = []access.Control{access.MFA, access.PasswordChange}
	})
	w.demand("q", func(p *access.Policy) { p.Grant.Controls = []access.Control{access.MFA} })
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	secret := b.password(password)(idp.RegisterFactor).Factor.Secret
	b.got(w.idp.RegisterFactor(t.Context(), b.visit(), totp(t, secret, w.clock.now())))(idp.Answer)
	tokens, err := w.token(codeForm("web", cb, b.step.Response.Params.Get("code"), "client_secret", webSecret))
	w.must(err)
	if st, err := w.idp.NewPassword(t.Context(), b.visit(), "a brand new pass phrase"); err == nil && st.Kind != idp.Answer {
		t.Errorf("nobody wants a new password, and step %d follows", st.Kind)
	}
	w.change(func(u *directory.User) { u.AtRisk = "high" })
	_, err = w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret))
	refused(t, err, oauth.InteractionRequired, access.CodePasswordChange)
	w.clock.pass(time.Minute)
	if st := b.start(query("web", cb, graphScope)); st.Kind != idp.AskNewPassword || st.Problem == "" {
		t.Fatalf("step %d %q", st.Kind, st.Problem)
	}
	b.got(w.idp.NewPassword(t.Context(), b.visit(), password))(idp.AskNewPassword) // the old one
	b.got(w.idp.NewPassword(t.Context(), b.visit(), "a brand new pass phrase"))(idp.Answer)
	u, err := w.store.IDP().User(t.Context(), tenant, ada)
	if err != nil || u.AtRisk != "" {
		t.Errorf("at risk %q, %v", u.AtRisk, err)
	}
	if n := w.session(b); n.MFAAt.IsZero() || n.PasswordAt.IsZero() {
		t.Errorf("%+v", n)
	}
}

func TestAContextIsMetOrRefused(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) {
		p.Conditions.Apps = access.Apps{Contexts: []access.ContextID{"c1"}}
		p.Grant.Controls = []access.Control{access.CompliantDevice}
	})
	ask := func(context string) url.Values {
		return query("web", cb, graphScope, "claims", `{"access_token":{"acrs":{"essential":true,"value":"`+context+`"}}}`)
	}
	b := &browser{world: w}
	b.start(ask("c1"))
	b.password(password)(idp.Denied)
	b.start(ask("c2"))
	tokens, err := w.token(codeForm("web", cb, b.step.Response.Params.Get("code"), "client_secret", webSecret))
	w.must(err)
	if got := claims(t, tokens.AccessToken)["acrs"]; !slices.Equal(got.([]any), []any{"c2"}) {
		t.Errorf("acrs %v", got)
	}
	again, err := w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret))
	w.must(err)
	if got, ok := claims(t, again.AccessToken)["acrs"]; ok {
		t.Errorf("nobody asked, and acrs is %v", got)
	}
	_, err = w.token(refreshForm("web", again.RefreshToken, "client_secret", webSecret, "claims", `{"access_token":{"acrs":{"value":"c1"}}}`))
	refused(t, err, oauth.InvalidGrant, access.CodeDeviceNotCompliant)
}

func TestASecondFactorIsRegisteredWherePoliciesAllowIt(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) { p.Grant.Controls = []access.Control{access.MFA} })
	w.demand("q", func(p *access.Policy) {
		p.Conditions.Apps = access.Apps{Actions: []access.UserAction{access.RegisterSecurityInfo}}
		p.Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true}
		p.Grant.Controls = []access.Control{access.Block}
	})
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	if st := b.password(password)(idp.Denied); st.Ruling.Decision.Code != access.CodeBlocked {
		t.Errorf("%+v", st.Ruling.Decision)
	}
}

func TestABrowserForgetsWhereAPolicySaysSo(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) { p.Session = &access.SessionControls{Persistent: access.PersistNever} })
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	if st := b.password(password)(idp.Answer); st.SetSession == "" || !st.SessionExpiresAt.IsZero() {
		t.Errorf("%q until %s", st.SetSession, st.SessionExpiresAt)
	}
	if st := b.start(query("web", cb, graphScope)); st.Kind != idp.Answer || st.SetSession != b.session || !st.SessionExpiresAt.IsZero() {
		t.Errorf("%d %q until %s", st.Kind, st.SetSession, st.SessionExpiresAt)
	}
}

func TestTokensThatAreBoundArePermittedWhereOthersAreNot(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) { p.Session = &access.SessionControls{TokenProtection: access.On} })
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	if st := b.password(password)(idp.Denied); st.Ruling.Decision.Code != access.CodeTokenNotBound {
		t.Errorf("%+v", st.Ruling.Decision)
	}
	d := newDevice(w)
	code := w.signIn(query(string(directory.AgentClient), loop, graphScope, "dpop_jkt", d.jkt()))
	if _, err := w.token(codeForm(string(directory.AgentClient), loop, code), d.proof("POST", tokenURL)); err != nil {
		t.Errorf("%v", err)
	}
}

// A policy edit is obeyed where a token is shown, not only where one is issued.
func TestATokenEndsWithWhatPermittedIt(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) {
		p.Grant.Controls, p.State = []access.Control{access.Block}, access.ReportOnly
	})
	tokens := w.webTokens("claims", `{"access_token":{"xms_cc":{"values":["cp1"]}}}`)
	plain := w.webTokens()
	if _, _, err := w.idp.Authenticate(t.Context(), graphCall(tokens.AccessToken)); err != nil {
		t.Fatal(err)
	}
	p, err := w.store.Admin().AccessPolicies().Get(t.Context(), tenant, "p")
	w.must(err)
	p.State = access.Enabled
	_, err = w.store.Admin().AccessPolicies().Save(t.Context(), p)
	w.must(err)
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(tokens.AccessToken))
	if e := refused(t, err, oauth.InsufficientClaims, 0); e.Claims == "" {
		t.Error("no claims challenge")
	}
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(plain.AccessToken))
	refused(t, err, oauth.InvalidToken, 0)
}

// An app that acts for itself is blocked by a policy for workloads, and not only
// when it asks for its next token.
func TestATokenOfAnAppEndsWithWhatPermittedIt(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) { p.Grant.Controls, p.State = []access.Control{access.Block}, access.Disabled })
	tokens, err := w.token(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"daemon"}, "client_secret": {"old"}, "scope": {base + "/.default"},
	})
	w.must(err)
	if _, _, err := w.idp.Authenticate(t.Context(), graphCall(tokens.AccessToken)); err != nil {
		t.Fatal(err)
	}
	w.demand("q", func(p *access.Policy) {
		p.Conditions.Users, p.Conditions.Workloads = access.Users{None: true}, &access.Workloads{All: true}
		p.Grant.Controls = []access.Control{access.Block}
	})
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(tokens.AccessToken))
	refused(t, err, oauth.InvalidToken, 0)
}
