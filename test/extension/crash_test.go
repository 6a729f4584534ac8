package extension_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/wire"
)

// crash ends the browser with everything that belongs to it, as a power cut would.
func (d *desk) crash() {
	d.Helper()
	all, err := os.ReadDir("/proc")
	d.ok(err)
	for _, p := range all {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		if line, err := os.ReadFile(filepath.Join("/proc", p.Name(), "cmdline")); err == nil && bytes.Contains(line, []byte("--user-data-dir="+d.profile)) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have gone with its parent
		}
	}
	d.close()
}

// watch notes in the page, which is one of the extension's, how a wipe goes.
func (d *desk) watch() {
	d.Helper()
	eval[bool](d, `(() => { window.wipes = []; chrome.storage.onChanged.addListener((c) => { if (c.wipe) window.wipes.push(c.wipe.newValue) }); return true })()`)
}

// order has an administrator wipe this PC, and returns the way to its operations.
func (d *desk) order() string {
	d.Helper()
	st := d.client.Status()
	d.house.Do(d, http.MethodPost, "/v1.0/users/"+d.house.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": st.DeviceID}, nil)
	return "/beta/deviceAppManagement/managedAppRegistrations/" + st.RegistrationID + "/operations"
}

// receipt waits for the one of a wipe that is done, and fails when an item that the
// browser removes is missing or not removed.
func (d *desk) receipt(path string) {
	d.Helper()
	var all struct {
		Value []wipeOperation `json:"value"`
	}
	for i := 0; len(all.Value) != 1 || all.Value[0].State != "done"; i++ {
		if i == 400 {
			d.Fatalf("no receipt comes: %+v", all.Value)
		}
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 50))`)
		d.house.Do(d, http.MethodGet, path, nil, &all)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(all.Value[0].Postern.Receipt, ".")[1])
	d.ok(err)
	var r wire.WipeReceipt
	d.ok(json.Unmarshal(payload, &r))
	for _, want := range []string{"open pages of the organization", "cookies, storage, caches and service workers", "cookies that remained", "history", "downloaded files"} {
		if !slices.Contains(r.Items, wire.WipeItem{Name: want, Removed: true}) {
			d.Errorf("%q is not in the receipt: %+v", want, r.Items)
		}
	}
}

// traces says of whom the profile knows: cookies, and pages in the history.
const traces = `Promise.all([chrome.cookies.getAll({}), chrome.history.search({ text: "", startTime: 0 })]).then(([cookies, history]) => {
	const of = (host) => [cookies.some((c) => c.domain.includes(host)) && host + " cookies", history.some((h) => new URL(h.url).hostname.includes(host)) && host + " history"];
	return [...of("intranet"), ...of("personal")].filter(Boolean).join(", ") })`

const theirOwn = "personal cookies, personal history"

// A wipe goes on when the browser comes back from a crash in the middle of it, and
// when the agent comes back, and so does a sign-out; the receipt tells all of it. What
// a browser had not written down yet when it crashed after a wipe stays removed too.
func TestAWipeOutlivesTheBrowserAndTheAgent(t *testing.T) {
	d := sit(t)
	d.keep()
	path := d.order()
	d.until(`window.wipes.includes("begun")`)
	d.crash()
	hosts := filepath.Join(d.profile, "NativeMessagingHosts")
	d.ok(os.Rename(hosts, hosts+".away"))
	d.open()
	d.traces("after a crash of the browser, without its agent")
	d.ok(os.RemoveAll(hosts)) // browsers make it anew
	d.ok(os.Rename(hosts+".away", hosts))
	d.receipt(path)

	d.enroll()
	d.keep()
	eval[bool](d, `(() => { chrome.runtime.sendMessage({ type: "sign-out" }); return true })()`)
	d.until(`window.wipes.includes("begun")`)
	d.crash()
	d.open()
	d.wait(`chrome.storage.local.get("state").then((s) => !s.state.enrolled)`)
	d.traces("after a crash of the browser in a sign-out")

	d.enroll()
	d.keep()
	path = d.order()
	d.until(`window.wipes.includes("begun")`)
	d.signal(syscall.SIGSTOP) // it hears nothing of what the browser does
	d.until(`window.wipes.includes("done")`)
	d.kill()
	d.receipt(path)
	d.crash()
	d.open()
	d.traces("after a crash of the agent, and then of the browser")
	d.own()
	if got := eval[string](d, `localStorage.getItem("kept")`); got != "x" {
		t.Errorf("of the person's own there is %q", got)
	}

	d.enroll()
	d.window()
	d.keep()
	d.order()
	d.close()
	if wiped, err := d.client.Orders(t.Context()); err != nil || !wiped { // as "postern-agent sync" does it
		t.Fatalf("wiped %t, %v", wiped, err)
	}
	d.open()
	d.traces("after a wipe while the browser was closed")
}

// keep has the person work on the organization's site and on one of their own, and
// restarts the browser, so that what it keeps is on disk.
func (d *desk) keep() {
	d.Helper()
	d.wait(`chrome.storage.local.get("state").then((s) => s.state.enrolled && s.state.decision.action === "allow")`)
	d.do(chromedp.Navigate(d.house.SiteURL("/")), chromedp.WaitVisible("#username, #lab"))
	if eval[bool](d, `document.getElementById("username") !== null`) {
		d.signIn()
	}
	const keep = `(() => { const had = localStorage.getItem("kept") ?? ""; localStorage.setItem("kept", "x"); document.cookie = "kept=1; max-age=3600"; return had })()`
	if had := eval[string](d, keep); had != "" {
		d.Error("the storage of the organization's site outlived a wipe")
	}
	d.own()
	eval[string](d, keep)
	d.close()
	d.open()
	if got := eval[string](d, traces); got != "intranet cookies, intranet history, "+theirOwn {
		d.Fatalf("before the wipe there are %s: the test proves nothing", got)
	}
	d.watch()
}

// wait waits for what an asynchronous condition says.
func (d *desk) wait(condition string) {
	d.Helper()
	for i := 0; !eval[bool](d, condition); i++ {
		if i == 400 {
			d.Fatalf("it does not come true: %s", condition)
		}
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 50))`)
	}
}

