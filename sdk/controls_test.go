package sdk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// said is what the newest check-in says of a control.
func (p *pc) said(control string) string {
	p.t.Helper()
	for _, c := range p.checkIns[len(p.checkIns)-1].Controls {
		if c.Control == control {
			return c.State + " " + c.By + " " + strings.Join(c.Gaps, "+")
		}
	}
	return "nothing"
}

func TestWhatNobodySaysIsReportedAsUnknown(t *testing.T) {
	p, c := plans(t)
	all := p.checkIns[len(p.checkIns)-1].Controls
	if len(all) != len(enforcement.Controls()) || len(c.Status().Controls) != len(all) {
		t.Fatalf("it says %+v", all)
	}
	for _, one := range all {
		if one.State != "unknown" || one.By != "nobody" {
			t.Errorf("it says %+v", one)
		}
	}
}

func TestAnAppSaysItselfHowFarItEnforces(t *testing.T) {
	p := newPC(t)
	config := func(all ...wire.Control) sdk.Config {
		return sdk.Config{
			Authority: p.url(), App: "com.example.notes", AppVersion: "130.0", Dir: p.dir, Health: health{&p.broken}, HTTP: p.Client(), Browser: p.visit, Controls: all,
		}
	}
	if _, err := sdk.New(config(wire.Control{Control: "wipe", State: "perfect", By: "app"})); err == nil || !strings.Contains(err.Error(), "Config.Controls") {
		t.Errorf("got %v", err)
	}
	c, err := sdk.New(config(wire.Control{Control: "wipe", State: "enforced", By: "app"}))
	must(t, err)
	must(t, c.Enroll(t.Context()))
	if p.said("wipe") != "enforced app " || p.said("printOrgData") != "unknown nobody " {
		t.Errorf("it says %q, %q", p.said("wipe"), p.said("printOrgData"))
	}
}

// What a browser says is told at once, once, and by whatever process checks in
// next; a day later nobody knows any more.
func TestWhatIsReportedLaterIsToldAtOnceAndCountsForADay(t *testing.T) {
	p, c := plans(t)
	before := len(p.checkIns)
	partly := []wire.Control{{Control: "printOrgData", State: "partly", By: "extension", Gaps: []string{"viewSource", "developerTools"}}}
	for range 3 {
		must(t, c.Report(t.Context(), partly))
	}
	if n := len(p.checkIns) - before; n != 1 || p.said("printOrgData") != "partly extension developerTools+viewSource" {
		t.Errorf("%d check-ins say %q", n, p.said("printOrgData"))
	}
	p.now = p.now.Add(2 * time.Hour)
	must(t, c.Report(t.Context(), partly)) // the same again: noted, and told to nobody
	if n := len(p.checkIns) - before; n != 1 {
		t.Errorf("%d check-ins", n)
	}
	p.now = p.now.Add(23 * time.Hour)
	other := p.start()
	_, err := other.CheckIn(t.Context())
	must(t, err)
	if p.said("printOrgData") != "partly extension developerTools+viewSource" {
		t.Errorf("another process says %q", p.said("printOrgData"))
	}
	p.now = p.now.Add(2 * time.Hour)
	_, err = other.CheckIn(t.Context())
	must(t, err)
	if p.said("printOrgData") != "unknown nobody " {
		t.Errorf("a day later it says %q", p.said("printOrgData"))
	}
	must(t, c.Report(t.Context(), partly))
	if p.said("printOrgData") != "partly extension developerTools+viewSource" {
		t.Errorf("said again, it says %q", p.said("printOrgData"))
	}
}

func TestAReportThatMakesNoSenseChangesNothing(t *testing.T) {
	p, c := plans(t)
	before := len(p.checkIns)
	err := c.Report(t.Context(), []wire.Control{{Control: "wipe", State: "partly", By: "extension", Gaps: []string{"aliens"}}})
	if err == nil || !strings.Contains(err.Error(), "aliens") || len(p.checkIns) != before {
		t.Errorf("got %v, %d check-ins", err, len(p.checkIns)-before)
	}
}

func TestWhoIsNotEnrolledReportsToNobody(t *testing.T) {
	p := newPC(t)
	c := p.start()
	must(t, c.Report(t.Context(), []wire.Control{{Control: "wipe", State: "enforced", By: "app"}}))
	if len(p.heard) != 0 {
		t.Errorf("the service heard %q", p.heard)
	}
	must(t, c.Enroll(t.Context()))
	if p.said("wipe") != "enforced app " {
		t.Errorf("then it says %q", p.said("wipe"))
	}
	p.broken = errors.New("no health")
	if err := c.Report(t.Context(), nil); err == nil {
		t.Error("a check-in that fails is nobody's to know")
	}
}

// visit is the person who signs in.
func (p *pc) visit(ctx context.Context, url string) error {
	_, err := p.open(ctx, url)
	return err
}
