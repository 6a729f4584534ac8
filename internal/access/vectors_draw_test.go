package access_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// Generated vectors are drawn theme by theme: the theme sets up the first policy
// and leads the sign-in near to it, the rest is chance. A draw is kept when it is
// about its theme and comes to the outcome whose turn it is.

// dice is chance that is the same in every release of Go.
type dice struct{ source *rand.PCG }

func (d dice) below(n int) int { return int(d.source.Uint64() >> 33 % uint64(n)) }

// once is true once in n.
func (d dice) once(n int) bool { return d.below(n) == 0 }

func pick[T any](d dice, from ...T) T { return from[d.below(len(from))] }

// few is one or two different ones.
func few[T any](d dice, from ...T) []T {
	i := d.below(len(from))
	if len(from) == 1 || d.once(2) {
		return []T{from[i]}
	}
	return []T{from[i], from[(i+1+d.below(len(from)-1))%len(from)]}
}

// nest is a group that lies in another.
type nest struct{ inner, outer directory.GroupID }

var nests = []nest{{"g2", "g3"}}

// theme is what a vector is about.
type theme struct {
	name  string
	set   func(dice, *access.Policy)
	fact  func(dice, *scene)
	about func(p access.Policy, result access.Result, a answer, f access.Facts) bool // nil: see turns
	kind  access.Condition                                                           // for those that are about a condition
	asks  access.Control                                                             // for those that are about a control
}

const perTheme = 13

func generated(t *testing.T) (out []scene) {
	for n, th := range slices.Concat(conditionThemes(), controlThemes(), codeThemes(), sessionThemes(), mergingThemes(), edgeThemes(), otherThemes()) {
		d := dice{rand.NewPCG(uint64(n), 2)}
		for i := range perTheme {
			s, ok := th.draw(d, i)
			if !ok {
				t.Errorf("nothing was drawn that is about %s, turn %d", th.name, i)
			}
			s.id = fmt.Sprintf("generated-%03d", len(out)+1)
			out = append(out, s)
		}
	}
	return out
}

// draw tries until a scene is about the theme, first with the outcome whose turn
// it is, then with any.
func (th theme) draw(d dice, turn int) (scene, bool) {
	want := []access.Outcome{access.Granted, access.Challenge, access.Denied}[turn%3]
	for try := range 3000 {
		s := th.once(d)
		a := naive(s.rules, s.facts)
		if try < 200 && a.Outcome != want {
			continue
		}
		if s.title = th.title(s, a, turn); s.title != "" && s.valid() {
			return s, true
		}
	}
	return scene{}, false
}

// title says what a scene has to do with the theme; nothing, if it has not.
func (th theme) title(s scene, a answer, turn int) string {
	p, result := s.rules.Policies[0], a.Results[0]
	applies := result != access.NotApplied && result != access.ReportOnlyNotApplied && result != access.NotEnabled
	ends := map[access.Outcome]string{access.Granted: "access is granted", access.Challenge: "the person is asked", access.Denied: "access is blocked"}[a.Outcome]
	what := ""
	switch {
	case th.about != nil:
		if th.about(p, result, a, s.facts) {
			what = "the policy comes to " + result.String()
		}
	case th.asks != "":
		missing := slices.Contains(a.Unmet[0], th.asks)
		wanted := turn/3%2 == 0 || th.asks == access.Block // which is never met
		if applies && missing == wanted && (missing || result == access.Success || result == access.ReportOnlySuccess) {
			what = choose(missing, "not met", "met, or not needed")
		}
	case turn/3%2 == 0 && applies:
		what = "the policy applies"
	case turn/3%2 == 1 && slices.Contains(a.NotMatched[0], th.kind) && (len(a.NotMatched[0]) == 1 || th.kind == access.OfWorkloads):
		what = "by it the policy does not apply"
	}
	if what == "" {
		return ""
	}
	return fmt.Sprintf("%s: %s; %s", th.name, what, ends)
}

// once draws a scene, whose policies may perhaps not be saved.
func (th theme) once(d dice) scene {
	s := scene{rules: access.Rules{Strengths: drawnStrengths(), Locations: drawnLocations(d)}}
	for i := range 1 + d.below(4) {
		p := somePolicy(d, access.PolicyID(fmt.Sprintf("p%d", i+1)), choose(i == 0, 14, 7))
		if i == 0 {
			p.State = pick(d, access.Enabled, access.Enabled, access.Enabled, access.ReportOnly)
			th.set(d, &p)
		}
		s.rules.Policies = append(s.rules.Policies, p)
	}
	someFacts(d, &s)
	if th.fact != nil {
		th.fact(d, &s)
	}
	for _, g := range s.direct {
		s.facts.Groups = append(s.facts.Groups, g)
		for _, n := range nests {
			if n.inner == g && !slices.Contains(s.direct, n.outer) {
				s.facts.Groups = append(s.facts.Groups, n.outer)
			}
		}
	}
	if s.direct == nil {
		s.direct = []directory.GroupID{}
	}
	return s
}

// valid reports whether every policy may be saved.
func (s scene) valid() bool {
	return !slices.ContainsFunc(s.rules.Policies, func(p access.Policy) bool { return access.Validate(p) != nil })
}

func drawnStrengths() []strength.Strength {
	return append(strength.BuiltIns(), strength.Strength{
		ID: "own", DisplayName: "A password and a code", Combinations: []strength.Methods{strength.Password | strength.SoftwareOath, strength.Password | strength.HardwareOath},
	})
}

