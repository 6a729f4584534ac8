package access

import "slices"

// The codes of a Decision, as Entra numbers them.
const (
	CodeMFARequired             = 50076
	CodeDeviceNotCompliant      = 53000
	CodeBlocked                 = 53003
	CodeApplicationNotProtected = 53009
)

// tally is what the indexes say of one policy.
type tally struct {
	userIncluded bool
	userExcluded bool
	appIncluded  bool
	appsExcluded int
}

// circumstances are the facts, as the masks of policies are compared with them.
type circumstances struct {
	client   mask
	platform mask
	met      mask // controls that count as met, the waived ones included
	waived   mask // controls that are not demanded because of the resource
	legacy   bool // the client can neither prompt nor show a device
}

// stackPolicies is how many policies are tallied without allocating.
const stackPolicies = 256

// Evaluate decides one sign-in. It looks at every policy, even after one has
// denied: the person deserves the full list, the admin the full log.
//
// Every applicable enabled policy must be satisfied, each by its own formula;
// none has priority. With no applicable policy access is granted. A sign-in
// without a user (an app as itself) matches no policy, for these are about
// users. A sign-in without a resource matches the policies for all resources.
//
// The lists in the decision share memory with the set: read them, append to
// them, but do not write into them. Up to 256 policies the only allocation is
// Decision.Applied.
func (s *Set) Evaluate(f Facts) Decision {
	if s == nil {
		return Decision{Code: CodeBlocked}
	}
	var room [stackPolicies]tally
	tallies := room[:]
	if len(s.policies) > len(room) {
		tallies = make([]tally, len(s.policies))
	}
	s.count(tallies, f)
	now := circumstancesOf(f)
	d := Decision{Applied: make([]Applied, len(s.policies))}
	var v verdicts
	for i := range s.policies {
		p, a := &s.policies[i], &d.Applied[i]
		a.Policy, a.DisplayName = p.id, p.displayName
		if p.state == Disabled {
			a.Result = NotEnabled
			continue
		}
		if missed := p.mismatch(tallies[i], f, now); missed != 0 {
			a.Result = p.result(NotApplied, ReportOnlyNotApplied)
			a.NotMatched = s.mismatches[missed]
			continue
		}
		a.Enforced = p.enforced
		a.Waived = s.subsets[p.demanded&now.waived]
		a.Result = p.result(Success, ReportOnlySuccess)
		if p.satisfied(now.met, now.waived) {
			continue
		}
		unmet := p.demanded &^ now.met
		a.Unmet = s.subsets[unmet]
		a.Result = p.result(Failure, ReportOnlyFailure)
		if p.state == ReportOnly {
			if p.promptable(now) {
				a.Result = ReportOnlyInterrupted
			}
			continue
		}
		v.add(p, unmet, now)
	}
	missing := v.decide(&d)
	d.Missing = s.subsets[missing]
	return d
}

// count looks everyone and everything of f up in the indexes.
func (s *Set) count(tallies []tally, f Facts) {
	for _, m := range s.users[f.User] {
		tallies[m.policy].user(m)
	}
	for _, g := range f.Groups {
		for _, m := range s.groups[g] {
			tallies[m.policy].user(m)
		}
	}
	for _, r := range f.Resources {
		for _, m := range s.apps[r] {
			if m.exclude {
				tallies[m.policy].appsExcluded++
			} else {
				tallies[m.policy].appIncluded = true
			}
		}
	}
}

func (t *tally) user(m mark) {
	if m.exclude {
		t.userExcluded = true
	} else {
		t.userIncluded = true
	}
}

func circumstancesOf(f Facts) circumstances {
	now := circumstances{
		client:   bit(slices.Index(clientAppTypes[:], f.ClientAppType) + 1),
		platform: bit(slices.Index(platforms[:], f.Platform) + 1),
		legacy:   f.ClientAppType == ExchangeActiveSync || f.ClientAppType == OtherClients,
	}
	if !now.legacy {
		now.met = given(f.MFA, mfaBit) | given(f.CompliantDevice, deviceBit) | given(f.CompliantApplication, applicationBit)
	}
	if f.Bootstrap {
		now.waived = (deviceBit | applicationBit) &^ now.met
		now.met |= now.waived
	}
	return now
}

func given(fact bool, m mask) mask {
	if fact {
		return m
	}
	return 0
}

// mismatch returns the conditions that f does not meet.
func (p *compiled) mismatch(t tally, f Facts, now circumstances) mask {
	user := f.User != "" && !p.noUsers && !t.userExcluded && (p.allUsers || t.userIncluded)
	app := t.appIncluded
	if p.allApps { // one resource that is not excluded is enough; no resource is none excluded
		app = len(f.Resources) == 0 || t.appsExcluded < len(f.Resources)
	}
	return given(!user, usersBit) | given(p.noApps || !app, applicationsBit) |
		given(p.clients&now.client == 0, clientsBit) | given(p.platforms&now.platform == 0, platformsBit)
}

// satisfied reports whether the controls in met fulfil the policy's formula. A
// policy without controls demands nothing. What is waived is struck from the
// formula and never stands in for an alternative: were it to count for "second
// factor or protected app", a stolen password could enrol a PC of its own and
// so get past the second factor for good.
func (p *compiled) satisfied(met, waived mask) bool {
	demanded := p.demanded &^ waived
	switch {
	case p.demanded&blockBit != 0:
		return false
	case p.either && demanded != 0:
		return demanded&met != 0
	default:
		return demanded&^met == 0
	}
}

// promptable reports whether the person can satisfy the policy inside this
// sign-in.
func (p *compiled) promptable(now circumstances) bool {
	return !now.legacy && p.satisfied(now.met|mfaBit, now.waived)
}

func (p *compiled) result(enforced, reported Result) Result {
	if p.state == ReportOnly {
		return reported
	}
	return enforced
}

// verdicts gathers the enabled policies that are not satisfied.
type verdicts struct {
	unmet  mask
	block  bool // a policy blocks, or a legacy client meets a demand
	device bool // a policy cannot do without the compliant device
	hard   bool // a policy cannot be satisfied inside this sign-in
}

func (v *verdicts) add(p *compiled, unmet mask, now circumstances) {
	v.unmet |= unmet
	v.block = v.block || now.legacy || p.demanded&blockBit != 0
	v.hard = v.hard || !p.promptable(now)
	v.device = v.device || !p.satisfied(now.met|mfaBit|applicationBit, now.waived)
}

// decide sets outcome and code of d and returns the controls that would have
// helped: none behind a block. Between a compliant device and a protected app
// where either would do, the code names the app: that is the one which the
// owner of a personal PC can have.
func (v *verdicts) decide(d *Decision) mask {
	switch {
	case v.block:
		d.Code = CodeBlocked
		return 0
	case v.device:
		d.Code = CodeDeviceNotCompliant
	case v.hard:
		d.Code = CodeApplicationNotProtected
	case v.unmet != 0:
		d.Outcome, d.Code = Challenge, CodeMFARequired
	default:
		d.Outcome = Granted
	}
	return v.unmet
}
