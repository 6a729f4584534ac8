// Package crash kills the real binary in the middle of a storm and looks for
// what was acknowledged and is gone.
package crash_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

const (
	pcs    = 6
	rounds = 3
	storm  = 60 // acknowledged check-ins, over all PCs, before the power goes
)

// pc is an enrolled PC with what the service acknowledged to it.
type pc struct {
	*sdk.Client
	id      string
	acked   time.Time // measuredAt of the newest check-in that was answered
	threat  bool      // a threat report about it was answered
	ordered bool      // a wipe of it was answered
}

func TestNothingAcknowledgedIsLostByKill(t *testing.T) { play.OnEveryEngine(t, survive) }

func survive(t *testing.T, h *play.House) {
	h.Furnish(t)
	all := make([]*pc, pcs)
	for i := range all {
		c := h.Agent(t)
		all[i] = &pc{Client: c, id: c.Status().RegistrationID, acked: c.Status().LastSent.MeasuredAt}
	}
	for round := range rounds {
		total := play1(t, h, all, round)
		h.Kill(t)
		h.Run(t) // on the same port and data
		for _, p := range all {
			examine(t, h, p)
		}
		t.Logf("round %d: killed after %d acknowledged check-ins", round+1, total)
	}
}

// play1 lets every PC check in as fast as it can, reports a threat and orders a
// wipe in between, and returns once enough was acknowledged. Check-ins are still
// under way then.
func play1(t *testing.T, h *play.House, all []*pc, round int) int {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	acks := make(chan struct{})
	var storming sync.WaitGroup
	for _, p := range all {
		if p.ordered {
			continue // it would obey, and be gone
		}
		storming.Go(func() {
			for ctx.Err() == nil {
				if _, err := p.CheckIn(ctx); err != nil {
					continue // the power went in between: not acknowledged
				}
				p.acked = p.Status().LastSent.MeasuredAt
				select {
				case acks <- struct{}{}:
				case <-ctx.Done():
				}
			}
		})
	}
	total := 0
	for ; total < storm; total++ {
		<-acks
		switch total {
		case storm / 3:
			sick := all[round]
			if err := h.Report(ctx, sick.Client, "activeThreat"); err != nil {
				t.Fatal(err)
			}
			sick.threat = true
		case storm / 2:
			lost := all[len(all)-1-round]
			path := "/v1.0/users/" + h.User + "/wipeManagedAppRegistrationsByDeviceTag"
			h.Do(t, http.MethodPost, path, map[string]any{"deviceTag": lost.Status().DeviceID}, nil)
			lost.ordered = true
		}
	}
	h.Kill(t) // while every PC is in the middle of a check-in
	stop()
	storming.Wait()
	return total
}

type registration struct {
	LastSync time.Time `json:"lastSyncDateTime"`
}

type operations struct {
	Value []struct {
		State string `json:"state"`
	} `json:"value"`
}

// examine asks the restarted service, as an administrator would, for everything
// that was acknowledged about a PC.
func examine(t *testing.T, h *play.House, p *pc) {
	t.Helper()
	path := "/beta/deviceAppManagement/managedAppRegistrations/" + url.PathEscape(p.id)
	var r registration
	h.Do(t, http.MethodGet, path, nil, &r)
	if r.LastSync.Before(p.acked) { // one clock: the service hears of a measurement after it was made
		t.Errorf("last check-in is %s, but one measured at %s was acknowledged", r.LastSync, p.acked)
	}
	if p.ordered {
		var ops operations
		h.Do(t, http.MethodGet, path+"/operations", nil, &ops)
		if len(ops.Value) != 1 {
			t.Errorf("an acknowledged wipe order is gone: %+v", ops)
		}
		return
	}
	result, err := p.CheckIn(t.Context())
	if err != nil {
		t.Errorf("an enrolled agent does not survive the restart: %v", err)
		return
	}
	p.acked = p.Status().LastSent.MeasuredAt
	if p.threat && result.State != "noncompliant" {
		t.Errorf("an acknowledged threat report is gone: %+v", result)
	}
}
