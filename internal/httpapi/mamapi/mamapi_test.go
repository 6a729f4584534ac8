package mamapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/wire"
)

// vector reads a message from the published vectors.
func vector[T any](w *world, file string) T {
	w.Helper()
	var v T
	must(w, json.Unmarshal(read(w, file), &v))
	return v
}

func (w *world) register() wire.Device {
	w.Helper()
	var d wire.Device
	w.do(call{method: "POST", path: wire.PathDevices, body: vector[wire.RegisterDevice](w, "register-device.json")}, http.StatusOK, &d)
	return d
}

func (w *world) enroll() wire.Enrollment {
	w.Helper()
	in := vector[wire.Enroll](w, "enroll.json")
	in.DeviceID = w.register().ID
	var e wire.Enrollment
	w.do(call{method: "POST", path: wire.PathRegistrations, body: in}, http.StatusCreated, &e)
	return e
}

func (w *world) report() wire.CheckIn {
	w.Helper()
	in := vector[wire.CheckIn](w, "check-in.json")
	in.MeasuredAt, in.FailedChecks = w.now, nil
	in.Providers["firewall"] = "good"
	return in
}

func of(path, id, op string) string {
	return strings.NewReplacer("{id}", id, "{op}", op).Replace(path)
}

func (w *world) checkIn(id string, in wire.CheckIn) wire.CheckInResult {
	w.Helper()
	var out wire.CheckInResult
	w.do(call{method: "POST", path: of(wire.PathCheckIn, id, ""), body: in}, http.StatusOK, &out)
	return out
}

func TestFromRegistrationToSignOut(t *testing.T) {
	w := newWorld(t)
	e := w.enroll()
	if e.UserID != string(anna) || len(e.Policy.OrganizationOrigins) != 1 {
		t.Errorf("enrolled as %+v", e)
	}
	id := e.RegistrationID
	if out := w.checkIn(id, w.report()); out.State != "compliant" || out.PolicyETag != e.Policy.ETag {
		t.Errorf("in good health: %+v", out)
	}
	w.now = w.now.Add(time.Minute)
	ill := w.report()
	ill.Providers["firewall"] = "poor"
	if out := w.checkIn(id, ill); out.State != "noncompliant" || len(out.Reasons) == 0 {
		t.Errorf("with the firewall off: %+v", out)
	}
	w.do(call{method: "DELETE", path: of(wire.PathRegistration, id, ""), token: "-"}, http.StatusNoContent, nil)
	p := w.problem(call{method: "POST", path: of(wire.PathCheckIn, id, ""), body: w.report()}, http.StatusForbidden, "registrationEnded")
	if len(p.Steps) == 0 {
		t.Error("the end comes without a remedy")
	}
}

func TestAPolicyThatHasNotChangedIsNotSentAgain(t *testing.T) {
	w := newWorld(t)
	e := w.enroll()
	c := call{method: "GET", path: of(wire.PathPolicy, e.RegistrationID, "")}
	var p wire.Policy
	tag := w.do(c, http.StatusOK, &p).Get("ETag")
	if tag != `"`+p.ETag+`"` || p.ETag != e.Policy.ETag {
		t.Errorf("ETag %s of policy %s", tag, p.ETag)
	}
	for _, same := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		c.header = map[string]string{"If-None-Match": same}
		w.do(c, http.StatusNotModified, nil)
	}
	c.header = map[string]string{"If-None-Match": `"other"`}
	w.do(c, http.StatusOK, nil)
}

