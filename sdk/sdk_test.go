package sdk_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

func thumbprint(k jose.JSONWebKey) (string, error) {
	sum, err := k.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

func TestEverythingMissingIsReportedAtOnce(t *testing.T) {
	_, err := sdk.New(sdk.Config{Authority: "http://plain/x"})
	for _, want := range []string{"App is", "AppVersion", "Dir", "Health", "https://host"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestEnrolmentProtectsTheAppAndOutlivesARestart(t *testing.T) {
	p := newPC(t)
	if d := p.start().Decide(); d.Action != "block" || d.Reasons[0].Code != "notEnrolled" {
		t.Fatalf("before enrolment: %+v", d)
	}
	p.enrolled()
	c := p.start()
	st := c.Status()
	if !st.Enrolled || st.DeviceID != "device-1" || st.PolicyETag != "policy-1" || st.LastSent.Adapter != "development" {
		t.Errorf("after a restart: %+v", st)
	}
	if d := st.Decision; d.Action != "warn" || d.Reasons[0].Code != "minAppVersion" || !d.Allowed() {
		t.Errorf("decision %+v", d)
	}
	info, err := os.Stat(filepath.Join(p.dir, "device.key"))
	must(t, err)
	if info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the device key has mode %v", info.Mode())
	}
}

func TestANonceIsLearntAndAskedForOnce(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	if p.refused != 1 {
		t.Errorf("%d requests were refused for their nonce, want the first alone", p.refused)
	}
	p.nonce = "nonce-2"
	if _, err := c.CheckIn(t.Context()); err != nil || p.refused != 2 {
		t.Errorf("after the nonce changed: %v, %d refused", err, p.refused)
	}
}

func TestARotatedRefreshTokenIsKeptBeforeItIsUsed(t *testing.T) {
	p := newPC(t)
	p.sealer = plain{}
	p.enrolled()
	first := p.refresh
	c := p.start() // has no access token
	_, err := c.CheckIn(t.Context())
	must(t, err)
	doc, err := os.ReadFile(filepath.Join(p.dir, "state.json"))
	must(t, err)
	if p.refresh == first || !strings.Contains(string(doc), p.refresh) || strings.Contains(string(doc), first) {
		t.Error("the state does not hold exactly the newest refresh token")
	}
}

func TestOnlyAConfirmedDisabledAccountCountsAsOne(t *testing.T) {
	p := newPC(t)
	p.enrolled()
	p.down = true
	c := p.start()
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Error("a check-in succeeded while the service was down")
	}
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("an outage blocks: %+v", d)
	}
	p.down, p.disabled = false, true
	c = p.start()
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Error("a disabled account checked in")
	}
	if d := c.Decide(); d.Action != "block" || d.Reasons[0].Code != "disabledAccount" {
		t.Errorf("disabled: %+v", d)
	}
}

func TestAClockSetBackLengthensNoGrace(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	p.now = p.now.Add(12*time.Hour + time.Second)
	if d := c.Decide(); d.Action != "block" || d.Reasons[0].Code != "offlineGracePeriod" {
		t.Fatalf("after the grace: %+v", d)
	}
	p.now = p.now.Add(-6 * time.Hour)
	if d := p.start().Decide(); d.Action != "block" {
		t.Errorf("the clock was set back, and then: %+v", d)
	}
	_, err := c.CheckIn(t.Context())
	must(t, err)
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("after a check-in: %+v", d)
	}
}

func TestTheServicesVerdictCountsWithItsReasonFirst(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	p.result.State, p.result.Action = "noncompliant", "block"
	p.result.Reasons = []wire.Reason{{Code: "maxThreatLevel", Action: "block", Text: "A threat was found."}}
	_, err := c.CheckIn(t.Context())
	must(t, err)
	if ok, why := c.May(sdk.Receive); ok || why != "A threat was found." {
		t.Errorf("may receive: %v, %q", ok, why)
	}
	if err := c.Vault().Save("a", nil); err == nil {
		t.Error("a blocked app saved a file")
	}
	p.result.Action, p.result.Reasons = "explode", nil
	_, err = c.CheckIn(t.Context())
	must(t, err)
	if d := c.Decide(); d.Action != "block" || len(d.Reasons) == 0 {
		t.Errorf("an action that is not known: %+v", d)
	}
}

func TestDataProtectionLimitsTransfers(t *testing.T) {
	c := newPC(t).enrolled()
	for transfer, want := range map[sdk.Transfer]bool{sdk.Receive: true, sdk.Send: false, sdk.CopyOut: false, sdk.PasteIn: true, sdk.Print: false} {
		if got, why := c.May(transfer); got != want || got == (why != "") {
			t.Errorf("transfer %d: %v, %q", transfer, got, why)
		}
	}
}

func TestADeviceProvesItselfToItsOwnAuthorityAlone(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	if _, err := c.ProveDevice("n", "https://evil.example"); err == nil {
		t.Error("a stranger got a proof")
	}
	proof, err := c.ProveDevice("n", p.URL)
	must(t, err)
	jws, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
	must(t, err)
	var got wire.DeviceProof
	must(t, json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &got))
	if got.Nonce != "n" || got.Audience != p.URL || got.ExpiresAt-got.IssuedAt != 60 || jws.Signatures[0].Protected.KeyID != p.jkt {
		t.Errorf("proof %+v", got)
	}
}

func TestSignOutEndsEverything(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	must(t, c.Vault().Save("a", []byte("alpha")))
	must(t, c.SignOut(t.Context()))
	if !slices.Contains(p.heard, "DELETE /"+tenant+"/mam/v1/registrations/registration-1") {
		t.Errorf("heard %v", p.heard)
	}
	if st := c.Status(); st.Enrolled || st.Decision.Action != "block" {
		t.Errorf("status %+v", st)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "organization*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Error("a report was made after sign-out")
	}
}
