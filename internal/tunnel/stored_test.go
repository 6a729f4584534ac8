package tunnel_test

import (
	"context"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/tunnel"
)

// stored is the room over the real gate and the real store.
type stored struct {
	testing.TB
	*store.Store
	tunnel  *tunnel.Service
	site    directory.App
	session idp.Session
	visit   tunnel.Visit
}

// codes redeems every code for the one session there is.
type codes struct{ session idp.Session }

func (c codes) RedeemForSite(context.Context, oauth.Redemption) (directory.SessionID, directory.User, error) {
	return c.session.ID, directory.User{ID: c.session.User, UserPrincipalName: "ada@example.org"}, nil
}

func keep(t testing.TB) *stored {
	t.Helper()
	clock := func() time.Time { return start }
	s := &stored{TB: t, Store: storetest.OpenAt(t, clock)}
	ctx, a := t.Context(), s.Admin()
	s.ok(a.Found(ctx, admin.Founding{
		Tenant:   directory.Tenant{ID: "t", DisplayName: "Example", Domain: "example.org", CreatedAt: start},
		Admin:    directory.User{ID: "ada", Tenant: "t", UserPrincipalName: "ada@example.org", Enabled: true, CreatedAt: start},
		Password: admin.Password{Hash: "x"},
	}))
	var err error
	s.site, err = a.Apps().Save(ctx, directory.App{
		ID: "site", Tenant: "t", DisplayName: "Intranet", Site: &directory.Site{Host: "intranet.example", Upstream: "http://one"}, CreatedAt: start,
	})
	s.ok(err)
	s.session, err = s.IDP().SaveSession(ctx, idp.Session{
		ID: "s", Tenant: "t", User: "ada", CookieHash: "c", AuthAt: start, Methods: []string{"pwd"}, ExpiresAt: start.Add(time.Hour),
	})
	s.ok(err)
	g, err := gate.New(gate.Options{Store: s.Gate(), Now: clock})
	s.ok(err)
	s.tunnel, err = tunnel.New(tunnel.Config{Store: s.Tunnel(), Gate: g, SignIns: codes{s.session}, Recorder: g, Now: clock})
	s.ok(err)
	cookie, _, err := s.tunnel.Enter(ctx, oauth.Redemption{Tenant: "t", Client: "site", Code: "x"})
	s.ok(err)
	s.visit = tunnel.Visit{Host: "intranet.example", Cookie: cookie, UserAgent: "Edge"}
	return s
}

func (s *stored) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stored) admit() tunnel.Admission {
	s.Helper()
	a, err := s.tunnel.Admit(s.Context(), s.visit)
	s.ok(err)
	return a
}

// What is remembered of a site serves as long as nothing changed, and not a
// request longer.
func TestASiteThatChangedIsSeenAtOnce(t *testing.T) {
	s := keep(t)
	for _, upstream := range []string{"http://two", "http://three", "http://four"} {
		for range 3 {
			if a := s.admit(); !a.Granted() || a.Site.Site.Upstream != s.site.Site.Upstream {
				t.Fatalf("granted %v at %s, want %s", a.Granted(), a.Site.Site.Upstream, s.site.Site.Upstream)
			}
		}
		s.site.Site = &directory.Site{Host: "intranet.example", Upstream: upstream}
		var err error
		s.site, err = s.Admin().Apps().Save(t.Context(), s.site)
		s.ok(err)
	}
	s.admit()
	s.site.Site = nil
	_, err := s.Admin().Apps().Save(t.Context(), s.site)
	s.ok(err)
	if a, err := s.tunnel.Admit(t.Context(), s.visit); fault.KindOf(err) != fault.NotFound || a.Granted() {
		t.Errorf("no longer published, but granted %v, %v", a.Granted(), err)
	}
}

func TestAPassDiesWithItsSession(t *testing.T) {
	s := keep(t)
	if !s.admit().Granted() {
		t.Fatal("control: not granted")
	}
	s.session.RevokedAt = start
	_, err := s.IDP().SaveSession(t.Context(), s.session)
	s.ok(err)
	if a := s.admit(); a.Granted() || a.Ruling.Decision.Code != gate.CodeSessionEnded {
		t.Errorf("%+v", a.Ruling.Decision)
	}
}

func TestAPassIsNoPassAtAnotherSite(t *testing.T) {
	s := keep(t)
	_, err := s.Admin().Apps().Save(t.Context(), directory.App{
		ID: "other", Tenant: "t", DisplayName: "Other", Site: &directory.Site{Host: "other.example", Upstream: "http://other"}, CreatedAt: start,
	})
	s.ok(err)
	for range 3 {
		s.admit()
	}
	s.visit.Host = "other.example"
	if a := s.admit(); a.Pass != nil || a.Site.ID != "other" {
		t.Errorf("%+v", a)
	}
	s.visit.Host = "nowhere.example"
	if _, err := s.tunnel.Admit(t.Context(), s.visit); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestTheLogOfAVisitIsInTheStore(t *testing.T) {
	s := keep(t)
	s.admit()
	all, err := s.Records(t.Context(), "t", access.RecordQuery{Limit: 10})
	s.ok(err)
	if len(all) != 1 || all[0].Protocol != "proxy" || all[0].Outcome != access.Granted || all[0].ResourceName != "Intranet" {
		t.Errorf("%+v", all)
	}
}

// One visit with everything that is read for it, on SQLite.
func BenchmarkAdmitStored(b *testing.B) {
	s := keep(b)
	b.ReportAllocs()
	for b.Loop() {
		if !s.admit().Granted() {
			b.Fatal("refused")
		}
	}
}

// A name may pass to another person: the upstream hears the one of now.
func TestTheUpstreamHearsTheNameOfNow(t *testing.T) {
	s := keep(t)
	u, err := s.IDP().User(t.Context(), "t", "ada")
	s.ok(err)
	u.UserPrincipalName = "countess@example.org"
	_, err = s.Admin().Users().Save(t.Context(), u)
	s.ok(err)
	if a := s.admit(); !a.Granted() || a.Pass.UserName != "countess@example.org" {
		t.Errorf("granted %v as %q", a.Granted(), a.Pass.UserName)
	}
}
