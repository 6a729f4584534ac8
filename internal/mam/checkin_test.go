package mam_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

func codes(out wire.CheckInResult) string {
	var all []string
	for _, r := range out.Reasons {
		all = append(all, r.Code)
	}
	return strings.Join(all, ",")
}

func TestACheckInGetsItsVerdict(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	if out := p.checkIn(id, w.report()); out.State != "compliant" || out.Action != "allow" {
		t.Fatalf("in good health: %+v", out)
	}
	r := w.get(id)
	if r.Verdict.State.String() != "compliant" || !r.LastSyncAt.Equal(w.now) || r.Adapter != "windows" {
		t.Errorf("stored %+v", r)
	}
	w.now = w.now.Add(time.Minute)
	ill := w.report()
	ill.Providers["firewall"] = "poor"
	out := p.checkIn(id, ill)
	if out.State != "noncompliant" || out.Action != "block" || codes(out) != "maxThreatLevel" || len(out.Reasons[0].Steps) == 0 {
		t.Errorf("with the firewall off: %+v", out)
	}
	w.now = w.now.Add(time.Minute)
	if out := p.checkIn(id, w.report()); out.State != "compliant" {
		t.Errorf("healed: %+v", out)
	}
}

func TestGoodNewsDoesNotOutliveItsReports(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	w.now = w.now.Add(time.Minute)
	silent := w.report()
	silent.Providers = nil
	if out := p.checkIn(id, silent); out.State != "noncompliant" {
		t.Errorf("an agent that stopped measuring is %+v", out)
	}
}

func TestAnOlderReportNeverReplacesANewer(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	ill := w.report()
	ill.Providers["antivirus"] = "poor"
	p.checkIn(id, ill)
	p.checkIn(id, ill) // the same again: its answer was lost
	late := w.report()
	late.MeasuredAt = w.now.Add(-time.Second)
	late.AppVersion = "999.0"
	_, err := w.mam.CheckIn(t.Context(), p.caller(), id, late)
	w.refusedWith(err, fault.Conflict, "stale")
	if r := w.get(id); r.AppVersion == "999.0" || r.Verdict.State.String() != "noncompliant" {
		t.Errorf("a refused check-in left its mark: %+v", r)
	}
	early := w.report()
	early.MeasuredAt = w.now.Add(6 * time.Minute)
	_, err = w.mam.CheckIn(t.Context(), p.caller(), id, early)
	w.failsWith(err, fault.Invalid)
}

func TestACheckInIsUnderstoodOrRefused(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	for name, change := range map[string]func(*wire.CheckIn){
		"appVersion":   func(c *wire.CheckIn) { c.AppVersion = "" },
		"sdkVersion":   func(c *wire.CheckIn) { c.SDKVersion = "1.x" },
		"osVersion":    func(c *wire.CheckIn) { c.OSVersion = "Windows 11" },
		"adapter":      func(c *wire.CheckIn) { c.Adapter = "oracle" },
		"providers":    func(c *wire.CheckIn) { c.Providers["antivirus"] = "low" },
		"measuredAt":   func(c *wire.CheckIn) { c.MeasuredAt = time.Time{} },
		"failedChecks": func(c *wire.CheckIn) { c.FailedChecks = []string{"mood"} },
		"controls":     func(c *wire.CheckIn) { c.Controls = []wire.Control{{Control: "wipe", State: "perfect", By: "app"}} },
		"policyEtag":   func(c *wire.CheckIn) { c.PolicyETag = strings.Repeat("x", 300) },
	} {
		in := w.report()
		change(&in)
		_, err := w.mam.CheckIn(t.Context(), p.caller(), id, in)
		w.failsWith(err, fault.Invalid)
		if !strings.HasPrefix(fault.Detail(err), name) {
			t.Errorf("%s: %q does not name the field", name, fault.Detail(err))
		}
	}
}

// How far an app enforces its policy is shown as it said last, and decides nothing.
func TestAnAppSaysHowFarItEnforces(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	if got := w.get(id).Controls; got != nil {
		t.Errorf("before it said anything: %+v", got)
	}
	in := w.report()
	in.Controls = []wire.Control{{Control: "wipe", State: "notEnforced", By: "app", Gaps: []string{"notImplemented"}}}
	out, err := w.mam.CheckIn(t.Context(), p.caller(), id, in)
	must(t, err)
	kept := w.get(id).Controls
	i := slices.IndexFunc(kept, func(c enforcement.Control) bool { return c.Control == enforcement.Wipe })
	if out.Action != "allow" || len(kept) != len(enforcement.Controls()) || kept[i].State != enforcement.NotEnforced || kept[0].State != enforcement.Unknown {
		t.Errorf("%+v, kept %+v", out, kept)
	}
	in = w.report() // an older version took its place
	_, err = w.mam.CheckIn(t.Context(), p.caller(), id, in)
	must(t, err)
	if got := w.get(id).Controls; got != nil {
		t.Errorf("it does not say any more, and %+v is kept", got)
	}
}