// traces fails when there is more or less than what is the person's own.
func (d *desk) traces(when string) {
	d.Helper()
	for i := 0; ; i++ { // the browser may be at it
		got := eval[string](d, traces)
		if got == theirOwn {
			return
		}
		if i == 60 {
			d.Errorf("%s there are %s", when, got)
			return
		}
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 50))`)
	}
}

// A policy that changed while the browser was closed: the first page is guarded by
// the old one, and by the new one as soon as the agent tells it. When the browser
// crashed after it had heard of a policy and before it kept all of it, the next start
// does the rest, without the agent.
func TestAPolicyThatChangedWhileTheBrowserWasClosed(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.site()
	d.settings(map[string]any{"printBlocked": true, "allowedOutboundClipboardSharingLevel": "anyDestinationAnySource"}, "print", true)
	d.close()
	hosts := filepath.Join(d.profile, "NativeMessagingHosts")
	d.ok(os.Rename(hosts, hosts+".away"))
	d.house.Do(t, http.MethodPatch, "/beta/deviceAppManagement/windowsManagedAppProtections/"+d.policy, map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "printBlocked": false, "allowedOutboundClipboardSharingLevel": "none",
	}, nil)
	d.open()
	for eval[int](d, `chrome.scripting.getRegisteredContentScripts().then((all) => all.length)`) < 3 {
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 20))`)
	}
	d.do(chromedp.Navigate(d.house.SiteURL("/")))
	d.until(`document.getElementById("lab") !== null`)
	if !eval[bool](d, asks("print")) || eval[bool](d, asks("copy")) {
		t.Error("the first page is not guarded by the policy of before")
	}
	d.ok(os.RemoveAll(hosts)) // browsers make it anew
	d.ok(os.Rename(hosts+".away", hosts))
	d.until(asks("copy") + ` && !(` + asks("print") + `)`)

	const sandboxed = `chrome.declarativeNetRequest.getDynamicRules().then((all) => JSON.stringify(all).includes("sandbox allow-scripts"))`
	d.window()
	if eval[bool](d, sandboxed) {
		t.Fatal("sites are kept from downloading already: the test proves nothing")
	}
	back := d.away()
	eval[bool](d, `chrome.storage.local.get("state").then(({ state }) => chrome.storage.local.set({ applied: false, state: { ...state, settings: { ...state.settings, sendOrgDataTo: "none" } } })).then(() => true)`)
	d.crash()
	d.open()
	d.wait(sandboxed)
	if silent := eval[bool](d, `chrome.storage.local.get("state").then(({ state }) => state.decision.reasons?.[0].code === "agent")`); silent {
		t.Error("that comes of the silence of the agent: the test proves nothing")
	}
	d.ok(os.RemoveAll(hosts)) // browsers make it anew
	back()
	d.wait(sandboxed + `.then((yes) => !yes)`)
}

