package wsc_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/windows/registry"

	"github.com/postern-mam/postern/internal/agent/wsc"
)

// seam is where the Security Center of test/wine/dlls looks. scripts/wine.sh sets
// POSTERN_WINE: on a real PC nothing is to be written.
const seam = `Software\PosternTest\SecurityCenter`

func key(t *testing.T) registry.Key {
	t.Helper()
	if os.Getenv("POSTERN_WINE") == "" {
		t.Skip("this needs the Security Center of scripts/wine.sh")
	}
	_ = registry.DeleteKey(registry.CURRENT_USER, seam)
	k, _, err := registry.CreateKey(registry.CURRENT_USER, seam, registry.ALL_ACCESS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = k.Close()
		_ = registry.DeleteKey(registry.CURRENT_USER, seam)
	})
	return k
}

func set(t *testing.T, k registry.Key, name string, value uint32) {
	t.Helper()
	if err := k.SetDWordValue(name, value); err != nil {
		t.Fatal(err)
	}
}

var names = []string{"firewall", "autoUpdate", "antivirus", "internetSettings", "userAccountControl", "securityCenter"}

func TestEveryProviderIsAskedForItself(t *testing.T) {
	k := key(t)
	for _, name := range names {
		for value, want := range []string{"good", "notMonitored", "poor", "snoozed", "unknown"} {
			set(t, k, name, uint32(value))
			for provider, got := range wsc.Health() {
				if provider == name && got != want || provider != name && got != wsc.Good {
					t.Errorf("%s is set to %d: %s is %s", name, value, provider, got)
				}
			}
		}
		set(t, k, name, 0)
	}
}

func TestAQuestionThatFailsIsUnknownAndNeverGood(t *testing.T) {
	k := key(t)
	for _, result := range []uint32{1, 0x80070057, 0x800706ba} { // S_FALSE, E_INVALIDARG, RPC_S_SERVER_UNAVAILABLE
		set(t, k, "result", result)
		seen := wsc.Health()
		for _, name := range names {
			got := seen[name]
			if stopped := result == 1 && name == wsc.SecurityCenter && got == wsc.Poor; got != wsc.Unknown && !stopped {
				t.Errorf("result %x: %s is %s", result, name, got)
			}
		}
	}
}

func TestAChangeIsToldUntilNobodyListens(t *testing.T) {
	k := key(t)
	for round := range 20 { // nothing is left over from the round before
		ctx, cancel := context.WithCancel(t.Context())
		told, ended := make(chan time.Time, 100), make(chan error, 1)
		go func() { ended <- wsc.Watch(ctx, func() { told <- time.Now() }) }()
		await(t, told, func(value uint32) { set(t, k, "antivirus", value) })
		began := time.Now()
		set(t, k, "antivirus", 2)
		at := <-told
		if round == 0 {
			t.Logf("told %s after the change", at.Sub(began))
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// await changes something until it is told: then somebody watches. It drains what
// else was told.
func await(t *testing.T, told <-chan time.Time, change func(uint32)) {
	t.Helper()
	for value := uint32(0); ; value = 1 - value {
		change(value)
		select {
		case <-told:
			for quiet := false; !quiet; {
				select {
				case <-told:
				case <-time.After(20 * time.Millisecond):
					quiet = true
				}
			}
			return
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("nothing was told")
		}
	}
}
