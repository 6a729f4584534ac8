package extension_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Every way out of the clipboard that a page or a person can take by script. Each
// is tried while everything is allowed, and does leak then or is no test.
var copies = map[string]string{
	"execCommand":             `(() => { const t = document.getElementById("text"); t.focus(); t.select(); return document.execCommand("copy") })()`,
	"execCommand cut":         `(() => { const t = document.getElementById("text"); t.focus(); t.select(); return document.execCommand("cut") })()`,
	"writeText":               `navigator.clipboard.writeText("TOPSECRET").then(() => true, () => false)`,
	"write":                   `navigator.clipboard.write([new ClipboardItem({ "text/plain": new Blob(["TOPSECRET"], { type: "text/plain" }) })]).then(() => true, () => false)`,
	"prototype call":          `Clipboard.prototype.writeText.call(navigator.clipboard, "TOPSECRET").then(() => true, () => false)`,
	"the method of a frame":   `(() => { const f = document.createElement("iframe"); document.body.append(f); return f.contentWindow.Clipboard.prototype.writeText.call(navigator.clipboard, "TOPSECRET").then(() => true, () => false) })()`,
	"execCommand of a frame":  `(() => { const f = document.createElement("iframe"); document.body.append(f); const t = document.getElementById("text"); t.focus(); t.select(); return f.contentWindow.Document.prototype.execCommand.call(document, "copy") })()`,
	"the page's own handler":  `(() => { addEventListener("copy", (e) => { e.clipboardData.setData("text/plain", "TOPSECRET"); e.preventDefault() }, true); return document.execCommand("copy") })()`,
	"a handler on the target": `(() => { const t = document.getElementById("text"); t.oncopy = (e) => { e.clipboardData.setData("text/plain", "TOPSECRET"); e.preventDefault() }; t.focus(); t.select(); return document.execCommand("copy") })()`,
	"a frame of a document":   `new Promise((done) => { const f = document.createElement("iframe"); f.srcdoc = "<textarea>TOPSECRET</textarea>"; f.onload = () => { const t = f.contentDocument.querySelector("textarea"); t.focus(); t.select(); done(f.contentDocument.execCommand("copy")) }; document.body.append(f) })`,
	"a patched event":         `(() => { Event.prototype.preventDefault = () => {}; Event.prototype.stopImmediatePropagation = () => {}; const t = document.getElementById("text"); t.focus(); t.select(); return document.execCommand("copy") })()`,
	"the method of a window":  `(() => { const w = window.open("about:blank"); return w.Clipboard.prototype.writeText.call(navigator.clipboard, "TOPSECRET").then(() => true, () => false).finally(() => w.close()) })()`,
	"a blob frame":            `new Promise((done) => { const f = document.createElement("iframe"); f.src = URL.createObjectURL(new Blob(["<textarea>TOPSECRET</textarea>"], { type: "text/html" })); f.onload = () => { const t = f.contentDocument.querySelector("textarea"); f.contentWindow.focus(); t.focus(); t.select(); done(f.contentDocument.execCommand("copy")) }; document.body.append(f) })`,
	"a script address":        `new Promise((done) => { const f = document.createElement("iframe"); f.src = "javascript:'<p>x'"; f.onload = () => f.contentWindow.Clipboard.prototype.writeText.call(navigator.clipboard, "TOPSECRET").then(() => done(true), () => done(false)); document.body.append(f) })`,
	"a sandboxed frame":       `new Promise((done) => { const f = document.createElement("iframe"); f.sandbox = "allow-scripts"; f.allow = "clipboard-write"; f.srcdoc = "<textarea>TOPSECRET</textarea><script>onmessage = () => { const t = document.querySelector('textarea'); t.focus(); t.select(); parent.postMessage(document.execCommand('copy'), '*') }<\/script>"; onmessage = (e) => done(!!e.data); f.onload = () => f.contentWindow.postMessage("go", "*"); document.body.append(f) })`,
	"a data frame":            `new Promise((done) => { const f = document.createElement("iframe"); f.src = "data:text/html," + encodeURIComponent("<textarea>TOPSECRET</textarea><script>onmessage = () => { const t = document.querySelector('textarea'); t.focus(); t.select(); parent.postMessage(document.execCommand('copy'), '*') }<\/script>"); onmessage = (e) => done(!!e.data); f.onload = () => f.contentWindow.postMessage("go", "*"); document.body.append(f) })`,
	"another realm's event":   `(() => { const f = document.createElement("iframe"); document.body.append(f); const t = document.getElementById("text"); t.focus(); t.select(); f.contentWindow.EventTarget.prototype.dispatchEvent.call(document, new ClipboardEvent("copy", { clipboardData: new DataTransfer() })); return document.execCommand("copy") })()`,
	"an answered question":    `(() => { addEventListener("postern-ask", (e) => e.stopImmediatePropagation(), true); CustomEvent.prototype.preventDefault = () => {}; return navigator.clipboard.writeText("TOPSECRET").then(() => true, () => false) })()`,
}

