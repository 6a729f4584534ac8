package agent_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

// controls is what an administrator sees of how far the app enforces its policy.
func controls(t *testing.T, h *play.House) string {
	t.Helper()
	var all struct {
		Value []struct {
			Postern struct {
				Controls []struct {
					Control, State string
					Gaps           []struct{ Gap string }
				}
			}
		}
	}
	h.Do(t, http.MethodGet, "/beta/deviceAppManagement/managedAppRegistrations", nil, &all)
	var out []string
	for _, r := range all.Value {
		for _, c := range r.Postern.Controls {
			out = append(out, c.Control+" "+c.State+fmt.Sprint(c.Gaps))
		}
	}
	return strings.Join(out, "\n")
}

// A person sees field by field what the agent told, and how far the policy is
// enforced; nothing is left of it after signing out.
func TestStatusListsWhatWasReallySent(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	p := install(t, h)
	p.enroll(t)
	sent := map[string]sdk.Sent{}
	for _, s := range p.status(t).Sent {
		sent[s.Message] = s
	}
	for message, want := range map[string]string{
		"RegisterDevice": `"keyProtection"`, "Enroll": `"deviceId"`, "CheckIn": `"antivirus":"good"`, "TokenRequest": `"code":"(secret, not kept)"`,
		"SignInRequest": `"code_challenge_method":"S256"`, "DPoPProof": `"htm"`, "Signature": `"ES256"`, "Request": `"path"`,
	} {
		var body bytes.Buffer
		if s := sent[message]; json.Compact(&body, s.Body) != nil || s.Count == 0 || s.At.IsZero() || !strings.Contains(body.String(), want) {
			t.Errorf("%s: %d times, %s", message, s.Count, s.Body)
		}
	}
	p.agent(t, 0, "prove", "nonce", strings.TrimSuffix(h.Authority, "/"+h.TenantID))
	text := p.agent(t, 0, "sync")
	for _, want := range []string{"CheckIn            2 times", "DeviceProof        1 times", "printOrgData       unknown, by nobody", "docs/privacy-ledger.md", `"antivirus":"good"`} {
		if !strings.Contains(text, want) {
			t.Errorf("status lacks %q:\n%s", want, text)
		}
	}
	if got := controls(t, h); !strings.Contains(got, "printOrgData unknown[]") {
		t.Errorf("the service hears %s", got)
	}
	p.agent(t, 0, "sign-out")
	if got := p.status(t).Sent; len(got) != 0 {
		t.Errorf("signed out, and there is still %+v", got)
	}
}

// What the browser says of itself reaches the service at once, and the status of
// whoever asks.
func TestWhatABrowserEnforcesReachesTheServiceAtOnce(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	p := install(t, h)
	p.enroll(t)
	settings, err := json.Marshal(map[string]string{"authority": h.Authority, "ca": h.CACertificate, "development_health": p.health})
	if err == nil {
		err = os.WriteFile(p.dir+"/agent.json", settings, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := p.command(t.Context(), "browser")
	c.Args = []string{p.bin, "chrome-extension://" + nativehost.ExtensionID + "/"}
	c.Env = append(os.Environ(), "POSTERN_AGENT_DIR="+p.dir)
	var errs bytes.Buffer
	c.Stderr = &errs
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	say := func(doc string) {
		if _, err := in.Write(append(binary.NativeEndian.AppendUint32(nil, uint32(len(doc))), doc...)); err != nil {
			t.Fatal(err)
		}
	}
	say(`{"type":"hello","browser":"` + play.EdgeVersion + `"}`)
	say(`{"type":"controls","controls":[{"control":"printOrgData","state":"partly","by":"extension","gaps":["viewSource","screenshots"]}]}`)
	for i := 0; !strings.Contains(controls(t, h), "printOrgData partly[{screenshots} {viewSource}]"); i++ {
		if i == 2000 {
			_ = in.Close()
			_ = c.Wait()
			t.Fatalf("the service hears %s; the agent says %s", controls(t, h), errs.String())
		}
	}
	if text := p.agent(t, 0, "status"); !strings.Contains(text, "printOrgData       partly, by extension") || !strings.Contains(text, "Screenshots and recordings") {
		t.Errorf("status says %s", text)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
