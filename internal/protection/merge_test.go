package protection_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// at is a Windows PC with app, of a user in groups.
func at(app dirPackage, groups ...directory.GroupID) protection.Target {
	return protection.Target{Platform: protection.Windows, App: app, Audience: targeting.Audience{Groups: groups}}
}

func TestNothingAppliesWhenNothingTargets(t *testing.T) {
	p := policy("p", func(p *protection.Policy) {
		p.Assignments = []targeting.Assignment{{Kind: targeting.IncludeGroup, Group: "staff"}, {Kind: targeting.ExcludeGroup, Group: "pilots"}}
	})
	tests := []struct {
		name   string
		app    dirPackage
		groups []directory.GroupID
		want   bool
	}{
		{"a member who uses the app", edge, []directory.GroupID{"x", "staff"}, true},
		{"another app", "com.example.mail", []directory.GroupID{"staff"}, false},
		{"a stranger", edge, nil, false},
		{"exclusion beats inclusion", edge, []directory.GroupID{"staff", "pilots"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := protection.Merge([]protection.Policy{p}, at(tt.app, tt.groups...)); (got != nil) != tt.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAPolicyTakesOnlyItsOwnPlatform(t *testing.T) {
	of := func(platform string) []protection.Policy {
		return []protection.Policy{policy("p", func(p *protection.Policy) { p.Platform = platform })}
	}
	tests := []struct {
		policy, target string
		want           bool
	}{
		{"", "windows", true}, {"windows", "windows", true}, {"macOS", "macOS", true},
		{"macOS", "windows", false}, {"", "macOS", false}, {"", "", false}, {"windows", "Windows", false},
	}
	for _, tt := range tests {
		target := at(edge)
		target.Platform = tt.target
		if got := protection.Merge(of(tt.policy), target); (got != nil) != tt.want {
			t.Errorf("a policy for %q takes a %q app: %v", tt.policy, tt.target, got != nil)
		}
	}
}

// filtered is a policy for the apps on PCs of one model.
func filtered(id protection.PolicyID, settings protection.Settings) protection.Policy {
	return policy(id, func(p *protection.Policy) {
		p.Settings = settings
		p.Assignments = []targeting.Assignment{{Kind: targeting.AllUsers, Filter: "f", Mode: targeting.Include}}
	})
}

func filters(t *testing.T) map[targeting.FilterID]targeting.Filter {
	rule, err := targeting.ParseRule(targeting.WindowsApps, `(app.deviceModel -eq "Book")`)
	if err != nil {
		t.Fatal(err)
	}
	return map[targeting.FilterID]targeting.Filter{"f": {ID: "f", Platform: targeting.WindowsApps, ForApps: true, Rule: rule}}
}

func TestAFilterNarrowsAPolicyToSomeAppInstances(t *testing.T) {
	policies := []protection.Policy{filtered("p", protection.Settings{PrintBlocked: true})}
	target := at(edge)
	target.Audience.Filters = filters(t)
	if protection.Merge(policies, target) != nil {
		t.Error("a PC that does not tell its model passed")
	}
	target.Audience.App.Model = "book"
	if e := protection.Merge(policies, target); e == nil || !e.Settings.PrintBlocked {
		t.Errorf("the model passes and gets %+v", e)
	}
}

func TestAPolicyInDoubtProtectsNobodyAloneAndJoinsOthers(t *testing.T) {
	doubtful := filtered("a", protection.Settings{PrintBlocked: true})
	if e := protection.Merge([]protection.Policy{doubtful}, at(edge)); e != nil {
		t.Errorf("a filter that nobody knows let someone count as protected: %+v", e)
	}
	certain := policy("b", func(p *protection.Policy) { p.Settings.SendTo = protection.NoApps })
	e := protection.Merge([]protection.Policy{certain, doubtful}, at(edge))
	if e == nil || !e.Settings.PrintBlocked || e.Settings.SendTo != protection.NoApps || !reflect.DeepEqual(e.Policies, []protection.PolicyID{"a", "b"}) {
		t.Errorf("the policy in doubt was left out: %+v", e)
	}
}

func TestEveryPolicyIsHeardAndTheDecisiveOneIsMarked(t *testing.T) {
	a := policy("a", func(p *protection.Policy) { p.Settings.PrintBlocked = true })
	b := policy("b", func(p *protection.Policy) {
		p.Settings.Checks = []protection.Check{row(protection.OfflineGrace, protection.Block, time.Hour), row(protection.MinAppVersion, protection.Warn, v(1, 2))}
	})
	other := policy("c", func(p *protection.Policy) { p.Apps = []dirPackage{"com.example.mail"} })
	got := protection.Explain([]protection.Policy{b, other, a}, at(edge))
	want := []protection.Contribution{
		{"a", "receiveDataFrom", "allApps", true}, {"a", "sendOrgDataTo", "allApps", true}, {"a", "cutCopyPaste", "anyDestinationAnySource", true},
		{"a", "printOrgData", "block", true}, {"a", "offlineGracePeriod:block", "43200", false}, {"a", "offlineGracePeriod:wipe", "7776000", true},
		{"b", "receiveDataFrom", "allApps", false}, {"b", "sendOrgDataTo", "allApps", false}, {"b", "cutCopyPaste", "anyDestinationAnySource", false},
		{"b", "printOrgData", "allow", false}, {"b", "offlineGracePeriod:block", "3600", true}, {"b", "offlineGracePeriod:wipe", "7776000", false},
		{"b", "minAppVersion:warn", "1.2", true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := protection.Explain([]protection.Policy{other}, at(edge)); got != nil {
		t.Errorf("nothing targets, and %v", got)
	}
}

func TestWhatIsNotConfiguredReadsAsTheDefault(t *testing.T) {
	raw := protection.Settings{Checks: []protection.Check{
		{Subject: protection.MinOSVersion, Action: protection.Block, Version: v(10), Level: threat.Low},
		{Subject: protection.OfflineGrace, Action: protection.Block, After: time.Hour},
		{Subject: "moonPhase", Action: protection.Block, After: 3},
	}}
	got := raw.WithDefaults()
	want := protection.Settings{ReceiveFrom: protection.AllApps, SendTo: protection.AllApps, Clipboard: protection.AnyDestinationAnySource, Checks: []protection.Check{
		row(protection.OfflineGrace, protection.Block, time.Hour), row(protection.OfflineGrace, protection.Wipe, 90*day),
		row(protection.MinOSVersion, protection.Block, v(10)), row("moonPhase", protection.Block, nil),
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if raw.ReceiveFrom != "" || len(raw.Checks) != 3 {
		t.Errorf("the original changed: %+v", raw)
	}
	none := protection.Settings{}.WithDefaults()
	if !reflect.DeepEqual(none.Checks, []protection.Check{row(protection.OfflineGrace, protection.Block, 720*time.Minute), row(protection.OfflineGrace, protection.Wipe, 90*day)}) {
		t.Errorf("the default rows are %+v", none.Checks)
	}
}

func TestTheMostRestrictiveValueWinsAndNamesItsPolicy(t *testing.T) {
	a := policy("a", func(p *protection.Policy) {
		p.Settings = protection.Settings{ReceiveFrom: protection.NoApps, Clipboard: protection.OrgDestinationAnySource, Checks: []protection.Check{
			row(protection.OfflineGrace, protection.Block, 7*day), row(protection.OfflineGrace, protection.Wipe, time.Duration(0)),
			row(protection.MinOSVersion, protection.Block, v(10, 0, 22621)), row(protection.MaxOSVersion, protection.Warn, v(10, 0, 30000)),
			row(protection.MaxThreatLevel, protection.Block, threat.Low), row(protection.DisabledAccount, protection.Block, nil),
		}}
	})
	b := policy("b", func(p *protection.Policy) {
		p.Settings = protection.Settings{ReceiveFrom: protection.NoApps, Clipboard: protection.OrgDestinationOrgSource, PrintBlocked: true, Checks: []protection.Check{
			row(protection.OfflineGrace, protection.Block, time.Hour), row(protection.OfflineGrace, protection.Wipe, 30*day),
			row(protection.MinOSVersion, protection.Warn, v(10, 0, 26100)), row(protection.MinOSVersion, protection.Block, v(10, 0, 22631)),
			row(protection.MaxOSVersion, protection.Warn, v(10, 0, 29000)),
			row(protection.MaxThreatLevel, protection.Wipe, threat.High), row(protection.DisabledAccount, protection.Wipe, nil),
		}}
	})
	got := protection.Merge([]protection.Policy{b, a}, at(edge))
	want := protection.Settings{ReceiveFrom: protection.NoApps, SendTo: protection.AllApps, Clipboard: protection.OrgDestinationOrgSource, PrintBlocked: true, Checks: []protection.Check{
		row(protection.OfflineGrace, protection.Block, time.Hour), row(protection.OfflineGrace, protection.Wipe, 30*day),
		row(protection.DisabledAccount, protection.Wipe, nil),
		row(protection.MinOSVersion, protection.Warn, v(10, 0, 26100)), row(protection.MinOSVersion, protection.Block, v(10, 0, 22631)),
		row(protection.MaxOSVersion, protection.Warn, v(10, 0, 29000)),
		row(protection.MaxThreatLevel, protection.Block, threat.Low), row(protection.MaxThreatLevel, protection.Wipe, threat.High),
	}}
	if !reflect.DeepEqual(got.Settings, want) {
		t.Errorf("got  %+v\nwant %+v", got.Settings, want)
	}
	sources := map[string]protection.PolicyID{
		protection.ReceiveDataFrom: "a", protection.SendOrgDataTo: "a", protection.CutCopyPaste: "b", protection.PrintOrgData: "b",
		"offlineGracePeriod": "b", "offlineGracePeriod:block": "b", "offlineGracePeriod:wipe": "b",
		"disabledAccount": "b", "disabledAccount:wipe": "b",
		"minOsVersion": "b", "minOsVersion:warn": "b", "minOsVersion:block": "b", "maxOsVersion": "b", "maxOsVersion:warn": "b",
		"maxThreatLevel": "b", "maxThreatLevel:block": "a", "maxThreatLevel:wipe": "b",
	}
	if !reflect.DeepEqual(got.Sources, sources) {
		t.Errorf("sources are %v\nwant        %v", got.Sources, sources)
	}
	if !reflect.DeepEqual(got.Policies, []protection.PolicyID{"a", "b"}) {
		t.Errorf("policies are %v", got.Policies)
	}
}

func TestTheETagFollowsSettingsAndPolicies(t *testing.T) {
	base := []protection.Policy{policy("a", func(*protection.Policy) {}), policy("b", func(p *protection.Policy) { p.Settings.SendTo = protection.NoApps })}
	etag := func(policies ...protection.Policy) string { return protection.Merge(policies, at(edge)).ETag }
	first := etag(base...)
	if first == "" || etag(base[1], base[0]) != first {
		t.Errorf("%q depends on the order", first)
	}
	renamed := base[0]
	renamed.DisplayName, renamed.Revision = "other", 7
	if etag(renamed, base[1]) != first {
		t.Error("a new name changed the tag")
	}
	stricter := base[0]
	stricter.Settings.Checks = []protection.Check{row(protection.MinAppVersion, protection.Warn, v(1))}
	if etag(stricter, base[1]) == first {
		t.Error("one more check kept the tag")
	}
	if etag(base[1]) == first {
		t.Error("one policy fewer kept the tag")
	}
}

var (
	subjects = []protection.Subject{protection.OfflineGrace, protection.MinAppVersion, protection.MinSDKVersion, protection.DisabledAccount,
		protection.MinOSVersion, protection.MaxOSVersion, protection.MaxThreatLevel}
	anyPolicy = rapid.Custom(func(t *rapid.T) protection.Policy {
		s := protection.Settings{
			ReceiveFrom:  rapid.SampledFrom([]protection.Transfer{"", protection.AllApps, protection.NoApps}).Draw(t, "from"),
			SendTo:       rapid.SampledFrom([]protection.Transfer{"", protection.AllApps, protection.NoApps}).Draw(t, "to"),
			Clipboard:    rapid.SampledFrom([]protection.Clipboard{"", protection.AnyDestinationAnySource, protection.OrgDestinationAnySource, protection.OrgDestinationOrgSource, protection.NoClipboard}).Draw(t, "clipboard"),
			PrintBlocked: rapid.Bool().Draw(t, "print"),
		}
		for _, subject := range subjects {
			setting, _ := protection.Lookup(string(subject))
			for _, action := range setting.Actions {
				if !rapid.Bool().Draw(t, "row") || (setting.Single && slices.ContainsFunc(s.Checks, func(c protection.Check) bool { return c.Subject == subject })) {
					continue
				}
				c := protection.Check{Subject: subject, Action: action}
				switch setting.Kind {
				case protection.KindDuration:
					c.After = time.Duration(rapid.IntRange(0, 5).Draw(t, "after")) * time.Hour
				case protection.KindVersion:
					c.Version = version.Version{1, rapid.Uint32Range(0, 5).Draw(t, "version")}
				case protection.KindLevel:
					c.Level = threat.Level(rapid.IntRange(1, 4).Draw(t, "level"))
				}
				s.Checks = append(s.Checks, c)
			}
		}
		return policy(protection.PolicyID(rapid.StringMatching("[a-e]").Draw(t, "id")), func(p *protection.Policy) { p.Settings = s })
	})
	anyHealth = rapid.Custom(func(t *rapid.T) protection.Health {
		number := func(name string) version.Version {
			return version.Version{rapid.Uint32Range(0, 1).Draw(t, name), rapid.Uint32Range(0, 5).Draw(t, name)}
		}
		return protection.Health{
			AppVersion: number("app"), SDKVersion: number("sdk"), OSVersion: number("os"),
			LastSyncAt:      now.Add(-time.Duration(rapid.IntRange(-1, 100*24).Draw(t, "age")) * time.Hour),
			AccountDisabled: rapid.Bool().Draw(t, "disabled"), ThreatCounted: rapid.Bool().Draw(t, "counted"),
			ThreatLevel: threat.Level(rapid.IntRange(0, 4).Draw(t, "level")),
		}
	})
)

func severest(s protection.Settings, h protection.Health) protection.Action {
	worst := protection.Allow
	for _, f := range protection.Evaluate(s, h, now) {
		worst = max(worst, f.Check.Action)
	}
	return worst
}

func TestMergeDependsOnNoOrderAndMergingAgainChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := rapid.SliceOfN(anyPolicy, 1, 5).Draw(t, "policies")
		for _, p := range policies {
			if err := protection.Validate(p); err != nil {
				t.Fatal(err)
			}
		}
		once := protection.Merge(policies, at(edge))
		if again := protection.Merge(rapid.Permutation(policies).Draw(t, "permuted"), at(edge)); !reflect.DeepEqual(once, again) {
			t.Fatalf("the order matters:\n%+v\n%+v", once, again)
		}
		merged := policy("m", func(p *protection.Policy) { p.Settings = once.Settings })
		if twice := protection.Merge([]protection.Policy{merged, merged}, at(edge)); !reflect.DeepEqual(twice.Settings, once.Settings) {
			t.Fatalf("merging again changed\n%+v to\n%+v", once.Settings, twice.Settings)
		}
		for _, c := range once.Settings.Checks {
			if once.Sources[c.Name()] == "" || once.Sources[string(c.Subject)] == "" {
				t.Fatalf("nobody decided %s", c.Name())
			}
		}
	})
}

func TestMergeIsNeverLessStrictThanAnyPolicy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := rapid.SliceOfN(anyPolicy, 1, 5).Draw(t, "policies")
		merged, h := protection.Merge(policies, at(edge)), anyHealth.Draw(t, "health")
		strictest := protection.Allow
		for _, p := range policies {
			alone := p.Settings.WithDefaults()
			strictest = max(strictest, severest(alone, h))
			for _, s := range protection.Catalogue() {
				if !s.HealthCheck() && slices.Index(s.Values, s.Value(merged.Settings)) < slices.Index(s.Values, s.Value(alone)) {
					t.Fatalf("%s is %s, and a policy asks for %s", s.Name, s.Value(merged.Settings), s.Value(alone))
				}
			}
		}
		if got := severest(merged.Settings, h); got != strictest {
			t.Fatalf("merged leads to %s, the policies alone to %s", got, strictest)
		}
	})
}

func TestNoTimeMakesAnOfflineAppHealthier(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, h := anyPolicy.Draw(t, "policy").Settings.WithDefaults(), anyHealth.Draw(t, "health")
		h.LastSyncAt = now
		later := h
		later.LastSyncAt = now.Add(-time.Duration(rapid.Int64Range(0, int64(200*day)).Draw(t, "age")))
		if severest(s, later) < severest(s, h) {
			t.Fatal("waiting helped")
		}
	})
}

// FuzzParseCheck: what is accepted prints to what is accepted again as the same
// check, and a policy with it is valid.
func FuzzParseCheck(f *testing.F) {
	f.Add("offlineGracePeriod", "block", "43200")
	f.Add("minOsVersion", "wipe", "22631.3155")
	f.Add("maxThreatLevel", "block", "low")
	f.Add("disabledAccount", "wipe", "")
	f.Add("printOrgData", "allow", "9223372036854775807")
	f.Fuzz(func(t *testing.T, subject, action, value string) {
		c, err := protection.ParseCheck(subject, action, value)
		if err != nil {
			if c != (protection.Check{}) {
				t.Fatalf("%+v beside %v", c, err)
			}
			return
		}
		back, err := protection.ParseCheck(string(c.Subject), c.Action.String(), c.Limit())
		if err != nil || back != c {
			t.Fatalf("%+v came back as %+v, %v", c, back, err)
		}
		if err := protection.Validate(policy("p", func(p *protection.Policy) { p.Settings.Checks = []protection.Check{c} })); err != nil {
			t.Fatal(err)
		}
	})
}
