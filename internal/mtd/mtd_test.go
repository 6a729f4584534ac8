package mtd_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/mtd"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

const (
	tenant = directory.TenantID("t1")
	anna   = directory.UserID("anna")
	laptop = directory.DeviceID("laptop")
	edge   = directory.PackageID("com.microsoft.edge")
	reg    = directory.RegistrationID("r1")
	wsc    = directory.WindowsSecurityCenter
)

type world struct {
	*testing.T
	store *store.Store
	mtd   *mtd.Service
	now   time.Time
}

// newWorld has one connector, and anna's app enrolled on her laptop.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, store: storetest.Open(t), now: time.Now().UTC().Truncate(time.Second)}
	svc, err := mtd.New(mtd.Config{Store: w.store.MTD(), Now: func() time.Time { return w.now }})
	w.must(err)
	w.mtd = svc
	ctx := t.Context()
	a := w.store.Admin()
	w.must(a.Found(ctx, admin.Founding{
		Tenant: directory.Tenant{ID: tenant, Domain: "contoso.example"}, Password: admin.Password{Hash: "x"},
		Admin: directory.User{ID: "root", Tenant: tenant, UserPrincipalName: "root@contoso.example", Enabled: true},
	}))
	_, err = a.Users().Save(ctx, directory.User{ID: anna, Tenant: tenant, UserPrincipalName: "anna@contoso.example", Enabled: true})
	w.must(err)
	_, err = a.Connectors().Save(ctx, threat.Connector{ID: wsc, Tenant: tenant, EnabledForWindows: true})
	w.must(err)
	_, err = w.store.MAM().SaveDevice(ctx, directory.Device{ID: laptop, Tenant: tenant, Owner: anna, Enabled: true, KeyThumbprint: "k"}, nil)
	w.must(err)
	w.must(w.store.MAM().Save(ctx, mam.Change{Registration: &mam.Registration{Standing: compliance.Standing{
		Registration: reg, Installation: directory.Installation{Tenant: tenant, User: anna, App: edge, Device: laptop},
	}}}))
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func partner() oauth.Principal { return oauth.Principal{Tenant: tenant, Client: wsc} }

func (w *world) state(state string) wire.HealthState {
	return wire.HealthState{UserID: string(anna), App: string(edge), DeviceID: string(laptop), State: state, UpdatedAt: w.now}
}

func (w *world) ingest(report ...wire.HealthState) string {
	w.Helper()
	results, err := w.mtd.Ingest(w.Context(), partner(), report)
	w.must(err)
	var words []string
	for _, r := range results {
		words = append(words, r.Result)
	}
	return strings.Join(words, " ")
}

func (w *world) signals() []threat.Signal {
	w.Helper()
	d, err := w.store.MAM().Dossier(w.Context(), tenant, reg)
	w.must(err)
	return d.Signals
}

func (w *world) heartbeat() time.Time {
	w.Helper()
	c, err := w.store.MTD().Connector(w.Context(), tenant, wsc)
	w.must(err)
	return c.HeartbeatAt
}

func (w *world) refused(err error, k fault.Kind, words ...string) {
	w.Helper()
	if err == nil || fault.KindOf(err) != k {
		w.Fatalf("got %v, want a fault of kind %d", err, k)
	}
	for _, word := range words {
		if !strings.Contains(fault.Detail(err), word) {
			w.Errorf("%q does not name %q", fault.Detail(err), word)
		}
	}
}

func TestAnAcceptedStateIsStoredAndAnnounced(t *testing.T) {
	w := newWorld(t)
	last, err := w.store.Outbox().LastSequence(t.Context())
	w.must(err)
	before, err := w.store.MAM().Registration(t.Context(), tenant, reg)
	w.must(err)
	if got := w.ingest(w.state("activeThreat")); got != "accepted" {
		t.Fatalf("result %s", got)
	}
	s := w.signals()
	if len(s) != 1 || !slices.Equal(s[0].States, []threat.State{threat.ActiveThreat}) || s[0].Partner != wsc || !s[0].ReportedAt.Equal(w.now) {
		t.Errorf("stored %+v", s)
	}
	events, err := w.store.Outbox().EventsAfter(t.Context(), last, 10)
	w.must(err)
	if len(events) != 1 {
		t.Fatalf("announced %+v", events)
	}
	if e, ok := events[0].Event.(event.ThreatChanged); !ok || e.Registration != reg || e.User != anna {
		t.Errorf("announced %+v", events[0])
	}
	after, err := w.store.MAM().Registration(t.Context(), tenant, reg)
	w.must(err)
	if after.Revision == before.Revision {
		t.Error("a decision under way would not notice")
	}
	if !w.heartbeat().Equal(w.now) {
		t.Error("a signal is no sign of life")
	}
}

