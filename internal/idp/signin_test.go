package idp_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

// RFC 6749 section 3.1.2.4: nothing is redirected to an address that is not the client's.
func TestErrorsGoToTheClientOnlyWhenTheAddressIsItsOwn(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	for name, q := range map[string][]string{
		"unknown client":                         {"client_id", "nobody"},
		"foreign redirect":                       {"redirect_uri", "https://evil.example/cb"},
		"no redirect":                            {"redirect_uri", ""},
		"loopback port of a confidential client": {"redirect_uri", "http://127.0.0.1:1/cb"},
	} {
		if _, err := w.idp.Authorize(t.Context(), b.visit(), query("web", cb, graphScope, q...)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for want, q := range map[string][]string{
		"invalid_request":           {"code_challenge_method", "plain"},
		"invalid_scope":             {"scope", "api://files/read https://graph.microsoft.com/User.Read"},
		"invalid_target":            {"scope", "api://nothing/read"},
		"unsupported_response_type": {"response_type", "token"},
		"login_required":            {"prompt", "none"},
	} {
		st, err := w.idp.Authorize(t.Context(), b.visit(), query("web", cb, graphScope, q...))
		w.must(err)
		p := st.Response.Params
		if st.Kind != idp.Answer || p.Get("error") != want || p.Get("state") != "st" || p.Get("iss") != base+"/"+string(tenant)+"/v2.0" {
			t.Errorf("%s: %v", want, p)
		}
	}
}

func TestASessionSparesThePasswordUnlessTheClientWantsIt(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	if st := b.start(query("web", cb, graphScope, "login_hint", "ada@contoso.example")); st.Kind != idp.AskPassword || st.UserName != "ada@contoso.example" || st.Organization != "Contoso" {
		t.Errorf("%+v", st)
	}
	st := b.password(password)(idp.Answer)
	if p := st.Response.Params; p.Get("code") == "" || p.Get("iss") == "" || b.session == "" {
		t.Errorf("%v", p)
	}
	if _, err := w.idp.Resume(t.Context(), b.visit()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a finished sign-in can be finished again: %v", err)
	}
	for want, q := range map[string][]string{"": nil, "none": {"prompt", "none"}, "age": {"max_age", "60"}} {
		if st := b.start(query("web", cb, graphScope, q...)); st.Kind != idp.Answer || st.Response.Params.Get("code") == "" {
			t.Errorf("%q: step %d %v", want, st.Kind, st.Response.Params)
		}
	}
	w.clock.pass(2 * time.Minute)
	for _, q := range [][]string{{"prompt", "login"}, {"prompt", "select_account"}, {"max_age", "60"}} {
		if st := b.start(query("web", cb, graphScope, q...)); st.Kind != idp.AskPassword {
			t.Errorf("%v: step %d", q, st.Kind)
		}
	}
	b.password(password)(idp.Answer) // of the last one
	w.clock.pass(24 * time.Hour)
	if st := b.start(query("web", cb, graphScope)); st.Kind != idp.AskPassword {
		t.Errorf("a session of yesterday still counts: step %d", st.Kind)
	}
}

func TestASignInBelongsToItsBrowser(t *testing.T) {
	w := open(t)
	attacker, victim := &browser{world: w}, &browser{world: w}
	attacker.start(query("web", cb, graphScope))
	victim.step.Flow = attacker.step.Flow
	if _, err := w.idp.Password(t.Context(), victim.visit(), "ada@contoso.example", password); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another browser continues the flow: %v", err)
	}
	if _, err := w.idp.Resume(t.Context(), idp.Visit{Tenant: tenant, Flow: "guess", Browser: attacker.flow}); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	w.clock.pass(21 * time.Minute)
	if _, err := w.idp.Resume(t.Context(), attacker.visit()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an old flow continues: %v", err)
	}
}

func TestTenFailuresLockForAGrowingTime(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	for i := range 10 {
		if st := b.password("wrong")(idp.AskPassword); !strings.Contains(st.Problem, "locked for a while") {
			t.Fatalf("try %d: %q", i, st.Problem)
		}
	}
	if b.password(password)(idp.AskPassword); b.session != "" {
		t.Fatal("the right password opens a locked account")
	}
	w.clock.pass(61 * time.Second)
	b.password("wrong")(idp.AskPassword) // the eleventh: two minutes
	w.clock.pass(61 * time.Second)
	b.password(password)(idp.AskPassword)
	w.clock.pass(61 * time.Second)
	b.password(password)(idp.Answer)
	c, err := w.store.IDP().Credential(t.Context(), tenant, ada)
	if err != nil || c.Failures != 0 {
		t.Errorf("%d failures after success: %v", c.Failures, err)
	}
	log, err := w.store.Records(t.Context(), tenant, access.RecordQuery{Limit: 100})
	w.must(err)
	locked := slices.DeleteFunc(slices.Clone(log), func(r access.Record) bool { return r.Code != oauth.NumberLocked })
	if len(locked) != 2 || locked[0].UserPrincipalName != "ada@contoso.example" {
		t.Errorf("%d locked tries in the log", len(locked))
	}
}

// Guessing in parallel must not buy more tries than guessing one by one.
func TestParallelGuessesCountOneByOne(t *testing.T) {
	w := open(t)
	var wait sync.WaitGroup
	for range 4 {
		b := &browser{world: w}
		b.start(query("web", cb, graphScope))
		for range 4 {
			wait.Go(func() { _, _ = w.idp.Password(t.Context(), b.visit(), "ada@contoso.example", "wrong") })
		}
	}
	wait.Wait()
	c, err := w.store.IDP().Credential(t.Context(), tenant, ada)
	w.must(err)
	if c.Failures == 0 || c.Failures > 10 {
		t.Errorf("%d tries were judged", c.Failures)
	}
}

func TestAnUnknownUserLooksLikeAWrongPassword(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	known := b.password("wrong")(idp.AskPassword).Problem
	st, err := w.idp.Password(t.Context(), b.visit(), "hunter2hunter2", "wrong")
	if b.got(st, err)(idp.AskPassword); st.Problem != known {
		t.Errorf("%q differs from %q", st.Problem, known)
	}
	log, err := w.store.Records(t.Context(), tenant, access.RecordQuery{Limit: 10})
	w.must(err)
	if text := fmt.Sprint(log); len(log) != 2 || strings.Contains(text, "hunter2") {
		t.Errorf("the log holds what an unknown user typed: %s", text)
	}
}

func TestADisabledUserLearnsItOnlyWithThePassword(t *testing.T) {
	w := open(t)
	w.change(func(u *directory.User) { u.Enabled = false })
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password("wrong")(idp.AskPassword)
	_, err := w.idp.Password(t.Context(), b.visit(), "ada@contoso.example", password)
	refused(t, err, oauth.AccessDenied, oauth.NumberUserDisabled)
}

func TestAFirstPasswordMustBeChangedWell(t *testing.T) {
	w := open(t)
	old := &browser{world: w}
	old.start(query("web", cb, graphScope))
	old.password(password)(idp.Answer)
	c, err := w.store.IDP().Credential(t.Context(), tenant, ada)
	w.must(err)
	c.MustChange = true
	w.must(w.store.IDP().SaveCredential(t.Context(), c))

	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	if st := b.password(password)(idp.AskNewPassword); len(st.Rules) == 0 {
		t.Error("no rules are told")
	}
	for _, bad := range []string{"", "short", password, "my name is ADA and so", strings.Repeat("long", 100), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		st, err := w.idp.NewPassword(t.Context(), b.visit(), bad)
		if b.got(st, err)(idp.AskNewPassword); st.Problem == "" {
			t.Errorf("%.20q is taken without a word", bad)
		}
	}
	before := b.session
	st, err := w.idp.NewPassword(t.Context(), b.visit(), "quite another thing")
	if b.got(st, err)(idp.Answer); b.session == before {
		t.Error("the session stayed the same")
	}
	if st := old.start(query("web", cb, graphScope)); st.Kind != idp.AskPassword {
		t.Error("another session outlived the password")
	}
	c, _ = w.store.IDP().Credential(t.Context(), tenant, ada)
	if c.MustChange {
		t.Error("the password must be changed again")
	}
}

func TestAnOldSessionMustNotChangeThePassword(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.Answer)
	c, err := w.store.IDP().Credential(t.Context(), tenant, ada)
	w.must(err)
	c.MustChange = true
	w.must(w.store.IDP().SaveCredential(t.Context(), c))
	w.clock.pass(11 * time.Minute)
	if st := b.start(query("web", cb, graphScope)); st.Kind != idp.AskPassword {
		t.Errorf("step %d", st.Kind)
	}
	if st := b.start(query("web", cb, graphScope, "prompt", "none")); st.Response.Params.Get("error") == "" {
		t.Errorf("%v", st.Response.Params)
	}
}

