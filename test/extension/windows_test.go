//go:build linux

package extension_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/test/play"
)

// windows puts the agent's program for Windows on this desk in the place of ours,
// and enrols it. The browser starts it as it would start ours.
func (d *desk) windows() *play.Windows {
	d.Helper()
	w := play.NewWindows(d.T)
	exe := play.WindowsProgram(d, "cmd/postern-agent")
	base := []string{"--authority", d.house.Authority, "--ca", play.WindowsPath(d.house.CACertificate), "--dir", play.WindowsPath(d.dir), "--app-version", play.EdgeVersion}
	enroll := w.Command(d.Context(), exe, append(base, "enroll")...)
	errs, err := enroll.StderrPipe()
	d.ok(err)
	d.ok(enroll.Start())
	var seen strings.Builder
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		seen.WriteString(lines.Text() + "\n")
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "https://") {
			_, err := d.house.Browser(d, nil).Open(d.Context(), address)
			d.ok(err)
		}
	}
	if err := enroll.Wait(); err != nil {
		d.Fatalf("%v\n%s", err, seen.String())
	}
	profile, err := os.MkdirTemp("", "postern-profile-")
	d.ok(err)
	d.profile = profile
	d.Cleanup(func() { _ = os.RemoveAll(profile) })
	log := filepath.Join(d.dir, "host.log")
	d.host(fmt.Appendf(nil, "#!/bin/sh\nexport POSTERN_AGENT_DIR='%s' POSTERN_AUTHORITY='%s' POSTERN_CA='%s'\nexec timeout 300 '%s' '%s' \"$@\" 2>>'%s'\n",
		play.WindowsPath(d.dir), d.house.Authority, play.WindowsPath(d.house.CACertificate), os.Getenv("POSTERN_WINE"), exe, log))
	return w
}

// The whole of it: the agent's program for Windows, a browser, and the service. The
// person is in while Security Center is content, the page is covered within a
// moment of its word, open again when it is healed, and gone after a wipe.
func TestALifeWithTheAgentForWindows(t *testing.T) {
	d := arrive(t)
	d.house.Do(t, http.MethodPatch, "/v1.0/organization/"+d.house.TenantID, map[string]any{"postern": map[string]any{"allowDevelopmentHealth": false}}, nil)
	w := d.windows()
	d.open()
	d.signIn()
	d.site()
	d.until("!(" + covered + ")")
	n, err := strconv.Atoi(os.Getenv("POSTERN_FIGURES"))
	if err != nil {
		n = 2
	}
	var on, off []float64
	for i := range n {
		if i%2 == 1 { // a PC whose health changes all the time is told less often: a new agent starts anew
			d.close()
			d.open()
			d.site()
			d.until("!(" + covered + ")")
		}
		began := time.Now()
		w.Feel("antivirus", play.ProviderPoor)
		on = append(on, d.when(began, covered))
		if got := eval[string](d, asked); !strings.HasPrefix(got, "403 ") {
			t.Errorf("covered, and the site says %s", got)
		}
		began = time.Now()
		w.Feel("antivirus", play.ProviderGood)
		off = append(off, d.when(began, "!("+covered+")"))
	}
	t.Logf("Security Center's word to page covered, ms: %s", spread(slices.Clone(on)))
	t.Logf("healed to page shown, ms: %s", spread(slices.Clone(off)))

	var devices struct {
		Value []struct {
			ID       string `json:"id"`
			DeviceID string `json:"deviceTag"`
		} `json:"value"`
	}
	d.house.Do(t, http.MethodGet, "/beta/deviceAppManagement/managedAppRegistrations", nil, &devices)
	if len(devices.Value) != 1 {
		t.Fatalf("%d installations", len(devices.Value))
	}
	d.house.Do(t, http.MethodPost, "/v1.0/users/"+d.house.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": devices.Value[0].DeviceID}, nil)
	began := time.Now()
	for {
		var ops struct {
			Value []struct {
				State   string `json:"state"`
				Postern struct {
					Receipt string `json:"receipt"`
				} `json:"postern"`
			} `json:"value"`
		}
		d.house.Do(t, http.MethodGet, "/beta/deviceAppManagement/managedAppRegistrations/"+devices.Value[0].ID+"/operations", nil, &ops)
		if len(ops.Value) == 1 && ops.Value[0].Postern.Receipt != "" {
			if ops.Value[0].State != "done" {
				t.Errorf("the wipe is %s: %s", ops.Value[0].State, ops.Value[0].Postern.Receipt)
			}
			break
		}
		if time.Since(began) > limit {
			t.Fatalf("no receipt comes: %+v", ops.Value)
		}
	}
	t.Logf("the receipt came %s after the order", time.Since(began))
}
