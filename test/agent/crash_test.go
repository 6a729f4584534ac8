//go:build linux

package agent_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/test/powercut"
)

// person is somebody with a browser, and the agent's program.
type person struct {
	*testing.T
	bin, config string
}

func (p *person) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(p.Context(), p.bin, args...)
	c.Env = append(os.Environ(), "XDG_CONFIG_HOME="+p.config)
	return c
}

func (p *person) agent(args ...string) string {
	p.Helper()
	out, err := p.command(args...).CombinedOutput()
	if err != nil {
		p.Errorf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (p *person) home() string { return filepath.Join(p.config, "postern-agent") }

func (p *person) manifest() string {
	return filepath.Join(p.config, "chromium", "NativeMessagingHosts", nativehost.Name+".json")
}

func (p *person) install() []string {
	return []string{"install", "--authority", "https://127.0.0.1:1/t", "--app", "com.example.notes"}
}

func (p *person) nothingLeft() {
	p.Helper()
	for _, path := range []string{p.home(), p.manifest()} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			p.Errorf("%s is left: %v", path, err)
		}
	}
}

// cuts runs what story returns, each time for a new person, and kills it before
// every step it takes; after looks at what is left.
func cuts(t *testing.T, story func(p *person) []string, after func(p *person)) {
	bin := filepath.Join(t.TempDir(), "postern-agent")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/postern-mam/postern/cmd/postern-agent").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n := 0
	for ended := false; !ended && n < 200; n++ {
		t.Run(fmt.Sprintf("step %d", n+1), func(t *testing.T) {
			p := &person{t, bin, t.TempDir()}
			if err := os.Mkdir(filepath.Join(p.config, "chromium"), 0o700); err != nil {
				t.Fatal(err)
			}
			o, err := powercut.Run(p.command(story(p)...), n+1)
			if ended = !o.Killed; err != nil || ended && o.Code != 0 {
				t.Fatalf("the story itself fails: %+v, %v", o, err)
			}
			t.Logf("before it could %s", o.At)
			after(p)
		})
	}
	if n < 6 {
		t.Errorf("%d cuts: this checks nothing", n-1)
	}
	t.Logf("%d cuts", n-1)
}

// Whoever changes their mind after an install that was cut short has nothing left.
func TestAnInstallThatIsCutShortIsDoneAgainOrUndone(t *testing.T) {
	cuts(t, func(p *person) []string { return p.install() }, func(p *person) {
		p.agent("uninstall")
		p.nothingLeft()
	})
	cuts(t, func(p *person) []string { return p.install() }, func(p *person) {
		p.agent(p.install()...)
		if out := p.agent("status", "--app-version", "1.0"); !strings.Contains(out, "com.example.notes is not protected") {
			p.Errorf("without flags it says %s", out)
		}
		var manifest struct{ Path string }
		if doc, err := os.ReadFile(p.manifest()); err != nil || json.Unmarshal(doc, &manifest) != nil || manifest.Path != p.bin {
			p.Errorf("browsers are told %s, %v", doc, err)
		}
	})
}

func TestAnUninstallThatIsCutShortIsDoneAgain(t *testing.T) {
	cuts(t, func(p *person) []string {
		p.agent(p.install()...)
		p.agent("status", "--app-version", "1.0")
		return []string{"uninstall"}
	}, func(p *person) {
		p.agent("uninstall")
		p.nothingLeft()
	})
}
