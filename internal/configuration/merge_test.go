package configuration_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/targeting"
)

func merge(policies ...configuration.Policy) *configuration.Effective {
	return configuration.Merge(policies, configuration.Target{App: edge, Person: ada})
}

func ranked(priority int, change func(*configuration.Policy)) func(*configuration.Policy) {
	return func(p *configuration.Policy) { change(p); p.Priority = priority }
}

func TestWithoutAPolicyThereIsNoConfiguration(t *testing.T) {
	elsewhere := everyone("A_1", func(p *configuration.Policy) { p.Apps = []directory.PackageID{"com.contoso.lob"} })
	others := everyone("A_2", func(p *configuration.Policy) {
		p.Assignments = []targeting.Assignment{{Kind: targeting.IncludeGroup, Group: "others"}}
	})
	doubtful := everyone("A_3", func(p *configuration.Policy) {
		p.Assignments = []targeting.Assignment{{Kind: targeting.AllUsers, Filter: "gone", Mode: targeting.Include}}
	})
	if e := merge(elsewhere, others, doubtful); e != nil {
		t.Errorf("%+v", e)
	}
	e := configuration.Merge([]configuration.Policy{others}, configuration.Target{App: edge, Audience: targeting.Audience{Groups: []directory.GroupID{"others"}}})
	if e == nil || len(e.Settings) != 0 || !slices.Equal(e.Policies, []configuration.PolicyID{"A_2"}) {
		t.Errorf("%+v", e)
	}
}

func TestAKeyIsOneKeyFreeOrTyped(t *testing.T) {
	e := merge(
		everyone("A_1", free("homepagelocation", "https://portal.example", "theme", "dark {{mail}}", "Theme", "light")),
		everyone("A_2", typed("HomepageLocation", ` "https://portal.example"`)),
	)
	want := []configuration.EffectiveSetting{
		{Name: "HomepageLocation", Value: `"https://portal.example"`, Source: "A_1", Typed: true},
		{Name: "Theme", Value: "light", Source: "A_1"},
		{Name: "theme", Value: "dark ada@mail.example", Source: "A_1"},
	}
	if !slices.Equal(e.Settings, want) || e.Conflicts != nil {
		t.Errorf("%+v", e)
	}
}

func TestAConflictIsResolvedByPriorityAndReported(t *testing.T) {
	e := merge(
		everyone("A_2", ranked(10, free("SyncDisabled", "true", "server", "b"))),
		everyone("A_1", ranked(20, typed("SyncDisabled", "false"))),
		everyone("A_4", ranked(10, free("SyncDisabled", "False", "server", "b"))),
		everyone("A_3", ranked(0, free("server", "a"))),
	)
	settings := []configuration.EffectiveSetting{{Name: "SyncDisabled", Value: "true", Source: "A_2", Typed: true}, {Name: "server", Value: "a", Source: "A_3"}}
	conflicts := []configuration.Conflict{
		{Name: "SyncDisabled", Winner: "A_2", Claims: []configuration.Claim{{"A_2", "true"}, {"A_4", "false"}, {"A_1", "false"}}},
		{Name: "server", Winner: "A_3", Claims: []configuration.Claim{{"A_3", "a"}, {"A_2", "b"}, {"A_4", "b"}}},
	}
	if !slices.Equal(e.Settings, settings) || !reflect.DeepEqual(e.Conflicts, conflicts) {
		t.Errorf("%+v", e)
	}
	if !slices.Equal(e.Policies, []configuration.PolicyID{"A_1", "A_2", "A_3", "A_4"}) {
		t.Errorf("policies %v", e.Policies)
	}
}

// Two policies that mean the same for a person do not disagree about that person.
func TestValuesAreComparedAsThePersonGetsThem(t *testing.T) {
	policies := []configuration.Policy{everyone("A_1", free("box", "{{mail}}")), everyone("A_2", free("box", "{{PrimarySMTPAddress}}")), everyone("A_3", free("box", "ada@mail.example"))}
	if e := merge(policies...); e.Conflicts != nil || e.Settings[0] != (configuration.EffectiveSetting{Name: "box", Value: "ada@mail.example", Source: "A_1"}) {
		t.Errorf("%+v", e)
	}
	bob := configuration.Target{App: edge, Person: configuration.Person{Mail: "bob@mail.example"}}
	if e := configuration.Merge(policies, bob); len(e.Conflicts) != 1 {
		t.Errorf("%+v", e)
	}
}

