// Package threat grades what threat sources report about a device.
//
// Sources are the tenant's connector (Windows Security Center) and the agent's
// raw provider states. An agent never names a level: FromProviders maps what it
// saw, and the strictest source wins.
package threat

import (
	"time"

	"github.com/postern-mam/postern/internal/directory"
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

// State is a predefined health state, the vocabulary of connectors.
type State string

// Provider is a protection component that Windows Security Center watches.
type Provider string

// ProviderState is what Windows Security Center says about a Provider.
type ProviderState string

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
