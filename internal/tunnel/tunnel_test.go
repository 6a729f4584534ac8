package tunnel_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/tunnel"
)

func TestAPassIsASecretThatIsStoredNowhere(t *testing.T) {
	w := newWorld(t)
	one, two := w.enter(t, "ada"), w.enter(t, "ada")
	if one.Cookie == two.Cookie || len(one.Cookie) < 50 {
		t.Errorf("cookies %q and %q", one.Cookie, two.Cookie)
	}
	for hash, p := range w.passes {
		if strings.Contains(hash, one.Cookie) || strings.Contains(hash, two.Cookie) || hash != p.Hash {
			t.Errorf("stored as %q", hash)
		}
		if p.User != "ada" || p.Session != "ada" || p.UserName != "ada@example.org" || !p.ExpiresAt.Equal(start.Add(8*time.Hour)) {
			t.Errorf("stored %+v", p)
		}
	}
	if _, _, err := w.Enter(t.Context(), oauth.Redemption{Tenant: "t", Client: "site"}); fault.KindOf(err) != fault.Forbidden || len(w.passes) != 2 {
		t.Errorf("a bad code gives %v and %d passes", err, len(w.passes))
	}
}

func TestOnlyAnOwnLivingPassIsAPass(t *testing.T) {
	w := newWorld(t)
	good := w.enter(t, "ada")
	if a := w.admit(t, good); !a.Granted() {
		t.Fatal("control: not granted")
	}
	for name, cookie := range map[string]string{"no cookie": "", "a made up one": "x", "an endless one": strings.Repeat("x", 1<<20)} {
		v, before := good, w.decided()
		v.Cookie = cookie
		if a := w.admit(t, v); a.Granted() || a.Pass != nil || a.Site.ID != "site" || w.decided() != before {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for name, change := range map[string]func(){
		"another site": func() { w.site.ID = "other" }, "another tenant": func() { w.site.Tenant = "u" },
	} {
		before := w.decided()
		w.set(func() { w.site = intranet(); change() })
		if a := w.admit(t, good); a.Granted() || a.Pass != nil || w.decided() != before {
			t.Errorf("%s: %+v", name, a)
		}
	}
	w.site = intranet()
	w.set(func() { w.now = start.Add(8 * time.Hour) })
	if a := w.admit(t, good); a.Granted() || a.Pass != nil {
		t.Error("a pass outlives its time")
	}
}

func TestEveryVisitAsksTheGate(t *testing.T) {
	w := newWorld(t)
	v := w.enter(t, "ada")
	for range 3 {
		w.admit(t, v)
	}
	if len(w.decisions) != 3 {
		t.Errorf("%d decisions on 3 visits", len(w.decisions))
	}
	want := access.Request{
		Tenant: "t", Session: "ada", Client: "site", Resources: []directory.AppID{"site"}, ClientAppType: access.Browser,
		UserAgent: "Edge", IP: "203.0.113.7", Protocol: "proxy", CorrelationID: "c",
	}
	got := w.decisions[0]
	if len(got.Resources) != 1 || got.Resources[0] != "site" {
		t.Errorf("resources %v", got.Resources)
	}
	got.Resources = want.Resources
	if got.Session != want.Session || got.Client != want.Client || got.Protocol != want.Protocol || got.ClientAppType != want.ClientAppType || got.IP != want.IP || got.CorrelationID != want.CorrelationID {
		t.Errorf("asked %+v, want %+v", got, want)
	}
	w.refuse("ada")
	if a := w.admit(t, v); a.Granted() || a.Pass == nil || a.Ruling.Decision.Code != 53009 {
		t.Errorf("%+v", a)
	}
	w.set(func() { w.outage = errors.New("gone") })
	if a, err := w.Admit(t.Context(), v); err == nil || a.Granted() {
		t.Error("an outage admits")
	}
}

func TestTheLogHearsOfWhatChanged(t *testing.T) {
	w := newWorld(t)
	v := w.enter(t, "ada")
	steps := []struct {
		name   string
		change func()
		want   int
	}{
		{"the first visit", func() {}, 1},
		{"the same again", func() {}, 1},
		{"other facts", func() { w.basis.Registration = 2 }, 2},
		{"the same again", func() {}, 2},
		{"another outcome", func() { w.refused["ada"] = true }, 3},
		{"the same again", func() {}, 3},
		{"the first outcome again", func() { delete(w.refused, "ada") }, 4},
	}
	for _, s := range steps {
		w.set(s.change)
		w.admit(t, v)
		if w.recorded() != s.want {
			t.Fatalf("%s: %d entries, want %d", s.name, w.recorded(), s.want)
		}
	}
}

func TestNobodyIsAdmittedAheadOfTheLog(t *testing.T) {
	w := newWorld(t)
	v := w.enter(t, "ada")
	w.set(func() { w.silent = errors.New("disk full") })
	for range 2 {
		if a, err := w.Admit(t.Context(), v); err == nil {
			t.Fatalf("admitted without an entry: %+v", a.Granted())
		}
	}
	w.set(func() { w.silent = nil })
	if a := w.admit(t, v); !a.Granted() || w.recorded() != 1 {
		t.Errorf("granted %v with %d entries", a.Granted(), w.recorded())
	}
}

func TestManyVisitsAtOnceAreOneEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.enter(t, "ada")
		tries, open := 0, make(chan error)
		w.record = func(ctx context.Context) error {
			tries++ // one at a time, or the race detector tells
			select {
			case err := <-open:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		first, leave := context.WithCancel(t.Context())
		outcome := make(chan error, 40)
		visit := func(ctx context.Context) {
			_, err := w.Admit(ctx, v)
			outcome <- err
		}
		go visit(first)
		synctest.Wait()
		second, alsoLeave := context.WithCancel(t.Context())
		go visit(second)
		for range 30 {
			go visit(t.Context())
		}
		synctest.Wait()
		if tries != 1 || len(outcome) != 0 {
			t.Fatalf("%d wrote, %d did not wait", tries, len(outcome))
		}
		alsoLeave()
		if err := <-outcome; !errors.Is(err, context.Canceled) {
			t.Errorf("who waited and left got %v", err)
		}
		leave()
		if err := <-outcome; !errors.Is(err, context.Canceled) {
			t.Errorf("who wrote and left got %v", err)
		}
		synctest.Wait()
		open <- nil
		for range 30 {
			if err := <-outcome; err != nil {
				t.Error(err)
			}
		}
		if tries != 2 || w.recorded() != 1 {
			t.Errorf("%d tries and %d entries", tries, w.recorded())
		}
	})
}

func TestLeavingEndsWhatIsOpen(t *testing.T) {
	w := newWorld(t)
	v, other := w.enter(t, "ada"), w.enter(t, "ada")
	f, release := w.open(t, v)
	defer release()
	g, releaseOther := w.open(t, other)
	defer releaseOther()
	if err := w.Leave(t.Context(), v.Cookie); err != nil {
		t.Fatal(err)
	}
	if a := w.admit(t, v); a.Pass != nil || !f.is() {
		t.Errorf("the pass still opens %v, its stream was cut %v", a.Granted(), f.is())
	}
	if g.is() {
		t.Error("leaving in one browser cut another")
	}
}

func TestASiteIsReadOnceARevision(t *testing.T) {
	w := newWorld(t)
	w.basis.Config = 7
	v := w.enter(t, "ada")
	steps := []struct {
		name     string
		change   func()
		lookups  int
		upstream string
	}{
		{"the first visit", func() {}, 1, "http://inside"},
		{"read between two decisions of one revision", func() {}, 2, "http://inside"},
		{"known", func() {}, 2, "http://inside"},
		{"another revision", func() { w.basis.Config = 8 }, 3, "http://inside"},
		{"once more, to be sure", func() {}, 4, "http://inside"},
		{"known again", func() {}, 4, "http://inside"},
		{"changed", func() {
			w.basis.Config = 9
			w.site.Site = &directory.Site{Host: "intranet.example", Upstream: "http://moved"}
		}, 5, "http://moved"},
		{"refused", func() { w.refused["ada"] = true }, 6, "http://moved"},
		{"somebody else's", func() { w.basis.Config, w.site.ID = 10, "other" }, 7, ""},
	}
	for _, s := range steps {
		w.set(s.change)
		a := w.admit(t, v)
		if w.lookups != s.lookups {
			t.Fatalf("%s: %d lookups, want %d", s.name, w.lookups, s.lookups)
		}
		if a.Pass == nil != (s.upstream == "") || a.Pass != nil && a.Site.Site.Upstream != s.upstream {
			t.Fatalf("%s: %+v", s.name, a.Site)
		}
	}
}

// A host goes from one application to another: who enters anew must not meet
// what is remembered of the old one, again and again.
func TestAHostThatMovedIsEnteredAnew(t *testing.T) {
	w := newWorld(t)
	w.basis.Config = 7
	v := w.enter(t, "ada")
	for range 3 {
		w.admit(t, v)
	}
	w.set(func() { w.site.ID, w.basis.Config = "other", 8 })
	cookie, _, err := w.Enter(t.Context(), oauth.Redemption{Tenant: "t", Client: "other", Code: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	v.Cookie = cookie
	for range 3 {
		if a := w.admit(t, v); !a.Granted() || a.Site.ID != "other" {
			t.Fatalf("granted %v at %s", a.Granted(), a.Site.ID)
		}
	}
}

func TestNewNamesEverythingThatIsMissing(t *testing.T) {
	_, err := tunnel.New(tunnel.Config{})
	for _, want := range []string{"Store", "Gate", "SignIns", "Recorder"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestMemoryOfTheLogIsBounded(t *testing.T) {
	w := newWorld(t)
	v := w.enter(t, "ada")
	w.admit(t, v)
	for i := range 20_000 {
		next := v
		next.Cookie = strconv.Itoa(i)
		hash := oauth.SHA256(next.Cookie)
		w.passes[hash] = tunnel.Pass{Hash: hash, Tenant: "t", Site: "site", Session: "ada", User: "ada", ExpiresAt: start.Add(time.Hour)}
		w.admit(t, next)
	}
	before := w.recorded()
	w.admit(t, v)
	if w.recorded() != before+1 {
		t.Error("what happened 20000 passes ago is still remembered")
	}
}

// One visit: a pass, a decision, nothing new for the log.
func BenchmarkAdmit(b *testing.B) {
	w := newWorld(b)
	v := w.enter(b, "ada")
	b.ReportAllocs()
	for b.Loop() {
		w.decisions = w.decisions[:0]
		if !w.admit(b, v).Granted() {
			b.Fatal("refused")
		}
	}
}
