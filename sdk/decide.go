package sdk

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/version"
	"github.com/postern-mam/postern/wire"
)

// clockSkew is how far a clock may go back, as it does when it is set right.
const clockSkew = 5 * time.Minute

// Decision is what the app must do now.
type Decision struct {
	Action  string        `json:"action"`            // "allow", "warn", "block", "wipe"
	Reasons []wire.Reason `json:"reasons,omitempty"` // severest first; never empty when Action is not "allow"
}

// Allowed reports whether the person may work: nothing failed, or only warnings.
func (d Decision) Allowed() bool { return d.Action == "allow" || d.Action == "warn" }

// Decide judges by the kept policy, the newest verdict of the service and the
// time since the last check-in, with the service's own rules and without asking
// it. A clock that was set back lengthens no offline grace: what counts is the
// latest time it showed, and when it is well behind that, nobody can tell how
// long the PC was offline, which blocks until the next check-in.
func (c *Client) Decide() Decision {
	if err := c.reload(); err != nil {
		return blocked("state", "The app cannot read its state on this PC.", "Delete the app's state and enrol again.")
	}
	s := c.snapshot()
	switch {
	case s.Wiping != nil || s.Leaving || s.Removing || !s.WipedAt.IsZero():
		return blocked("wiped", "The organization's data was removed from this app.", "Enrol again if you still need it.")
	case s.Ended != "":
		return blocked("registrationEnded", s.Ended+".", "Enrol again if you still need it.")
	case s.Forged:
		return blocked("policy", "What this app keeps of your organization's policy was changed on this PC, and not by your organization.",
			"Connect this PC to the internet: the app gets the policy anew.")
	case s.Registration == "" || !s.HasPolicy:
		return blocked("notEnrolled", "This app is not protected yet.", "Sign in with your work account.")
	case s.LastResult == nil || s.Leased == nil:
		return blocked("notCheckedIn", "Your organization has not judged this PC yet.", "Connect this PC to the internet.")
	}
	now := latest(s.LatestAt, c.cfg.Now().UTC())
	if now.After(s.LatestAt.Add(time.Minute)) {
		if err := c.update(func(s *state) { s.LatestAt = latest(s.LatestAt, now) }); err != nil {
			return blocked("state", "The app cannot keep its state on this PC.", "Free space on the disk.")
		}
	}
	return s.judge(c.cfg, now)
}

// judge puts together what the device finds and what the service found.
func (s state) judge(cfg Config, now time.Time) Decision {
	worst, reasons := protection.Allow, []wire.Reason(nil)
	settings, err := s.settings()
	if err != nil {
		return blocked("policy", "The app does not understand its policy.", "Update the app.")
	}
	for _, f := range protection.Evaluate(settings, s.health(cfg), now) {
		worst = max(worst, f.Check.Action)
		reasons = append(reasons, wire.Reason{
			Code: string(f.Check.Subject), Action: f.Check.Action.String(), Have: f.Have, Want: f.Want, Text: sentence(f),
		})
	}
	if s.doubtsClock(cfg, settings) {
		worst = max(worst, protection.Block)
		reasons = append(reasons, blocked("clock", "The clock of this PC was set back, so nobody can tell how long it was offline.",
			"Set the clock right and connect this PC to the internet.").Reasons...)
	}
	for _, r := range s.LastResult.Reasons {
		worst = max(worst, severity(r))
		reasons = append(reasons, r)
	}
	worst = max(worst, severity(wire.Reason{Action: s.LastResult.Action}), severity(wire.Reason{Action: s.Leased.Action}))
	if len(reasons) == 0 && worst > protection.Allow {
		reasons = blocked("service", "Your organization does not allow access now.", "Ask your administrator.").Reasons
	}
	slices.SortStableFunc(reasons, func(a, b wire.Reason) int { return cmp.Compare(severity(b), severity(a)) })
	return Decision{Action: worst.String(), Reasons: unique(reasons)}
}

// doubtsClock reports whether an offline grace cannot be measured.
func (s state) doubtsClock(cfg Config, settings protection.Settings) bool {
	limited := slices.ContainsFunc(settings.Checks, func(c protection.Check) bool { return c.Subject == protection.OfflineGrace })
	return limited && cfg.Now().Before(s.LatestAt.Add(-clockSkew))
}

func sentence(f protection.Finding) string {
	return "Your organization asks for " + f.Want + "; found: " + f.Have + "."
}

func severity(r wire.Reason) protection.Action {
	a, err := protection.ParseAction(r.Action)
	if err != nil {
		return protection.Block // a newer service's: doubt blocks
	}
	return a
}