// window opens the extension's own page in this tab.
func (d *desk) window() {
	d.Helper()
	d.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/status.html"), chromedp.WaitVisible("#act"))
}

// begin clicks what enrols, and returns once the page that the agent wants the person
// to see is open.
func (d *desk) begin() {
	d.Helper()
	before := d.pages()
	d.do(chromedp.Click("#act"))
	for i := 0; d.pages() == before; i++ {
		if i == 400 {
			d.Fatal("no page to sign in opens")
		}
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 10))`)
	}
}

// pages counts what is open on the web.
func (d *desk) pages() int {
	return eval[int](d, `chrome.tabs.query({}).then((all) => all.filter((t) => (t.pendingUrl || t.url).startsWith("http")).length)`)
}

// The browser and the agent end together in the middle of an enrolment: afterwards the
// person is enrolled, or is not, and then the next try succeeds.
func TestAnEnrolmentInTheBrowserOutlivesACrash(t *testing.T) {
	d := arrive(t)
	d.open()
	d.do(chromedp.Navigate(d.house.SiteURL("/")), chromedp.WaitVisible("#username"))
	d.do(chromedp.SendKeys("#username", d.house.Name), chromedp.SendKeys("#password", d.house.Password+"\r"), chromedp.WaitVisible("[data-code]"))
	const headline = `document.getElementById("headline").textContent`
	const none, holds = `"This browser profile is not protected yet"`, `"You are protected and healthy"`
	for name, reached := range map[string]func() bool{
		"the page is open": func() bool { return true },
		"the agent has a token": func() bool {
			doc, err := os.ReadFile(filepath.Join(d.dir, "state.json"))
			return err == nil && bytes.Contains(doc, []byte("refreshToken"))
		},
	} {
		d.close() // what the browser keeps of the sign-in is on disk
		d.open()
		d.window()
		d.until(headline + " === " + none)
		d.begin()
		for i := 0; !reached(); i++ {
			eval[bool](d, `true`)
			if i == 2000 {
				t.Fatalf("not reached: %s", name)
			}
		}
		d.kill()
		d.crash()
		d.open()
		d.window()
		d.until(headline + " === " + none + " || " + headline + " === " + holds)
		t.Logf("when %s: %s", name, eval[string](d, headline))
		if eval[bool](d, headline+" === "+none) {
			d.do(chromedp.Click("#act")) // the browser is signed in, or the agent is already
		}
		d.until(headline + " === " + holds)
		var all struct {
			Value []struct {
				ID string `json:"id"`
			} `json:"value"`
		}
		d.house.Do(t, http.MethodGet, "/v1.0/deviceAppManagement/managedAppRegistrations", nil, &all)
		if len(all.Value) != 1 {
			t.Errorf("when %s: %d registrations live", name, len(all.Value))
		}
		d.do(chromedp.Click("#act"))
		d.until(headline + " === " + none)
	}
}
