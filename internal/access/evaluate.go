package access

import (
	"math/bits"
	"slices"

	"github.com/postern-mam/postern/internal/devicefilter"
)

// Evaluate decides one sign-in. It looks at every policy, even after one has
// denied: the person deserves the full list, the admin the full log.
//
// Every applicable enabled policy must be satisfied, each by its own formula;
// none has priority. With no applicable policy access is granted, unless the
// rules deny what is not covered. A sign-in without a resource matches the
// policies for all apps.
func (s *Set) Evaluate(f *Facts) Decision {
	var d Decision
	s.EvaluateInto(&d, f)
	return d
}

// EvaluateInto is Evaluate that uses the memory of an earlier decision again. It
// allocates nothing once d has room.
func (s *Set) EvaluateInto(d *Decision, f *Facts) {
	d.Outcome, d.Code, d.Missing, d.Session, d.Findings, d.set = Denied, 0, 0, Session{}, d.Findings[:0], s
	if s == nil {
		d.Code = CodeBlocked
		return
	}
	s.match(d, f)
	now := circumstancesOf(f)
	var v verdicts
	for w := range s.words {
		applies := s.live[w]
		for c := range conditionCount {
			applies &= d.matched[c][w]
		}
		for applies != 0 {
			i := w*64 + bits.TrailingZeros64(applies)
			applies &= applies - 1
			d.Findings = append(d.Findings, s.find(i, f, now, &v, &d.Session))
		}
	}
	v.decide(d, s.rules.DenyUncovered && !f.Bootstrap && f.Workload == "")
}

// match fills the columns of d: which policies each condition lets through.
func (s *Set) match(d *Decision, f *Facts) {
	const computed = 8 // columns, and halves of columns, that depend on more than one word
	if need := computed * s.words; len(d.room) < need {
		d.room = make([]uint64, need)
	} else {
		clear(d.room[:need])
	}
	room := func(i int) []uint64 { return d.room[i*s.words : (i+1)*s.words] }
	d.matched = [conditionCount][]uint64{
		OfUsers: room(0), OfApplications: room(1), OfLocations: room(2), OfDevices: room(3), OfWorkloads: room(4),
		OfClientAppTypes: s.clients[column(clientAppTypes[:], f.ClientAppType)],
		OfPlatforms:      s.platforms[column(platforms[:], f.Platform)],
		OfSignInRisk:     s.signIn[column(risks[:], f.SignInRisk)],
		OfUserRisk:       s.user[column(risks[:], f.UserRisk)],
		OfInsiderRisk:    s.insider[column(risks[:], f.InsiderRisk)],
		OfWorkloadRisk:   s.workload[column(risks[:], f.WorkloadRisk)],
		OfTransfer:       s.transfers[transferBit(f.Transfer)|transferBit(f.OriginalTransfer)],
	}
	out := room(5)
	s.matchUsers(f, d.matched[OfUsers], d.matched[OfWorkloads], out)
	s.matchApps(f, d.matched[OfApplications], room(6), room(7))
	clear(out)
	s.matchLocations(f, d.matched[OfLocations], out)
	s.matchDevices(f, d.matched[OfDevices])
}

// matchUsers fills two columns: a person meets the policies for people, an app
// as itself those for workloads, and neither is let through by the other kind.
func (s *Set) matchUsers(f *Facts, in, workloads, out []uint64) {
	if f.Workload != "" {
		copy(workloads, s.forWorkloads)
		s.workloads.gather(f.Workload, workloads, out)
		less(workloads, out)
		copy(in, workloads) // the people of such a policy are None
		return
	}
	for i := range workloads {
		workloads[i] = ^uint64(0) // what is for workloads has no people
	}
	if f.User == "" {
		return
	}
	copy(in, s.everyone)
	s.people.gather(f.User, in, out)
	for _, g := range f.Groups {
		s.groups.gather(g, in, out)
	}
	for _, r := range f.Roles {
		s.roles.gather(r, in, out)
	}
	if f.Guest != "" {
		for _, m := range s.guests {
			if !m.guests.match(f.Guest, f.HomeTenant) {
				continue
			}
			if m.exclude {
				set(out, m.policy)
			} else {
				set(in, m.policy)
			}
		}
	}
	less(in, out)
}

// matchApps lets a policy through for which one resource is included and not
// excluded, or one user action or authentication context is named.
func (s *Set) matchApps(f *Facts, matched, in, out []uint64) {
	if len(f.Resources) == 0 && len(f.Actions) == 0 && len(f.Contexts) == 0 {
		copy(matched, s.everyApp)
	}
	for i := range f.Resources {
		r := &f.Resources[i]
		copy(in, s.everyApp)
		clear(out)
		s.apps.gather(r.ID, in, out)
		for _, g := range r.Groups {
			s.appGroups.gather(g, in, out)
		}
		for j := range s.appRules {
			if m := &s.appRules[j]; m.rule.Matches(r) {
				more(in, m.include)
				more(out, m.exclude)
			}
		}
		less(in, out)
		more(matched, in)
	}
	clear(out)
	for _, a := range f.Actions {
		s.actions.gather(a, matched, out)
	}
	for _, c := range f.Contexts {
		s.contexts.gather(c, matched, out)
	}
}

func (s *Set) matchLocations(f *Facts, in, out []uint64) {
	copy(in, s.anywhere)
	var found [32]int32
	trusted := false
	for _, place := range s.index.Find(f.IP, f.Country, found[:0]) {
		s.places.gather(place, in, out)
		trusted = trusted || s.trusted[place]
	}
	if trusted {
		more(in, s.allTrusted)
		more(out, s.noTrusted)
	}
	less(in, out)
}

