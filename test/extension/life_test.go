package extension_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
)

// A threat covers the page that is open, and tells what to do; what the person
// wrote is there again when it is over. Pages of their own stay as they are.
func TestAThreatCoversThePageUntilItIsOver(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.site()
	aside := d.aside()
	eval[bool](d, `(() => { document.getElementById("sink").value = "half a sentence"; return true })()`)
	const shown = `getComputedStyle(document.body).display !== "none"`
	d.until(shown)
	began := time.Now()
	d.ok(d.house.Report(t.Context(), d.client, "activeThreat"))
	d.until("!(" + shown + ")")
	t.Logf("covered %s after the report was made", time.Since(began))
	if !eval[bool](d, `document.querySelector("postern-cover") !== null`) {
		t.Error("nobody tells the person why")
	}
	if !eval[bool](aside, shown) {
		t.Error("a page of the person's own is covered")
	}
	d.ok(d.house.Report(t.Context(), d.client, "healthy"))
	d.until(shown)
	if got := eval[string](d, `document.getElementById("sink").value`); got != "half a sentence" {
		t.Errorf("what the person wrote is %q now", got)
	}
}

// A warning is a bar above the page that the keyboard dismisses; the page works.
func TestAWarningIsDismissed(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.site()
	const warned = `document.querySelector("postern-cover") !== null`
	if eval[bool](d, warned) {
		t.Fatal("there is a warning before there is a reason")
	}
	d.house.Do(t, http.MethodPatch, "/beta/deviceAppManagement/windowsManagedAppProtections/"+d.policy, map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "minimumWarningAppVersion": "999.0",
	}, nil)
	d.until(warned)
	if !eval[bool](d, `getComputedStyle(document.body).display !== "none"`) {
		t.Error("a warning covers the page")
	}
	from := eval[string](d, `(() => { document.activeElement?.blur(); return document.activeElement?.tagName ?? "" })()`)
	for i := 0; eval[bool](d, warned); i++ {
		if i == 20 {
			t.Fatalf("the keyboard does not reach the bar, beginning at %s", from)
		}
		d.do(chromedp.KeyEvent("\t"))
		if eval[string](d, `document.activeElement?.tagName ?? ""`) == "POSTERN-COVER" {
			d.do(chromedp.KeyEvent("\r"))
		}
	}
}

// After a start of the browser pages are guarded by what the extension kept: the
// agent is not there to tell it anything. An extension that is given on the command
// line counts as updated at every start, so that the browser forgets its scripts,
// and this is what an update does as well.
func TestPagesAfterAStartAreGuardedWithoutTheAgent(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.site()
	d.settings(map[string]any{"printBlocked": true, "allowedOutboundClipboardSharingLevel": "none"}, "print", true)
	d.close()
	d.ok(os.Rename(filepath.Join(d.profile, "NativeMessagingHosts"), filepath.Join(d.profile, "gone")))
	d.open()
	d.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/stopped.html"), chromedp.WaitVisible("#back"))
	for eval[int](d, `chrome.scripting.getRegisteredContentScripts().then((all) => all.length)`) < 3 {
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 20))`)
	}
	d.do(chromedp.Navigate(d.house.SiteURL("/")))
	if at := eval[string](d, `location.origin`); !strings.Contains(at, "intranet") {
		t.Fatalf("the browser forgot the person, and shows %s: the test proves nothing", at)
	}
	if !eval[bool](d, asks("copy")) || !eval[bool](d, asks("print")) {
		t.Error("the first page is not guarded")
	}
	// Without an agent nobody knows how this PC is: the page is covered before long.
	d.until(`getComputedStyle(document.body).display === "none"`)
	if s := eval[bool](d, `document.querySelector("postern-cover") !== null`); !s {
		t.Error("nobody tells the person why")
	}
}

type wipeOperation struct {
	State   string `json:"state"`
	Postern struct {
		Receipt string `json:"receipt"`
	} `json:"postern"`
}

// A wipe closes the organization's pages and removes what the profile keeps of
// them, and nothing of the person's own; the service gets a receipt.
func TestAWipeRemovesTheOrganizationAndNothingElse(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.site()
	const keep = `(() => { localStorage.setItem("kept", "x"); document.cookie = "own=1"; return indexedDB.open("kept") && caches.open("kept").then(() => true) })()`
	eval[bool](d, keep)
	aside := d.aside()
	eval[bool](aside, keep)
	before := d.client.Status()
	d.house.Do(t, http.MethodPost, "/v1.0/users/"+d.house.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": before.DeviceID}, nil)
	began := time.Now()
	path := "/beta/deviceAppManagement/managedAppRegistrations/" + before.RegistrationID + "/operations"
	for i := 0; ; i++ {
		var all struct {
			Value []wipeOperation `json:"value"`
		}
		d.house.Do(t, http.MethodGet, path, nil, &all)
		if len(all.Value) == 1 && all.Value[0].Postern.Receipt != "" {
			t.Logf("the receipt came %s after the order", time.Since(began))
			break
		}
		if i == 400 {
			t.Fatalf("no receipt comes: %+v", all.Value)
		}
		eval[bool](aside, `new Promise((done) => setTimeout(() => done(true), 50))`)
	}
	if got := eval[string](aside, `localStorage.getItem("kept") + document.cookie`); got != "xown=1" {
		t.Errorf("of the person's own there is %q", got)
	}
	targets, err := chromedp.Targets(aside.ctx)
	d.ok(err)
	for _, target := range targets {
		if strings.Contains(target.URL, "intranet") {
			t.Errorf("%s is still open", target.URL)
		}
	}
	cookies, err := chromedp.Run(aside.ctx, func(ctx context.Context, t *chromedp.Target) ([]string, error) {
		r, err := cdp.Call(ctx, t, storage.GetCookies, storage.GetCookiesParams{})
		var hosts []string
		for _, c := range r.Cookies {
			hosts = append(hosts, c.Domain)
		}
		return hosts, err
	})
	d.ok(err)
	if slices.ContainsFunc(cookies, func(host string) bool { return strings.Contains(host, "intranet") }) || !slices.Contains(cookies, "personal.localhost") {
		t.Errorf("cookies are left of %v", cookies)
	}
}