func drawnLocations(d dice) []location.Location {
	return []location.Location{
		{ID: "l1", Trusted: true, Ranges: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")}},
		{ID: "l2", Ranges: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24"), netip.MustParsePrefix("192.0.2.0/24")}},
		{ID: "l3", Countries: []string{"DE", "US"}, UnknownCountries: d.once(2)},
	}
}

// somePolicy has each condition that is optional once in so many times.
func somePolicy(d dice, id access.PolicyID, times int) access.Policy {
	p := access.Policy{
		ID: id, DisplayName: "Policy " + string(id)[1:], State: pick(d, access.Enabled, access.Enabled, access.Enabled, access.Enabled, access.ReportOnly, access.Disabled),
		Conditions: access.Conditions{Users: someUsers(d), Apps: someApps(d), ClientAppTypes: []access.ClientAppType{access.AllClientApps}},
		Grant:      access.Grant{Operator: pick(d, access.And, access.Or)},
	}
	for _, set := range []func(dice, *access.Policy){clientCondition, platformCondition, locationCondition, riskCondition, deviceCondition, transferCondition} {
		if d.once(times) {
			set(d, &p)
		}
	}
	someGrant(d, &p)
	if d.once(4) && !slices.Contains(p.Grant.Controls, access.Block) {
		p.Session = someSession(d)
	}
	return p
}

func someUsers(d dice) access.Users {
	u := access.Users{All: !d.once(3)}
	if !u.All {
		switch d.below(4) {
		case 0:
			u.Include = few(d, people...)
		case 1:
			u.IncludeRoles = few(d, roles...)
		default:
			u.IncludeGroups = few(d, groups...)
		}
	}
	switch d.below(10) {
	case 0:
		u.Exclude = []directory.UserID{pick(d, people...)}
	case 1:
		u.ExcludeGroups = []directory.GroupID{pick(d, groups...)}
	case 2:
		u.ExcludeRoles = []directory.RoleTemplateID{pick(d, roles...)}
	}
	return u
}

func someApps(d dice) access.Apps {
	if d.once(2) {
		return access.Apps{All: true}
	}
	switch d.below(4) {
	case 0:
		return access.Apps{All: true, Exclude: few(d, apps...)}
	case 1:
		return access.Apps{IncludeGroups: []access.AppGroup{pick(d, access.Office365, access.MicrosoftAdminPortals)}, Exclude: choose(d.once(2), few(d, apps...), nil)}
	default:
		return access.Apps{Include: few(d, apps...)}
	}
}

func clientCondition(d dice, p *access.Policy) {
	p.Conditions.ClientAppTypes = pick(d, clients[:1], clients[1:2], clients[:2], clients[2:], clients[3:])
}

func platformCondition(d dice, p *access.Policy) {
	p.Conditions.Platforms = &access.Platforms{Include: few(d, systems...)}
	if d.once(2) {
		p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.AllPlatforms}, Exclude: few(d, systems...)}
	}
}

func locationCondition(d dice, p *access.Policy) {
	l := &access.Locations{}
	switch d.below(4) {
	case 0:
		l.AllTrusted = true
	case 1:
		l.Include = few(d, places[:3]...)
	default:
		l.All, l.ExcludeTrusted = true, d.once(2)
		if !l.ExcludeTrusted {
			l.Exclude = few(d, places[:3]...)
		}
	}
	p.Conditions.Locations = l
}

func riskCondition(d dice, p *access.Policy) {
	c := &p.Conditions
	switch d.below(3) {
	case 0:
		c.SignInRisk = few(d, levels...)
	case 1:
		c.UserRisk = few(d, levels...)
	default:
		c.InsiderRisk = few(d, insiders...)
	}
}

func deviceCondition(d dice, p *access.Policy) {
	p.Conditions.Device = &access.Filter{Exclude: d.once(2), Rule: pick(d, publishedRules...)}
}

// publishedRules are of the language that Microsoft documents: every operator, on
// text, on a truth and on a collection.
var publishedRules = append(slices.Clone(rules),
	`device.deviceOwnership -eq "Company"`, `device.model -in ["Surface", "X2"]`, `device.model -notIn ["Surface"]`, `device.isCompliant -ne True`,
	`device.model -notContains "face"`, `device.operatingSystemVersion -notStartsWith "10.0.19"`, `device.model -endsWith "1"`, `device.model -notEndsWith "e"`,
	`device.systemLabels -notContains "M365"`, `device.extensionAttribute1 -eq "saw" -and device.trustType -eq "ServerAD"`,
	`(device.trustType -eq "AzureAD" -or device.trustType -eq "Workplace") -and device.isCompliant -eq True`)

func transferCondition(d dice, p *access.Policy) { p.Conditions.Transfer = few(d, handed...) }

func someGrant(d dice, p *access.Policy) {
	switch d.below(8) {
	case 0:
		p.Grant.Controls = []access.Control{access.Block}
	case 1:
		p.Grant.Strength = pick(d, strength.Multifactor, strength.Passwordless, strength.PhishingResistant, "own")
	case 2:
		if p.Grant.Terms = few(d, terms...); d.once(2) {
			p.Grant.Terms, p.Grant.Controls = nil, []access.Control{access.CompliantApplication}
		}
	case 3:
		p.Grant.Controls = []access.Control{access.MFA}
	default:
		p.Grant.Controls = few(d, access.MFA, access.MFA, access.CompliantDevice, access.DomainJoinedDevice, access.ApprovedApplication, access.CompliantApplication)
		p.Grant.Controls = slices.Compact(p.Grant.Controls)
	}
}

func someSession(d dice) *access.SessionControls {
	var s access.SessionControls
	all := sessionSetters()
	for range 1 + d.below(2) {
		all[d.below(len(all))].set(d, &s)
	}
	return &s
}

