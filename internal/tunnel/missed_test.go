package tunnel_test

import (
	"context"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/tunnel"
)

// While an event is being handled, somebody who was admitted before it begins
// to be tracked: too late to be found by it, and perhaps too early to be warned.
func TestARequestThatBeginsWhileAnEventIsHandledIsCut(t *testing.T) {
	w := newWorld(t)
	_, release := w.open(t, w.enter(t, "bob")) // makes the event take a decision
	defer release()
	a := w.admit(t, w.enter(t, "ada"))
	var f flag
	began := 0
	w.set(func() {
		w.decide = func(r access.Request) {
			if r.Session == "bob" {
				began++
				release := w.Track(t.Context(), a, f.cut)
				t.Cleanup(release)
			}
		}
	})
	w.refuse("ada")
	w.announce(t, event.ConfigChanged{Tenant: "t", What: "policy"})
	if began != 1 || !f.is() {
		t.Errorf("begun %d times, cut %v", began, f.is())
	}
}

// overtaken is a gate whose next decision is overtaken by an event.
type overtaken struct {
	*world
	event func()
}

func (o *overtaken) Decide(ctx context.Context, r access.Request) (access.Ruling, error) {
	ruling, err := o.world.Decide(ctx, r)
	if happen := o.event; happen != nil {
		o.event = nil
		happen()
	}
	return ruling, err
}

func TestAnEventThatOvertakesTheDecisionIsNotLost(t *testing.T) {
	w := newWorld(t)
	gate := &overtaken{world: w}
	var err error
	w.Service, err = tunnel.New(tunnel.Config{Store: w, Gate: gate, SignIns: w, Recorder: w, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	v := w.enter(t, "ada")
	gate.event = func() {
		w.refuse("ada")
		w.announce(t, about("ada"))
	}
	f, release := w.open(t, v) // admitted on facts that are no more
	defer release()
	if !f.is() {
		t.Error("the request stays open")
	}
}

func TestAnEventBeforeTheDecisionCostsNoOther(t *testing.T) {
	w := newWorld(t)
	w.announce(t, about("ada"))
	v := w.enter(t, "ada")
	before := w.decided()
	_, release := w.open(t, v)
	defer release()
	if n := w.decided() - before; n != 1 {
		t.Errorf("%d decisions on one visit", n)
	}
}
