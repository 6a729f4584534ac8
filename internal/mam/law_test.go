package mam_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

func TestNewNamesEverythingThatIsMissing(t *testing.T) {
	_, err := mam.New(mam.Config{})
	for _, name := range []string{"Store", "Signer", "Issuer", "OrderKeys"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// news returns the kinds of the events that happened since from, in order.
func (w *world) news(from int64) (kinds []string, last int64) {
	w.Helper()
	stored, err := w.store.Outbox().EventsAfter(w.Context(), from, 1000)
	must(w, err)
	for _, s := range stored {
		kind, _, err := event.Encode(s.Event)
		must(w, err)
		kinds, from = append(kinds, kind), s.Sequence
	}
	return kinds, from
}

func TestEveryChangeIsAnnouncedOnce(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	_, at := w.news(0)
	expect := func(what string, want ...string) {
		t.Helper()
		var kinds []string
		if kinds, at = w.news(at); !slices.Equal(kinds, want) {
			t.Errorf("%s announced %v, want %v", what, kinds, want)
		}
	}
	id := p.enroll()
	expect("enrolling", "registrationChanged")
	p.checkIn(id, w.report())
	expect("the first check-in", "complianceChanged")
	p.checkIn(id, w.report())
	expect("the second check-in")
	op := w.requestWipe(id)
	expect("a wipe request", "wipeRequested", "complianceChanged")
	_, err := w.mam.Deliver(t.Context(), p.alone(), id)
	must(t, err)
	expect("delivery")
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op))))
	expect("the receipt", "complianceChanged", "registrationChanged", "wipeReported")
	id = p.enroll()
	p.checkIn(id, w.report())
	_, at = w.news(at)
	must(t, w.mam.SignOut(t.Context(), p.alone(), id))
	expect("signing out", "complianceChanged", "registrationChanged")
}

func TestAReplayedEnrollmentEndsNothing(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	d := p.register()
	c := p.caller()
	e, err := w.mam.Enroll(t.Context(), c, enrollment(d))
	must(t, err)
	_, err = w.mam.Enroll(t.Context(), c, enrollment(d))
	w.failsWith(err, fault.Unauthenticated)
	if r := w.get(directory.RegistrationID(e.RegistrationID)); !r.EndedAt.IsZero() {
		t.Errorf("a replay ended the registration: %s", r.EndedFor)
	}
}

func TestCheckInsAndSignalsMeetWithoutLoss(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	const rounds = 20
	var both sync.WaitGroup
	both.Go(func() {
		for i := range rounds {
			at := w.now.Add(time.Duration(i+1) * time.Millisecond)
			if err := w.store.MTD().SaveSignal(t.Context(), tenant, id, threat.Signal{
				Source: threat.FromConnector, Partner: directory.WindowsSecurityCenter,
				States: []threat.State{threat.ActiveThreat}, ReportedAt: at, ReceivedAt: at,
			}); err != nil {
				t.Error(err)
			}
		}
	})
	both.Go(func() {
		for range rounds {
			_, err := w.mam.CheckIn(t.Context(), p.caller(), id, w.report())
			if err != nil && fault.KindOf(err) != fault.Unavailable { // "try again" is an answer
				t.Error(err)
			}
		}
	})
	both.Wait()
	if out := p.checkIn(id, w.report()); out.State != "noncompliant" {
		t.Errorf("a signal was lost: %+v", out)
	}
}

// The receipt among the published vectors is one that this room accepts.
func TestThePublishedReceiptIsAccepted(t *testing.T) {
	var v struct {
		Key     jose.JSONWebKey
		JKT     string
		Payload wire.WipeReceipt
		Compact string
	}
	doc, err := os.ReadFile("../../wire/testdata/wipe-receipt.json")
	must(t, err)
	must(t, json.Unmarshal(doc, &v))
	w := newWorld(t)
	public, err := v.Key.Public().MarshalJSON()
	must(t, err)
	s := w.store.MAM()
	d, err := s.SaveDevice(t.Context(), directory.Device{
		ID: "vector", Tenant: tenant, Owner: anna, Platform: "windows", Enabled: true, KeyThumbprint: v.JKT, Key: public,
	}, nil)
	must(t, err)
	reg := mam.Registration{KeyThumbprint: v.JKT, Standing: compliance.Standing{
		Registration: directory.RegistrationID(v.Payload.Registration), WipePending: true,
		Installation: directory.Installation{Tenant: tenant, User: anna, App: edge, Device: d.ID},
	}}
	must(t, s.Save(t.Context(), mam.Change{Registration: &reg}))
	must(t, s.Save(t.Context(), mam.Change{Operations: []mam.Operation{{
		ID: v.Payload.Operation, Tenant: tenant, Registration: reg.Standing.Registration, State: mam.Delivered,
	}}}))
	c := w.newPC(anna).alone()
	c.Proof.JKT = v.JKT
	must(t, w.mam.Receipt(t.Context(), c, reg.Standing.Registration, v.Payload.Operation, v.Compact))
	if r := w.get(reg.Standing.Registration); r.EndedFor != "wiped" {
		t.Errorf("the registration is %+v", r)
	}
}

func TestAWipeThatCannotBeSignedIsNotRequested(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	w.key = nil
	_, err := w.mam.RequestWipe(t.Context(), mam.WipeRequest{Tenant: tenant, User: anna, Device: w.get(id).Device, RequestedBy: "an admin"})
	if err == nil || !errors.Is(err, errNoKey) {
		t.Fatalf("got %v", err)
	}
	if w.get(id).WipePending {
		t.Error("a wipe without an order is pending")
	}
}