type sessionSetter struct {
	name string
	set  func(dice, *access.SessionControls)
	in   func(access.Session) bool // it shows in the result
}

func sessionSetters() []sessionSetter {
	return []sessionSetter{
		{"signInFrequency", func(d dice, s *access.SessionControls) {
			s.Frequency = &access.Frequency{After: time.Duration(1+d.below(8)) * time.Hour, Secondary: d.once(3), Disabled: d.once(8)}
			switch d.below(4) {
			case 0:
				s.Frequency.EveryTime, s.Frequency.After = true, 0
			case 1:
				s.Frequency.InDays, s.Frequency.After = true, time.Duration(1+d.below(30))*24*time.Hour
			}
		}, func(n access.Session) bool { return n.ReauthEveryTime || n.ReauthAfter > 0 }},
		{"persistentBrowser", func(d dice, s *access.SessionControls) {
			s.Persistent, s.PersistentOff = pick(d, access.PersistAlways, access.PersistNever), d.once(8)
		}, func(n access.Session) bool { return n.Persistent != "" }},
		{"cloudAppSecurity", func(d dice, s *access.SessionControls) {
			s.CloudApps, s.CloudAppsOff = pick(d, access.MonitorOnly, access.McasConfigured, access.BlockDownloads), d.once(8)
		}, func(n access.Session) bool { return n.CloudApps != "" }},
		{"applicationEnforcedRestrictions", func(d dice, s *access.SessionControls) { s.AppRestrictions = pick(d, access.On, access.On, access.Off) },
			func(n access.Session) bool { return n.AppRestrictions }},
		{"disableResilienceDefaults", func(d dice, s *access.SessionControls) {
			s.ResilienceDisabled = pick(d, access.On, access.On, access.Off)
		},
			func(n access.Session) bool { return n.NoResilience }},
		{"secureSignInSession", func(d dice, s *access.SessionControls) { s.TokenProtection = pick(d, access.On, access.On, access.Off) },
			func(n access.Session) bool { return n.TokenProtection }},
		{"continuousAccessEvaluation", func(d dice, s *access.SessionControls) {
			s.Continuous = pick(d, access.ContinuousStrictLocation, access.ContinuousStrict, access.ContinuousOff)
		}, func(n access.Session) bool { return n.Continuous != "" }},
	}
}

// someFacts is a person at an app, with what a sign-in is likely to know.
func someFacts(d dice, s *scene) {
	f := &s.facts
	*f = access.Facts{
		User: pick(d, people...), ClientAppType: pick(d, clients[0], clients[0], clients[0], clients[1], clients[1], pick(d, clients...)),
		Platform: pick(d, append(slices.Clone(systems), access.Windows, "")...), Now: noon, AuthAt: noon.Add(-pick(d, signInAges...)),
		Methods: strength.Password, Offers: pick(d, 0, 0, strength.SoftwareOath, strength.FIDO2),
		Terms: choose(d.once(2), few(d, terms...), nil), CompliantApplication: d.once(2), Bound: d.once(2),
	}
	if d.once(2) {
		s.direct = few(d, groups...)
	}
	if d.once(3) {
		f.Roles = few(d, roles...)
	}
	if d.once(2) {
		f.MFAAt, f.Methods = f.AuthAt, pick(d, strength.Password|strength.SoftwareOath, strength.Password|strength.SMS, strength.FIDO2, strength.WindowsHello, strength.DeviceBasedPush)
	}
	if d.once(4) {
		f.MFAAt = noon.Add(-pick(d, signInAges...))
	}
	if d.once(8) {
		f.PasswordChangedAt = f.AuthAt.Add(time.Minute)
	}
	for _, a := range few(d, apps...) {
		f.Resources = append(f.Resources, access.Resource{
			ID: a, Groups: choose(d.once(3), []access.AppGroup{pick(d, access.Office365, access.MicrosoftAdminPortals)}, nil),
			Attributes: choose(d.once(4), map[string]string{"Set_Kind": pick(d, "secret", "public")}, nil),
		})
	}
	somewhere(d, f)
	if d.once(2) {
		f.Device = someDevice(d)
	}
	if d.once(3) {
		f.SignInRisk, f.UserRisk, f.InsiderRisk = pick(d, levels...), pick(d, levels...), pick(d, append(slices.Clone(insiders), "")...)
	}
	if d.once(12) {
		f.Transfer = pick(d, handed...)
		f.OriginalTransfer = f.Transfer
	}
	if d.once(8) {
		f.Guest, f.HomeTenant = pick(d, directory.GuestKinds()...), pick(d, tenants...)
	}
}

var signInAges = []time.Duration{
	0, time.Minute, 4 * time.Minute, 5 * time.Minute, 5*time.Minute + time.Second, time.Hour - time.Second, time.Hour, 3 * time.Hour, 7 * time.Hour, 25 * time.Hour,
}

func somewhere(d dice, f *access.Facts) {
	f.IP = pick(d, netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("::ffff:10.1.9.9"), netip.MustParseAddr("192.0.2.1"),
		netip.MustParseAddr("2001:db8:1::5"), netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("10.2.0.0"), netip.MustParseAddr("2001:db8:2::5"))
	f.Country = pick(d, "", "DE", "FR")
}

