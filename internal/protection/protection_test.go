package protection_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

const (
	edge = "com.microsoft.edge"
	day  = 24 * time.Hour
)

var now = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

func v(n ...uint32) (out version.Version) {
	copy(out[:], n)
	return out
}

func policy(id protection.PolicyID, change func(*protection.Policy)) protection.Policy {
	p := protection.Policy{ID: id, DisplayName: "Protect Edge", Apps: []dirPackage{edge}, Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}}}
	change(&p)
	return p
}

func TestActionsHaveNamesThatParse(t *testing.T) {
	want := []string{"allow", "warn", "block", "wipe"}
	for a := protection.Allow; a <= protection.Wipe; a++ {
		doc, err := json.Marshal(a)
		if err != nil || string(doc) != `"`+want[a]+`"` {
			t.Errorf("action %d is %s, %v", a, doc, err)
		}
		var back protection.Action
		if err := json.Unmarshal(doc, &back); err != nil || back != a {
			t.Errorf("%s came back as %v, %v", doc, back, err)
		}
	}
	if got := protection.Action(9).String(); got != "Action(9)" {
		t.Errorf("an action out of range prints as %q", got)
	}
	if _, err := protection.ParseAction("Block"); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `"Block" is unknown; valid are allow, warn, block, wipe`) {
		t.Errorf("err = %v", err)
	}
}

func TestTheCatalogueIsComplete(t *testing.T) {
	data, checks, properties := 0, 0, map[string]bool{}
	for _, s := range protection.Catalogue() {
		if s.Description == "" || len(s.Properties) == 0 || s.Evaluator == "" || s.Order == "" {
			t.Errorf("%s is incomplete: %+v", s.Name, s)
		}
		for _, p := range s.Properties {
			if properties[p.Name] {
				t.Errorf("%s belongs to two settings", p.Name)
			}
			properties[p.Name] = true
		}
		if again, ok := protection.Lookup(s.Name); !ok || !reflect.DeepEqual(again, s) {
			t.Errorf("Lookup(%s) = %+v, %v", s.Name, again, ok)
		}
		if !s.HealthCheck() {
			data++
			if s.Values[0] != s.Default || s.Order != protection.ListedLater {
				t.Errorf("the default of %s is %q, not the loosest of %v", s.Name, s.Default, s.Values)
			}
			continue
		}
		checks++
		if subject, err := protection.ParseSubject(s.Name); err != nil || string(subject) != s.Name {
			t.Errorf("ParseSubject(%s) = %s, %v", s.Name, subject, err)
		}
		if slices.Contains(s.Actions, protection.Allow) {
			t.Errorf("%s may lead to nothing", s.Name)
		}
	}
	if data != 4 || checks != 7 || len(properties) != 20 {
		t.Errorf("%d data settings, %d health checks, %d properties; want 4, 7, 20", data, checks, len(properties))
	}
	if _, ok := protection.Lookup("screenCapture"); ok {
		t.Error("the catalogue knows screenCapture")
	}
}

func TestTheCatalogueIsTheCallersOwn(t *testing.T) {
	list := protection.Catalogue()
	list[2].Values[0], list[4].Rows[0].After = "scribble", 1
	if again := protection.Catalogue(); again[2].Values[0] == "scribble" || again[4].Rows[0].After == 1 {
		t.Error("the caller changed the catalogue")
	}
}

func TestValueAndSetAreInverse(t *testing.T) {
	for _, s := range protection.Catalogue() {
		var settings protection.Settings
		if got := s.Value(settings); got != s.Default {
			t.Errorf("%s reads %q when nothing is configured, want %q", s.Name, got, s.Default)
		}
		if s.HealthCheck() {
			if err := s.Set(&settings, "allApps"); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s is no data setting, err = %v", s.Name, err)
			}
			continue
		}
		for _, value := range s.Values {
			if err := s.Set(&settings, value); err != nil || s.Value(settings) != value {
				t.Errorf("%s was set to %q and reads %q, %v", s.Name, value, s.Value(settings), err)
			}
		}
		if err := s.Set(&settings, "sometimes"); err == nil || !strings.Contains(err.Error(), s.Name+` is "sometimes"; valid are `+strings.Join(s.Values, ", ")) {
			t.Errorf("%s: err = %v", s.Name, err)
		}
	}
}

func TestAValueNobodyDefinedRestrictsMost(t *testing.T) {
	s, _ := protection.Lookup(protection.CutCopyPaste)
	if got := s.Value(protection.Settings{Clipboard: "unknownFutureValue"}); got != "none" {
		t.Errorf("reads %q", got)
	}
}