func TestRefusalsSayWhyAndWhatToDo(t *testing.T) {
	w := newWorld(t)
	managed := vector[wire.RegisterDevice](w, "register-device.json")
	managed.Management.MDMEnrolled = true
	if p := w.problem(call{method: "POST", path: wire.PathDevices, body: managed}, http.StatusForbidden, "managed"); len(p.Steps) == 0 || p.Detail == "" {
		t.Errorf("managed: %+v", p)
	}
	old := vector[wire.Enroll](w, "enroll.json")
	old.DeviceID, old.AppVersion = w.register().ID, "90.0.0.1"
	if p := w.problem(call{method: "POST", path: wire.PathRegistrations, body: old}, http.StatusForbidden, ""); p.Code == "" || len(p.Steps) == 0 {
		t.Errorf("old app: %+v", p)
	}
	ancient := vector[wire.RegisterDevice](w, "register-device.json")
	ancient.OSVersion = "10.0.19041.1"
	w.do(call{method: "POST", path: wire.PathDevices, body: ancient}, http.StatusOK, nil)
	old.AppVersion = "122.0.2365.52"
	if p := w.problem(call{method: "POST", path: wire.PathRegistrations, body: old}, http.StatusForbidden, ""); p.Code == "" || len(p.Steps) == 0 {
		t.Errorf("old Windows: %+v", p)
	}
}

func TestOnlyTheRightTokenOpensTheDoor(t *testing.T) {
	w := newWorld(t)
	id := w.enroll().RegistrationID
	c := call{method: "POST", path: of(wire.PathCheckIn, id, ""), body: w.report()}
	for token, want := range map[string]struct {
		status int
		code   string
	}{
		"-": {401, "invalid_token"}, "stolen": {401, "invalid_token"}, "misdirected": {401, "invalid_token"},
		"unscoped": {403, "insufficient_scope"}, "foreign": {403, ""}, "app": {403, ""}, "anna-elsewhere": {401, "invalid_token"},
	} {
		c.token = token
		w.problem(c, want.status, want.code)
	}
	c.token, c.key = "", "-" // a bearer token
	w.problem(c, http.StatusUnauthorized, "invalid_token")
	c.token, c.key = "anna-elsewhere", "other"
	w.problem(c, http.StatusForbidden, "wrongKey")
	w.problem(call{method: "GET", path: of(wire.PathPolicy, "unknown", "")}, http.StatusNotFound, "")

	device := call{method: "GET", path: of(wire.PathOperations, id, ""), token: "-", key: "other"}
	w.problem(device, http.StatusForbidden, "wrongKey")
	device.key = "-"
	if w.do(device, http.StatusUnauthorized, nil).Get("DPoP-Nonce") != "next" {
		t.Error("the answer carries no nonce to use next")
	}
}

func TestAReplayIsRefused(t *testing.T) {
	w := newWorld(t)
	id := w.enroll().RegistrationID
	c := call{method: "POST", path: of(wire.PathCheckIn, id, ""), body: w.report(), jti: "once"}
	w.do(c, http.StatusOK, nil)
	w.problem(c, http.StatusUnauthorized, "")
	stale := w.report()
	stale.MeasuredAt = w.now.Add(-time.Hour)
	w.problem(call{method: "POST", path: c.path, body: stale}, http.StatusConflict, "stale")
}

func TestBadBodiesAreNamed(t *testing.T) {
	w := newWorld(t)
	path := of(wire.PathCheckIn, w.enroll().RegistrationID, "")
	bomb := `{"adapter":"` + strings.Repeat("a", 1<<20) + `"}`
	for name, c := range map[string]struct {
		call   call
		status int
		detail string
	}{
		"not JSON":        {call{body: `{"adapter"`}, 400, "JSON"},
		"a wrong type":    {call{body: `{"appVersion":7}`}, 400, "appVersion"},
		"two values":      {call{body: `{}{}`}, 400, "exactly one"},
		"a list":          {call{body: `[]`}, 400, "object"},
		"large":           {call{body: bomb}, 413, "larger"},
		"a gzip bomb":     {call{body: bomb, gzipped: true}, 413, "larger"},
		"not gzip":        {call{body: `{}`, header: map[string]string{"Content-Encoding": "gzip"}}, 400, "gzip"},
		"another coding":  {call{body: `{}`, header: map[string]string{"Content-Encoding": "br"}}, 415, "br"},
		"another type":    {call{body: `{}`, header: map[string]string{"Content-Type": "text/plain"}}, 415, "application/json"},
		"an unknown word": {call{body: `{"appVersion":"1","sdkVersion":"1","osVersion":"1","adapter":"moon"}`}, 400, "moon"},
	} {
		t.Run(name, func(*testing.T) {
			c.call.method, c.call.path = "POST", path
			if p := w.problem(c.call, c.status, ""); !strings.Contains(p.Detail, c.detail) {
				t.Errorf("detail %q does not speak of %q", p.Detail, c.detail)
			}
		})
	}
	w.do(call{method: "POST", path: path, body: w.report(), gzipped: true}, http.StatusOK, nil)
}

