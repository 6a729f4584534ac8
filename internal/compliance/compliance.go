// Package compliance turns health, threat and standing into one verdict per
// user, app and device. Nothing is stored here: a verdict is computed afresh at
// every decision.
//
// Judge is pure: the same dossier, demands and instant always give the same
// verdict, with every reason and what the person can do about it. It denies on
// doubt: what is not known counts against the installation.
//
// # Sources
//
// Health checks and versions: docs/spec/windows-mam.md sections 1, 3.1 and 3.2.
// The words for people are our own.
package compliance

import (
	"encoding"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
)

// State is whether an installation may be trusted (Graph: complianceState).
type State uint8

// The states. The zero value is Unknown, which opens nothing.
const (
	Unknown State = iota
	Compliant
	Noncompliant
)

var states = [...]string{"unknown", "compliant", "noncompliant"}

// String returns the state's name: "unknown", "compliant", "noncompliant".
func (s State) String() string {
	if int(s) < len(states) {
		return states[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// ParseState is the inverse of String.
func ParseState(s string) (State, error) {
	for state, name := range states {
		if name == s {
			return State(state), nil
		}
	}
	return Unknown, fault.New(fault.Invalid, "compliance state %q is unknown; valid are unknown, compliant, noncompliant", s)
}

// MarshalText returns String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseState.
func (s *State) UnmarshalText(text []byte) (err error) {
	*s, err = ParseState(string(text))
	return err
}

var (
	_ encoding.TextMarshaler   = State(0)
	_ encoding.TextUnmarshaler = (*State)(nil)
)

// Standing is what the service knows of one registration.
type Standing struct {
	Registration directory.RegistrationID
	directory.Installation
	Platform    string // "windows"
	AppVersion  string
	SDKVersion  string
	OSVersion   string
	Development bool // health came from a declared development adapter
	Managed     bool // the device became managed (joined or MDM enrolled)
	EnrolledAt  time.Time
	LastSyncAt  time.Time
	WipePending bool
	Revision    int64
}

// HeardOfAt is when the installation was heard of last: it enrolled or checked in.
func (s Standing) HeardOfAt() time.Time {
	if s.LastSyncAt.After(s.EnrolledAt) {
		return s.LastSyncAt
	}
	return s.EnrolledAt
}

// Dossier is what is known about one installation and what is asked of it, read
// in one snapshot.
type Dossier struct {
	Standing     Standing
	Manufacturer string // of the device, as filters read it
	Model        string // likewise
	User         directory.User
	Groups       []directory.GroupID // direct and nested
	Signals      []threat.Signal
	Connector    *threat.Connector // nil: the tenant has none
	Demands      Demands
}

// Demands are what a tenant asks of one user and app. What they are read by may
// leave policies out that cannot apply, and nothing else.
type Demands struct {
	Settings  directory.TenantSettings
	Policies  []protection.Policy // every one with the app and, in an inclusion, all users or a group of the user
	Filters   map[targeting.FilterID]targeting.Filter
	Elsewhere bool // no policy has the app, and one targets the user in another
}

// Target is the installation as policies ask about it.
func (d Dossier) Target() protection.Target {
	s := &d.Standing
	return protection.Target{Platform: s.Platform, App: s.App, Audience: targeting.Audience{
		Groups:  d.Groups,
		App:     targeting.App{AppVersion: s.AppVersion, OSVersion: s.OSVersion, Manufacturer: d.Manufacturer, Model: d.Model},
		Filters: d.Demands.Filters,
	}}
}

// Codes of reasons that are no health check.
const (
	WipePending       = "wipePending"       // a selective wipe was requested and is not confirmed
	Managed           = "managed"           // the device became managed, so that policy no longer applies
	DevelopmentHealth = "developmentHealth" // a development adapter measured, and the tenant does not allow that
	NotOnboarded      = "notOnboarded"      // the tenant has app protection switched off
	NotEntitled       = "notEntitled"       // the user is not in the group that may use app protection
	NotTargeted       = "notTargeted"       // no app protection policy targets the user and app
	AppNotInPolicy    = "appNotInPolicy"    // the user has policies, and none has the app
)

// Reason is one cause of a verdict, for people and for programs.
type Reason struct {
	Code   string // stable: a protection.Subject or one of the codes above
	Action protection.Action
	Have   string
	Want   string
	Text   string   // one sentence for the person, without a full stop
	Steps  []string // what the person can do, in order; empty when only an admin can
}

// Verdict is the outcome. Compliant means that Action is Allow or Warn.
type Verdict struct {
	State   State
	Action  protection.Action
	Reasons []Reason // every one, strictest first
}
