package configuration

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/targeting"
)

// The limits of a policy. Sizes are in bytes. They are ours: Microsoft publishes
// none, and every app fetches the whole.
const (
	maxName        = 256
	maxDescription = 4096
	maxSettings    = 500       // free and typed together
	maxValue       = 64 << 10  // one value
	maxPolicy      = 256 << 10 // all names and values
)

// Validate says what is wrong with a policy before it is saved: everything, as one
// fault.Invalid, each with the field, the value and what would be valid.
func Validate(p Policy) error {
	var wrong complaints
	if name := strings.TrimSpace(p.DisplayName); name == "" || len(name) > maxName || !utf8.ValidString(name) {
		wrong.say("displayName is %q; valid are 1 to %d bytes", clip(p.DisplayName), maxName)
	}
	if len(p.Description) > maxDescription || !utf8.ValidString(p.Description) {
		wrong.say("description is %q; valid are up to %d bytes", clip(p.Description), maxDescription)
	}
	if p.Priority < 0 || p.Priority > LowestPriority {
		wrong.say("priority is %d; valid are 0, the highest, to %d", p.Priority, LowestPriority)
	}
	wrong.settings(p)
	wrong.apps(p.Apps)
	if err := targeting.ValidateAssignments(p.Assignments); err != nil {
		wrong.say("%s", fault.Detail(err))
	}
	if len(wrong) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(wrong, "; "))
}

// complaints collects what is wrong.
type complaints []string

func (c *complaints) say(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

func (c *complaints) settings(p Policy) {
	if n := len(p.Settings) + len(p.Catalog); n > maxSettings {
		c.say("customSettings and settings are %d; valid are up to %d", n, maxSettings)
		return
	}
	size, seen := 0, map[string]string{}
	check := func(list []Setting, field string, problem func(Setting) string) {
		for i, s := range list {
			at := fmt.Sprintf("%s[%d]", field, i)
			size += len(s.Name) + len(s.Value)
			if wrong := problem(s); wrong != "" {
				c.say("%s: %s", at, wrong)
			}
			if before, twice := seen[spelled(s.Name)]; twice {
				c.say("%s: %q is in %s already; valid is one of them", at, clip(s.Name), before)
				continue
			}
			seen[spelled(s.Name)] = at
		}
	}
	check(p.Settings, "customSettings", freeProblem)
	check(p.Catalog, "settings", typedProblem)
	if size > maxPolicy {
		c.say("customSettings and settings have %d bytes; valid are up to %d", size, maxPolicy)
	}
}

// spelled returns a name as the catalogue spells it, or as it is.
func spelled(name string) string {
	if k := find(name); k != nil {
		return k.Name
	}
	return name
}

// freeProblem says what is wrong with a free pair, or "".
func freeProblem(s Setting) string {
	if wrong := badText(s); wrong != "" {
		return wrong
	}
	if k, ok := Lookup(s.Name); ok {
		return keyProblem(k, s.Value)
	}
	if why := misnamed(s.Name); why != "" && Ignored(s.Name) == "" {
		return fmt.Sprintf("the name is %q, %s", clip(s.Name), why)
	}
	return tokenProblem(s.Name, s.Value)
}

// typedProblem says what is wrong with a setting of the catalogue, or "".
func typedProblem(s Setting) string {
	if wrong := badText(s); wrong != "" {
		return wrong
	}
	if k, ok := Lookup(s.Name); ok {
		return keyProblem(k, s.Value)
	}
	why := cmp.Or(Ignored(s.Name), misnamed(s.Name))
	if why == "" {
		why = "which is not in the catalogue; valid is the name of an Edge policy of the catalogue, or a pair in customSettings"
	}
	return fmt.Sprintf("the name is %q, %s", clip(s.Name), why)
}

func badText(s Setting) string {
	switch {
	case s.Name == "" || len(s.Name) > maxName || s.Name != strings.TrimSpace(s.Name) || !utf8.ValidString(s.Name) || strings.ContainsFunc(s.Name, unicode.IsControl):
		return fmt.Sprintf("the name is %q; valid are 1 to %d bytes without spaces around them", clip(s.Name), maxName)
	case len(s.Value) > maxValue || !utf8.ValidString(s.Value):
		return fmt.Sprintf("%s is %q; valid are up to %d bytes of UTF-8", s.Name, clip(s.Value), maxValue)
	}
	return ""
}

func keyProblem(k Key, value string) string {
	canonical, err := k.Parse(value)
	if err != nil {
		return fault.Detail(err)
	}
	return tokenProblem(k.Name, canonical)
}

func tokenProblem(name, value string) string {
	if token := strange(value); token != "" {
		return fmt.Sprintf("%s has the token %q; valid are %s", name, token, strings.Join(Tokens(), ", "))
	}
	return ""
}

func (c *complaints) apps(apps []directory.PackageID) {
	for i, app := range apps {
		switch {
		case app == "" || len(app) > maxName || strings.ContainsFunc(string(app), func(r rune) bool { return r <= ' ' || r == 0x7f }):
			c.say("apps[%d] is %q; valid is an app identifier such as com.microsoft.edge", i, clip(string(app)))
		case slices.Contains(apps[:i], app):
			c.say("apps[%d] is %q, which is there already; valid is each app once", i, clip(string(app)))
		}
	}
}
