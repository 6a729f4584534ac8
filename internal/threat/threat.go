// Package threat grades what threat sources report about a device.
//
// Sources are the tenant's connector (Windows Security Center) and the agent's
// raw provider states. An agent never names a level: FromProviders maps what it
// saw, and the strictest source wins.
//
// # Units and time
//
// Levels are ordered: Secured < Low < Medium < High. Unknown stands outside that
// order: it is never safe, and Assess says what it does beside known levels.
// Ages are time.Durations, instants are UTC, and callers pass "now" in.
//
// # Errors
//
// Only the parsers fail, with fault.Invalid that names what would be valid.
//
// # Sources
//
// Levels follow the Graph enumeration deviceThreatProtectionLevel ("unavailable"
// is our Unknown), connector states the documented states of a Mobile Threat
// Defense connector, provider states WSC_SECURITY_PROVIDER_HEALTH of wscapi.h.
// The predefined states and their levels are our own decision: docs/spec/threat-states.md.
package threat

import (
	"encoding"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// Level is how much danger a device is in. The zero value is Unknown, which is
// never treated as safe.
type Level uint8

// The levels, in order of danger (Graph: deviceThreatProtectionLevel).
const (
	Unknown Level = iota
	Secured
	Low
	Medium
	High
)

var levels = [...]string{"unknown", "secured", "low", "medium", "high"}

// String returns the level's name: "unknown", "secured", "low", "medium", "high".
func (l Level) String() string {
	if int(l) < len(levels) {
		return levels[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ParseLevel is the inverse of String.
func ParseLevel(s string) (Level, error) {
	for l, name := range levels {
		if name == s {
			return Level(l), nil
		}
	}
	return Unknown, fault.New(fault.Invalid, "threat level %q is unknown; valid are unknown, secured, low, medium, high", clip(s))
}

// MarshalText returns String.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText is ParseLevel.
func (l *Level) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLevel(string(text))
	return err
}

var (
	_ encoding.TextMarshaler   = Level(0)
	_ encoding.TextUnmarshaler = (*Level)(nil)
)

// clip keeps an error readable when someone sends a megabyte as a name.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// Source says who reported a signal.
type Source string

// The sources.
const (
	FromConnector Source = "connector"
	FromAgent     Source = "agent"
)

// Signal is the newest report of one source about one installation. States
// holds every predefined state that holds now.
type Signal struct {
	Source     Source
	Partner    directory.AppID // the connector, or empty for the agent
	States     []State
	ReportedAt time.Time // the source's clock: orders reports of one source
	ReceivedAt time.Time // our clock
}

// DefaultUnresponsiveAfter is how long a connector may be silent when the admin
// did not say.
const DefaultUnresponsiveAfter = 7 * 24 * time.Hour

// Connector is a tenant's link to a threat partner (Graph: mobileThreatDefenseConnector).
type Connector struct {
	ID                directory.AppID // the partner
	Tenant            directory.TenantID
	EnabledForWindows bool          // Graph: windowsMobileApplicationManagementEnabled
	BlockOnSilence    bool          // Graph: windowsDeviceBlockedOnMissingPartnerData
	UnresponsiveAfter time.Duration // Graph: partnerUnresponsivenessThresholdInDays; 0 means 7 days
	HeartbeatAt       time.Time     // zero: the partner never spoke
	CreatedAt         time.Time
	Revision          int64
}

// ConnectorState is how a connector stands (Graph: mobileThreatPartnerTenantState).
type ConnectorState string

// The states of a connector.
const (
	Unavailable  ConnectorState = "unavailable"  // the partner never spoke
	Available    ConnectorState = "available"    // it speaks, and no platform is switched on
	Enabled      ConnectorState = "enabled"      // it speaks, and Windows is switched on
	Unresponsive ConnectorState = "unresponsive" // it has been silent for too long
)

// State tells how the connector stands at now. Silence of exactly
// UnresponsiveAfter is still in time.
func (c Connector) State(now time.Time) ConnectorState {
	after := c.UnresponsiveAfter
	if after <= 0 {
		after = DefaultUnresponsiveAfter
	}
	switch {
	case c.HeartbeatAt.IsZero():
		return Unavailable
	case now.Sub(c.HeartbeatAt) > after:
		return Unresponsive
	case c.EnabledForWindows:
		return Enabled
	}
	return Available
}
