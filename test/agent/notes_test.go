package agent_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/test/play"
)

const notesApp = "com.example.notes"

// notes is the sample app on a PC.
type notes struct {
	*testing.T
	pc  *pc
	bin string
}

// protectNotes makes a policy for the sample app, and returns its path.
func protectNotes(t *testing.T, h *play.House) string {
	t.Helper()
	var policy struct {
		ID string `json:"id"`
	}
	h.Do(t, http.MethodPost, "/beta/deviceAppManagement/windowsManagedAppProtections", map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "displayName": "Notes",
		"maximumAllowedDeviceThreatLevel": "low", "mobileThreatDefenseRemediationAction": "block", "allowedOutboundDataTransferDestinations": "none",
		"apps":        []any{map[string]any{"mobileAppIdentifier": map[string]any{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": notesApp}}},
		"assignments": []any{map[string]any{"target": map[string]any{"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}},
	}, &policy)
	return "/beta/deviceAppManagement/windowsManagedAppProtections/" + policy.ID
}

func installNotes(t *testing.T, p *pc) *notes {
	t.Helper()
	n := &notes{t, p, filepath.Join(t.TempDir(), "notes")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", n.bin, "github.com/postern-mam/postern/examples/notes").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return n
}

func (n *notes) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, n.bin, args...)
	c.Env = append(os.Environ(), "POSTERN_AGENT_DIR="+n.pc.dir, "POSTERN_AUTHORITY="+n.pc.house.Authority, "POSTERN_CA="+n.pc.house.CACertificate,
		"POSTERN_DEVELOPMENT_HEALTH="+n.pc.health, "PATH=/nonexistent") // no browser opens by itself
	return c
}

// run runs a verb, which must end with want, and returns what it said.
func (n *notes) run(want int, in string, args ...string) string {
	n.Helper()
	c := n.command(n.Context(), args...)
	c.Stdin = strings.NewReader(in)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil || c.ProcessState.ExitCode() != want {
		n.Fatalf("notes %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func (n *notes) signIn() {
	n.Helper()
	c := n.command(n.Context(), "sign-in")
	errs, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		n.Fatal(err)
	}
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "https://") {
			if _, err := n.pc.house.Browser(n.T, nil).Open(n.Context(), address); err != nil {
				n.Fatal(err)
			}
		}
	}
	if err := c.Wait(); err != nil {
		n.Fatal(err)
	}
}

// registration is the one that lives of the sample app.
func registration(t *testing.T, h *play.House) (id, device string) {
	t.Helper()
	var all struct {
		Value []struct {
			ID        string `json:"id"`
			DeviceTag string `json:"deviceTag"`
		} `json:"value"`
	}
	h.Do(t, http.MethodGet, "/v1.0/deviceAppManagement/managedAppRegistrations", nil, &all)
	if len(all.Value) != 1 {
		t.Fatalf("%d registrations", len(all.Value))
	}
	return all.Value[0].ID, all.Value[0].DeviceTag
}

func (n *notes) mustSay(out, want string) {
	n.Helper()
	if !strings.Contains(out, want) {
		n.Errorf("it says %q; want %q", out, want)
	}
}

// left fails when anything under dir holds text.
func left(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type() == fs.ModeSocket {
			return err
		}
		doc, err := os.ReadFile(path)
		if bytes.Contains(doc, []byte(text)) {
			t.Errorf("%s holds %q", path, text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// receipt fails unless the wipe of a registration is acknowledged.
func receipt(t *testing.T, h *play.House, registration string) {
	t.Helper()
	var ops struct {
		Value []json.RawMessage `json:"value"`
	}
	h.Do(t, http.MethodGet, "/beta/deviceAppManagement/managedAppRegistrations/"+registration+"/operations", nil, &ops)
	if len(ops.Value) != 1 || !strings.Contains(string(ops.Value[0]), `"done"`) {
		t.Errorf("the service says %s", ops.Value)
	}
}

func TestTheSampleAppKeepsNotesUntilItIsWiped(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	policy := protectNotes(t, h)
	n := installNotes(t, install(t, h))
	n.mustSay(n.run(1, "secret plan", "add", "plan"), "not protected")
	n.signIn()
	n.run(0, "secret plan", "add", "plan B")
	n.mustSay(n.run(0, "", "list"), "plan B")
	n.mustSay(n.run(0, "", "show", "plan B"), "secret plan")
	n.mustSay(n.run(0, "", "print", "plan B"), "secret plan")
	left(t, n.pc.dir, "secret plan")
	left(t, n.pc.dir, "plan B")

	out := filepath.Join(t.TempDir(), "out")
	n.mustSay(n.run(1, "", "export", "plan B", out), "Your organization does not allow saving its files elsewhere.")
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("exported all the same: %v", err)
	}
	h.Do(t, http.MethodPatch, policy, map[string]any{"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "allowedOutboundDataTransferDestinations": "allApps", "printBlocked": true}, nil)
	n.run(0, "", "export", "plan B", out)
	n.mustSay(n.run(1, "", "print", "plan B"), "does not allow printing")
	n.run(0, "", "import", "copy", out)
	n.mustSay(n.run(0, "", "show", "copy"), "secret plan")

	n.pc.feel(t, "poor")
	said := n.run(1, "", "show", "plan B")
	n.mustSay(said, "block:")
	if strings.Contains(said, "secret") || strings.Contains(said, "[]") {
		t.Errorf("while it is ill: %s", said)
	}
	n.pc.feel(t, "good")
	n.mustSay(n.run(0, "", "show", "plan B"), "secret plan")

	id, device := registration(t, h)
	h.Do(t, http.MethodPost, "/v1.0/users/"+h.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": device}, nil)
	n.mustSay(n.run(1, "", "show", "plan B"), "removed")
	receipt(t, h, id)
	for _, gone := range []string{"organization", "organization.names", "organization.key"} {
		if _, err := os.Stat(filepath.Join(n.pc.dir, "apps", "app-"+notesApp, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", gone, err)
		}
	}
	n.run(1, "", "list")
	n.signIn()
	if out := n.run(0, "", "list"); strings.Contains(out, "plan") {
		t.Errorf("enrolled again, and it lists %q", out)
	}
}
