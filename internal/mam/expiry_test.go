package mam_test

import (
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

const aDay = 24 * time.Hour

func (w *world) sweep() mam.Swept {
	w.Helper()
	done, err := w.mam.Sweep(w.Context(), tenant)
	must(w, err)
	return done
}

func TestARegistrationThatIsSilentForNinetyDaysExpires(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id, never := p.enroll(), w.newPC(anna).enroll()
	w.now = w.now.Add(aDay)
	p.checkIn(id, w.report())
	w.now = w.now.Add(90*aDay - time.Second)
	if done := w.sweep(); done != (mam.Swept{Expired: 1}) || w.get(never).EndedFor != "expired" || !w.get(id).EndedAt.IsZero() {
		t.Errorf("a second before: %+v; %q, %q", done, w.get(never).EndedFor, w.get(id).EndedFor)
	}
	w.now = w.now.Add(time.Second)
	if done := w.sweep(); done.Expired != 1 || w.get(id).EndedFor != "expired" {
		t.Errorf("then: %+v; %q", done, w.get(id).EndedFor)
	}
	_, err := w.mam.CheckIn(t.Context(), p.caller(), id, w.report())
	w.refusedWith(err, fault.Forbidden, "registrationEnded")
	p.checkIn(p.enroll(), w.report()) // and may come back
	if done := w.sweep(); done != (mam.Swept{}) {
		t.Errorf("once more: %+v", done)
	}
}

func TestEveryPageOfSilentRegistrationsIsSeen(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	d := p.register()
	for i := range 130 {
		e := enrollment(d)
		e.App = "com.contoso.app" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		_, err := w.mam.Enroll(t.Context(), p.caller(), e)
		must(t, err)
	}
	w.now = w.now.Add(91 * aDay)
	if done := w.sweep(); done.Expired != 130 {
		t.Errorf("swept %+v", done)
	}
	w.now = w.now.Add(91 * aDay)
	if done := w.sweep(); done.Registrations != 130 {
		t.Errorf("swept %+v", done)
	}
}

func TestAYoungWipeKeepsItsRegistrationAndAnOldOneFailsWithIt(t *testing.T) {
	w := newWorld(t)
	id := w.newPC(anna).enroll()
	w.now = w.now.Add(60 * aDay)
	op := w.requestWipe(id)
	w.now = w.now.Add(94*aDay - time.Second)
	if done := w.sweep(); done != (mam.Swept{}) || w.operation(op).State != mam.Pending || !w.get(id).EndedAt.IsZero() {
		t.Errorf("after 94 days less a second: %+v, %+v", done, w.operation(op))
	}
	w.now = w.now.Add(time.Second)
	if done := w.sweep(); done != (mam.Swept{Expired: 1}) || w.operation(op).State != mam.Failed || w.get(id).WipePending {
		t.Errorf("after 94 days: %+v, %+v", done, w.operation(op))
	}
}

func TestAPolicySaysHowLongAWipeWaits(t *testing.T) {
	w := newWorld(t)
	w.savePolicy(protection.Policy{
		ID: "T_5a1e2d6c-0000-4000-8000-000000000008", Tenant: tenant, DisplayName: "Patient", Apps: []directory.PackageID{edge},
		Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
		Settings:    protection.Settings{Checks: []protection.Check{{Subject: protection.OfflineGrace, Action: protection.Wipe, After: 120 * aDay}}},
	})
	id := w.newPC(anna).enroll()
	op := w.requestWipe(id)
	w.now = w.now.Add(123 * aDay)
	if done := w.sweep(); done != (mam.Swept{}) {
		t.Errorf("after 123 days: %+v", done)
	}
	w.now = w.now.Add(aDay)
	if done := w.sweep(); done.Expired != 1 || w.operation(op).State != mam.Failed {
		t.Errorf("after 124 days: %+v", done)
	}
}

func TestFinishedOperationsAreKeptForFourDays(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.requestWipe(id)
	w.now = w.now.Add(10 * aDay)
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op))))
	w.now = w.now.Add(4*aDay - time.Second)
	if done := w.sweep(); done != (mam.Swept{}) {
		t.Errorf("before four days: %+v", done)
	}
	w.now = w.now.Add(time.Second)
	if done := w.sweep(); done != (mam.Swept{Operations: 1}) {
		t.Errorf("after four days: %+v", done)
	}
	w.now = w.now.Add(86 * aDay)
	if done := w.sweep(); done != (mam.Swept{Registrations: 1}) {
		t.Errorf("after ninety days: %+v", done)
	}
	_, err := w.mam.Get(t.Context(), tenant, id)
	w.failsWith(err, fault.NotFound)
}

func TestOpenOperationsOfALivingRegistrationStay(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.requestWipe(id)
	for range 5 {
		w.now = w.now.Add(60 * aDay)
		p.checkIn(id, w.report())
		if done := w.sweep(); done != (mam.Swept{}) {
			t.Fatalf("swept %+v", done)
		}
	}
	if w.operation(op).State != mam.Pending || !w.get(id).WipePending {
		t.Errorf("access opened by itself: %+v", w.operation(op))
	}
}

func TestAnOpenRequestOfAnEndedRegistrationIsForgotten(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	w.askDiagnostics(id)
	w.now = w.now.Add(80 * aDay)
	must(t, w.mam.SignOut(t.Context(), p.alone(), id))
	w.now = w.now.Add(14*aDay - time.Second)
	if done := w.sweep(); done != (mam.Swept{}) {
		t.Errorf("before 94 days: %+v", done)
	}
	w.now = w.now.Add(time.Second)
	if done := w.sweep(); done != (mam.Swept{Operations: 1}) {
		t.Errorf("after 94 days: %+v", done)
	}
}

func TestASweepStaysInItsTenant(t *testing.T) {
	w := newWorld(t)
	id := w.newPC(anna).enroll()
	w.now = w.now.Add(100 * aDay)
	if _, err := w.mam.Sweep(t.Context(), "another"); err == nil {
		t.Error("a tenant that does not exist was swept")
	}
	if !w.get(id).EndedAt.IsZero() {
		t.Error("another tenant's sweep ended it")
	}
}
