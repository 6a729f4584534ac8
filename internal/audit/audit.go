// Package audit holds the words of the append-only record of administration:
// who changed what, from what, to what. It is pure; the store keeps entries in
// the transaction of the change they tell of, so that no change is without one.
//
// The entries of one object are also its history: what an object was after a
// change is what a restore saves again.
//
// # Sources
//
// Microsoft Graph: auditEvent (Intune) and directoryAudit (Entra). Which of the
// two shows an entry is a matter of its Kind.
package audit

import (
	"encoding/json"
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// Actor is who made a change: a user through an app, or an app as itself.
type Actor struct {
	User          directory.UserID // empty: an app that signed in as itself, or the service
	Client        directory.AppID  // empty: the service itself
	Name          string           // user principal name or the app's name, as it was then
	Address       string           // IP address; may be empty
	CorrelationID string           // of the request, as the caller was told
}

// Operation is what was done to an object.
type Operation string

// The operations.
const (
	Create Operation = "create"
	Change Operation = "change"
	Delete Operation = "delete"
	Action Operation = "action" // something ordered: a wipe, its cancellation, a report
)

// Kind says what sort of object an entry is about.
type Kind string

// The kinds of objects.
const (
	User             Kind = "user"
	Group            Kind = "group"
	App              Kind = "application"
	Device           Kind = "device"
	Tenant           Kind = "organization"
	AccessPolicy     Kind = "conditionalAccessPolicy"
	ProtectionPolicy Kind = "appProtectionPolicy"
	Configuration    Kind = "appConfigurationPolicy"
	Connector        Kind = "threatConnector"
	AssignmentFilter Kind = "assignmentFilter"
	RoleDefinition   Kind = "roleDefinition"
	RoleAssignment   Kind = "roleAssignment"
	ScopeTag         Kind = "scopeTag"
	Registration     Kind = "managedAppRegistration"
	ReportExport     Kind = "reportExport"
	// What policies refer to.
	NamedLocation          Kind = "namedLocation"
	AuthenticationStrength Kind = "authenticationStrengthPolicy"
	AuthenticationContext  Kind = "authenticationContextClassReference"
	Agreement              Kind = "agreement"
)

// Entry is one change. Secrets are never part of Before and After.
type Entry struct {
	ID        string
	Tenant    directory.TenantID
	At        time.Time
	Actor     Actor
	Operation Operation
	Activity  string // for people: "wipe requested", "member added"; empty: Operation and Kind say it
	Kind      Kind
	Target    string // identifier of the object
	Name      string // its name, as it was
	ScopeTags []string
	Revision  int64           // of the object after the change; 0 after a deletion
	Before    json.RawMessage `json:",omitempty"` // the domain object; nil when there was none
	After     json.RawMessage `json:",omitempty"` // nil after a deletion
}
