package sdk_test

import (
	"context"
	"maps"
	"sync"
	"testing"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// senses is health that changes and says so.
type senses struct {
	mu        sync.Mutex
	providers map[string]string
	measured  int
	changed   chan func() // what to call, once somebody watches
	ended     chan struct{}
}

func (s *senses) Measure(context.Context) (sdk.Measurement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.measured++
	return sdk.Measurement{Adapter: "windows", DisplayName: "pc", OSVersion: "10.0.22631.3155", Providers: maps.Clone(s.providers)}, nil
}

func (s *senses) Watch(ctx context.Context, changed func()) error {
	defer close(s.ended)
	s.changed <- changed
	<-ctx.Done()
	return ctx.Err()
}

func (s *senses) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.measured
}

func (s *senses) feel(antivirus string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.providers["antivirus"] = antivirus
}

func TestAChangeOfHealthIsACheckInAndOneThatChangedNothingIsNone(t *testing.T) {
	p := newPC(t)
	s := &senses{providers: map[string]string{"antivirus": "good"}, changed: make(chan func(), 1), ended: make(chan struct{})}
	c, err := sdk.New(sdk.Config{
		Authority: p.url(), App: "com.microsoft.edge", AppVersion: "130.0", Dir: p.dir, Health: s, HTTP: p.Client(), Browser: p.visit,
	})
	must(t, err)
	must(t, c.Enroll(t.Context()))
	ended := p.running(c)
	p.eventually(func() bool { return len(p.checkIns) == 2 }) // of the enrolment, of hello
	changed := <-s.changed

	before := s.times()
	for range 100 {
		changed()
	}
	p.eventually(func() bool { return s.times() > before })
	s.feel("poor")
	for range 100 {
		changed()
	}
	p.eventually(func() bool { return len(p.checkIns) == 3 })
	p.mu.Lock()
	if got := p.checkIns[2].Providers["antivirus"]; got != "poor" {
		t.Errorf("the service was told %q", got)
	}
	p.mu.Unlock()
	p.nudge("operation", func() { p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))} })
	must(t, <-ended)
	<-s.ended // Run waits for it
}