func someDevice(d dice) *access.Device {
	device := access.Device{
		TrustType: pick(d, access.Registered, access.HybridJoined, access.Joined), Compliant: d.once(2), Managed: d.once(2), Ownership: pick(d, "Personal", "Company"),
		Model: pick(d, "", "Surface", "X1"), OperatingSystemVersion: pick(d, "", "10.0.22631.1", "10.0.19045.2"),
		SystemLabels: choose(d.once(2), few(d, "M365", "m365", "M365Managed"), nil),
	}
	device.ExtensionAttributes[0] = pick(d, "", "SAW", "saw")
	return &device
}

// everybody lets the focus be about one thing.
func everybody(p *access.Policy) {
	p.Conditions.Users, p.Conditions.Apps = access.Users{All: true}, access.Apps{All: true}
}

func conditionThemes() []theme {
	users := func(name string, set func(dice, *access.Users), fact func(dice, *scene)) theme {
		return theme{name: "users, " + name, kind: access.OfUsers, fact: fact, set: func(d dice, p *access.Policy) {
			p.Conditions.Users = access.Users{}
			set(d, &p.Conditions.Users)
		}}
	}
	guest := func(d dice, s *scene) {
		if !d.once(4) {
			s.facts.Guest, s.facts.HomeTenant = pick(d, directory.GuestKinds()...), pick(d, tenants...)
		}
	}
	kinds := func(d dice) *access.Guests {
		g := &access.Guests{Kinds: few(d, directory.GuestKinds()...), AnyTenant: true}
		if d.once(2) {
			g.Enumerated, g.AnyTenant, g.Tenants = true, false, []directory.TenantID{pick(d, tenants...)}
		}
		return g
	}
	target := func(name string, set func(dice, *access.Apps), fact func(dice, *scene)) theme {
		return theme{name: "applications, " + name, kind: access.OfApplications, fact: fact, set: func(d dice, p *access.Policy) {
			p.Conditions.Users, p.Conditions.Apps = access.Users{All: true}, access.Apps{}
			set(d, &p.Conditions.Apps)
		}}
	}
	simple := func(name string, kind access.Condition, set func(dice, *access.Policy), fact func(dice, *scene)) theme {
		return theme{name: name, kind: kind, fact: fact, set: func(d dice, p *access.Policy) { everybody(p); set(d, p) }}
	}
	level := func(d dice) access.Risk { return pick(d, append(slices.Clone(levels), "")...) }
	app := func(d dice, s *scene) {
		s.facts.User, s.facts.Guest, s.facts.HomeTenant, s.facts.Roles, s.direct = "", "", "", nil, nil
		s.facts.MFAAt, s.facts.Methods, s.facts.Offers, s.facts.Terms = time.Time{}, 0, 0, nil
		s.facts.Workload, s.facts.WorkloadRisk = pick(d, directory.AppID("s1"), "s2"), level(d)
	}
	forApps := func(d dice, p *access.Policy) {
		p.Conditions = access.Conditions{Users: access.Users{None: true}, Apps: access.Apps{All: true}, ClientAppTypes: p.Conditions.ClientAppTypes, Locations: p.Conditions.Locations}
		p.Conditions.Workloads = pick(d, &access.Workloads{All: true}, &access.Workloads{All: true, Exclude: []directory.AppID{"s1"}}, &access.Workloads{Include: []directory.AppID{"s1"}})
		p.Grant, p.Session = access.Grant{Controls: []access.Control{access.Block}}, nil
	}
	return []theme{
		users("by name", func(d dice, u *access.Users) { u.Include = []directory.UserID{pick(d, people...)} }, nil),
		users("left out by name", func(d dice, u *access.Users) { u.All, u.Exclude = true, []directory.UserID{pick(d, people...)} }, nil),
		users("by group", func(d dice, u *access.Users) { u.IncludeGroups = few(d, groups...) }, nil),
		users("by a group in which a group lies", func(d dice, u *access.Users) { u.IncludeGroups = []directory.GroupID{"g3"} },
			func(d dice, s *scene) { s.direct = []directory.GroupID{pick(d, directory.GroupID("g2"), "g2", "g1")} }),
		users("left out by group, though in by name", func(d dice, u *access.Users) {
			u.Include, u.ExcludeGroups = slices.Clone(people), []directory.GroupID{pick(d, groups...)}
		}, nil),
		users("by role", func(d dice, u *access.Users) { u.IncludeRoles = few(d, roles...) }, nil),
		users("left out by role", func(d dice, u *access.Users) { u.All, u.ExcludeRoles = true, few(d, roles...) }, nil),
		users("GuestsOrExternalUsers", func(d dice, u *access.Users) {
			u.AnyGuest, u.NoGuest, u.All = true, false, false
			if d.once(2) {
				u.AnyGuest, u.NoGuest, u.All = false, true, true
			}
		}, guest),
		users("by kind of guest", func(d dice, u *access.Users) { u.IncludeGuests = kinds(d) }, guest),
		users("left out by kind of guest", func(d dice, u *access.Users) { u.All, u.ExcludeGuests = true, kinds(d) }, guest),
		target("by name", func(d dice, a *access.Apps) { a.Include = few(d, apps...) }, nil),
		target("left out", func(d dice, a *access.Apps) { a.All, a.Exclude = true, few(d, apps...) }, nil),
		target("by group of apps", func(d dice, a *access.Apps) {
			group := []access.AppGroup{pick(d, access.Office365, access.MicrosoftAdminPortals)}
			if a.IncludeGroups = group; d.once(3) {
				a.All, a.IncludeGroups, a.ExcludeGroups = true, nil, group
			}
		}, func(d dice, s *scene) { s.facts.Resources[0].Groups = []access.AppGroup{access.Office365} }),
		target("by filter", func(d dice, a *access.Apps) {
			a.Filter = &access.Filter{Rule: pick(d, appRules...), Exclude: d.once(2)}
			a.All = a.Filter.Exclude
		}, func(d dice, s *scene) { s.facts.Resources[0].Attributes = map[string]string{"Set_Kind": "secret"} }),
		target("user actions", func(d dice, a *access.Apps) {
			a.Actions = []access.UserAction{pick(d, access.RegisterSecurityInfo, access.RegisterDevice)}
		},
			func(d dice, s *scene) {
				s.facts.Actions = []access.UserAction{pick(d, access.RegisterSecurityInfo, access.RegisterDevice)}
				s.facts.Resources = nil
			}),
		target("authentication contexts", func(d dice, a *access.Apps) { a.Contexts = few(d, access.ContextID("c1"), "c2", "c99") },
			func(d dice, s *scene) {
				s.facts.Contexts = []access.ContextID{pick(d, access.ContextID("c1"), "c2", "c3")}
			}),
		simple("clientAppTypes", access.OfClientAppTypes, clientCondition, nil),
		simple("platforms", access.OfPlatforms, platformCondition, nil),
		simple("locations", access.OfLocations, locationCondition, nil),
		simple("signInRiskLevels", access.OfSignInRisk, func(d dice, p *access.Policy) { p.Conditions.SignInRisk = few(d, levels...) }, func(d dice, s *scene) { s.facts.SignInRisk = level(d) }),
		simple("userRiskLevels", access.OfUserRisk, func(d dice, p *access.Policy) { p.Conditions.UserRisk = few(d, levels...) }, func(d dice, s *scene) { s.facts.UserRisk = level(d) }),
		simple("insiderRiskLevels", access.OfInsiderRisk, func(d dice, p *access.Policy) {
			p.Conditions.InsiderRisk = few(d, access.InsiderMinor, access.InsiderModerate, access.InsiderElevated)
		}, func(d dice, s *scene) {
			s.facts.InsiderRisk = pick(d, "", access.InsiderMinor, access.InsiderModerate, access.InsiderElevated)
		}),
		{name: "clientApplications", kind: access.OfWorkloads, set: forApps, fact: app},
		{name: "servicePrincipalRiskLevels", kind: access.OfWorkloadRisk, fact: app, set: func(d dice, p *access.Policy) {
			forApps(d, p)
			p.Conditions.WorkloadRisk = few(d, levels...)
		}},
		simple("devices", access.OfDevices, deviceCondition, nil),
		simple("devices, none identified", access.OfDevices, deviceCondition, func(_ dice, s *scene) { s.facts.Device = nil }),
		simple("devices, one identified", access.OfDevices, deviceCondition, func(d dice, s *scene) { s.facts.Device = someDevice(d) }),
		simple("authenticationFlows", access.OfTransfer, transferCondition, func(d dice, s *scene) {
			s.facts.OriginalTransfer, s.facts.Transfer = pick(d, handed...), ""
			if d.once(2) {
				s.facts.Transfer = s.facts.OriginalTransfer
			}
		}),
	}
}

