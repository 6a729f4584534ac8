package extension_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
)

// inside runs a script where the extension's own scripts run on a page, as if one of
// them had been taken over.
func (d *desk) inside(on, script string) string {
	d.Helper()
	return eval[string](d, `chrome.tabs.query({}).then((all) => chrome.scripting.executeScript({ target: { tabId: all.find((t) => t.url.includes("`+on+`")).id },
		func: () => `+script+` })).then(([r]) => JSON.stringify(r.result ?? null))`)
}

// A proof of the device is for the sign-in page alone: no page of the person's own,
// and no page of the organization, gets one, nor anything else that is not theirs.
func TestNobodyButTheSignInPageGetsAProof(t *testing.T) {
	d := sit(t)
	d.signIn()
	aside := d.aside()
	for _, on := range []*desk{d, aside} {
		if eval[bool](on, `typeof chrome !== "undefined" && typeof chrome.runtime?.sendMessage === "function"`) {
			t.Errorf("%s can speak to the extension", eval[string](on, `location.origin`))
		}
	}
	d.do(chromedp.Navigate("about:blank"))
	third := d.aside()
	third.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/status.html"), chromedp.WaitVisible("#headline"))
	d.site()
	prove := `chrome.runtime.sendMessage({ type: "prove", nonce: "n" })`
	if got := third.inside("intranet", prove); !strings.Contains(got, "Only the sign-in page") || strings.Contains(got, `"proof"`) {
		t.Errorf("a page of the organization got %s", got)
	}
	if got := third.inside("personal", prove); strings.Contains(got, `"proof"`) {
		t.Errorf("a page of the person's own got %s", got)
	}
	for _, ask := range []string{"status", "kept", "enroll", "sign-out", "__proto__", "constructor"} {
		if got := third.inside("personal", `chrome.runtime.sendMessage({ type: "`+ask+`" })`); got != "null" {
			t.Errorf("a page of the person's own asked for %s and got %s", ask, got)
		}
	}
	for _, ask := range []string{"status", "enroll", "sign-out"} {
		if got := third.inside("intranet", `chrome.runtime.sendMessage({ type: "`+ask+`" })`); got != "null" {
			t.Errorf("a page of the organization asked for %s and got %s", ask, got)
		}
	}
	if got := eval[bool](third, `chrome.runtime.sendMessage({ type: "status" }).then((s) => s.state.enrolled && s.connected)`); !got {
		t.Error("the extension's own page is not told how things stand")
	}
}

// Without the extension the sign-in page shows what is missing, and with an account
// that is not this PC's nothing is proved.
func TestAnotherAccountIsNotProvedByThisPC(t *testing.T) {
	d := sit(t)
	d.house.Do(t, "POST", "/v1.0/users", map[string]any{
		"displayName": "Bert", "userPrincipalName": "bert@postern.internal", "accountEnabled": true, "mailNickname": "bert",
		"passwordProfile": map[string]any{"password": d.house.Password, "forceChangePasswordNextSignIn": false},
	}, nil)
	d.do(chromedp.Navigate(d.house.SiteURL("/")), chromedp.WaitVisible("#username"))
	d.do(chromedp.SendKeys("#username", "bert@postern.internal"), chromedp.SendKeys("#password", d.house.Password+"\r"), chromedp.WaitVisible("[data-code=deviceProof]"))
	s, err := chromedp.Run(d.ctx, chromedp.Text("body"))
	if err != nil || !strings.Contains(s, "This app is not enrolled for you on this PC") {
		t.Errorf("the page says %q, %v", s, err)
	}
}
