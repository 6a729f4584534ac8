// Package browser drives a real Chromium against the real binary, as a person
// would: with a keyboard, on pages that load nothing from elsewhere.
package browser_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

// limit bounds one whole test.
const limit = 90 * time.Second

// open starts a Chromium with a profile of its own. Without one on this machine
// the test is skipped, unless everything is required.
func open(t *testing.T, flags ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	bin, err := exec.LookPath("/usr/lib/chromium/chromium")
	if err != nil {
		bin, err = exec.LookPath("chromium")
	}
	if err != nil {
		if os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
			t.Fatal("a Chromium is required here and missing")
		}
		t.Skip("no Chromium on this machine")
	}
	dir, err := os.MkdirTemp("", "postern-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.UserDataDir(dir),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.UserAgent("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0"))
	ctx, stopExec := chromedp.NewExecAllocator(ctx, append(options, flags...)...)
	ctx, stopTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the browser, so that its profile can go
		stopTab()
		stopExec()
		cancel()
		_ = os.RemoveAll(dir)
	})
	return ctx
}

// picture saves what the browser shows, when POSTERN_SCREENSHOTS names a folder.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("POSTERN_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		at, _ := chromedp.Run(ctx, chromedp.Location())
		text, _ := chromedp.Run(ctx, chromedp.Text("body"))
		t.Fatalf("%v\nat %s: %s", err, at, text)
	}
}

func text(t *testing.T, ctx context.Context) string {
	t.Helper()
	s, err := chromedp.Run(ctx, chromedp.Text("body"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A person types name and password, Enter included, and uses no mouse.
func signIn(t *testing.T, ctx context.Context, h *play.House) {
	t.Helper()
	do(t, ctx, chromedp.Navigate(h.SiteURL("/")), chromedp.WaitVisible("#username"))
	picture(t, ctx, "sign-in")
	do(t, ctx, chromedp.SendKeys("#username", h.Name), chromedp.SendKeys("#password", h.Password+"\r"))
}

func TestAPersonIsRefusedWithStepsProvesTheDeviceAndIsIn(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	ctx := open(t)
	signIn(t, ctx, h)
	do(t, ctx, chromedp.WaitVisible("[data-code]"))
	picture(t, ctx, "refused")
	if s := text(t, ctx); !strings.Contains(s, "You can't get there from here yet") || !strings.Contains(s, "Install the Postern agent") {
		t.Fatalf("the page says: %s", s)
	}

	agent := h.Agent(t)
	prove(t, ctx, agent)
	do(t, ctx, chromedp.WaitVisible("body"))
	if s := text(t, ctx); !strings.Contains(s, "Welcome to the intranet, "+h.Name) {
		t.Fatalf("the page says: %s", s)
	}

	if err := h.Report(t.Context(), agent, "activeThreat"); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Navigate(h.SiteURL("/")), chromedp.WaitVisible("[data-code=maxThreatLevel]"))
	picture(t, ctx, "threat")
	if err := h.Report(t.Context(), agent, "healthy"); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Click("a.button")) // "Check again" re-reads live state
	do(t, ctx, chromedp.WaitVisible("pre"))
	if s := text(t, ctx); !strings.Contains(s, "Welcome to the intranet") {
		t.Fatalf("the page says: %s", s)
	}
}

// prove does what the browser extension will: it reads the challenge of the
// page, has the device answer, and posts the page's own form.
func prove(t *testing.T, ctx context.Context, agent *sdk.Client) {
	t.Helper()
	nonce, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector('meta[name=mam-device-challenge]').content`))
	if err != nil {
		t.Fatal(err)
	}
	origin, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.origin`))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := agent.ProveDevice(nonce, origin)
	if err != nil {
		t.Fatal(err)
	}
	// The script comes from the test, as an extension's would: the page's own
	// policy allows none.
	_, err = chromedp.RunResponse(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](`(() => { const f = document.getElementById('mam-device-proof'); f.elements.proof.value = "`+proof+`"; f.submit(); return true })()`)(ctx, t)
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
}

func TestAWrongPasswordIsSaidAndTheNameIsKept(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	ctx := open(t)
	do(t, ctx, chromedp.Navigate(h.SiteURL("/")), chromedp.WaitVisible("#username"))
	do(t, ctx, chromedp.SendKeys("#username", h.Name), chromedp.SendKeys("#password", "wrong\r"), chromedp.WaitVisible("[role=alert]"))
	picture(t, ctx, "wrong-password")
	kept, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.getElementById('username').value`))
	if err != nil || kept != h.Name {
		t.Errorf("the name is %q, %v", kept, err)
	}
}

func TestThePagesWorkInDarkAndNarrow(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	ctx := open(t, chromedp.Flag("force-dark-mode", true), chromedp.Flag("blink-settings", "preferredColorScheme=0"), chromedp.WindowSize(360, 740))
	signIn(t, ctx, h)
	do(t, ctx, chromedp.WaitVisible("[data-code]"))
	picture(t, ctx, "refused-dark-narrow")
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
	if err != nil || wide {
		t.Errorf("the page is wider than the screen: %v, %v", wide, err)
	}
}

// totp is RFC 6238 with SHA-1, 30 seconds and six digits, as authenticator apps do it.
func totp(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, uint64(at.Unix()/30))
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// A policy wants a second factor: the person registers one on the way, is in,
// and the next browser is asked for a code.
func TestASecondFactorIsRegisteredAndAskedFor(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	h.Do(t, "POST", "/v1.0/identity/conditionalAccess/policies", map[string]any{
		"displayName": "A second factor for everything", "state": "enabled",
		"conditions": map[string]any{
			"clientAppTypes": []string{"all"}, "users": map[string]any{"includeUsers": []string{"All"}},
			"applications": map[string]any{"includeApplications": []string{"All"}},
		},
		"grantControls": map[string]any{"operator": "OR", "builtInControls": []string{"mfa"}},
	}, nil)
	ctx := open(t)
	// Enrolment is where only app protection is waived: a second factor holds there.
	do(t, ctx, chromedp.Navigate(h.EnrollURL()), chromedp.WaitVisible("#username"))
	do(t, ctx, chromedp.SendKeys("#username", h.Name), chromedp.SendKeys("#password", h.Password+"\r"), chromedp.WaitVisible("p.key"))
	picture(t, ctx, "register-factor")
	secret, err := chromedp.Run(ctx, chromedp.Text("p.key"))
	if err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.SendKeys("#code", "000000\r"), chromedp.WaitVisible("[role=alert]"))
	do(t, ctx, chromedp.SendKeys("#code", totp(t, secret, time.Now())+"\r"))
	back(t, ctx)

	again := open(t)
	do(t, again, chromedp.Navigate(h.EnrollURL()), chromedp.WaitVisible("#username"))
	do(t, again, chromedp.SendKeys("#username", h.Name), chromedp.SendKeys("#password", h.Password+"\r"), chromedp.WaitVisible("#code"))
	picture(t, again, "second-factor")
	if s := text(t, again); strings.Contains(s, "authenticator app on your phone") {
		t.Errorf("asked to register twice: %s", s)
	}
	// The code that registered the factor is spent; the next one is not.
	do(t, again, chromedp.SendKeys("#code", totp(t, secret, time.Now().Add(30*time.Second))+"\r"))
	back(t, again)
}

// back wants the browser to be back at the app, with a code.
func back(t *testing.T, ctx context.Context) {
	t.Helper()
	do(t, ctx, chromedp.WaitVisible("pre"))
	at, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil || !strings.Contains(at, "code=") || !strings.Contains(at, "iss=") {
		t.Errorf("the browser is at %s, %v", at, err)
	}
}
