package idp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/wire"
)

// proven is a browser that signed in on a PC whose device proved itself.
func proven(w *world, d *device) *browser {
	w.Helper()
	w.gate.rule = func(r access.Request) (access.Ruling, error) {
		if n, err := w.store.IDP().Session(w.Context(), tenant, r.Session); err == nil && n.Registration != "" {
			return ruling(r, access.Granted, 0), nil
		}
		return ruling(r, access.Denied, 53009), nil
	}
	b := &browser{world: w}
	b.start(query("web", cb, graphScope))
	b.password(password)(idp.Denied)
	b.got(w.idp.ProveDevice(w.Context(), b.visit(), d.answer(b.step.Nonce)))(idp.Answer)
	return b
}

func (b *browser) challenge() idp.ProofDue {
	b.Helper()
	due, err := b.idp.Challenge(b.Context(), tenant, b.session)
	b.must(err)
	return due
}

func (b *browser) provedAt() time.Time {
	b.Helper()
	n, err := b.store.IDP().SessionByCookie(b.Context(), tenant, oauth.SHA256(b.session))
	b.must(err)
	return n.ProvedAt
}

func TestADeviceProvesItselfAgainAndCountsOn(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	d.enrol(t, tenant, ada, "pc")
	b := proven(w, d)
	w.clock.pass(3 * time.Minute)
	due := b.challenge()
	if due.In != access.ProofFor-3*time.Minute || due.Renew != 0 || due.Nonce == "" {
		t.Errorf("due in %s, to be renewed in %s", due.In, due.Renew)
	}
	proof := d.answer(due.Nonce)
	w.clock.pass(time.Second)
	got, err := w.idp.ProveAgain(t.Context(), b.visit(), proof)
	w.must(err)
	if got.In != access.ProofFor || got.Renew != access.ProofFor/2 || got.Nonce != "" || !b.provedAt().Equal(w.clock.now()) {
		t.Errorf("%+v, proved at %s", got, b.provedAt())
	}
	w.clock.pass(time.Second)
	if _, err := w.idp.ProveAgain(t.Context(), b.visit(), proof); fault.KindOf(err) != fault.Forbidden || !strings.Contains(fault.Detail(err), "second time") {
		t.Errorf("a proof works twice: %v", err)
	}
}

// A PC that slept is the same PC when it wakes: nobody has to sign in again.
func TestADeviceThatFellSilentMayProveItselfAgain(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	d.enrol(t, tenant, ada, "pc")
	b := proven(w, d)
	w.clock.pass(time.Hour)
	due := b.challenge()
	if due.In != 0 {
		t.Errorf("due in %s", due.In)
	}
	w.must(second(w.idp.ProveAgain(t.Context(), b.visit(), d.answer(due.Nonce))))
	if !b.provedAt().Equal(w.clock.now()) {
		t.Error("it does not count")
	}
}

func second(_ idp.ProofDue, err error) error { return err }

func TestNothingElseRenewsAProof(t *testing.T) {
	w := open(t)
	d, foreign, stranger := newDevice(w), newDevice(w), newDevice(w)
	d.enrol(t, tenant, ada, "pc")
	foreign.enrol(t, tenant, ada, "second")
	b, other := proven(w, d), proven(w, d)
	first := b.provedAt()
	w.clock.pass(2 * time.Minute)
	late := b.challenge().Nonce
	w.clock.pass(61 * time.Second)
	now := w.clock.now().Unix()
	tests := map[string]func(nonce string) string{
		"rubbish":                     func(string) string { return "a.b.c" },
		"endless":                     func(string) string { return strings.Repeat("a", 9000) },
		"a nonce that is made up":     func(string) string { return d.answer("guess") },
		"a nonce that came too late":  func(string) string { return d.answer(late) },
		"a nonce of another session":  func(string) string { return d.answer(other.challenge().Nonce) },
		"a nonce of DPoP":             func(string) string { n, _ := w.idp.Nonce(t.Context()); return d.answer(n) },
		"another audience":            func(n string) string { return d.answer(n, "aud", "https://evil.example") },
		"expired":                     func(n string) string { return d.answer(n, "iat", now-100, "exp", now-40) },
		"another device of hers":      func(n string) string { return foreign.answer(n, "sub", "second") },
		"another device's name":       func(n string) string { return d.answer(n, "sub", "second") },
		"an app that is not enrolled": func(n string) string { return d.answer(n, "app", "com.other") },
		"an unregistered device":      func(n string) string { return stranger.answer(n) },
		"other typ":                   func(n string) string { return d.sign("JWT", false, map[string]any{"nonce": n}) },
		"a key of its own":            func(n string) string { return d.sign(wire.TypeDeviceProof, true, map[string]any{"nonce": n}) },
	}
	for name, make := range tests {
		if _, err := w.idp.ProveAgain(t.Context(), b.visit(), make(b.challenge().Nonce)); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !b.provedAt().Equal(first) {
		t.Error("something renewed it")
	}
	proof := d.answer(b.challenge().Nonce)
	w.must(second(w.idp.ProveAgain(t.Context(), b.visit(), proof))) // a control
}

func TestWhoseBrowserHasNoDeviceHasNothingToRenew(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	d.enrol(t, tenant, ada, "pc")
	proof := d.answer(proven(w, d).challenge().Nonce)
	w.gate.rule = nil
	plain := &browser{world: w}
	plain.start(query("web", cb, graphScope))
	plain.password(password)(idp.Answer)
	for name, cookie := range map[string]string{"no cookie": "", "a made-up one": "x", "a session without a device": plain.session} {
		if _, err := w.idp.Challenge(t.Context(), tenant, cookie); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: challenged, %v", name, err)
		}
		if _, err := w.idp.ProveAgain(t.Context(), idp.Visit{Tenant: tenant, Session: cookie}, proof); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: renewed, %v", name, err)
		}
	}
}

// Signed out, disabled, or ended by an admin: no device brings that back.
func TestWhatEndedIsNotRenewed(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	d.enrol(t, tenant, ada, "pc")
	b := proven(w, d)
	w.clock.pass(time.Minute)
	proof := d.answer(b.challenge().Nonce)
	_, err := w.store.IDP().RevokeSessions(t.Context(), tenant, directory.UserID(ada), "userDisabled", w.clock.now())
	w.must(err)
	if _, err := w.idp.ProveAgain(t.Context(), b.visit(), proof); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("%v", err)
	}
}