// totp is RFC 6238 written a second time.
func totp(t *testing.T, text string, at time.Time) string {
	t.Helper()
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, seed)
	_ = binary.Write(m, binary.BigEndian, at.Unix()/30)
	sum := m.Sum(nil)
	o := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[o:])&0x7fffffff)%1000000)
}

// wantMFA makes the gate challenge until the session has shown a second factor.
func (w *world) wantMFA() {
	w.gate.rule = func(r access.Request) (access.Ruling, error) {
		n, err := w.store.IDP().Session(w.Context(), tenant, r.Session)
		if err == nil && !n.MFAAt.IsZero() {
			return ruling(r, access.Granted, 0), nil
		}
		return ruling(r, access.Challenge, 50076, access.MFA), nil
	}
}

func TestASecondFactorIsSetUpOnceAndEachCodeWorksOnce(t *testing.T) {
	w := open(t)
	w.wantMFA()
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	st := b.password(password)(idp.RegisterFactor)
	if !strings.HasPrefix(st.Factor.URI, "otpauth://totp/Contoso:ada@contoso.example?secret="+st.Factor.Secret+"&issuer=Contoso") &&
		!strings.HasPrefix(st.Factor.URI, "otpauth://totp/Contoso%3Aada@contoso.example?secret="+st.Factor.Secret+"&issuer=Contoso") {
		t.Errorf("%s", st.Factor.URI)
	}
	again, err := w.idp.RegisterFactor(t.Context(), b.visit(), "000000")
	if b.got(again, err)(idp.RegisterFactor); again.Problem == "" || again.Factor.Secret != st.Factor.Secret {
		t.Errorf("the offered seed changed: %+v", again.Factor)
	}
	code := totp(t, st.Factor.Secret, w.clock.now())
	b.got(w.idp.RegisterFactor(t.Context(), b.visit(), code[:3]+" "+code[3:]))(idp.Answer)

	next := &browser{world: w}
	next.start(query("web", cb, graphScope))
	next.password(password)(idp.AskCode)
	if _, err := w.idp.RegisterFactor(t.Context(), next.visit(), code); err != nil { // a second one is not set up by asking for it
		t.Fatal(err)
	}
	next.got(w.idp.SecondFactor(t.Context(), next.visit(), code))(idp.AskCode)
	if next.step.Problem == "" {
		t.Error("a code works twice")
	}
	w.clock.pass(30 * time.Second)
	early := totp(t, st.Factor.Secret, w.clock.now().Add(30*time.Second))
	next.got(w.idp.SecondFactor(t.Context(), next.visit(), early))(idp.Answer)
	third := &browser{world: w}
	third.start(query("web", cb, graphScope))
	third.password(password)(idp.AskCode)
	third.got(w.idp.SecondFactor(t.Context(), third.visit(), totp(t, st.Factor.Secret, w.clock.now())))(idp.AskCode) // older than the last used
	w.clock.pass(90 * time.Second)
	third.got(w.idp.SecondFactor(t.Context(), third.visit(), totp(t, st.Factor.Secret, w.clock.now().Add(-30*time.Second))))(idp.Answer)
	n, err := w.store.IDP().SessionByCookie(t.Context(), tenant, oauth.SHA256(third.session))
	if err != nil || !slices.Equal(n.Methods, []string{"pwd", "otp"}) || !n.MFAAt.Equal(w.clock.now()) {
		t.Errorf("%+v %v", n, err)
	}
}

