package idp_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	gates "github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

// meddler is a store in which something else happens once, right after a device
// code was read or right before what was approved is saved.
type meddler struct {
	idp.Store
	read, save func()
}

func once(f *func()) {
	if then := *f; then != nil {
		*f = nil
		then()
	}
}

func (m *meddler) DeviceCode(ctx context.Context, t directory.TenantID, hash string) (idp.DeviceCode, error) {
	d, err := m.Store.DeviceCode(ctx, t, hash)
	once(&m.read)
	return d, err
}

func (m *meddler) SaveCode(ctx context.Context, c idp.AuthorizationCode, basis directory.Revisions, r access.Record) error {
	once(&m.save)
	return m.Store.SaveCode(ctx, c, basis, r)
}

// meddled is a room over m, with the real gate.
func (w *world) meddled(m *meddler) *idp.Service {
	w.Helper()
	m.Store = w.store.IDP()
	gate, err := gates.New(gates.Options{Store: w.store.Gate(), Now: w.clock.now})
	w.must(err)
	room, err := idp.New(idp.Config{Store: m, Keys: w.store.Keys(), Gate: gate, Sealer: box{}, Issuer: base, Now: w.clock.now})
	w.must(err)
	return room
}

// living ends the sessions of the person and returns how many there were.
func (w *world) living() int {
	w.Helper()
	n, err := w.store.IDP().RevokeSessions(w.Context(), tenant, ada, "counted", w.clock.now())
	w.must(err)
	return n
}

func (v television) code() idp.DeviceCode {
	v.Helper()
	d, err := v.store.IDP().DeviceCode(v.Context(), tenant, oauth.SHA256(v.DeviceCode))
	v.must(err)
	return d
}

// Whoever holds the device must not drown the Cancel of a person by asking at the
// same moment; and a code that somebody declined was perhaps sent to them.
func TestWhoDeclinesIsHeardWhileTheDeviceAsks(t *testing.T) {
	w := allowed(t, nothing)
	tv, err := w.begin()
	w.must(err)
	b := tv.person()
	room := w.meddled(&meddler{read: func() { _, _ = tv.poll() }})
	b.got(room.AnswerDevice(t.Context(), b.visit(), false))(idp.DeviceDone)
	_, err = tv.poll()
	refused(t, err, oauth.AccessDenied, oauth.NumberDeclined)
	log, err := w.store.Records(t.Context(), tenant, access.RecordQuery{Limit: 1})
	w.must(err)
	if len(log) != 1 || log[0].Code != oauth.NumberDeclined || log[0].Outcome != access.Denied || log[0].User != ada || log[0].Client != "web" {
		t.Errorf("it is not on record: %+v", log)
	}
}

// Asking needs no secret where the client is public: it must not keep the database
// busy with writing.
func TestADeviceThatAsksTooOftenWritesNothing(t *testing.T) {
	w := allowed(t, nothing)
	tv, err := w.begin()
	w.must(err)
	_, err = tv.poll()
	refused(t, err, oauth.AuthorizationPending, 0)
	before := tv.code().Revision
	for range 5 {
		_, err = tv.poll()
		refused(t, err, oauth.SlowDown, 0)
	}
	if after := tv.code().Revision; after != before {
		t.Errorf("asking too often wrote %d times", after-before)
	}
	w.clock.pass(10 * time.Second)
	_, err = tv.poll()
	refused(t, err, oauth.AuthorizationPending, 0)
}

// The browser in which a code is typed is under the policies, too.
func TestABrowserForgetsWhoSignedInADeviceWhereAPolicySaysSo(t *testing.T) {
	w := allowed(t, func(p *access.Policy) { p.Session = &access.SessionControls{Persistent: access.PersistNever} })
	tv, err := w.begin()
	w.must(err)
	b := tv.person()
	if b.step.SetSession == "" || !b.step.SessionExpiresAt.IsZero() {
		t.Errorf("stays signed in until %s", b.step.SessionExpiresAt)
	}
}

// Policies may say yes to the browser and no to the device.
func TestADeviceThatStaysOutLeavesNoSession(t *testing.T) {
	w := allowed(t, nothing)
	room := w.replica()
	tv, err := w.begin()
	w.must(err)
	b := tv.person()
	browsers := w.session(b).ID
	w.gate.rule = func(r access.Request) (access.Ruling, error) {
		if r.Session == browsers {
			return ruling(r, access.Granted, 0), nil
		}
		return ruling(r, access.Denied, access.CodeBlocked), nil
	}
	for range 3 {
		b.got(room.AnswerDevice(t.Context(), b.visit(), true))(idp.Denied)
	}
	if n := w.living(); n != 1 {
		t.Errorf("%d sessions live, one of them the browser's", n)
	}
}

