package extension_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/test/play"
)

// control is what an administrator sees of one control.
type control struct {
	Control, State, By string
	Gaps               []struct{ Gap, Text string }
}

// controls asks the service what the app says of how far it enforces its policy.
func (d *desk) controls() map[string]control {
	d.Helper()
	var all struct {
		Value []struct {
			AppIdentifier struct{ WindowsAppID string }
			Postern       struct{ Controls []control }
		}
	}
	d.house.Do(d, "GET", "/beta/deviceAppManagement/managedAppRegistrations", nil, &all)
	out := map[string]control{}
	for _, r := range all.Value {
		for _, c := range r.Postern.Controls {
			if r.AppIdentifier.WindowsAppID == play.Edge {
				out[c.Control] = c
			}
		}
	}
	return out
}

func (c control) gaps() string {
	var words []string
	for _, g := range c.Gaps {
		words = append(words, g.Gap)
	}
	return strings.Join(words, " ")
}

// What the browser really keeps reaches the administrator, and the person sees it
// beside what was sent. What the browser lost is told as lost.
func TestTheOrganizationAndThePersonSeeWhatIsEnforcedAndWhatWasSent(t *testing.T) {
	d := sit(t)
	for i := 0; d.controls()["printOrgData"].State != "partly"; i++ {
		if i == 400 {
			t.Fatalf("the service hears %+v", d.controls())
		}
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 25))`)
	}
	all := d.controls()
	const always = "developerTools otherExtensions privateWindows"
	for name, want := range map[string]string{
		"receiveDataFrom": "partly extension " + always, "wipe": "partly extension movedFiles privateWindows savedPasswords",
		"sendOrgDataTo": "partly extension " + always + " savePageAs screenshots viewSource",
		"cutCopyPaste":  "partly extension " + always + " screenshots viewSource", "printOrgData": "partly extension " + always + " screenshots viewSource",
	} {
		if got := all[name].State + " " + all[name].By + " " + all[name].gaps(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}

	d.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/status.html"), chromedp.WaitVisible("#ledger"))
	table := func(id string) string {
		return eval[string](d, `[...document.querySelectorAll("#`+id+` tbody tr")].map((r) => [...r.cells].map((c) => c.textContent).join("|")).join("\n")`)
	}
	if got := table("controls"); !strings.Contains(got, "Printing|partly\n") || !strings.Contains(got, "Screenshots and recordings") {
		t.Errorf("the window shows %s", got)
	}
	sent := table("sent")
	for _, want := range []string{"RegisterDevice|1|", "CheckIn|", `"antivirus": "good"`, `"control": "printOrgData"`, "DPoPProof|", "(secret, not kept)"} {
		if !strings.Contains(sent, want) {
			t.Errorf("the window lacks %s in %s", want, sent)
		}
	}
	if strings.Contains(sent, "eyJ") {
		t.Errorf("the window shows a token or a signature: %s", sent)
	}

	now := func(after string) string {
		return eval[string](d, fmt.Sprintf(`(async () => {
			%s;
			const { controls } = await import("/background/controls.js"), { STOPPED, VIEWER } = await import("/background/enforce.js");
			const all = await controls((await chrome.storage.local.get("state")).state, STOPPED, VIEWER);
			const one = all.find((c) => c.control === "cutCopyPaste");
			return one.state + " " + one.gaps.join(" ");
		})()`, after))
	}
	if got := now(""); !strings.HasPrefix(got, "partly ") {
		t.Errorf("with everything there: %s", got)
	}
	if got := now(`await chrome.scripting.unregisterContentScripts({ ids: ["page"] })`); got != "notEnforced notRegistered" {
		t.Errorf("without the script of the page: %s", got)
	}
	if got := now(`await chrome.scripting.registerContentScripts([{ id: "page", matches: ["https://elsewhere.example/*"], js: ["guard/page.js"], world: "MAIN" }])`); got != "notEnforced notRegistered" {
		t.Errorf("with one for other sites: %s", got)
	}
	d.house.Do(d, "PATCH", "/beta/deviceAppManagement/windowsManagedAppProtections/"+d.policy, map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "printBlocked": true,
	}, nil)
	for i := 0; !strings.HasPrefix(now(""), "partly "); i++ { // scripts come first, rules of the network after them
		if i == 400 {
			t.Fatalf("a change of policy does not bring the guards back: %s", now(""))
		}
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 25))`)
	}
	if got := now(`await chrome.declarativeNetRequest.updateDynamicRules({ removeRuleIds: [1] })`); got != "notEnforced notRegistered" {
		t.Errorf("without a rule of the network: %s", got)
	}
}
