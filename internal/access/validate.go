package access

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// maxDisplayName is in characters.
const maxDisplayName = 256

// Words that Graph mixes with identifiers, and that mean nothing where an
// identifier is wanted.
var (
	userWords = []string{"", "All", "None", "GuestsOrExternalUsers"}
	appWords  = []string{"", "All", "None"}
	placeWord = []string{"", "All", "AllTrusted"}
)

// contextName is the spelling of authentication contexts, c1 to c99.
var contextName = regexp.MustCompile(`^c[1-9][0-9]?$`)

// violations collects sentences of the form "field value; what is valid".
type violations []string

func (v *violations) add(broken bool, format string, args ...any) {
	if broken {
		*v = append(*v, fmt.Sprintf(format, args...))
	}
}

// Validate says whether p may be saved. Its error is one fault.Invalid that
// lists every rule broken, each with the field as Graph names it, the value and
// what would be valid. Whatever the evaluator does not know is refused here, so
// that no policy is silently weaker than it reads.
func Validate(p Policy) error {
	var v violations
	v.add(strings.TrimSpace(p.DisplayName) == "", "displayName is empty; it must have 1 to %d characters", maxDisplayName)
	n := utf8.RuneCountInString(p.DisplayName)
	v.add(n > maxDisplayName, "displayName has %d characters; it must have 1 to %d", n, maxDisplayName)
	v.add(int(p.State) >= len(stateNames), "state is %s; valid are %s", p.State, strings.Join(stateNames[:], ", "))
	c := p.Conditions
	if c.Workloads != nil {
		v.workloads(p)
	} else {
		v.users(c.Users)
		v.add(len(c.WorkloadRisk) > 0, "conditions.servicePrincipalRiskLevels needs conditions.clientApplications: people have no such risk")
	}
	v.apps(c.Apps)
	if len(c.Apps.Actions) > 0 {
		v.actions(p)
	}
	v.clients(c.ClientAppTypes)
	v.platforms(c.Platforms, p.Grant)
	v.locations(c.Locations)
	chosenFrom(&v, "conditions.signInRiskLevels", c.SignInRisk, risks[:5])
	chosenFrom(&v, "conditions.userRiskLevels", c.UserRisk, risks[:5])
	chosenFrom(&v, "conditions.servicePrincipalRiskLevels", c.WorkloadRisk, risks[:5])
	chosenFrom(&v, "conditions.insiderRiskLevels", c.InsiderRisk, risks[5:])
	chosenFrom(&v, "conditions.authenticationFlows.transferMethods", c.Transfer, []TransferMethod{DeviceCodeFlow, AuthenticationTransfer})
	v.filter("conditions.devices.deviceFilter", c.Device, devicefilter.ConditionalAccess())
	v.grant(p)
	if p.Session != nil {
		v.session(p)
	}
	if len(v) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(v, "; also: "))
}

func (v *violations) users(u Users) {
	someone := len(u.Include) > 0 || len(u.IncludeGroups) > 0 || len(u.IncludeRoles) > 0 || u.AnyGuest || u.IncludeGuests != nil
	v.add(!u.All && !u.None && !someone,
		"conditions.users includes nobody; includeUsers must hold All, None, GuestsOrExternalUsers or user identifiers, or includeGroups, includeRoles or includeGuestsOrExternalUsers somebody")
	v.add(u.None && (u.All || len(u.Include) > 0 || u.AnyGuest), "conditions.users.includeUsers holds None next to others; None must stand alone")
	v.add(u.All && u.IncludeGuests != nil, "conditions.users.includeGuestsOrExternalUsers is set next to All, who are among them; remove one")
	words(v, "conditions.users.includeUsers", u.Include, userWords, "user identifiers")
	words(v, "conditions.users.excludeUsers", u.Exclude, userWords, "GuestsOrExternalUsers and user identifiers")
	words(v, "conditions.users.includeGroups", u.IncludeGroups, userWords, "group identifiers")
	words(v, "conditions.users.excludeGroups", u.ExcludeGroups, userWords, "group identifiers")
	words(v, "conditions.users.includeRoles", u.IncludeRoles, userWords, "identifiers of role templates")
	words(v, "conditions.users.excludeRoles", u.ExcludeRoles, userWords, "identifiers of role templates")
	v.guests("conditions.users.includeGuestsOrExternalUsers", u.IncludeGuests)
	v.guests("conditions.users.excludeGuestsOrExternalUsers", u.ExcludeGuests)
}