// The right password must not clear what was counted against guessing codes.
func TestAStolenPasswordBuysTenGuessesAtTheCode(t *testing.T) {
	w := open(t)
	w.wantMFA()
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	secret := b.password(password)(idp.RegisterFactor).Factor.Secret
	b.got(w.idp.RegisterFactor(t.Context(), b.visit(), totp(t, secret, w.clock.now())))(idp.Answer)
	w.clock.pass(time.Minute)
	for range 2 {
		thief := &browser{world: w}
		thief.start(query("web", cb, graphScope))
		thief.password(password)(idp.AskCode)
		for range 5 {
			thief.got(w.idp.SecondFactor(t.Context(), thief.visit(), "000000"))(idp.AskCode)
		}
		b = thief
	}
	b.got(w.idp.SecondFactor(t.Context(), b.visit(), totp(t, secret, w.clock.now())))(idp.AskCode)
	w.clock.pass(time.Hour)
	b.start(query("web", cb, graphScope))
	b.got(w.idp.SecondFactor(t.Context(), b.visit(), totp(t, secret, w.clock.now())))(idp.Answer)
}

func TestASecondFactorIsSetUpOnlyJustAfterThePassword(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.Answer)
	w.wantMFA()
	if st := b.start(query("web", cb, graphScope, "prompt", "none")); st.Response.Params.Get("error") != "interaction_required" || st.Response.Params.Get("suberror") != "basic_action" {
		t.Errorf("%v", st.Response.Params)
	}
	b.start(query("web", cb, graphScope))
	if b.step.Kind != idp.RegisterFactor {
		t.Fatalf("step %d", b.step.Kind)
	}
	secret := b.step.Factor.Secret
	w.clock.pass(11 * time.Minute)
	b.got(w.idp.RegisterFactor(t.Context(), b.visit(), totp(t, secret, w.clock.now())))(idp.AskPassword)
	b.password(password)(idp.RegisterFactor)
	if b.step.Factor.Secret == secret {
		t.Error("a seed that was shown to whoever sat there is offered again")
	}
}

