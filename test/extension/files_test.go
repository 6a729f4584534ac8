package extension_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
)

// pdfText is what a PDF says (pdftotext of poppler-utils).
func pdfText(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pdftotext", file, "-").Output()
	if err != nil {
		t.Fatalf("pdftotext (package poppler-utils): %v", err)
	}
	return string(out)
}

// downloads are the files that are in a folder of the person's.
func (d *desk) downloads() string {
	d.Helper()
	folder := filepath.Join(d.dir, "downloads")
	d.ok(os.MkdirAll(folder, 0o700))
	_, err := chromedp.Run(d.ctx, func(ctx context.Context, t *chromedp.Target) (bool, error) {
		_, err := cdp.Call(ctx, t, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: "allow", DownloadPath: folder})
		return true, err
	})
	d.ok(err)
	return folder
}

func leaked(t *testing.T, folder string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		doc, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err == nil && strings.Contains(string(doc), "TOPSECRET") {
			names = append(names, e.Name())
		}
		_ = os.Remove(filepath.Join(folder, e.Name()))
	}
	return names
}

// Every way in which a page or a person saves what is on the page.
var saves = map[string]string{
	"a link to an attachment": `(() => { document.getElementById("attachment").click(); return true })()`,
	"a link that saves":       `(() => { document.getElementById("saved").click(); return true })()`,
	"a link out of nowhere":   `(() => { const a = document.createElement("a"); a.href = "/page"; a.download = "x.html"; a.click(); return true })()`,
	"a blob":                  `(() => { const a = document.createElement("a"); a.href = URL.createObjectURL(new Blob(["TOPSECRET"])); a.download = "b.txt"; document.body.append(a); a.click(); return true })()`,
	"data":                    `(() => { const a = document.createElement("a"); a.href = "data:text/plain,TOPSECRET"; a.download = "d.txt"; a.click(); return true })()`,
	"an event out of nowhere": `(() => { const a = document.createElement("a"); a.href = "/page"; a.download = "e.html"; a.dispatchEvent(new MouseEvent("click")); return true })()`,
	"a frame":                 `(() => { const f = document.createElement("iframe"); f.src = "/file"; document.body.append(f); return true })()`,
	"the address":             `(() => { location.href = "/file"; return true })()`,
	"a form":                  `(() => { const f = document.createElement("form"); f.action = "/file"; document.body.append(f); f.submit(); return true })()`,
	"the click of a frame":    `(() => { const f = document.createElement("iframe"); document.body.append(f); const a = document.createElement("a"); a.href = "/page"; a.download = "f.html"; f.contentWindow.HTMLElement.prototype.click.call(a); return true })()`,
	"a window":                `(() => { window.open("/file"); return true })()`,
	"an object":               `(() => { const o = document.createElement("object"); o.data = "/file"; document.body.append(o); return true })()`,
	"the address of a blob":   `(() => { location.href = URL.createObjectURL(new Blob(["TOPSECRET"], { type: "application/octet-stream" })); return true })()`,
	"a frame of a blob":       `(() => { const f = document.createElement("iframe"); f.src = URL.createObjectURL(new Blob(["TOPSECRET"], { type: "application/octet-stream" })); document.body.append(f); return true })()`,
	"a form of a window":      `(() => { const f = document.createElement("form"); f.action = "/file"; f.target = "_blank"; document.body.append(f); f.submit(); return true })()`,
	"a link of a window":      `(() => { const w = window.open("about:blank"); const a = w.document.createElement("a"); a.href = "/page"; a.download = "w.html"; w.document.body.append(a); w.HTMLElement.prototype.click.call(a); return true })()`,
	"an area":                 `(() => { const m = document.createElement("map"); m.innerHTML = '<area href="/page" download="a.html">'; document.body.append(m); m.firstChild.click(); return true })()`,
	"a drawing's link":        `(() => { const b = document.createElement("div"); b.innerHTML = '<svg width="20" height="20"><a href="/page" download="v.html"><rect width="20" height="20"/></a></svg>'; document.body.append(b); b.querySelector("a").dispatchEvent(new MouseEvent("click", { bubbles: true, composed: true })); return true })()`,
	"a closed shadow":         `(() => { const h = document.createElement("div"); document.body.append(h); const r = h.attachShadow({ mode: "closed" }); r.innerHTML = '<a href="/page" download="s.html">x</a>'; r.querySelector("a").click(); return true })()`,
}

