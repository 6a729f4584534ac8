package mam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/wire"
)

func TestTheKeyIsTheDevice(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	first := p.register()
	again := laptop()
	again.OSVersion = "22631.9999"
	second, err := w.mam.RegisterDevice(t.Context(), p.caller(), again)
	must(t, err)
	if second.ID != first.ID || second.OSVersion != "10.0.22631.9999" {
		t.Errorf("registered again as %+v, want device %s with the new version", second, first.ID)
	}
	if other := w.newPC(anna).register(); other.ID == first.ID {
		t.Error("another key is the same device")
	}
}

func TestADeviceTellsTheTruthOrIsRefused(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*wire.RegisterDevice){
		"osVersion":     func(r *wire.RegisterDevice) { r.OSVersion = "eleven" },
		"platform":      func(r *wire.RegisterDevice) { r.Platform = "plan9" },
		"keyProtection": func(r *wire.RegisterDevice) { r.KeyProtection = "paper" },
		"displayName":   func(r *wire.RegisterDevice) { r.DisplayName = "  " },
		"model":         func(r *wire.RegisterDevice) { r.Model = "X\n1" },
		"manufacturer":  func(r *wire.RegisterDevice) { r.Manufacturer = strings.Repeat("x", 257) },
	} {
		r := laptop()
		change(&r)
		_, err := w.mam.RegisterDevice(t.Context(), w.newPC(anna).caller(), r)
		w.failsWith(err, fault.Invalid)
		if !strings.HasPrefix(fault.Detail(err), name+" ") {
			t.Errorf("%s: %q does not name the field", name, fault.Detail(err))
		}
	}
	for _, m := range []wire.Management{{DirectoryJoined: true}, {MDMEnrolled: true}} {
		r := laptop()
		r.Management = m
		_, err := w.mam.RegisterDevice(t.Context(), w.newPC(anna).caller(), r)
		w.refusedWith(err, fault.Forbidden, "managed")
	}
}

func TestWhatGuardsAKeyIsKeptAsTold(t *testing.T) {
	w := newWorld(t)
	for _, guard := range directory.KeyProtections() {
		r := laptop()
		r.KeyProtection = string(guard)
		p := w.newPC(anna)
		for range 2 {
			d, err := w.mam.RegisterDevice(t.Context(), p.caller(), r)
			must(t, err)
			if d.KeyProtection != guard {
				t.Errorf("told %q, kept %q", guard, d.KeyProtection)
			}
		}
	}
}

func TestAKeyThatWasNotProvenIsRefused(t *testing.T) {
	w := newWorld(t)
	c := w.newPC(anna).caller()
	c.Proof.Key = w.newPC(anna).caller().Proof.Key
	_, err := w.mam.RegisterDevice(t.Context(), c, laptop())
	w.failsWith(err, fault.Unauthenticated)
}

func TestAReplayedProofChangesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	c := p.caller()
	d, err := w.mam.RegisterDevice(t.Context(), c, laptop())
	must(t, err)
	_, err = w.mam.Enroll(t.Context(), c, enrollment(d))
	w.failsWith(err, fault.Unauthenticated)
	list, err := w.mam.List(t.Context(), tenant, mam.Filter{})
	must(t, err)
	if len(list) != 0 {
		t.Errorf("a replayed proof enrolled %+v", list)
	}
}

func TestEnrollmentBringsThePolicy(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	e, err := w.mam.Enroll(t.Context(), p.caller(), enrollment(p.register()))
	must(t, err)
	if e.UserID != string(anna) || e.TenantID != string(tenant) || e.Policy.Settings["sendOrgDataTo"] != "none" || e.Policy.CheckInSeconds != 1800 {
		t.Errorf("enrolled with %+v", e)
	}
	var found bool
	for _, c := range e.Policy.Checks {
		found = found || c == wire.Check{Subject: "maxThreatLevel", Action: "block", Value: "low"}
	}
	if !found || e.Policy.Sources["maxThreatLevel"] == "" {
		t.Errorf("checks %v, sources %v", e.Policy.Checks, e.Policy.Sources)
	}
	policy, err := w.mam.Policy(t.Context(), p.caller(), directory.RegistrationID(e.RegistrationID))
	must(t, err)
	if policy.ETag != e.Policy.ETag {
		t.Errorf("the ETag moved from %s to %s though nothing changed", e.Policy.ETag, policy.ETag)
	}
	if out := p.checkIn(directory.RegistrationID(e.RegistrationID), w.report()); out.PolicyETag != policy.ETag {
		t.Errorf("the check-in names policy %s, want %s", out.PolicyETag, policy.ETag)
	}
}

