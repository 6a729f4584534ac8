package gate_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// stored is the person of healthy, kept in a real store.
type stored struct {
	testing.TB
	*store.Store
	gate    *gate.Service
	policy  access.Policy
	session idp.Session
}

func keep(t testing.TB) *stored {
	t.Helper()
	clock := func() time.Time { return now }
	s := &stored{TB: t, Store: storetest.OpenAt(t, clock)}
	ctx, a := t.Context(), s.Admin()
	s.ok(a.Found(ctx, admin.Founding{
		Tenant:   directory.Tenant{ID: "t", DisplayName: "Example", Domain: "example.org", CreatedAt: now},
		Admin:    directory.User{ID: "root", Tenant: "t", UserPrincipalName: "root@example.org", Enabled: true, CreatedAt: now},
		Password: admin.Password{Hash: "x"},
	}))
	_, err := a.Users().Save(ctx, directory.User{ID: "ada", Tenant: "t", UserPrincipalName: "ada@example.org", DisplayName: "Ada", Enabled: true, CreatedAt: now})
	s.ok(err)
	_, err = a.Apps().Save(ctx, directory.App{
		ID: site, Tenant: "t", DisplayName: "Intranet", Site: &directory.Site{Host: "intranet.example", Upstream: "http://inside"}, CreatedAt: now,
	})
	s.ok(err)
	_, err = a.ProtectionPolicies().Save(ctx, protection.Policy{
		ID: "T_1", Tenant: "t", DisplayName: "Edge", Apps: []directory.PackageID{"com.microsoft.edge"},
		Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}}, CreatedAt: now, ModifiedAt: now,
		Settings: protection.Settings{Checks: []protection.Check{
			{Subject: protection.MinOSVersion, Action: protection.Block, Version: version.Version{10, 0, 22621, 0}},
			{Subject: protection.MaxThreatLevel, Action: protection.Block, Level: threat.Low},
		}},
	})
	s.ok(err)
	s.policy, err = a.AccessPolicies().Save(ctx, demand(access.CompliantApplication))
	s.ok(err)
	_, err = a.Connectors().Save(ctx, threat.Connector{
		ID: directory.WindowsSecurityCenter, Tenant: "t", EnabledForWindows: true, HeartbeatAt: now, CreatedAt: now,
	})
	s.ok(err)
	_, err = s.MAM().SaveDevice(ctx, directory.Device{ID: "pc", Tenant: "t", Owner: "ada", Platform: "windows", Enabled: true, KeyThumbprint: "jkt", CreatedAt: now}, nil)
	s.ok(err)
	standing := healthy().facts.Dossier.Standing
	standing.Revision = 0
	s.ok(s.MAM().Save(ctx, mam.Change{Registration: &mam.Registration{Standing: standing, DeviceName: "PC", KeyThumbprint: "jkt"}}))
	s.session, err = s.IDP().SaveSession(ctx, idp.Session{
		ID: "s", Tenant: "t", User: "ada", CookieHash: "c", AuthAt: now, Methods: []string{"pwd"}, Registration: "reg", ProvedAt: now, ExpiresAt: now.Add(time.Hour),
	})
	s.ok(err)
	s.signal(threat.Healthy, now.Add(-2*time.Minute))
	s.gate, err = gate.New(gate.Options{Store: s.Gate(), Now: clock})
	s.ok(err)
	return s
}

func (s *stored) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stored) decide() access.Ruling {
	s.Helper()
	r, err := s.gate.Decide(s.Context(), request())
	s.ok(err)
	return r
}

// signal stores what a partner says about the PC.
func (s *stored) signal(state threat.State, at time.Time) {
	s.Helper()
	in := directory.Installation{Tenant: "t", User: "ada", App: "com.microsoft.edge", Device: "pc"}
	s.ok(s.MTD().SaveSignal(s.Context(), "t", "reg", threat.Signal{
		Source: threat.FromConnector, Partner: directory.WindowsSecurityCenter, States: []threat.State{state}, ReportedAt: at, ReceivedAt: at,
	}, event.ThreatChanged{Installation: in, Registration: "reg", At: at}))
}

