package protection

import (
	"time"

	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// Template is a starting point for a policy: settings for one level of protection.
type Template struct {
	ID          string // "level-1": stable, for links and files
	Name        string
	Level       int // 1 to 3; a higher level restricts at least as much in every setting
	Description string
	Settings    Settings
}

// Templates lists the levels of the data protection framework for Windows, lowest
// first. Levels are alternatives: assign one of them to a person. The list is the
// caller's own.
//
// The values are those of Microsoft's guide to a secure enterprise browser, with
// three decisions of ours where the guide is of two minds (docs/spec/windows-mam.md
// section 9): the threat level goes down high, low, secured; level 3 keeps the
// block of disabled accounts that level 2 has; and what the guide lists only for
// mobile platforms, or not at all, stays off.
func Templates() []Template {
	return []Template{
		{
			ID: "level-1", Name: "Level 1: basic data protection", Level: 1,
			Description: "For a first roll-out: organisation data moves freely, and what matters is that the PC checks in and that a wipe works.",
			Settings: Settings{
				ReceiveFrom: AllApps, SendTo: AllApps, Clipboard: AnyDestinationAnySource,
				Checks: append(offline(10_080*time.Minute, 90), worst(threat.High)),
			},
		},
		{
			ID: "level-2", Name: "Level 2: enhanced data protection", Level: 2,
			Description: "For most people: organisation data stays in the browser, and the PC must be recent and healthy.",
			Settings:    contained(worst(threat.Low)),
		},
		{
			ID: "level-3", Name: "Level 3: high data protection", Level: 3,
			Description: "For people whose data attracts attackers: as level 2, on a PC with no sign of a threat.",
			Settings: contained(worst(threat.Secured),
				Check{Subject: MaxOSVersion, Action: Warn, Version: version.Version{10, 0, 22641}}),
		},
	}
}

// contained are the settings that levels 2 and 3 share, and more checks.
func contained(more ...Check) Settings {
	checks := append(offline(1_440*time.Minute, 30),
		Check{Subject: DisabledAccount, Action: Block},
		Check{Subject: MinOSVersion, Action: Block, Version: version.Version{10, 0, 22621, 2506}})
	return Settings{ReceiveFrom: NoApps, SendTo: NoApps, Clipboard: NoClipboard, PrintBlocked: true, Checks: append(checks, more...)}
}

func offline(block time.Duration, wipeDays int) []Check {
	return []Check{
		{Subject: OfflineGrace, Action: Block, After: block},
		{Subject: OfflineGrace, Action: Wipe, After: time.Duration(wipeDays) * 24 * time.Hour},
	}
}

func worst(l threat.Level) Check { return Check{Subject: MaxThreatLevel, Action: Block, Level: l} }
