//go:build linux

package agent_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/test/play"
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
	bin := play.BuildAgent(t)
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

// cut runs a verb of the agent and kills it before a step; a person is there to sign
// in.
func (p *pc) cut(t *testing.T, at int, args ...string) (killed bool) {
	t.Helper()
	read, write := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "https://") {
				_, _ = p.house.Browser(t, nil).Open(t.Context(), address) // nobody may be listening for the answer any more
			}
		}
	}()
	c := p.command(t.Context(), args...)
	c.Stdout, c.Stderr = io.Discard, write
	o, err := powercut.Run(c, at)
	if err = errors.Join(err, write.Close()); err != nil {
		t.Fatal(err)
	}
	<-done
	t.Logf("%s, before it could %s", args[0], o.At)
	return o.Killed
}

// living counts the registrations of a PC that live.
func living(t *testing.T, h *play.House, device string) (n int) {
	t.Helper()
	var all struct {
		Value []struct {
			DeviceTag string `json:"deviceTag"`
		} `json:"value"`
	}
	h.Do(t, http.MethodGet, "/v1.0/deviceAppManagement/managedAppRegistrations", nil, &all)
	for _, r := range all.Value {
		if r.DeviceTag == device {
			n++
		}
	}
	return n
}

// The real agent is killed before every step of an enrolment, of a policy change, of a
// wipe and of a sign-out, and the real service in between: each comes to its end, once.
func TestADayOfPowerCuts(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	var policies struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
	}
	h.Do(t, http.MethodGet, "/beta/deviceAppManagement/windowsManagedAppProtections", nil, &policies)
	bin := install(t, h)
	at := 0
	for cut := true; cut && at < 200; {
		at++
		t.Run(fmt.Sprintf("step %d", at), func(t *testing.T) {
			p := &pc{house: h, bin: bin.bin, dir: t.TempDir(), health: bin.health}
			cut = p.cut(t, at, "enroll")
			h.Kill(t)
			h.Run(t)
			p.enroll(t)
			before := p.status(t)
			if n := living(t, h, before.DeviceID); n != 1 || !before.Decision.Allowed() {
				t.Fatalf("%d registrations live; %+v", n, before)
			}

			h.Do(t, http.MethodPatch, "/beta/deviceAppManagement/windowsManagedAppProtections/"+policies.Value[0].ID, map[string]any{
				"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "displayName": fmt.Sprintf("Edge %d", at), "printBlocked": at%2 == 1,
			}, nil)
			cut = p.cut(t, at, "sync") || cut
			between := p.status(t)
			p.agent(t, 0, "sync")
			after := p.status(t)
			if after.PolicyETag == before.PolicyETag || between.PolicyETag != before.PolicyETag && between.PolicyETag != after.PolicyETag || !after.Decision.Allowed() {
				t.Errorf("the policy went from %s by %s to %s: %+v", before.PolicyETag, between.PolicyETag, after.PolicyETag, after.Decision)
			}

			h.Do(t, http.MethodPost, "/v1.0/users/"+h.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": before.DeviceID}, nil)
			cut = p.cut(t, at, "sync") || cut
			p.agent(t, 0, "sync")
			if s := p.status(t); s.Enrolled || s.WipedAt.IsZero() {
				t.Errorf("wiped, but %+v", s)
			}
			var ops struct {
				Value []struct {
					State string `json:"state"`
				} `json:"value"`
			}
			h.Do(t, http.MethodGet, "/beta/deviceAppManagement/managedAppRegistrations/"+before.RegistrationID+"/operations", nil, &ops)
			if len(ops.Value) != 1 || ops.Value[0].State != "done" || living(t, h, before.DeviceID) != 0 {
				t.Errorf("the service says %+v", ops)
			}

			p.enroll(t)
			cut = p.cut(t, at, "sign-out") || cut
			p.agent(t, 0, "sign-out")
			if s := p.status(t); s.Enrolled || living(t, h, before.DeviceID) != 0 {
				t.Errorf("signed out, but %+v", s)
			}
		})
	}
	if at < 20 {
		t.Errorf("%d cuts: this checks nothing", at-1)
	}
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