func controlThemes() []theme {
	asks := func(c access.Control, set func(dice, *access.Policy), fact func(dice, *scene)) theme {
		return theme{name: string(c), asks: c, fact: fact, set: func(d dice, p *access.Policy) {
			p.Conditions.Users, p.Grant, p.Session = access.Users{All: true}, access.Grant{Operator: pick(d, access.And, access.Or)}, nil
			set(d, p)
		}}
	}
	beside := func(c access.Control) func(dice, *access.Policy) {
		return func(d dice, p *access.Policy) {
			p.Grant.Controls = []access.Control{c}
			if other := pick(d, "", access.MFA, access.CompliantDevice, access.CompliantApplication); other != "" && other != c {
				p.Grant.Controls = append(p.Grant.Controls, other)
			}
		}
	}
	return []theme{
		asks(access.Block, func(_ dice, p *access.Policy) { p.Grant.Controls = []access.Control{access.Block} }, nil),
		asks(access.MFA, beside(access.MFA), nil),
		asks(access.AuthenticationStrength, func(d dice, p *access.Policy) {
			p.Grant.Strength = pick(d, strength.Multifactor, strength.Passwordless, strength.PhishingResistant, "own")
			if d.once(8) {
				p.Grant.Strength = "gone strength"
			}
			if d.once(3) {
				p.Grant.Controls = []access.Control{pick(d, access.CompliantDevice, access.CompliantApplication)}
			}
		}, nil),
		asks(access.CompliantDevice, beside(access.CompliantDevice), nil),
		asks(access.DomainJoinedDevice, beside(access.DomainJoinedDevice), func(d dice, s *scene) {
			if d.once(3) {
				s.facts.Device = &access.Device{TrustType: access.HybridJoined}
			}
			if d.once(5) {
				s.facts.Transfer, s.facts.OriginalTransfer = access.DeviceCodeFlow, access.DeviceCodeFlow
			}
		}),
		asks(access.ApprovedApplication, beside(access.ApprovedApplication), nil),
		asks(access.CompliantApplication, beside(access.CompliantApplication), nil),
		asks(access.PasswordChange, func(d dice, p *access.Policy) {
			p.Conditions = access.Conditions{Users: p.Conditions.Users, Apps: access.Apps{All: true}, ClientAppTypes: p.Conditions.ClientAppTypes, UserRisk: few(d, levels...)}
			p.Grant = access.Grant{Controls: []access.Control{access.MFA, access.PasswordChange}}
		}, func(d dice, s *scene) {
			s.facts.UserRisk = pick(d, levels...)
			if s.facts.PasswordChangedAt = (time.Time{}); d.once(2) {
				s.facts.PasswordChangedAt = s.facts.AuthAt.Add(pick(d, -time.Minute, 0, time.Minute))
			}
		}),
		asks(access.TermsOfUse, func(d dice, p *access.Policy) {
			p.Grant.Terms = choose(d.once(2), []agreement.ID{"x1", "x2"}, few(d, terms...))
			if d.once(3) {
				p.Grant.Controls = []access.Control{pick(d, access.MFA, access.CompliantDevice)}
			}
		}, nil),
		asks(access.SignInFrequency, func(d dice, p *access.Policy) {
			if someGrant(d, p); slices.Contains(p.Grant.Controls, access.Block) {
				p.Grant.Controls = nil
			}
			p.Session = &access.SessionControls{}
			sessionSetters()[0].set(d, p.Session)
			p.Session.Frequency.Disabled = false
		}, nil),
		asks(access.TokenProtection, func(d dice, p *access.Policy) {
			p.Grant.Controls = choose(d.once(2), []access.Control{access.MFA}, nil)
			p.Session = &access.SessionControls{TokenProtection: access.On}
		}, nil),
	}
}

