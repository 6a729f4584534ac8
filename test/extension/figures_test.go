package extension_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
)

// rounds is how often something is measured: POSTERN_FIGURES, or not at all.
func rounds(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("POSTERN_FIGURES"))
	if err != nil || n < 1 {
		t.Skip("POSTERN_FIGURES says how many rounds to measure")
	}
	return n
}

// spread is the middle, the 99th of a hundred and the most of some figures.
func spread(all []float64) string {
	slices.Sort(all)
	at := func(q float64) float64 { return all[min(len(all)-1, int(q*float64(len(all))))] }
	return fmt.Sprintf("p50 %.1f, p99 %.1f, most %.1f (%d)", at(0.5), at(0.99), all[len(all)-1], len(all))
}

const covered = `getComputedStyle(document.body).display === "none"`

// when waits for something on the page and returns how long after began it was so,
// in milliseconds; the page looks at every frame.
func (d *desk) when(began time.Time, condition string) float64 {
	d.Helper()
	at := eval[float64](d, `new Promise((done) => { const end = Date.now() + 20000; const look = () => (`+condition+`) ? done(Date.now()) : Date.now() > end ? done(0) : setTimeout(look, 2); look() })`)
	if at == 0 {
		d.Fatalf("it does not come true: %s", condition)
	}
	return at - float64(began.UnixMilli())
}

// From the moment a connector begins to report a threat to the page being covered,
// and from the report that it is over to the page being there again.
func TestFiguresOfAThreat(t *testing.T) {
	n := rounds(t)
	d := sit(t)
	d.signIn()
	d.site()
	d.until("!(" + covered + ")")
	var on, off []float64
	for range n {
		began := time.Now()
		d.ok(d.house.Report(t.Context(), d.client, "activeThreat"))
		on = append(on, d.when(began, covered))
		began = time.Now()
		d.ok(d.house.Report(t.Context(), d.client, "healthy"))
		off = append(off, d.when(began, "!("+covered+")"))
	}
	t.Logf("threat reported to page covered, ms: %s", spread(on))
	t.Logf("healed to page shown, ms: %s", spread(off))
}

// From an administrator's order to the receipt, with a browser that has pages of
// the organization open. Each round is a new PC.
func TestFiguresOfAWipe(t *testing.T) {
	n := rounds(t)
	var all []float64
	for range n {
		t.Run("", func(t *testing.T) {
			d := sit(t)
			d.signIn()
			d.site()
			before := d.client.Status()
			began := time.Now()
			d.house.Do(t, http.MethodPost, "/v1.0/users/"+d.house.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": before.DeviceID}, nil)
			path := "/beta/deviceAppManagement/managedAppRegistrations/" + before.RegistrationID + "/operations"
			for {
				var ops struct {
					Value []wipeOperation `json:"value"`
				}
				d.house.Do(t, http.MethodGet, path, nil, &ops)
				if len(ops.Value) == 1 && ops.Value[0].Postern.Receipt != "" {
					break
				}
				if time.Since(began) > limit {
					t.Fatal("no receipt comes")
				}
			}
			all = append(all, float64(time.Since(began).Microseconds())/1000)
		})
	}
	t.Logf("order to receipt, ms: %s", spread(all))
}

// The same page of the organization is loaded with its guards and without, by
// turns. Whatever a page shifts because of them is counted as the browser does.
func TestFiguresOfAPageLoad(t *testing.T) {
	n := rounds(t)
	d := sit(t)
	d.signIn()
	d.settings(map[string]any{"printBlocked": true, "allowedOutboundClipboardSharingLevel": "none", "allowedOutboundDataTransferDestinations": "none"}, "print", true)
	away := d.aside()
	away.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/stopped.html"), chromedp.WaitVisible("#back"))
	const off = `(async () => {
		globalThis.kept ??= { scripts: await chrome.scripting.getRegisteredContentScripts(), rules: await chrome.declarativeNetRequest.getDynamicRules() };
		await chrome.scripting.unregisterContentScripts();
		await chrome.declarativeNetRequest.updateDynamicRules({ removeRuleIds: kept.rules.map((r) => r.id) });
		return true })()`
	const on = `(async () => {
		await chrome.scripting.registerContentScripts(kept.scripts);
		await chrome.declarativeNetRequest.updateDynamicRules({ addRules: kept.rules });
		return true })()`
	const load = `new Promise((done) => {
		let shift = 0;
		new PerformanceObserver((list) => { for (const e of list.getEntries()) shift += e.value }).observe({ type: "layout-shift", buffered: true });
		const look = () => {
			const n = performance.getEntriesByType("navigation")[0];
			if (n.loadEventEnd === 0) return setTimeout(look, 5);
			requestAnimationFrame(() => setTimeout(() => done([n.loadEventEnd - n.responseStart, n.loadEventEnd - n.startTime, shift]), 50));
		};
		look() })`
	measure := func() []float64 {
		d.do(chromedp.Navigate(d.house.SiteURL("/heavy")), chromedp.WaitVisible("#last"))
		return eval[[]float64](d, load)
	}
	measure()
	var after, whole, shifts []float64
	for range n {
		eval[bool](away, off)
		bare := measure()
		if eval[bool](d, asks("print")) {
			t.Fatal("the page is guarded: this compares nothing")
		}
		eval[bool](away, on)
		guarded := measure()
		if !eval[bool](d, asks("print")) {
			t.Fatal("the page is not guarded: this compares nothing")
		}
		after, whole = append(after, guarded[0]/bare[0]), append(whole, guarded[1]/bare[1])
		shifts = append(shifts, guarded[2]-bare[2])
	}
	t.Logf("load with guards to without, from the first byte: ratio %s", ratio(after))
	t.Logf("load with guards to without, from the click: ratio %s", ratio(whole))
	t.Logf("layout shift that guards add: %s", ratio(shifts))
}

func ratio(all []float64) string {
	slices.Sort(all)
	return fmt.Sprintf("quarter %.3f, middle %.3f, three quarters %.3f (%d pairs)", all[len(all)/4], all[len(all)/2], all[len(all)*3/4], len(all))
}

// What an agent costs while a browser is open and nothing happens: memory, and how
// often its threads go to sleep, which is how often they woke.
func TestFiguresOfAnIdleAgent(t *testing.T) {
	rounds(t)
	d := sit(t)
	d.signIn()
	d.site()
	pid := d.agents()
	if len(pid) != 1 {
		t.Fatalf("%d agents run", len(pid))
	}
	before, began := naps(t, pid[0]), time.Now()
	eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 60000))`)
	t.Logf("an idle agent wakes %.0f times a minute; %s", float64(naps(t, pid[0])-before)/time.Since(began).Minutes(), memory(t, pid[0]))
}

// naps is how often the threads of a process went to sleep by themselves.
func naps(t *testing.T, pid int) (n int) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("process %d: %v", pid, err)
	}
	for _, path := range tasks {
		doc, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has gone
		}
		for line := range strings.Lines(string(doc)) {
			if rest, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				k, _ := strconv.Atoi(strings.TrimSpace(rest))
				n += k
			}
		}
	}
	return n
}

func memory(t *testing.T, pid int) string {
	t.Helper()
	doc, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(doc)) {
		if name, value, ok := strings.Cut(line, ":"); ok && (name == "VmRSS" || name == "RssAnon" || name == "Threads") {
			out = append(out, name+" "+strings.TrimSpace(value))
		}
	}
	return strings.Join(out, ", ")
}
