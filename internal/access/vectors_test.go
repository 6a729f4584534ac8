package access_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
	"github.com/postern-mam/postern/test/vectors"
)

// The vectors in test/vectors are made here, because what they expect is what the
// naive evaluator says. "go test ./internal/access -update" writes them anew;
// review them as code.
var update = flag.Bool("update", false, "write the published vectors anew")

// scene is rules and a sign-in that are to become a vector.
type scene struct {
	id, title string
	rules     access.Rules
	facts     access.Facts
	direct    []directory.GroupID // of the facts' groups, those that the person is in directly; nil: all
}

func TestThePublishedVectorsAreWhatTheNaiveEvaluatorSays(t *testing.T) {
	golden, own := apart(goldenScenes(t))
	for name, scenes := range map[string][]scene{"golden": golden, "generated": generated(t), "postern": append(own, beyond(t)...)} {
		all := make([]vectors.Vector, len(scenes))
		for i, s := range scenes {
			all[i] = s.vector()
		}
		if name == "golden" {
			all = append(all, refusals()...)
		}
		doc, err := vectors.Write(all)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "test", "vectors", "conditional-access-"+name+".json")
		if *update {
			if err := os.WriteFile(path, doc, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, doc) {
			t.Errorf("%s is not what is made today (%v); if it should be, run: go test ./internal/access -update", path, err)
		}
	}
}

// goldenScenes are the laws of the golden vectors and the corner cases, held
// against what a person wrote beside them.
func goldenScenes(t *testing.T) (out []scene) {
	r := set().Rules()
	used := map[string]int{}
	for _, l := range slices.Concat(goldenLaws(), cornerLaws()) {
		r.Policies = l.policies
		s := scene{title: l.name, rules: r, facts: signIn(l.facts)}
		if s.facts.User == "" || slices.ContainsFunc(l.policies, func(p access.Policy) bool { return access.Validate(p) != nil }) {
			continue // no other engine has to take it
		}
		if number, rest, ok := strings.Cut(l.name, " "); ok && number[0] == 'V' {
			used[number]++
			s.id, s.title = "golden-"+number, rest
			if used[number] > 1 {
				s.id += fmt.Sprintf("-%d", used[number])
			}
		} else {
			used["corner"]++
			s.id = fmt.Sprintf("corner-%02d", used["corner"])
		}
		a := naive(r, s.facts)
		if got := fmt.Sprint(a.Outcome, " ", a.Code, " ", a.Missing, " ", a.Results); got != l.want {
			t.Errorf("%s: the naive evaluator says %s, a person %s", l.name, got, l.want)
		}
		out = append(out, s)
	}
	return out
}

// apart are those scenes that any engine can be asked, and those that ask for what
// Postern has beside.
func apart(all []scene) (common, own []scene) {
	for _, s := range all {
		if f := s.facts; f.Bootstrap || f.Background || f.Continues || s.rules.DenyUncovered {
			own = append(own, s)
		} else {
			common = append(common, s)
		}
	}
	return common, own
}

// refusals are policies that may not be saved.
func refusals() []vectors.Vector {
	device := with(policy("a", access.CompliantDevice), func(p *access.Policy) {
		p.Conditions.Apps = access.Apps{Actions: []access.UserAction{access.RegisterDevice}}
	})
	password := with(policy("a", access.PasswordChange), func(p *access.Policy) { p.Conditions.UserRisk = []access.Risk{access.RiskHigh} })
	both := with(policy("a", access.MFA), func(p *access.Policy) { p.Grant.Strength = strength.Multifactor })
	var out []vectors.Vector
	for _, r := range []struct {
		id, title string
		policy    access.Policy
	}{
		{"golden-V27", "registering a device comes before there is one that could be compliant", device},
		{"golden-V28", "a password is changed behind a second factor alone", password},
		{"corner-block-with-others", "block stands alone", policy("a", access.Block, access.MFA)},
		{"corner-mfa-with-strength", "mfa and an authentication strength exclude each other", both},
	} {
		out = append(out, vectors.Vector{
			ID: r.id, Title: r.title, Policies: []json.RawMessage{document(policyDocument(r.policy))}, Expected: &vectors.Answer{Result: vectors.Refused},
		})
	}
	return out
}