func TestAWipeThroughTheDoor(t *testing.T) {
	w := newWorld(t)
	e := w.enroll()
	id := e.RegistrationID
	w.checkIn(id, w.report())
	ops, err := w.mam.RequestWipe(t.Context(), mam.WipeRequest{Tenant: tenant, User: anna, Device: w.reg(id).Device, RequestedBy: "an admin"})
	must(t, err)
	if out := w.checkIn(id, w.report()); out.Operations != 1 || out.State != "noncompliant" {
		t.Errorf("check-in: %+v", out)
	}
	var waiting wire.Operations
	w.do(call{method: "GET", path: of(wire.PathOperations, id, ""), token: "-"}, http.StatusOK, &waiting)
	if len(waiting.Value) != 1 || waiting.Value[0].ID != ops[0].ID {
		t.Fatalf("waiting: %+v", waiting)
	}
	in := vector[wire.Enroll](w, "enroll.json")
	in.DeviceID = string(w.reg(id).Device)
	w.problem(call{method: "POST", path: wire.PathRegistrations, body: in}, http.StatusForbidden, "wipePending")

	receipt := wire.WipeReceipt{Operation: ops[0].ID, Registration: id, FinishedAt: w.now.Unix(), Succeeded: true, Items: []wire.WipeItem{}}
	c := call{method: "POST", path: of(wire.PathReceipt, id, ops[0].ID), token: "-"}
	c.body = wire.ReceiptEnvelope{Receipt: w.sign("other", wire.TypeWipeReceipt, receipt)}
	w.problem(c, http.StatusBadRequest, "badReceipt")
	c.body = wire.ReceiptEnvelope{Receipt: w.sign("pc", wire.TypeWipeReceipt, receipt)}
	w.do(c, http.StatusNoContent, nil)
	if r := w.reg(id); r.EndedFor != "wiped" {
		t.Errorf("after the receipt: %+v", r)
	}
	w.enroll()
}

func (w *world) reg(id string) mam.Registration {
	w.Helper()
	list, err := w.mam.List(w.Context(), tenant, mam.Filter{Ended: true})
	must(w, err)
	for _, r := range list {
		if string(r.Standing.Registration) == id {
			return r
		}
	}
	w.Fatalf("registration %s is gone", id)
	return mam.Registration{}
}

