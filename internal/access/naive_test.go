package access_test

import (
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// answer is a decision as the naive evaluator gives it.
type answer struct {
	Outcome    access.Outcome
	Code       int
	Missing    []access.Control
	Session    access.Session
	Results    []access.Result      // by place
	NotMatched [][]access.Condition // by place
	Unmet      [][]access.Control
}

// naive decides as the documentation reads: policy by policy, list by list, with
// no index, no set of bits and nothing shared with the evaluator under test but
// the words and the filter language.
func naive(r access.Rules, f access.Facts) answer {
	policies := slices.Clone(r.Policies)
	sort.SliceStable(policies, func(i, j int) bool { return policies[i].ID < policies[j].ID })
	var a answer
	var failed []failure
	covered := false
	for _, p := range policies {
		if p.State == access.Disabled {
			a.add(access.NotEnabled, nil, nil)
			continue
		}
		if missed := mismatches(r, p, f); len(missed) > 0 {
			a.add(reported(p, access.NotApplied, access.ReportOnlyNotApplied), missed, nil)
			continue
		}
		if p.State == access.Enabled {
			covered = true
		}
		o := judge(r, p, f)
		if o.met {
			a.add(reported(p, access.Success, access.ReportOnlySuccess), nil, nil)
			if p.State == access.Enabled {
				a.Session = stricter(a.Session, p.Session)
			}
			continue
		}
		result := access.Failure
		if p.State == access.ReportOnly {
			result = access.ReportOnlyFailure
			if o.promptable {
				result = access.ReportOnlyInterrupted
			}
		}
		a.add(result, nil, o.unmet)
		if p.State == access.Enabled {
			failed = append(failed, failure{p, o})
		}
	}
	a.conclude(r, f, failed, covered)
	return a
}

func (a *answer) add(r access.Result, missed []access.Condition, unmet []access.Control) {
	a.Results, a.NotMatched, a.Unmet = append(a.Results, r), append(a.NotMatched, missed), append(a.Unmet, unmet)
}

func reported(p access.Policy, enforced, only access.Result) access.Result {
	if p.State == access.ReportOnly {
		return only
	}
	return enforced
}

func mismatches(r access.Rules, p access.Policy, f access.Facts) []access.Condition {
	c := p.Conditions
	var out []access.Condition
	check := func(holds bool, is access.Condition) {
		if !holds {
			out = append(out, is)
		}
	}
	person, workload := true, true
	if f.Workload != "" {
		workload = c.Workloads != nil && (c.Workloads.All || slices.Contains(c.Workloads.Include, f.Workload)) && !slices.Contains(c.Workloads.Exclude, f.Workload)
		person = workload
	} else {
		person = f.User != "" && included(c.Users, f) && !excluded(c.Users, f)
	}
	check(person, access.OfUsers)
	check(targeted(c.Apps, f), access.OfApplications)
	check(word(c.ClientAppTypes, f.ClientAppType, access.AllClientApps), access.OfClientAppTypes)
	check(platform(c.Platforms, f.Platform), access.OfPlatforms)
	check(place(r, c.Locations, f), access.OfLocations)
	check(word(c.SignInRisk, f.SignInRisk, "-"), access.OfSignInRisk)
	check(word(c.UserRisk, f.UserRisk, "-"), access.OfUserRisk)
	check(word(c.InsiderRisk, f.InsiderRisk, "-"), access.OfInsiderRisk)
	check(workload, access.OfWorkloads)
	check(word(c.WorkloadRisk, f.WorkloadRisk, "-"), access.OfWorkloadRisk)
	check(device(c.Device, f.Device), access.OfDevices)
	check(len(c.Transfer) == 0 || f.Transfer != "" && slices.Contains(c.Transfer, f.Transfer) ||
		f.OriginalTransfer != "" && slices.Contains(c.Transfer, f.OriginalTransfer), access.OfTransfer)
	return out
}

func included(u access.Users, f access.Facts) bool {
	return !u.None && (u.All || slices.Contains(u.Include, f.User) || overlap(u.IncludeGroups, f.Groups) || overlap(u.IncludeRoles, f.Roles) ||
		u.AnyGuest && f.Guest != "" || guest(u.IncludeGuests, f))
}

func excluded(u access.Users, f access.Facts) bool {
	return slices.Contains(u.Exclude, f.User) || overlap(u.ExcludeGroups, f.Groups) || overlap(u.ExcludeRoles, f.Roles) ||
		u.NoGuest && f.Guest != "" || guest(u.ExcludeGuests, f)
}

func overlap[T comparable](a, b []T) bool {
	for _, x := range a {
		if slices.Contains(b, x) {
			return true
		}
	}
	return false
}

func guest(g *access.Guests, f access.Facts) bool {
	if g == nil || f.Guest == "" || !slices.Contains(g.Kinds, f.Guest) {
		return false
	}
	return !g.Enumerated || f.Guest == directory.InternalGuest || slices.Contains(g.Tenants, f.HomeTenant)
}

func targeted(a access.Apps, f access.Facts) bool {
	if len(f.Resources)+len(f.Actions)+len(f.Contexts) == 0 && a.All {
		return true
	}
	for _, r := range f.Resources {
		filtered := func(exclude bool) bool {
			if a.Filter == nil || a.Filter.Exclude != exclude {
				return false
			}
			rule, err := devicefilter.Parse(a.Filter.Rule, devicefilter.AppAttributes())
			return err == nil && rule.Matches(&r)
		}
		in := a.All || slices.Contains(a.Include, r.ID) || overlap(a.IncludeGroups, r.Groups) || filtered(false)
		out := slices.Contains(a.Exclude, r.ID) || overlap(a.ExcludeGroups, r.Groups) || filtered(true)
		if in && !out {
			return true
		}
	}
	return overlap(a.Actions, f.Actions) || overlap(a.Contexts, f.Contexts)
}

// word reports whether a choice of words lets one through; no choice, and the
// word for everything, let every one through.
func word[W ~string](choice []W, have, every W) bool {
	return len(choice) == 0 || slices.Contains(choice, every) || have != "" && slices.Contains(choice, have)
}

func platform(on *access.Platforms, have access.Platform) bool {
	return on == nil || word(on.Include, have, access.AllPlatforms) && !(have != "" && slices.Contains(on.Exclude, have))
}

func place(r access.Rules, l *access.Locations, f access.Facts) bool {
	if l == nil {
		return true
	}
	in := l.All || !l.AllTrusted && len(l.Include) == 0
	out := false
	for _, named := range r.Locations {
		if !inside(named, f.IP, f.Country) {
			continue
		}
		in = in || l.AllTrusted && named.Trusted || slices.Contains(l.Include, named.ID)
		out = out || l.ExcludeTrusted && named.Trusted || slices.Contains(l.Exclude, named.ID)
	}
	return in && !out
}

func inside(l location.Location, ip netip.Addr, country string) bool {
	if len(l.Ranges) > 0 {
		return slices.ContainsFunc(l.Ranges, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
	}
	if country == "" {
		return l.UnknownCountries
	}
	return slices.Contains(l.Countries, country)
}

func device(filter *access.Filter, d *access.Device) bool {
	if filter == nil {
		return true
	}
	rule, err := devicefilter.Parse(filter.Rule, devicefilter.ConditionalAccess())
	if err != nil {
		return true
	}
	facts := devicefilter.Nothing()
	if d != nil {
		facts = d
	}
	return rule.Matches(facts) != filter.Exclude
}

// judgement is how the demands of a policy stand.
type judgement struct {
	met, promptable bool
	unmet           []access.Control
	hard            []access.Control // not to be had inside this sign-in
}

type failure struct {
	policy access.Policy
	judgement
}

var (
	deviceControls = []access.Control{
		access.CompliantDevice, access.DomainJoinedDevice, access.ApprovedApplication, access.CompliantApplication, access.TokenProtection,
	}
	pageControls = []access.Control{access.SignInFrequency, access.MFA, access.PasswordChange, access.TermsOfUse}
)

func judge(r access.Rules, p access.Policy, f access.Facts) judgement {
	legacy := f.ClientAppType == access.ExchangeActiveSync || f.ClientAppType == access.OtherClients
	helpless := legacy || f.Workload != ""
	var grant, session []access.Control
	grant = append(grant, p.Grant.Controls...)
	if p.Grant.Strength != "" {
		grant = append(grant, access.AuthenticationStrength)
	}
	if len(p.Grant.Terms) > 0 {
		grant = append(grant, access.TermsOfUse)
	}
	if p.Session != nil && p.Session.Frequency != nil && !p.Session.Frequency.Disabled {
		session = append(session, access.SignInFrequency)
	}
	if p.Session != nil && p.Session.TokenProtection == access.On {
		session = append(session, access.TokenProtection)
	}
	has := func(c access.Control) bool { return holds(r, p, f, c) && (!legacy || !carried(c)) }
	waived := func(c access.Control) bool { return f.Bootstrap && slices.Contains(deviceControls, c) && !has(c) }
	can := func(c access.Control) bool {
		if has(c) {
			return true
		}
		if helpless {
			return false
		}
		if c == access.AuthenticationStrength {
			return strengthOf(r, p).Satisfied(f.Methods | f.Offers)
		}
		return slices.Contains(pageControls, c)
	}
	strike := func(all []access.Control) (left []access.Control) {
		for _, c := range all {
			if !waived(c) {
				left = append(left, c)
			}
		}
		return left
	}
	grant, session = strike(grant), strike(session)
	holdsUnder := func(true func(access.Control) bool) bool {
		if slices.Contains(p.Grant.Controls, access.Block) {
			return false
		}
		every := func(all []access.Control) bool {
			return !slices.ContainsFunc(all, func(c access.Control) bool { return !true(c) })
		}
		if p.Grant.Operator == access.Or && len(grant) > 0 {
			return slices.ContainsFunc(grant, true) && every(session)
		}
		return every(grant) && every(session)
	}
	j := judgement{met: holdsUnder(has), promptable: holdsUnder(can)}
	for _, c := range append(slices.Clone(grant), session...) {
		if !has(c) {
			j.unmet = append(j.unmet, c)
		}
	}
	j.unmet = access.ControlsOf(j.unmet...).List()
	for _, c := range session {
		if !can(c) {
			j.hard = append(j.hard, c)
		}
	}
	if p.Grant.Operator == access.Or && slices.ContainsFunc(grant, can) {
		return j
	}
	var lacking []access.Control
	for _, c := range grant {
		if !can(c) {
			lacking = append(lacking, c)
		}
	}
	if p.Grant.Operator == access.Or && slices.Contains(lacking, access.CompliantApplication) {
		lacking = []access.Control{access.CompliantApplication}
	}
	j.hard = append(j.hard, lacking...)
	return j
}

// carried are the controls that a client must carry the proof of.
func carried(c access.Control) bool { return c != access.TermsOfUse && c != access.SignInFrequency }

func strengthOf(r access.Rules, p access.Policy) strength.Strength {
	for _, s := range r.Strengths {
		if s.ID == p.Grant.Strength {
			return s
		}
	}
	return strength.Strength{}
}

// holds reports whether a sign-in has what a control asks for.
func holds(r access.Rules, p access.Policy, f access.Facts, c access.Control) bool {
	switch c {
	case access.MFA:
		return !f.MFAAt.IsZero()
	case access.AuthenticationStrength:
		return strengthOf(r, p).Satisfied(f.Methods)
	case access.CompliantDevice:
		return f.Device != nil && f.Device.Compliant
	case access.DomainJoinedDevice:
		return f.Device != nil && f.Device.TrustType == access.HybridJoined && f.Transfer != access.DeviceCodeFlow && f.OriginalTransfer != access.DeviceCodeFlow
	case access.ApprovedApplication, access.CompliantApplication:
		return f.CompliantApplication
	case access.PasswordChange:
		return !f.PasswordChangedAt.IsZero() && !f.PasswordChangedAt.Before(f.AuthAt)
	case access.TermsOfUse:
		accepted := 0
		for _, id := range p.Grant.Terms {
			if slices.Contains(f.Terms, id) {
				accepted++
			}
		}
		return accepted == len(p.Grant.Terms) || p.Grant.Operator == access.Or && accepted > 0
	case access.TokenProtection:
		return f.Bound
	case access.SignInFrequency:
		return recent(*p.Session.Frequency, f)
	}
	return false
}

func recent(q access.Frequency, f access.Facts) bool {
	if f.Workload != "" {
		return true
	}
	at := f.AuthAt
	if q.Secondary {
		if at = f.MFAAt; at.IsZero() {
			return true
		}
	}
	if at.IsZero() || at.After(f.Now.Add(time.Minute)) {
		return false
	}
	if q.EveryTime {
		return f.Continues || !f.Now.After(at.Add(5*time.Minute))
	}
	until := at.Add(q.After)
	if f.Background {
		until = until.Add(time.Hour)
	}
	return f.Now.Before(until)
}

// conclude picks outcome and code.
func (a *answer) conclude(r access.Rules, f access.Facts, failed []failure, covered bool) {
	legacy := f.ClientAppType == access.ExchangeActiveSync || f.ClientAppType == access.OtherClients
	block, tracked, fixed := false, false, false
	var unmet, hard []access.Control
	for _, x := range failed {
		blocks := slices.Contains(x.policy.Grant.Controls, access.Block)
		block = block || blocks || legacy
		tracked = tracked || blocks && len(x.policy.Conditions.Transfer) > 0 && f.Transfer == ""
		fixed = fixed || !x.promptable
		unmet, hard = append(unmet, x.unmet...), append(hard, x.hard...)
	}
	a.Missing = access.ControlsOf(unmet...).List()
	switch {
	case block && tracked:
		a.Code, a.Missing = 530036, nil
	case block, r.DenyUncovered && !covered && !f.Bootstrap && f.Workload == "":
		a.Code, a.Missing = 53003, nil
	case fixed:
		a.Code = 53009
		for _, c := range []struct {
			control access.Control
			code    int
		}{
			{access.TokenProtection, 530084}, {access.ApprovedApplication, 53002}, {access.DomainJoinedDevice, 53001},
			{access.CompliantDevice, 53000}, {access.AuthenticationStrength, 50076},
		} {
			if slices.Contains(hard, c.control) {
				a.Code = c.code
			}
		}
	case len(failed) > 0:
		a.Outcome, a.Code = access.Challenge, 50158
		for _, c := range []struct {
			control access.Control
			code    int
		}{{access.PasswordChange, 50142}, {access.AuthenticationStrength, 50076}, {access.MFA, 50076}, {access.SignInFrequency, 70044}} {
			if slices.Contains(unmet, c.control) {
				a.Code = c.code
			}
		}
	default:
		a.Outcome = access.Granted
		return
	}
	a.Session = access.Session{}
}

// stricter adds what a policy demands of the session.
func stricter(n access.Session, c *access.SessionControls) access.Session {
	if c == nil {
		return n
	}
	if q := c.Frequency; q != nil && !q.Disabled {
		rank := func(every bool, after time.Duration) time.Duration {
			switch {
			case every:
				return -1
			case after == 0:
				return 1 << 62
			}
			return after
		}
		have, want := rank(n.ReauthEveryTime, n.ReauthAfter), rank(q.EveryTime, q.After)
		switch {
		case want < have:
			n.ReauthEveryTime, n.ReauthAfter, n.SecondaryOnly = q.EveryTime, q.After, q.Secondary
			if q.EveryTime {
				n.ReauthAfter = 0
			}
		case want == have:
			n.SecondaryOnly = n.SecondaryOnly && q.Secondary
		}
	}
	if !c.PersistentOff && c.Persistent != "" && n.Persistent != access.PersistNever {
		n.Persistent = c.Persistent
	}
	clouds := []access.CloudApps{"", access.MonitorOnly, access.McasConfigured, access.BlockDownloads}
	if !c.CloudAppsOff {
		n.CloudApps = clouds[max(slices.Index(clouds, n.CloudApps), slices.Index(clouds, c.CloudApps))]
	}
	modes := []access.Continuous{"", access.ContinuousOff, access.ContinuousStrictLocation, access.ContinuousStrict}
	n.Continuous = modes[max(slices.Index(modes, n.Continuous), slices.Index(modes, c.Continuous))]
	n.AppRestrictions = n.AppRestrictions || c.AppRestrictions == access.On
	n.NoResilience = n.NoResilience || c.ResilienceDisabled == access.On
	n.TokenProtection = n.TokenProtection || c.TokenProtection == access.On
	return n
}
