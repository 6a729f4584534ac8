package mam

import (
	"context"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
)

// Registration is one managed app of one user on one device (Graph: managedAppRegistration).
type Registration struct {
	compliance.Standing
	DeviceName    string
	DeviceModel   string
	Manufacturer  string
	KeyThumbprint string
	Adapter       string             // who measured the health: "windows", "development"
	Verdict       compliance.Verdict // the newest, for display and reports only
	AppliedETag   string             // the policy the app said it applies
	Intended      Delivery           // what the app should apply, as of the newest judgment
	Superseded    Delivery           // what was intended before that
	Applied       Delivery           // what the app said last that it applies; zero: never acknowledged
	// DiagnosticsPending: diagnostics were asked for and have not come.
	DiagnosticsPending bool                 `json:",omitempty"`
	FailedChecks       []protection.Subject // what the app said failed on the device, for display only
	// Controls is how far the app says that it enforces the policy, for display only;
	// nil: it never said.
	Controls []enforcement.Control `json:",omitempty"`
	EndedAt  time.Time             // zero: alive
	EndedFor string                // "signedOut", "wiped", "superseded", "expired"
}

// Delivery is the policies that one state of delivery was made of.
type Delivery struct {
	ETag      string
	Policies  []AppliedPolicy // sorted by identifier
	ScopeTags []string        // of all of them, sorted: which admins see the registration
	At        time.Time       // when it was intended first
}

// AppliedPolicy is a policy at a version: app protection ("T_…") or app
// configuration ("A_…").
type AppliedPolicy struct {
	ID       string
	Revision int64
}

// OperationState is how far an operation is (Graph: managedAppOperation.state).
type OperationState string

// The states of an operation.
const (
	Pending   OperationState = "pending"
	Delivered OperationState = "delivered"
	Done      OperationState = "done"
	Failed    OperationState = "failed"
	Cancelled OperationState = "cancelled" // by an admin, before it was delivered
)

// OperationKind says what an app must do.
type OperationKind string

// The kinds of operations. An operation without a kind is a wipe.
const (
	Wipe        OperationKind = "wipe"
	Diagnostics OperationKind = "diagnostics"
)

// Operation is something an app must do: a selective wipe, or to send its
// diagnostics (Graph: managedAppOperation).
type Operation struct {
	ID           string
	Kind         OperationKind
	Tenant       directory.TenantID
	Registration directory.RegistrationID
	DisplayName  string
	State        OperationState
	RequestedBy  string // a user or application identifier, or "healthCheck"
	Reason       string
	Order        string // JWS signed by the service for this registration
	Receipt      string // JWS signed by the device key; empty until acknowledged
	Answer       string // what the device sent back: its diagnostics, as JSON; empty until then
	RequestedAt  time.Time
	ModifiedAt   time.Time
	Revision     int64
}

// Dossier is a registration with all that it is judged and served by, read in one
// snapshot. Its Standing is that of Registration, which is zero for a candidate.
type Dossier struct {
	compliance.Dossier
	Registration   Registration
	Configurations []configuration.Policy // as Demands.Policies, of app configuration
	Sites          []string               // hosts that the tenant publishes and policies protect, sorted
}

// Filter narrows a list of registrations. Zero fields do not narrow.
type Filter struct {
	User   directory.UserID
	Device directory.DeviceID
	App    directory.PackageID
	Ended  bool                // include those that ended
	Groups []directory.GroupID // users in one of these, direct and nested
	Before time.Time           // heard of last, by enrolling or checking in, before this instant
	After  directory.RegistrationID
	Limit  int // 0 means 100
}

// Change is what one step changes, saved together or not at all.
type Change struct {
	Registration *Registration  // compare and swap on Standing.Revision; 0 creates
	Signal       *threat.Signal // of that registration: replaces the newest of its source
	Operations   []Operation    // compare and swap each; 0 creates
	Proof        *oauth.Proof   // its JTI is spent: fault.Unauthenticated when seen before
	Events       []event.Event
	Entries      []audit.Entry // what an admin ordered
}

// Registrations keeps registrations, operations and the devices behind them.
type Registrations interface {
	// Registration returns fault.NotFound when id is unknown in the tenant; ended ones are found.
	Registration(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (Registration, error)
	// List returns registrations in identifier order.
	List(ctx context.Context, t directory.TenantID, f Filter) ([]Registration, error)
	// Count returns how many registrations there are that List would give, page by
	// page; f.Before takes no part.
	Count(ctx context.Context, t directory.TenantID, f Filter) (int, error)
	// Save stores all of c or nothing; fault.Conflict when a revision moved.
	// Changing an operation moves the registration's revision too.
	Save(ctx context.Context, c Change) error
	// Operations lists the operations of a registration, newest first.
	Operations(ctx context.Context, t directory.TenantID, id directory.RegistrationID) ([]Operation, error)
}

// Devices keeps registered devices.
type Devices interface {
	// Device and DeviceByKey return fault.NotFound when there is none.
	Device(ctx context.Context, t directory.TenantID, id directory.DeviceID) (directory.Device, error)
	DeviceByKey(ctx context.Context, t directory.TenantID, jkt string) (directory.Device, error)
	// SaveDevice creates (Revision 0) or compares and swaps, spending proof when
	// not nil; it returns what was stored.
	SaveDevice(ctx context.Context, d directory.Device, proof *oauth.Proof, events ...event.Event) (directory.Device, error)
}

// Store is all that the room keeps or reads.
type Store interface {
	Registrations
	Ledger
	Devices
	// Dossier reads what is known about the registration, in one snapshot.
	Dossier(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (Dossier, error)
	// Candidate reads what would be known of a user in an app that is not
	// registered: person and demands, in one snapshot. Of the installation only
	// tenant, user and app are filled in.
	Candidate(ctx context.Context, t directory.TenantID, u directory.UserID, app directory.PackageID) (Dossier, error)
	// Policies reads every app protection policy of the tenant: for what is done
	// once an hour, never for what is done for every app.
	Policies(ctx context.Context, t directory.TenantID) ([]protection.Policy, error)
}

// Signer signs orders that agents verify. The hall connects it to the signing keys.
type Signer interface {
	// Sign returns a compact JWS with header typ over the JSON of claims.
	Sign(ctx context.Context, typ string, claims any) (string, error)
}