// Whatever is acknowledged is seen by the next decision, and moves its basis.
func TestTheNextDecisionSeesWhatWasAcknowledged(t *testing.T) {
	tests := []struct {
		name   string
		change func(*stored)
		code   int
		remedy string
	}{
		{"a threat", func(s *stored) { s.signal(worst(), now) }, 53009, "maxThreatLevel"},
		{"a wipe", func(s *stored) {
			r, err := s.MAM().Registration(s.Context(), "t", "reg")
			s.ok(err)
			r.Standing.WipePending = true
			s.ok(s.MAM().Save(s.Context(), mam.Change{Registration: &r}))
		}, 53009, compliance.WipePending},
		{"the end of the registration", func(s *stored) {
			r, err := s.MAM().Registration(s.Context(), "t", "reg")
			s.ok(err)
			r.EndedAt = now
			s.ok(s.MAM().Save(s.Context(), mam.Change{Registration: &r}))
		}, 53009, "compliantApplication"},
		{"a disabled device", func(s *stored) {
			d, err := s.MAM().Device(s.Context(), "t", "pc")
			s.ok(err)
			d.Enabled = false
			_, err = s.Admin().Devices().Save(s.Context(), d)
			s.ok(err)
		}, 53009, "deviceDisabled"},
		{"a stricter policy", func(s *stored) {
			s.policy.Grant.Controls = []access.Control{access.Block}
			_, err := s.Admin().AccessPolicies().Save(s.Context(), s.policy)
			s.ok(err)
		}, 53003, "blocked"},
		{"a disabled account", func(s *stored) {
			u, err := s.IDP().User(s.Context(), "t", "ada")
			s.ok(err)
			u.Enabled = false
			_, err = s.Admin().Users().Save(s.Context(), u)
			s.ok(err)
		}, gate.CodeAccountDisabled, "accountDisabled"},
		{"a revoked session", func(s *stored) {
			s.session.RevokedAt = now
			_, err := s.IDP().SaveSession(s.Context(), s.session)
			s.ok(err)
		}, gate.CodeSessionEnded, "signInAgain"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := keep(t)
			before := s.decide()
			if before.Decision.Outcome != access.Granted {
				t.Fatalf("control: %+v %+v", before.Decision, before.Remedies)
			}
			tt.change(s)
			after := s.decide()
			if after.Decision.Outcome == access.Granted || after.Decision.Code != tt.code {
				t.Fatalf("outcome %v, code %d, want %d", after.Decision.Outcome, after.Decision.Code, tt.code)
			}
			checkRemedy(t, after.Remedies, tt.remedy)
			if after.Basis == before.Basis {
				t.Errorf("the basis is still %+v: a grant made from the old facts would be saved", before.Basis)
			}
		})
	}
}

func TestWhoHealedIsIn(t *testing.T) {
	s := keep(t)
	s.signal(worst(), now.Add(-time.Minute))
	if r := s.decide(); r.Decision.Outcome == access.Granted {
		t.Fatal("control: a threat changes nothing")
	}
	s.signal(threat.Healthy, now)
	if r := s.decide(); r.Decision.Outcome != access.Granted {
		t.Fatalf("%+v %+v", r.Decision, r.Remedies)
	}
}

func TestNobodyLearnsWhatDoesNotExist(t *testing.T) {
	s := keep(t)
	var seen []access.Ruling
	for _, change := range []func(*access.Request){
		func(r *access.Request) { r.Session = "another" },
		func(r *access.Request) { r.Resources = []directory.AppID{"another"} },
		func(r *access.Request) { r.Client = "another" },
		func(r *access.Request) { r.Tenant = "another" },
	} {
		ask := request()
		change(&ask)
		r, err := s.gate.Decide(t.Context(), ask)
		if err != nil || r.Decision.Outcome != access.Denied || r.Decision.Code != gate.CodeUnknown {
			t.Errorf("%+v: %+v, %v", ask, r.Decision, err)
		}
		seen = append(seen, r)
	}
	for _, r := range seen {
		if r.Record.Reason != seen[0].Record.Reason || r.Remedies[0].Why != seen[0].Remedies[0].Why {
			t.Errorf("%q and %q tell two things apart that nobody may tell apart", r.Record.Reason, seen[0].Record.Reason)
		}
	}
}

// Policies change while people come in: nobody is decided by demands that are
// older than the facts, and nobody waits for ever.
func TestDemandsNeverLagBehindTheFacts(t *testing.T) {
	s := keep(t)
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(stop)
		for i := range 30 {
			control := []access.Control{access.Block, access.CompliantApplication}[i%2]
			s.policy.Grant.Controls = []access.Control{control}
			p, err := s.Admin().AccessPolicies().Save(s.Context(), s.policy)
			if err != nil {
				t.Error(err)
				return
			}
			s.policy = p
			// Acknowledged: from here on every decision must know it.
			r, err := s.gate.Decide(t.Context(), request())
			if granted := r.Decision.Outcome == access.Granted; err != nil || granted != (control != access.Block) {
				t.Errorf("after %s: %+v, %v", control, r.Decision, err)
			}
		}
	})
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.gate.Decide(t.Context(), request()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// One decision with everything it reads, on SQLite, with 200 access policies.
func BenchmarkDecideStored(b *testing.B) {
	s := keep(b)
	for i := range 199 {
		p := demand(access.CompliantApplication)
		p.ID = access.PolicyID("p" + strconv.Itoa(i))
		_, err := s.Admin().AccessPolicies().Save(b.Context(), p)
		s.ok(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := s.decide(); r.Decision.Outcome != access.Granted {
			b.Fatal(r.Decision.Code)
		}
	}
}
