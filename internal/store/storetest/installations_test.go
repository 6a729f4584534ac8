package storetest_test

import (
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/tunnel"
)

func signal(source threat.Source, at time.Time) threat.Signal {
	s := threat.Signal{Source: source, States: []threat.State{"x"}, ReportedAt: at, ReceivedAt: at.Add(time.Second)}
	if source == threat.FromConnector {
		s.Partner = directory.WindowsSecurityCenter
	}
	return s
}

func TestRegistrations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, m := t.Context(), w.MAM()
		want := *registration("t1", "reg")
		want.Revision = 1
		wantEqual(t, must(m.Registration(ctx, "t1", "reg"))(t), want)
		_, err := m.Registration(ctx, "t3", "reg")
		wantKind(t, fault.NotFound, err)
		wantKind(t, fault.Conflict, m.Save(ctx, mam.Change{Registration: registration("t1", "twin"), Events: []event.Event{changed("twin")}}))
		orphan := registration("t1", "orphan")
		orphan.Device = "none"
		wantKind(t, fault.NotFound, m.Save(ctx, mam.Change{Registration: orphan, Events: []event.Event{changed("orphan")}}))

		want.Verdict = compliance.Verdict{State: compliance.Compliant, Action: protection.Warn}
		results := race(8, func(int) error {
			return m.Save(ctx, mam.Change{Registration: &want, Events: []event.Event{changed("in")}})
		})
		wantOneWinner(t, results, conflict)
		want.Revision = 2
		wantEqual(t, must(m.Registration(ctx, "t1", "reg"))(t), want)

		want.EndedAt, want.EndedFor = now, "signedOut"
		ok(t, m.Save(ctx, mam.Change{Registration: &want}))
		want.Revision = 3
		wantEqual(t, must(m.Registration(ctx, "t1", "reg"))(t), want)
		ok(t, m.Save(ctx, mam.Change{Registration: registration("t1", "twin")}))
		wantEqual(t, w.events(t), []event.Event{changed("in")})

		ids := func(f mam.Filter) (found []directory.RegistrationID) {
			for _, r := range must(m.List(ctx, "t1", f))(t) {
				found = append(found, r.Standing.Registration)
			}
			return found
		}
		wantEqual(t, ids(mam.Filter{}), []directory.RegistrationID{"twin"})
		wantEqual(t, ids(mam.Filter{Ended: true}), []directory.RegistrationID{"reg", "twin"})
		wantEqual(t, ids(mam.Filter{Ended: true, Limit: 1}), []directory.RegistrationID{"reg"})
		wantEqual(t, ids(mam.Filter{Ended: true, After: "reg", User: "anna", Device: "pc", App: "com.example.app"}), []directory.RegistrationID{"twin"})
		for _, f := range []mam.Filter{{User: "x"}, {Device: "x"}, {App: "x"}} {
			wantEqual(t, len(ids(f)), 0)
		}
	})
}

