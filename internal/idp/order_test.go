package idp_test

import (
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

// Of an account at risk the password may be known to a thief: he must not be able
// to choose the next one.
func TestAPasswordIsNotChangedAheadOfTheSecondFactor(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) {
		p.Conditions.UserRisk = []access.Risk{access.RiskHigh}
		p.Grant.Controls = []access.Control{access.MFA, access.PasswordChange}
	})
	w.demand("q", func(p *access.Policy) { p.Grant.Controls = []access.Control{access.MFA} })
	owner := &browser{world: w}
	owner.start(query("web", cb, graphScope))
	secret := owner.password(password)(idp.RegisterFactor).Factor.Secret
	owner.got(w.idp.RegisterFactor(t.Context(), owner.visit(), totp(t, secret, w.clock.now())))(idp.Answer)
	w.change(func(u *directory.User) { u.AtRisk = "high" })

	thief := &browser{world: w}
	thief.start(query("web", cb, graphScope))
	thief.password(password)(idp.AskCode)
	thief.got(w.idp.NewPassword(t.Context(), thief.visit(), "the thief's pass phrase"))(idp.AskCode)
	if n := w.session(owner); !n.RevokedAt.IsZero() {
		t.Error("the owner's session was ended")
	}
	again := &browser{world: w}
	again.start(query("web", cb, graphScope))
	again.password(password)(idp.AskCode) // the password is what it was
}

// Nobody is asked for a new password where nothing would let them in.
func TestAPasswordIsNotChangedWhereAccessIsDeniedAnyway(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) {
		p.Conditions.UserRisk = []access.Risk{access.RiskHigh}
		p.Grant.Controls = []access.Control{access.MFA, access.PasswordChange}
	})
	w.demand("q", func(p *access.Policy) { p.Grant.Controls = []access.Control{access.CompliantDevice} })
	w.change(func(u *directory.User) { u.AtRisk = "high" })
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.Denied)
	b.got(w.idp.NewPassword(t.Context(), b.visit(), "the thief's pass phrase"))(idp.Denied)
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.Denied)
}

// What allowed to set up a second factor must still hold when it is set up.
func TestASecondFactorIsRegisteredOnlyWherePoliciesStillAllowIt(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) { p.Grant.Controls = []access.Control{access.MFA} })
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	secret := b.password(password)(idp.RegisterFactor).Factor.Secret
	w.demand("q", func(p *access.Policy) {
		p.Conditions.Apps = access.Apps{Actions: []access.UserAction{access.RegisterSecurityInfo}}
		p.Grant.Controls = []access.Control{access.Block}
	})
	b.got(w.idp.RegisterFactor(t.Context(), b.visit(), totp(t, secret, w.clock.now())))(idp.Denied)
	c, err := w.store.IDP().Credential(t.Context(), tenant, ada)
	if err != nil || c.TOTPSealed != nil {
		t.Errorf("registered all the same, or %v", err)
	}
}

// How a sign-in was once handed over sticks to the session of the device that it
// enrols, too.
func TestADeviceSessionRemembersHowItsSignInBegan(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.Answer)
	n := w.session(b)
	n.Transfer, n.PasswordAt = "deviceCodeFlow", w.clock.now().Add(time.Second)
	_, err := w.store.IDP().SaveSession(t.Context(), n)
	w.must(err)
	d := newDevice(w)
	st := b.start(query(string(directory.AgentClient), loop, enrollScope, "dpop_jkt", d.jkt()))
	code, err := w.store.IDP().Code(t.Context(), tenant, oauth.SHA256(st.Response.Params.Get("code")))
	w.must(err)
	own, err := w.store.IDP().Session(t.Context(), tenant, code.Session)
	w.must(err)
	if own.ID == n.ID || own.Transfer != n.Transfer || !own.PasswordAt.Equal(n.PasswordAt) {
		t.Errorf("%+v", own)
	}
}

