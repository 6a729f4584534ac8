package access_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

func TestAChangeSaysWhatRulesBecomeAndLeavesThemAlone(t *testing.T) {
	before := access.Rules{
		Policies: []access.Policy{policy("a", access.MFA), policy("b", access.MFA)}, Locations: []location.Location{{ID: "l"}}, Strengths: []strength.Strength{{ID: "s"}},
	}
	first, third, yes := policy("a", access.Block), policy("c", access.Block), true
	for name, c := range map[string]struct {
		change access.Change
		right  func(r access.Rules) bool
	}{
		"nothing": {access.Change{}, func(r access.Rules) bool { return len(r.Policies) == 2 && !r.DenyUncovered }},
		"a policy changes": {access.Change{Policy: &first}, func(r access.Rules) bool {
			return len(r.Policies) == 2 && r.Policies[0].Grant.Controls[0] == access.Block && r.Policies[1].ID == "b"
		}},
		"a policy comes": {access.Change{Policy: &third}, func(r access.Rules) bool { return len(r.Policies) == 3 && r.Policies[2].ID == "c" }},
		"a policy goes":  {access.Change{WithoutPolicy: "a"}, func(r access.Rules) bool { return len(r.Policies) == 1 && r.Policies[0].ID == "b" }},
		"a location changes": {access.Change{Location: &location.Location{ID: "l", Trusted: true}}, func(r access.Rules) bool {
			return len(r.Locations) == 1 && r.Locations[0].Trusted
		}},
		"a strength changes": {access.Change{Strength: &strength.Strength{ID: "s", DisplayName: "new"}}, func(r access.Rules) bool {
			return len(r.Strengths) == 1 && r.Strengths[0].DisplayName == "new"
		}},
		"what is uncovered is refused": {access.Change{DenyUncovered: &yes}, func(r access.Rules) bool { return r.DenyUncovered }},
	} {
		if after := c.change.After(before); !c.right(after) {
			t.Errorf("%s: %+v", name, after)
		}
	}
	if len(before.Policies) != 2 || before.Policies[0].Grant.Controls[0] != access.MFA || before.Locations[0].Trusted || before.Strengths[0].DisplayName != "" {
		t.Errorf("the rules of before were changed: %+v", before)
	}
}

func TestAChangeSaysWhatBecomesOfSomebody(t *testing.T) {
	ada, bob := directory.User{ID: "ada", Enabled: true}, directory.User{ID: "bob", Enabled: true}
	c := access.Change{User: &directory.User{ID: "ada"}}
	if got, there := c.Person(ada); !there || got.Enabled {
		t.Errorf("ada is %+v, %v", got, there)
	}
	if got, there := c.Person(bob); !there || !got.Enabled {
		t.Errorf("bob is %+v, %v", got, there)
	}
	c = access.Change{WithoutUser: "ada"}
	if _, there := c.Person(ada); there {
		t.Error("ada is still there")
	}
	if _, there := c.Person(bob); !there {
		t.Error("bob is gone")
	}
}