func TestOperations(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, m := t.Context(), w.MAM()
		revision := func() int64 { return must(m.Registration(ctx, "t1", "reg"))(t).Revision }
		op := func(id string, at time.Time) mam.Operation {
			return mam.Operation{ID: id, Tenant: "t1", Registration: "reg", State: mam.Pending, Order: "jws", RequestedAt: at}
		}
		ok(t, m.Save(ctx, mam.Change{Operations: []mam.Operation{op("a", now), op("b", now.Add(time.Second))}, Events: []event.Event{changed("wipe")}}))
		wantEqual(t, revision(), int64(2)) // once, however many operations
		list := must(m.Operations(ctx, "t1", "reg"))(t)
		wantEqual(t, []string{list[0].ID, list[1].ID}, []string{"b", "a"})
		wantEqual(t, len(must(m.Operations(ctx, "t2", "reg"))(t)), 0)

		reg := must(m.Registration(ctx, "t1", "reg"))(t)
		reg.WipePending = true
		done := list[1]
		done.State, done.Receipt = mam.Done, "receipt"
		ok(t, m.Save(ctx, mam.Change{Registration: &reg, Operations: []mam.Operation{done}}))
		wantEqual(t, revision(), int64(3)) // once for both
		wantEqual(t, must(w.MAM().Dossier(ctx, "t1", "reg"))(t).Standing.WipePending, true)

		stale := done // its revision moved
		wantKind(t, fault.Conflict, m.Save(ctx, mam.Change{Operations: []mam.Operation{op("c", now), stale}, Events: []event.Event{changed("stale")}}))
		wantEqual(t, []any{revision(), len(must(m.Operations(ctx, "t1", "reg"))(t))}, []any{int64(3), 2})
		other := op("d", now)
		other.Registration = "none"
		wantKind(t, fault.NotFound, m.Save(ctx, mam.Change{Operations: []mam.Operation{other}, Events: []event.Event{changed("none")}}))
		wantEqual(t, w.events(t), []event.Event{changed("wipe")})

		proof := oauth.Proof{JKT: "k", JTI: "j"}
		ok(t, m.Save(ctx, mam.Change{Operations: []mam.Operation{op("e", now)}, Proof: &proof}))
		wantKind(t, fault.Unauthenticated, m.Save(ctx, mam.Change{Operations: []mam.Operation{op("f", now)}, Proof: &proof}))
	})
}

func TestSavingDevices(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, m := t.Context(), w.MAM()
		before := w.tenantRevision(t)
		d := must(m.SaveDevice(ctx, device("t1", "new"), &oauth.Proof{JKT: "k", JTI: "j"}, changed("new")))(t)
		wantEqual(t, must(m.Device(ctx, "t1", "new"))(t), d)
		wantEqual(t, must(m.DeviceByKey(ctx, "t1", "jkt-new"))(t), d)
		_, err := m.DeviceByKey(ctx, "t2", "jkt-new")
		wantKind(t, fault.NotFound, err)
		_, err = m.Device(ctx, "t2", "new")
		wantKind(t, fault.NotFound, err)
		d.OSVersion = "newer"
		d = must(m.SaveDevice(ctx, d, nil))(t)
		wantEqual(t, w.tenantRevision(t), before)
		d.Enabled = false
		d = must(m.SaveDevice(ctx, d, nil))(t)
		wantEqual(t, w.tenantRevision(t), before+1)
		results := race(8, func(int) error { _, err := m.SaveDevice(ctx, d, nil); return err })
		wantOneWinner(t, results, conflict)

		t.Run("deleting one removes what was enrolled on it", func(t *testing.T) {
			ok(t, w.Admin().Devices().Delete(ctx, "t1", "pc"))
			_, err := m.Registration(ctx, "t1", "reg")
			wantKind(t, fault.NotFound, err)
			facts := must(w.Gate().Facts(ctx, request("t1")))(t)
			wantEqual(t, []any{facts.Device, facts.Dossier}, []any{(*directory.Device)(nil), (*compliance.Dossier)(nil)})
		})
	})
}

