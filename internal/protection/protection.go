// Package protection holds app protection policies: the settings catalogue, the
// health checks, and how several policies on one user and app merge.
package protection

import (
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// PolicyID names an app protection policy (Graph: "T_" and a GUID).
type PolicyID string

// Action is what a failed health check leads to. The order is severity.
type Action uint8

// The actions; the strictest wins, all are reported.
const (
	Allow Action = iota
	Warn
	Block
	Wipe
)

// Subject is what a health check looks at.
type Subject string

// The subjects, named as the catalogue names them (windows-mam.md section 1.2).
const (
	OfflineGrace    Subject = "offlineGracePeriod"
	MinAppVersion   Subject = "minAppVersion"
	MinSDKVersion   Subject = "minSdkVersion"
	DisabledAccount Subject = "disabledAccount"
	MinOSVersion    Subject = "minOsVersion"
	MaxOSVersion    Subject = "maxOsVersion"
	MaxThreatLevel  Subject = "maxThreatLevel"
)

// Check is one row of conditional launch: a subject, its limit and an action.
// Which limit counts depends on the subject; DisabledAccount has none.
type Check struct {
	Subject Subject
	Action  Action
	Version version.Version // MinAppVersion, MinSDKVersion, MinOSVersion, MaxOSVersion
	After   time.Duration   // OfflineGrace; a Wipe after 0 never comes, a Block after 0 comes at once
	Level   threat.Level    // MaxThreatLevel
}

// Transfer limits where data may come from or go to.
type Transfer string

// Clipboard limits cut, copy and paste.
type Clipboard string

// The values, spelled as Graph spells them; "" means not configured and reads
// as the default of the catalogue.
const (
	AllApps Transfer = "allApps"
	NoApps  Transfer = "none"

	AnyDestinationAnySource Clipboard = "anyDestinationAnySource"
	OrgDestinationAnySource Clipboard = "orgDestinationAnySource"
	OrgDestinationOrgSource Clipboard = "orgDestinationOrgSource"
	NoClipboard             Clipboard = "none"
)

// Settings are what a policy asks of an app.
type Settings struct {
	ReceiveFrom  Transfer  // Graph: allowedInboundDataTransferSources
	SendTo       Transfer  // Graph: allowedOutboundDataTransferDestinations
	Clipboard    Clipboard // Graph: allowedOutboundClipboardSharingLevel
	PrintBlocked bool
	Checks       []Check
}

// Policy is an app protection policy (Graph beta: windowsManagedAppProtection).
type Policy struct {
	ID          PolicyID
	Tenant      directory.TenantID
	DisplayName string
	Description string
	Settings    Settings
	Apps        []directory.PackageID
	Assignments []targeting.Assignment
	ScopeTags   []string
	CreatedAt   time.Time
	ModifiedAt  time.Time
	Revision    int64
}

// Health is what an installation reported about itself, as the checks read it.
type Health struct {
	Platform        string // "windows"
	AppVersion      version.Version
	SDKVersion      version.Version
	OSVersion       version.Version
	LastSyncAt      time.Time
	AccountDisabled bool // confirmed by the identity service
	ThreatCounted   bool // false: threat data takes no part (no connector, or it is off)
	ThreatLevel     threat.Level
}

// Finding is one failed check.
type Finding struct {
	Check Check
	Have  string // what was found, in words and numbers
	Want  string // the limit, likewise
}

// Effective is what applies to one user and app after all policies merged.
type Effective struct {
	Settings Settings
	Sources  map[string]PolicyID // catalogue setting name -> the policy that decided it
	Policies []PolicyID          // every policy that took part, sorted
	ETag     string              // changes exactly when Settings or Policies change
}