func (v *violations) guests(field string, g *Guests) {
	if g == nil {
		return
	}
	v.add(len(g.Kinds) == 0, "%s.guestOrExternalUserTypes is none; it must hold one or more of %s", field, list(directory.GuestKinds()))
	chosenFrom(v, field+".guestOrExternalUserTypes", g.Kinds, directory.GuestKinds())
	v.add(g.Enumerated && len(g.Tenants) == 0, "%s.externalTenants.members is empty; it must hold one or more tenant identifiers", field)
	v.add(!g.Enumerated && len(g.Tenants) > 0, "%s.externalTenants.members is set although membershipKind is all; remove it, or set enumerated", field)
}

// workloads checks a policy for apps that sign in as themselves.
func (v *violations) workloads(p Policy) {
	w, u := p.Conditions.Workloads, p.Conditions.Users
	v.add(!w.All && len(w.Include) == 0,
		"conditions.clientApplications includes nothing; includeServicePrincipals must hold ServicePrincipalsInMyTenant or identifiers")
	v.add(u.All || len(u.Include)+len(u.IncludeGroups)+len(u.IncludeRoles) > 0 || u.AnyGuest || u.IncludeGuests != nil,
		"conditions.users includes people although conditions.clientApplications is set; includeUsers must be None")
	words(v, "conditions.clientApplications.includeServicePrincipals", w.Include, appWords, "ServicePrincipalsInMyTenant and application identifiers")
	words(v, "conditions.clientApplications.excludeServicePrincipals", w.Exclude, appWords, "application identifiers")
	v.add(!slices.Equal(p.Grant.Controls, []Control{Block}) || len(p.Grant.Terms) > 0 || p.Grant.Strength != "" || p.Session != nil,
		"grantControls.builtInControls is %s; an app that signs in as itself can only be blocked", list(p.Grant.Controls))
}

func (v *violations) apps(a Apps) {
	kinds := 0
	for _, some := range []bool{a.All || a.None || len(a.Include)+len(a.IncludeGroups) > 0 || a.Filter != nil, len(a.Actions) > 0, len(a.Contexts) > 0} {
		if some {
			kinds++
		}
	}
	v.add(kinds == 0, "conditions.applications includes nothing; includeApplications must hold All, None, Office365, MicrosoftAdminPortals or "+
		"application identifiers, or includeUserActions or includeAuthenticationContextClassReferences something")
	v.add(kinds > 1, "conditions.applications selects more than one kind of target; includeApplications, includeUserActions and "+
		"includeAuthenticationContextClassReferences exclude each other")
	v.add(a.None && (a.All || len(a.Include)+len(a.IncludeGroups) > 0),
		"conditions.applications.includeApplications holds None next to others; None must stand alone")
	words(v, "conditions.applications.includeApplications", a.Include, appWords, "application identifiers")
	words(v, "conditions.applications.excludeApplications", a.Exclude, appWords, "application identifiers")
	chosenFrom(v, "conditions.applications.includeUserActions", a.Actions, []UserAction{RegisterSecurityInfo, RegisterDevice})
	for _, c := range a.Contexts {
		v.add(!contextName.MatchString(string(c)), "conditions.applications.includeAuthenticationContextClassReferences holds %q; valid are c1 to c99", c)
	}
	v.filter("conditions.applications.applicationFilter", a.Filter, devicefilter.AppAttributes())
}

// actions checks a policy about what people do that is no app. Registering a
// device comes before there is one that could be asked about.
func (v *violations) actions(p Policy) {
	v.add(p.State == ReportOnly, "state is %s; a policy about user actions cannot be report-only", p.State)
	if !slices.Contains(p.Conditions.Apps.Actions, RegisterDevice) {
		return
	}
	only := len(p.Grant.Terms) == 0 && !slices.ContainsFunc(p.Grant.Controls, func(c Control) bool { return c != MFA })
	v.add(!only, "grantControls.builtInControls is %s; registering a device can only demand mfa or an authenticationStrength", list(p.Grant.Controls))
	v.add(p.Conditions.Device != nil, "conditions.devices is set; a device that is only being registered cannot be filtered")
	v.add(!slices.Contains(p.Conditions.ClientAppTypes, AllClientApps), "conditions.clientAppTypes is %s; for registering a device it must be all", list(p.Conditions.ClientAppTypes))
}

