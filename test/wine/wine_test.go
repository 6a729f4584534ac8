//go:build linux

package wine_test

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/test/play"
)

// A person's PC with Windows: in while it is healthy, out within a moment of
// Security Center's word, in again, and without the organization's data after a wipe.
func TestALifeOfAWindowsPC(t *testing.T) {
	h := play.Start(t, play.Build(t))
	p := newPC(t, h)
	h.Furnish(t)
	h.Do(t, http.MethodPatch, "/v1.0/organization/"+h.TenantID, map[string]any{"postern": map[string]any{"allowDevelopmentHealth": false}}, nil)

	p.enroll()
	s := p.status()
	if !s.Enrolled || !s.Decision.Allowed() || s.LastSent == nil || s.LastSent.Adapter != "windows" || s.LastSent.OSVersion != "10.0.22631.4317" || s.LastSent.Providers["antivirus"] != "good" {
		t.Fatalf("after enrolling: %+v, sent %+v", s.Decision, s.LastSent)
	}
	if s.Measured.Release != "Windows 11 Home 23H2" {
		t.Errorf("measured: %+v", s.Measured)
	}
	run := p.command(t.Context(), "run")
	run.Stderr = os.Stderr
	p.must(run.Start())
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()

	b := h.Browser(t, nil)
	b.Prove = p.prove
	in := func() bool {
		page, err := b.Open(t.Context(), h.SiteURL("/"))
		p.must(err)
		return page.Status == http.StatusOK
	}
	out := func() bool { return !in() }
	p.until("a healthy PC is in", in)

	b.Prove = nil // what is signed in already is asked about: a program of Wine takes a second to start
	var times []time.Duration
	for range 5 {
		p.Feel("antivirus", play.ProviderPoor)
		times = append(times, p.until("a PC without virus protection is out", out))
		p.Feel("antivirus", play.ProviderGood)
		p.until("a PC that was healed is in", in)
	}
	slices.Sort(times)
	t.Logf("from Security Center's word to the refusal: %s, half of them within %s", times, times[len(times)/2])

	s = p.status()
	h.Do(t, http.MethodPost, "/v1.0/users/"+h.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": s.DeviceID}, nil)
	began := time.Now()
	if in() {
		t.Error("a PC that is to be wiped is in")
	}
	if err := <-ended; err != nil { // it ends by itself when the wipe is done
		t.Errorf("run: %v", err)
	}
	t.Logf("from the order to the receipt, and the end of the program: %s", time.Since(began))
	p.wiped(s)
}

// wiped checks that service and PC agree.
func (p *pc) wiped(before status) {
	p.t.Helper()
	if s := p.status(); s.Enrolled || s.WipedAt.IsZero() {
		p.t.Errorf("wiped, but %+v", s.Status)
	}
	if left, err := os.ReadDir(filepath.Join(p.dir, "organization")); !errors.Is(err, fs.ErrNotExist) {
		p.t.Errorf("left: %v, %v", left, err)
	}
	var ops struct {
		Value []struct{ State string }
	}
	p.house.Do(p.t, http.MethodGet, "/beta/deviceAppManagement/managedAppRegistrations/"+before.RegistrationID+"/operations", nil, &ops)
	if len(ops.Value) != 1 || ops.Value[0].State != "done" {
		p.t.Errorf("the service knows %+v", ops.Value)
	}
}
