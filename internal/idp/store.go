package idp

import (
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/oauth"
)

// Session is a person's sign-in (the token claim sid). It outlives tokens and
// is what they all hang on: revoke it and every door closes.
type Session struct {
	ID         directory.SessionID
	Tenant     directory.TenantID
	User       directory.UserID
	CookieHash string // base64url SHA-256 of the browser's cookie
	AuthAt     time.Time
	MFAAt      time.Time // zero: no second factor was shown
	Methods    []string  // amr values used: "pwd", "otp"
	// Transfer is how the sign-in was handed from another device: empty,
	// "deviceCodeFlow" or "authenticationTransfer". It stays for good.
	Transfer   string
	PasswordAt time.Time // a password was changed in this session; zero: none
	// Registration is the managed app registration whose device proved itself
	// in this session; empty until one does.
	Registration directory.RegistrationID
	ProvedAt     time.Time
	ExpiresAt    time.Time
	RevokedAt    time.Time // zero: alive
	RevokedFor   string
	Revision     int64
}

// Credential is what verifies a user.
type Credential struct {
	Tenant       directory.TenantID
	User         directory.UserID
	PasswordHash string // argon2id, PHC string
	MustChange   bool
	TOTPSealed   []byte // sealed seed; nil: no second factor registered
	TOTPStep     int64  // the last time step used, so that no code works twice
	Failures     int    // consecutive wrong passwords or codes
	LockedUntil  time.Time
	Revision     int64
}

// Flow is a sign-in under way: the request and what was established so far.
type Flow struct {
	ID         string
	Tenant     directory.TenantID
	Request    string // the authorization request, as oauth encodes it
	Browser    string // base64url SHA-256 of the flow cookie: only this browser may continue
	Session    directory.SessionID
	Nonce      string   // for the device proof
	Viewed     []string `json:",omitempty"` // terms of use whose text was opened, by TermsKey
	TOTPSealed []byte   // a seed offered but not yet confirmed
	Device     string   `json:",omitempty"` // hash of the device code that this is about; empty: none
	Approved   bool     `json:",omitempty"` // the person said that the device is theirs
	ExpiresAt  time.Time
	Revision   int64
}

// AuthorizationCode is a code that was handed out.
type AuthorizationCode struct {
	Hash        string // base64url SHA-256
	Tenant      directory.TenantID
	Client      directory.AppID
	Session     directory.SessionID
	User        directory.UserID
	RedirectURI string
	Challenge   string // PKCE S256
	Scope       string
	Nonce       string
	JKT         string   // dpop_jkt of the request
	Contexts    []string `json:",omitempty"` // authentication contexts that were met
	Device      bool     `json:",omitempty"` // it is a device code, which somebody approved
	Grant       string   // the grant it became; set by the first redemption
	ExpiresAt   time.Time
}

// DeviceCode is a code that a device without a browser waits with (RFC 8628). What
// somebody approves becomes an AuthorizationCode of the same hash.
type DeviceCode struct {
	Hash      string // base64url SHA-256 of the device code
	UserHash  string // of the user code
	Tenant    directory.TenantID
	Client    directory.AppID
	Scope     string
	Contexts  []string  `json:",omitempty"` // authentication contexts that must be met
	PolledAt  time.Time // when it asked last, but for asking too soon
	DeniedAt  time.Time // zero: nobody declined
	ExpiresAt time.Time
	Revision  int64
}

// Grant is a refresh token family: one consent of one session to one client.
type Grant struct {
	ID          string
	Tenant      directory.TenantID
	Client      directory.AppID
	Session     directory.SessionID
	User        directory.UserID
	Scope       string
	JKT         string // a refresh must prove this key
	RefreshHash string // of the newest refresh token; empty: none was issued
	FamilyHash  string // of what all refresh tokens of the family begin with: one that is not the newest revokes it
	ExpiresAt   time.Time
	RevokedAt   time.Time
	Revision    int64
}

// Issue is everything an issuance changes, saved together or not at all.
type Issue struct {
	Tenant directory.TenantID
	Grant  *Grant              // saved when not nil; Revision 0 creates it
	Code   string              // hash of the code to spend; empty: none
	Proof  *oauth.Proof        // its JTI is spent; nil: none
	Basis  directory.Revisions // facts that must not have moved, of the grant's session
	Record access.Record       // the sign-in log entry
}

// What Issue can fail with besides fault.Conflict from the grant's own revision.
var (
	// ErrMoved says that a fact behind the decision changed: decide again.
	ErrMoved = errors.New("idp: a fact behind the decision changed")
	// ErrCodeSpent says that the code was redeemed before.
	ErrCodeSpent = errors.New("idp: the code was redeemed before")
	// ErrReplayed says that the proof was seen before.
	ErrReplayed = errors.New("idp: the proof was seen before")
)

// Sessions keeps sign-in sessions.
type Sessions interface {
	// Session returns fault.NotFound when id is unknown in the tenant.
	Session(ctx context.Context, t directory.TenantID, id directory.SessionID) (Session, error)
	// SessionByCookie finds the session of a browser, or fault.NotFound.
	SessionByCookie(ctx context.Context, t directory.TenantID, hash string) (Session, error)
	// SaveSession creates (Revision 0) or compares and swaps; it returns what was stored.
	SaveSession(ctx context.Context, s Session, events ...event.Event) (Session, error)
	// RevokeSessions ends every living session of a user, announces each, and
	// returns how many. Ending none is not an error.
	RevokeSessions(ctx context.Context, t directory.TenantID, u directory.UserID, reason string, at time.Time) (int, error)
}