// codeThemes show the rarer error codes, where the focus is the reason.
func codeThemes() (out []theme) {
	tracked := theme{
		set: func(d dice, p *access.Policy) {
			p.Conditions.Users, p.Grant, p.Session = access.Users{All: true}, access.Grant{Controls: []access.Control{access.Block}}, nil
			transferCondition(d, p)
		},
		fact: func(d dice, s *scene) { s.facts.Transfer, s.facts.OriginalTransfer = "", pick(d, handed...) },
	}
	for _, of := range []struct {
		code int
		from access.Control
	}{
		{access.CodeApplicationNotApproved, access.ApprovedApplication}, {access.CodeApplicationNotProtected, access.CompliantApplication},
		{access.CodePasswordChange, access.PasswordChange}, {access.CodeSignInFrequency, access.SignInFrequency},
		{access.CodeTokenNotBound, access.TokenProtection}, {access.CodeTransferBlocked, access.Block},
	} {
		th := tracked
		if of.from != access.Block {
			all := controlThemes()
			th = all[slices.IndexFunc(all, func(t theme) bool { return t.asks == of.from })]
		}
		th.name, th.asks = fmt.Sprintf("error %d", of.code), ""
		th.about = func(_ access.Policy, r access.Result, a answer, _ access.Facts) bool {
			return a.Code == of.code && r == access.Failure && slices.Contains(a.Unmet[0], of.from)
		}
		out = append(out, th)
	}
	return out
}

// sessionThemes show each session control in the result, beside what other
// policies ask of the session.
func sessionThemes() (out []theme) {
	for _, c := range sessionSetters() {
		out = append(out, theme{
			name: c.name,
			set: func(d dice, p *access.Policy) {
				everybody(p)
				p.State, p.Grant = access.Enabled, access.Grant{}
				if d.once(3) {
					p.Grant.Controls = []access.Control{access.MFA}
				}
				p.Session = &access.SessionControls{}
				c.set(d, p.Session)
			},
			fact: func(d dice, s *scene) {
				for i := range s.rules.Policies[1:] {
					p := &s.rules.Policies[i+1]
					q := *p
					q.Session = someSession(d)
					if d.once(2) {
						c.set(d, q.Session)
					}
					if !slices.Contains(p.Grant.Controls, access.Block) && access.Validate(q) == nil {
						*p = q
					}
				}
			},
			about: func(_ access.Policy, result access.Result, a answer, _ access.Facts) bool {
				return result == access.Success && c.in(a.Session)
			},
		})
	}
	return out
}

// mergingThemes have two policies that ask for different things of the same kind,
// or for one that is switched off.
func mergingThemes() (out []theme) {
	twice := func(name string, set func(dice, *access.SessionControls)) theme {
		ask := func(d dice, p *access.Policy) {
			everybody(p)
			p.State, p.Grant, p.Session = access.Enabled, access.Grant{}, &access.SessionControls{}
			set(d, p.Session)
		}
		return theme{
			name: name, set: ask,
			fact: func(d dice, s *scene) {
				second := somePolicy(d, "p2", 1000)
				ask(d, &second)
				s.rules.Policies = append(s.rules.Policies[:1:1], second)
			},
			about: func(_ access.Policy, _ access.Result, a answer, _ access.Facts) bool {
				return a.Outcome == access.Granted && slices.Equal(a.Results, []access.Result{access.Success, access.Success})
			},
		}
	}
	for i, c := range sessionSetters() {
		th := twice(c.name+" by two policies", c.set)
		fact, about := th.fact, th.about
		th.fact = func(d dice, s *scene) {
			if fact(d, s); i == 0 && d.once(2) { // the same time, and not the same factors
				q := *s.rules.Policies[0].Session.Frequency
				q.Secondary = !q.Secondary
				s.rules.Policies[1].Session.Frequency = &q
			}
		}
		th.about = func(p access.Policy, r access.Result, a answer, f access.Facts) bool {
			return about(p, r, a, f) && c.in(a.Session)
		}
		out = append(out, th)
	}
	return append(out, twice("session controls that are switched off", func(d dice, s *access.SessionControls) {
		s.CloudApps, s.CloudAppsOff = pick(d, access.MonitorOnly, access.BlockDownloads), d.once(2)
		switch d.below(4) {
		case 0:
			s.Frequency = &access.Frequency{Disabled: true, After: time.Hour}
		case 1:
			s.Persistent, s.PersistentOff = pick(d, access.PersistAlways, access.PersistNever), true
		case 2:
			s.AppRestrictions, s.ResilienceDisabled, s.TokenProtection = access.Off, access.Off, access.Off
		}
	}))
}

