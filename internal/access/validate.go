package access

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/fault"
)

// maxDisplayName is in characters.
const maxDisplayName = 256

// Words that Graph mixes with identifiers. All and None are fields here; the
// others name groups of people and apps that are not evaluated.
var (
	userWords = []string{"", "All", "None", "GuestsOrExternalUsers"}
	appWords  = []string{"", "All", "None", "Office365", "MicrosoftAdminPortals"}
)

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
	v.users(p.Conditions.Users)
	v.apps(p.Conditions.Apps)
	v.clients(p.Conditions.ClientAppTypes)
	v.platforms(p.Conditions.Platforms, p.Grant)
	v.grant(p.Grant)
	if len(v) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(v, "; also: "))
}

func (v *violations) users(u Users) {
	someone := len(u.Include) > 0 || len(u.IncludeGroups) > 0
	v.add(!u.All && !u.None && !someone,
		"conditions.users includes nobody; includeUsers must hold All, None or user identifiers, or includeGroups a group identifier")
	v.add(u.None && (u.All || someone), "conditions.users.includeUsers holds None next to others; None must stand alone")
	words(v, "conditions.users.includeUsers", u.Include, userWords, "user identifiers")
	words(v, "conditions.users.excludeUsers", u.Exclude, userWords, "user identifiers")
	words(v, "conditions.users.includeGroups", u.IncludeGroups, userWords, "group identifiers")
	words(v, "conditions.users.excludeGroups", u.ExcludeGroups, userWords, "group identifiers")
}

func (v *violations) apps(a Apps) {
	v.add(!a.All && !a.None && len(a.Include) == 0,
		"conditions.applications includes nothing; includeApplications must hold All, None or application identifiers")
	v.add(a.None && (a.All || len(a.Include) > 0),
		"conditions.applications.includeApplications holds None next to others; None must stand alone")
	words(v, "conditions.applications.includeApplications", a.Include, appWords, "application identifiers")
	words(v, "conditions.applications.excludeApplications", a.Exclude, appWords, "application identifiers")
}

// words refuses names that are no identifiers.
func words[ID ~string](v *violations, field string, ids []ID, reserved []string, valid string) {
	for _, id := range ids {
		v.add(slices.Contains(reserved, string(id)), "%s holds %q, which is not evaluated there; valid are %s", field, id, valid)
	}
}

func (v *violations) clients(types []ClientAppType) {
	valid := append([]ClientAppType{AllClientApps}, clientAppTypes[:]...)
	v.add(len(types) == 0, "conditions.clientAppTypes is empty; it must hold one or more of %s", list(valid))
	for _, t := range types {
		v.add(!slices.Contains(valid, t), "conditions.clientAppTypes holds %q; valid are %s", t, list(valid))
	}
}

func (v *violations) platforms(on *Platforms, g Grant) {
	if on == nil {
		return
	}
	valid := append([]Platform{AllPlatforms}, platforms[:]...)
	v.add(len(on.Include) == 0, "conditions.platforms.includePlatforms is empty; it must hold one or more of %s", list(valid))
	// No app on these platforms can be protected, so the policy could never be met.
	demands := slices.Contains(g.Controls, CompliantApplication) && (g.Operator != Or || len(g.Controls) == 1)
	for _, p := range on.Include {
		v.add(!slices.Contains(valid, p), "conditions.platforms.includePlatforms holds %q; valid are %s", p, list(valid))
		v.add(demands && (p == MacOS || p == Linux),
			"conditions.platforms.includePlatforms holds %q, where no app can satisfy compliantApplication; offer another control with OR, or leave the platform out", p)
	}
	for _, p := range on.Exclude {
		v.add(!slices.Contains(platforms[:], p), "conditions.platforms.excludePlatforms holds %q; valid are %s", p, list(platforms[:]))
	}
}

func (v *violations) grant(g Grant) {
	v.add(int(g.Operator) >= len(operatorNames), "grantControls.operator is %s; valid are %s", g.Operator, strings.Join(operatorNames[:], ", "))
	v.add(len(g.Controls) == 0, "grantControls.builtInControls is empty; it must hold one or more of %s", list(controls[:]))
	for _, c := range g.Controls {
		v.add(!slices.Contains(controls[:], c), "grantControls.builtInControls holds %q, which is not evaluated; valid are %s", c, list(controls[:]))
	}
	v.add(slices.Contains(g.Controls, Block) && len(g.Controls) > 1,
		"grantControls.builtInControls holds block next to others; block must stand alone")
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