// unique keeps the first reason of each code and action: the service may have
// said the same as we found.
func unique(all []wire.Reason) (out []wire.Reason) {
	seen := map[[2]string]bool{}
	for _, r := range all {
		k := [2]string{r.Code, r.Action}
		if !seen[k] {
			seen[k] = true
			out = append(out, r)
		}
	}
	return out
}

func blocked(code, text, step string) Decision {
	return Decision{Action: "block", Reasons: []wire.Reason{{Code: code, Action: "block", Text: text, Steps: []string{step}}}}
}

// settings reads the kept policy by the catalogue.
func (s state) settings() (out protection.Settings, err error) {
	for name, value := range s.Policy.Settings {
		setting, known := protection.Lookup(name)
		if !known {
			continue // a newer service: what we cannot enforce is not ours to claim
		}
		err = errors.Join(err, setting.Set(&out, value))
	}
	for _, w := range s.Policy.Checks {
		check, bad := protection.ParseCheck(w.Subject, w.Action, w.Value)
		err = errors.Join(err, bad)
		out.Checks = append(out.Checks, check)
	}
	return out, err
}

// health is what the device itself can judge. Threats are the service's to
// judge; its verdict is in LastResult.
func (s state) health(cfg Config) protection.Health {
	h := protection.Health{Platform: "windows", LastSyncAt: s.syncedAt(), AccountDisabled: s.Disabled}
	h.AppVersion, _ = version.Parse(cfg.AppVersion) // an unreadable version is unknown, which fails
	h.SDKVersion, _ = version.Parse(Version)
	if s.LastSent != nil {
		h.OSVersion, _ = version.ParseWindows(s.LastSent.OSVersion)
	}
	return h
}

// syncedAt is when this PC was last judged: by its own clock, and no later than the
// service signed it.
func (s state) syncedAt() time.Time {
	if s.Leased == nil {
		return s.LastCheckInAt
	}
	if signed := time.Unix(s.Leased.IssuedAt, 0).UTC().Add(clockSkew); s.LastCheckInAt.After(signed) {
		return signed
	}
	return s.LastCheckInAt
}

// failed lists the checks that fail at block or wipe level now, for the report.
func (c *Client) failed(m Measurement) (out []string) {
	s := c.snapshot()
	settings, err := s.settings()
	if err != nil {
		return nil
	}
	h := s.health(c.cfg)
	h.OSVersion, _ = version.ParseWindows(m.OSVersion)
	h.LastSyncAt = c.cfg.Now().UTC() // this is the check-in
	for _, f := range protection.Evaluate(settings, h, c.cfg.Now().UTC()) {
		if f.Check.Action >= protection.Block {
			out = append(out, string(f.Check.Subject))
		}
	}
	return out
}

// Transfer is a movement of organisation data that policy may forbid.
type Transfer uint8

// The transfers, one for each data protection setting and direction.
const (
	Receive Transfer = iota // open or upload a file from elsewhere
	Send                    // save or share a file outside
	CopyOut                 // copy to an app outside the organisation
	PasteIn                 // paste from an app outside the organisation
	Print
)

// May reports whether policy allows t, and in one sentence why not.
func (c *Client) May(t Transfer) (bool, string) {
	if d := c.Decide(); !d.Allowed() {
		return false, d.Reasons[0].Text
	}
	settings, err := c.snapshot().settings()
	if err != nil {
		return false, "The app does not understand its policy."
	}
	settings = settings.WithDefaults()
	allowed, what := false, ""
	switch t {
	case Receive:
		allowed, what = settings.ReceiveFrom == protection.AllApps, "bringing in files from elsewhere"
	case Send:
		allowed, what = settings.SendTo == protection.AllApps, "saving its files elsewhere"
	case CopyOut:
		allowed, what = settings.Clipboard == protection.AnyDestinationAnySource, "copying its data to other apps"
	case PasteIn:
		allowed = settings.Clipboard == protection.AnyDestinationAnySource || settings.Clipboard == protection.OrgDestinationAnySource
		what = "pasting data from other apps"
	case Print:
		allowed, what = !settings.PrintBlocked, "printing its data"
	}
	if allowed {
		return true, ""
	}
	return false, "Your organization does not allow " + what + "."
}

// mayStore refuses the sealed store while access is cut.
func (c *Client) mayStore() error {
	if d := c.Decide(); !d.Allowed() {
		return errors.New("sdk: " + d.Reasons[0].Text)
	}
	return nil
}
