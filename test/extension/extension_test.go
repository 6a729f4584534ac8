// Package extension drives the browser extension in a real Chromium, with the real
// agent and the real service: what leaks without a policy does not leak with one,
// and what is the person's own is left alone.
package extension_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/internal/demo"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

// limit bounds one whole test.
const limit = 2 * time.Minute

// desk is a person's PC: a browser profile with the extension, an agent, and the
// organization's site beside one of their own.
type desk struct {
	*testing.T
	house    *play.House
	ctx      context.Context // of the tab
	dir      string          // of the agent
	profile  string
	program  string // the agent's binary
	personal *httptest.Server
	policy   string // identifier of the app protection policy
	client   *sdk.Client
	close    func() // the browser
}

// sit opens everything; the PC is enrolled, and the person is not signed in yet.
func sit(t *testing.T) *desk {
	t.Helper()
	d := arrive(t)
	d.enroll()
	d.open()
	return d
}

// arrive is a PC that nobody has enrolled yet. The service gets further flags.
func arrive(t *testing.T, flags ...string) *desk {
	t.Helper()
	h := play.StartWith(t, play.Build(t), flags...)
	h.Furnish(t)
	d := &desk{T: t, house: h, dir: t.TempDir()}
	site := httptest.NewServer(lab("TOPSECRET"))
	d.personal = httptest.NewServer(lab("MYOWN"))
	t.Cleanup(site.Close)
	t.Cleanup(d.personal.Close)
	h.Do(t, "PATCH", "/beta/applications(appId='"+h.SiteApp+"')", map[string]any{"onPremisesPublishing": map[string]any{"internalUrl": site.URL + "/"}}, nil)
	var all struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
	}
	h.Do(t, "GET", "/beta/deviceAppManagement/windowsManagedAppProtections", nil, &all)
	d.policy = all.Value[0].ID
	return d
}

// enroll makes the PC known: the agent's own sign-in, as "postern-agent enroll" does it.
func (d *desk) enroll() {
	d.Helper()
	c, err := sdk.New(sdk.Config{
		Authority: d.house.Authority, App: play.Edge, AppVersion: play.EdgeVersion, Dir: d.dir, Health: demo.Health{}, HTTP: d.house.Client(),
		Browser: func(ctx context.Context, url string) error {
			_, err := d.house.Browser(d, nil).Open(ctx, url)
			return err
		},
	})
	d.ok(err)
	d.ok(c.Enroll(d.Context()))
	d.client = c
}

