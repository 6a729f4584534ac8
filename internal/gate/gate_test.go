package gate_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const site directory.AppID = "site"

// world is a store of one sign-in, as a test describes it.
type world struct {
	facts   gate.Facts
	config  gate.Config
	err     error
	forgets bool // what was asked for
	reads   int  // of the configuration
	records []access.Record
	kept    []access.SetID
}

func (w *world) Facts(_ context.Context, r access.Request) (gate.Facts, error) {
	f := w.facts
	for _, id := range r.Resources {
		if !w.forgets {
			f.Resources = append(f.Resources, directory.App{ID: id, DisplayName: "Intranet"})
		}
	}
	return f, w.err
}

func (w *world) Config(context.Context, directory.TenantID) (gate.Config, error) {
	w.reads++
	return w.config, nil
}

func (w *world) KeepSet(_ context.Context, _ directory.TenantID, k gate.Kept) error {
	w.kept = append(w.kept, k.ID)
	return nil
}

func (w *world) Person(context.Context, directory.TenantID, directory.UserID) (gate.Person, error) {
	return gate.Person{User: w.facts.User, Groups: w.facts.Groups}, w.err
}

func (w *world) Resource(_ context.Context, _ directory.TenantID, id directory.AppID) (directory.App, error) {
	return directory.App{ID: id}, w.err
}

func (w *world) Kept(context.Context, directory.TenantID, access.SetID) (access.Rules, error) {
	return access.Rules{}, fault.New(fault.NotFound, "nothing is kept")
}

func (w *world) History(context.Context, directory.TenantID, time.Time, func(access.Record) bool) error {
	return nil
}

func (w *world) RecordSignIn(_ context.Context, r access.Record) error {
	w.records = append(w.records, r)
	return nil
}

// healthy is a person at a personal PC with a healthy, protected browser, where
// the site demands app protection.
func healthy() *world {
	standing := compliance.Standing{
		Registration: "reg", Installation: directory.Installation{Tenant: "t", User: "ada", App: "com.microsoft.edge", Device: "pc"},
		Platform: "windows", AppVersion: "130.0.0.0", SDKVersion: "1.0", OSVersion: "10.0.22631.3155",
		EnrolledAt: now.Add(-time.Hour), LastSyncAt: now.Add(-time.Minute), Revision: 4,
	}
	ada := directory.User{ID: "ada", Tenant: "t", UserPrincipalName: "ada@example.org", Enabled: true, Revision: 2}
	return &world{
		facts: gate.Facts{
			Session: gate.SessionFacts{ID: "s", ExpiresAt: now.Add(time.Hour), Registration: "reg", ProvedAt: now.Add(-time.Minute)},
			User:    ada,
			Device:  &directory.Device{ID: "pc", Platform: "windows", Enabled: true},
			Dossier: &compliance.Dossier{Standing: standing, User: ada, Demands: compliance.Demands{
				Policies: []protection.Policy{{
					ID: "T_1", Tenant: "t", DisplayName: "Edge", Apps: []directory.PackageID{"com.microsoft.edge"},
					Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
					Settings: protection.Settings{Checks: []protection.Check{
						{Subject: protection.MinOSVersion, Action: protection.Block, Version: version.Version{10, 0, 22621, 0}},
						{Subject: protection.MaxThreatLevel, Action: protection.Block, Level: threat.Low},
					}},
				}},
			}},
			Client:    directory.App{ID: site, DisplayName: "Intranet"},
			Revisions: directory.Revisions{Config: 7, User: 2, Session: 3, Registration: 4},
		},
		config: gate.Config{
			Tenant: directory.Tenant{ID: "t", Revision: 7},
			Access: []access.Policy{demand(access.CompliantApplication)},
		},
	}
}