func TestARefusalShowsWhatIsMissingAndLooksAgain(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	w.gate.rule = func(r access.Request) (access.Ruling, error) {
		g := ruling(r, access.Denied, 53009)
		g.Remedies = []access.Remedy{{Code: "x", Title: "Enrol"}}
		return g, nil
	}
	b.start(query("web", cb, graphScope))
	st := b.password(password)(idp.Denied)
	if st.Ruling.Decision.Code != 53009 || len(st.Ruling.Remedies) != 1 || st.Nonce == "" || st.UserName != "ada@contoso.example" {
		t.Errorf("%+v", st)
	}
	if none := b.start(query("web", cb, graphScope, "prompt", "none")).Response.Params; none.Get("error") != "interaction_required" || none.Get("suberror") != "protection_policy_required" {
		t.Errorf("%v", none)
	}
	b.step = st
	again, err := w.idp.Resume(t.Context(), b.visit())
	if b.got(again, err)(idp.Denied); again.Nonce == st.Nonce {
		t.Error("the nonce stayed the same")
	}
	w.gate.rule = nil
	b.got(w.idp.Resume(t.Context(), b.visit()))(idp.Answer)
	w.gate.rule = func(access.Request) (access.Ruling, error) { return access.Ruling{}, errors.New("outage") }
	if st, err := w.idp.Authorize(t.Context(), b.visit(), query("web", cb, graphScope)); err == nil {
		t.Errorf("an outage leads to step %d", st.Kind)
	}
}

