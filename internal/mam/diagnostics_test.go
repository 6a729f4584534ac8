package mam_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/wire"
)

func (w *world) diagnostics() wire.Diagnostics {
	return wire.Diagnostics{
		CollectedAt: w.now, AppVersion: "122.0.2365.52", SDKVersion: "1.0.0", OSVersion: "10.0.22631.3155", PolicyETag: "tag", State: "compliant",
		LastSync: w.now.Add(-time.Minute), Facts: map[string]string{"adapter": "windows"}, Log: []string{"checked in:\tcompliant"},
	}
}

func (w *world) askDiagnostics(id directory.RegistrationID) mam.Operation {
	w.Helper()
	op, err := w.mam.RequestDiagnostics(w.Context(), tenant, id, adminActor())
	must(w, err)
	return op
}

func TestDiagnosticsFromRequestToAnswer(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	op := w.askDiagnostics(id)
	if again := w.askDiagnostics(id); again.ID != op.ID {
		t.Error("asking again asks twice")
	}
	if out := p.checkIn(id, w.report()); out.Operations != 1 || out.State != "compliant" {
		t.Errorf("the check-in says %+v", out)
	}
	ops, err := w.mam.Deliver(t.Context(), p.alone(), id)
	must(t, err)
	if len(ops.Value) != 1 || action(t, ops.Value[0].Order) != "diagnostics" {
		t.Fatalf("delivered %+v", ops)
	}
	must(t, w.mam.Answer(t.Context(), p.alone(), id, op.ID, w.diagnostics()))
	must(t, w.mam.Answer(t.Context(), p.alone(), id, op.ID, wire.Diagnostics{CollectedAt: w.now, AppVersion: "1", SDKVersion: "1"})) // changes nothing
	var got wire.Diagnostics
	done := w.operation(op)
	must(t, json.Unmarshal([]byte(done.Answer), &got))
	if done.State != mam.Done || got.Facts["adapter"] != "windows" || len(got.Log) != 1 || w.get(id).DiagnosticsPending {
		t.Errorf("the operation is %+v", done)
	}
	if out := p.checkIn(id, w.report()); out.Operations != 0 {
		t.Errorf("afterwards: %+v", out)
	}
	if r := w.get(id); !r.EndedAt.IsZero() || r.WipePending {
		t.Errorf("diagnostics left %+v", r)
	}
}

// action is what an order asks for.
func action(t *testing.T, order string) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(order, []jose.SignatureAlgorithm{jose.ES256})
	must(t, err)
	var o wire.WipeOrder
	must(t, json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &o))
	return o.Action
}

func TestAReceiptForDiagnosticsWipesNothingAndAnAnswerToAWipeEndsNone(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.askDiagnostics(id)
	w.refusedWith(w.mam.Receipt(t.Context(), p.alone(), id, op.ID, p.receipt(w.receiptFor(op))), fault.Invalid, "badReceipt")
	wipe := w.requestWipe(id)
	w.failsWith(w.mam.Answer(t.Context(), p.alone(), id, wipe.ID, w.diagnostics()), fault.Invalid)
	if w.operation(op).State != mam.Pending || w.operation(wipe).State != mam.Pending || !w.get(id).WipePending {
		t.Errorf("%+v, %+v", w.operation(op), w.operation(wipe))
	}
	ops, err := w.mam.Deliver(t.Context(), p.alone(), id)
	must(t, err)
	if len(ops.Value) != 2 {
		t.Errorf("delivered %+v", ops)
	}
	must(t, w.mam.Receipt(t.Context(), p.alone(), id, wipe.ID, p.receipt(w.receiptFor(wipe))))
	if ops, err = w.mam.Deliver(t.Context(), p.alone(), id); err != nil || len(ops.Value) != 0 {
		t.Errorf("an ended registration is asked for %+v, %v", ops, err)
	}
	w.refusedWith(w.mam.Answer(t.Context(), p.alone(), id, op.ID, w.diagnostics()), fault.Forbidden, "registrationEnded")
	_, err = w.mam.RequestDiagnostics(t.Context(), tenant, id, adminActor())
	w.refusedWith(err, fault.Conflict, "registrationEnded")
}

func TestACancelledRequestForDiagnosticsIsNotAnswered(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.askDiagnostics(id)
	_, err := w.mam.Cancel(t.Context(), tenant, id, op.ID, adminActor())
	must(t, err)
	if w.get(id).DiagnosticsPending || w.operation(op).State != mam.Cancelled {
		t.Errorf("%+v", w.operation(op))
	}
	w.failsWith(w.mam.Answer(t.Context(), p.alone(), id, op.ID, w.diagnostics()), fault.Invalid)
	if next := w.askDiagnostics(id); next.ID == op.ID {
		t.Error("a cancelled request came back")
	}
}

func TestOnlyTheDeviceAnswers(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.askDiagnostics(id)
	w.refusedWith(w.mam.Answer(t.Context(), w.newPC(anna).alone(), id, op.ID, w.diagnostics()), fault.Forbidden, "wrongKey")
	w.failsWith(w.mam.Answer(t.Context(), p.alone(), id, "unknown", w.diagnostics()), fault.NotFound)
}

func TestDiagnosticsThatAreNoneAreRefusedByName(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	op := w.askDiagnostics(id)
	many := map[string]string{}
	for i := range 65 {
		many[strings.Repeat("x", i+1)] = "y"
	}
	for name, change := range map[string]func(*wire.Diagnostics){
		"collectedAt is missing": func(d *wire.Diagnostics) { d.CollectedAt = time.Time{} },
		"beyond the year":        func(d *wire.Diagnostics) { d.CollectedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"lastSync":               func(d *wire.Diagnostics) { d.LastSync = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"appVersion":             func(d *wire.Diagnostics) { d.AppVersion = "new" },
		"sdkVersion":             func(d *wire.Diagnostics) { d.SDKVersion = "" },
		"osVersion":              func(d *wire.Diagnostics) { d.OSVersion = "eleven" },
		"policyEtag":             func(d *wire.Diagnostics) { d.PolicyETag = "a\nb" },
		"state":                  func(d *wire.Diagnostics) { d.State = "fine" },
		"facts has 65":           func(d *wire.Diagnostics) { d.Facts = many },
		"no name":                func(d *wire.Diagnostics) { d.Facts = map[string]string{"": "x"} },
		"a name in facts":        func(d *wire.Diagnostics) { d.Facts = map[string]string{"a\nb": "x"} },
		"facts.a":                func(d *wire.Diagnostics) { d.Facts = map[string]string{"a": strings.Repeat("x", 1025)} },
		"log has 501":            func(d *wire.Diagnostics) { d.Log = make([]string, 501) },
		"log[1]":                 func(d *wire.Diagnostics) { d.Log = []string{"a", "b\nc"} },
	} {
		d := w.diagnostics()
		change(&d)
		err := w.mam.Answer(t.Context(), p.alone(), id, op.ID, d)
		w.failsWith(err, fault.Invalid)
		if !strings.Contains(fault.Detail(err), name) {
			t.Errorf("%q does not speak of %q", fault.Detail(err), name)
		}
	}
	unmeasured := w.diagnostics()
	unmeasured.OSVersion, unmeasured.State = "", ""
	unmeasured.CollectedAt = w.now.Add(aDay) // a wrong clock may be what is looked for
	must(t, w.mam.Answer(t.Context(), p.alone(), id, op.ID, unmeasured))
}
