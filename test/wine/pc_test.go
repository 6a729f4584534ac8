// Package wine runs the agent's program for Windows against the real service. What
// it needs is set up by scripts/wine.sh.
package wine_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

const (
	securityCenter = `Software\PosternTest\SecurityCenter`
	current        = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`
	patience       = time.Minute // for what happens elsewhere
)

// What Security Center says of a provider.
const (
	good = "0"
	poor = "2"
)

// pc is a Windows PC with the agent on it.
type pc struct {
	t        *testing.T
	house    *play.House
	exe, dir string
	env      []string // beside the environment
	in       io.Writer
	out      *bufio.Scanner
}

func newPC(t *testing.T, h *play.House) *pc {
	t.Helper()
	if os.Getenv("POSTERN_WINE") == "" || os.Getenv("WINEPREFIX") == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
			t.Fatal("Wine is required here and missing: run this by scripts/wine.sh")
		}
		t.Skip("there is no Wine: run this by scripts/wine.sh")
	}
	p := &pc{t: t, house: h, exe: build(t, "cmd/postern-agent"), dir: t.TempDir()}
	p.registry(build(t, "test/wine/registry"))
	p.set("HKLM", current, "CurrentVersion", "10.0")
	p.set("HKLM", current, "CurrentBuild", "22631")
	p.set("HKLM", current, "CurrentBuildNumber", "22631")
	for name, value := range map[string]string{"CurrentMajorVersionNumber": "10", "UBR": "4317", "EditionID": "Core", "DisplayVersion": "23H2"} {
		p.set("HKLM", current, name, value)
	}
	p.feel("antivirus", good)
	return p
}

func build(t *testing.T, what string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), filepath.Base(what)+".exe")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", exe, "github.com/postern-mam/postern/"+what)
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

// wine is a program of Windows, ended with the test at the latest. Wine leaves a
// process of its own when it is killed by its parent alone, so it is asked to end.
func (p *pc) wine(ctx context.Context, exe string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "timeout", append([]string{"120", os.Getenv("POSTERN_WINE"), exe}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// registry starts what writes to the registry, and keeps it: a start takes longer
// than what is measured here.
func (p *pc) registry(exe string) {
	p.t.Helper()
	cmd := p.wine(context.Background(), exe)
	in, err := cmd.StdinPipe()
	p.must(err)
	out, err := cmd.StdoutPipe()
	p.must(err)
	cmd.Stderr = os.Stderr
	p.must(cmd.Start())
	p.in, p.out = in, bufio.NewScanner(out)
	p.t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
}

func (p *pc) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pc) set(root, key, name, value string) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, strings.Join([]string{root, key, name, value}, "\t"))
	p.must(err)
	if !p.out.Scan() {
		p.t.Fatalf("%s\\%s was not written", key, name)
	}
}

func (p *pc) feel(provider, how string) { p.set("HKCU", securityCenter, provider, how) }

// windows is how programs of Wine see a path.
func windows(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }

func (p *pc) command(ctx context.Context, args ...string) *exec.Cmd {
	base := []string{"--authority", p.house.Authority, "--ca", windows(p.house.CACertificate), "--dir", windows(p.dir), "--app-version", play.EdgeVersion}
	return p.wine(ctx, p.exe, append(base, args...)...)
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