func TestAFactStaysInsideTheTextItStandsIn(t *testing.T) {
	e := merge(everyone("A_1", typed("ManagedFavorites", `[{"name":"{{username}}","url":"a.example"}]`)))
	if want := `[{"name":"Ada \"{{mail}}\" \\ <L>","url":"a.example"}]`; e.Settings[0].Value != want {
		t.Errorf("%s, want %s", e.Settings[0].Value, want)
	}
}

// A value that the catalogue came to refuse after the policy was saved is still
// shown, as what was written.
func TestAStaleValueIsDeliveredAsWritten(t *testing.T) {
	e := merge(everyone("A_1", typed("restoreonstartup", "9{{userid}}")))
	if e.Settings[0] != (configuration.EffectiveSetting{Name: "RestoreOnStartup", Value: "9u-1", Source: "A_1"}) {
		t.Errorf("%+v", e.Settings)
	}
}

func TestTheOrderOfPoliciesDoesNotCount(t *testing.T) {
	policies := []configuration.Policy{
		everyone("A_1", free("a", "1", "b", "1", "SyncDisabled", "true")),
		everyone("A_2", ranked(5, free("b", "2", "a", "1"))),
		everyone("A_3", ranked(5, typed("SyncDisabled", "false", "ForceSync", "true"))),
		everyone("A_3", ranked(5, typed("SyncDisabled", "false", "ForceSync", "true"))), // twice in the list: one policy
		everyone("A_4", free("c", "{{mail}}", "SyncDisabled", "true")),
	}
	want := merge(policies...)
	if len(want.Conflicts) != 2 || len(want.Policies) != 4 || len(want.Settings) != 5 {
		t.Fatalf("%+v", want)
	}
	permute(policies, 0, func() {
		if got := merge(policies...); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}

func permute[T any](list []T, from int, visit func()) {
	if from == len(list) {
		visit()
	}
	for i := from; i < len(list); i++ {
		list[from], list[i] = list[i], list[from]
		permute(list, from+1, visit)
		list[from], list[i] = list[i], list[from]
	}
}

func TestTheETagMovesExactlyWithWhatIsDelivered(t *testing.T) {
	base := everyone("A_1", free("a", "1", "b", "{{mail}}"))
	tag := merge(base).ETag
	if len(tag) != 24 {
		t.Errorf("the ETag is %q", tag)
	}
	same := everyone("A_1", ranked(3, free("b", "ada@mail.example", "a", "1")))
	same.DisplayName, same.Revision = "Another name", 7
	if got := merge(same).ETag; got != tag {
		t.Error("the ETag moved and nothing changed")
	}
	for name, p := range map[string]configuration.Policy{
		"value":  everyone("A_1", free("a", "2", "b", "{{mail}}")),
		"name":   everyone("A_1", free("A", "1", "b", "{{mail}}")),
		"fewer":  everyone("A_1", free("a", "1")),
		"policy": everyone("A_2", free("a", "1", "b", "{{mail}}")),
		"cut":    everyone("A_1", free("a", "1\" false\n\"b\"=\"ada@mail.example")),
	} {
		if merge(p).ETag == tag {
			t.Errorf("%s: the ETag stayed", name)
		}
	}
	four := configuration.Target{App: edge, Person: configuration.Person{ID: "4"}}
	stale := configuration.Merge([]configuration.Policy{everyone("A_1", free("RestoreOnStartup", "{{userid}}"))}, four)
	sound := configuration.Merge([]configuration.Policy{everyone("A_1", free("RestoreOnStartup", "4"))}, four)
	if stale.Settings[0].Value != sound.Settings[0].Value || stale.ETag == sound.ETag {
		t.Errorf("a value that the catalogue refuses looks like a sound one: %+v, %+v", stale, sound)
	}
	if merge(everyone("A_1", free("a", "1", "b", "{{mail}}")), everyone("A_2", free())).ETag == tag {
		t.Error("the ETag stayed when one more policy took part")
	}
}
