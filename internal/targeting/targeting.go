// Package targeting says who a policy is for: included and excluded groups of
// users, or all users, each inclusion narrowed by an assignment filter if there is
// one. Exclusion beats inclusion (docs/spec/windows-mam.md, section 8).
package targeting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// Kind is what an assignment points at.
type Kind string

// The kinds of assignments (Graph: groupAssignmentTarget,
// exclusionGroupAssignmentTarget, allLicensedUsersAssignmentTarget).
const (
	IncludeGroup Kind = "includeGroup"
	ExcludeGroup Kind = "excludeGroup"
	AllUsers     Kind = "allUsers"
)

// Assignment points a policy at people, and at those of their app instances that a
// filter leaves.
type Assignment struct {
	Kind   Kind
	Group  directory.GroupID // empty for AllUsers
	Filter FilterID          // empty for none, and always for ExcludeGroup
	Mode   FilterMode        // Unfiltered exactly when Filter is empty
}

// Audience is whom, and which app instance, assignments are matched against.
type Audience struct {
	Groups  []directory.GroupID // of the user, direct and nested
	App     App
	Filters map[FilterID]Filter // of the tenant
}

// Reach is how surely assignments target an audience.
type Reach uint8

// The reaches, in ascending order of certainty.
const (
	Untargeted Reach = iota // no assignment includes it, or one excludes it
	InDoubt                 // only assignments whose filter cannot be asked include it
	Targeted                // an assignment includes it for certain
)

// Matches reports whether assignments target an audience for certain. No
// assignment targets nobody.
func Matches(assignments []Assignment, a Audience) bool { return Reaches(assignments, a) == Targeted }

// Reaches says how surely assignments target an audience.
//
// A filter cannot be asked when it does not exist, is not for apps on Windows, or
// has a rule that cannot be read. Nobody knows then, in either mode, whom the
// administrator meant, and neither answer is safe by itself: who is targeted is
// let in under the policy, and who is not loses its protection if another policy
// lets them in. So the answer is InDoubt. To never loosen anything, a policy in
// doubt must not be the reason that somebody counts as protected, and its settings
// must still join those of the policies that are.
func Reaches(assignments []Assignment, a Audience) Reach {
	reach := Untargeted
	for _, as := range assignments {
		switch as.Kind {
		case ExcludeGroup:
			if slices.Contains(a.Groups, as.Group) {
				return Untargeted
			}
		case IncludeGroup:
			if slices.Contains(a.Groups, as.Group) {
				reach = max(reach, as.narrowed(a))
			}
		case AllUsers:
			reach = max(reach, as.narrowed(a))
		}
	}
	return reach
}

// narrowed says what the filter of an inclusion leaves of it.
func (as Assignment) narrowed(a Audience) Reach {
	if as.Filter == "" && as.Mode == Unfiltered {
		return Targeted
	}
	f, ok := a.Filters[as.Filter]
	if !ok || !f.Usable() || (as.Mode != Include && as.Mode != Exclude) {
		return InDoubt
	}
	if f.Passes(a.App) == (as.Mode == Include) {
		return Targeted
	}
	return Untargeted
}

// ValidateAssignments says what is wrong with assignments before they are saved:
// everything, as one fault.Invalid. A group may be both included and excluded; it
// is excluded then. Whether groups and filters exist is for the caller to know.
func ValidateAssignments(assignments []Assignment) error {
	var wrong complaints
	for i, a := range assignments {
		switch a.Kind {
		case AllUsers:
			if a.Group != "" {
				wrong.say("assignments[%d] is all users and names the group %q; valid is one of the two", i, clip(string(a.Group)))
			}
		case IncludeGroup, ExcludeGroup:
			if a.Group == "" {
				wrong.say("assignments[%d] is %s and names no group; valid is the id of a group", i, a.Kind)
			}
		default:
			wrong.say("assignments[%d] is %q; valid are includeGroup, excludeGroup, allUsers", i, clip(string(a.Kind)))
		}
		if problem := a.badFilter(); problem != "" {
			wrong.say("assignments[%d] %s", i, problem)
		}
	}
	return wrong.fault()
}

// badFilter says what is wrong with the filter of an assignment, or "".
func (as Assignment) badFilter() string {
	switch {
	case as.Mode != Unfiltered && as.Mode != Include && as.Mode != Exclude:
		return fmt.Sprintf("has the filter mode %q; valid are none, include, exclude", clip(string(as.Mode)))
	case as.Kind == ExcludeGroup && (as.Filter != "" || as.Mode != Unfiltered):
		return fmt.Sprintf("excludes a group and has the filter %q; valid is a filter on an inclusion", clip(string(as.Filter)))
	case as.Filter != "" && as.Mode == Unfiltered:
		return fmt.Sprintf("has the filter %q without a mode; valid are include, exclude", clip(string(as.Filter)))
	case as.Filter == "" && as.Mode != Unfiltered:
		return fmt.Sprintf("has the filter mode %s without a filter; valid is the id of a filter", as.Mode)
	default:
		return ""
	}
}

// complaints collects what is wrong.
type complaints []string

func (c *complaints) say(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

// fault returns everything that is wrong as one error, or nil.
func (c complaints) fault() error {
	if len(c) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(c, "; "))
}

// clip keeps an error readable when someone sends a megabyte as a name.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