func TestSignals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.MTD()
		wantKind(t, fault.NotFound, s.SaveSignal(ctx, "t1", "reg", signal(threat.FromConnector, now), changed("none")))
		must(w.Admin().Connectors().Save(ctx, connector("t1")))(t)
		wantEqual(t, must(s.Enrolled(ctx, installation("t1")))(t), directory.RegistrationID("reg"))
		dossier := func() mam.Dossier { return must(w.MAM().Dossier(ctx, "t1", "reg"))(t) }
		revision := dossier().Standing.Revision

		ok(t, s.SaveSignal(ctx, "t1", "reg", signal(threat.FromConnector, now), changed("first")))
		d := dossier()
		wantEqual(t, d.Signals, []threat.Signal{signal(threat.FromConnector, now)})
		wantEqual(t, []any{d.Standing.Revision, d.Connector.HeartbeatAt}, []any{revision + 1, now.Add(time.Second)})

		for _, at := range []time.Time{now, now.Add(-time.Nanosecond)} {
			wantKind(t, fault.Conflict, s.SaveSignal(ctx, "t1", "reg", signal(threat.FromConnector, at), changed("stale")))
		}
		wantEqual(t, dossier(), d)
		results := race(8, func(int) error {
			return s.SaveSignal(ctx, "t1", "reg", signal(threat.FromConnector, now.Add(time.Nanosecond)), changed("second"))
		})
		wantOneWinner(t, results, conflict)

		reg := must(w.MAM().Registration(ctx, "t1", "reg"))(t)
		agent := signal(threat.FromAgent, now.Add(-time.Hour))
		ok(t, w.MAM().Save(ctx, mam.Change{Registration: &reg, Signal: &agent}))
		wantEqual(t, dossier().Signals, []threat.Signal{agent, signal(threat.FromConnector, now.Add(time.Nanosecond))})
		wantEqual(t, dossier().Standing.Revision, revision+3)

		wantKind(t, fault.NotFound, s.SaveSignal(ctx, "t2", "reg", signal(threat.FromConnector, now.Add(time.Hour))))
		wantEqual(t, w.events(t), []event.Event{changed("first"), changed("second")})

		t.Run("go with the connector that reported them", func(t *testing.T) {
			ok(t, w.Admin().Connectors().Delete(ctx, "t1", string(directory.WindowsSecurityCenter)))
			d := dossier()
			wantEqual(t, d.Signals, []threat.Signal{agent})
			wantEqual(t, d.Connector, (*threat.Connector)(nil))
		})
		t.Run("are not kept about those who left", func(t *testing.T) {
			must(w.Admin().Connectors().Save(ctx, connector("t1")))(t)
			reg := must(w.MAM().Registration(ctx, "t1", "reg"))(t)
			reg.EndedAt = now
			ok(t, w.MAM().Save(ctx, mam.Change{Registration: &reg}))
			wantKind(t, fault.NotFound, s.SaveSignal(ctx, "t1", "reg", signal(threat.FromConnector, now.Add(time.Hour))))
			_, err := s.Enrolled(ctx, installation("t1"))
			wantKind(t, fault.NotFound, err)
		})
		if err := w.MAM().Save(ctx, mam.Change{Signal: &agent}); err == nil {
			t.Error("a signal about nobody was saved")
		}
	})
}

func TestHeartbeats(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.MTD()
		partner := directory.WindowsSecurityCenter
		wantKind(t, fault.NotFound, s.Heartbeat(ctx, "t1", partner, now))
		_, err := s.Connector(ctx, "t1", partner)
		wantKind(t, fault.NotFound, err)
		read := must(w.Admin().Connectors().Save(ctx, connector("t1")))(t)
		revision := w.tenantRevision(t)

		ok(t, s.Heartbeat(ctx, "t1", partner, now))
		ok(t, s.Heartbeat(ctx, "t1", partner, now.Add(-time.Hour))) // never back
		c := must(s.Connector(ctx, "t1", partner))(t)
		wantEqual(t, []any{c.HeartbeatAt, c.Revision, w.tenantRevision(t)}, []any{now, int64(1), revision})

		read.BlockOnSilence = true // edited by an admin who saw no heartbeat yet
		c = must(w.Admin().Connectors().Save(ctx, read))(t)
		wantEqual(t, []any{c.HeartbeatAt, c.BlockOnSilence}, []any{now, true})
	})
}

