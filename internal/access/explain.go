package access

import (
	"math/bits"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
)

// Step is one thing that can be done so that a sign-in may be granted: a control
// to satisfy, or TrustedLocation.
type Step string

// TrustedLocation is to come from a trusted named location.
const TrustedLocation Step = "trustedLocation"

// Explanation says what would grant access.
type Explanation struct {
	// Steps is the smallest set of steps that grants access, cheapest first; nil
	// when none does, empty when nothing is missing.
	Steps []Step
	// Alternatives are the other sets of which no step can be left out.
	Alternatives [][]Step
}

// maxSteps bounds the search: 2^8 decisions.
const maxSteps = 8

// Explain finds the smallest sets of steps after which f would be granted, over
// all policies at once: it takes the steps and decides, so that a step which makes
// another policy apply is no way in. can lists the steps that are possible for
// this person on this device, the cheapest first; of sets of one size the one with
// the cheaper steps comes first. More than eight steps are not looked at.
func (s *Set) Explain(f *Facts, can []Step) Explanation {
	can = can[:min(len(can), maxSteps)]
	sets := make([]uint, 1<<len(can))
	for i := range sets {
		sets[i] = uint(i)
	}
	slices.SortStableFunc(sets, func(a, b uint) int { return bits.OnesCount(a) - bits.OnesCount(b) })
	var granted []uint
	var d Decision
	for _, some := range sets {
		if slices.ContainsFunc(granted, func(g uint) bool { return some&g == g }) {
			continue // with a step too many
		}
		then := f.Clone()
		for i, step := range can {
			if some&(1<<i) != 0 {
				s.take(&then, step)
			}
		}
		if s.EvaluateInto(&d, &then); d.Outcome == Granted {
			granted = append(granted, some)
		}
	}
	var e Explanation
	for i, some := range granted {
		steps := []Step{}
		for j, step := range can {
			if some&(1<<j) != 0 {
				steps = append(steps, step)
			}
		}
		if i == 0 {
			e.Steps = steps
		} else {
			e.Alternatives = append(e.Alternatives, steps)
		}
	}
	return e
}

// take changes f as a step would.
func (s *Set) take(f *Facts, step Step) {
	switch step {
	case Step(SignInFrequency):
		f.AuthAt = f.Now
		if !f.MFAAt.IsZero() {
			f.MFAAt = f.Now
		}
	case Step(MFA), Step(AuthenticationStrength):
		f.MFAAt, f.Methods = f.Now, f.Methods|f.Offers
	case Step(PasswordChange):
		f.PasswordChangedAt = f.Now
		if !f.MFAAt.IsZero() && f.UserRisk != "" {
			f.UserRisk = RiskNone // a new password, chosen by whoever has the second factor, ends the risk
		}
	case Step(TermsOfUse):
		for i := range s.policies {
			f.Terms = append(f.Terms, s.policies[i].source.Grant.Terms...)
		}
	case Step(CompliantApplication), Step(ApprovedApplication):
		f.CompliantApplication = true
	case Step(CompliantDevice):
		f.device().Compliant = true
	case Step(DomainJoinedDevice):
		f.device().TrustType = HybridJoined
	case Step(TokenProtection):
		f.Bound = true
	case TrustedLocation:
		s.travel(f)
	}
}

// device returns the device of f, identified now if it was not.
func (f *Facts) device() *Device {
	if f.Device == nil {
		f.Device = &Device{ID: directory.DeviceID("another"), TrustType: Joined}
	}
	return f.Device
}

// travel moves f to the first trusted location that has an address.
func (s *Set) travel(f *Facts) {
	for _, l := range s.rules.Locations {
		if l.Trusted && len(l.Ranges) > 0 {
			f.IP, f.Country = l.Ranges[0].Addr(), ""
			return
		}
	}
}