func TestAnOlderStateNeverReplacesANewer(t *testing.T) {
	w := newWorld(t)
	old := w.state("healthy")
	old.UpdatedAt = w.now.Add(-time.Minute)
	if got := w.ingest(w.state("firewallOff"), w.state("healthy"), old); got != "accepted stale stale" {
		t.Errorf("results %s", got)
	}
	if s := w.signals(); len(s) != 1 || s[0].States[0] != threat.FirewallOff {
		t.Errorf("stored %+v", s)
	}
	w.now = w.now.Add(time.Second)
	if got := w.ingest(w.state("healthy")); got != "accepted" {
		t.Errorf("healed: %s", got)
	}
}

func TestOnlyEnrolledUsersAreKept(t *testing.T) {
	w := newWorld(t)
	for _, change := range []func(*wire.HealthState){
		func(h *wire.HealthState) { h.UserID = "bob" }, func(h *wire.HealthState) { h.App = "another" },
		func(h *wire.HealthState) { h.DeviceID = "another" },
	} {
		h := w.state("activeThreat")
		change(&h)
		if got := w.ingest(h); got != "notEnrolled" {
			t.Errorf("%+v is %s", h, got)
		}
	}
	r, err := w.store.MAM().Registration(t.Context(), tenant, reg)
	w.must(err)
	r.EndedAt, r.EndedFor = w.now, "signedOut"
	w.must(w.store.MAM().Save(t.Context(), mam.Change{Registration: &r}))
	if got := w.ingest(w.state("activeThreat")); got != "notEnrolled" {
		t.Errorf("after signing out: %s", got)
	}
}

func TestOneBadStateRefusesTheWholeReport(t *testing.T) {
	w := newWorld(t)
	for field, change := range map[string]func(*wire.HealthState){
		"value[1].state":     func(h *wire.HealthState) { h.State = "high" },
		"value[1].userId":    func(h *wire.HealthState) { h.UserID = "" },
		"value[1].app":       func(h *wire.HealthState) { h.App = "" },
		"value[1].deviceId":  func(h *wire.HealthState) { h.DeviceID = "" },
		"value[1].updatedAt": func(h *wire.HealthState) { h.UpdatedAt = w.now.Add(6 * time.Minute) },
	} {
		bad := w.state("healthy")
		change(&bad)
		_, err := w.mtd.Ingest(t.Context(), partner(), []wire.HealthState{w.state("activeThreat"), bad})
		w.refused(err, fault.Invalid, field, "nothing was saved")
	}
	bad := w.state("secured")
	_, err := w.mtd.Ingest(t.Context(), partner(), []wire.HealthState{bad})
	w.refused(err, fault.Invalid, `"secured"`, "activeThreat")
	bad.State, bad.UpdatedAt = "healthy", time.Time{}
	_, err = w.mtd.Ingest(t.Context(), partner(), []wire.HealthState{bad})
	w.refused(err, fault.Invalid, "updatedAt")
	_, err = w.mtd.Ingest(t.Context(), partner(), make([]wire.HealthState, 1001))
	w.refused(err, fault.Invalid, "1001")
	_, err = w.mtd.Ingest(t.Context(), partner(), nil)
	w.refused(err, fault.Invalid, "value")
	if s := w.signals(); len(s) != 0 {
		t.Errorf("part of a refused report was saved: %+v", s)
	}
}

func TestAPartnerSpeaksForItsTenantAndItself(t *testing.T) {
	w := newWorld(t)
	for _, p := range []oauth.Principal{{Tenant: "another", Client: wsc}, {Tenant: tenant, Client: "another"}} {
		_, err := w.mtd.Ingest(t.Context(), p, []wire.HealthState{w.state("activeThreat")})
		w.refused(err, fault.Forbidden)
		w.refused(w.mtd.Heartbeat(t.Context(), p), fault.Forbidden)
	}
	w.must(w.store.Admin().Connectors().Delete(t.Context(), tenant, string(wsc)))
	_, err := w.mtd.Ingest(t.Context(), partner(), []wire.HealthState{w.state("activeThreat")})
	w.refused(err, fault.Forbidden, string(wsc))
}

func TestEverySignOfLifeIsNoted(t *testing.T) {
	w := newWorld(t)
	stranger := w.state("healthy")
	stranger.UserID = "bob"
	for i, speak := range []func() error{
		func() error { return w.mtd.Heartbeat(t.Context(), partner()) },
		func() error { _, err := w.mtd.Ingest(t.Context(), partner(), []wire.HealthState{}); return err },
		func() error {
			_, err := w.mtd.Ingest(t.Context(), partner(), []wire.HealthState{stranger})
			return err
		},
	} {
		w.now = w.now.Add(time.Minute)
		w.must(speak())
		if !w.heartbeat().Equal(w.now) {
			t.Errorf("way %d is no sign of life", i)
		}
	}
}

func TestNewWantsAStore(t *testing.T) {
	if _, err := mtd.New(mtd.Config{}); err == nil {
		t.Error("a room without a store was built")
	}
}
