package compliance

import (
	"cmp"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// Judge returns the verdict on an installation at now, and the merged policy
// that applies to it, or nil when none does.
//
// A wipe that was requested, a managed device, health from a development adapter
// that the tenant does not allow, and the lack of a policy each make it
// noncompliant; so does every health check that fails at block or wipe level.
// Warnings leave it compliant. Every reason is reported, strictest first.
func Judge(d Dossier, c Config, now time.Time) (Verdict, *protection.Effective) {
	s := &d.Standing
	app := appName(s.App)
	var reasons []Reason
	if s.WipePending {
		reasons = append(reasons, wipePending(app))
	}
	if s.Managed {
		reasons = append(reasons, managed())
	}
	if s.Development && !c.Tenant.Settings.AllowDevelopmentHealth {
		reasons = append(reasons, developmentHealth())
	}
	effective := protection.Merge(c.Policies, s.App, d.Groups)
	if effective == nil {
		reasons = append(reasons, notTargeted(app))
	} else {
		h, danger := health(d, now)
		for _, f := range protection.Evaluate(effective.Settings, h, now) {
			reasons = append(reasons, failed(f, app, danger))
		}
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return cmp.Compare(b.Action, a.Action) })

	v := Verdict{State: Compliant, Reasons: reasons}
	if len(reasons) > 0 {
		v.Action = reasons[0].Action
	}
	if v.Action > protection.Warn {
		v.State = Noncompliant
	}
	return v, effective
}

// health reads a dossier as the checks do. A version that does not parse is not
// known. Accounts are our own, so one that is disabled or gone is confirmed.
func health(d Dossier, now time.Time) (protection.Health, threat.Assessment) {
	s := &d.Standing
	h := protection.Health{Platform: s.Platform, LastSyncAt: s.LastSyncAt, AccountDisabled: !d.User.Enabled}
	h.AppVersion, _ = version.Parse(s.AppVersion)
	h.SDKVersion, _ = version.Parse(s.SDKVersion)
	h.OSVersion, _ = version.ParseWindows(s.OSVersion)
	danger := threat.Assess(d.Signals, d.Connector, h.OSVersion, now)
	h.ThreatCounted, h.ThreatLevel = danger.Counted, danger.Level
	return h, danger
}
