// Package targeting says who a policy is for: included and excluded groups of
// users, or all users. Exclusion beats inclusion (windows-mam.md section 8).
package targeting

import (
	"slices"

	"github.com/postern-mam/postern/internal/directory"
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

// Assignment points a policy at people.
type Assignment struct {
	Kind  Kind
	Group directory.GroupID // empty for AllUsers
}

// Matches reports whether assignments target a user who is, directly or through
// nesting, in groups. No assignment targets nobody.
func Matches(assignments []Assignment, groups []directory.GroupID) bool {
	included := false
	for _, a := range assignments {
		switch a.Kind {
		case ExcludeGroup:
			if slices.Contains(groups, a.Group) {
				return false
			}
		case IncludeGroup:
			included = included || slices.Contains(groups, a.Group)
		case AllUsers:
			included = true
		}
	}
	return included
}
