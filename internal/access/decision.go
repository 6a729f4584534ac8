package access

import (
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/strength"
)

// The codes of a Decision, as Entra numbers them.
const (
	CodeMFARequired             = 50076
	CodePasswordChange          = 50142
	CodeExternalStep            = 50158 // terms of use
	CodeSignInFrequency         = 70044 // older than a policy allows
	CodeDeviceNotCompliant      = 53000
	CodeDeviceNotJoined         = 53001
	CodeApplicationNotApproved  = 53002
	CodeBlocked                 = 53003
	CodeApplicationNotProtected = 53009
	CodeTokenNotBound           = 530084
	CodeTransferBlocked         = 530036 // by how the session once began
)

// Result is what one policy came to (Graph: appliedConditionalAccessPolicyResult).
type Result uint8

// The results; the zero value is NotApplied.
const (
	NotApplied Result = iota
	NotEnabled
	Success
	Failure
	ReportOnlyNotApplied
	ReportOnlySuccess
	ReportOnlyFailure
	ReportOnlyInterrupted // the person would have been asked for something
)

// Outcome is what happens next. The zero value denies.
type Outcome uint8

// The outcomes.
const (
	Denied    Outcome = iota // nothing the person can do inside this sign-in
	Challenge                // something interactive is missing: do it, then decide again
	Granted
)

// Condition is one of the things that a policy is matched by. Its names are
// those of the properties of conditionalAccessConditionSet.
type Condition uint8

// The conditions.
const (
	OfUsers Condition = iota
	OfApplications
	OfClientAppTypes
	OfPlatforms
	OfLocations
	OfSignInRisk
	OfUserRisk
	OfInsiderRisk
	OfWorkloads
	OfWorkloadRisk
	OfDevices
	OfTransfer
	conditionCount
)

// Finding is what a policy that applies came to.
type Finding struct {
	Policy int // place in the set: Set.Policy
	Result Result
	Unmet  Controls
	Waived Controls // by a bootstrap resource
}

// Session is what all policies that applied demand of the session together, the
// strictest of each. The zero value demands nothing.
type Session struct {
	// ReauthAfter is how old the sign-in may get; 0: as old as the service lets it.
	ReauthAfter     time.Duration `json:",omitempty"`
	ReauthEveryTime bool          `json:",omitempty"`
	SecondaryOnly   bool          `json:",omitempty"` // the second factor alone must be shown anew
	Persistent      Persistence   `json:",omitempty"`
	CloudApps       CloudApps     `json:",omitempty"`
	Continuous      Continuous    `json:",omitempty"`
	AppRestrictions bool          `json:",omitempty"`
	NoResilience    bool          `json:",omitempty"`
	TokenProtection bool          `json:",omitempty"`
}

// Decision is the outcome over all policies, with every reason. The zero value
// denies. It shares memory with the set and, where EvaluateInto filled it, with
// the next decision filled into the same place.
type Decision struct {
	Outcome  Outcome
	Code     int      // Entra error code, one of the Code constants; 0 when granted
	Missing  Controls // every unmet control that would have helped; empty behind a block
	Session  Session
	Findings []Finding // every policy that applies, in the order of identifiers

	set     *Set
	matched [conditionCount][]uint64 // by condition: which policies it lets through
	room    []uint64                 // memory for those that are computed
}

// Covered reports whether any enabled policy applied.
func (d *Decision) Covered() bool {
	return slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.Result == Success || f.Result == Failure })
}

// NotMatched returns the conditions by which a policy does not apply, none for
// one that does. policy is its place in the set.
func (d *Decision) NotMatched(policy int) []Condition {
	var out []Condition
	for c := range conditionCount {
		if d.matched[c] != nil && d.matched[c][policy/64]&(1<<(policy%64)) == 0 {
			out = append(out, c)
		}
	}
	return out
}

