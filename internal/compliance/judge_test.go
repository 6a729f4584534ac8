package compliance_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

const edge directory.PackageID = "com.microsoft.edge"

var now = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// well is an installation that nothing is wrong with.
func well() compliance.Dossier {
	return compliance.Dossier{
		Standing: compliance.Standing{
			Registration: "r", Installation: directory.Installation{Tenant: "t", User: "u", App: edge, Device: "d"}, Platform: "windows",
			AppVersion: "130.0.2849.46", SDKVersion: "1.2", OSVersion: "10.0.22631.3155", EnrolledAt: now.Add(-time.Hour), LastSyncAt: now.Add(-time.Minute),
		},
		User:      directory.User{ID: "u", Enabled: true},
		Groups:    []directory.GroupID{"staff"},
		Signals:   []threat.Signal{{Source: threat.FromAgent, States: []threat.State{threat.Healthy}, ReceivedAt: now}},
		Connector: &threat.Connector{ID: directory.WindowsSecurityCenter, EnabledForWindows: true, HeartbeatAt: now},
	}
}

func demand(checks ...protection.Check) compliance.Demands {
	return compliance.Demands{Policies: []protection.Policy{{
		ID: "p", Apps: []directory.PackageID{edge, "com.example.mail"}, Assignments: []targeting.Assignment{{Kind: targeting.IncludeGroup, Group: "staff"}},
		Settings: protection.Settings{Checks: checks},
	}}}
}

// judge is Judge of d under c.
func judge(d compliance.Dossier, c compliance.Demands) (compliance.Verdict, *protection.Effective) {
	d.Demands = c
	return compliance.Judge(d, now)
}

func level(a protection.Action, l threat.Level) protection.Check {
	return protection.Check{Subject: protection.MaxThreatLevel, Action: a, Level: l}
}

func numbered(s protection.Subject, a protection.Action, n ...uint32) protection.Check {
	c := protection.Check{Subject: s, Action: a}
	copy(c.Version[:], n)
	return c
}

func TestNothingWrongIsCompliant(t *testing.T) {
	v, eff := judge(well(), demand(level(protection.Wipe, threat.Secured), numbered(protection.MinOSVersion, protection.Block, 10, 0, 22631)))
	if v.State != compliance.Compliant || v.Action != protection.Allow || len(v.Reasons) != 0 {
		t.Errorf("verdict %+v", v)
	}
	if eff == nil || !reflect.DeepEqual(eff.Policies, []protection.PolicyID{"p"}) || len(eff.Settings.Checks) != 4 {
		t.Errorf("effective %+v", eff)
	}
}