// vector spells a scene as it is published.
func (s scene) vector() vectors.Vector {
	v := vectors.Vector{ID: s.id, Title: s.title, DenyUncovered: s.rules.DenyUncovered, Policies: []json.RawMessage{}}
	places := false
	strengths := map[strength.ID]bool{}
	for _, p := range s.rules.Policies {
		v.Policies = append(v.Policies, document(policyDocument(p)))
		places = places || p.Conditions.Locations != nil
		strengths[p.Grant.Strength] = true
	}
	for _, l := range s.rules.Locations {
		if places {
			v.NamedLocations = append(v.NamedLocations, document(locationDocument(l)))
		}
	}
	for _, st := range s.rules.Strengths {
		if strengths[st.ID] {
			v.AuthenticationStrengths = append(v.AuthenticationStrengths, document(strengthDocument(st)))
		}
	}
	direct := s.direct
	if direct == nil {
		direct = s.facts.Groups
	}
	for _, g := range nests {
		if slices.Contains(s.facts.Groups, g.inner) {
			v.Groups = append(v.Groups, vectors.Group{ID: named(g.inner), MemberOf: []string{named(g.outer)}})
		}
	}
	v.SignIn, v.Expected = signInDocument(s.facts, direct), s.answer()
	return v
}

// answer is what the naive evaluator says, as it is published.
func (s scene) answer() *vectors.Answer {
	a := naive(s.rules, s.facts)
	results := map[access.Outcome]string{access.Granted: vectors.Granted, access.Challenge: vectors.Interrupted, access.Denied: vectors.Blocked}
	out := &vectors.Answer{Result: results[a.Outcome], ErrorCode: a.Code, MissingControls: words(a.Missing), Session: sessionDocument(a.Session)}
	policies := slices.Clone(s.rules.Policies)
	slices.SortStableFunc(policies, func(p, q access.Policy) int { return strings.Compare(string(p.ID), string(q.ID)) })
	for i, p := range policies {
		said := vectors.Policy{ID: named(p.ID), Result: a.Results[i].String(), UnmetControls: words(a.Unmet[i])}
		for _, c := range a.NotMatched[i] {
			said.ConditionsNotMet = append(said.ConditionsNotMet, c.String())
		}
		out.Policies = append(out.Policies, said)
	}
	return out
}

func sessionDocument(n access.Session) *vectors.Session {
	if n == (access.Session{}) {
		return nil
	}
	out := &vectors.Session{
		PersistentBrowser: string(n.Persistent), CloudAppSecurity: string(n.CloudApps), ContinuousAccessEvaluation: string(n.Continuous),
		ApplicationEnforcedRestrictions: n.AppRestrictions, DisableResilienceDefaults: n.NoResilience, SecureSignInSession: n.TokenProtection,
	}
	factors := choose(n.SecondaryOnly, "secondaryAuthentication", "primaryAndSecondaryAuthentication")
	switch {
	case n.ReauthEveryTime:
		out.SignInFrequency = &vectors.Frequency{FrequencyInterval: "everyTime", AuthenticationType: factors}
	case n.ReauthAfter > 0:
		out.SignInFrequency = &vectors.Frequency{FrequencyInterval: "timeBased", Hours: int(n.ReauthAfter.Hours()), AuthenticationType: factors}
	}
	return out
}