// open starts the browser with the extension and tells it where the agent is.
func (d *desk) open() {
	d.Helper()
	if d.profile == "" {
		profile, err := os.MkdirTemp("", "postern-profile-")
		d.ok(err)
		d.profile = profile
		d.Cleanup(func() { _ = os.RemoveAll(profile) })
		d.agent()
	}
	bin, err := exec.LookPath("/usr/lib/chromium/chromium")
	if err != nil {
		bin, err = exec.LookPath("chromium")
	}
	if err != nil {
		if os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
			d.Fatal("a Chromium is required here and missing")
		}
		d.Skip("no Chromium on this machine")
	}
	extension, err := filepath.Abs("../../extension")
	d.ok(err)
	within := limit
	if os.Getenv("POSTERN_FIGURES") != "" {
		within *= 10
	}
	ctx, cancel := context.WithTimeout(d.Context(), within)
	d.Cleanup(cancel)
	for try := 0; ; try++ {
		err := d.start(ctx, bin, extension)
		if err == nil {
			break
		}
		if try == 2 || !strings.Contains(err.Error(), "failed to start") {
			d.Fatal(err)
		}
	}
	// The extension has heard of the agent, or knows what it heard last.
	d.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/stopped.html"), chromedp.WaitVisible("#back"))
	for !eval[bool](d, `chrome.storage.local.get("state").then((s) => s.state !== undefined)`) {
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 20))`)
	}
}

// start starts one browser, and has it treat the tab as a window in front.
func (d *desk) start(ctx context.Context, bin, extension string) error {
	ctx, stopExec := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.UserDataDir(d.profile), chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-extensions", false), chromedp.Flag("disable-extensions-except", extension),
		chromedp.Flag("load-extension", extension), chromedp.Flag("disable-features", "DisableLoadExtensionCommandLineSwitch"))...)
	ctx, stopTab := chromedp.NewContext(ctx)
	d.ctx = ctx
	d.close = sync.OnceFunc(func() {
		_ = chromedp.Cancel(ctx) // waits for the browser, so that its profile can go
		stopTab()
		stopExec()
	})
	d.Cleanup(d.close)
	_, err := chromedp.Run(d.ctx, func(ctx context.Context, t *chromedp.Target) (bool, error) { // as a window in front
		_, err := cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return true, err
	})
	return err
}

// agent writes what "postern-agent install" registers.
func (d *desk) agent() {
	d.Helper()
	bin := play.BuildAgent(d)
	d.program = bin
	health := filepath.Join(d.dir, "health.json")
	m, err := demo.Health{}.Measure(d.Context())
	d.ok(err)
	doc, err := json.Marshal(map[string]any{"osVersion": m.OSVersion, "providers": m.Providers})
	d.ok(err)
	d.ok(os.WriteFile(health, doc, 0o600))
	log := filepath.Join(d.dir, "host.log")
	d.host(fmt.Appendf(nil, "#!/bin/sh\nexport POSTERN_AGENT_DIR='%s' POSTERN_AUTHORITY='%s' POSTERN_CA='%s' POSTERN_DEVELOPMENT_HEALTH='%s'\nexec '%s' \"$@\" 2>>'%s'\n",
		d.dir, d.house.Authority, d.house.CACertificate, health, bin, log))
}

// host registers a script as the agent of this browser profile.
func (d *desk) host(script []byte) {
	d.Helper()
	path := filepath.Join(d.dir, "host.sh")
	d.ok(os.WriteFile(path, script, 0o700))
	manifest, err := json.Marshal(map[string]any{
		"name": nativehost.Name, "description": "Postern", "path": path, "type": "stdio",
		"allowed_origins": []string{"chrome-extension://" + nativehost.ExtensionID + "/"},
	})
	d.ok(err)
	hosts := filepath.Join(d.profile, "NativeMessagingHosts")
	d.ok(os.MkdirAll(hosts, 0o700))
	d.ok(os.WriteFile(filepath.Join(hosts, nativehost.Name+".json"), manifest, 0o600))
	d.Cleanup(func() {
		if lines, err := os.ReadFile(filepath.Join(d.dir, "host.log")); err == nil && d.Failed() {
			d.Logf("the agent said:\n%s", lines)
		}
	})
}

func (d *desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) do(steps ...chromedp.Action[chromedp.Void]) {
	d.Helper()
	if err := chromedp.Do(d.ctx, steps...); err != nil {
		at, _ := chromedp.Run(d.ctx, chromedp.Location())
		text, _ := chromedp.Run(d.ctx, chromedp.Text("body"))
		d.Fatalf("%v\nat %s: %s", err, at, text)
	}
}

// eval runs a script of the page and waits for what it promises.
func eval[T any](d *desk, script string) T {
	d.Helper()
	v, err := chromedp.Run(d.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise, func(p *runtime.EvaluateParams) {
		yes := true
		p.UserGesture = &yes
	}))
	if err != nil {
		at, _ := chromedp.Run(d.ctx, chromedp.Location())
		d.Fatalf("%v\nat %s: %s", err, at, script)
	}
	return v
}

// until waits, in the page, for a condition.
func (d *desk) until(condition string) {
	d.Helper()
	if !eval[bool](d, `new Promise((done) => { const end = Date.now() + 20000; const look = () => (`+condition+`) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 20); look() })`) {
		text, _ := chromedp.Run(d.ctx, chromedp.Text("body"))
		at, _ := chromedp.Run(d.ctx, chromedp.Location())
		d.Fatalf("it does not come true: %s\nat %s: %s", condition, at, text)
	}
}

// signIn opens the site: a password is all that the person types.
func (d *desk) signIn() {
	d.Helper()
	d.do(chromedp.Navigate(d.house.SiteURL("/")), chromedp.WaitVisible("#username"))
	d.do(chromedp.SendKeys("#username", d.house.Name), chromedp.SendKeys("#password", d.house.Password+"\r"), chromedp.WaitVisible("#lab"))
}

// site and own go to the two pages.
func (d *desk) site() { d.Helper(); d.visit(d.house.SiteURL("/")) }
func (d *desk) own() {
	d.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(d.personal.URL, "http://"))
	d.ok(err)
	d.visit("http://personal.localhost:" + port + "/")
}

// visit goes to a page. What is under way in the tab may come between once.
func (d *desk) visit(url string) {
	d.Helper()
	err := chromedp.Do(d.ctx, chromedp.Navigate(url))
	if err != nil && strings.Contains(err.Error(), "ERR_ABORTED") {
		err = chromedp.Do(d.ctx, chromedp.Navigate(url))
	}
	d.ok(err)
	d.do(chromedp.WaitVisible("#lab"))
}

// settings changes the policy; it is in force when the open page of the
// organization says so.
func (d *desk) settings(change map[string]any, rule string, held bool) {
	d.Helper()
	change["@odata.type"] = "#microsoft.graph.windowsManagedAppProtection"
	d.house.Do(d, "PATCH", "/beta/deviceAppManagement/windowsManagedAppProtections/"+d.policy, change, nil)
	d.until(fmt.Sprintf(`%s === %v`, asks(rule), held))
}

// asks is a question that the page's own calls ask the guard.
func asks(rule string) string {
	return `!window.dispatchEvent(new CustomEvent("postern-ask", { cancelable: true, detail: { what: "` + rule + `" } }))`
}

// edit presses a key that the browser turns into a command of the editor.
func (d *desk) edit(command string) {
	d.Helper()
	key := map[string]string{"copy": "c", "cut": "x", "paste": "v", "selectAll": "a"}[command]
	code := strings.ToUpper(key)
	press := input.DispatchKeyEventParams{Type: "rawKeyDown", Modifiers: 2, Key: key, Code: "Key" + code, WindowsVirtualKeyCode: int64(code[0]), Commands: []string{command}}
	release := press
	release.Type, release.Commands = "keyUp", nil
	_, err := chromedp.Run(d.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, p := range []input.DispatchKeyEventParams{press, release} {
			if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, p); err != nil {
				return err
			}
		}
		return nil
	}))
	d.ok(err)
}

// copied copies what the page's text area holds, and pastes it on a page of the
// person's own, from which the clipboard was filled before: what arrives there has
// left the organization.
func (d *desk) copied() string {
	d.Helper()
	d.own()
	d.copy()
	d.site()
	d.copy()
	d.own()
	return d.pasted()
}

func (d *desk) copy() {
	d.Helper()
	eval[bool](d, `(() => { const t = document.getElementById("text"); t.focus(); t.select(); return true })()`)
	d.edit("copy")
}

func (d *desk) pasted() string {
	d.Helper()
	eval[bool](d, `(() => { const t = document.getElementById("sink"); t.value = ""; t.focus(); return true })()`)
	d.edit("paste")
	return eval[string](d, `document.getElementById("sink").value`)
}

// lab is a page with everything that can leak.
func lab(secret string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!DOCTYPE html><title>Lab</title><body id="lab"><h1>Lab</h1>
<p id="words">%[1]s words</p><textarea id="text">%[1]s</textarea><textarea id="sink"></textarea><div id="rich" contenteditable="true"></div>
<input type="file" id="file"><label id="label" for="file">Choose</label>
<a id="attachment" href="/file">Attachment</a><a id="saved" href="/page" download="page.html">Save</a>
<div id="drag" draggable="true">drag</div></body>`, secret)
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="`+secret+`.txt"`)
		fmt.Fprint(w, secret)
	})
	mux.HandleFunc("/document.pdf", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = w.Write(pdf(secret))
	})
	mux.HandleFunc("/heavy", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><title>Heavy</title><style>p{margin:2px;font:14px sans-serif}</style>")
		for i := range 2000 {
			fmt.Fprintf(w, `<p id="p%d">%s <a href="/page?%d">a link</a> <input value="%d"></p>`, i, secret, i, i)
		}
		fmt.Fprint(w, `<script>for (const p of document.querySelectorAll("p")) { p.addEventListener("click", () => p.remove()); p.title = p.textContent.trim().slice(0, 40) }</script><div id="last">last</div>`)
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><title>Page</title><p>"+secret)
	})
	return mux
}

// listen hands on every file chooser that the page opens.
func listen(d *desk, chosen chan<- bool) {
	d.Helper()
	d.ok(chromedp.Listen(d.ctx, func(ev any) {
		if _, ok := ev.(*page.EventFileChooserOpened); ok {
			chosen <- true
		}
	}))
	_, err := chromedp.Run(d.ctx, func(ctx context.Context, t *chromedp.Target) (bool, error) {
		_, err := cdp.Call(ctx, t, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true})
		return true, err
	})
	d.ok(err)
}

// grant is what the person would answer to a question for permission.
func (d *desk) grant(name string) {
	d.Helper()
	_, err := chromedp.Run(d.ctx, func(ctx context.Context, t *chromedp.Target) (bool, error) {
		_, err := cdp.Call(ctx, t, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
		})
		return true, err
	})
	d.ok(err)
}
