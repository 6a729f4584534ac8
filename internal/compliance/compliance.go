// Package compliance turns health, threat and standing into one verdict per
// user, app and device. Nothing is stored here: a verdict is computed afresh at
// every decision.
package compliance

import (
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
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

// Dossier is what is known about one installation, read in one snapshot.
type Dossier struct {
	Standing  Standing
	User      directory.User
	Groups    []directory.GroupID // direct and nested
	Signals   []threat.Signal
	Connector *threat.Connector // nil: the tenant has none
}

// Config is what the tenant demands.
type Config struct {
	Tenant   directory.Tenant // its Revision is the revision of the whole Config
	Policies []protection.Policy
}

// Reason is one cause of a verdict, for people and for programs.
type Reason struct {
	Code   string // stable: a protection.Subject, or "wipePending", "notTargeted", "managed", "developmentHealth"
	Action protection.Action
	Have   string
	Want   string
	Text   string   // one sentence for the person
	Steps  []string // what the person can do, in order; empty when only an admin can
}

// Verdict is the outcome. Compliant means that Action is Allow or Warn.
type Verdict struct {
	State   State
	Action  protection.Action
	Reasons []Reason // every one, strictest first
}