// words refuses names that are no identifiers.
func words[ID ~string](v *violations, field string, ids []ID, reserved []string, valid string) {
	for _, id := range ids {
		v.add(slices.Contains(reserved, string(id)), "%s holds %q, which means nothing there; valid are %s", field, id, valid)
	}
}

// chosenFrom refuses words that are not among the valid ones.
func chosenFrom[W ~string](v *violations, field string, have, valid []W) {
	for _, w := range have {
		v.add(!slices.Contains(valid, w), "%s holds %q; valid are %s", field, w, list(valid))
	}
}

func (v *violations) clients(types []ClientAppType) {
	valid := append([]ClientAppType{AllClientApps}, clientAppTypes[:]...)
	v.add(len(types) == 0, "conditions.clientAppTypes is empty; it must hold one or more of %s", list(valid))
	chosenFrom(v, "conditions.clientAppTypes", types, valid)
}

func (v *violations) platforms(on *Platforms, g Grant) {
	if on == nil {
		return
	}
	valid := append([]Platform{AllPlatforms}, platforms[:]...)
	v.add(len(on.Include) == 0, "conditions.platforms.includePlatforms is empty; it must hold one or more of %s", list(valid))
	// No app on these platforms can be protected, so the policy could never be met.
	protects := func(c Control) bool { return c == CompliantApplication || c == ApprovedApplication }
	others := len(g.Terms) > 0 || g.Strength != "" || slices.ContainsFunc(g.Controls, func(c Control) bool { return !protects(c) })
	demands := slices.ContainsFunc(g.Controls, protects) && (g.Operator != Or || !others)
	chosenFrom(v, "conditions.platforms.includePlatforms", on.Include, valid)
	chosenFrom(v, "conditions.platforms.excludePlatforms", on.Exclude, platforms[:])
	for _, p := range on.Include {
		v.add(demands && (p == MacOS || p == Linux),
			"conditions.platforms.includePlatforms holds %q, where no app can satisfy compliantApplication; offer another control with OR, or leave the platform out", p)
	}
}

func (v *violations) locations(l *Locations) {
	if l == nil {
		return
	}
	v.add(!l.All && !l.AllTrusted && len(l.Include) == 0,
		"conditions.locations includes nothing; includeLocations must hold All, AllTrusted or identifiers of named locations")
	words(v, "conditions.locations.includeLocations", l.Include, placeWord, "All, AllTrusted and identifiers of named locations")
	words(v, "conditions.locations.excludeLocations", l.Exclude, placeWord, "AllTrusted and identifiers of named locations")
}

func (v *violations) filter(field string, f *Filter, words devicefilter.Vocabulary) {
	if f == nil {
		return
	}
	_, err := devicefilter.Parse(f.Rule, words)
	if s, ok := errors.AsType[devicefilter.SyntaxError](err); ok {
		v.add(true, "%s.%s", field, s)
	}
}

func (v *violations) grant(p Policy) {
	g := p.Grant
	some := len(g.Controls) > 0 || len(g.Terms) > 0 || g.Strength != ""
	v.add(int(g.Operator) >= len(operatorNames), "grantControls.operator is %s; valid are %s", g.Operator, strings.Join(operatorNames[:], ", "))
	v.add(!some && !p.Session.demanding(), "grantControls demands nothing, nor does sessionControls; builtInControls must hold one or more of %s, or termsOfUse, "+
		"authenticationStrength or sessionControls something", list(builtIns[:]))
	for _, c := range g.Controls {
		v.add(!slices.Contains(builtIns[:], c), "grantControls.builtInControls holds %q, which is not evaluated; valid are %s", c, list(builtIns[:]))
	}
	v.add(slices.Contains(g.Controls, Block) && (len(g.Controls) > 1 || len(g.Terms) > 0 || g.Strength != ""),
		"grantControls.builtInControls holds block next to others; block must stand alone")
	v.add(slices.Contains(g.Controls, MFA) && g.Strength != "",
		"grantControls.builtInControls holds mfa next to an authenticationStrength, which says how; keep one of them")
	if slices.Contains(g.Controls, PasswordChange) {
		v.passwordChange(p)
	}
}

