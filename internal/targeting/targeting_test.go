package targeting_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/targeting"
)

func TestAssignments(t *testing.T) {
	include := func(g directory.GroupID) targeting.Assignment {
		return targeting.Assignment{Kind: targeting.IncludeGroup, Group: g}
	}
	exclude := func(g directory.GroupID) targeting.Assignment {
		return targeting.Assignment{Kind: targeting.ExcludeGroup, Group: g}
	}
	all := targeting.Assignment{Kind: targeting.AllUsers}
	tests := []struct {
		name        string
		assignments []targeting.Assignment
		groups      []directory.GroupID
		want        bool
	}{
		{"no assignment targets nobody", nil, []directory.GroupID{"staff"}, false},
		{"a member is targeted", []targeting.Assignment{include("pilots"), include("staff")}, []directory.GroupID{"staff"}, true},
		{"a stranger is not", []targeting.Assignment{include("pilots")}, []directory.GroupID{"staff"}, false},
		{"who is in no group is not", []targeting.Assignment{include("pilots")}, nil, false},
		{"all users means everybody", []targeting.Assignment{all}, nil, true},
		{"exclusion beats inclusion", []targeting.Assignment{include("staff"), exclude("guests")}, []directory.GroupID{"staff", "guests"}, false},
		{"whatever comes first", []targeting.Assignment{exclude("guests"), all}, []directory.GroupID{"guests"}, false},
		{"exclusion of another group excludes nobody else", []targeting.Assignment{all, exclude("guests")}, []directory.GroupID{"staff"}, true},
		{"exclusion alone includes nobody", []targeting.Assignment{exclude("guests")}, []directory.GroupID{"staff"}, false},
		{"an unknown kind targets nobody", []targeting.Assignment{{Kind: "everyDevice", Group: "staff"}}, []directory.GroupID{"staff"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := targeting.Matches(tt.assignments, targeting.Audience{Groups: tt.groups}); got != tt.want {
				t.Errorf("Matches = %v", got)
			}
		})
	}
}

// The laws: no order matters, one exclusion more never lets anyone in, and one
// inclusion more never throws anyone out.
func TestExclusionOnlyNarrowsAndInclusionOnlyWidens(t *testing.T) {
	group := rapid.SampledFrom([]directory.GroupID{"a", "b", "c", "d"})
	assignment := rapid.Custom(func(t *rapid.T) targeting.Assignment {
		a := targeting.Assignment{Kind: rapid.SampledFrom([]targeting.Kind{targeting.IncludeGroup, targeting.ExcludeGroup, targeting.AllUsers}).Draw(t, "kind")}
		if a.Kind != targeting.AllUsers {
			a.Group = group.Draw(t, "group")
		}
		return a
	})
	rapid.Check(t, func(t *rapid.T) {
		assignments, groups := rapid.SliceOfN(assignment, 0, 5).Draw(t, "assignments"), rapid.SliceOfN(group, 0, 4).Draw(t, "groups")
		before := targeting.Matches(assignments, targeting.Audience{Groups: groups})
		if len(assignments) > 0 && targeting.Matches(rapid.Permutation(assignments).Draw(t, "permuted"), targeting.Audience{Groups: groups}) != before {
			t.Fatal("the order matters")
		}
		more := assignment.Draw(t, "more")
		after := targeting.Matches(append(slices.Clone(assignments), more), targeting.Audience{Groups: groups})
		if more.Kind == targeting.ExcludeGroup && after && !before {
			t.Fatal("an exclusion let someone in")
		}
		if more.Kind != targeting.ExcludeGroup && before && !after {
			t.Fatal("an inclusion threw someone out")
		}
	})
}