// A password alone accepts nothing in the name of somebody with a second factor.
func TestTermsAreNotAcceptedAheadOfTheSecondFactor(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) { p.Grant.Controls = []access.Control{access.MFA} })
	_, err := w.store.Admin().Agreements().Save(t.Context(), terms(func(*agreement.Agreement) {}))
	w.must(err)
	owner := &browser{world: w}
	owner.start(query("web", cb, graphScope))
	secret := owner.password(password)(idp.RegisterFactor).Factor.Secret
	owner.got(w.idp.RegisterFactor(t.Context(), owner.visit(), totp(t, secret, w.clock.now())))(idp.Answer)
	w.demand("q", func(p *access.Policy) { p.Grant.Terms = []agreement.ID{"house"} })

	thief := &browser{world: w}
	thief.start(query("web", cb, graphScope))
	thief.password(password)(idp.AskCode)
	thief.got(w.idp.Accept(t.Context(), thief.visit(), []string{"house.1"}))(idp.AskCode)
	owner.start(query("web", cb, graphScope))
	if owner.step.Kind != idp.AskTerms {
		t.Errorf("step %d: somebody else accepted", owner.step.Kind)
	}
}

// What one person opened counts for nobody else who signs in on the same page.
func TestWhatAnotherPersonOpenedWasNotSeen(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) { p.Grant.Terms = []agreement.ID{"house"} })
	_, err := w.store.Admin().Agreements().Save(t.Context(), terms(func(g *agreement.Agreement) { g.MustView = true }))
	w.must(err)
	hash, err := w.idp.HashPassword(t.Context(), password)
	w.must(err)
	bob, err := w.store.Admin().Users().Save(t.Context(), directory.User{
		ID: "bob", Tenant: tenant, UserPrincipalName: "bob@contoso.example", DisplayName: "Bob", Enabled: true, CreatedAt: w.clock.now(),
	})
	w.must(err)
	w.must(w.store.IDP().SaveCredential(t.Context(), idp.Credential{Tenant: tenant, User: bob.ID, PasswordHash: hash}))
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.AskTerms)
	if st := b.got(w.idp.View(t.Context(), b.visit(), "house.1"))(idp.AskTerms); len(st.Viewed) != 1 {
		t.Fatalf("viewed %v", st.Viewed)
	}
	if st := b.got(w.idp.Password(t.Context(), b.visit(), "bob@contoso.example", password))(idp.AskTerms); len(st.Viewed) != 0 {
		t.Errorf("viewed %v", st.Viewed)
	}
	b.got(w.idp.Accept(t.Context(), b.visit(), []string{"house.1"}))(idp.AskTerms)
}

// Of an account at risk without a second factor the password alone gives nothing:
// no second factor, no new password, no end of the risk.
func TestAThiefDoesNotBecomeTheOwnerOfAnAccountAtRisk(t *testing.T) {
	w := underPolicy(t, func(p *access.Policy) {
		p.Conditions.UserRisk = []access.Risk{access.RiskHigh}
		p.Grant.Controls = []access.Control{access.MFA, access.PasswordChange}
	})
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	w.change(func(u *directory.User) { u.AtRisk = "high" })
	st := b.password(password)(idp.Denied)
	if len(st.Ruling.Remedies) != 1 || st.Ruling.Remedies[0].Code != "atRiskWithoutSecondFactor" {
		t.Errorf("%+v", st.Ruling.Remedies)
	}
	facing, err := w.idp.Facing(t.Context(), b.visit())
	if err != nil || len(facing.Remedies) != 1 || facing.Remedies[0].Code != st.Ruling.Remedies[0].Code {
		t.Errorf("the page would look for another state: %+v %v", facing.Remedies, err)
	}
	b.got(w.idp.RegisterFactor(t.Context(), b.visit(), "123456"))(idp.Denied)
	b.got(w.idp.NewPassword(t.Context(), b.visit(), "the thief's pass phrase"))(idp.Denied)
	w.change(func(u *directory.User) { u.AtRisk = "" })
	b.got(w.idp.Resume(t.Context(), b.visit()))(idp.Answer)
}
