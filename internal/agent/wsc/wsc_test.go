package wsc_test

import (
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/agent/wsc"
)

const (
	sFalse       = 1
	invalid      = 0x80070057 // E_INVALIDARG
	lateInTheDay = 8 * time.Hour
)

func TestEveryAnswerHasOneStateAndOnlyGoodIsGood(t *testing.T) {
	for _, p := range []string{"firewall", "autoUpdate", "antivirus", "internetSettings", "userAccountControl", wsc.SecurityCenter} {
		for health, want := range map[uint32]string{0: "good", 1: "notMonitored", 2: "poor", 3: "snoozed", 4: "unknown", 1 << 31: "unknown"} {
			if got := wsc.State(p, wsc.Answer{Health: health}, lateInTheDay); got != want {
				t.Errorf("%s, health %d: %s; want %s", p, health, got, want)
			}
		}
		for _, result := range []uint32{invalid, 0x800706ba, 2} {
			if got := wsc.State(p, wsc.Answer{Result: result}, lateInTheDay); got != wsc.Unknown {
				t.Errorf("%s, result %x: %s; want unknown", p, result, got)
			}
		}
	}
}

func TestAServiceThatDoesNotRunIsPoorAndHidesTheOthers(t *testing.T) {
	for _, c := range []struct {
		provider string
		running  time.Duration
		want     string
	}{
		{wsc.SecurityCenter, lateInTheDay, wsc.Poor},
		{wsc.SecurityCenter, wsc.Starting, wsc.Poor},
		{wsc.SecurityCenter, wsc.Starting - 1, wsc.Unknown},
		{"antivirus", lateInTheDay, wsc.Unknown},
		{"firewall", 0, wsc.Unknown},
	} {
		if got := wsc.State(c.provider, wsc.Answer{Result: sFalse}, c.running); got != c.want {
			t.Errorf("%s after %s: %s; want %s", c.provider, c.running, got, c.want)
		}
	}
}
