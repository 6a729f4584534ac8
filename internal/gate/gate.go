// Package gate turns one sign-in or one proxied request into facts, a decision
// and a sign-in record. Every door asks it; none decides by itself.
package gate

import (
	"context"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// Facts are read in one snapshot, so that they agree with each other.
type Facts struct {
	Session SessionFacts
	User    directory.User // zero when the request has no session
	Groups  []directory.GroupID
	Device  *directory.Device   // behind the session's registration; nil without one
	Dossier *compliance.Dossier // of the session's registration, with what is demanded of it; nil without one
	// Acceptances are the user's answers to terms of use.
	Acceptances []agreement.Acceptance
	Client      directory.App
	Resources   []directory.App // in the order asked; unknown ones are fault.NotFound
	// Bound are the resources whose policies must be met early, because client or
	// resources say so.
	Bound     []directory.App
	Revisions directory.Revisions
}

// SessionFacts is what a decision reads of a session.
type SessionFacts struct {
	ID           directory.SessionID
	AuthAt       time.Time
	MFAAt        time.Time
	Methods      []string  // amr values
	PasswordAt   time.Time // a password was changed in this session; zero: none
	Transfer     string    // how it was handed over when it began; empty: it was not
	ExpiresAt    time.Time
	RevokedAt    time.Time
	Registration directory.RegistrationID
	ProvedAt     time.Time // the device behind the registration last proved itself; zero: never
}

// Config is what a tenant demands of every sign-in, whoever signs in. Its
// revision is Tenant.Revision.
type Config struct {
	Tenant     directory.Tenant
	Access     []access.Policy
	Locations  []location.Location
	Strengths  []strength.Strength // the built-in ones among them
	Agreements []agreement.Agreement
}

// Kept are rules that decisions are made by.
type Kept struct {
	ID       access.SetID
	Rules    access.Rules
	Revision int64 // of the tenant's configuration
	At       time.Time
}

// Person is what a what-if reads of somebody.
type Person struct {
	User        directory.User
	Groups      []directory.GroupID // direct and nested
	Acceptances []agreement.Acceptance
}

// Directory answers what a what-if asks.
type Directory interface {
	// Person and Resource return fault.NotFound for what is unknown.
	Person(ctx context.Context, t directory.TenantID, id directory.UserID) (Person, error)
	Resource(ctx context.Context, t directory.TenantID, id directory.AppID) (directory.App, error)
}

// Store is what the room reads and the log it appends to.
type Store interface {
	Directory
	// Facts reads everything about r in one snapshot. An unknown session, client
	// or resource is fault.NotFound.
	Facts(ctx context.Context, r access.Request) (Facts, error)
	// Config reads the tenant's demands.
	Config(ctx context.Context, t directory.TenantID) (Config, error)
	// KeepSet keeps what a set of rules was compiled from, for as long as records
	// name it: from the revision on it is in force, until another is kept for a
	// higher one.
	KeepSet(ctx context.Context, t directory.TenantID, k Kept) error
	// Kept returns the rules that were kept under an identifier, or fault.NotFound.
	Kept(ctx context.Context, t directory.TenantID, id access.SetID) (access.Rules, error)
	// History visits the entries of the sign-in log that hold facts, the oldest at
	// or after since first, until visit returns false.
	History(ctx context.Context, t directory.TenantID, since time.Time, visit func(access.Record) bool) error
	// RecordSignIn appends to the sign-in log.
	RecordSignIn(ctx context.Context, r access.Record) error
}
