package idp_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

// television is a device without a browser.
type television struct {
	*world
	oauth.DeviceAuthorization
}

// allowed is a world where device codes are allowed and policies demand nothing.
func allowed(t *testing.T, change func(*access.Policy)) *world {
	w := underPolicy(t, change)
	v, err := w.store.Admin().Tenants().Get(t.Context(), tenant, string(tenant))
	w.must(err)
	v.Settings.AllowDeviceCode = true
	_, err = w.store.Admin().Tenants().Save(t.Context(), v)
	w.must(err)
	return w
}

func nothing(p *access.Policy) {
	p.Grant.Controls, p.State = []access.Control{access.Block}, access.ReportOnly
}

func (w *world) begin(more ...string) (television, error) {
	form := url.Values{"client_id": {"web"}, "client_secret": {webSecret}, "scope": {graphScope}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	d, err := w.idp.BeginDevice(w.Context(), idp.Call{Tenant: tenant, Form: form})
	return television{w, d}, err
}

func (v television) poll(more ...string) (oauth.Tokens, error) {
	form := url.Values{"grant_type": {string(oauth.DeviceGrant)}, "client_id": {"web"}, "client_secret": {webSecret}, "device_code": {v.DeviceCode}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return v.token(form)
}

// person signs in and is asked whether the device is theirs.
func (v television) person() *browser {
	v.Helper()
	b := &browser{world: v.world}
	b.got(v.idp.TypeUserCode(v.Context(), b.visit(), strings.ToLower(v.UserCode)))(idp.AskPassword)
	b.password(password)(idp.AskDevice)
	return b
}

func TestADeviceIsSignedInByItsCode(t *testing.T) {
	w := allowed(t, nothing)
	tv, err := w.begin()
	w.must(err)
	if !strings.Contains(tv.Message, tv.UserCode) || tv.ExpiresIn != 900 || tv.Interval != 5 || !strings.HasSuffix(tv.Complete, "user_code="+tv.UserCode) {
		t.Errorf("%s: expires in %d, every %d", tv.Message, tv.ExpiresIn, tv.Interval)
	}
	_, err = tv.poll()
	refused(t, err, oauth.AuthorizationPending, oauth.NumberPending)
	_, err = tv.poll()
	if e := refused(t, err, oauth.SlowDown, oauth.NumberPending); !strings.Contains(e.Description, "10 seconds") {
		t.Error(e.Description)
	}
	b := tv.person()
	if b.step.Client == "" || b.step.UserName == "" {
		t.Errorf("%+v", b.step)
	}
	w.clock.pass(20 * time.Second)
	_, err = tv.poll() // nobody has answered
	refused(t, err, oauth.AuthorizationPending, oauth.NumberPending)
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.DeviceDone)
	tokens, err := tv.poll()
	w.must(err)
	if tokens.AccessToken == "" || tokens.RefreshToken == "" {
		t.Fatal("no tokens")
	}
	sid, _ := claims(t, tokens.AccessToken)["sid"].(string)
	n, err := w.store.IDP().Session(t.Context(), tenant, directory.SessionID(sid))
	w.must(err)
	if n.Transfer != string(access.DeviceCodeFlow) || n.ID == w.session(b).ID || n.Registration != "" {
		t.Errorf("%+v", n)
	}
	w.must(w.idp.Logout(t.Context(), tenant, b.session)) // the browser's end is not the device's
	_, err = w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret))
	w.must(err)
	_, err = tv.poll() // twice: what it gave is revoked
	refused(t, err, oauth.InvalidGrant, oauth.NumberCodeSpent)
}

func TestWhoDeclinesGivesNothing(t *testing.T) {
	w := allowed(t, nothing)
	tv, err := w.begin()
	w.must(err)
	b := tv.person()
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), false))(idp.DeviceDone)
	_, err = tv.poll()
	refused(t, err, oauth.AccessDenied, oauth.NumberDeclined)
	b.got(w.idp.TypeUserCode(t.Context(), b.visit(), tv.UserCode))(idp.AskUserCode)
	if b.step.Problem == "" {
		t.Error("a declined code is asked for again")
	}
}