func choose[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// identifiers are the identifiers that names stand for in published vectors. The
// first digit tells what kind of thing it is.
var identifiers = func() map[string]string {
	out := map[string]string{
		"r1": "62e90394-69f5-4237-9190-012177145e10", // Global Administrator
		"r2": "fe930be7-5e62-47db-91af-98c3a49a38b1", // User Administrator
	}
	for kind, names := range map[int][]string{
		1: {"u1", "u2", "ada", "eve"},
		2: {"g1", "g2", "g3", "staff", "deleted"},
		3: {"a1", "a2", "a3", "site", "mail", "portal"},
		4: {"s1", "s2"},
		5: {"l1", "l2", "l3", "us", "office", "gone place"},
		6: {"t1", "t2"},
		7: {"x1", "x2"},
		8: {"own", "gone strength"},
		9: {"p1", "p2", "p3", "p4", "a", "b", "c", "recipe"},
	} {
		for i, name := range names {
			out[name] = fmt.Sprintf("%d0000000-0000-4000-8000-%012d", kind, i+1)
		}
	}
	return out
}()

// named is the identifier that a name stands for; what is no name is one already.
func named[ID ~string](name ID) string {
	if id, ok := identifiers[string(name)]; ok {
		return id
	}
	if len(name) != 36 {
		panic("no identifier for " + string(name)) // the test that calls is wrong
	}
	return string(name)
}

func allNamed[ID ~string](all []ID) (out []string) {
	for _, name := range all {
		out = append(out, named(name))
	}
	return out
}

func words[W ~string](all []W) (out []string) {
	for _, w := range all {
		out = append(out, string(w))
	}
	return out
}

// object is a JSON object, name by value, in this order. What is empty is left out.
type object []any

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i := 0; i < len(o); i += 2 {
		if v := reflect.ValueOf(o[i+1]); !v.IsValid() || (v.Kind() == reflect.Slice || v.Kind() == reflect.String) && v.Len() == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(o[i+1])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", o[i], value)
	}
	return fmt.Appendf(nil, "{%s}", b.Bytes()), nil
}

func document(o object) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		panic(err) // an object is made of texts and numbers
	}
	return bytes.TrimSpace(b.Bytes())
}

// policyDocument is a policy as Graph writes it, without what is not configured.
func policyDocument(p access.Policy) object {
	c, g := p.Conditions, p.Grant
	conditions := object{
		"users", usersDocument(c.Users), "applications", appsDocument(c.Apps), "clientAppTypes", words(c.ClientAppTypes),
		"platforms", nil, "locations", nil, "clientApplications", nil,
		"signInRiskLevels", words(c.SignInRisk), "userRiskLevels", words(c.UserRisk), "servicePrincipalRiskLevels", words(c.WorkloadRisk),
		"insiderRiskLevels", strings.Join(words(c.InsiderRisk), ","), "devices", nil, "authenticationFlows", nil,
	}
	if l := c.Platforms; l != nil {
		conditions[7] = object{"includePlatforms", words(l.Include), "excludePlatforms", words(l.Exclude)}
	}
	if l := c.Locations; l != nil {
		conditions[9] = object{
			"includeLocations", slices.Concat(when(l.All, "All"), when(l.AllTrusted, "AllTrusted"), allNamed(l.Include)),
			"excludeLocations", slices.Concat(when(l.ExcludeTrusted, "AllTrusted"), allNamed(l.Exclude)),
		}
	}
	if w := c.Workloads; w != nil {
		conditions[11] = object{
			"includeServicePrincipals", slices.Concat(when(w.All, "ServicePrincipalsInMyTenant"), allNamed(w.Include)),
			"excludeServicePrincipals", allNamed(w.Exclude),
		}
	}
	if c.Device != nil {
		conditions[21] = object{"deviceFilter", filterDocument(c.Device)}
	}
	if len(c.Transfer) > 0 {
		conditions[23] = object{"transferMethods", strings.Join(words(c.Transfer), ",")}
	}
	out := object{"id", named(p.ID), "displayName", p.DisplayName, "state", p.State.String(), "conditions", conditions}
	if len(g.Controls)+len(g.Terms) > 0 || g.Strength != "" {
		grant := object{"operator", g.Operator.String(), "builtInControls", words(g.Controls), "termsOfUse", allNamed(g.Terms)}
		if g.Strength != "" {
			grant = append(grant, "authenticationStrength", object{"id", named(g.Strength)})
		}
		out = append(out, "grantControls", grant)
	}
	if p.Session != nil {
		out = append(out, "sessionControls", sessionControls(*p.Session))
	}
	return out
}

