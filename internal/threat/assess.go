package threat

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/version"
)

// CountsFrom is the first version of Windows whose threat data counts: Windows
// 11 23H2 (docs/spec/windows-mam.md, section 3.1).
func CountsFrom() version.Version { return version.Version{10, 0, 22631} }

// Assessment is what all sources together say about one installation.
type Assessment struct {
	Level   Level
	Counted bool     // false: threat data takes no part in the verdict
	Why     string   // one clause for the person: "the firewall is off"; "" when Level is Secured
	States  []State  // everything reported that counts, worst first
	Steps   []string // what the person does about it, in order
}

// Assess grades an installation at now.
//
// No connector, or one that is not enabled for Windows, means that threat data
// takes no part: removing the connector clears its effect at once. The same
// holds for the partner's signals while it is unresponsive, unless the admin
// blocks on silence; the agent's own signals still count then.
//
// Doubt is Unknown and counts: an old or unknown version of Windows, no signal
// at all, a signal without states, and with BlockOnSilence a partner that is
// silent or has said nothing of this installation.
//
// The strictest source wins, in the order Secured, Low, Medium, Unknown, High.
// High beats Unknown because nothing that Unknown could hide is worse: what is
// known then decides, even for a policy that tolerates High but wants a report.
func Assess(signals []Signal, connector *Connector, osVersion version.Version, now time.Time) Assessment {
	if connector == nil || !connector.EnabledForWindows {
		return Assessment{}
	}
	if osVersion.Compare(CountsFrom()) < 0 {
		return oldWindows(osVersion)
	}
	silent := connector.State(now) == Unresponsive
	counted, partnerSpoke := make([]State, 0, 8), false
	heard := 0
	for _, s := range signals {
		if s.Source == FromConnector {
			if s.Partner != connector.ID || silent {
				continue // from a partner that was removed, or is not to be believed
			}
			partnerSpoke = true
		}
		heard++
		if len(s.States) == 0 {
			counted = append(counted, OtherProtectionUnknown)
		}
		counted = append(counted, s.States...)
	}
	switch {
	case connector.BlockOnSilence && silent:
		return doubt("the threat service has not answered for too long", counted)
	case connector.BlockOnSilence && !partnerSpoke:
		return doubt("the threat service has not reported on this PC yet", counted)
	case heard == 0 && silent:
		return Assessment{}
	case heard == 0:
		return doubt("no protection state has been reported for this PC yet", counted)
	}
	return grade(counted)
}

func oldWindows(v version.Version) Assessment {
	why := "the version of Windows is not known"
	if !v.IsZero() {
		why = "Windows " + v.String() + " is too old to report threats; version " + CountsFrom().String() + " or later does"
	}
	return Assessment{Counted: true, Why: why, Steps: []string{
		"Open Settings, choose Windows Update, then Check for updates.",
		"Install everything it offers, including Windows 11 version 23H2 or later, and restart.",
	}}
}

func doubt(why string, states []State) Assessment {
	a := grade(states)
	a.Level, a.Why = Unknown, why
	if len(a.Steps) == 0 {
		a.Steps = []string{"Keep this PC online and the app open for a few minutes, so that it can report."}
	}
	return a
}

// grade finds the strictest level and says why in the words of the states.
func grade(states []State) Assessment {
	slices.SortFunc(states, func(a, b State) int {
		return cmp.Or(cmp.Compare(severity(b), severity(a)), cmp.Compare(a, b))
	})
	states = slices.Compact(states)
	a := Assessment{Counted: true, States: states}
	if len(states) == 0 {
		return a
	}
	a.Level = states[0].Level()
	var titles []string
	for _, s := range states {
		if s == Healthy {
			continue
		}
		d, _ := s.Definition()
		titles = append(titles, d.Title)
		for _, step := range d.Steps {
			if !slices.Contains(a.Steps, step) {
				a.Steps = append(a.Steps, step)
			}
		}
	}
	a.Why = strings.Join(titles, "; ")
	return a
}

// severities order levels for "the strictest wins".
var severities = [...]int{Secured: 1, Low: 2, Medium: 3, Unknown: 4, High: 5}

func severity(s State) int { return severities[s.Level()] }