func TestEveryReasonInPlainWords(t *testing.T) {
	tests := []struct {
		name   string
		checks []protection.Check
		change func(*compliance.Dossier)
		code   string
		action protection.Action
		text   string
		step   string // part of one of the steps; "" when only an admin can help
	}{
		{"a pending wipe", nil, func(d *compliance.Dossier) { d.Standing.WipePending = true }, "wipePending", protection.Wipe,
			"The organization's data in Microsoft Edge is being removed from this PC", "open Microsoft Edge"},
		{"a wipe of all that the user has", nil, func(d *compliance.Dossier) { d.User.Wipe = &directory.UserWipe{RequestedBy: "an admin"} }, "wipePending", protection.Wipe,
			"The organization's data in Microsoft Edge is being removed from this PC", "open Microsoft Edge"},
		{"a managed PC", nil, func(d *compliance.Dossier) { d.Standing.Managed = true }, "managed", protection.Block,
			"An organization manages this PC, and only personal PCs are protected this way", "Access work or school"},
		{"health from a file", nil, func(d *compliance.Dossier) { d.Standing.Development = true }, "developmentHealth", protection.Block,
			"The health of this PC was read from a file by a development adapter, which your organization does not accept", "Install the agent"},
		{"nobody targets", nil, func(d *compliance.Dossier) { d.Groups = nil }, "notTargeted", protection.Block,
			"No app protection policy applies to you in Microsoft Edge; your administrator has to assign one", ""},
		{"no app at all", nil, func(d *compliance.Dossier) { d.Standing.App = "" }, "notTargeted", protection.Block,
			"No app protection policy applies to you in the app; your administrator has to assign one", ""},
		{"an old Windows", []protection.Check{numbered(protection.MinOSVersion, protection.Block, 10, 0, 22621, 2506)},
			func(d *compliance.Dossier) { d.Standing.OSVersion = "22621.1" }, "minOsVersion", protection.Block,
			"Windows 10.0.22621.1 is older than 10.0.22621.2506", "Windows Update"},
		{"an unknown Windows blocks and does not wipe", []protection.Check{numbered(protection.MinOSVersion, protection.Wipe, 10, 0, 22621)},
			func(d *compliance.Dossier) { d.Standing.OSVersion = "eleven" }, "minOsVersion", protection.Block,
			"Windows did not report its version; your organization asks for 10.0.22621 or later", "Windows Update"},
		{"a new Windows", []protection.Check{numbered(protection.MaxOSVersion, protection.Warn, 10, 0, 22621)}, nil, "maxOsVersion", protection.Warn,
			"Windows 10.0.22631.3155 is newer than 10.0.22621", "Recovery"},
		{"an unknown Windows is not new enough either", []protection.Check{numbered(protection.MaxOSVersion, protection.Block, 10, 0, 30000)},
			func(d *compliance.Dossier) { d.Standing.OSVersion = "" }, "maxOsVersion", protection.Block,
			"Windows did not report its version; your organization asks for 10.0.30000 or earlier", "Windows Update"},
		{"an old browser", []protection.Check{numbered(protection.MinAppVersion, protection.Warn, 131)}, nil, "minAppVersion", protection.Warn,
			"Microsoft Edge 130.0.2849.46 is older than 131.0", "About Microsoft Edge"},
		{"an old app", []protection.Check{numbered(protection.MinAppVersion, protection.Block, 131)}, func(d *compliance.Dossier) { d.Standing.App = "com.example.mail" },
			"minAppVersion", protection.Block, "com.example.mail 130.0.2849.46 is older than 131.0", "newest version of com.example.mail"},
		{"an old kit", []protection.Check{numbered(protection.MinSDKVersion, protection.Wipe, 2)}, nil, "minSdkVersion", protection.Wipe,
			"The protection kit in Microsoft Edge 1.2 is older than 2.0", "About Microsoft Edge"},
		{"a disabled account", []protection.Check{{Subject: protection.DisabledAccount, Action: protection.Wipe}}, func(d *compliance.Dossier) { d.User.Enabled = false },
			"disabledAccount", protection.Wipe, "Your account is disabled or deleted", ""},
		{"a deleted account", []protection.Check{{Subject: protection.DisabledAccount, Action: protection.Block}}, func(d *compliance.Dossier) { d.User = directory.User{} },
			"disabledAccount", protection.Block, "Your account is disabled or deleted", ""},
		{"offline for too long, by default", nil, func(d *compliance.Dossier) { d.Standing.LastSyncAt = now.Add(-13 * time.Hour) }, "offlineGracePeriod", protection.Block,
			"The last check-in was 13 hours ago; your organization asks for a check-in within 12 hours", "Connect this PC"},
		{"never checked in", nil, func(d *compliance.Dossier) { d.Standing.LastSyncAt = time.Time{} }, "offlineGracePeriod", protection.Block,
			"No check-in yet; your organization asks for a check-in within 12 hours", "Open Microsoft Edge"},
		{"in danger", []protection.Check{level(protection.Block, threat.Low)}, func(d *compliance.Dossier) {
			d.Signals[0].States = []threat.State{threat.AutomaticUpdatesOff, threat.FirewallOff, threat.AntivirusOff, threat.TamperProtectionOff, threat.FirewallUnknown}
		}, "maxThreatLevel", protection.Block, "The threat level of this PC is high; your organization allows at most low: " +
			"virus protection is off, expired or out of date; the firewall is off; tamper protection is off; the state of the firewall is not known", "Turn the firewall on"},
		{"nobody knows the danger, and nothing is wiped", []protection.Check{level(protection.Wipe, threat.High)}, func(d *compliance.Dossier) { d.Signals = nil },
			"maxThreatLevel", protection.Block, "The threat level of this PC is not known; your organization allows at most high: no protection state has been reported for this PC yet", "Keep this PC online"},
		{"Windows is too old to report threats", []protection.Check{level(protection.Block, threat.High)}, func(d *compliance.Dossier) { d.Standing.OSVersion = "10.0.22621.2506" },
			"maxThreatLevel", protection.Block, "The threat level of this PC is not known; your organization allows at most high: " +
				"Windows 10.0.22621.2506 is too old to report threats; version 10.0.22631 or later does", "23H2"},
		{"a check from the future", []protection.Check{{Subject: "moonPhase", Action: protection.Wipe}}, nil, "moonPhase", protection.Block,
			"Your organization asks for moonPhase, a health check that this version does not know", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := well()
			if tt.change != nil {
				tt.change(&d)
			}
			v, _ := judge(d, demand(tt.checks...))
			if len(v.Reasons) != 1 {
				t.Fatalf("reasons %+v", v.Reasons)
			}
			r := v.Reasons[0]
			if r.Code != tt.code || r.Action != tt.action || r.Text != tt.text {
				t.Errorf("got  %s, %s: %s\nwant %s, %s: %s", r.Code, r.Action, r.Text, tt.code, tt.action, tt.text)
			}
			if all := strings.Join(r.Steps, " "); (tt.step == "") != (all == "") || !strings.Contains(all, tt.step) {
				t.Errorf("steps are %q, want %q", r.Steps, tt.step)
			}
			want := compliance.Noncompliant
			if tt.action <= protection.Warn {
				want = compliance.Compliant
			}
			if v.Action != tt.action || v.State != want {
				t.Errorf("verdict is %s, %s", v.State, v.Action)
			}
		})
	}
}

