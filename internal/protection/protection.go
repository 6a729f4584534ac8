// Package protection holds app protection policies: the settings catalogue, the
// health checks, and how several policies on one user and app merge.
//
// Catalogue is the one place that knows a setting: its Graph properties, values,
// default, restrictiveness and evaluator. Validation, merging, the Graph door and
// the device protocol read it.
//
// # Units and time
//
// Durations are time.Durations of whole seconds; on the device protocol a limit
// is its number of seconds. Instants are UTC and callers pass "now" in.
//
// # Errors
//
// Bad input is fault.Invalid and names the field, the value and what is valid.
//
// # Doubt
//
// A check that cannot be decided, because a version or a threat level is not
// known, fails. Doubt blocks and never wipes: destroying data takes a known fact.
//
// # Sources
//
// Settings and actions follow the Graph beta resource windowsManagedAppProtection
// and docs/spec/windows-mam.md section 1. How policies merge is our own decision:
// the most restrictive value wins, numbers included, whatever the order.
package protection

import (
	"encoding"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// Windows is the platform that policies are for.
const Windows = "windows"

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

var actions = [...]string{"allow", "warn", "block", "wipe"}

// String returns the action's name: "allow", "warn", "block", "wipe".
func (a Action) String() string {
	if int(a) < len(actions) {
		return actions[a]
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// ParseAction is the inverse of String.
func ParseAction(s string) (Action, error) {
	for a, name := range actions {
		if name == s {
			return Action(a), nil
		}
	}
	return Allow, fault.New(fault.Invalid, "action %q is unknown; valid are allow, warn, block, wipe", clip(s))
}

// MarshalText returns String.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is ParseAction.
func (a *Action) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAction(string(text))
	return err
}

var (
	_ encoding.TextMarshaler   = Action(0)
	_ encoding.TextUnmarshaler = (*Action)(nil)
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
	Platform    string // of the app instances it takes: Windows; "" means that, too
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
	Doubt bool   // it failed because the fact is not known; a Wipe became a Block
}

// Effective is what applies to one user and app after all policies merged.
type Effective struct {
	Settings Settings
	// Sources tells which policy decided: by catalogue setting name, and for each
	// health check also by Check.Name. The name of a health check alone stands for
	// its severest row.
	Sources  map[string]PolicyID
	Policies []PolicyID // every policy that took part, sorted
	ETag     string     // changes exactly when Settings or Policies change
}