func when(holds bool, word string) []string {
	if holds {
		return []string{word}
	}
	return nil
}

func usersDocument(u access.Users) object {
	return object{
		"includeUsers", slices.Concat(when(u.All, "All"), when(u.None, "None"), when(u.AnyGuest, "GuestsOrExternalUsers"), allNamed(u.Include)),
		"excludeUsers", slices.Concat(when(u.NoGuest, "GuestsOrExternalUsers"), allNamed(u.Exclude)),
		"includeGroups", allNamed(u.IncludeGroups), "excludeGroups", allNamed(u.ExcludeGroups),
		"includeRoles", allNamed(u.IncludeRoles), "excludeRoles", allNamed(u.ExcludeRoles),
		"includeGuestsOrExternalUsers", guestsDocument(u.IncludeGuests), "excludeGuestsOrExternalUsers", guestsDocument(u.ExcludeGuests),
	}
}

func guestsDocument(g *access.Guests) any {
	if g == nil {
		return nil
	}
	out := object{"guestOrExternalUserTypes", strings.Join(words(g.Kinds), ","), "externalTenants", nil}
	if g.Enumerated {
		out[3] = object{
			"@odata.type", "#microsoft.graph.conditionalAccessEnumeratedExternalTenants", "membershipKind", "enumerated", "members", allNamed(g.Tenants),
		}
	} else {
		out[3] = object{"@odata.type", "#microsoft.graph.conditionalAccessAllExternalTenants", "membershipKind", "all"}
	}
	return out
}

func appsDocument(a access.Apps) object {
	return object{
		"includeApplications", slices.Concat(when(a.All, "All"), when(a.None, "None"), words(a.IncludeGroups), allNamed(a.Include)),
		"excludeApplications", slices.Concat(words(a.ExcludeGroups), allNamed(a.Exclude)),
		"includeUserActions", words(a.Actions), "includeAuthenticationContextClassReferences", words(a.Contexts),
		"applicationFilter", filterDocument(a.Filter),
	}
}

func filterDocument(f *access.Filter) any {
	if f == nil {
		return nil
	}
	return object{"mode", choose(f.Exclude, "exclude", "include"), "rule", f.Rule}
}

func sessionControls(s access.SessionControls) object {
	out := object{}
	if q := s.Frequency; q != nil {
		frequency := object{
			"isEnabled", !q.Disabled, "authenticationType", choose(q.Secondary, "secondaryAuthentication", "primaryAndSecondaryAuthentication"),
			"frequencyInterval", choose(q.EveryTime, "everyTime", "timeBased"),
		}
		if !q.EveryTime {
			unit := choose(q.InDays, 24*time.Hour, time.Hour)
			frequency = append(frequency, "type", choose(q.InDays, "days", "hours"), "value", int(q.After/unit))
		}
		out = append(out, "signInFrequency", frequency)
	}
	if s.Persistent != "" {
		out = append(out, "persistentBrowser", object{"isEnabled", !s.PersistentOff, "mode", string(s.Persistent)})
	}
	if s.CloudApps != "" {
		out = append(out, "cloudAppSecurity", object{"isEnabled", !s.CloudAppsOff, "cloudAppSecurityType", string(s.CloudApps)})
	}
	if s.AppRestrictions != access.Unset {
		out = append(out, "applicationEnforcedRestrictions", object{"isEnabled", s.AppRestrictions == access.On})
	}
	if s.ResilienceDisabled != access.Unset {
		out = append(out, "disableResilienceDefaults", s.ResilienceDisabled == access.On)
	}
	if s.TokenProtection != access.Unset {
		out = append(out, "secureSignInSession", object{"isEnabled", s.TokenProtection == access.On})
	}
	if s.Continuous != "" {
		out = append(out, "continuousAccessEvaluation", object{"mode", string(s.Continuous)})
	}
	return out
}

