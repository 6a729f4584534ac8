package play

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the Security Center of a Windows says of a provider.
const (
	ProviderGood = "0"
	ProviderPoor = "2"
)

const (
	securityCenter = `Software\PosternTest\SecurityCenter`
	current        = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`
)

// Windows is what programs for Windows run on, by Wine: its disk, its registry and
// its Security Center, which tests set.
type Windows struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Scanner
}

// NewWindows is a healthy personal PC. There is one at a time: another test, also
// of another package, waits for its end. Without Wine the test is skipped, or fails
// where everything is required.
func NewWindows(t testing.TB) *Windows {
	t.Helper()
	if os.Getenv("POSTERN_WINE") == "" || os.Getenv("WINEPREFIX") == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
			t.Fatal("Wine is required here and missing: run this by scripts/wine.sh")
		}
		t.Skip("there is no Wine: run this by scripts/wine.sh")
	}
	lock, err := os.OpenFile(filepath.Join(os.Getenv("WINEPREFIX"), "postern-test.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	check(t, err)
	t.Cleanup(func() { _ = lock.Close() })
	check(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	w := &Windows{t: t}
	w.start(WindowsProgram(t, "test/wine/registry"))
	w.Set("HKLM", current, "CurrentVersion", "10.0")
	w.Set("HKLM", current, "CurrentBuild", "22631")
	w.Set("HKLM", current, "CurrentBuildNumber", "22631")
	for name, value := range map[string]string{"CurrentMajorVersionNumber": "10", "UBR": "4317", "EditionID": "Core", "DisplayVersion": "23H2"} {
		w.Set("HKLM", current, name, value)
	}
	w.Feel("antivirus", ProviderGood)
	return w
}

// WindowsProgram compiles a command of this module for Windows, and returns its path.
func WindowsProgram(t testing.TB, what string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), filepath.Base(what)+".exe")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", exe, "github.com/postern-mam/postern/"+what)
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

// WindowsPath is how programs for Windows see a path.
func WindowsPath(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }

// Command is a program of Windows, ended with ctx at the latest. Wine leaves a
// process of its own when it is killed by its parent alone, so it is asked to end.
func (w *Windows) Command(ctx context.Context, exe string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "timeout", append([]string{"1200", os.Getenv("POSTERN_WINE"), exe}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// start starts what writes to the registry, and keeps it: a start takes longer
// than what is measured.
func (w *Windows) start(exe string) {
	w.t.Helper()
	cmd := w.Command(context.Background(), exe)
	in, err := cmd.StdinPipe()
	check(w.t, err)
	out, err := cmd.StdoutPipe()
	check(w.t, err)
	cmd.Stderr = os.Stderr
	check(w.t, cmd.Start())
	w.in, w.out = in, bufio.NewScanner(out)
	w.t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
}

// Set writes a text to the registry, and returns when it is there.
func (w *Windows) Set(root, key, name, value string) {
	w.t.Helper()
	_, err := fmt.Fprintln(w.in, strings.Join([]string{root, key, name, value}, "\t"))
	check(w.t, err)
	if !w.out.Scan() {
		w.t.Fatalf("%s\\%s was not written", key, name)
	}
}

// Feel has Security Center say how a provider is.
func (w *Windows) Feel(provider, how string) { w.Set("HKCU", securityCenter, provider, how) }

// Fail has Security Center answer with an HRESULT; "0" ends that.
func (w *Windows) Fail(result string) { w.Set("HKCU", securityCenter, "result", result) }
