package tunnel_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/tunnel"
)

func TestAnEventCutsWhatMayNoLongerBeOpen(t *testing.T) {
	in := directory.Installation{Tenant: "t", User: "ada", App: "com.microsoft.edge", Device: "pc"}
	other := directory.Installation{Tenant: "t", User: "bob", App: "com.microsoft.edge", Device: "pc"}
	foreign := directory.Installation{Tenant: "u", User: "ada", App: "com.microsoft.edge", Device: "pc"}
	tests := []struct {
		event event.Event
		cut   bool
	}{
		{event.ThreatChanged{Installation: in}, true},
		{event.ComplianceChanged{Installation: in}, true},
		{event.RegistrationChanged{Installation: in, Ended: true}, true},
		{event.WipeRequested{Installation: in}, true},
		{event.UserChanged{Tenant: "t", User: "ada"}, true},
		{event.SessionRevoked{Tenant: "t", User: "ada", Session: "ada"}, true},
		{event.ConfigChanged{Tenant: "t", What: "policy"}, true},
		{event.ThreatChanged{Installation: other}, false},
		{event.ThreatChanged{Installation: foreign}, false},
		{event.UserChanged{Tenant: "t", User: "bob"}, false},
		{event.SessionRevoked{Tenant: "t", User: "ada", Session: "another"}, false},
		{event.ConfigChanged{Tenant: "u", What: "policy"}, false},
	}
	for _, tt := range tests {
		w := newWorld(t)
		f, release := w.open(t, w.enter(t, "ada"))
		w.announce(t, tt.event)
		if f.is() {
			t.Errorf("%T %+v cut what is still granted", tt.event, tt.event.Subject())
		}
		w.refuse("ada")
		w.announce(t, tt.event)
		if f.is() != tt.cut {
			t.Errorf("%T %+v: cut %v, want %v", tt.event, tt.event.Subject(), f.is(), tt.cut)
		}
		release()
		if w.Open() != 0 {
			t.Error("a finished request is still tracked")
		}
	}
}

func TestNoDecisionIsADenial(t *testing.T) {
	w := newWorld(t)
	f, release := w.open(t, w.enter(t, "ada"))
	defer release()
	w.set(func() { w.outage = errors.New("gone") })
	w.announce(t, about("ada"))
	if !f.is() {
		t.Error("open although nothing can be decided")
	}
}

func TestWhatWasRefusedIsNeverTracked(t *testing.T) {
	w := newWorld(t)
	var f flag
	release := w.Track(t.Context(), tunnel.Admission{}, f.cut)
	release()
	if !f.is() || w.Open() != 0 {
		t.Errorf("cut %v, open %d", f.is(), w.Open())
	}
}

// The worst moment: the event is handled after the decision and before the
// request is tracked.
func TestAnEventBetweenDecisionAndTrackIsNotLost(t *testing.T) {
	w := newWorld(t)
	a := w.admit(t, w.enter(t, "ada"))
	w.refuse("ada")
	w.announce(t, about("ada"))
	var f flag
	defer w.Track(t.Context(), a, f.cut)()
	if !f.is() {
		t.Error("the request stays open")
	}
}

func TestAnEventOfAnotherTenantCostsNothing(t *testing.T) {
	w := newWorld(t)
	a := w.admit(t, w.enter(t, "ada"))
	before := w.decided()
	w.announce(t, event.ConfigChanged{Tenant: "u"})
	var f flag
	defer w.Track(t.Context(), a, f.cut)()
	if w.decided() != before || f.is() {
		t.Errorf("%d more decisions", w.decided()-before)
	}
}

func TestOneDecisionServesAllThatIsAlike(t *testing.T) {
	w := newWorld(t)
	v := w.enter(t, "ada")
	var all []*flag
	for range 20 {
		f, release := w.open(t, v)
		defer release()
		all = append(all, f)
	}
	another := v
	another.UserAgent = "Firefox"
	f, release := w.open(t, another)
	defer release()
	all = append(all, f)
	before := w.decided()
	w.refuse("ada")
	w.announce(t, about("ada"))
	if n := w.decided() - before; n != 2 {
		t.Errorf("%d decisions for 21 requests of 2 kinds", n)
	}
	for i, f := range all {
		if !f.is() {
			t.Errorf("request %d is still open", i)
		}
	}
}

// Requests come and go while access flips: whatever order things happen in,
// nothing is left open by somebody who is out.
func TestNothingSlipsThroughARace(t *testing.T) {
	w := newWorld(t)
	const people = 8
	var all sync.WaitGroup
	for i := range people {
		v := w.enter(t, fmt.Sprint("p", i))
		all.Go(func() {
			for range 50 {
				a, err := w.Admit(t.Context(), v)
				if err != nil {
					t.Error(err)
					return
				}
				if !a.Granted() {
					return
				}
				ctx, cut := context.WithCancel(t.Context())
				release := w.Track(ctx, a, cut)
				if ctx.Err() == nil && i%2 == 0 {
					<-ctx.Done() // a stream: only the cut ends it
				}
				release()
				cut()
			}
		})
	}
	for i := range people {
		who := directory.SessionID(fmt.Sprint("p", i))
		all.Go(func() {
			w.refuse(who)
			if err := w.OnEvent(t.Context(), about(string(who))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if w.Open() != 0 {
		t.Errorf("%d requests are still tracked", w.Open())
	}
}

func TestWhatTimeEndsIsCutWithoutAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		f, release := w.open(t, w.enter(t, "ada"))
		defer release()
		g, releaseOther := w.open(t, w.enter(t, "bob"))
		defer releaseOther()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		time.Sleep(2 * time.Minute)
		if f.is() || g.is() {
			t.Error("cut while granted")
		}
		w.refuse("ada") // offline grace, for example
		time.Sleep(2 * time.Minute)
		if !f.is() || g.is() {
			t.Errorf("cut %v and %v", f.is(), g.is())
		}
		w.set(func() { w.now = start.Add(9 * time.Hour) })
		time.Sleep(2 * time.Minute)
		if !g.is() {
			t.Error("a stream outlives its pass")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// stuck is a gate that answers only when the caller gives up.
type stuck struct{ *world }

func (s stuck) Decide(ctx context.Context, r access.Request) (access.Ruling, error) {
	if d, has := ctx.Deadline(); has && !d.IsZero() {
		<-ctx.Done()
		return access.Ruling{Decision: access.Decision{Outcome: access.Granted}}, ctx.Err()
	}
	return s.world.Decide(ctx, r)
}

func TestAGateThatHangsDenies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var err error
		w.Service, err = tunnel.New(tunnel.Config{Store: w, Gate: stuck{w}, SignIns: w, Recorder: w, Now: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		f, release := w.open(t, w.enter(t, "ada"))
		defer release()
		began := time.Now()
		w.announce(t, about("ada"))
		if !f.is() || time.Since(began) > 10*time.Second {
			t.Errorf("cut %v after %s", f.is(), time.Since(began))
		}
	})
}