func TestAReplayedCheckInIsRefused(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	c := p.caller()
	_, err := w.mam.CheckIn(t.Context(), c, id, w.report())
	must(t, err)
	_, err = w.mam.CheckIn(t.Context(), c, id, w.report())
	w.failsWith(err, fault.Unauthenticated)
}

func TestMadeUpHealthCountsOnlyWhereTheTenantAllowsIt(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	in := w.report()
	in.Adapter = "development"
	if out := p.checkIn(id, in); out.State != "noncompliant" || !strings.Contains(codes(out), "developmentHealth") {
		t.Errorf("by default: %+v", out)
	}
	tn, err := w.store.Admin().Tenants().Get(t.Context(), tenant, string(tenant))
	must(t, err)
	tn.Settings.AllowDevelopmentHealth = true
	_, err = w.store.Admin().Tenants().Save(t.Context(), tn)
	must(t, err)
	if out := p.checkIn(id, in); out.State != "compliant" {
		t.Errorf("allowed: %+v", out)
	}
}

func TestAPCThatBecomesManagedIsOut(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	in := w.report()
	in.Management.MDMEnrolled = true
	if out := p.checkIn(id, in); out.State != "noncompliant" || !strings.Contains(codes(out), "managed") {
		t.Errorf("a managed PC is %+v", out)
	}
}

// wiping makes every old app a reason to wipe.
func (w *world) wiping() {
	w.Helper()
	p, err := w.store.Admin().ProtectionPolicies().Get(w.Context(), tenant, "T_5a1e2d6c-0000-4000-8000-000000000006")
	must(w, err)
	p.Settings.Checks = append(p.Settings.Checks, protection.Check{Subject: protection.MinAppVersion, Action: protection.Wipe, Version: [4]uint32{200}})
	w.savePolicy(p)
}

func TestACheckThatWipesOrdersOneWipe(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	w.wiping()
	for range 3 {
		out := p.checkIn(id, w.report())
		if out.Action != "wipe" || out.Operations != 1 {
			t.Fatalf("check-in: %+v", out)
		}
	}
	ops, err := w.mam.History(t.Context(), tenant, id)
	must(t, err)
	if len(ops) != 1 || ops[0].RequestedBy != "healthCheck" || ops[0].Reason != "minAppVersion" || !w.get(id).WipePending {
		t.Errorf("operations %+v", ops)
	}
}

func TestStoredVerdictsFollowTheFacts(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	in := w.get(id).Installation
	ill := threat.Signal{Source: threat.FromConnector, Partner: directory.WindowsSecurityCenter, States: []threat.State{threat.ActiveThreat}, ReportedAt: w.now, ReceivedAt: w.now}
	must(t, w.store.MTD().SaveSignal(t.Context(), tenant, id, ill))
	told := event.ThreatChanged{Installation: in, Registration: id, At: w.now}
	must(t, w.mam.OnEvent(t.Context(), told))
	r := w.get(id)
	if r.Verdict.State.String() != "noncompliant" {
		t.Fatalf("after the signal: %+v", r.Verdict)
	}
	must(t, w.mam.OnEvent(t.Context(), told))
	if again := w.get(id); again.Revision != r.Revision {
		t.Error("the same news twice was saved twice")
	}
	c, err := w.store.Admin().Connectors().Get(t.Context(), tenant, string(directory.WindowsSecurityCenter))
	must(t, err)
	must(t, w.store.Admin().Connectors().Delete(t.Context(), tenant, string(c.ID)))
	must(t, w.mam.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant, What: "connector", At: w.now}))
	if r := w.get(id); r.Verdict.State.String() != "compliant" {
		t.Errorf("after the connector went: %+v", r.Verdict)
	}
	u, err := w.store.Admin().Users().Get(t.Context(), tenant, string(anna))
	must(t, err)
	u.Enabled = false
	_, err = w.store.Admin().Users().Save(t.Context(), u)
	must(t, err)
	must(t, w.mam.OnEvent(t.Context(), event.UserChanged{Tenant: tenant, User: anna, At: w.now}))
	if r := w.get(id); r.Verdict.State.String() != "noncompliant" {
		t.Errorf("of a disabled user: %+v", r.Verdict)
	}
	must(t, w.mam.OnEvent(t.Context(), event.ThreatChanged{Installation: in, Registration: "gone", At: w.now}))
}

func TestAChangedPolicyReachesEveryPage(t *testing.T) {
	w := newWorld(t)
	var ids []directory.RegistrationID
	for range 120 {
		p := w.newPC(anna)
		id := p.enroll()
		p.checkIn(id, w.report())
		ids = append(ids, id)
	}
	w.wiping()
	must(t, w.mam.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant, What: "policy", At: w.now}))
	for _, id := range ids {
		if r := w.get(id); !r.WipePending || r.Verdict.State.String() != "noncompliant" {
			t.Fatalf("registration %s was forgotten: %+v", id, r)
		}
	}
}

var _ mam.Signer = (*world)(nil)