// aside is another tab, on a page of the person's own.
func (d *desk) aside() *desk {
	d.Helper()
	ctx, stop := chromedp.NewContext(d.ctx)
	d.Cleanup(stop)
	other := *d
	other.ctx = ctx
	other.own()
	return &other
}

// settled waits until a file of the person's own, asked for later and in another
// tab, has arrived: what was asked for before has had its time.
func (d *desk) settled(folder string) {
	d.Helper()
	own := filepath.Join(folder, "MYOWN.txt")
	for range 2 { // the first may have overtaken
		eval[bool](d, `(() => { document.getElementById("attachment").click(); return true })()`)
		for i := 0; ; i++ {
			if _, err := os.Stat(own); err == nil {
				d.ok(os.Remove(own))
				break
			}
			if i == 500 {
				d.Fatal("what the person downloads does not arrive")
			}
			eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 20))`)
		}
	}
}

func TestDownloads(t *testing.T) {
	d := sit(t)
	d.signIn()
	folder := d.downloads()
	aside := d.aside()
	try := func(script string) []string {
		d.site()
		eval[bool](d, script)
		aside.settled(folder)
		return leaked(t, folder)
	}
	var open []string
	for name, script := range saves {
		if len(try(script)) > 0 {
			open = append(open, name)
		} else {
			t.Logf("%s saves nothing even where it may: it proves nothing", name)
		}
	}
	if len(open) < 7 {
		t.Fatalf("only %v save where everything is allowed", open)
	}
	d.site()
	d.settings(map[string]any{"allowedOutboundDataTransferDestinations": "none"}, "send", true)
	for _, name := range open {
		if names := try(saves[name]); len(names) > 0 {
			t.Errorf("%s saved %v", name, names)
		}
	}
	d.site()
	if got := eval[string](d, `fetch("/page").then((r) => r.text())`); !strings.Contains(got, "TOPSECRET") {
		t.Errorf("the page cannot read its own parts any more: %q", got)
	}
	d.do(chromedp.Navigate(d.house.SiteURL("/file")), chromedp.WaitVisible("#back"))
	if s, err := chromedp.Run(d.ctx, chromedp.Text("body")); err != nil || !strings.Contains(s, "prevents you from downloading this file") {
		t.Errorf("the person is told %q, %v", s, err)
	}
}

// Every way in which a file comes in by script; each counts when a chooser opens.
var opens = map[string]string{
	"a click":                 `(() => { document.getElementById("file").click(); return true })()`,
	"a label":                 `(() => { document.getElementById("label").click(); return true })()`,
	"an input out of nowhere": `(() => { const i = document.createElement("input"); i.type = "file"; i.click(); return true })()`,
	"the picker":              `(() => { try { document.getElementById("file").showPicker() } catch { } return true })()`,
	"an event":                `(() => { const i = document.createElement("input"); i.type = "file"; i.dispatchEvent(new MouseEvent("click")); return true })()`,
	"the click of a frame":    `(() => { const f = document.createElement("iframe"); document.body.append(f); f.contentWindow.HTMLElement.prototype.click.call(document.getElementById("file")); return true })()`,
	"a closed shadow":         `(() => { const h = document.createElement("div"); document.body.append(h); const r = h.attachShadow({ mode: "closed" }); r.innerHTML = '<label><input type="file">x</label>'; r.querySelector("label").click(); return true })()`,
}

func TestUploads(t *testing.T) {
	d := sit(t)
	d.signIn()
	chosen := make(chan bool, 8)
	listen(d, chosen)
	try := func(script string) bool {
		d.site()
		eval[bool](d, script)
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 200))`)
		select {
		case <-chosen:
			return true
		default:
			return false
		}
	}
	var open []string
	for name, script := range opens {
		if try(script) {
			open = append(open, name)
		} else {
			t.Logf("%s opens nothing even where it may: it proves nothing", name)
		}
	}
	if len(open) < 5 {
		t.Fatalf("only %v open a chooser where everything is allowed", open)
	}
	d.site()
	d.settings(map[string]any{"allowedInboundDataTransferSources": "none"}, "receive", true)
	for _, name := range open {
		if try(opens[name]) {
			t.Errorf("%s opens a chooser", name)
		}
	}
	// A file that is set behind the page's back does not stay.
	d.site()
	file := filepath.Join(d.dir, "own.txt")
	d.ok(os.WriteFile(file, []byte("MYOWN"), 0o600))
	d.do(chromedp.SetUploadFiles("#file", []string{file}))
	if n := eval[int](d, `document.getElementById("file").files.length`); n != 0 {
		t.Errorf("%d files came in", n)
	}
	d.own()
	d.do(chromedp.SetUploadFiles("#file", []string{file}))
	if n := eval[int](d, `document.getElementById("file").files.length`); n != 1 {
		t.Errorf("on the person's own page %d files came in", n)
	}
}

