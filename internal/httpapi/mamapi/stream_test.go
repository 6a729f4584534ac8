package mamapi_test

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/version"
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

// quiet fails when a nudge comes before the third heartbeat from now.
func (l *line) quiet() {
	l.w.Helper()
	for beats := 0; beats < 3 && l.scan.Scan(); {
		switch text := l.scan.Text(); {
		case strings.HasPrefix(text, ":"):
			beats++
		case strings.HasPrefix(text, "data: "):
			l.w.Fatalf("heard %q, want nothing", text)
		}
	}
}

// tighten changes what the policy asks of everyone and returns the news.
func (w *world) tighten() event.Event {
	w.Helper()
	policies := w.store.Admin().ProtectionPolicies()
	p, err := policies.Get(w.Context(), tenant, "T_5a1e2d6c-0000-4000-8000-000000000006")
	must(w, err)
	p.Settings.Checks = append(p.Settings.Checks, protection.Check{Subject: protection.MinAppVersion, Action: protection.Warn, Version: version.Version{1, uint32(p.Revision)}})
	p.Settings.Checks = p.Settings.Checks[len(p.Settings.Checks)-1:]
	_, err = policies.Save(w.Context(), p)
	must(w, err)
	return event.ConfigChanged{Tenant: tenant, Reach: &event.Reach{AllUsers: true, Apps: p.Apps}}
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
	must(t, w.hub.OnEvent(t.Context(), w.tighten()))
	l.hears("policy")
	must(t, w.hub.OnEvent(t.Context(), event.ComplianceChanged{Installation: in, Registration: reg}))
	l.hears("compliance")
	must(t, w.hub.OnEvent(t.Context(), event.RegistrationChanged{Installation: in, Registration: reg, Ended: true}))
	l.hears("")
	if n := w.hub.Connected(); n != 0 {
		t.Errorf("%d still connected", n)
	}
}

func TestAPolicyThatStaysTheSameIsNoNews(t *testing.T) {
	w := newWorld(t)
	e := w.enroll()
	l := w.listen(e.RegistrationID)
	for _, e := range []event.Event{
		event.ConfigChanged{Tenant: tenant, What: "conditional access policy"}, event.UserChanged{Tenant: tenant, User: anna},
	} {
		must(t, w.hub.OnEvent(t.Context(), e))
		l.quiet()
	}
	news := w.tighten()
	for _, r := range []*event.Reach{{}, {AllUsers: true, Apps: []directory.PackageID{"com.example.mail"}}, {AllUsers: true, Apps: []directory.PackageID{}}} {
		must(t, w.hub.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant, Reach: r}))
		l.quiet()
	}
	must(t, w.hub.OnEvent(t.Context(), news))
	l.hears("policy")
	must(t, w.hub.OnEvent(t.Context(), news))
	l.quiet()

	t.Run("for who heard of it by a check-in", func(t *testing.T) {
		w.tighten()
		w.do(call{method: "POST", path: of(wire.PathCheckIn, e.RegistrationID, ""), body: w.report()}, http.StatusOK, nil)
		must(t, w.hub.OnEvent(t.Context(), news))
		l.quiet()
	})
	t.Run("for who fetched it", func(t *testing.T) {
		w.tighten()
		w.do(call{method: "GET", path: of(wire.PathPolicy, e.RegistrationID, "")}, http.StatusOK, nil)
		must(t, w.hub.OnEvent(t.Context(), news))
		l.quiet()
	})
	t.Run("and another group is", func(t *testing.T) {
		a := w.store.Admin()
		_, err := a.Groups().Save(t.Context(), directory.Group{ID: "guests", Tenant: tenant, DisplayName: "Guests"})
		must(t, err)
		p, err := a.ProtectionPolicies().Get(t.Context(), tenant, "T_5a1e2d6c-0000-4000-8000-000000000006")
		must(t, err)
		p.Assignments = append(p.Assignments, targeting.Assignment{Kind: targeting.ExcludeGroup, Group: "guests"})
		_, err = a.ProtectionPolicies().Save(t.Context(), p)
		must(t, err)
		must(t, w.hub.OnEvent(t.Context(), news))
		l.quiet()
		must(t, a.AddMember(t.Context(), tenant, "guests", directory.Member{Kind: directory.MemberUser, ID: string(anna)}))
		must(t, w.hub.OnEvent(t.Context(), event.UserChanged{Tenant: tenant, User: anna}))
		l.hears("policy")
	})
}

// crowd enrolls anna's PC in n apps and opens a stream for each.
func (w *world) crowd(n int) []*line {
	w.Helper()
	d := w.register()
	reg := w.reg(w.enroll().RegistrationID)
	lines := make([]*line, n)
	for i := range lines {
		r := reg
		r.Standing.Registration, r.Revision, r.App = directory.RegistrationID(rand.Text()), 0, directory.PackageID(fmt.Sprintf("com.example.app%d", i))
		r.Device = directory.DeviceID(d.ID)
		must(w, w.store.MAM().Save(w.Context(), mam.Change{Registration: &r}))
		lines[i] = w.listen(string(r.Standing.Registration))
	}
	return lines
}

// A thousand devices hold a stream open; a policy changes for one in ten of them.
func TestAThousandDevicesHearWithinASecond(t *testing.T) {
	const n, affected = 1000, 100
	w := newWorldBeating(t, time.Second/2)
	policies := w.store.Admin().ProtectionPolicies()
	var apps []directory.PackageID
	for i := range n {
		apps = append(apps, directory.PackageID(fmt.Sprintf("com.example.app%d", i)))
	}
	everybody := []targeting.Assignment{{Kind: targeting.AllUsers}}
	_, err := policies.Save(t.Context(), protection.Policy{ID: "T_a", Tenant: tenant, DisplayName: "a", Apps: apps, Assignments: everybody})
	must(t, err)
	some, err := policies.Save(t.Context(), protection.Policy{ID: "T_b", Tenant: tenant, DisplayName: "b", Apps: apps[:affected], Assignments: everybody})
	must(t, err)
	lines := w.crowd(n)

	some.Settings.PrintBlocked = true
	_, err = policies.Save(t.Context(), some)
	must(t, err)
	begin := time.Now()
	for range 20 { // many changes in a row
		must(t, w.hub.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant}))
	}
	for _, l := range lines[:affected] {
		l.hears("policy")
	}
	t.Logf("%d devices heard within %s", affected, time.Since(begin))
	for _, l := range lines {
		l.quiet()
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
	must(t, w.hub.OnEvent(t.Context(), w.tighten()))
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

// On HTTP/2, which is what browsers and agents speak, a deadline that passes ends a
// stream although nothing is being written.
func TestAStreamOutlivesItsPausesOnHTTP2(t *testing.T) {
	w := newWorldBeating(t, 200*time.Millisecond)
	id := w.enroll().RegistrationID
	door := w.server.Config.Handler
	w.door.WriteWithin = 50 * time.Millisecond
	w.server = httptest.NewUnstartedServer(door)
	w.server.EnableHTTP2 = true
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	l := w.listen(id)
	for beats := 0; beats < 4; {
		if !l.scan.Scan() {
			t.Fatalf("the stream ended after %d heartbeats: %v", beats, l.scan.Err())
		}
		if strings.HasPrefix(l.scan.Text(), ":") {
			beats++
		}
	}
}
