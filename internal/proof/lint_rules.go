package proof

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// dangling finds what a policy refers to and what does not exist.
func (l *linter) dangling(p *access.Policy) {
	c := p.Conditions
	l.missing(p, "users", lacking(l.refs.Users, slices.Concat(c.Users.Include, c.Users.Exclude)))
	l.missing(p, "groups", lacking(l.refs.Groups, slices.Concat(c.Users.IncludeGroups, c.Users.ExcludeGroups)))
	l.missing(p, "applications", lacking(l.refs.Apps, slices.Concat(c.Apps.Include, c.Apps.Exclude)))
	l.missing(p, "authentication contexts", lacking(l.refs.Contexts, c.Apps.Contexts))
	l.missing(p, "terms of use", lacking(l.refs.Agreements, p.Grant.Terms))
	var roles []directory.RoleTemplateID
	for _, r := range directory.RoleTemplates() {
		roles = append(roles, r.ID)
	}
	if unknown := lacking(roles, slices.Concat(c.Users.IncludeRoles, c.Users.ExcludeRoles)); len(unknown) > 0 {
		l.say(Finding{
			Rule: "roles-of-nobody", Severity: Warning, Why: "it names roles that nobody can hold here: " + strings.Join(unknown, ", "),
			Do: "name a group of the people who are meant",
		}, p)
	}
	places, strengths := []location.ID{}, []strength.ID{}
	for _, v := range l.rules.Locations {
		places = append(places, v.ID)
	}
	for _, v := range l.rules.Strengths {
		strengths = append(strengths, v.ID)
	}
	if c.Locations != nil {
		l.missing(p, "named locations", lacking(places, slices.Concat(c.Locations.Include, c.Locations.Exclude)))
	}
	if p.Grant.Strength != "" {
		l.missing(p, "authentication strengths", lacking(strengths, []strength.ID{p.Grant.Strength}))
	}
}

// lacking are the identifiers that do not exist; none where nobody knows.
func lacking[ID ~string](exist, named []ID) (out []string) {
	for _, id := range named {
		if exist != nil && !slices.Contains(exist, id) {
			out = append(out, string(id))
		}
	}
	return out
}

func (l *linter) missing(p *access.Policy, kind string, ids []string) {
	if len(ids) > 0 {
		l.say(Finding{
			Rule: "dangling-reference", Severity: Error, Why: fmt.Sprintf("it names %s that do not exist: %s", kind, strings.Join(ids, ", ")),
			Do: "remove them from the policy, or bring them back",
		}, p)
	}
}

// contradicting finds conditions that mean something else than they seem to.
func (l *linter) contradicting(p *access.Policy) {
	c := p.Conditions
	if len(c.SignInRisk) > 0 && len(c.UserRisk) > 0 {
		l.say(Finding{
			Rule: "risks-combined", Severity: Warning, Why: "it applies only when the sign-in and the user are at risk at the same time",
			Do: "make a policy for each risk",
		}, p)
	}
}

// trust finds policies that speak of trusted locations where there are none.
func (l *linter) trust() {
	if slices.ContainsFunc(l.rules.Locations, func(v location.Location) bool { return v.Trusted }) {
		return
	}
	var concerned []*access.Policy
	for i := range l.rules.Policies {
		if c := l.rules.Policies[i].Conditions.Locations; c != nil && (c.AllTrusted || c.ExcludeTrusted) {
			concerned = append(concerned, &l.rules.Policies[i])
		}
	}
	if len(concerned) > 0 {
		l.say(Finding{
			Rule: "nothing-trusted", Severity: Warning, Why: "they speak of trusted locations, and no named location is trusted",
			Do: "mark the locations that are meant as trusted, or name them",
		}, concerned...)
	}
}

// redundant finds a policy that another one repeats.
func (l *linter) redundant(p *access.Policy) {
	for i := range l.rules.Policies {
		o := &l.rules.Policies[i]
		if o.ID >= p.ID {
			return
		}
		if reflect.DeepEqual(o.Conditions, p.Conditions) && reflect.DeepEqual(o.Grant, p.Grant) && reflect.DeepEqual(o.Session, p.Session) {
			l.say(Finding{Rule: "duplicate", Severity: Notice, Why: "it has the conditions and the demands of another policy", Do: "delete one of them"}, p, o)
			return
		}
	}
}

// unknownDevices finds a device filter that holds of devices about which nothing is
// known: every property is empty there, so that -ne, -notIn and their like are true.
func (l *linter) unknownDevices(p *access.Policy, f *access.Facts) {
	if p.Conditions.Device == nil || !p.Conditions.Device.Exclude {
		return
	}
	rule, err := devicefilter.Parse(p.Conditions.Device.Rule, devicefilter.ConditionalAccess())
	if err != nil || !rule.Matches(devicefilter.Nothing()) {
		return
	}
	then := l.equipped(f, demanded(p))
	then.Device = nil
	w := l.gap(then)
	severity := Error
	if w == nil {
		severity = Notice // another policy is in the way
	}
	l.say(Finding{
		Rule: "filter-spares-unknown-devices", Severity: severity, Witness: w,
		Why: fmt.Sprintf("its device filter leaves out whatever %s is true of, and that is true of every device that is not registered: its properties are empty", p.Conditions.Device.Rule),
		Do:  "say with positive operators (-eq, -in, -startsWith, -contains) which devices are left out",
	}, p)
}

