package browser_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/test/play"
)

// television is a device with a screen and no browser.
type television struct {
	*play.House
	app string
	oauth.DeviceAuthorization
}

// household is a service where Ada may sign in devices by their codes.
func household(t *testing.T) *television {
	t.Helper()
	h := play.Start(t, play.Build(t))
	h.Name, h.Password = "ada@postern.internal", "person-"+rand.Text()
	h.Do(t, "PATCH", "/v1.0/organization/"+h.TenantID, map[string]any{"displayName": "Hill House", "postern": map[string]any{"allowDeviceCode": true}}, nil)
	h.Do(t, "POST", "/v1.0/users", map[string]any{
		"displayName": "Ada", "userPrincipalName": h.Name, "accountEnabled": true, "mailNickname": "ada",
		"passwordProfile": map[string]any{"password": h.Password, "forceChangePasswordNextSignIn": false},
	}, nil)
	var app struct{ AppID string }
	h.Do(t, "POST", "/v1.0/applications", map[string]any{"displayName": "Television <in the hall>", "isFallbackPublicClient": true}, &app)
	return &television{House: h, app: app.AppID}
}

// begin has the device show a new code.
func (v *television) begin(t *testing.T) {
	t.Helper()
	v.post(t, "devicecode", url.Values{"scope": {"openid offline_access"}}, &v.DeviceAuthorization)
	if v.UserCode == "" {
		t.Fatal("the device got no code")
	}
}

// poll asks whether the device may come in: "" when it may, or the error.
func (v *television) poll(t *testing.T) string {
	t.Helper()
	var out struct {
		Error        string
		RefreshToken string `json:"refresh_token"`
	}
	v.post(t, "token", url.Values{"grant_type": {string(oauth.DeviceGrant)}, "device_code": {v.DeviceCode}}, &out)
	if out.Error == "" && out.RefreshToken == "" {
		t.Fatal("neither tokens nor an error")
	}
	return out.Error
}

func (v *television) post(t *testing.T, endpoint string, form url.Values, out any) {
	t.Helper()
	form = maps.Clone(form)
	form.Set("client_id", v.app)
	resp, err := v.Client().PostForm(v.Authority+"/oauth2/v2.0/"+endpoint, form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		t.Fatal(err)
	}
}

// keys presses keys, wherever the focus is.
func keys(t *testing.T, ctx context.Context, pressed string, options ...chromedp.KeyOption) {
	t.Helper()
	do(t, ctx, chromedp.KeyEvent(pressed, options...))
}

// focused waits until the next key goes to an element.
func focused(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS(selector)))
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("document.activeElement.matches(`"+selector+"`)")); err != nil {
		at, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.outerHTML`))
		t.Fatalf("the focus is not on %s but on %s: %v", selector, at, err)
	}
}

// titled waits for a page by its heading, and returns its text.
func titled(t *testing.T, ctx context.Context, heading string) string {
	t.Helper()
	do(t, ctx, chromedp.WaitVisible(`//h1[normalize-space()="`+heading+`"]`))
	return text(t, ctx)
}

// says wants a text to hold all of some parts.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	if i := slices.IndexFunc(parts, func(p string) bool { return !strings.Contains(text, p) }); i >= 0 {
		t.Errorf("%q is missing from: %s", parts[i], text)
	}
}

const (
	isItYours = "Is it your device?"
	approve   = "button[value=approve]"
	cancel    = "button[value=cancel]"
)

// The address with the code fills it in and sends nothing; then a person signs in,
// reads which app waits and what is at stake, and reaches "yes" by going there:
// whoever only presses Enter declines. No mouse is used.
func TestADeviceIsSignedInByKeyboard(t *testing.T) {
	v := household(t)
	ctx := open(t)
	v.begin(t)
	do(t, ctx, chromedp.Navigate(v.Complete))
	focused(t, ctx, "#user_code")
	says(t, titled(t, ctx, "Sign in a device"), "Hill House")
	if code := value(t, ctx, "user_code"); code != v.UserCode {
		t.Errorf("the code filled in is %q, the device shows %q", code, v.UserCode)
	}
	picture(t, ctx, "device-code")
	keys(t, ctx, "\r")
	focused(t, ctx, "#username")
	keys(t, ctx, v.Name+"\t")
	focused(t, ctx, "#password")
	keys(t, ctx, v.Password+"\r")

	focused(t, ctx, cancel)
	picture(t, ctx, "device-question")
	says(t, titled(t, ctx, isItYours), "Hill House", "Signed in as "+v.Name, "Television <in the hall> on another device",
		"only if you started this yourself", "they would get into your account")
	if got := v.poll(t); got != string(oauth.AuthorizationPending) {
		t.Fatalf("before the answer the device hears %q", got)
	}
	keys(t, ctx, "\t", chromedp.KeyModifiers(chromedp.ModifierShift))
	focused(t, ctx, approve)
	keys(t, ctx, "\r")
	says(t, titled(t, ctx, "Your device is signed in"), "go on there")
	picture(t, ctx, "device-done")
	if got := v.poll(t); got != "" {
		t.Fatalf("after the answer the device hears %q", got)
	}

	// The browser is signed in now: the next device is a question only.
	v.begin(t)
	do(t, ctx, chromedp.Navigate(v.Complete))
	focused(t, ctx, "#user_code")
	keys(t, ctx, "\r")
	focused(t, ctx, cancel)
	keys(t, ctx, "\r")
	says(t, titled(t, ctx, "Your device is not signed in"), "You declined")
	picture(t, ctx, "device-declined")
	if got := v.poll(t); got != string(oauth.AccessDenied) {
		t.Fatalf("after a no the device hears %q", got)
	}
}

// A code that is wrong is said to be wrong where the next one is typed, in any way
// of writing it.
func TestAWrongDeviceCodeIsSaidAndMended(t *testing.T) {
	v := household(t)
	ctx := open(t)
	v.begin(t)
	do(t, ctx, chromedp.Navigate(v.VerificationURI))
	focused(t, ctx, "#user_code")
	if code := value(t, ctx, "user_code"); code != "" {
		t.Errorf("a code is filled in: %q", code)
	}
	for _, wrong := range []string{"BBBB-BBBB", "my telly"} {
		keys(t, ctx, wrong+"\t")
		focused(t, ctx, "button[type=submit]")
		keys(t, ctx, "\r")
		do(t, ctx, chromedp.WaitVisible("[role=alert]"))
		focused(t, ctx, "#user_code[aria-invalid=true][aria-describedby=problem]")
		picture(t, ctx, "device-wrong-code")
		says(t, text(t, ctx), "That code is not right", "type the code that it shows now")
		if title, err := chromedp.Run(ctx, chromedp.Title()); err != nil || !strings.HasPrefix(title, "Error: ") {
			t.Errorf("the title is %q, %v", title, err)
		}
		if code := value(t, ctx, "user_code"); code != "" {
			t.Errorf("the wrong code is still there: %q", code)
		}
		do(t, ctx, chromedp.Navigate(v.VerificationURI), chromedp.WaitNotPresent("[role=alert]"))
		focused(t, ctx, "#user_code")
	}
	keys(t, ctx, strings.ToLower(strings.ReplaceAll(v.UserCode, "-", " "))+"\r")
	focused(t, ctx, "#username")
	if got := v.poll(t); got != string(oauth.AuthorizationPending) {
		t.Errorf("the device hears %q", got)
	}
}

func value(t *testing.T, ctx context.Context, id string) string {
	t.Helper()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.getElementById('`+id+`').value`))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