// Credentials keeps what verifies users.
type Credentials interface {
	// Credential returns fault.NotFound for a user without one.
	Credential(ctx context.Context, t directory.TenantID, u directory.UserID) (Credential, error)
	// SaveCredential creates (Revision 0) or compares and swaps.
	SaveCredential(ctx context.Context, c Credential, events ...event.Event) error
}

// Flows keeps sign-ins under way.
type Flows interface {
	// Flow returns fault.NotFound when id is unknown or expired at now.
	Flow(ctx context.Context, t directory.TenantID, id string, now time.Time) (Flow, error)
	// SaveFlow creates (Revision 0) or compares and swaps; it returns what was stored.
	SaveFlow(ctx context.Context, f Flow) (Flow, error)
}

// Grants keeps codes and refresh token families.
type Grants interface {
	// SaveCode stores a fresh code with the sign-in record, unless basis moved (ErrMoved).
	SaveCode(ctx context.Context, c AuthorizationCode, basis directory.Revisions, r access.Record) error
	// Code returns a code by its hash, spent or not; fault.NotFound when unknown.
	Code(ctx context.Context, t directory.TenantID, hash string) (AuthorizationCode, error)
	// GrantByRefresh finds the family whose newest token, or whose common part,
	// hashes to hash; fault.NotFound when there is none.
	GrantByRefresh(ctx context.Context, t directory.TenantID, hash string) (Grant, error)
	// SaveIssue stores all of i or nothing. Errors: ErrMoved, ErrCodeSpent,
	// ErrReplayed, fault.Conflict.
	SaveIssue(ctx context.Context, i Issue) error
	// RevokeGrant ends a family. Ending an ended one is not an error.
	RevokeGrant(ctx context.Context, t directory.TenantID, id string, at time.Time) error
}

// DeviceCodes keeps the codes that devices wait with.
type DeviceCodes interface {
	// SaveDeviceCode creates (Revision 0) or compares and swaps. fault.Conflict also
	// when another code has the same user code, fault.Throttled when the tenant has
	// too many.
	SaveDeviceCode(ctx context.Context, d DeviceCode) error
	// DeviceCode and DeviceCodeByUser find a code by the hash of either half;
	// fault.NotFound when there is none.
	DeviceCode(ctx context.Context, t directory.TenantID, hash string) (DeviceCode, error)
	DeviceCodeByUser(ctx context.Context, t directory.TenantID, userHash string) (DeviceCode, error)
}

// Directory is what sign-in reads of the directory.
type Directory interface {
	// Tenant returns fault.NotFound when id is unknown.
	Tenant(ctx context.Context, id directory.TenantID) (directory.Tenant, error)
	// User and UserByName return fault.NotFound when there is none. Names compare without case.
	User(ctx context.Context, t directory.TenantID, id directory.UserID) (directory.User, error)
	UserByName(ctx context.Context, t directory.TenantID, upn string) (directory.User, error)
	// App finds an application by its AppID, AppByURI by one of its identifier
	// URIs; fault.NotFound when there is none.
	App(ctx context.Context, t directory.TenantID, id directory.AppID) (directory.App, error)
	// Behind reads who stands behind an access token, in one snapshot: the
	// session and its user. fault.NotFound when one of them, or the client, is gone.
	Behind(ctx context.Context, t directory.TenantID, n directory.SessionID, client directory.AppID) (Session, directory.User, error)
	AppByURI(ctx context.Context, t directory.TenantID, uri string) (directory.App, error)
	// ProvingRegistration finds the living registration of user and app on the
	// device whose key has this thumbprint; fault.NotFound when there is none.
	ProvingRegistration(ctx context.Context, t directory.TenantID, u directory.UserID, app directory.PackageID, jkt string) (directory.RegistrationID, error)
	// DeviceByKey finds the device whose key has this thumbprint, or fault.NotFound.
	DeviceByKey(ctx context.Context, t directory.TenantID, jkt string) (directory.Device, error)
	// HasConnector reports whether the tenant has a threat connector of this
	// partner, in whatever state.
	HasConnector(ctx context.Context, t directory.TenantID, partner directory.AppID) (bool, error)
}

// Terms keeps answers to terms of use.
type Terms interface {
	// Accept keeps a person's acceptance and moves the user's revision.
	// fault.Conflict when another version is in force by now.
	Accept(ctx context.Context, a agreement.Acceptance) error
	// Heal ends the risk of an account whose owner changed the password, and moves
	// the user's revision; without a risk it changes nothing.
	Heal(ctx context.Context, t directory.TenantID, u directory.UserID) error
}

// Keys keeps sealed secrets that every replica shares, by name.
type Keys interface {
	// Key returns the sealed bytes stored under name, or fault.NotFound.
	Key(ctx context.Context, name string) ([]byte, error)
	// CreateKey stores sealed under name unless it exists, and returns what is
	// stored then: of racing replicas one wins and all agree.
	CreateKey(ctx context.Context, name string, sealed []byte) ([]byte, error)
}

// Store is all that the room keeps.
type Store interface {
	Sessions
	Credentials
	Flows
	Grants
	DeviceCodes
	Directory
	Terms
	// RecordSignIn appends to the sign-in log what no Issue stored: refusals.
	RecordSignIn(ctx context.Context, r access.Record) error
	// SpendProof spends the JTI of a proof shown to a resource that issues
	// nothing; ErrReplayed when it was seen before.
	SpendProof(ctx context.Context, t directory.TenantID, p oauth.Proof) error
}

// Gate decides. The hall connects it to the gate room.
type Gate interface {
	// Decide returns a ruling, or an error that the caller must treat as a denial.
	Decide(ctx context.Context, r access.Request) (access.Ruling, error)
}
