package sdk_test

import (
	"net/http"
	"testing"

	"github.com/postern-mam/postern/wire"
)

func TestABrokenStreamIsOpenedAgain(t *testing.T) {
	p, c := plans(t)
	ended := p.running(c)
	p.eventually(func() bool { return len(p.checkIns) == 2 }) // of the enrolment, of hello
	p.mu.Lock()
	close(p.streams[0])
	p.mu.Unlock()
	p.eventually(func() bool { return len(p.streams) == 2 && len(p.checkIns) == 3 })
	p.mu.Lock()
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	p.streams[1] <- "operation"
	p.mu.Unlock()
	must(t, <-ended)
	p.nothingLeft()
}

func TestAnOutageIsWaitedOut(t *testing.T) {
	p, c := plans(t)
	done, asked := make(chan error, 1), 0
	p.refuse["/operations"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	go func() { done <- c.Run(t.Context()) }()
	p.eventually(func() bool { return asked == 1 })
	p.mu.Lock()
	clear(p.refuse)
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	p.mu.Unlock()
	must(t, <-done)
	p.nothingLeft()
}

// What is not understood is not obeyed, and ends nothing.
func TestANudgeOfANewerServiceIsACheckInAtMost(t *testing.T) {
	p, c := plans(t)
	ended := p.running(c)
	p.eventually(func() bool { return len(p.checkIns) == 2 })
	p.nudge("explode", func() {})
	p.eventually(func() bool { return len(p.checkIns) == 3 })
	if data, err := c.Vault().Load("plans"); err != nil || string(data) != "behind the ivy" {
		t.Errorf("%q, %v", data, err)
	}
	p.nudge("operation", func() { p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))} })
	must(t, <-ended)
}

func TestAVerdictThatComesWithAnOrderIsObeyedWithoutANudge(t *testing.T) {
	p, c := plans(t)
	p.result.Operations = 1
	ended := p.running(c)
	p.eventually(func() bool { return len(p.checkIns) == 2 })
	p.nudge("compliance", func() { p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))} })
	must(t, <-ended)
	p.nothingLeft()
}

func TestAWipeThatFallsDueOnAStreamIsNotPutOff(t *testing.T) {
	p, c := plans(t)
	ended := p.running(c)
	p.eventually(func() bool { return len(p.checkIns) == 2 })
	p.nudge("compliance", func() { p.result.Action = "wipe" })
	p.eventually(func() bool { return len(p.checkIns) == 3 })
	p.nudge("operation", func() {}) // nudges are obeyed in turn: when this one is, that one was
	p.eventually(func() bool { return len(p.streams) == 1 && p.heardOperations() == 2 })
	p.nothingLeft()
	p.nudge("operation", func() { p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))} })
	must(t, <-ended)
}

// heardOperations is how often orders were asked for.
func (a *authority) heardOperations() (n int) {
	for _, h := range a.heard {
		if h == "GET /"+tenant+"/mam/v1/registrations/registration-1/operations" {
			n++
		}
	}
	return n
}
