// Package agent runs the real postern-agent against the real service: a person
// enrols, looks, falls ill, is wiped, and signs out.
package agent_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

// pc is a PC with the agent installed.
type pc struct {
	house            *play.House
	bin, dir, health string
}

func install(t *testing.T, h *play.House) *pc {
	t.Helper()
	p := &pc{house: h, bin: play.BuildAgent(t), dir: t.TempDir(), health: filepath.Join(t.TempDir(), "health.json")}
	p.feel(t, "good")
	return p
}

// feel writes how the antivirus of the PC is.
func (p *pc) feel(t *testing.T, antivirus string) {
	t.Helper()
	doc, err := json.Marshal(map[string]any{"osVersion": "10.0.22631.4317", "providers": map[string]string{
		"antivirus": antivirus, "firewall": "good", "autoUpdate": "good", "internetSettings": "good", "userAccountControl": "good", "securityCenter": "good",
	}})
	if err == nil {
		err = os.WriteFile(p.health, doc, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *pc) command(ctx context.Context, args ...string) *exec.Cmd {
	base := []string{"--authority", p.house.Authority, "--ca", p.house.CACertificate, "--dir", p.dir, "--app-version", play.EdgeVersion, "--development-health", p.health}
	return exec.CommandContext(ctx, p.bin, append(base, args...)...)
}

// agent runs a verb and returns what it printed; it fails the test when the
// exit code is not want.
func (p *pc) agent(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	c := p.command(t.Context(), args...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if c.ProcessState == nil || c.ProcessState.ExitCode() != want {
		t.Fatalf("postern-agent %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

// enroll runs the verb; the person opens the address it prints.
func (p *pc) enroll(t *testing.T) {
	t.Helper()
	c := p.command(t.Context(), "enroll")
	errs, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		seen.WriteString(lines.Text() + "\n")
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "https://") {
			if _, err := p.house.Browser(t, nil).Open(t.Context(), address); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, seen.String())
	}
}

func (p *pc) status(t *testing.T) (s sdk.Status) {
	t.Helper()
	var out bytes.Buffer
	c := p.command(t.Context(), "status", "-o", "json")
	c.Stdout = &out
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return s
}

func TestADayWithTheAgent(t *testing.T) { play.OnEveryEngine(t, aDay) }

func aDay(t *testing.T, h *play.House) {
	h.Furnish(t)
	p := install(t, h)
	p.enroll(t)
	s := p.status(t)
	if !s.Enrolled || !s.Decision.Allowed() || s.LastSent == nil || s.LastSent.Adapter != "development" {
		t.Fatalf("after enrolling: %+v", s)
	}

	p.feel(t, "poor") // the agent sends raw states; the service makes a level of them
	if out := p.agent(t, 0, "sync"); !strings.Contains(out, "block") {
		t.Fatalf("sync says: %s", out)
	}
	if s := p.status(t); s.Decision.Allowed() {
		t.Fatalf("ill, but %+v", s.Decision)
	}
	p.feel(t, "good")
	p.agent(t, 0, "sync")
	if s := p.status(t); !s.Decision.Allowed() {
		t.Fatalf("healed, but %+v", s.Decision)
	}

	if out := p.agent(t, 0, "prove", "nonce", strings.TrimSuffix(h.Authority, "/"+h.TenantID)); strings.Count(out, ".") < 2 {
		t.Errorf("no proof: %s", out)
	}
	p.agent(t, 1, "prove", "nonce", "https://evil.example")

	p.agent(t, 0, "sign-out")
	if s := p.status(t); s.Enrolled {
		t.Fatalf("signed out, but %+v", s)
	}
	p.agent(t, 1, "sync")

	p.enroll(t)
	h.Do(t, http.MethodPost, "/v1.0/users/"+h.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": p.status(t).DeviceID}, nil)
	if out := p.agent(t, 0, "run"); strings.Contains(out, "error") { // ends by itself when the wipe is done
		t.Errorf("run says: %s", out)
	}
	if s := p.status(t); s.Enrolled || s.WipedAt.IsZero() {
		t.Fatalf("wiped, but %+v", s)
	}
}

func TestADisabledAccountIsOutAndItsWipeStillArrives(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	p := install(t, h)
	p.enroll(t)
	device := p.status(t).DeviceID
	h.Do(t, http.MethodPatch, "/v1.0/users/"+h.User, map[string]any{"accountEnabled": false}, nil)
	p.agent(t, 1, "sync")
	h.Do(t, http.MethodPost, "/v1.0/users/"+h.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": device}, nil)
	p.agent(t, 0, "sync")
	if s := p.status(t); s.WipedAt.IsZero() {
		t.Fatalf("the order did not arrive: %+v", s)
	}
}

func TestWhatCannotBeMeasuredIsNotHealthy(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	p := install(t, h)
	p.enroll(t)
	if err := os.WriteFile(p.health, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := p.agent(t, 1, "sync"); !strings.Contains(out, p.health) {
		t.Errorf("the error does not name the file: %s", out)
	}
}
