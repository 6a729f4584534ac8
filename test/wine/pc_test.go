//go:build linux

// Package wine runs the agent's program for Windows against the real service. What
// it needs is set up by scripts/wine.sh.
package wine_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

const patience = time.Minute // for what happens elsewhere

// pc is a Windows PC with the agent on it.
type pc struct {
	*play.Windows
	t        *testing.T
	house    *play.House
	exe, dir string
	env      []string // beside the environment
}

func newPC(t *testing.T, h *play.House) *pc {
	t.Helper()
	return &pc{Windows: play.NewWindows(t), t: t, house: h, exe: play.WindowsProgram(t, "cmd/postern-agent"), dir: t.TempDir()}
}

func (p *pc) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pc) command(ctx context.Context, args ...string) *exec.Cmd {
	base := []string{"--authority", p.house.Authority, "--ca", play.WindowsPath(p.house.CACertificate), "--dir", play.WindowsPath(p.dir), "--app-version", play.EdgeVersion}
	cmd := p.Command(ctx, p.exe, append(base, args...)...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// agent runs a verb and returns what it printed; the test fails when the exit code
// is not want.
func (p *pc) agent(want int, args ...string) string {
	p.t.Helper()
	var out, errs bytes.Buffer
	c := p.command(p.t.Context(), args...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if c.ProcessState == nil || c.ProcessState.ExitCode() != want {
		p.t.Fatalf("postern-agent.exe %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// enroll runs the verb; the person opens the address it prints.
func (p *pc) enroll() {
	p.t.Helper()
	c := p.command(p.t.Context(), "enroll")
	errs, err := c.StderrPipe()
	p.must(err)
	p.must(c.Start())
	var seen strings.Builder
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		seen.WriteString(lines.Text() + "\n")
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "https://") {
			_, err := p.house.Browser(p.t, nil).Open(p.t.Context(), address)
			p.must(err)
		}
	}
	if err := c.Wait(); err != nil {
		p.t.Fatalf("%v\n%s", err, seen.String())
	}
}

// status is what "status -o json" says.
type status struct {
	sdk.Status
	Measured struct {
		Adapter, Release, OSVersion, Error string
		Management                         struct{ DirectoryJoined, MDMEnrolled bool }
		Providers                          map[string]string
	} `json:"measured"`
}

func (p *pc) status() (s status) {
	p.t.Helper()
	p.must(json.Unmarshal([]byte(p.agent(0, "status", "-o", "json")), &s))
	return s
}

// prove answers a challenge as the extension has the agent do it.
func (p *pc) prove(nonce, origin string) (string, error) {
	out, err := p.command(p.t.Context(), "prove", nonce, origin).Output()
	return strings.TrimSpace(string(out)), err
}

// until waits for what happens elsewhere, and says how long it took.
func (p *pc) until(what string, holds func() bool) time.Duration {
	p.t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > patience {
			p.t.Fatalf("in vain: %s", what)
		}
	}
	return time.Since(began)
}
