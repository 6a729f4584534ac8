package extension_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
)

// The way of a person who has just installed: the site refuses with steps, the
// extension's window offers the sign-in, and then the site opens. Signing out there
// removes what the profile keeps, and the protection ends.
func TestAPersonEnrolsInTheBrowserAndLeavesAgain(t *testing.T) {
	d := arrive(t)
	d.open()
	d.do(chromedp.Navigate(d.house.SiteURL("/")), chromedp.WaitVisible("#username"))
	d.do(chromedp.SendKeys("#username", d.house.Name), chromedp.SendKeys("#password", d.house.Password+"\r"), chromedp.WaitVisible("[data-code]"))
	if s, err := chromedp.Run(d.ctx, chromedp.Text("body")); err != nil || !strings.Contains(s, "Install the Postern agent") {
		t.Fatalf("the page says %q, %v", s, err)
	}

	window := d.aside()
	window.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/status.html"), chromedp.WaitVisible("#act"))
	if got := eval[string](window, `document.getElementById("headline").textContent`); got != "This browser profile is not protected yet" {
		t.Errorf("the window says %q", got)
	}
	before, err := chromedp.Targets(window.ctx)
	d.ok(err)
	known := map[string]bool{}
	for _, target := range before {
		known[string(target.TargetID)] = true
	}
	window.do(chromedp.Click("#act"))
	var ctx = window.ctx
	for i := 0; ctx == window.ctx; i++ {
		if i == 400 {
			t.Fatal("no page to sign in opens")
		}
		eval[bool](window, `new Promise((done) => setTimeout(() => done(true), 25))`)
		all, err := chromedp.Targets(window.ctx)
		d.ok(err)
		for _, target := range all {
			if !known[string(target.TargetID)] && target.Type == "page" && strings.HasPrefix(target.URL, "http") {
				next, stop := chromedp.NewContext(d.ctx, chromedp.WithTargetID(target.TargetID))
				t.Cleanup(stop)
				ctx = next
			}
		}
	}
	// The browser is signed in already: the new page is the answer to the agent.
	window.until(`document.getElementById("headline").textContent === "You are protected and healthy"`)
	if got := eval[string](window, `document.getElementById("facts").textContent`); !strings.Contains(got, "intranet") {
		t.Errorf("the window says that %q is protected", got)
	}

	d.site() // the device proves itself, and the person is in
	if !eval[bool](window, `chrome.cookies.getAll({}).then((all) => all.some((c) => c.domain.includes("intranet")))`) {
		t.Fatal("the site left no cookie: that none is left later proves nothing")
	}
	window.do(chromedp.Click("#act"))
	window.until(`document.getElementById("headline").textContent === "This browser profile is not protected yet"`)
	if eval[bool](window, `chrome.cookies.getAll({}).then((all) => all.some((c) => c.domain.includes("intranet")))`) {
		t.Error("cookies of the organization are left")
	}
	if n := eval[int](window, `chrome.scripting.getRegisteredContentScripts().then((all) => all.filter((s) => s.id !== "sign-in").length)`); n != 0 {
		t.Errorf("%d scripts are left", n)
	}
}