func demand(controls ...access.Control) access.Policy {
	return access.Policy{
		ID: "p", Tenant: "t", DisplayName: "Protect the intranet", State: access.Enabled,
		Conditions: access.Conditions{
			Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.Browser},
			Platforms: &access.Platforms{Include: []access.Platform{access.Windows}},
		},
		Grant: access.Grant{Controls: controls},
	}
}

func request() access.Request {
	return access.Request{
		Tenant: "t", Session: "s", Client: site, Resources: []directory.AppID{site}, ClientAppType: access.Browser,
		UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/130.0", Protocol: "proxy",
	}
}

func service(t *testing.T, w *world) *gate.Service {
	t.Helper()
	s, err := gate.New(gate.Options{Store: w, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDecide(t *testing.T) {
	tests := []struct {
		name   string
		change func(*world, *access.Request)
		code   int // 0: granted
		remedy string
	}{
		{"a healthy protected app gets in", func(*world, *access.Request) {}, 0, ""},
		{"without a proven app the steps lead to enrolment", func(w *world, _ *access.Request) {
			w.facts.Device, w.facts.Dossier, w.facts.Session.Registration = nil, nil, ""
		}, 53009, "compliantApplication"},
		{"a registration that ended protects nothing", func(w *world, _ *access.Request) {
			w.facts.Dossier = nil
		}, 53009, "compliantApplication"},
		{"a device that proved itself five minutes ago still counts", func(w *world, _ *access.Request) {
			w.facts.Session.ProvedAt = now.Add(-access.ProofFor)
		}, 0, ""},
		{"a device that fell silent counts no longer", func(w *world, _ *access.Request) {
			w.facts.Session.ProvedAt = now.Add(-access.ProofFor - time.Millisecond)
		}, 53009, gate.DeviceProofLapsed},
		{"to fall silent makes no Mac of it, whatever the browser says", func(w *world, r *access.Request) {
			w.facts.Session.ProvedAt = time.Time{}
			r.UserAgent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Chrome/130.0"
		}, 53009, gate.DeviceProofLapsed},
		{"what asks for no device goes on without its proof", func(w *world, _ *access.Request) {
			w.facts.Session.ProvedAt = time.Time{}
			w.config.Access = nil
		}, 0, ""},
		{"an old Windows names Windows", func(w *world, _ *access.Request) {
			w.facts.Dossier.Standing.OSVersion = "10.0.19045.1"
		}, 53009, "minOsVersion"},
		{"a threat puts out", func(w *world, _ *access.Request) {
			w.facts.Dossier.Connector = &threat.Connector{EnabledForWindows: true, HeartbeatAt: now}
			w.facts.Dossier.Signals = []threat.Signal{{Source: threat.FromConnector, States: []threat.State{worst()}, ReportedAt: now}}
		}, 53009, "maxThreatLevel"},
		{"a pending wipe puts out", func(w *world, _ *access.Request) {
			w.facts.Dossier.Standing.WipePending = true
		}, 53009, "wipePending"},
		{"a disabled device is not trusted however healthy", func(w *world, _ *access.Request) {
			w.facts.Device.Enabled = false
		}, 53009, "deviceDisabled"},
		{"no policy for this person protects nothing", func(w *world, _ *access.Request) {
			w.facts.Dossier.Demands.Policies[0].Assignments = nil
		}, 53009, "notTargeted"},
		{"a policy without this app does not protect it", func(w *world, _ *access.Request) {
			w.facts.Dossier.Demands = compliance.Demands{Elsewhere: true}
		}, 53009, "appNotInPolicy"},
		{"a tenant that is not onboarded protects nothing", func(w *world, _ *access.Request) {
			w.facts.Dossier.Demands.Settings.ProtectionOff = true
		}, 53009, "notOnboarded"},
		{"who is not entitled is not protected", func(w *world, _ *access.Request) {
			w.facts.Dossier.Demands.Settings.EntitledGroup = "licensed"
		}, 53009, "notEntitled"},
		{"a block names no way round it", func(w *world, _ *access.Request) {
			w.config.Access[0] = demand(access.Block)
		}, 53003, "blocked"},
		{"a missing second factor is asked for", func(w *world, _ *access.Request) {
			w.config.Access[0] = demand(access.MFA)
		}, 50076, "mfa"},
		{"a second factor in the session counts", func(w *world, _ *access.Request) {
			w.config.Access[0] = demand(access.MFA)
			w.facts.Session.MFAAt = now.Add(-time.Minute)
		}, 0, ""},
		{"a personal PC is no managed one", func(w *world, _ *access.Request) {
			w.config.Access[0] = demand(access.CompliantDevice)
		}, 53000, "compliantDevice"},
		{"a revoked session is over before policies are asked", func(w *world, _ *access.Request) {
			w.facts.Session.RevokedAt = now
		}, gate.CodeSessionEnded, "signInAgain"},
		{"an expired session is over", func(w *world, _ *access.Request) {
			w.facts.Session.ExpiresAt = now
		}, gate.CodeSessionExpired, "signInAgain"},
		{"a disabled account is out", func(w *world, _ *access.Request) {
			w.facts.User.Enabled = false
		}, gate.CodeAccountDisabled, "accountDisabled"},
		{"what does not exist is denied", func(w *world, _ *access.Request) {
			w.err = fault.New(fault.NotFound, "no such session")
		}, gate.CodeUnknown, "blocked"},
		{"facts about another session are no facts", func(w *world, _ *access.Request) {
			w.facts.Session.ID = "another"
		}, gate.CodeUnknown, "blocked"},
		{"facts about another tenant's user are no facts", func(w *world, _ *access.Request) {
			w.facts.User.Tenant = "t2"
		}, gate.CodeUnknown, "blocked"},
		{"an app of somebody else proves nothing", func(w *world, _ *access.Request) {
			w.facts.Dossier.Standing.User = "bob"
		}, gate.CodeUnknown, "blocked"},
		{"an app on an unknown device proves nothing", func(w *world, _ *access.Request) {
			w.facts.Device = nil
		}, gate.CodeUnknown, "blocked"},
		{"facts about another client are no facts", func(w *world, _ *access.Request) {
			w.facts.Client.ID = "another"
		}, gate.CodeUnknown, "blocked"},
		{"what was asked for and is not there is denied", func(w *world, _ *access.Request) {
			w.forgets = true
		}, gate.CodeUnknown, "blocked"},
		{"asking for nothing gets nothing", func(_ *world, r *access.Request) {
			r.Resources = nil
		}, gate.CodeUnknown, "blocked"},
		{"enrolment is not locked by what only enrolment gives", func(w *world, r *access.Request) {
			w.facts.Device, w.facts.Dossier = nil, nil
			r.Resources = []directory.AppID{directory.EnrollmentAPI}
		}, 0, ""},
		{"asking for one more resource forfeits the waiver", func(w *world, r *access.Request) {
			w.facts.Device, w.facts.Dossier = nil, nil
			r.Resources = []directory.AppID{directory.EnrollmentAPI, site}
		}, 53009, "compliantApplication"},
		{"the device's platform counts, not the claimed one", func(w *world, r *access.Request) {
			w.facts.Dossier.Standing.WipePending = true
			r.UserAgent = "Mozilla/5.0 (X11; Linux x86_64)"
		}, 53009, "wipePending"},
		{"without a device the claim is all there is", func(w *world, r *access.Request) {
			w.facts.Device, w.facts.Dossier = nil, nil
			r.UserAgent = "Mozilla/5.0 (X11; Linux x86_64)"
		}, 0, ""},
		{"an app that signs in as itself meets no policy about people", func(w *world, r *access.Request) {
			r.Session, r.Workload, w.facts.User = "", true, directory.User{}
		}, 0, ""},
		{"a request without a session is no workload by that", func(w *world, r *access.Request) {
			r.Session, w.facts.User = "", directory.User{}
		}, gate.CodeUnknown, "blocked"},
		{"a workload has no session", func(_ *world, r *access.Request) { r.Workload = true }, gate.CodeUnknown, "blocked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, r := healthy(), request()
			tt.change(w, &r)
			ruling, err := service(t, w).Decide(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if granted := ruling.Decision.Outcome == access.Granted; granted != (tt.code == 0) || ruling.Decision.Code != tt.code {
				t.Fatalf("outcome %v code %d, want code %d", ruling.Decision.Outcome, ruling.Decision.Code, tt.code)
			}
			if ruling.Record.Code != tt.code || ruling.Record.ID == "" || ruling.Record.CorrelationID == "" {
				t.Errorf("record %+v", ruling.Record)
			}
			checkRemedy(t, ruling.Remedies, tt.remedy)
		})
	}
}

func checkRemedy(t *testing.T, all []access.Remedy, code string) {
	t.Helper()
	if code == "" {
		if len(all) != 0 {
			t.Errorf("remedies %+v for someone who is in", all)
		}
		return
	}
	for _, r := range all {
		if r.Title == "" || r.Why == "" || len(r.Steps) == 0 {
			t.Errorf("remedy %q leaves the person alone: %+v", r.Code, r)
		}
	}
	if len(all) == 0 || all[0].Code != code {
		t.Errorf("remedies %+v, want %q first", all, code)
	}
}

func worst() threat.State {
	for _, s := range threat.States() {
		if s.Level == threat.High {
			return s.State
		}
	}
	return ""
}

func TestAnOutageIsNoRuling(t *testing.T) {
	w := healthy()
	w.err = errors.New("disk on fire")
	if r, err := service(t, w).Decide(t.Context(), request()); err == nil || r.Decision.Outcome == access.Granted {
		t.Fatalf("ruling %+v, err %v", r.Decision, err)
	}
}

func TestDemandsAreCompiledOncePerRevision(t *testing.T) {
	w := healthy()
	s := service(t, w)
	for range 3 {
		if _, err := s.Decide(t.Context(), request()); err != nil {
			t.Fatal(err)
		}
	}
	if w.reads != 1 {
		t.Errorf("configuration was read %d times", w.reads)
	}
	w.config.Tenant.Revision, w.facts.Revisions.Config = 8, 8
	w.config.Access[0] = demand(access.Block)
	r, err := s.Decide(t.Context(), request())
	if err != nil || r.Decision.Code != access.CodeBlocked || w.reads != 2 {
		t.Errorf("code %d after %d reads, err %v", r.Decision.Code, w.reads, err)
	}
	if r.Basis.Config != 8 {
		t.Errorf("basis %+v", r.Basis)
	}
}

func TestAConfigurationThatNeverAgreesWithTheSnapshotDenies(t *testing.T) {
	w := healthy()
	w.config.Tenant.Revision = 9 // newer than every snapshot
	_, err := service(t, w).Decide(t.Context(), request())
	if fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("err %v", err)
	}
}

func TestAMismatchOfPlatformsIsWrittenDown(t *testing.T) {
	r := request()
	r.UserAgent = "Mozilla/5.0 (X11; Linux x86_64)"
	ruling, err := service(t, healthy()).Decide(t.Context(), r)
	if err != nil || !strings.Contains(ruling.Record.Reason, `"linux"`) || ruling.Record.Platform != access.Windows {
		t.Fatalf("record %+v, err %v", ruling.Record, err)
	}
}

func TestAThreatAndSilenceAreTwoThings(t *testing.T) {
	w := healthy()
	w.facts.Dossier.Connector = &threat.Connector{EnabledForWindows: true, HeartbeatAt: now}
	titles := map[string]bool{}
	for _, signals := range [][]threat.Signal{nil, {{Source: threat.FromConnector, States: []threat.State{worst()}, ReportedAt: now}}} {
		w.facts.Dossier.Signals = signals
		r, err := service(t, w).Decide(t.Context(), request())
		if err != nil || len(r.Remedies) != 1 || r.Remedies[0].Code != "maxThreatLevel" {
			t.Fatalf("%+v, %v", r.Remedies, err)
		}
		titles[r.Remedies[0].Title] = true
	}
	if len(titles) != 2 {
		t.Errorf("both are called %v", titles)
	}
}

func TestTheLogSaysWhyTheGateRefused(t *testing.T) {
	w := healthy()
	w.facts.Dossier.Standing.OSVersion = "10.0.19045.1"
	ruling, err := service(t, w).Decide(t.Context(), request())
	if err != nil || ruling.Record.Reason != "minOsVersion" {
		t.Fatalf("reason %q, err %v", ruling.Record.Reason, err)
	}
	for _, r := range ruling.Remedies {
		if !strings.HasSuffix(r.Why, ".") {
			t.Errorf("%q is no sentence", r.Why)
		}
	}
}

// slow is a store whose configuration is read only when the test lets it.
type slow struct {
	*world
	began chan context.Context
	open  chan struct{}
}

func (s *slow) Config(ctx context.Context, t directory.TenantID) (gate.Config, error) {
	s.began <- ctx
	select {
	case <-s.open:
		return s.world.config, nil
	case <-ctx.Done():
		return gate.Config{}, ctx.Err()
	}
}

func TestManyWhoNeedTheDemandsReadThemOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &slow{world: healthy(), began: make(chan context.Context, 99), open: make(chan struct{})}
		s, err := gate.New(gate.Options{Store: st, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if r, err := s.Decide(t.Context(), request()); err != nil || r.Decision.Outcome != access.Granted {
					t.Errorf("outcome %v, err %v", r.Decision.Outcome, err)
				}
			})
		}
		synctest.Wait()
		close(st.open)
		all.Wait()
		if n := len(st.began); n != 1 {
			t.Errorf("the configuration was read %d times", n)
		}
	})
}

func TestACallerWhoLeavesTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &slow{world: healthy(), began: make(chan context.Context, 99), open: make(chan struct{})}
		s, err := gate.New(gate.Options{Store: st, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		first, leave := context.WithCancel(t.Context())
		second, alsoLeave := context.WithCancel(t.Context())
		outcome := make(chan error, 3)
		decide := func(ctx context.Context) {
			_, err := s.Decide(ctx, request())
			outcome <- err
		}
		go decide(first)
		synctest.Wait()
		go decide(second)
		go decide(t.Context())
		synctest.Wait()
		alsoLeave()
		if err := <-outcome; !errors.Is(err, context.Canceled) {
			t.Errorf("who waited and left got %v", err)
		}
		leave()
		if err := <-outcome; !errors.Is(err, context.Canceled) {
			t.Errorf("who read and left got %v", err)
		}
		close(st.open)
		if err := <-outcome; err != nil {
			t.Errorf("who stayed got %v", err)
		}
	})
}

func TestRecordKeepsARuling(t *testing.T) {
	w := healthy()
	if err := service(t, w).Record(t.Context(), access.Record{ID: "r"}); err != nil || len(w.records) != 1 {
		t.Fatal(err, w.records)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	if _, err := gate.New(gate.Options{}); err == nil || !strings.Contains(err.Error(), "Store") {
		t.Fatal(err)
	}
}

// One decision, without the reads of the store, with 200 access policies.
func BenchmarkDecide(b *testing.B) {
	w := healthy()
	for i := range 200 {
		p := demand(access.CompliantApplication)
		p.ID = access.PolicyID(strings.Repeat("p", i+1))
		w.config.Access = append(w.config.Access, p)
	}
	s, err := gate.New(gate.Options{Store: w, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r, err := s.Decide(b.Context(), request()); err != nil || r.Decision.Outcome != access.Granted {
			b.Fatal(err, r.Decision.Code)
		}
	}
}