func TestChecksAreReadAndPrinted(t *testing.T) {
	tests := []struct {
		subject, action, value string
		want                   protection.Check
		limit                  string
	}{
		{"offlineGracePeriod", "block", "43200", protection.Check{Subject: protection.OfflineGrace, Action: protection.Block, After: 12 * time.Hour}, "43200"},
		{"offlineGracePeriod", "wipe", "0", protection.Check{Subject: protection.OfflineGrace, Action: protection.Wipe}, "0"},
		{"minAppVersion", "warn", "117.0", protection.Check{Subject: protection.MinAppVersion, Action: protection.Warn, Version: v(117)}, "117.0"},
		{"minSdkVersion", "wipe", "1.2.3", protection.Check{Subject: protection.MinSDKVersion, Action: protection.Wipe, Version: v(1, 2, 3)}, "1.2.3"},
		{"disabledAccount", "wipe", "", protection.Check{Subject: protection.DisabledAccount, Action: protection.Wipe}, ""},
		{"minOsVersion", "block", "22621.2506", protection.Check{Subject: protection.MinOSVersion, Action: protection.Block, Version: v(10, 0, 22621, 2506)}, "10.0.22621.2506"},
		{"maxOsVersion", "warn", "10.0.22641", protection.Check{Subject: protection.MaxOSVersion, Action: protection.Warn, Version: v(10, 0, 22641)}, "10.0.22641"},
		{"maxThreatLevel", "block", "low", protection.Check{Subject: protection.MaxThreatLevel, Action: protection.Block, Level: threat.Low}, "low"},
	}
	for _, tt := range tests {
		t.Run(tt.subject, func(t *testing.T) {
			got, err := protection.ParseCheck(tt.subject, tt.action, tt.value)
			if err != nil || got != tt.want || got.Limit() != tt.limit || got.Name() != tt.subject+":"+tt.action {
				t.Errorf("got %+v (%s, %s), %v", got, got.Name(), got.Limit(), err)
			}
		})
	}
}

