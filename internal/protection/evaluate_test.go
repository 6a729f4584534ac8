package protection_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

type dirPackage = directory.PackageID

func well() protection.Health {
	return protection.Health{
		Platform: "windows", AppVersion: v(130), SDKVersion: v(1, 2), OSVersion: v(10, 0, 22631, 3155),
		LastSyncAt: now.Add(-time.Minute), ThreatCounted: true, ThreatLevel: threat.Secured,
	}
}

func row(subject protection.Subject, action protection.Action, limit any) protection.Check {
	c := protection.Check{Subject: subject, Action: action}
	switch limit := limit.(type) {
	case version.Version:
		c.Version = limit
	case time.Duration:
		c.After = limit
	case threat.Level:
		c.Level = limit
	}
	return c
}

func TestEveryCheckAtItsLimit(t *testing.T) {
	const none = protection.Allow
	tests := []struct {
		name   string
		check  protection.Check
		health func(*protection.Health)
		want   protection.Action // Allow: nothing found
		doubt  bool
		have   string
	}{
		{"the minimum itself passes", row(protection.MinOSVersion, protection.Block, v(10, 0, 22631, 3155)), nil, none, false, ""},
		{"below the minimum fails", row(protection.MinOSVersion, protection.Wipe, v(10, 0, 22631, 3156)), nil, protection.Wipe, false, "10.0.22631.3155"},
		{"the maximum itself passes", row(protection.MaxOSVersion, protection.Block, v(10, 0, 22631, 3155)), nil, none, false, ""},
		{"above the maximum fails", row(protection.MaxOSVersion, protection.Warn, v(10, 0, 22631, 3154)), nil, protection.Warn, false, "10.0.22631.3155"},
		{"an old app fails", row(protection.MinAppVersion, protection.Block, v(131)), nil, protection.Block, false, "130.0"},
		{"an old kit fails", row(protection.MinSDKVersion, protection.Block, v(1, 3)), nil, protection.Block, false, "1.2"},
		{"a missing version blocks", row(protection.MinOSVersion, protection.Block, v(1)), func(h *protection.Health) { h.OSVersion = v() }, protection.Block, true, "unknown"},
		{"a missing version never wipes", row(protection.MaxOSVersion, protection.Wipe, v(99)), func(h *protection.Health) { h.OSVersion = v() }, protection.Block, true, "unknown"},
		{"a missing version warns where that is all", row(protection.MinAppVersion, protection.Warn, v(1)), func(h *protection.Health) { h.AppVersion = v() }, protection.Warn, true, "unknown"},
		{"an account not confirmed as disabled passes", row(protection.DisabledAccount, protection.Wipe, nil), nil, none, false, ""},
		{"a disabled account fails", row(protection.DisabledAccount, protection.Wipe, nil), func(h *protection.Health) { h.AccountDisabled = true }, protection.Wipe, false, "the account is disabled or deleted"},
		{"threat data that does not count is skipped", row(protection.MaxThreatLevel, protection.Wipe, threat.Secured), func(h *protection.Health) { h.ThreatCounted, h.ThreatLevel = false, threat.High }, none, false, ""},
		{"the level itself passes", row(protection.MaxThreatLevel, protection.Block, threat.Medium), func(h *protection.Health) { h.ThreatLevel = threat.Medium }, none, false, ""},
		{"a higher level fails", row(protection.MaxThreatLevel, protection.Wipe, threat.Medium), func(h *protection.Health) { h.ThreatLevel = threat.High }, protection.Wipe, false, "high"},
		{"high passes anything known", row(protection.MaxThreatLevel, protection.Block, threat.High), func(h *protection.Health) { h.ThreatLevel = threat.High }, none, false, ""},
		{"even high wants a report, and doubt never wipes", row(protection.MaxThreatLevel, protection.Wipe, threat.High), func(h *protection.Health) { h.ThreatLevel = threat.Unknown }, protection.Block, true, "unknown"},
		{"within the grace period", row(protection.OfflineGrace, protection.Block, time.Minute), nil, none, false, ""},
		{"after the grace period", row(protection.OfflineGrace, protection.Wipe, time.Minute-1), nil, protection.Wipe, false, "the last check-in was 1 minute ago"},
		{"a block after 0 comes at once", row(protection.OfflineGrace, protection.Block, time.Duration(0)), nil, protection.Block, false, "the last check-in was 1 minute ago"},
		{"but not in the moment of the check-in", row(protection.OfflineGrace, protection.Block, time.Duration(0)), func(h *protection.Health) { h.LastSyncAt = now }, none, false, ""},
		{"a wipe after 0 never comes", row(protection.OfflineGrace, protection.Wipe, time.Duration(0)), func(h *protection.Health) { h.LastSyncAt = now.AddDate(-9, 0, 0) }, none, false, ""},
		{"who never checked in is blocked, not wiped", row(protection.OfflineGrace, protection.Wipe, day), func(h *protection.Health) { h.LastSyncAt = time.Time{} }, protection.Block, true, "no check-in yet"},
		{"clocks may differ a little", row(protection.OfflineGrace, protection.Block, day), func(h *protection.Health) { h.LastSyncAt = now.Add(5 * time.Minute) }, none, false, ""},
		{"a clock set back buys no time", row(protection.OfflineGrace, protection.Block, day), func(h *protection.Health) { h.LastSyncAt = now.Add(time.Hour) }, protection.Block, true, "a check-in in the future"},
		{"an unknown check blocks", row("moonPhase", protection.Wipe, nil), nil, protection.Block, true, "a health check that this version does not know"},
		{"a row that leads to nothing is nothing", row(protection.MinOSVersion, protection.Allow, v(99)), nil, none, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := well()
			if tt.health != nil {
				tt.health(&h)
			}
			found := protection.Evaluate(protection.Settings{Checks: []protection.Check{tt.check}}, h, now)
			if tt.want == none {
				if len(found) != 0 {
					t.Errorf("found %+v", found)
				}
				return
			}
			if len(found) != 1 || found[0].Check.Action != tt.want || found[0].Doubt != tt.doubt || found[0].Have != tt.have || found[0].Want == "" {
				t.Errorf("found %+v, want %s", found, tt.want)
			}
		})
	}
}

