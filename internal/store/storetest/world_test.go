package storetest_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/threat"
)

// now is the time in every world. Nanoseconds make sure that nothing rounds.
var now = time.Date(2026, 11, 23, 8, 0, 0, 123456789, time.UTC)

// world is a store with two tenants, t1 and t2, that look alike: each has the
// user anna with a session, a registration on her device, and a client.
type world struct {
	*store.Store
	options store.Options
}

// each runs a law on every engine.
func each(t *testing.T, law func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		law(t, newWorld(t, store.Options{Path: storetest.File(t)}))
	})
	t.Run("postgres", func(t *testing.T) {
		law(t, newWorld(t, store.Options{DatabaseURL: storetest.Postgres(t)}))
	})
}

func newWorld(t testing.TB, o store.Options) *world {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return now }
	}
	w := &world{Store: storetest.OpenWith(t, o), options: o}
	for _, tenant := range []directory.TenantID{"t1", "t2"} {
		w.seed(t, tenant)
	}
	return w
}

// reopen closes the store and opens the same database again.
func (w *world) reopen(t testing.TB) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Store = storetest.OpenWith(t, w.options)
}

func (w *world) seed(t testing.TB, id directory.TenantID) {
	t.Helper()
	ctx, a := t.Context(), w.Admin()
	must(a.Tenants().Save(ctx, directory.Tenant{ID: id, DisplayName: "Tenant " + string(id), Domain: "example", CreatedAt: now}))(t)
	must(a.Users().Save(ctx, directory.User{ID: "anna", Tenant: id, UserPrincipalName: "Anna@Example", DisplayName: "Anna", Enabled: true, CreatedAt: now}))(t)
	must(a.Apps().Save(ctx, directory.App{
		ID: "client", Tenant: id, DisplayName: "Client", IdentifierURIs: []string{"api://client"}, RedirectURIs: []string{"https://client.example/"},
		Site: &directory.Site{Host: string(id) + ".sites.example", Upstream: "http://inside"}, CreatedAt: now,
	}))(t)
	must(a.Devices().Save(ctx, device(id, "pc")))(t)
	ok(t, w.MAM().Save(ctx, mam.Change{Registration: registration(id, "reg")}))
	must(w.IDP().SaveSession(ctx, session(id, "session")))(t)
	ok(t, w.IDP().SaveCredential(ctx, idp.Credential{Tenant: id, User: "anna", PasswordHash: "$argon2id$", TOTPSealed: []byte{0, 255, 1}, TOTPStep: 7}))
}

func device(t directory.TenantID, id directory.DeviceID) directory.Device {
	return directory.Device{
		ID: id, Tenant: t, Owner: "anna", DisplayName: "PC", Platform: "windows", OSVersion: "10.0.22631.1", Enabled: true,
		KeyThumbprint: "jkt-" + string(id), Key: []byte(`{"kty":"EC"}`), KeyProtection: directory.KeyInTPM, CreatedAt: now,
	}
}

func registration(t directory.TenantID, id directory.RegistrationID) *mam.Registration {
	return &mam.Registration{
		Standing: compliance.Standing{
			Registration: id, Installation: installation(t), Platform: "windows", AppVersion: "1.2.3", OSVersion: "10.0.22631.1", EnrolledAt: now, LastSyncAt: now,
		},
		DeviceName: "PC", KeyThumbprint: "jkt-pc", Adapter: "windows",
	}
}

func installation(t directory.TenantID) directory.Installation {
	return directory.Installation{Tenant: t, User: "anna", App: "com.example.app", Device: "pc"}
}

func session(t directory.TenantID, id directory.SessionID) idp.Session {
	return idp.Session{
		ID: id, Tenant: t, User: "anna", CookieHash: "cookie-" + string(id), AuthAt: now, Methods: []string{"pwd"},
		Registration: "reg", ExpiresAt: now.Add(time.Hour),
	}
}

func connector(t directory.TenantID) threat.Connector {
	return threat.Connector{ID: directory.WindowsSecurityCenter, Tenant: t, EnabledForWindows: true, CreatedAt: now}
}

func ruling(t directory.TenantID, id string) access.Record {
	return access.Record{ID: id, Tenant: t, User: "anna", Client: "client", At: now, Applied: []access.Applied{{Policy: "p", Result: access.Success}}}
}

func changed(what string) event.Event {
	return event.ConfigChanged{Tenant: "t1", What: what, At: now}
}

// told is a note that announces a change.
func told(what string) admin.Note { return admin.Note{Events: []event.Event{changed(what)}} }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns a function that fails the test unless err is nil, and else gives v.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

func wantKind(t testing.TB, kind fault.Kind, err error) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("got %v (kind %d), want a fault of kind %d", err, fault.KindOf(err), kind)
	}
}

func wantIs(t testing.TB, target, err error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got %v, want %v", err, target)
	}
}

func wantEqual(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// events are the names of everything announced so far by what they tell.
func (w *world) events(t testing.TB) []event.Event {
	t.Helper()
	var found []event.Event
	for _, s := range must(w.Outbox().EventsAfter(t.Context(), 0, 1000))(t) {
		found = append(found, s.Event)
	}
	return found
}

func (w *world) tenantRevision(t testing.TB) int64 {
	t.Helper()
	return must(w.IDP().Tenant(t.Context(), "t1"))(t).Revision
}

// race runs n attempts at once and returns what each came to.
func race(n int, attempt func(i int) error) []error {
	results := make([]error, n)
	var begin, end sync.WaitGroup
	begin.Add(1)
	for i := range n {
		end.Go(func() {
			begin.Wait()
			results[i] = attempt(i)
		})
	}
	begin.Done()
	end.Wait()
	return results
}

// wantOneWinner fails unless exactly one attempt passed and all others lost by kind.
func wantOneWinner(t testing.TB, results []error, lost func(error) bool) {
	t.Helper()
	winners := 0
	for _, err := range results {
		if err == nil {
			winners++
		} else if !lost(err) {
			t.Errorf("a loser got %v", err)
		}
	}
	if winners != 1 {
		t.Errorf("%d of %d won, want exactly one", winners, len(results))
	}
}

func conflict(err error) bool { return fault.KindOf(err) == fault.Conflict }