func TestDiagnosticsThroughTheDoor(t *testing.T) {
	w := newWorld(t)
	e := w.enroll()
	id := e.RegistrationID
	op, err := w.mam.RequestDiagnostics(t.Context(), tenant, directory.RegistrationID(id), audit.Actor{User: "an admin"})
	must(t, err)
	if out := w.checkIn(id, w.report()); out.Operations != 1 {
		t.Errorf("check-in: %+v", out)
	}
	var waiting wire.Operations
	w.do(call{method: "GET", path: of(wire.PathOperations, id, ""), token: "-"}, http.StatusOK, &waiting)
	if len(waiting.Value) != 1 || waiting.Value[0].ID != op.ID {
		t.Fatalf("waiting: %+v", waiting)
	}
	in := vector[wire.Diagnostics](w, "diagnostics.json")
	in.CollectedAt, in.LastSync = w.now, w.now
	c := call{method: "POST", path: of(wire.PathAnswer, id, op.ID), token: "-"}
	for detail, body := range map[string]any{
		"log has 501 lines": wire.Diagnostics{CollectedAt: w.now, AppVersion: "1", SDKVersion: "1", Log: make([]string, 501)},
		"appVersion":        wire.Diagnostics{CollectedAt: w.now},
		"JSON":              `{"log"`,
	} {
		c.body = body
		if p := w.problem(c, http.StatusBadRequest, ""); !strings.Contains(p.Detail, detail) {
			t.Errorf("detail %q does not speak of %q", p.Detail, detail)
		}
	}
	c.body = `{"log":["` + strings.Repeat("x", 256<<10) + `"]}`
	w.problem(c, http.StatusRequestEntityTooLarge, "")
	c.body, c.key = in, "other"
	w.problem(c, http.StatusForbidden, "wrongKey")
	c.key = ""
	w.do(c, http.StatusNoContent, nil)
	w.do(c, http.StatusNoContent, nil) // repeating is harmless
	list, err := w.mam.Operations(t.Context(), tenant, mam.OperationFilter{Kind: mam.Diagnostics, State: mam.Done})
	must(t, err)
	if len(list) != 1 || !strings.Contains(list[0].Operation.Answer, in.Log[0]) {
		t.Errorf("kept %+v", list)
	}
	c.body = strings.Replace(string(read(t, "diagnostics.json")), "{", `{"fromTheFuture": true,`, 1)
	w.now = w.now.AddDate(1, 0, 0) // the vector's time is fixed
	if p := w.problem(c, http.StatusBadRequest, "undeclared"); !strings.Contains(p.Detail, "fromTheFuture") || len(p.Steps) == 0 {
		t.Errorf("refused with %+v", p)
	}
}

// What a PC was not declared to tell is not heard, wherever it is put.
func TestWhatIsNotDeclaredIsRefusedByName(t *testing.T) {
	w := newWorld(t)
	e := w.enroll()
	op, err := w.mam.RequestDiagnostics(t.Context(), tenant, directory.RegistrationID(e.RegistrationID), audit.Actor{User: "grace"})
	must(t, err)
	for name, c := range map[string]struct{ path, file, from, to, member string }{
		"of a PC":         {wire.PathDevices, "register-device.json", "{", `{"serialNumber": "1",`, "serialNumber"},
		"of an enrolment": {wire.PathRegistrations, "enroll.json", "{", `{"email": "a@b.example",`, "email"},
		"of a check-in":   {wire.PathCheckIn, "check-in.json", `"management": {`, `"management": {"by": "Contoso",`, "management/by"},
		"of a provider":   {wire.PathCheckIn, "check-in.json", `"providers": {`, `"providers": {"history": "good",`, "providers/history"},
		"of a receipt":    {wire.PathReceipt, "receipt.json", "{", `{"files": ["a.txt"],`, "files"},
		"of a fact":       {wire.PathAnswer, "diagnostics.json", `"facts": {`, `"facts": {"userName": "Anna",`, "facts/userName"},
		"of another case": {wire.PathCheckIn, "check-in.json", `"appVersion"`, `"AppVersion"`, "AppVersion"},
	} {
		t.Run(name, func(t *testing.T) {
			body := string(read(t, c.file))
			if !strings.Contains(body, c.from) {
				t.Fatalf("the vector has no %s", c.from)
			}
			r := call{method: "POST", path: of(c.path, e.RegistrationID, op.ID), body: strings.Replace(body, c.from, c.to, 1), gzipped: name == "of a fact"}
			if p := w.problem(r, http.StatusBadRequest, "undeclared"); !strings.Contains(p.Detail, `"`+c.member+`"`) || !strings.Contains(p.Detail, "docs/privacy-ledger.md") {
				t.Errorf("refused with %+v", p)
			}
		})
	}
}