func TestUnsupportedVersionsAreRefusedWithTheRemedy(t *testing.T) {
	w := newWorld(t)
	old := laptop()
	old.OSVersion = "10.0.22621.1"
	p := w.newPC(anna)
	d, err := w.mam.RegisterDevice(t.Context(), p.caller(), old)
	must(t, err)
	_, err = w.mam.Enroll(t.Context(), p.caller(), enrollment(d))
	w.failsWith(err, fault.Forbidden)

	q := w.newPC(anna)
	e := enrollment(q.register())
	e.AppVersion = "90.0.1.1"
	_, err = w.mam.Enroll(t.Context(), q.caller(), e)
	w.failsWith(err, fault.Forbidden)
	e.AppVersion = "new"
	_, err = w.mam.Enroll(t.Context(), q.caller(), e)
	w.failsWith(err, fault.Invalid)
}

func TestAForeignDeviceEnrollsNobody(t *testing.T) {
	w := newWorld(t)
	d := w.newPC(anna).register()
	_, err := w.mam.Enroll(t.Context(), w.newPC(anna).caller(), enrollment(d))
	w.refusedWith(err, fault.Forbidden, "wrongKey")
	_, err = w.mam.Enroll(t.Context(), w.newPC(anna).caller(), enrollment(directory.Device{ID: "unknown"}))
	w.failsWith(err, fault.NotFound)
}

func TestADisabledUserOrDeviceDoesNotEnroll(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	d := p.register()
	u, err := w.store.Admin().Users().Get(t.Context(), tenant, string(anna))
	must(t, err)
	u.Enabled = false
	u, err = w.store.Admin().Users().Save(t.Context(), u)
	must(t, err)
	_, err = w.mam.Enroll(t.Context(), p.caller(), enrollment(d))
	w.refusedWith(err, fault.Forbidden, "userDisabled")

	u.Enabled = true
	_, err = w.store.Admin().Users().Save(t.Context(), u)
	must(t, err)
	d.Enabled = false
	_, err = w.store.Admin().Devices().Save(t.Context(), d)
	must(t, err)
	_, err = w.mam.Enroll(t.Context(), p.caller(), enrollment(d))
	w.refusedWith(err, fault.Forbidden, "deviceDisabled")
	_, err = w.mam.RegisterDevice(t.Context(), p.caller(), laptop())
	w.refusedWith(err, fault.Forbidden, "deviceDisabled")
}

func TestThreePeopleShareAPC(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	d := p.register()
	for i := range 4 {
		p.user = directory.UserID(fmt.Sprintf("5a1e2d6c-0000-4000-8000-0000000001%02d", i))
		w.addUser(p.user, fmt.Sprintf("user%d", i))
		_, err := w.mam.Enroll(t.Context(), p.caller(), enrollment(d))
		if i < 3 {
			must(t, err)
			continue
		}
		w.refusedWith(err, fault.Forbidden, "joinLimit")
	}
	p.user = directory.UserID("5a1e2d6c-0000-4000-8000-000000000101")
	_, err := w.mam.Enroll(t.Context(), p.caller(), enrollment(d))
	must(t, err) // who is in already may enrol again
}

func TestEnrollingAgainSupersedes(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	first := p.enroll()
	second := p.enroll()
	if r := w.get(first); r.EndedFor != "superseded" || r.EndedAt.IsZero() {
		t.Errorf("the older registration is %+v", r)
	}
	if r := w.get(second); !r.EndedAt.IsZero() {
		t.Errorf("the newer registration ended for %q", r.EndedFor)
	}
	_, err := w.mam.CheckIn(t.Context(), p.caller(), first, w.report())
	w.refusedWith(err, fault.Forbidden, "registrationEnded")
	p.checkIn(second, w.report())
}

func TestSigningOutEndsEverything(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	must(t, w.mam.SignOut(t.Context(), p.alone(), id))
	must(t, w.mam.SignOut(t.Context(), p.alone(), id)) // repeating is harmless
	r := w.get(id)
	if r.EndedFor != "signedOut" || len(r.Verdict.Reasons) != 0 || r.Verdict.State.String() != "unknown" {
		t.Errorf("after signing out: %+v", r)
	}
	_, err := w.store.MTD().Enrolled(t.Context(), r.Installation)
	w.failsWith(err, fault.NotFound)
	_, err = w.mam.Policy(t.Context(), p.caller(), id)
	w.refusedWith(err, fault.Forbidden, "registrationEnded")
}

func TestARegistrationIsItsOwners(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	_, err := w.mam.CheckIn(t.Context(), w.newPC(anna).caller(), id, w.report())
	w.refusedWith(err, fault.Forbidden, "wrongKey")
	w.refusedWith(w.mam.SignOut(t.Context(), w.newPC(anna).alone(), id), fault.Forbidden, "wrongKey")
	p.user = "5a1e2d6c-0000-4000-8000-0000000000bb"
	_, err = w.mam.CheckIn(t.Context(), p.caller(), id, w.report())
	w.failsWith(err, fault.NotFound)
	c := p.caller()
	c.Tenant = "another"
	_, err = w.mam.CheckIn(t.Context(), c, id, w.report())
	w.failsWith(err, fault.NotFound)
}