func TestOfTwoWhoApproveAtOnceOneIsToldThatItWasAnswered(t *testing.T) {
	w := allowed(t, nothing)
	tv, err := w.begin()
	w.must(err)
	first, second := tv.person(), tv.person()
	room := w.meddled(&meddler{save: func() {
		second.got(w.idp.AnswerDevice(t.Context(), second.visit(), true))(idp.DeviceDone)
	}})
	if _, err := room.AnswerDevice(t.Context(), first.visit(), true); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	if _, err := tv.poll(); err != nil {
		t.Errorf("the approval that came first does not count: %v", err)
	}
	if n := w.living(); n != 3 {
		t.Errorf("%d sessions live; two are of browsers and one is the device's", n)
	}
}

func (w *world) turnOff() {
	w.Helper()
	v, err := w.store.Admin().Tenants().Get(w.Context(), tenant, string(tenant))
	w.must(err)
	v.Settings.AllowDeviceCode = false
	_, err = w.store.Admin().Tenants().Save(w.Context(), v)
	w.must(err)
}

func TestWhatIsTurnedOffMeanwhileIsNeitherApprovedNorRedeemed(t *testing.T) {
	w := allowed(t, nothing)
	asked, err := w.begin()
	w.must(err)
	waits := asked.person()
	tv, err := w.begin()
	w.must(err)
	b := tv.person()
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.DeviceDone)
	w.turnOff()
	_, err = w.idp.AnswerDevice(t.Context(), waits.visit(), true)
	refused(t, err, oauth.UnauthorizedClient, oauth.NumberUnauthorizedClient)
	_, err = tv.poll()
	refused(t, err, oauth.UnauthorizedClient, oauth.NumberUnauthorizedClient)
}

// What is approved is for one client and no wider than it was asked, and is gone
// with the person.
func TestWhatIsApprovedServesNobodyElse(t *testing.T) {
	w := allowed(t, nothing)
	tv, err := w.begin("scope", graphScope)
	w.must(err)
	b := tv.person()
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.DeviceDone)
	_, err = w.token(url.Values{"grant_type": {string(oauth.DeviceGrant)}, "client_id": {string(directory.AgentClient)}, "device_code": {tv.DeviceCode}})
	refused(t, err, oauth.InvalidGrant, oauth.NumberBadCode)
	_, err = tv.poll("scope", "api://files/.default")
	refused(t, err, oauth.InvalidScope, 0)
	_, err = tv.poll("scope", enrollScope)
	refused(t, err, oauth.InvalidScope, 0)
	w.change(func(u *directory.User) { u.Enabled = false })
	_, err = tv.poll()
	refused(t, err, oauth.InvalidGrant, oauth.NumberUserDisabled)
	w.change(func(u *directory.User) { u.Enabled = true })
	w.living()
	_, err = tv.poll()
	refused(t, err, oauth.InvalidGrant, oauth.NumberSessionRevoked)
}

// Where tokens must be bound, a code gives none: who types it sees no key. And an
// old sign-in of the browser does not become a new one of the device.
func TestADeviceCodeGetsAroundNoDemand(t *testing.T) {
	w := allowed(t, func(p *access.Policy) { p.Session = &access.SessionControls{TokenProtection: access.On} })
	for _, more := range [][]string{nil, {"client_id", string(directory.AgentClient), "client_secret", ""}} {
		tv, err := w.begin(more...)
		w.must(err)
		b := &browser{world: w}
		b.got(w.idp.TypeUserCode(t.Context(), b.visit(), tv.UserCode))(idp.AskPassword)
		b.password(password)(idp.Denied)
		b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.Denied)
	}

	w = allowed(t, func(p *access.Policy) {
		p.Session = &access.SessionControls{Frequency: &access.Frequency{After: time.Hour}}
	})
	tv, err := w.begin("scope", graphScope)
	w.must(err)
	b := tv.person()
	w.clock.pass(10 * time.Minute)
	b.got(w.idp.AnswerDevice(t.Context(), b.visit(), true))(idp.DeviceDone)
	tokens, err := tv.poll()
	w.must(err)
	w.clock.pass(49 * time.Minute)
	tokens, err = w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret))
	w.must(err)
	w.clock.pass(2 * time.Minute)
	if _, err = w.token(refreshForm("web", tokens.RefreshToken, "client_secret", webSecret)); err == nil {
		t.Error("the device's sign-in is newer than the person's")
	}
}