// pdf is a document of one page that says something.
func pdf(words string) []byte {
	content := "BT /F1 24 Tf 20 100 Td (" + words + ") Tj ET"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	doc, places := "%PDF-1.4\n", ""
	for i, o := range objects {
		places += fmt.Sprintf("%010d 00000 n \n", len(doc))
		doc += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return fmt.Appendf(nil, "%sxref\n0 6\n0000000000 65535 f \n%strailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF", doc, places, len(doc))
}

// A PDF is shown by a viewer that obeys the policy of its site, as soon as the
// policy forbids anything that the browser's own viewer would let out.
func TestPDFs(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.grant("clipboard-read")
	d.grant("clipboard-write")
	document := d.house.SiteURL("/document.pdf")
	show := func() string {
		d.Helper()
		d.do(chromedp.Navigate(document))
		return eval[string](d, `location.href`)
	}
	if at := show(); at != document {
		t.Fatalf("without a restriction the document is shown at %s", at)
	}
	d.site()
	d.settings(map[string]any{"printBlocked": true}, "print", true)
	if at := show(); !strings.HasPrefix(at, "chrome-extension://") || !strings.HasSuffix(at, "#"+document) {
		t.Fatalf("with a restriction it is shown at %s", at)
	}
	d.until(`document.querySelector("section[data-drawn] .text")?.textContent === "TOPSECRET"`)
	if got := d.printed(); strings.Contains(got, "TOPSECRET") || !strings.Contains(got, "Printing is blocked") {
		t.Errorf("the paper says %q", got)
	}
	all := func() string {
		d.Helper()
		d.own()
		d.copy()
		show()
		d.until(`document.querySelector("section[data-drawn]")`)
		eval[bool](d, `(() => { getSelection().selectAllChildren(document.querySelector(".text")); return true })()`)
		d.edit("copy")
		d.own()
		return d.pasted()
	}
	if got := all(); !strings.Contains(got, "TOPSECRET") {
		t.Fatalf("where copying is allowed, %q is copied: the test proves nothing", got)
	}
	d.site()
	d.settings(map[string]any{"allowedOutboundClipboardSharingLevel": "none", "allowedOutboundDataTransferDestinations": "none"}, "send", true)
	if got := all(); got != "MYOWN" {
		t.Errorf("%q is copied", got)
	}
	show()
	d.until(`document.querySelector("section[data-drawn]")`)
	if !eval[bool](d, `document.getElementById("print").hidden && document.getElementById("save").hidden`) {
		t.Error("it offers to print or to save")
	}
	d.site()
	d.settings(map[string]any{"allowedOutboundClipboardSharingLevel": "orgDestinationAnySource"}, "copy-org", true)
	if got := all(); !strings.Contains(got, "Copied on a site of your organization") {
		t.Errorf("to the organization alone: %q left", got)
	}
	d.site()
	d.pasted()
	d.until(`document.getElementById("sink").value.includes("TOPSECRET")`)
	// An address that is not the organization's is not fetched.
	d.do(chromedp.Navigate("about:blank"))
	d.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/pdf.html#"+d.personal.URL+"/document.pdf"), chromedp.WaitVisible("#problem"))
}