// otherPlatforms finds a demand on some platforms that a claim of another one
// leads around.
func (l *linter) otherPlatforms(p *access.Policy, f *access.Facts) {
	if p.Conditions.Platforms == nil || demanded(p).Has(access.Block) {
		return
	}
	then := l.equipped(f, demanded(p))
	then.Device = nil
	for _, claim := range platforms() {
		then.Platform = claim
		if _, applies := l.applying(p, &then); applies {
			continue
		}
		if w := l.gap(then); w != nil {
			l.say(Finding{
				Rule: "platform-claim", Severity: Warning, Witness: w,
				Why: "a browser that claims to be on another platform gets in without what it demands: a platform is only a claim",
				Do:  "block the platforms that nobody uses, and unknown ones, or demand something on each",
			}, p)
			return
		}
	}
}

// guests finds guests whom a policy for everybody leaves out and no other asks.
func (l *linter) guests(p *access.Policy, f *access.Facts) {
	u := p.Conditions.Users
	kinds := directory.GuestKinds()
	switch {
	case len(p.Conditions.Apps.Actions) > 0:
		return // guests register at home
	case u.NoGuest:
	case u.ExcludeGuests != nil && !u.ExcludeGuests.Enumerated:
		kinds = u.ExcludeGuests.Kinds
	default:
		return
	}
	then := l.equipped(f, demanded(p))
	for _, kind := range kinds {
		then.User, then.Groups, then.Roles, then.Guest, then.HomeTenant = somebody, nil, nil, kind, anotherTenant
		if w := l.gap(then); w != nil {
			l.say(Finding{
				Rule: "guests-spared", Severity: Warning, Witness: w, Why: "it leaves out guests, and no other policy asks the same of them",
				Do: "make a policy for guests",
			}, p)
			return
		}
	}
}

// unattainable finds demands that nobody here can meet on a PC of their own, and
// app protection as the only way for whoever works on a managed one.
func (l *linter) unattainable(p *access.Policy, f *access.Facts) {
	if demanded(p).Has(access.Block) {
		return
	}
	here := l.equipped(f, access.ControlsOf(access.CompliantDevice, access.DomainJoinedDevice))
	here.Methods = strength.Password | strength.SoftwareOath
	if a, applies := l.applying(p, &here); applies && a.Result == access.Failure {
		do := "offer compliantApplication with OR"
		if slices.Contains(a.Unmet, access.AuthenticationStrength) {
			do = "use a strength that a password with a one-time code satisfies"
		}
		l.say(Finding{
			Rule: "unattainable", Severity: Warning, Why: "nobody on a PC of their own meets it, whatever they do: " + list(texts(a.Unmet)), Do: do,
		}, p)
		return
	}
	if !demanded(p).Has(access.CompliantApplication) && !demanded(p).Has(access.ApprovedApplication) {
		return
	}
	managed := l.equipped(f, access.ControlsOf(access.CompliantApplication, access.ApprovedApplication))
	managed.Platform, managed.Device = access.Windows, &access.Device{ID: anotherDevice, Compliant: true, Managed: true, TrustType: access.HybridJoined, OperatingSystem: "Windows"}
	if a, applies := l.applying(p, &managed); applies && a.Result == access.Failure {
		l.say(Finding{
			Rule: "managed-locked-out", Severity: Warning,
			Why: "a PC that the organisation manages gets no app protection, and nothing else satisfies it: whoever works on one is kept out",
			Do:  "offer compliantDevice with OR, or leave out managed devices by a device filter",
		}, p)
	}
}

// registration finds a demand for a second factor where the first one is registered.
func (l *linter) registration(p *access.Policy) {
	c := p.Conditions
	if !slices.Contains(c.Apps.Actions, access.RegisterSecurityInfo) || c.Locations != nil && (c.Locations.ExcludeTrusted || len(c.Locations.Exclude) > 0) {
		return // where it leaves out a place, people register there
	}
	f := l.applies(p)
	without := access.ControlsOf(access.MFA, access.AuthenticationStrength)
	f.Actions, f.Resources = []access.UserAction{access.RegisterSecurityInfo}, nil
	then := l.equipped(f, without)
	if a, applies := l.applying(p, &then); applies && (slices.Contains(a.Unmet, access.MFA) || slices.Contains(a.Unmet, access.AuthenticationStrength)) {
		l.say(Finding{
			Rule: "registration-deadlock", Severity: Warning, Why: "whoever has no second factor yet cannot register one: registering it demands one",
			Do: "leave out a trusted location where people register, or let an administrator start them off",
		}, p)
	}
}