// A device that enrols gets a session of its own, decided on as such.
func TestADevicesSessionOutlivesTheBrowsers(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	out := w.enrolTokens(d)
	w.clock.pass(30 * 24 * time.Hour)
	out, err := w.token(refreshForm(agent, out.RefreshToken), d.proof("POST", tokenURL))
	w.must(err)
	if r := w.gate.last(); r.ClientAppType != access.MobileAndDesktop || !slices.Equal(r.Resources, []directory.AppID{directory.EnrollmentAPI}) {
		t.Errorf("the gate was asked %+v", r)
	}
	w.clock.pass(61 * 24 * time.Hour)
	_, err = w.token(refreshForm(agent, out.RefreshToken), d.proof("POST", tokenURL))
	refused(t, err, oauth.InvalidGrant, 0)
	web := w.webTokens()
	w.clock.pass(25 * time.Hour)
	_, err = w.token(refreshForm("web", web.RefreshToken, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, 0)
}

func TestSigningOutEndsAllThatHangsOnTheSession(t *testing.T) {
	w := open(t)
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	code := b.password(password)(idp.Answer).Response.Params.Get("code")
	out, err := w.token(codeForm("web", cb, code, "client_secret", webSecret))
	w.must(err)
	if n, u, err := w.idp.SignedIn(t.Context(), tenant, b.session); err != nil || u.ID != ada || n == "" {
		t.Errorf("%v %v", u, err)
	}
	w.must(w.idp.Logout(t.Context(), tenant, b.session))
	w.must(w.idp.Logout(t.Context(), tenant, b.session))
	w.must(w.idp.Logout(t.Context(), tenant, ""))
	if _, _, err := w.idp.SignedIn(t.Context(), tenant, b.session); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	_, err = w.token(refreshForm("web", out.RefreshToken, "client_secret", webSecret))
	e := refused(t, err, oauth.InvalidGrant, oauth.NumberSessionRevoked)
	if e.Suberror != oauth.BadToken || e.Claims == "" {
		t.Errorf("%+v", e)
	}
	if st := b.start(query("web", cb, graphScope)); st.Kind != idp.AskPassword {
		t.Errorf("step %d", st.Kind)
	}
}

func TestAUserWhoIsDisabledOrGoneLosesEverySession(t *testing.T) {
	w := open(t)
	first, second := w.webTokens(), w.webTokens()
	happened := event.UserChanged{Tenant: tenant, User: ada, At: w.clock.now()}
	w.must(w.idp.OnEvent(t.Context(), happened))
	if _, _, err := w.idp.Authenticate(t.Context(), graphCall(first.AccessToken)); err != nil {
		t.Fatalf("a change of name ends sessions: %v", err)
	}
	w.must(w.idp.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant}))
	w.change(func(u *directory.User) { u.Enabled = false })
	w.must(w.idp.OnEvent(t.Context(), happened))
	w.must(w.idp.OnEvent(t.Context(), happened))
	w.change(func(u *directory.User) { u.Enabled = true })
	_, _, err := w.idp.Authenticate(t.Context(), graphCall(second.AccessToken))
	refused(t, err, oauth.InvalidToken, 0)
	third := w.webTokens()
	w.must(w.store.Admin().Users().Delete(t.Context(), tenant, string(ada)))
	w.must(w.idp.OnEvent(t.Context(), happened))
	_, _, err = w.idp.Authenticate(t.Context(), graphCall(third.AccessToken))
	refused(t, err, oauth.InvalidToken, 0)
}
