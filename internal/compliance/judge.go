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
// A wipe that was requested, here or of all that the user has, a managed device,
// health from a development adapter that the tenant does not allow, and the lack
// of a policy each make it noncompliant; so does every health check that fails
// at block or wipe level. Warnings leave it compliant. Every reason is reported,
// strictest first.
func Judge(d Dossier, now time.Time) (Verdict, *protection.Effective) {
	s := &d.Standing
	app := appName(s.App)
	var reasons []Reason
	if s.WipePending || d.User.Wipe != nil {
		reasons = append(reasons, wipePending(app))
	}
	if s.Managed {
		reasons = append(reasons, managed())
	}
	if s.Development && !d.Demands.Settings.AllowDevelopmentHealth {
		reasons = append(reasons, developmentHealth())
	}
	effective, none := Applies(d)
	if effective == nil {
		reasons = append(reasons, none)
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

// Applies returns the merged policy that applies to an installation or, when
// none does, nil and the one reason: the first of the tenant not being
// onboarded, the user not being entitled, and no policy for the user and app.
func Applies(d Dossier) (*protection.Effective, Reason) {
	if none, barred := Barred(d); barred {
		return nil, none
	}
	effective := protection.Merge(d.Demands.Policies, d.Target())
	switch {
	case effective != nil:
		return effective, Reason{}
	case d.Demands.Elsewhere:
		return nil, appNotInPolicy(appName(d.Standing.App))
	}
	return nil, notTargeted(appName(d.Standing.App))
}

// Barred reports whether nothing of app protection and app configuration is for
// the user, whatever the policies say, and why.
func Barred(d Dossier) (Reason, bool) {
	switch s := d.Demands.Settings; {
	case s.ProtectionOff:
		return notOnboarded(), true
	case s.EntitledGroup != "" && !slices.Contains(d.Groups, s.EntitledGroup):
		return notEntitled(), true
	}
	return Reason{}, false
}

// Retry is how long an app waits, at most, before it checks in again: usually,
// or longer where nothing is delivered until an administrator changes something
// (docs/spec/windows-mam.md, section 2). Who has a wipe to fetch waits no longer.
func (v Verdict) Retry(usually time.Duration) time.Duration {
	every := usually
	for _, r := range v.Reasons {
		if r.Code == WipePending {
			return usually
		}
		every = max(every, r.Retry(usually))
	}
	return every
}

// Retry is how long an app waits that nothing but r stands against.
func (r Reason) Retry(usually time.Duration) time.Duration {
	switch r.Code {
	case NotOnboarded:
		return notOnboardedRetry
	case NotEntitled, NotTargeted, AppNotInPolicy:
		return untargetedRetry
	}
	return usually
}

const (
	notOnboardedRetry = 24 * time.Hour
	untargetedRetry   = 12 * time.Hour
)

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
