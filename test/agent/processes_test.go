package agent_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/postern-mam/postern/test/play"
)

// The agent runs all day; a person who calls it by hand beside that must not end
// the sign-in: a refresh token works once, and each process needs a token.
func TestProcessesBesideTheRunningAgentShareItsSignIn(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	p := install(t, h)
	p.enroll(t)
	running := p.command(t.Context(), "run")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- running.Wait() }()
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if out, err := p.command(t.Context(), "sync").CombinedOutput(); err != nil {
				t.Errorf("sync: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
	p.agent(t, 0, "sync")
	h.Do(t, http.MethodPost, "/v1.0/users/"+h.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": p.status(t).DeviceID}, nil)
	select {
	case err := <-ended: // the order reached it on its stream
		if err != nil {
			t.Errorf("run: %v", err)
		}
	case <-t.Context().Done():
	}
	if s := p.status(t); s.Enrolled || s.WipedAt.IsZero() {
		t.Errorf("wiped, but %+v", s)
	}
}
