package access

import (
	"slices"
	"time"
)

// verdicts gathers the enabled policies that are not satisfied.
type verdicts struct {
	unmet   Controls
	hard    Controls // what cannot be had inside this sign-in, and a policy does not do without
	block   bool     // a policy blocks, or a legacy client meets a demand
	tracked bool     // one that blocks does so for how the session once began
	covered bool     // an enabled policy applies
	fixed   bool     // some policy cannot be satisfied inside this sign-in
}

func (v *verdicts) add(p *compiled, unmet Controls, promptable, legacy bool) {
	v.covered = true
	v.unmet |= unmet
	v.block = v.block || legacy || p.demanded&blockBit != 0
	v.fixed = v.fixed || !promptable
}

// lacks returns the hard controls that keep a policy from being satisfied inside
// this sign-in. Of alternatives it names the one that the owner of a personal PC
// can have: a protected app before a device that is managed.
func (p *compiled) lacks(asked, waived Controls) Controls {
	missing := p.demanded &^ asked &^ waived &^ interactive
	lack := missing & sessionBits
	grant := p.demanded &^ sessionBits &^ waived
	switch {
	case p.either && grant&asked != 0:
		return lack
	case p.either && missing&applicationBit != 0:
		return lack | applicationBit
	default:
		return lack | missing
	}
}

// decide sets outcome, code and missing controls of d. Behind a block none would
// have helped.
func (v *verdicts) decide(d *Decision, denyUncovered bool) {
	switch {
	case v.block && v.tracked:
		d.Code = CodeTransferBlocked
	case v.block, denyUncovered && !v.covered:
		d.Code = CodeBlocked
	case v.fixed:
		d.Code, d.Missing = hardCode(v.hard), v.unmet
	case v.unmet != 0:
		d.Outcome, d.Code, d.Missing = Challenge, softCode(v.unmet), v.unmet
	default:
		d.Outcome = Granted
		return
	}
	d.Session = Session{}
}

// hardCode names the control that comes first in Entra's order; of alternatives
// the protected app.
func hardCode(hard Controls) int {
	switch {
	case hard&strengthBit != 0:
		return CodeMFARequired
	case hard&deviceBit != 0:
		return CodeDeviceNotCompliant
	case hard&domainBit != 0:
		return CodeDeviceNotJoined
	case hard&approvedBit != 0:
		return CodeApplicationNotApproved
	case hard&boundBit != 0:
		return CodeTokenNotBound
	default:
		return CodeApplicationNotProtected
	}
}

func softCode(unmet Controls) int {
	switch {
	case unmet&freshBit != 0:
		return CodeSignInFrequency
	case unmet&(mfaBit|strengthBit) != 0:
		return CodeMFARequired
	case unmet&passwordBit != 0:
		return CodePasswordChange
	default:
		return CodeExternalStep
	}
}

// What is stricter comes later.
var (
	cloudAppLevels  = [...]CloudApps{"", MonitorOnly, McasConfigured, BlockDownloads}
	continuousModes = [...]Continuous{ContinuousOff, ContinuousStrictLocation, ContinuousStrict}
)

// add merges what a satisfied policy demands of the session: the strictest of
// each wins.
func (n *Session) add(c *SessionControls) {
	if c == nil {
		return
	}
	if q := c.Frequency; q != nil && !q.Disabled {
		n.frequency(*q)
	}
	if !c.PersistentOff && (c.Persistent == PersistNever || n.Persistent == "") {
		n.Persistent = c.Persistent
	}
	if !c.CloudAppsOff && slices.Index(cloudAppLevels[:], c.CloudApps) > slices.Index(cloudAppLevels[:], n.CloudApps) {
		n.CloudApps = c.CloudApps
	}
	if c.Continuous != "" && (n.Continuous == "" || slices.Index(continuousModes[:], c.Continuous) > slices.Index(continuousModes[:], n.Continuous)) {
		n.Continuous = c.Continuous
	}
	n.AppRestrictions = n.AppRestrictions || c.AppRestrictions == On
	n.NoResilience = n.NoResilience || c.ResilienceDisabled == On
	n.TokenProtection = n.TokenProtection || c.TokenProtection == On
}

// frequency keeps the stricter of two: every time before a shorter time, and of
// two the same the one that asks for both factors.
func (n *Session) frequency(q Frequency) {
	after := q.After
	if q.EveryTime {
		after = time.Nanosecond
	}
	have := n.ReauthAfter
	if n.ReauthEveryTime {
		have = time.Nanosecond
	}
	switch {
	case have == 0 || after < have:
		n.ReauthEveryTime, n.ReauthAfter, n.SecondaryOnly = q.EveryTime, q.After, q.Secondary
		if q.EveryTime {
			n.ReauthAfter = 0
		}
	case after == have:
		n.SecondaryOnly = n.SecondaryOnly && q.Secondary
	}
}
