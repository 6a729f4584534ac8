package threat_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

var (
	now     = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	current = version.Version{10, 0, 22631, 3155}
)

func TestLevelsHaveNamesThatParse(t *testing.T) {
	want := []string{"unknown", "secured", "low", "medium", "high"}
	for l := threat.Unknown; l <= threat.High; l++ {
		doc, err := json.Marshal(l)
		if err != nil || string(doc) != `"`+want[l]+`"` || l.String() != want[l] {
			t.Errorf("level %d is %s, %v; want %s", l, doc, err, want[l])
		}
		var back threat.Level
		if err := json.Unmarshal(doc, &back); err != nil || back != l {
			t.Errorf("%s came back as %v, %v", doc, back, err)
		}
	}
	if got := threat.Level(9).String(); got != "Level(9)" {
		t.Errorf("a level out of range prints as %q", got)
	}
	if _, err := threat.ParseLevel("Severe"); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `"Severe" is unknown; valid are unknown, secured, low, medium, high`) {
		t.Errorf("err = %v", err)
	}
}

func TestEveryStateIsDescribedForPeople(t *testing.T) {
	seen := map[threat.State]bool{}
	for _, d := range threat.States() {
		if seen[d.State] {
			t.Errorf("%s is listed twice", d.State)
		}
		seen[d.State] = true
		if d.Title == "" || strings.HasSuffix(d.Title, ".") {
			t.Errorf("%s has the title %q", d.State, d.Title)
		}
		if (len(d.Steps) == 0) != (d.State == threat.Healthy) {
			t.Errorf("%s has the steps %q", d.State, d.Steps)
		}
		if (d.Level == threat.Secured) != (d.State == threat.Healthy) {
			t.Errorf("%s has level %s", d.State, d.Level)
		}
		if got, err := threat.ParseState(string(d.State)); err != nil || got != d.State {
			t.Errorf("ParseState(%s) = %s, %v", d.State, got, err)
		}
		if got, ok := d.State.Definition(); !ok || !reflect.DeepEqual(got, d) || d.State.Level() != d.Level {
			t.Errorf("%s is defined as %+v, graded %s", d.State, got, d.State.Level())
		}
	}
}

func TestTheListOfStatesIsTheCallersOwn(t *testing.T) {
	list := threat.States()
	list[1].Steps[0], list[1].Title = "scribble", "scribble"
	d, _ := list[1].State.Definition()
	d.Steps[1] = "scribble"
	if again := threat.States()[1]; slices.Contains(again.Steps, "scribble") || again.Title == "scribble" {
		t.Errorf("the caller changed the table: %+v", again)
	}
}

func TestAStateThatIsNotPredefinedIsRefusedAndNeverSafe(t *testing.T) {
	_, err := threat.ParseState("Healthy")
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `"Healthy" is unknown; valid are healthy, automaticUpdatesOff,`) {
		t.Errorf("err = %v", err)
	}
	if _, err := threat.ParseState(strings.Repeat("x", 1<<20)); len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
	if d, ok := threat.State("fine").Definition(); ok || d.Level != threat.Unknown || d.Title == "" {
		t.Errorf("an unknown state is %+v, %v", d, ok)
	}
	if l := threat.State("fine").Level(); l != threat.Unknown {
		t.Errorf("an unknown state grades %s", l)
	}
}

func TestProvidersAreReadStrictly(t *testing.T) {
	got, err := threat.ParseProviders(map[string]string{"antivirus": "good", "firewall": "snoozed", "securityCenter": "unknown"})
	want := map[threat.Provider]threat.ProviderState{threat.Antivirus: threat.Good, threat.Firewall: threat.Snoozed, threat.SecurityCenter: threat.ProviderUnknown}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for text, bad := range map[string]map[string]string{
		`provider "level" is unknown`: {"antivirus": "good", "level": "secured"},
		`antivirus is "GOOD"; valid`:  {"antivirus": "GOOD"},
	} {
		if _, err := threat.ParseProviders(bad); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: err = %v, want %s", bad, err, text)
		}
	}
}

