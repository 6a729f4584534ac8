package browser_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/test/play"
)

// A refusal goes away by itself: nobody has to press a button to be let in again.
func TestARefusalLooksByItselfWhetherThePersonCanGoOn(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	agent := h.Agent(t)
	ctx := open(t)
	signIn(t, ctx, h)
	do(t, ctx, chromedp.WaitVisible("[data-code]"))
	prove(t, ctx, agent)
	do(t, ctx, chromedp.WaitVisible("pre"))
	if err := h.Report(t.Context(), agent, "activeThreat"); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Navigate(h.SiteURL("/")), chromedp.WaitVisible("[data-code=maxThreatLevel]"), chromedp.WaitVisible("#live"))
	picture(t, ctx, "live")
	if err := h.Report(t.Context(), agent, "healthy"); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.WaitVisible("pre"))
	if s := text(t, ctx); !strings.Contains(s, "Welcome to the intranet") {
		t.Fatalf("the page says: %s", s)
	}
}

// Terms of use are read and accepted with the keyboard, once.
func TestTermsOfUseAreAcceptedOnTheWay(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	var made struct{ ID string }
	h.Do(t, "POST", "/v1.0/identityGovernance/termsOfUse/agreements", map[string]any{
		"displayName": "House rules", "isViewingBeforeAcceptanceRequired": true, "isPerDeviceAcceptanceRequired": false,
		"files": []any{map[string]any{
			"fileName": "rules.txt", "language": "en", "isDefault": true,
			"fileData": map[string]any{"data": base64.StdEncoding.EncodeToString([]byte("Wipe your feet.\n\nLeave nothing behind."))},
		}},
	}, &made)
	h.Do(t, "POST", "/v1.0/identity/conditionalAccess/policies", map[string]any{
		"displayName": "House rules first", "state": "enabled",
		"conditions": map[string]any{
			"clientAppTypes": []string{"all"}, "users": map[string]any{"includeUsers": []string{"All"}},
			"applications": map[string]any{"includeApplications": []string{"All"}},
		},
		"grantControls": map[string]any{"operator": "OR", "builtInControls": []string{}, "termsOfUse": []string{made.ID}},
	}, nil)
	ctx := open(t)
	enter := func() {
		do(t, ctx, chromedp.Navigate(h.EnrollURL()), chromedp.WaitVisible("#username"))
		do(t, ctx, chromedp.SendKeys("#username", h.Name), chromedp.SendKeys("#password", h.Password+"\r"))
	}
	enter()
	do(t, ctx, chromedp.WaitVisible("input[name=view] + button, button[aria-describedby]"))
	picture(t, ctx, "terms-closed")
	if s := text(t, ctx); strings.Contains(s, "Wipe your feet") || strings.Contains(s, "Accept\n") {
		t.Fatalf("the page says: %s", s)
	}
	do(t, ctx, chromedp.SendKeys("button[aria-describedby]", "\r"), chromedp.WaitVisible("div.terms"))
	picture(t, ctx, "terms-open")
	if s := text(t, ctx); !strings.Contains(s, "Leave nothing behind.") {
		t.Fatalf("the page says: %s", s)
	}
	do(t, ctx, chromedp.SendKeys("button[value=accept]", "\r"))
	back(t, ctx)
	var kept struct {
		Value []struct{ State, UserPrincipalName string }
	}
	h.Do(t, "GET", "/v1.0/identityGovernance/termsOfUse/agreements/"+made.ID+"/acceptances", nil, &kept)
	if len(kept.Value) != 1 || kept.Value[0].UserPrincipalName != h.Name {
		t.Errorf("%+v", kept)
	}
}