// Applied is the outcome of one policy, with every reason, as people and the
// sign-in log read it (Graph: appliedConditionalAccessPolicy).
type Applied struct {
	Policy      PolicyID
	DisplayName string
	Result      Result
	Enforced    []Control   `json:",omitempty"` // the grant controls that the policy demanded here
	Sessions    []string    `json:",omitempty"` // the session controls, as Graph names them
	Unmet       []Control   `json:",omitempty"`
	Waived      []Control   `json:",omitempty"`
	NotMatched  []Condition `json:",omitempty"`
	// Satisfied are the other conditions that the policy states. Decisions say them,
	// and records do not keep them.
	Satisfied []Condition `json:"-"`
}

// Applied describes every policy of the set, in the order of identifiers.
func (d *Decision) Applied() []Applied {
	if d.set == nil {
		return nil
	}
	out := make([]Applied, len(d.set.policies))
	next := d.Findings
	for i := range out {
		p := &d.set.policies[i]
		if len(next) > 0 && next[0].Policy == i {
			out[i] = d.set.describe(next[0])
			out[i].Satisfied = p.source.Conditions.Stated()
			next = next[1:]
			continue
		}
		out[i] = Applied{Policy: p.source.ID, DisplayName: p.source.DisplayName, Result: p.result(NotApplied, ReportOnlyNotApplied)}
		if p.source.State == Disabled {
			out[i].Result = NotEnabled
			continue
		}
		out[i].NotMatched = d.NotMatched(i)
		for _, c := range p.source.Conditions.Stated() {
			if !slices.Contains(out[i].NotMatched, c) {
				out[i].Satisfied = append(out[i].Satisfied, c)
			}
		}
	}
	return out
}

// Matched describes the policies that apply.
func (d *Decision) Matched() []Applied {
	out := make([]Applied, 0, len(d.Findings))
	for _, f := range d.Findings {
		out = append(out, d.set.describe(f))
	}
	return out
}

func (s *Set) describe(f Finding) Applied {
	p := &s.policies[f.Policy]
	return Applied{
		Policy: p.source.ID, DisplayName: p.source.DisplayName, Result: f.Result, Enforced: (p.demanded &^ sessionBits).List(),
		Sessions: p.source.Session.names(), Unmet: f.Unmet.List(), Waived: f.Waived.List(),
	}
}

// names lists the session controls that are on, as the sign-in log spells them.
func (c *SessionControls) names() []string {
	if c == nil {
		return nil
	}
	var out []string
	add := func(on bool, name string) {
		if on {
			out = append(out, name)
		}
	}
	add(c.AppRestrictions == On, "ApplicationEnforcedRestrictions")
	add(c.CloudApps != "" && !c.CloudAppsOff, "CloudAppSecurity")
	add(c.Frequency != nil && !c.Frequency.Disabled, "SignInFrequency")
	add(c.Persistent != "" && !c.PersistentOff, "PersistentBrowserSessionMode")
	add(c.Continuous != "", "ContinuousAccessEvaluation")
	add(c.ResilienceDisabled == On, "ResilienceDefaults")
	add(c.TokenProtection == On, "SignInTokenProtection")
	return out
}

// MissingTerms lists the agreements that enforced policies demand and f lacks.
func (d *Decision) MissingTerms(f *Facts) []agreement.ID {
	var out []agreement.ID
	for _, p := range d.lacking(termsBit) {
		for _, id := range p.source.Grant.Terms {
			if !slices.Contains(f.Terms, id) && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// MissingStrengths lists the authentication strengths that enforced policies
// demand and that the session lacks.
func (d *Decision) MissingStrengths() []strength.ID {
	var out []strength.ID
	for _, p := range d.lacking(strengthBit) {
		if id := p.source.Grant.Strength; !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// lacking are the enforced policies that failed for want of a control.
func (d *Decision) lacking(c Controls) []*compiled {
	var out []*compiled
	for _, f := range d.Findings {
		if f.Result == Failure && f.Unmet&c != 0 {
			out = append(out, &d.set.policies[f.Policy])
		}
	}
	return out
}