func TestFindingsComeSeverestFirstThenByPrecedence(t *testing.T) {
	h := protection.Health{AppVersion: v(1), SDKVersion: v(1), OSVersion: v(10), LastSyncAt: now.Add(-day), AccountDisabled: true, ThreatCounted: true, ThreatLevel: threat.High}
	checks := []protection.Check{
		row(protection.OfflineGrace, protection.Block, time.Hour),
		row("aurora", protection.Block, nil),
		row("moonPhase", protection.Block, nil),
		row(protection.MaxThreatLevel, protection.Block, threat.Low),
		row(protection.MaxOSVersion, protection.Block, v(9)),
		row(protection.MinOSVersion, protection.Warn, v(12)),
		row(protection.MinOSVersion, protection.Block, v(11)),
		row(protection.MinAppVersion, protection.Warn, v(3)),
		row(protection.MinAppVersion, protection.Block, v(2)),
		row(protection.MinSDKVersion, protection.Block, v(2)),
		row(protection.MinOSVersion, protection.Wipe, v(10, 1)),
		row(protection.DisabledAccount, protection.Block, nil),
	}
	want := []string{"minOsVersion:wipe", "disabledAccount:block", "minSdkVersion:block", "minAppVersion:block", "minOsVersion:block", "maxOsVersion:block",
		"maxThreatLevel:block", "offlineGracePeriod:block", "aurora:block", "moonPhase:block", "minAppVersion:warn", "minOsVersion:warn"}
	for range 2 {
		var got []string
		for _, f := range protection.Evaluate(protection.Settings{Checks: checks}, h, now) {
			got = append(got, f.Check.Name())
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		for i, j := 0, len(checks)-1; i < j; i, j = i+1, j-1 { // the order of rows is irrelevant
			checks[i], checks[j] = checks[j], checks[i]
		}
	}
}

func TestOneDoubtIsOneFinding(t *testing.T) {
	found := protection.Evaluate(protection.Settings{Checks: []protection.Check{
		row(protection.MinOSVersion, protection.Wipe, v(1)), row(protection.MinOSVersion, protection.Block, v(2)), row(protection.MinOSVersion, protection.Warn, v(3)),
	}}, protection.Health{}, now)
	if len(found) != 2 || found[0].Check.Action != protection.Block || found[1].Check.Action != protection.Warn {
		t.Errorf("found %+v", found)
	}
}

func TestDurationsInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour:                           "0 seconds",
		0:                                    "0 seconds",
		1:                                    "1 second",
		45 * time.Second:                     "45 seconds",
		time.Minute:                          "1 minute",
		90 * time.Second:                     "1 minute 30 seconds",
		720 * time.Minute:                    "12 hours",
		12*time.Hour + 1:                     "12 hours 1 minute",
		day - time.Second:                    "1 day",
		27 * time.Hour:                       "1 day 3 hours",
		90 * day:                             "90 days",
		day + 59*time.Minute:                 "1 day 1 hour",
		time.Hour - time.Millisecond:         "1 hour",
		2*time.Hour + 30*time.Minute + 1*1e9: "2 hours 31 minutes",
	} {
		if got := protection.Words(d); got != want {
			t.Errorf("%s reads %q, want %q", d, got, want)
		}
	}
}