func TestProvidersMapToStates(t *testing.T) {
	type seen = map[threat.Provider]threat.ProviderState
	good := func(change seen) seen {
		m := seen{threat.Antivirus: threat.Good, threat.Firewall: threat.Good, threat.AutoUpdate: threat.Good,
			threat.InternetSettings: threat.Good, threat.UserAccountControl: threat.Good, threat.SecurityCenter: threat.Good}
		for p, s := range change {
			m[p] = s
		}
		return m
	}
	tests := []struct {
		name string
		seen seen
		want []threat.State
	}{
		{"all good is healthy", good(nil), []threat.State{threat.Healthy}},
		{"the essential two suffice", seen{threat.Antivirus: threat.Good, threat.Firewall: threat.Good}, []threat.State{threat.Healthy}},
		{"nothing seen is nothing known", nil, []threat.State{threat.AntivirusUnknown, threat.FirewallUnknown}},
		{"a missing firewall is not known", seen{threat.Antivirus: threat.Good}, []threat.State{threat.FirewallUnknown}},
		{"everything wrong is listed", good(seen{threat.Antivirus: threat.Poor, threat.Firewall: threat.Snoozed, threat.AutoUpdate: threat.NotMonitored,
			threat.InternetSettings: threat.Poor, threat.UserAccountControl: threat.Snoozed, threat.SecurityCenter: threat.Poor}),
			[]threat.State{threat.AutomaticUpdatesOff, threat.InternetSettingsWeak, threat.UserAccountControlOff, threat.AntivirusOff, threat.FirewallOff, threat.SecurityCenterStopped}},
		{"a snoozed antivirus", good(seen{threat.Antivirus: threat.Snoozed}), []threat.State{threat.AntivirusSnoozed}},
		{"not monitored is not known", good(seen{threat.Antivirus: threat.NotMonitored, threat.Firewall: threat.NotMonitored}),
			[]threat.State{threat.AntivirusUnknown, threat.FirewallUnknown}},
		{"an unknown update state", good(seen{threat.AutoUpdate: threat.ProviderUnknown}), []threat.State{threat.OtherProtectionUnknown}},
		{"a state nobody defined", good(seen{threat.Antivirus: "excellent", threat.SecurityCenter: "fine"}), []threat.State{threat.AntivirusUnknown, threat.OtherProtectionUnknown}},
		{"a provider nobody defined", good(seen{"horoscope": threat.Good}), []threat.State{threat.OtherProtectionUnknown}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := threat.FromProviders(tt.seen); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAConnectorStandsByItsHeartbeat(t *testing.T) {
	tests := []struct {
		name string
		c    threat.Connector
		want threat.ConnectorState
	}{
		{"it never spoke", threat.Connector{EnabledForWindows: true}, threat.Unavailable},
		{"it speaks, switched off", threat.Connector{HeartbeatAt: now}, threat.Available},
		{"it speaks, switched on", threat.Connector{HeartbeatAt: now, EnabledForWindows: true}, threat.Enabled},
		{"seven days are in time", threat.Connector{HeartbeatAt: now.Add(-threat.DefaultUnresponsiveAfter), EnabledForWindows: true}, threat.Enabled},
		{"a moment more is not", threat.Connector{HeartbeatAt: now.Add(-threat.DefaultUnresponsiveAfter - 1), EnabledForWindows: true}, threat.Unresponsive},
		{"the admin's limit", threat.Connector{HeartbeatAt: now.Add(-2 * time.Hour), UnresponsiveAfter: time.Hour}, threat.Unresponsive},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.c.State(now); got != tt.want {
				t.Errorf("State = %s, want %s", got, tt.want)
			}
		})
	}
}

func connector(change func(*threat.Connector)) *threat.Connector {
	c := threat.Connector{ID: directory.WindowsSecurityCenter, EnabledForWindows: true, HeartbeatAt: now}
	change(&c)
	return &c
}

func asIs(*threat.Connector) {}

func partner(states ...threat.State) threat.Signal {
	return threat.Signal{Source: threat.FromConnector, Partner: directory.WindowsSecurityCenter, States: states, ReceivedAt: now}
}

func agent(states ...threat.State) threat.Signal {
	return threat.Signal{Source: threat.FromAgent, States: states, ReceivedAt: now}
}

func TestAssessment(t *testing.T) {
	silent := func(c *threat.Connector) { c.HeartbeatAt = now.AddDate(0, 0, -8) }
	strict := func(c *threat.Connector) { c.BlockOnSilence = true }
	both := func(c *threat.Connector) { silent(c); strict(c) }
	tests := []struct {
		name      string
		signals   []threat.Signal
		connector *threat.Connector
		os        version.Version
		want      threat.Level
		counted   bool
		why       string
	}{
		{"no connector, no effect", []threat.Signal{partner(threat.ActiveThreat)}, nil, current, threat.Unknown, false, ""},
		{"a connector that is off has no effect", []threat.Signal{partner(threat.ActiveThreat)},
			connector(func(c *threat.Connector) { c.EnabledForWindows = false }), current, threat.Unknown, false, ""},
		{"Windows 11 22H2 reports no threats", []threat.Signal{agent(threat.Healthy)}, connector(asIs), version.Version{10, 0, 22621, 9999}, threat.Unknown, true,
			"Windows 10.0.22621.9999 is too old to report threats; version 10.0.22631 or later does"},
		{"an unknown Windows is too old", []threat.Signal{agent(threat.Healthy)}, connector(asIs), version.Version{}, threat.Unknown, true, "the version of Windows is not known"},
		{"build 22631 is enough", []threat.Signal{agent(threat.Healthy)}, connector(asIs), threat.CountsFrom(), threat.Secured, true, ""},
		{"no signal, no knowledge", nil, connector(asIs), current, threat.Unknown, true, "no protection state has been reported for this PC yet"},
		{"a signal without states, no knowledge", []threat.Signal{partner()}, connector(asIs), current, threat.Unknown, true, "Windows Security does not say how this PC is protected"},
		{"the strictest source wins", []threat.Signal{partner(threat.Healthy), agent(threat.FirewallOff)}, connector(asIs), current, threat.High, true, "the firewall is off"},
		{"whichever it is", []threat.Signal{partner(threat.DefinitionsOutdated), agent(threat.Healthy)}, connector(asIs), current, threat.Medium, true, "virus definitions are out of date"},
		{"unknown beats medium", []threat.Signal{partner(threat.DefinitionsOutdated), agent(threat.FirewallUnknown)}, connector(asIs), current, threat.Unknown, true,
			"the state of the firewall is not known; virus definitions are out of date"},
		{"high beats unknown", []threat.Signal{partner(threat.ActiveThreat), agent(threat.FirewallUnknown)}, connector(asIs), current, threat.High, true,
			"a threat was found that has not been removed; the state of the firewall is not known"},
		{"an undefined state is unknown", []threat.Signal{partner("fine")}, connector(asIs), current, threat.Unknown, true, "an unknown health state was reported"},
		{"another partner's word does not count", []threat.Signal{{Source: threat.FromConnector, Partner: "gone", States: []threat.State{threat.ActiveThreat}}, agent(threat.Healthy)},
			connector(asIs), current, threat.Secured, true, ""},
		{"a silent partner's word does not count", []threat.Signal{partner(threat.ActiveThreat)}, connector(silent), current, threat.Unknown, false, ""},
		{"the agent's still does", []threat.Signal{partner(threat.Healthy), agent(threat.FirewallOff)}, connector(silent), current, threat.High, true, "the firewall is off"},
		{"silence blocks when asked to", []threat.Signal{partner(threat.Healthy), agent(threat.Healthy)}, connector(both), current, threat.Unknown, true, "the threat service has not answered for too long"},
		{"so does a partner that does not know the PC", []threat.Signal{agent(threat.Healthy)}, connector(strict), current, threat.Unknown, true, "the threat service has not reported on this PC yet"},
		{"a partner that spoke is enough", []threat.Signal{partner(threat.Healthy)}, connector(strict), current, threat.Secured, true, ""},
		{"a connector that never spoke leaves the agent", []threat.Signal{agent(threat.AutomaticUpdatesOff)}, connector(func(c *threat.Connector) { c.HeartbeatAt = time.Time{} }),
			current, threat.Low, true, "automatic Windows updates are off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := threat.Assess(tt.signals, tt.connector, tt.os, now)
			if got.Level != tt.want || got.Counted != tt.counted || got.Why != tt.why {
				t.Errorf("got %+v", got)
			}
			if (got.Counted && got.Level != threat.Secured) != (len(got.Steps) > 0) {
				t.Errorf("level %s, counted %v, with the steps %q", got.Level, got.Counted, got.Steps)
			}
		})
	}
}