func TestADeviceCodeIsRefusedByItsRule(t *testing.T) {
	off := underPolicy(t, nothing)
	_, err := off.begin()
	if e := refused(t, err, oauth.UnauthorizedClient, oauth.NumberUnauthorizedClient); !strings.Contains(e.Description, "administrator") {
		t.Error(e.Description)
	}
	if _, err := off.idp.TypeUserCode(t.Context(), idp.Visit{Tenant: tenant}, ""); err == nil {
		t.Error("the page is there although it is off")
	}
	w := allowed(t, nothing)
	for name, c := range map[string]struct {
		more []string
		code oauth.Code
	}{
		"another client": {[]string{"client_id", "nobody"}, oauth.InvalidClient}, "a wrong secret": {[]string{"client_secret", "wrong"}, oauth.InvalidClient},
		"no scope": {[]string{"scope", ""}, oauth.InvalidScope}, "enrolment": {[]string{"scope", string(directory.EnrollmentAPI) + "/.default"}, oauth.InvalidScope},
	} {
		if _, err := w.begin(c.more...); err == nil || !strings.HasPrefix(err.Error(), string(c.code)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tv, err := w.begin()
	w.must(err)
	b := tv.person()
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.DeviceDone)
	_, err = w.token(codeForm("web", cb, tv.DeviceCode, "client_secret", webSecret)) // it is no authorization code
	refused(t, err, oauth.InvalidGrant, oauth.NumberInvalidGrant)
	_, err = tv.poll("device_code", "unknown")
	refused(t, err, oauth.InvalidGrant, oauth.NumberBadCode)
	w.clock.pass(16 * time.Minute)
	_, err = tv.poll()
	refused(t, err, oauth.ExpiredToken, oauth.NumberExpiredCode)
	late, err := w.begin()
	w.must(err)
	b = late.person()
	w.clock.pass(16 * time.Minute)
	if _, err := w.idp.AnswerDevice(t.Context(), b.visit(), true); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an expired code is approved: %v", err)
	}
}

// Policies about device codes see it when it is approved, when it is redeemed, and
// ever after.
func TestAPolicyAboutDeviceCodesIsAskedAtEveryTurn(t *testing.T) {
	block := func(p *access.Policy) {
		p.Conditions.Transfer, p.Grant.Controls = []access.TransferMethod{access.DeviceCodeFlow}, []access.Control{access.Block}
	}
	w := allowed(t, block)
	tv, err := w.begin()
	w.must(err)
	b := &browser{world: w}
	b.got(w.idp.TypeUserCode(t.Context(), b.visit(), tv.UserCode))(idp.AskPassword)
	b.password(password)(idp.Denied)
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.Denied)

	w = allowed(t, nothing)
	tv, err = w.begin()
	w.must(err)
	b = tv.person()
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.DeviceDone)
	w.demand("q", block)
	_, err = tv.poll()
	if err == nil || strings.Contains(err.Error(), "pending") {
		t.Errorf("blocked after it was approved: %v", err)
	}
	p, err := w.store.Admin().AccessPolicies().Get(t.Context(), tenant, "q")
	w.must(err)
	p.State = access.Disabled
	p, err = w.store.Admin().AccessPolicies().Save(t.Context(), p)
	w.must(err)
	tokens, err := tv.poll()
	w.must(err)
	p.State = access.Enabled
	_, err = w.store.Admin().AccessPolicies().Save(t.Context(), p)
	w.must(err)
	_, err = w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret))
	if e, ok := err.(*oauth.Error); !ok || len(e.ErrorCodes) == 0 || e.ErrorCodes[0] != access.CodeTransferBlocked {
		t.Errorf("how the session began is forgotten: %v", err)
	}
}

func TestOfTwoDevicesWithOneCodeOneIsSignedIn(t *testing.T) {
	w := allowed(t, nothing)
	tv, err := w.begin()
	w.must(err)
	b := tv.person()
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.DeviceDone)
	var all sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		all.Go(func() { _, errs[i] = tv.poll() })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		}
	}
	if won > 1 {
		t.Errorf("%d devices were signed in: %v", won, errs)
	}
}