func locationDocument(l location.Location) object {
	if len(l.Ranges) == 0 {
		return object{
			"@odata.type", "#microsoft.graph.countryNamedLocation", "id", named(l.ID), "displayName", string(l.ID),
			"countriesAndRegions", l.Countries, "includeUnknownCountriesAndRegions", l.UnknownCountries,
		}
	}
	var ranges []object
	for _, r := range l.Ranges {
		kind := choose(r.Addr().Is4(), "iPv4CidrRange", "iPv6CidrRange")
		ranges = append(ranges, object{"@odata.type", "#microsoft.graph." + kind, "cidrAddress", r.String()})
	}
	return object{"@odata.type", "#microsoft.graph.ipNamedLocation", "id", named(l.ID), "displayName", string(l.ID), "isTrusted", l.Trusted, "ipRanges", ranges}
}

func strengthDocument(s strength.Strength) object {
	var allowed []string
	for _, c := range s.Combinations {
		allowed = append(allowed, c.String())
	}
	return object{
		"id", named(s.ID), "displayName", s.DisplayName, "policyType", choose(s.BuiltIn, "builtIn", "custom"),
		"requirementsSatisfied", choose(s.SatisfiesMFA(), "mfa", "none"), "allowedCombinations", allowed,
	}
}

func signInDocument(f access.Facts, direct []directory.GroupID) *vectors.SignIn {
	out := &vectors.SignIn{
		At: f.Now, UserActions: words(f.Actions), AuthenticationContexts: words(f.Contexts), Bootstrap: f.Bootstrap,
		ClientAppType: string(f.ClientAppType), Platform: string(f.Platform), Country: f.Country,
		SignInRiskLevel: string(f.SignInRisk), UserRiskLevel: string(f.UserRisk), InsiderRiskLevel: string(f.InsiderRisk),
		ServicePrincipalRiskLevel: string(f.WorkloadRisk), TransferMethod: string(f.Transfer), OriginalTransferMethod: string(f.OriginalTransfer),
		Methods: methodWords(f.Methods), MethodsOffered: methodWords(f.Offers), SignedInAt: f.AuthAt, SecondFactorAt: f.MFAAt,
		PasswordChangedAt: f.PasswordChangedAt, TermsAccepted: allNamed(f.Terms), AppProtected: f.CompliantApplication, TokenBound: f.Bound,
		Background: f.Background, Continues: f.Continues,
	}
	if f.Workload != "" {
		out.ServicePrincipal = named(f.Workload)
	} else {
		out.User = &vectors.User{ID: named(f.User), Groups: allNamed(direct), Roles: allNamed(f.Roles)}
		if f.Guest != "" {
			out.User.Guest = &vectors.Guest{Type: string(f.Guest)}
			if f.HomeTenant != "" {
				out.User.Guest.HomeTenant = named(f.HomeTenant)
			}
		}
	}
	for _, r := range f.Resources {
		out.Resources = append(out.Resources, vectors.Resource{AppID: named(r.ID), Groups: words(r.Groups), Attributes: r.Attributes})
	}
	if f.IP.IsValid() {
		out.IPAddress = f.IP.String()
	}
	if d := f.Device; d != nil {
		out.Device = deviceDocument(*d)
	}
	return out
}

func deviceDocument(d access.Device) *vectors.Device {
	out := &vectors.Device{
		DeviceID: string(d.ID), DisplayName: d.DisplayName, TrustType: string(d.TrustType), IsCompliant: d.Compliant, IsManaged: d.Managed,
		DeviceOwnership: d.Ownership, Manufacturer: d.Manufacturer, Model: d.Model, OperatingSystemVersion: d.OperatingSystemVersion, SystemLabels: d.SystemLabels,
	}
	for i, value := range d.ExtensionAttributes {
		if value != "" {
			out.ExtensionAttributes = map[string]string{fmt.Sprintf("extensionAttribute%d", i+1): value}
		}
	}
	return out
}

func methodWords(m strength.Methods) []string {
	if m == 0 {
		return nil
	}
	return strings.Split(m.String(), ",")
}