func TestNoWayOfCopyingLeadsOut(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.grant("clipboard-read")
	d.grant("clipboard-write")
	leaks := func(script string) bool {
		d.own()
		d.copy()
		d.site()
		eval[bool](d, script)
		d.own()
		return d.pasted() == "TOPSECRET"
	}
	var open []string
	for name, script := range copies {
		if leaks(script) {
			open = append(open, name)
		} else {
			t.Logf("%s does not copy even where it may: it proves nothing", name)
		}
	}
	carried := func() string {
		d.site()
		return eval[string](d, `(() => { const d = new DataTransfer(); d.setData("text/plain", "TOPSECRET"); d.setData("application/x-own", "1"); return d.getData("text/plain") + d.getData("application/x-own") })()`)
	}
	if got := carried(); got != "TOPSECRET1" {
		t.Fatalf("where everything is allowed, a page's parts carry %q", got)
	}
	if len(open) < 8 {
		t.Fatalf("only %v copy where everything is allowed", open)
	}
	for _, level := range []string{"none", "orgDestinationAnySource"} {
		d.site()
		d.settings(map[string]any{"allowedOutboundClipboardSharingLevel": level}, map[string]string{"none": "copy", "orgDestinationAnySource": "copy-org"}[level], true)
		if got := carried(); got != "1" {
			t.Errorf("%s: a page's parts carry %q", level, got)
		}
		for _, name := range open {
			if leaks(copies[name]) {
				t.Errorf("%s: %s leads out", level, name)
			}
		}
	}
}

// printed is the text of the page as a printer would get it.
func (d *desk) printed() string {
	d.Helper()
	pdf, err := chromedp.Run(d.ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		r, err := cdp.Call(ctx, t, page.PrintToPDF, page.PrintToPDFParams{})
		return r.Data, err
	})
	d.ok(err)
	file := filepath.Join(d.TempDir(), "page.pdf")
	d.ok(os.WriteFile(file, pdf, 0o600))
	return pdfText(d.T, file)
}

func TestPrinting(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.site()
	if got := d.printed(); !strings.Contains(got, "TOPSECRET") {
		t.Fatalf("without a restriction the paper says %q: the test proves nothing", got)
	}
	calls := `(() => { let n = 0; addEventListener("beforeprint", () => n++); window.print(); document.execCommand("print");
		const f = document.createElement("iframe"); document.body.append(f); f.contentWindow.print(); return n })()`
	d.settings(map[string]any{"printBlocked": true}, "print", true)
	for range 2 { // the open page, and one that is loaded now
		if got := d.printed(); strings.Contains(got, "TOPSECRET") || !strings.Contains(got, "Printing is blocked by your organization") {
			t.Errorf("the paper says %q", got)
		}
		if n := eval[int](d, calls); n != 0 {
			t.Errorf("scripts printed %d times", n)
		}
		d.site()
	}
	d.own()
	if got := d.printed(); !strings.Contains(got, "MYOWN") {
		t.Errorf("the person's own paper says %q", got)
	}
	d.site()
	d.settings(map[string]any{"printBlocked": false}, "print", false)
	if got := d.printed(); !strings.Contains(got, "TOPSECRET") {
		t.Errorf("lifted again, the paper says %q", got)
	}
}
