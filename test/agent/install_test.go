package agent_test

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/test/play"
)

// A person installs for themselves: their browsers find the agent, which then needs
// no flags, and uninstalling leaves nothing.
func TestInstalledForOnePersonAndGoneWithoutATrace(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	p := install(t, h)
	config := t.TempDir()
	home := filepath.Join(config, "postern-agent")
	agent := func(want int, in string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), p.bin, args...)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+config)
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	flags := []string{"--authority", h.Authority, "--ca", h.CACertificate, "--development-health", p.health}
	if out := agent(1, "", append([]string{"install"}, flags...)...); !strings.Contains(out, "no browser was found") {
		t.Errorf("without a browser: %s", out)
	}
	browser := filepath.Join(config, "chromium")
	if err := os.Mkdir(browser, 0o700); err != nil {
		t.Fatal(err)
	}
	if out := agent(0, "", append([]string{"install"}, flags...)...); !strings.Contains(out, browser) || !strings.Contains(out, "sign in with your work account") {
		t.Errorf("it says %s", out)
	}
	doc, err := os.ReadFile(filepath.Join(browser, "NativeMessagingHosts", nativehost.Name+".json"))
	var manifest struct {
		Path    string
		Origins []string `json:"allowed_origins"`
	}
	if err != nil || json.Unmarshal(doc, &manifest) != nil || manifest.Path != p.bin || len(manifest.Origins) != 1 {
		t.Fatalf("the manifest is %s, %v", doc, err)
	}

	// As a browser starts it: with the extension's address, and nothing else.
	const hello = `{"type":"hello","browser":"156.0.0.0"}`
	said := agent(0, string(binary.NativeEndian.AppendUint32(nil, uint32(len(hello))))+hello, manifest.Origins[0])
	if at := strings.Index(said, `{"type":"state"`); at < 0 || !strings.Contains(said, h.Authority) {
		t.Errorf("it answers %q", said)
	}
	if out := agent(2, "", "chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"); !strings.Contains(out, "is not ours") {
		t.Errorf("another extension hears %q", out)
	}
	if out := agent(0, "", "status", "--app-version", "156.0.0.0"); !strings.Contains(out, "not protected") {
		t.Errorf("without flags it says %s", out)
	}
	if out := agent(0, "", "diagnose", "--app-version", "156.0.0.0"); !strings.Contains(out, `"adapter": "development"`) {
		t.Errorf("without flags it measures nothing: %s", out)
	}
	if out := agent(0, "", "browser-policies", "--app-version", "156.0.0.0", "--for", "chrome"); !strings.Contains(out, `"PrintingEnabled": false`) || !strings.Contains(out, "Nothing was applied") {
		t.Errorf("before anybody is enrolled the policies are %s", out) // everything is forbidden
	}
	if out := agent(1, "", append([]string{"install", "--dir", t.TempDir()}, flags...)...); !strings.Contains(out, "without flags") {
		t.Errorf("another directory: %s", out)
	}

	if out := agent(0, "", "uninstall"); !strings.Contains(out, "Nothing is left") {
		t.Errorf("it says %s", out)
	}
	if _, err := os.Stat(home); !os.IsNotExist(err) {
		t.Errorf("the directory is left: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(browser, "NativeMessagingHosts")); err == nil && len(left) > 0 {
		t.Errorf("left with the browser: %v", left)
	}
}