// passwordChange checks what heals an account at risk: whoever has the password
// alone must not be able to change it.
func (v *violations) passwordChange(p Policy) {
	c, g := p.Conditions, p.Grant
	second := slices.Contains(g.Controls, MFA) || g.Strength != ""
	v.add(!second || g.Operator != And, "grantControls.builtInControls holds passwordChange without mfa joined by AND; both are needed")
	v.add(len(c.UserRisk) == 0, "conditions.userRiskLevels is empty; passwordChange needs a user risk")
	v.add(!c.Apps.All || len(c.Apps.Exclude)+len(c.Apps.ExcludeGroups) > 0 || c.Apps.Filter != nil,
		"conditions.applications must be All without exclusions where grantControls.builtInControls holds passwordChange")
	other := c.Platforms != nil || c.Locations != nil || c.Device != nil || len(c.SignInRisk) > 0 || len(c.InsiderRisk) > 0 || len(c.Transfer) > 0
	v.add(other, "conditions holds more than users, applications, clientAppTypes and userRiskLevels; passwordChange allows no other condition")
	more := len(g.Terms) > 0 || slices.ContainsFunc(g.Controls, func(c Control) bool { return c != MFA && c != PasswordChange })
	v.add(more, "grantControls.builtInControls is %s; beside passwordChange it can only hold mfa", list(g.Controls))
}

func (v *violations) session(p Policy) {
	n := p.Session
	allApps := p.Conditions.Apps.All && len(p.Conditions.Apps.Exclude)+len(p.Conditions.Apps.ExcludeGroups) == 0
	if q := n.Frequency; q != nil && !q.EveryTime && (!q.Disabled || q.After != 0) {
		unit, name, most := time.Hour, "hours", 23*time.Hour
		if q.InDays {
			unit, name, most = 24*time.Hour, "days", 365*24*time.Hour
		}
		v.add(q.After < unit || q.After > most || q.After%unit != 0, "sessionControls.signInFrequency.value is %d; it must be 1 to %d %s", int(q.After/unit), int(most/unit), name)
	}
	v.add(n.Persistent != "" && n.Persistent != PersistAlways && n.Persistent != PersistNever,
		"sessionControls.persistentBrowser.mode is %q; valid are %s, %s", n.Persistent, PersistAlways, PersistNever)
	v.add(n.Persistent != "" && !n.PersistentOff && !allApps, "sessionControls.persistentBrowser needs conditions.applications to be All without exclusions: a browser has one session for all")
	v.add(n.CloudApps != "" && !slices.Contains(cloudAppLevels[1:], n.CloudApps),
		"sessionControls.cloudAppSecurity.cloudAppSecurityType is %q; valid are %s", n.CloudApps, list(cloudAppLevels[1:]))
	v.add(n.Continuous != "" && !slices.Contains(continuousModes[:], n.Continuous),
		"sessionControls.continuousAccessEvaluation.mode is %q; valid are %s", n.Continuous, list(continuousModes[:]))
	c := p.Conditions
	some := c.Platforms != nil || c.Locations != nil || c.Device != nil || len(c.SignInRisk)+len(c.UserRisk)+len(c.InsiderRisk)+len(c.Transfer) > 0
	v.add(n.Continuous == ContinuousOff && (!allApps || some),
		"sessionControls.continuousAccessEvaluation.mode is disabled; that needs conditions.applications to be All and no other condition")
}

// demanding reports whether any control is there and not switched off.
func (n *SessionControls) demanding() bool {
	return n != nil && (n.Frequency != nil && !n.Frequency.Disabled || n.Persistent != "" && !n.PersistentOff || n.CloudApps != "" && !n.CloudAppsOff ||
		n.AppRestrictions == On || n.ResilienceDisabled == On || n.TokenProtection == On || n.Continuous != "")
}

func list[W ~string](words []W) string {
	b := new(strings.Builder)
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}