// edgeThemes are about what a hasty reading gets wrong.
func edgeThemes() []theme {
	demand := func(d dice, p *access.Policy, of ...access.Control) {
		everybody(p)
		p.State, p.Grant, p.Session = access.Enabled, access.Grant{Operator: pick(d, access.And, access.Or)}, nil
		switch c := pick(d, of...); c {
		case access.TokenProtection:
			p.Session = &access.SessionControls{TokenProtection: access.On}
		case access.SignInFrequency:
			p.Session = &access.SessionControls{Frequency: &access.Frequency{After: time.Hour}}
		case access.TermsOfUse:
			p.Grant.Terms = few(d, terms...)
		case access.AuthenticationStrength:
			p.Grant.Strength = strength.PhishingResistant
		case access.PasswordChange:
			*p = access.Policy{ID: p.ID, DisplayName: p.DisplayName, State: access.Enabled, Conditions: access.Conditions{
				Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.AllClientApps}, UserRisk: []access.Risk{access.RiskHigh},
			}, Grant: access.Grant{Controls: []access.Control{access.MFA, access.PasswordChange}}}
		default:
			p.Grant.Controls = []access.Control{c}
		}
	}
	// Two that stand side by side in the order in which they count.
	first := func(name string, of ...access.Control) theme {
		return theme{
			name: name, set: func(_ dice, p *access.Policy) { everybody(p) },
			fact: func(d dice, s *scene) {
				neighbours, second := d.below(len(of)-1), somePolicy(d, "p2", 1000)
				s.rules.Policies = append(s.rules.Policies[:1:1], second)
				i := d.below(2)
				demand(d, &s.rules.Policies[i], of[neighbours])
				demand(d, &s.rules.Policies[1-i], of[neighbours+1])
				s.facts.ClientAppType, s.facts.UserRisk = access.Browser, access.RiskHigh
			},
			about: func(_ access.Policy, _ access.Result, a answer, _ access.Facts) bool {
				return len(a.Missing) > 1 && slices.Equal(a.Results, []access.Result{access.Failure, access.Failure}) && !slices.Equal(a.Unmet[0], a.Unmet[1])
			},
		}
	}
	decided := func(_ access.Policy, r access.Result, _ answer, _ access.Facts) bool {
		return r == access.Success || r == access.Failure
	}
	return []theme{
		first("which of two errors", access.AuthenticationStrength, access.CompliantDevice, access.DomainJoinedDevice),
		first("which of two errors", access.DomainJoinedDevice, access.ApprovedApplication, access.TokenProtection, access.CompliantApplication),
		{
			name: "an alternative that is open gives no error",
			set: func(d dice, p *access.Policy) {
				demand(d, p, access.MFA)
				p.Grant.Operator, p.Grant.Controls = access.Or, append(p.Grant.Controls, pick(d, access.CompliantDevice, access.DomainJoinedDevice))
			},
			fact: func(d dice, s *scene) {
				second := somePolicy(d, "p2", 1000)
				demand(d, &second, access.CompliantApplication, access.ApprovedApplication, access.TokenProtection)
				s.rules.Policies = append(s.rules.Policies[:1:1], second)
				s.facts.ClientAppType, s.facts.MFAAt, s.facts.CompliantApplication, s.facts.Bound = access.Browser, time.Time{}, false, false
			},
			about: func(_ access.Policy, r access.Result, a answer, _ access.Facts) bool {
				return r == access.Failure && len(a.Unmet[0]) == 2
			},
		},
		first("which of two questions comes first", access.SignInFrequency, access.MFA, access.PasswordChange, access.TermsOfUse),
		{
			name: "a hybrid joined device behind a device code", about: decided,
			set: func(d dice, p *access.Policy) { demand(d, p, access.DomainJoinedDevice) },
			fact: func(d dice, s *scene) {
				s.facts.Device = &access.Device{TrustType: access.HybridJoined}
				s.facts.Transfer = pick(d, "", "", handed[0], handed[1])
				s.facts.OriginalTransfer = pick(d, s.facts.Transfer, s.facts.Transfer, handed[0], handed[1])
			},
		},
		{
			name: "extension attributes of devices that nobody manages", kind: access.OfDevices,
			set: func(d dice, p *access.Policy) {
				everybody(p)
				p.Conditions.Device = &access.Filter{Exclude: d.once(2), Rule: pick(d, `device.extensionAttribute1 -eq "SAW"`, `device.extensionAttribute1 -ne "SAW"`)}
			},
			fact: func(d dice, s *scene) {
				s.facts.Device = &access.Device{TrustType: pick(d, access.Registered, access.HybridJoined, access.HybridJoined), Compliant: d.once(4), Managed: d.once(4)}
				s.facts.Device.ExtensionAttributes[0] = pick(d, "SAW", "SAW", "saw", "PAW")
			},
		},
		{
			name: "a sign-in just as old as it may be", about: decided,
			set: func(d dice, p *access.Policy) {
				everybody(p)
				p.State, p.Grant, p.Session = access.Enabled, access.Grant{}, &access.SessionControls{Frequency: &access.Frequency{After: time.Hour, EveryTime: d.once(2), Secondary: d.once(3)}}
				if p.Session.Frequency.EveryTime {
					p.Session.Frequency.After = 0
				}
			},
			fact: func(d dice, s *scene) {
				q := s.rules.Policies[0].Session.Frequency
				age := choose(q.EveryTime, 5*time.Minute, q.After) + pick(d, -time.Second, 0, time.Second)
				s.facts.AuthAt, s.facts.MFAAt = noon.Add(-age), pick(d, time.Time{}, noon.Add(-age), noon.Add(-age))
				s.facts.ClientAppType = access.Browser
			},
		},
		{
			name: "a legacy client that has signed in well", about: decided,
			set: func(d dice, p *access.Policy) {
				demand(d, p, access.AuthenticationStrength, access.MFA, access.TermsOfUse, access.SignInFrequency, access.CompliantDevice)
			},
			fact: func(d dice, s *scene) {
				f := &s.facts
				f.ClientAppType, f.AuthAt, f.MFAAt, f.Methods, f.Terms = pick(d, clients[1:]...), noon, noon, strength.FIDO2, terms
				f.Device = &access.Device{TrustType: access.Joined, Compliant: true, Managed: true}
			},
		},
	}
}