func TestWhatIsNoCheckIsRefusedWithWhatWouldBe(t *testing.T) {
	tests := []struct{ subject, action, value, want string }{
		{"rooted", "block", "", `health check "rooted" is unknown; valid are offlineGracePeriod, minAppVersion,`},
		{"cutCopyPaste", "block", "none", `health check "cutCopyPaste" is unknown`},
		{"minOsVersion", "explode", "10.0", `action "explode" is unknown`},
		{"minOsVersion", "allow", "10.0", "minOsVersion has the action allow; valid are warn, block, wipe"},
		{"minSdkVersion", "warn", "1.0", "minSdkVersion has the action warn; valid are block, wipe"},
		{"disabledAccount", "block", "yes", `disabledAccount is "yes"; it takes no value`},
		{"minOsVersion", "block", "latest", `minOsVersion: version "latest"`},
		{"minAppVersion", "block", "0.0", "minimumRequiredAppVersion (minAppVersion:block) is 0.0"},
		{"maxThreatLevel", "block", "awful", `maxThreatLevel: threat level "awful" is unknown`},
		{"maxThreatLevel", "wipe", "unknown", "maximumAllowedDeviceThreatLevel (maxThreatLevel:wipe) is unknown; valid are secured, low, medium, high"},
		{"offlineGracePeriod", "block", "-1", `offlineGracePeriod is "-1"; valid are whole seconds from 0 to 315360000`},
		{"offlineGracePeriod", "block", "PT12H", `offlineGracePeriod is "PT12H"`},
		{"offlineGracePeriod", "block", "315360001", "valid are whole seconds"},
		{"offlineGracePeriod", "block", strings.Repeat("9", 500), "999...\""},
	}
	for _, tt := range tests {
		t.Run(tt.subject+" "+tt.action+" "+tt.value[:min(len(tt.value), 9)], func(t *testing.T) {
			got, err := protection.ParseCheck(tt.subject, tt.action, tt.value)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Detail(err), tt.want) || got != (protection.Check{}) {
				t.Errorf("got %+v, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestAGoodPolicyIsValid(t *testing.T) {
	p := policy("p", func(p *protection.Policy) {
		p.Settings = protection.Settings{ReceiveFrom: protection.NoApps, SendTo: protection.AllApps, Clipboard: protection.OrgDestinationAnySource, PrintBlocked: true,
			Checks: []protection.Check{
				{Subject: protection.OfflineGrace, Action: protection.Wipe},
				{Subject: protection.MinOSVersion, Action: protection.Warn, Version: v(10, 0, 22631)},
				{Subject: protection.MinOSVersion, Action: protection.Block, Version: v(10, 0, 22621)},
				{Subject: protection.DisabledAccount, Action: protection.Wipe},
				{Subject: protection.MaxThreatLevel, Action: protection.Block, Level: threat.Secured},
			}}
		p.Assignments = []targeting.Assignment{{Kind: targeting.IncludeGroup, Group: "g"}, {Kind: targeting.ExcludeGroup, Group: "h"}, {Kind: targeting.AllUsers}}
	})
	if err := protection.Validate(p); err != nil {
		t.Error(err)
	}
	p.Settings = protection.Settings{}
	if err := protection.Validate(p); err != nil {
		t.Errorf("nothing configured: %v", err)
	}
}

func TestEverythingWrongWithAPolicyIsNamed(t *testing.T) {
	check := func(checks ...protection.Check) func(*protection.Policy) {
		return func(p *protection.Policy) { p.Settings.Checks = checks }
	}
	tests := []struct {
		name   string
		change func(*protection.Policy)
		want   string
	}{
		{"no name", func(p *protection.Policy) { p.DisplayName = " " }, `displayName is " "; valid are 1 to 256 bytes`},
		{"a long name", func(p *protection.Policy) { p.DisplayName = strings.Repeat("x", 257) }, "displayName is"},
		{"source", func(p *protection.Policy) { p.Settings.ReceiveFrom = "managedApps" }, `allowedInboundDataTransferSources (receiveDataFrom) is "managedApps"; valid are allApps, none`},
		{"destination", func(p *protection.Policy) { p.Settings.SendTo = "some" }, "allowedOutboundDataTransferDestinations (sendOrgDataTo)"},
		{"clipboard", func(p *protection.Policy) { p.Settings.Clipboard = "x" }, "allowedOutboundClipboardSharingLevel (cutCopyPaste)"},
		{"a subject", check(protection.Check{Subject: "moonPhase", Action: protection.Block}), `health check "moonPhase" is unknown`},
		{"a data setting as a check", check(protection.Check{Subject: protection.PrintOrgData, Action: protection.Block}), `health check "printOrgData" is unknown`},
		{"an action", check(protection.Check{Subject: protection.MaxThreatLevel, Action: protection.Warn, Level: threat.Low}), "maxThreatLevel has the action warn; valid are block, wipe"},
		{"a version of nothing", check(protection.Check{Subject: protection.MaxOSVersion, Action: protection.Wipe}), "maximumWipeOsVersion (maxOsVersion:wipe) is 0.0"},
		{"a level out of range", check(protection.Check{Subject: protection.MaxThreatLevel, Action: protection.Block, Level: 9}), "is Level(9); valid are secured"},
		{"a negative time", check(protection.Check{Subject: protection.OfflineGrace, Action: protection.Block, After: -time.Second}), "periodOfflineBeforeAccessCheck (offlineGracePeriod:block) is -1s"},
		{"half a second", check(protection.Check{Subject: protection.OfflineGrace, Action: protection.Wipe, After: time.Second / 2}), "periodOfflineBeforeWipeIsEnforced (offlineGracePeriod:wipe) is 500ms; valid are whole seconds"},
		{"a row twice", check(protection.Check{Subject: protection.MinAppVersion, Action: protection.Block, Version: v(1)}, protection.Check{Subject: protection.MinAppVersion, Action: protection.Block, Version: v(2)}), "minAppVersion:block is there twice"},
		{"two rows of a single one", check(protection.Check{Subject: protection.DisabledAccount, Action: protection.Block}, protection.Check{Subject: protection.DisabledAccount, Action: protection.Wipe}), "disabledAccount has the actions block and wipe; valid is one row"},
		{"a platform", func(p *protection.Policy) { p.Platform = "macOS" }, `platform is "macOS"; valid is windows`},
		{"an empty app", func(p *protection.Policy) { p.Apps = []dirPackage{""} }, `apps[0] is ""`},
		{"an app with a space", func(p *protection.Policy) { p.Apps = []dirPackage{edge, "a b"} }, `apps[1] is "a b"`},
		{"an app twice", func(p *protection.Policy) { p.Apps = []dirPackage{edge, edge} }, "which is there already"},
		{"all users of a group", func(p *protection.Policy) {
			p.Assignments = []targeting.Assignment{{Kind: targeting.AllUsers, Group: "g"}}
		}, `assignments[0] is all users and names the group "g"`},
		{"no group", func(p *protection.Policy) {
			p.Assignments = []targeting.Assignment{{Kind: targeting.ExcludeGroup}}
		}, "assignments[0] is excludeGroup and names no group"},
		{"a kind", func(p *protection.Policy) {
			p.Assignments = []targeting.Assignment{{Kind: "allDevices"}}
		}, `assignments[0] is "allDevices"; valid are`},
	}
	everything := policy("p", func(*protection.Policy) {})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := protection.Validate(policy("p", tt.change))
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Detail(err), tt.want) {
				t.Errorf("err = %v, want %s", err, tt.want)
			}
		})
	}
	everything.DisplayName, everything.Apps, everything.Settings.SendTo = "", []dirPackage{""}, "x"
	if err := protection.Validate(everything); strings.Count(err.Error(), "; valid") != 3 {
		t.Errorf("not everything is named: %v", err)
	}
}
