package targeting_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/devicefilter"
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

func TestAFilterNarrowsTheAssignmentItIsOn(t *testing.T) {
	filters := map[targeting.FilterID]targeting.Filter{
		"contoso": filter(t, "contoso", `(app.deviceManufacturer -eq "Contoso")`),
		"broken":  {ID: "broken", ForApps: true, Platform: targeting.WindowsApps, Rule: devicefilter.Unread("(")},
		"devices": {ID: "devices", Platform: targeting.WindowsDevices},
	}
	only := func(f targeting.FilterID) targeting.Assignment {
		return targeting.Assignment{Kind: targeting.AllUsers, Filter: f, Mode: targeting.Include}
	}
	allBut := func(f targeting.FilterID) targeting.Assignment {
		return targeting.Assignment{Kind: targeting.IncludeGroup, Group: "staff", Filter: f, Mode: targeting.Exclude}
	}
	staff, guests := targeting.Assignment{Kind: targeting.IncludeGroup, Group: "staff"}, targeting.Assignment{Kind: targeting.IncludeGroup, Group: "guests"}
	notStaff := targeting.Assignment{Kind: targeting.ExcludeGroup, Group: "staff"}
	const contoso, other = "Contoso", "Fabrikam"
	tests := []struct {
		name         string
		assignments  []targeting.Assignment
		manufacturer string
		want         targeting.Reach
	}{
		{"include takes what passes", []targeting.Assignment{only("contoso")}, contoso, targeting.Targeted},
		{"include leaves what does not", []targeting.Assignment{only("contoso")}, other, targeting.Untargeted},
		{"include leaves what is unknown", []targeting.Assignment{only("contoso")}, "", targeting.Untargeted},
		{"exclude leaves what passes", []targeting.Assignment{allBut("contoso")}, contoso, targeting.Untargeted},
		{"exclude takes what does not", []targeting.Assignment{allBut("contoso")}, other, targeting.Targeted},
		{"exclude takes what is unknown", []targeting.Assignment{allBut("contoso")}, "", targeting.Targeted},
		{"another assignment is not narrowed", []targeting.Assignment{only("contoso"), staff}, other, targeting.Targeted},
		{"two filters take what either takes", []targeting.Assignment{only("contoso"), allBut("contoso")}, other, targeting.Targeted},
		{"exclusion beats a filter", []targeting.Assignment{only("contoso"), notStaff}, contoso, targeting.Untargeted},
		{"a missing filter is doubt", []targeting.Assignment{only("gone")}, contoso, targeting.InDoubt},
		{"in either mode", []targeting.Assignment{allBut("gone")}, contoso, targeting.InDoubt},
		{"so is a filter that cannot be read", []targeting.Assignment{only("broken"), allBut("broken")}, contoso, targeting.InDoubt},
		{"and one for devices", []targeting.Assignment{allBut("devices")}, contoso, targeting.InDoubt},
		{"and one without a mode", []targeting.Assignment{{Kind: targeting.AllUsers, Filter: "contoso"}}, contoso, targeting.InDoubt},
		{"and a mode without one", []targeting.Assignment{{Kind: targeting.AllUsers, Mode: targeting.Exclude}}, contoso, targeting.InDoubt},
		{"certainty beats doubt", []targeting.Assignment{only("gone"), staff}, contoso, targeting.Targeted},
		{"exclusion beats doubt", []targeting.Assignment{only("gone"), notStaff}, contoso, targeting.Untargeted},
		{"doubt about others is none", []targeting.Assignment{guests, {Kind: targeting.IncludeGroup, Group: "guests", Filter: "gone", Mode: targeting.Include}}, contoso, targeting.Untargeted},
		{"doubt beats a filter that says no", []targeting.Assignment{only("contoso"), only("gone")}, other, targeting.InDoubt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			audience := targeting.Audience{Groups: []directory.GroupID{"staff"}, App: targeting.App{Manufacturer: tt.manufacturer}, Filters: filters}
			if got := targeting.Reaches(tt.assignments, audience); got != tt.want {
				t.Errorf("Reaches = %d", got)
			}
			if got := targeting.Matches(tt.assignments, audience); got != (tt.want == targeting.Targeted) {
				t.Errorf("Matches = %v", got)
			}
		})
	}
}

// The laws: no order matters, one exclusion more never lets anyone in, one
// inclusion more never throws anyone out, and a filter only narrows.
func TestExclusionAndFiltersOnlyNarrowAndInclusionOnlyWidens(t *testing.T) {
	group := rapid.SampledFrom([]directory.GroupID{"a", "b", "c", "d"})
	filters := map[targeting.FilterID]targeting.Filter{"f": filter(t, "f", `app.deviceModel -eq "a"`), "broken": {}}
	assignment := rapid.Custom(func(t *rapid.T) targeting.Assignment {
		a := targeting.Assignment{Kind: rapid.SampledFrom([]targeting.Kind{targeting.IncludeGroup, targeting.ExcludeGroup, targeting.AllUsers}).Draw(t, "kind")}
		if a.Kind != targeting.AllUsers {
			a.Group = group.Draw(t, "group")
		}
		if a.Kind != targeting.ExcludeGroup && rapid.Bool().Draw(t, "filtered") {
			a.Filter = rapid.SampledFrom([]targeting.FilterID{"f", "broken", "gone"}).Draw(t, "filter")
			a.Mode = rapid.SampledFrom([]targeting.FilterMode{targeting.Include, targeting.Exclude}).Draw(t, "mode")
		}
		return a
	})
	rapid.Check(t, func(t *rapid.T) {
		assignments := rapid.SliceOfN(assignment, 0, 5).Draw(t, "assignments")
		audience := targeting.Audience{
			Groups: rapid.SliceOfN(group, 0, 4).Draw(t, "groups"), Filters: filters,
			App: targeting.App{Model: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "model")},
		}
		if err := targeting.ValidateAssignments(assignments); err != nil {
			t.Fatal(err)
		}
		before := targeting.Reaches(assignments, audience)
		if len(assignments) > 0 && targeting.Reaches(rapid.Permutation(assignments).Draw(t, "permuted"), audience) != before {
			t.Fatal("the order matters")
		}
		more := assignment.Draw(t, "more")
		after := targeting.Reaches(append(slices.Clone(assignments), more), audience)
		if more.Kind == targeting.ExcludeGroup && after > before {
			t.Fatal("an exclusion let someone in")
		}
		if more.Kind != targeting.ExcludeGroup && before > after {
			t.Fatal("an inclusion threw someone out")
		}
		more.Filter, more.Mode = "", targeting.Unfiltered
		if wide := targeting.Reaches(append(slices.Clone(assignments), more), audience); after > wide {
			t.Fatal("a filter let someone in")
		}
	})
}