func TestRemediesNameOnlyWhatIsAboveTheLimitAndOnce(t *testing.T) {
	d := well()
	d.Signals[0].States = []threat.State{threat.AutomaticUpdatesOff, threat.AntivirusOff, threat.TamperProtectionOff}
	v, _ := judge(d, demand(level(protection.Block, threat.Low)))
	steps := v.Reasons[0].Steps
	if slices.ContainsFunc(steps, func(s string) bool { return strings.Contains(s, "Resume updates") }) {
		t.Errorf("low is allowed, and the steps are %q", steps)
	}
	if once := slices.Compact(slices.Sorted(slices.Values(steps))); len(once) != len(steps) {
		t.Errorf("steps repeat: %q", steps)
	}
}

func TestThreatDataHasNoEffectWithoutAConnector(t *testing.T) {
	d := well()
	d.Signals[0].States = []threat.State{threat.ActiveThreat}
	c := demand(level(protection.Wipe, threat.Secured))
	if v, _ := judge(d, c); v.Action != protection.Wipe {
		t.Fatalf("verdict %+v", v)
	}
	d.Connector = nil
	if v, _ := judge(d, c); v.State != compliance.Compliant || len(v.Reasons) != 0 {
		t.Errorf("after the connector is gone: %+v", v)
	}
}

func TestDevelopmentHealthCountsWhereTheTenantAllowsIt(t *testing.T) {
	d, c := well(), demand()
	d.Standing.Development = true
	c.Settings.AllowDevelopmentHealth = true
	if v, _ := judge(d, c); v.State != compliance.Compliant || len(v.Reasons) != 0 {
		t.Errorf("verdict %+v", v)
	}
}

func TestWhoIsNotServedHearsOneReasonAndWhy(t *testing.T) {
	others := demand()
	others.Policies[0].Assignments[0].Group = "others"
	elsewhere := compliance.Demands{Elsewhere: true}
	off, closed, open := demand(), demand(), demand()
	off.Settings.ProtectionOff, off.Settings.EntitledGroup = true, "licensed"
	closed.Settings.EntitledGroup, open.Settings.EntitledGroup = "licensed", "staff"
	tests := []struct {
		name    string
		demands compliance.Demands
		code    string
		text    string
		retry   time.Duration
	}{
		{"the tenant is not onboarded", off, "notOnboarded", "Your organization has not switched app protection on; your administrator has to do that", 24 * time.Hour},
		{"the user is not entitled", closed, "notEntitled", "Your account is not entitled to use your organization's data on a personal PC; your administrator has to entitle it", 12 * time.Hour},
		{"the user is entitled", open, "", "", time.Minute},
		{"no policy for the user", others, "notTargeted", "No app protection policy applies to you in Microsoft Edge; your administrator has to assign one", 12 * time.Hour},
		{"a policy for the user without the app", elsewhere, "appNotInPolicy", "Your app protection policies do not cover Microsoft Edge; your administrator has to add it to one", 12 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, e := judge(well(), tt.demands)
			if got := v.Retry(time.Minute); got != tt.retry {
				t.Errorf("retries after %s", got)
			}
			if tt.code == "" {
				if e == nil || v.State != compliance.Compliant {
					t.Errorf("verdict %+v", v)
				}
				return
			}
			if e != nil || v.State != compliance.Noncompliant || len(v.Reasons) != 1 || v.Reasons[0].Code != tt.code || v.Reasons[0].Text != tt.text || v.Reasons[0].Action != protection.Block {
				t.Errorf("verdict %+v beside %+v", v, e)
			}
			d := well()
			d.Standing.WipePending = true
			if v, _ := judge(d, tt.demands); v.Retry(time.Minute) != time.Minute {
				t.Error("a wipe waits")
			}
		})
	}
}

