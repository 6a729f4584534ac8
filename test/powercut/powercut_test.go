//go:build linux

package powercut_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/test/powercut"
)

// The last step that is allowed is taken, and the next one is not.
func TestAProgramDiesBeforeTheChosenStep(t *testing.T) {
	dir := t.TempDir()
	fresh := func() *exec.Cmd {
		c := exec.CommandContext(t.Context(), "sh", "-c", "echo one > a; echo two > b; echo said")
		c.Dir = dir
		return c
	}
	whole, err := powercut.Run(fresh(), 0)
	if err != nil || whole.Killed || whole.Code != 0 || whole.Out != "said\n" || whole.Steps != 4 {
		t.Fatalf("%+v, %v", whole, err)
	}
	for at, want := range map[int]string{1: "", 2: "a:", 3: "a:one\n", 4: "a:one\n b:"} {
		for _, name := range []string{"a", "b"} {
			_ = os.Remove(filepath.Join(dir, name))
		}
		o, err := powercut.Run(fresh(), at)
		var got []string
		for _, name := range []string{"a", "b"} {
			if doc, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				got = append(got, name+":"+string(doc))
			}
		}
		if have := strings.Join(got, " "); err != nil || !o.Killed || o.Steps != at || o.At == "" || have != want {
			t.Errorf("killed at %d (%s): %q is there, want %q; %v", at, o.At, have, want, err)
		}
	}
	if o, err := powercut.Run(exec.CommandContext(t.Context(), "sh", "-c", "exit 3"), 0); err != nil || o.Code != 3 {
		t.Errorf("%+v, %v", o, err)
	}
}