func TestStatesAndStepsAreListedOnceWorstFirst(t *testing.T) {
	got := threat.Assess([]threat.Signal{
		partner(threat.AutomaticUpdatesOff, threat.AntivirusOff, threat.DefinitionsOutdated),
		agent(threat.AntivirusOff, threat.Healthy),
	}, connector(asIs), current, now)
	want := []threat.State{threat.AntivirusOff, threat.DefinitionsOutdated, threat.AutomaticUpdatesOff, threat.Healthy}
	if !reflect.DeepEqual(got.States, want) {
		t.Errorf("states are %v, want %v", got.States, want)
	}
	once := slices.Compact(slices.Sorted(slices.Values(got.Steps)))
	if len(once) != len(got.Steps) || len(got.Steps) != 5 {
		t.Errorf("steps are %q", got.Steps)
	}
}

// The laws: the order of signals is irrelevant, one more report never makes a
// PC safer, and without a connector nothing counts.
func TestMoreReportsNeverMakeAPCSafer(t *testing.T) {
	rank := map[threat.Level]int{threat.Secured: 1, threat.Low: 2, threat.Medium: 3, threat.Unknown: 4, threat.High: 5}
	var all []threat.State
	for _, d := range threat.States() {
		all = append(all, d.State)
	}
	rapid.Check(t, func(t *rapid.T) {
		signals := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) threat.Signal {
			s := agent(rapid.SliceOfN(rapid.SampledFrom(all), 0, 3).Draw(t, "states")...)
			if rapid.Bool().Draw(t, "partner") {
				s.Source, s.Partner = threat.FromConnector, directory.WindowsSecurityCenter
			}
			return s
		}), 1, 4).Draw(t, "signals")
		whole := threat.Assess(signals, connector(asIs), current, now)
		if threat.Assess(signals, nil, current, now).Counted {
			t.Fatal("counted without a connector")
		}
		if other := threat.Assess(rapid.Permutation(signals).Draw(t, "permuted"), connector(asIs), current, now); !reflect.DeepEqual(whole, other) {
			t.Fatalf("the order matters: %+v and %+v", whole, other)
		}
		if part := threat.Assess(signals[1:], connector(asIs), current, now); len(signals) > 1 && rank[whole.Level] < rank[part.Level] {
			t.Fatalf("one more report made %s of %s", whole.Level, part.Level)
		}
	})
}

// FuzzParsers: a name that is accepted is the name of what it became.
func FuzzParsers(f *testing.F) {
	f.Add("healthy")
	f.Add("secured")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := threat.ParseLevel(s); (err == nil) != (l.String() == s) {
			t.Fatalf("ParseLevel(%q) = %v, %v", s, l, err)
		}
		if state, err := threat.ParseState(s); (err == nil && string(state) != s) || (err != nil && state != "") {
			t.Fatalf("ParseState(%q) = %v, %v", s, state, err)
		}
		if got, err := threat.ParseProviders(map[string]string{"antivirus": s}); err == nil && string(got[threat.Antivirus]) != s {
			t.Fatalf("ParseProviders(%q) = %v", s, got)
		}
	})
}