func otherThemes() []theme {
	free := func(_ dice, p *access.Policy) { everybody(p) }
	count := func(a answer, of ...access.Result) (n int) {
		for _, r := range a.Results {
			if slices.Contains(of, r) {
				n++
			}
		}
		return n
	}
	return []theme{
		{name: "several policies apply", set: free, about: func(_ access.Policy, _ access.Result, a answer, _ access.Facts) bool {
			return count(a, access.Success, access.Failure) >= 3
		}},
		{name: "report-only", set: func(_ dice, p *access.Policy) { everybody(p); p.State = access.ReportOnly },
			about: func(_ access.Policy, r access.Result, a answer, _ access.Facts) bool {
				return count(a, access.ReportOnlySuccess, access.ReportOnlyFailure, access.ReportOnlyInterrupted) > 0
			}},
		{name: "disabled", set: func(_ dice, p *access.Policy) { everybody(p); p.State = access.Disabled },
			about: func(access.Policy, access.Result, answer, access.Facts) bool { return true }},
		{name: "a legacy client", set: free, fact: func(d dice, s *scene) { s.facts.ClientAppType = pick(d, clients[2:]...) },
			about: func(_ access.Policy, r access.Result, _ answer, _ access.Facts) bool { return r != access.NotApplied }},
		{name: "no resource", set: func(d dice, p *access.Policy) {}, fact: func(_ dice, s *scene) { s.facts.Resources = nil },
			about: func(_ access.Policy, _ access.Result, a answer, _ access.Facts) bool { return len(a.Results) > 1 }},
		{name: "what policies name is gone", set: func(d dice, p *access.Policy) {
			everybody(p)
			p.Conditions.Users = access.Users{All: true, ExcludeGroups: []directory.GroupID{"deleted"}}
			p.Conditions.Locations = &access.Locations{Include: []location.ID{"gone place", "l2"}}
			if d.once(2) {
				p.Conditions.Locations = &access.Locations{All: true, Exclude: []location.ID{"gone place"}}
			}
		}, about: func(access.Policy, access.Result, answer, access.Facts) bool { return true }},
	}
}

// beyond are vectors of what Postern decides where Microsoft is silent: other
// engines need not agree.
func beyond(t *testing.T) (out []scene) {
	changes := func(change func(*scene)) func(s scene) bool {
		return func(s scene) bool {
			a := naive(s.rules, s.facts)
			change(&s)
			return !reflect.DeepEqual(a, naive(s.rules, s.facts))
		}
	}
	for n, b := range []struct {
		name string
		set  func(*scene)
		says func(scene) bool
	}{
		{"resources of enrolment waive what enrolment gives", func(s *scene) { s.facts.Bootstrap = true }, changes(func(s *scene) { s.facts.Bootstrap = false })},
		{"what enrolment gives counts where it is there already", func(s *scene) { s.facts.Bootstrap, s.facts.CompliantApplication = true, true },
			changes(func(s *scene) { s.facts.CompliantApplication = false })},
		{"an app that signs in as itself needs no policy", func(s *scene) {
			s.rules.DenyUncovered, s.facts = true, access.Facts{Workload: "s1", Resources: s.facts.Resources, ClientAppType: access.MobileAndDesktop, Now: noon}
		}, func(scene) bool { return true }},
		{"enrolment needs no policy", func(s *scene) { s.rules.DenyUncovered, s.facts.Bootstrap = true, true }, func(s scene) bool {
			return naive(s.rules, s.facts).Outcome == access.Granted && changes(func(s *scene) { s.facts.Bootstrap = false })(s)
		}},
		{"what no policy covers is refused", func(s *scene) { s.rules.DenyUncovered = true }, changes(func(s *scene) { s.rules.DenyUncovered = false })},
		{"nobody waits for the answer", func(s *scene) { s.facts.Background = true }, changes(func(s *scene) { s.facts.Background = false })},
		{"the next step of what was entered", func(s *scene) { s.facts.Continues = true }, changes(func(s *scene) { s.facts.Continues = false })},
	} {
		d := dice{rand.NewPCG(uint64(n), 3)}
		plain := theme{set: func(d dice, p *access.Policy) {
			if n >= 5 { // about the age of the sign-in
				p.Session = &access.SessionControls{}
				sessionSetters()[0].set(d, p.Session)
			}
		}}
		for range perTheme {
			for try := 0; ; try++ {
				s := plain.once(d)
				b.set(&s)
				if b.says(s) && s.valid() {
					s.id, s.title = fmt.Sprintf("postern-%02d", len(out)+1), b.name
					out = append(out, s)
					break
				}
				if try > 10_000 {
					t.Fatalf("nothing was drawn that is about %s", b.name)
				}
			}
		}
	}
	return out
}