func TestFacts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(w.Admin().Connectors().Save(ctx, connector("t1")))(t)
		ok(t, w.MTD().SaveSignal(ctx, "t1", "reg", signal(threat.FromConnector, now)))
		f := must(w.Gate().Facts(ctx, request("t1")))(t)
		wantEqual(t, []any{f.Session.ID, f.Session.ExpiresAt, f.Session.Registration, f.User.ID, f.Client.ID, f.Device.ID},
			[]any{directory.SessionID("session"), now.Add(time.Hour), directory.RegistrationID("reg"), directory.UserID("anna"), directory.AppID("client"), directory.DeviceID("pc")})
		wantEqual(t, len(f.Resources), 1)
		wantEqual(t, *f.Dossier, must(w.MAM().Dossier(ctx, "t1", "reg"))(t).Dossier)
		wantEqual(t, f.Revisions, directory.Revisions{Config: w.tenantRevision(t), User: 1, Session: 1, Registration: 2})

		for name, r := range map[string]access.Request{
			"session":  {Tenant: "t1", Session: "none", Client: "client"},
			"client":   {Tenant: "t1", Session: "session", Client: "none"},
			"resource": {Tenant: "t1", Session: "session", Client: "client", Resources: []directory.AppID{"client", "none"}},
			"tenant":   {Tenant: "t3", Session: "session", Client: "client"},
			"nobody":   {Tenant: "t1", Client: "client"}, // no session, and no workload either
		} {
			if _, err := w.Gate().Facts(ctx, r); fault.KindOf(err) != fault.NotFound || err == nil {
				t.Errorf("an unknown %s gives %v", name, err)
			}
		}
		app := must(w.Gate().Facts(ctx, access.Request{Tenant: "t1", Client: "client", Workload: true}))(t)
		wantEqual(t, []any{app.User.ID, app.Session.ID, app.Revisions}, []any{directory.UserID(""), directory.SessionID(""), directory.Revisions{Config: w.tenantRevision(t)}})

		t.Run("an installation that ended proves nothing, and its end counts", func(t *testing.T) {
			reg := must(w.MAM().Registration(ctx, "t1", "reg"))(t)
			reg.EndedAt = now
			ok(t, w.MAM().Save(ctx, mam.Change{Registration: &reg}))
			f := must(w.Gate().Facts(ctx, request("t1")))(t)
			wantEqual(t, []any{f.Device, f.Dossier, f.Revisions.Registration}, []any{(*directory.Device)(nil), (*compliance.Dossier)(nil), reg.Revision + 1})
		})
	})
}

func TestConfigurationOfATenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(w.Admin().AccessPolicies().Save(ctx, access.Policy{ID: "b", Tenant: "t1"}))(t)
		must(w.Admin().AccessPolicies().Save(ctx, access.Policy{ID: "a", Tenant: "t1"}))(t)
		c := must(w.Gate().Config(ctx, "t1"))(t)
		wantEqual(t, []access.PolicyID{c.Access[0].ID, c.Access[1].ID}, []access.PolicyID{"a", "b"})
		wantEqual(t, c.Tenant.Revision, w.tenantRevision(t))
		wantEqual(t, len(must(w.Gate().Config(ctx, "t2"))(t).Access), 0)
		_, err := w.Gate().Config(ctx, "t3")
		wantKind(t, fault.NotFound, err)
	})
}

func TestPasses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.Tunnel()
		p := tunnel.Pass{Hash: "h", Tenant: "t1", Site: "client", Session: "session", User: "anna", UserName: "Anna@Example", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		ok(t, s.SavePass(ctx, p))
		wantEqual(t, must(s.Pass(ctx, "h"))(t), p)
		wantKind(t, fault.Conflict, s.SavePass(ctx, p))
		wantKind(t, fault.Invalid, s.SavePass(ctx, tunnel.Pass{}))
		_, err := s.Pass(ctx, "other")
		wantKind(t, fault.NotFound, err)
		ok(t, s.DeletePass(ctx, "h"))
		ok(t, s.DeletePass(ctx, "h"))
		_, err = s.Pass(ctx, "h")
		wantKind(t, fault.NotFound, err)
		_, err = s.SiteByHost(ctx, "unknown.example")
		wantKind(t, fault.NotFound, err)
		wantEqual(t, must(s.SiteByHost(ctx, "t1.sites.example"))(t).ID, directory.AppID("client"))
	})
}