// enrolment finds people who are asked for a protected app and kept from enrolling.
func (l *linter) enrolment(p *access.Policy, f *access.Facts) {
	if !demanded(p).Has(access.CompliantApplication) || len(p.Conditions.Apps.Actions) > 0 {
		return
	}
	then := l.equipped(f, access.ControlsOf(access.CompliantApplication, access.ApprovedApplication, access.CompliantDevice, access.DomainJoinedDevice))
	then.Resources, then.Bootstrap, then.Contexts = []access.Resource{{ID: directory.EnrollmentAPI}}, true, nil
	d := l.set.Evaluate(&then)
	if d.Outcome == access.Granted {
		return
	}
	for _, a := range d.Matched() {
		if a.Result == access.Failure {
			l.say(Finding{
				Rule: "enrolment-deadlock", Severity: Error, Why: "whom it asks for a protected app cannot enrol one: there " + fmt.Sprintf("%q", a.DisplayName) + " demands " + list(texts(a.Unmet)),
				Do: "leave out the enrolment API from that policy",
			}, p)
			return
		}
	}
}

// everyTime finds people who are asked to sign in at every turn for no reason.
func (l *linter) everyTime(p *access.Policy) {
	c := p.Conditions
	if p.Session == nil || p.Session.Frequency == nil || p.Session.Frequency.Disabled || !p.Session.Frequency.EveryTime {
		return
	}
	if c.Apps.All && len(c.SignInRisk)+len(c.UserRisk)+len(c.InsiderRisk) == 0 {
		l.say(Finding{
			Rule: "asked-every-time", Severity: Warning, Why: "everybody it is about signs in anew for every app, every five minutes",
			Do: "limit it to risky sign-ins, to certain apps, or to a number of hours",
		}, p)
	}
}

// emergency finds policies without anybody who is left out.
func (l *linter) emergency(p *access.Policy) {
	u := p.Conditions.Users
	if u.All && p.Conditions.Apps.All && len(u.Exclude)+len(u.ExcludeGroups)+len(u.ExcludeRoles) == 0 {
		l.say(Finding{
			Rule: "no-emergency-account", Severity: Notice, Why: "it is about everybody and everything, and leaves out no account for emergencies",
			Do: "exclude an account, or a group of them, that is used for nothing else and watched",
		}, p)
	}
}

// whole looks at all policies together.
func (l *linter) whole() {
	l.lockout()
	l.trust()
	hard := access.ControlsOf(access.MFA, access.AuthenticationStrength, access.CompliantDevice, access.DomainJoinedDevice, access.CompliantApplication, access.ApprovedApplication)
	var asking []*access.Policy
	q := Question{Without: hard, ClientAppTypes: []access.ClientAppType{access.Browser, access.MobileAndDesktop}, SignInRisk: []access.Risk{access.RiskNone}, UserRisk: []access.Risk{access.RiskNone}}
	for i := range l.rules.Policies {
		p := &l.rules.Policies[i]
		if p.Conditions.Users.All && demanded(p)&hard != 0 {
			asking = append(asking, p)
			u := p.Conditions.Users
			q.NotUsers, q.NotGroups, q.NotRoles = slices.Concat(q.NotUsers, u.Exclude), slices.Concat(q.NotGroups, u.ExcludeGroups), slices.Concat(q.NotRoles, u.ExcludeRoles)
		}
	}
	if len(asking) == 0 {
		return // nothing was meant to be asked of everybody
	}
	if a, err := Prove(l.set, l.world, q); err == nil && a.Verdict == Yes {
		l.say(Finding{
			Rule: "password-alone", Severity: Warning, Witness: a.Witness,
			Why: "policies ask everybody for more than a password, and somebody whom none of them leaves out gets in with a password alone",
			Do:  "see which sign-in it is, and whether that is meant",
		})
	}
	q.ClientAppTypes = []access.ClientAppType{access.OtherClients, access.ExchangeActiveSync}
	if a, err := Prove(l.set, l.world, q); err == nil && a.Verdict == Yes {
		l.say(Finding{
			Rule: "legacy-clients", Severity: Notice, Witness: a.Witness,
			Why: "clients that cannot be asked for anything get in, although others are asked",
			Do:  "block exchangeActiveSync and other clients",
		})
	}
}

// lockout finds that no admin gets in any more.
func (l *linter) lockout() {
	var by []access.Applied
	for _, a := range l.admins {
		q := Attainable()
		q.Without &^= a.Attains
		stopped, barred := Barred(l.set, a, q)
		if !barred {
			return
		}
		by = append(by, stopped...)
	}
	if len(l.admins) == 0 {
		return
	}
	var concerned []*access.Policy
	for i := range l.rules.Policies {
		if slices.ContainsFunc(by, func(a access.Applied) bool { return a.Policy == l.rules.Policies[i].ID }) {
			concerned = append(concerned, &l.rules.Policies[i])
		}
	}
	l.say(Finding{
		Rule: "admins-locked-out", Severity: Error, Why: "no Global Administrator gets in to the administration API, once everything is enforced",
		Do: "exclude an account for emergencies",
	}, concerned...)
}

func texts(controls []access.Control) (out []string) {
	for _, c := range controls {
		out = append(out, string(c))
	}
	return out
}
