package mamapi_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/wire"
)

// line is the device's end of a stream.
type line struct {
	w    *world
	body io.Closer
	scan *bufio.Scanner
}

func (w *world) listen(id string) *line {
	w.Helper()
	c := call{method: "GET", path: of(wire.PathStream, id, ""), token: "-"}
	res, err := w.server.Client().Do(c.request(w))
	must(w, err)
	w.Cleanup(func() { _ = res.Body.Close() })
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "text/event-stream" {
		w.Fatalf("stream: %d %s", res.StatusCode, kind)
	}
	l := &line{w, res.Body, bufio.NewScanner(res.Body)}
	l.hears("hello")
	return l
}

// next returns the next nudge, or "" when the stream has ended.
func (l *line) next() string {
	l.w.Helper()
	for l.scan.Scan() {
		data, ok := strings.CutPrefix(l.scan.Text(), "data: ")
		if !ok {
			continue
		}
		var n wire.Nudge
		must(l.w, json.Unmarshal([]byte(data), &n))
		return n.What
	}
	return ""
}

func (l *line) hears(want string) {
	l.w.Helper()
	if got := l.next(); got != want {
		l.w.Fatalf("heard %q, want %q", got, want)
	}
}

func TestNudgesReachExactlyWhomTheyConcern(t *testing.T) {
	w := newWorld(t)
	id := w.enroll().RegistrationID
	l := w.listen(id)
	in, reg := w.reg(id).Installation, w.reg(id).Standing.Registration
	stranger := in
	stranger.User = "another"
	for _, e := range []event.Event{
		event.WipeRequested{Installation: in, Registration: "another"},
		event.ComplianceChanged{Installation: stranger, Registration: "another"},
		event.UserChanged{Tenant: tenant, User: "another"},
		event.ConfigChanged{Tenant: "another"},
		event.ThreatChanged{Installation: in, Registration: reg},
		event.RegistrationChanged{Installation: in, Registration: reg},
		event.WipeRequested{Installation: in, Registration: reg},
	} {
		must(t, w.hub.OnEvent(t.Context(), e))
	}
	l.hears("operation") // and nothing before it
	must(t, w.hub.OnEvent(t.Context(), event.DiagnosticsRequested{Installation: in, Registration: "another"}))
	must(t, w.hub.OnEvent(t.Context(), event.DiagnosticsRequested{Installation: in, Registration: reg}))
	l.hears("operation")
	must(t, w.hub.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant}))
	l.hears("policy")
	must(t, w.hub.OnEvent(t.Context(), event.ComplianceChanged{Installation: in, Registration: reg}))
	l.hears("compliance")
	must(t, w.hub.OnEvent(t.Context(), event.UserChanged{Tenant: tenant, User: in.User}))
	l.hears("compliance")
	must(t, w.hub.OnEvent(t.Context(), event.RegistrationChanged{Installation: in, Registration: reg, Ended: true}))
	l.hears("")
	if n := w.hub.Connected(); n != 0 {
		t.Errorf("%d still connected", n)
	}
}

func TestAStreamKeepsAlive(t *testing.T) {
	w := newWorld(t)
	l := w.listen(w.enroll().RegistrationID)
	for l.scan.Scan() {
		if strings.HasPrefix(l.scan.Text(), ":") {
			return
		}
	}
	t.Error("the stream ended before its first heartbeat")
}

func TestTheNewerStreamReplacesTheOlder(t *testing.T) {
	w := newWorld(t)
	id := w.enroll().RegistrationID
	older := w.listen(id)
	newer := w.listen(id)
	older.hears("")
	must(t, w.hub.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant}))
	newer.hears("policy")
	if n := w.hub.Connected(); n != 1 {
		t.Errorf("%d connected, want 1", n)
	}
}

func TestStoppingEndsEveryStream(t *testing.T) {
	w := newWorld(t)
	l := w.listen(w.enroll().RegistrationID)
	close(w.done)
	l.hears("")
}

func TestAnEndedRegistrationHasNoStream(t *testing.T) {
	w := newWorld(t)
	id := w.enroll().RegistrationID
	w.do(call{method: "DELETE", path: of(wire.PathRegistration, id, ""), token: "-"}, http.StatusNoContent, nil)
	w.problem(call{method: "GET", path: of(wire.PathStream, id, ""), token: "-"}, http.StatusForbidden, "registrationEnded")
	w.problem(call{method: "GET", path: of(wire.PathStream, id, ""), token: "-", key: "other"}, http.StatusForbidden, "wrongKey")
}

func TestAFullLineLosesNoKindOfNudge(t *testing.T) {
	w := newWorld(t)
	id := w.enroll().RegistrationID
	l := w.listen(id)
	in, reg := w.reg(id).Installation, w.reg(id).Standing.Registration
	for range 1000 {
		must(t, w.hub.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant}))
		must(t, w.hub.OnEvent(t.Context(), event.ComplianceChanged{Installation: in, Registration: reg}))
	}
	must(t, w.hub.OnEvent(t.Context(), event.WipeRequested{Installation: in, Registration: reg}))
	for range 2001 {
		if l.next() == "operation" {
			return
		}
	}
	t.Error("the wipe was lost among other nudges")
}

// The limit on how long a body may take to arrive is set before the request is
// known to be a stream, and must not end one.
func TestAReadDeadlineEndsNoStream(t *testing.T) {
	w := newWorld(t)
	id := w.enroll().RegistrationID
	door := w.server.Config.Handler
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		must(t, http.NewResponseController(rw).SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		door.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	l := w.listen(id)
	for beats := 0; beats < 10; {
		if !l.scan.Scan() {
			t.Fatalf("the stream ended after %d heartbeats", beats)
		}
		if strings.HasPrefix(l.scan.Text(), ":") {
			beats++
		}
	}
}
