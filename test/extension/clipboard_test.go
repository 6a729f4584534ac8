package extension_test

import (
	"strings"
	"testing"
)

func TestTheExtensionProvesTheDeviceAndThePersonIsIn(t *testing.T) {
	d := sit(t)
	d.signIn()
	if got := eval[string](d, `document.getElementById("text").value`); got != "TOPSECRET" {
		t.Errorf("the page holds %q", got)
	}
}

// Every value of the setting, first the one that lets everything out: what does
// not leak then proves nothing later.
func TestTheClipboardOfTheOrganization(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.site()
	d.until(asks("copy") + " === false")
	if got := d.copied(); got != "TOPSECRET" {
		t.Fatalf("without a restriction %q arrives: the test proves nothing", got)
	}

	d.site()
	d.settings(map[string]any{"allowedOutboundClipboardSharingLevel": "none"}, "copy", true)
	eval[bool](d, `navigator.clipboard.writeText("from the page").then(() => false, () => true)`)
	if got := d.copied(); got != "MYOWN" { // the person's own page copies and pastes as ever
		t.Errorf("none: %q left", got)
	}
	d.site()
	if got := d.pasted(); got != "" {
		t.Errorf("none: %q came in", got)
	}

	d.settings(map[string]any{"allowedOutboundClipboardSharingLevel": "orgDestinationAnySource"}, "copy-org", true)
	if got := d.pasted(); got != "MYOWN" {
		t.Errorf("from any source: %q came in", got)
	}
	if got := d.copied(); strings.Contains(got, "TOPSECRET") || !strings.Contains(got, "Copied on a site of your organization") {
		t.Errorf("to the organization alone: %q left", got)
	}
	d.site()
	d.pasted()
	d.until(`document.getElementById("sink").value === "TOPSECRET"`)

	d.settings(map[string]any{"allowedOutboundClipboardSharingLevel": "orgDestinationOrgSource"}, "paste-org", true)
	d.own()
	d.copy()
	d.site()
	if got := d.pasted(); got != "" {
		t.Errorf("from the organization alone: %q came in", got)
	}
	d.settings(map[string]any{"allowedOutboundClipboardSharingLevel": "anyDestinationAnySource"}, "copy-org", false)
	if got := d.copied(); got != "TOPSECRET" {
		t.Errorf("lifted again, %q arrives", got)
	}
}