func TestAnInstallationIsHeardOfWhenItEnrollsAndWhenItChecksIn(t *testing.T) {
	s := well().Standing
	if got := s.HeardOfAt(); !got.Equal(now.Add(-time.Minute)) {
		t.Errorf("after a check-in: %s", got)
	}
	s.EnrolledAt = now
	if got := s.HeardOfAt(); !got.Equal(now) {
		t.Errorf("after enrolling again: %s", got)
	}
}

func TestWhoHealsByThemselvesIsHeardOfAsUsually(t *testing.T) {
	d := well()
	d.Standing.Managed = true
	if v, _ := judge(d, demand()); v.Retry(time.Minute) != time.Minute || (compliance.Reason{}).Retry(time.Minute) != time.Minute {
		t.Errorf("a managed PC waits %s", v.Retry(time.Minute))
	}
}

func TestAFilterReadsTheInstallation(t *testing.T) {
	rule, err := targeting.ParseRule(targeting.WindowsApps, `(app.deviceModel -eq "Book") and (app.deviceManufacturer -eq "Contoso") and (app.appVersion -startsWith "130.") and (app.osVersion -startsWith "10.0.22631")`)
	if err != nil {
		t.Fatal(err)
	}
	c := demand()
	c.Policies[0].Assignments[0].Filter, c.Policies[0].Assignments[0].Mode = "f", targeting.Include
	c.Filters = map[targeting.FilterID]targeting.Filter{"f": {ID: "f", Platform: targeting.WindowsApps, ForApps: true, Rule: rule}}
	d := well()
	d.Manufacturer, d.Model = "Contoso", "Book"
	if v, _ := judge(d, c); v.State != compliance.Compliant {
		t.Errorf("what passes is %+v", v)
	}
	d.Model = "Tower"
	if v, _ := judge(d, c); v.State != compliance.Noncompliant {
		t.Errorf("what does not pass is %+v", v)
	}
}