// matchDevices lets a policy through whose filter takes the device in, or does
// not leave it out. Of a device that is not identified every property is $null.
func (s *Set) matchDevices(f *Facts, in []uint64) {
	copy(in, s.unfiltered)
	device := devicefilter.Nothing()
	if f.Device != nil {
		device = f.Device
	}
	for i := range s.deviceRules {
		m := &s.deviceRules[i]
		if m.rule.Matches(device) {
			more(in, m.include)
		} else {
			more(in, m.exclude)
		}
	}
}

func more(to, add []uint64) {
	for i := range to {
		to[i] |= add[i]
	}
}

func less(from, take []uint64) {
	for i := range from {
		from[i] &^= take[i]
	}
}

// circumstances are the facts, as formulas are held against them.
type circumstances struct {
	met      Controls // what the sign-in has, whichever policy asks
	asked    Controls // what a person can still add inside it
	waived   Controls // what is not demanded because of the resource
	helpless bool     // nobody can be asked: a legacy client, or an app as itself
	legacy   bool
}

func circumstancesOf(f *Facts) circumstances {
	now := circumstances{legacy: f.ClientAppType == ExchangeActiveSync || f.ClientAppType == OtherClients}
	now.helpless = now.legacy || f.Workload != ""
	if !now.legacy {
		now.met = given(!f.MFAAt.IsZero(), mfaBit) |
			given(f.Device != nil && f.Device.Compliant, deviceBit) |
			given(f.Device != nil && f.Device.TrustType == HybridJoined && f.Transfer != DeviceCodeFlow && f.OriginalTransfer != DeviceCodeFlow, domainBit) |
			given(f.CompliantApplication, approvedBit|applicationBit) |
			given(!f.PasswordChangedAt.IsZero() && !f.PasswordChangedAt.Before(f.AuthAt), passwordBit) |
			given(f.Bound, boundBit)
	}
	if !now.helpless {
		now.asked = interactive
	}
	if f.Bootstrap {
		now.waived = waivable &^ now.met
	}
	return now
}

func given(fact bool, c Controls) Controls {
	if fact {
		return c
	}
	return 0
}

// find says what a policy that applies comes to, and adds it to the verdicts.
func (s *Set) find(i int, f *Facts, now circumstances, v *verdicts, n *Session) Finding {
	p := &s.policies[i]
	met := now.met | p.own(f)
	if now.legacy {
		met &^= strengthBit // nothing that such a client sends shows how somebody signed in
	}
	a := Finding{Policy: i, Waived: p.demanded & now.waived, Result: p.result(Success, ReportOnlySuccess)}
	asked := met | now.asked
	if p.demanded&strengthBit != 0 && !now.helpless && p.strength.Satisfied(f.Methods|f.Offers) {
		asked |= strengthBit
	}
	if p.satisfied(met, now.waived) {
		if p.source.State != ReportOnly {
			v.covered = true
			n.add(p.source.Session)
		}
		return a
	}
	a.Unmet = p.demanded &^ met &^ now.waived
	promptable := p.satisfied(asked, now.waived)
	if p.source.State == ReportOnly {
		a.Result = ReportOnlyFailure
		if promptable {
			a.Result = ReportOnlyInterrupted
		}
		return a
	}
	a.Result = Failure
	v.add(p, a.Unmet, promptable, now.legacy)
	v.hard |= p.lacks(asked, now.waived)
	v.tracked = v.tracked || len(p.source.Conditions.Transfer) > 0 && f.Transfer == "" && p.demanded&blockBit != 0
	return a
}

// own is what of a policy's demands is met that depends on the policy itself.
func (p *compiled) own(f *Facts) Controls {
	var met Controls
	if p.demanded&strengthBit != 0 && p.strength.Satisfied(f.Methods) {
		met |= strengthBit
	}
	if p.demanded&termsBit != 0 && p.accepted(f) {
		met |= termsBit
	}
	if p.demanded&freshBit != 0 && p.fresh(f) {
		met |= freshBit
	}
	return met
}

// accepted reports whether the terms of use are: one of them where the controls
// are alternatives, all of them otherwise.
func (p *compiled) accepted(f *Facts) bool {
	for _, id := range p.source.Grant.Terms {
		if slices.Contains(f.Terms, id) == p.either {
			return p.either
		}
	}
	return !p.either
}

// fresh reports whether the sign-in is as new as the policy wants it. Where
// nobody waits for the answer the question is put off, for an hour at most: that
// nobody waits is a claim. What was entered before is not asked for every time
// anew.
func (p *compiled) fresh(f *Facts) bool {
	q := p.source.Session.Frequency
	if f.Workload != "" {
		return true
	}
	at, most := f.AuthAt, q.After
	if q.Secondary {
		at = f.MFAAt
		if at.IsZero() {
			return true // nothing to show anew; whether a second factor is needed says the grant
		}
	}
	age := f.Now.Sub(at)
	switch {
	case at.IsZero() || age < -skew:
		return false
	case q.EveryTime:
		return f.Continues || age <= atOnce
	case f.Background:
		most += putOff
	}
	return age < most
}

// satisfied reports whether the controls in met fulfil the policy's formula. A
// policy without controls demands nothing. What is waived is struck from the
// formula and never stands in for an alternative: were it to count for "second
// factor or protected app", a stolen password could enrol a PC of its own and
// so get past the second factor for good.
func (p *compiled) satisfied(met, waived Controls) bool {
	grant, session := p.demanded&^sessionBits&^waived, p.demanded&sessionBits&^waived
	switch {
	case p.demanded&blockBit != 0 || session&^met != 0:
		return false
	case p.either && grant != 0:
		return grant&met != 0
	default:
		return grant&^met == 0
	}
}

func (p *compiled) result(enforced, reported Result) Result {
	if p.source.State == ReportOnly {
		return reported
	}
	return enforced
}