func TestEveryReasonIsReportedStrictestFirst(t *testing.T) {
	d := well()
	d.Standing.WipePending, d.Standing.Managed, d.Standing.Development, d.User.Enabled = true, true, true, false
	d.Standing.LastSyncAt = now.Add(-24 * time.Hour)
	v, _ := judge(d, demand(
		numbered(protection.MinOSVersion, protection.Warn, 11), numbered(protection.MinAppVersion, protection.Block, 200),
		protection.Check{Subject: protection.DisabledAccount, Action: protection.Wipe}))
	var got []string
	for _, r := range v.Reasons {
		got = append(got, r.Code+" "+r.Action.String())
	}
	want := []string{"wipePending wipe", "disabledAccount wipe", "managed block", "developmentHealth block", "minAppVersion block", "offlineGracePeriod block", "minOsVersion warn"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestStatesHaveNamesThatParse(t *testing.T) {
	want := []string{"unknown", "compliant", "noncompliant"}
	for s := compliance.Unknown; s <= compliance.Noncompliant; s++ {
		doc, err := json.Marshal(s)
		if err != nil || string(doc) != `"`+want[s]+`"` {
			t.Errorf("state %d is %s, %v", s, doc, err)
		}
		var back compliance.State
		if err := json.Unmarshal(doc, &back); err != nil || back != s {
			t.Errorf("%s came back as %v, %v", doc, back, err)
		}
	}
	if got := compliance.State(9).String(); got != "State(9)" {
		t.Errorf("a state out of range prints as %q", got)
	}
	if s, err := compliance.ParseState("Compliant"); s != compliance.Unknown || fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestAVerdictSurvivesStorage(t *testing.T) {
	d := well()
	d.Standing.WipePending = true
	v, _ := judge(d, demand())
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back compliance.Verdict
	if err := json.Unmarshal(doc, &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%s came back as %+v, %v", doc, back, err)
	}
}

var anyDossier = rapid.Custom(func(t *rapid.T) compliance.Dossier {
	d := well()
	flip := rapid.Bool()
	d.Standing.WipePending, d.Standing.Managed, d.Standing.Development = flip.Draw(t, "wipe"), flip.Draw(t, "managed"), flip.Draw(t, "development")
	d.Standing.OSVersion = rapid.SampledFrom([]string{"", "x", "22621.1", "10.0.22631", "10.0.26100"}).Draw(t, "os")
	d.Standing.AppVersion = rapid.SampledFrom([]string{"", "116", "130"}).Draw(t, "app")
	d.Standing.LastSyncAt = now.Add(-time.Duration(rapid.IntRange(0, 3000).Draw(t, "hours")) * time.Hour)
	d.User.Enabled = flip.Draw(t, "enabled")
	if flip.Draw(t, "stranger") {
		d.Groups = nil
	}
	d.Signals[0].States = []threat.State{rapid.SampledFrom(threat.States()).Draw(t, "state").State}
	if flip.Draw(t, "alone") {
		d.Connector = nil
	}
	return d
})

// The laws: a verdict agrees with its reasons, comes with words, does not depend
// on the order of policies, and is not better for a policy more.
func TestVerdictsAgreeWithTheirReasons(t *testing.T) {
	all := []protection.Check{
		level(protection.Block, threat.Low), level(protection.Wipe, threat.Medium), numbered(protection.MinOSVersion, protection.Block, 10, 0, 22631),
		numbered(protection.MinAppVersion, protection.Warn, 120), {Subject: protection.DisabledAccount, Action: protection.Wipe},
	}
	rapid.Check(t, func(t *rapid.T) {
		d := anyDossier.Draw(t, "dossier")
		one := demand(rapid.SliceOfN(rapid.SampledFrom(all), 0, 3).Draw(t, "checks")...)
		two := demand(rapid.SliceOfN(rapid.SampledFrom(all), 0, 3).Draw(t, "more")...)
		two.Policies[0].ID = "q"
		one.Policies = append(one.Policies, two.Policies...)

		v, eff := judge(d, one)
		worst := protection.Allow
		for _, r := range v.Reasons {
			worst = max(worst, r.Action)
			if r.Code == "" || r.Text == "" || r.Action == protection.Allow || strings.HasSuffix(r.Text, ".") {
				t.Fatalf("a reason without words or effect: %+v", r)
			}
		}
		if v.Action != worst || (v.State == compliance.Compliant) != (worst <= protection.Warn) || v.State == compliance.Unknown || (eff == nil) != (d.Groups == nil) {
			t.Fatalf("verdict %+v", v)
		}
		if !slices.IsSortedFunc(v.Reasons, func(a, b compliance.Reason) int { return int(b.Action) - int(a.Action) }) {
			t.Fatalf("out of order: %+v", v.Reasons)
		}
		slices.Reverse(one.Policies)
		if again, _ := judge(d, one); !reflect.DeepEqual(v, again) {
			t.Fatalf("the order of policies matters:\n%+v\n%+v", v, again)
		}
		if single, _ := judge(d, two); single.Action > v.Action {
			t.Fatalf("one policy alone leads to %s, with another to %s", single.Action, v.Action)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	ill := well()
	ill.Signals[0].States, ill.Standing.OSVersion = []threat.State{threat.FirewallOff}, "10.0.22631.1"
	c := demand(level(protection.Block, threat.Low), numbered(protection.MinOSVersion, protection.Block, 10, 0, 22631, 3155))
	for i := range 9 { // some that take part, some that do not
		p := c.Policies[0]
		p.ID += protection.PolicyID(rune('a' + i))
		if i%3 != 0 {
			p.Apps = []directory.PackageID{"com.example.other"}
		}
		c.Policies = append(c.Policies, p)
	}
	for name, d := range map[string]compliance.Dossier{"well": well(), "ill": ill} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				judge(d, c)
			}
		})
	}
}

func TestSupportedCandidates(t *testing.T) {
	good := compliance.Candidate{Platform: "windows", OSVersion: "10.0.22621.2506", App: edge, AppVersion: "117.0.0.0", OtherUsers: 2}
	tests := []struct {
		name   string
		change func(*compliance.Candidate)
		codes  []string
		text   string
	}{
		{"the oldest Windows 11 and Edge", func(*compliance.Candidate) {}, nil, ""},
		{"as winver prints it", func(c *compliance.Candidate) { c.OSVersion = "22621.2506" }, nil, ""},
		{"one update too old", func(c *compliance.Candidate) { c.OSVersion = "10.0.22621.2505" }, []string{"osUnsupported"},
			"Windows 10.0.22621.2505 is not supported; Windows 11 from 10.0.22621.2506 and Windows 10 from 10.0.19045.3636 are"},
		{"the first Windows 11", func(c *compliance.Candidate) { c.OSVersion = "10.0.22000.3260" }, []string{"osUnsupported"}, "Windows 10.0.22000.3260"},
		{"the oldest Windows 10", func(c *compliance.Candidate) { c.OSVersion, c.AppVersion = "10.0.19045.3636", "118.0.2088.71" }, nil, ""},
		{"one update too old on Windows 10", func(c *compliance.Candidate) { c.OSVersion, c.AppVersion = "10.0.19045.3635", "118.0.2088.71" }, []string{"osUnsupported"}, ""},
		{"Windows 10 wants a newer Edge", func(c *compliance.Candidate) { c.OSVersion, c.AppVersion = "10.0.19045.3636", "118.0.2088.70" }, []string{"appUnsupported"},
			"Microsoft Edge 118.0.2088.70 is not supported; 118.0.2088.71 or later is"},
		{"an old Edge", func(c *compliance.Candidate) { c.AppVersion = "116.0.1938.81" }, []string{"appUnsupported"}, "117.0 or later is"},
		{"an Edge of no version", func(c *compliance.Candidate) { c.AppVersion = "" }, []string{"appUnsupported"}, "Microsoft Edge of unknown version"},
		{"another app of any version", func(c *compliance.Candidate) { c.App, c.AppVersion = "com.example.mail", "" }, nil, ""},
		{"a Windows of no version", func(c *compliance.Candidate) { c.OSVersion, c.AppVersion = "", "130" }, []string{"osUnsupported"}, "Windows of unknown version"},
		{"a Windows nobody can read", func(c *compliance.Candidate) { c.OSVersion, c.AppVersion = strings.Repeat("y", 99), "130" }, []string{"osUnsupported"}, "yyy... is not"},
		{"another platform", func(c *compliance.Candidate) { c.Platform = "linux" }, []string{"platformUnsupported"}, `The platform "linux" is not supported`},
		{"a joined PC", func(c *compliance.Candidate) { c.DirectoryJoined = true }, []string{"managed"}, "manages this PC"},
		{"an enrolled PC", func(c *compliance.Candidate) { c.MDMEnrolled = true }, []string{"managed"}, "manages this PC"},
		{"one user too many", func(c *compliance.Candidate) { c.OtherUsers = 3 }, []string{"joinLimit"}, "3 people use organization data on this PC already; at most 3 may"},
		{"the tenant's own limit", func(c *compliance.Candidate) { c.MaxUsers = 2 }, []string{"joinLimit"}, "at most 2 may"},
		{"everything at once", func(c *compliance.Candidate) {
			*c = compliance.Candidate{Platform: "windows", App: edge, MDMEnrolled: true, OtherUsers: 9}
		}, []string{"managed", "osUnsupported", "appUnsupported", "joinLimit"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			var codes []string
			var texts string
			for _, r := range compliance.Supported(c) {
				codes = append(codes, r.Code)
				texts += r.Text
				if len(r.Steps) == 0 {
					t.Errorf("%s has no remedy", r.Code)
				}
			}
			if !reflect.DeepEqual(codes, tt.codes) || !strings.Contains(texts, tt.text) {
				t.Errorf("got %v: %s", codes, texts)
			}
		})
	}
}

// FuzzSupported: whatever a PC says of itself, it is refused with a remedy or
// its versions are real ones.
func FuzzSupported(f *testing.F) {
	f.Add("10.0.22621.2506", "117.0.0.0")
	f.Add("", "")
	f.Add("99999999999", "-1")
	f.Fuzz(func(t *testing.T, os, app string) {
		refusals := compliance.Supported(compliance.Candidate{Platform: "windows", OSVersion: os, App: edge, AppVersion: app})
		_, errOS := version.ParseWindows(os)
		_, errApp := version.Parse(app)
		if len(refusals) == 0 && (errOS != nil || errApp != nil) {
			t.Fatalf("%q and %q are supported", os, app)
		}
		d := well()
		d.Standing.OSVersion, d.Standing.AppVersion = os, app
		judge(d, demand(level(protection.Block, threat.Low), numbered(protection.MinOSVersion, protection.Wipe, 10)))
	})
}
