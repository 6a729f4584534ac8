// Package wire is the device protocol, version 1, as JSON: what agents and
// protected apps say to the service and hear from it. It is public: agents in
// other languages implement openapi.yaml and pass testdata/.
//
// Base URL: the authority (https://host/{tenant}) followed by /mam/v1.
//
// # Authentication
//
// The device keeps an EC P-256 key. Every call carries a DPoP proof (RFC 9449)
// by that key with a nonce from the service. Calls marked "token" also carry
// "Authorization: DPoP <access token>" for the enrolment resource, bound to the
// same key; the others, marked "device", work by the proof alone (no ath claim),
// so that a wipe reaches a device whose user can no longer sign in.
//
// # Compatibility
//
// What the service says may have members that an agent does not know, which
// ignores them. What leaves the PC may not: Ledger declares every member, and the
// service refuses one that it does not (400, code "undeclared"). A service is
// therefore updated before its agents. Times are RFC 3339 UTC; durations are whole
// seconds.
package wire

import "time"

// Paths under the base URL. {id} is a registration, {op} an operation.
const (
	PathDevices       = "/devices"                                    // POST, token: RegisterDevice -> Device
	PathRegistrations = "/registrations"                              // POST, token: Enroll -> Enrollment
	PathRegistration  = "/registrations/{id}"                         // DELETE, device: sign out
	PathPolicy        = "/registrations/{id}/policy"                  // GET, token: Policy, with ETag
	PathCheckIn       = "/registrations/{id}/check-in"                // POST, token: CheckIn -> CheckInResult
	PathStream        = "/registrations/{id}/stream"                  // GET, device: text/event-stream of Nudge
	PathOperations    = "/registrations/{id}/operations"              // GET, device: Operations
	PathReceipt       = "/registrations/{id}/operations/{op}/receipt" // POST, device: ReceiptEnvelope
	PathAnswer        = "/registrations/{id}/operations/{op}/answer"  // POST, device: Diagnostics
)

// JOSE header types.
const (
	TypeWipeOrder   = "postern-wipe-order+jwt"
	TypeWipeReceipt = "postern-wipe-receipt+jwt"
	TypeDeviceProof = "mam-device-proof+jwt"
	TypePolicy      = "postern-policy+jwt"
	TypeLease       = "postern-lease+jwt"
)

// EnrollmentScope is the OAuth scope that a token for this protocol is asked with.
const EnrollmentScope = "api://postern-enrollment/.default"

// RegisterDevice tells about a PC. The key is the one of the DPoP proof.
type RegisterDevice struct {
	DisplayName   string     `json:"displayName"`
	Platform      string     `json:"platform"` // "windows"
	OSVersion     string     `json:"osVersion"`
	Model         string     `json:"model,omitempty"`
	Manufacturer  string     `json:"manufacturer,omitempty"`
	KeyProtection string     `json:"keyProtection"` // "tpm", "cng", "dpapi", "software"
	Management    Management `json:"management"`
}

// Management is what already manages the PC. Any true member refuses enrolment.
type Management struct {
	DirectoryJoined bool `json:"directoryJoined"`
	MDMEnrolled     bool `json:"mdmEnrolled"`
}

// Device is a registered PC.
type Device struct {
	ID string `json:"id"`
}

// Enroll asks to protect one app of the signed-in user on a registered device.
type Enroll struct {
	DeviceID   string `json:"deviceId"`
	App        string `json:"app"` // for example "com.microsoft.edge"
	AppVersion string `json:"appVersion"`
	SDKVersion string `json:"sdkVersion"`
}

// Enrollment is a registration with the first policy.
type Enrollment struct {
	RegistrationID string `json:"registrationId"`
	TenantID       string `json:"tenantId"`
	UserID         string `json:"userId"`
	Policy         Policy `json:"policy"`
	// OrderKeys is the JWK set that verifies orders, policies and leases; kept for
	// when the service is not reachable.
	OrderKeys any `json:"orderKeys"`
}

// Policy is what the app must enforce. Settings are the catalogue's, by name.
type Policy struct {
	ETag           string            `json:"etag"`
	Settings       map[string]string `json:"settings"` // setting name -> value, spelled as Graph spells it
	Checks         []Check           `json:"checks"`
	Sources        map[string]string `json:"sources"` // setting name -> identifier of the policy that decided
	CheckInSeconds int               `json:"checkInSeconds"`
	// OrganizationOrigins are the sites this policy protects.
	OrganizationOrigins []string `json:"organizationOrigins"`
	// Configuration is what app configuration policies tell the app, sorted by
	// name; per-user tokens are expanded.
	Configuration []Configured `json:"configuration"`
	// Signed is all of this once more as a compact JWS of SignedPolicy: keep this
	// one, and apply what it says.
	Signed string `json:"signed,omitempty"`
}

// Bound says which installation a signed document is for. A device accepts one
// whose every member is its own.
type Bound struct {
	Issuer       string `json:"iss"` // the authority
	IssuedAt     int64  `json:"iat"`
	Tenant       string `json:"tid"`
	User         string `json:"sub"`
	Registration string `json:"registration"`
	Device       string `json:"device"`
	KeyThumb     string `json:"jkt"` // the device key
}

// SignedPolicy is the payload of Policy.Signed; its own policy is not signed again.
type SignedPolicy struct {
	Bound
	Policy Policy `json:"policy"`
}

// Lease is the payload of CheckInResult.Lease: what the service decided, when,
// and under which policy. Time without the service is counted from here.
type Lease struct {
	Bound
	PolicyETag string `json:"policyEtag"`
	Action     string `json:"action"` // "allow", "warn", "block", "wipe"
}

// Configured is one configured value.
type Configured struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Typed  bool   `json:"typed"`  // a setting of the catalogue: Value is its JSON
	Source string `json:"source"` // identifier of the policy that decided
}

// Check is one health check with what follows when it fails.
type Check struct {
	Subject string `json:"subject"`
	Action  string `json:"action"` // "warn", "block", "wipe"
	// Value is the limit: a version, whole seconds, or a threat level, by subject.
	Value string `json:"value,omitempty"`
}

// CheckIn tells how the app and the PC are.
type CheckIn struct {
	AppVersion string     `json:"appVersion"`
	SDKVersion string     `json:"sdkVersion"`
	OSVersion  string     `json:"osVersion"`
	Management Management `json:"management"`
	// Adapter names who measured: "windows", or "development" for a file.
	Adapter string `json:"adapter"`
	// Providers are raw states of Windows Security Center: antivirus, firewall,
	// autoUpdate, internetSettings, userAccountControl, securityCenter ->
	// good, notMonitored, poor, snoozed, unknown. Never a level.
	Providers  map[string]string `json:"providers,omitempty"`
	MeasuredAt time.Time         `json:"measuredAt"`
	PolicyETag string            `json:"policyEtag,omitempty"` // the policy the app applies
	// FailedChecks are the subjects that failed at block or wipe level on the device.
	FailedChecks []string `json:"failedChecks,omitempty"`
	// Controls say how far the app enforces what a policy may ask, each control at
	// most once. What is not there is unknown. Nothing is decided by them.
	Controls []Control `json:"controls,omitempty"`
}

// Control is the app's own word on how far it enforces one control.
type Control struct {
	Control string `json:"control"` // a data protection setting, "wipe" or "appConfiguration"
	State   string `json:"state"`   // "enforced", "partly", "notEnforced", "unknown"
	By      string `json:"by"`      // "extension", "app", "nobody"
	// Gaps are the ways around it that are known, by the words of openapi.yaml. Partly
	// has some, enforced and unknown have none.
	Gaps []string `json:"gaps,omitempty"`
}

// CheckInResult is the verdict and what to do next.
type CheckInResult struct {
	State          string    `json:"state"`  // "compliant", "noncompliant"
	Action         string    `json:"action"` // "allow", "warn", "block", "wipe"
	Reasons        []Reason  `json:"reasons"`
	PolicyETag     string    `json:"policyEtag"`     // fetch the policy when it differs from yours
	Operations     int       `json:"operations"`     // waiting; fetch them when above 0
	CheckInSeconds int       `json:"checkInSeconds"` // until the next check-in
	ServerTime     time.Time `json:"serverTime"`
	Lease          string    `json:"lease,omitempty"` // compact JWS of Lease
}

// Reason is one cause of a verdict with its remedy.
type Reason struct {
	Code   string   `json:"code"`
	Action string   `json:"action"`
	Have   string   `json:"have,omitempty"`
	Want   string   `json:"want,omitempty"`
	Text   string   `json:"text"`
	Steps  []string `json:"steps,omitempty"`
}

// Nudge is the data of one stream event.
type Nudge struct {
	// What changed: "policy", "operation", "compliance" or "hello". On "hello"
	// and "policy" and "compliance": check in. On "operation": fetch operations.
	What string `json:"what"`
}

// Operations are waiting orders.
type Operations struct {
	Value []Operation `json:"value"`
}

// Operation is one order, signed for this registration.
type Operation struct {
	ID    string `json:"id"`
	Order string `json:"order"` // compact JWS of WipeOrder
}

// WipeOrder is the payload of an order. Verify all of it before deleting
// anything, and ignore one whose action is not known.
type WipeOrder struct {
	Issuer       string `json:"iss"` // the authority
	Operation    string `json:"jti"`
	IssuedAt     int64  `json:"iat"`
	Tenant       string `json:"tid"`
	User         string `json:"sub"`
	Registration string `json:"registration"`
	Device       string `json:"device"`
	KeyThumb     string `json:"jkt"`    // the device key the order is for
	Action       string `json:"action"` // "wipe", "diagnostics"
}

// Diagnostics is what an app tells about itself when an order asks for it. It
// holds no secrets and nothing about the person's own files, sites or accounts.
type Diagnostics struct {
	CollectedAt time.Time         `json:"collectedAt"`
	AppVersion  string            `json:"appVersion"`
	SDKVersion  string            `json:"sdkVersion"`
	OSVersion   string            `json:"osVersion"`
	PolicyETag  string            `json:"policyEtag"`
	State       string            `json:"state"` // of the last check-in
	LastSync    time.Time         `json:"lastSync"`
	Facts       map[string]string `json:"facts,omitempty"` // further facts by name, at most 64 of at most 1024 characters
	Log         []string          `json:"log,omitempty"`   // newest last, at most 500 lines of at most 1024 characters
}

// ReceiptEnvelope carries a receipt.
type ReceiptEnvelope struct {
	Receipt string `json:"receipt"` // compact JWS of WipeReceipt by the device key
}

// WipeReceipt says item by item what was removed.
type WipeReceipt struct {
	Operation    string     `json:"operation"`
	Registration string     `json:"registration"`
	FinishedAt   int64      `json:"iat"`
	Succeeded    bool       `json:"succeeded"`
	Items        []WipeItem `json:"items"`
}

// WipeItem is one thing the wipe dealt with.
type WipeItem struct {
	Name    string `json:"name"`
	Removed bool   `json:"removed"`
	Detail  string `json:"detail,omitempty"`
}

// DeviceProof is the payload of a proof that a browser's page obtains from the
// device at sign-in; header: typ TypeDeviceProof, jwk absent, kid the thumbprint.
type DeviceProof struct {
	Nonce      string `json:"nonce"`
	Audience   string `json:"aud"` // the origin that asked
	IssuedAt   int64  `json:"iat"`
	ExpiresAt  int64  `json:"exp"` // at most 60 s later
	ID         string `json:"jti"`
	Device     string `json:"sub"`
	App        string `json:"app"`
	AppVersion string `json:"appVersion"`
}

// HealthReport is what a threat connector posts to {authority}/mtd/v1/health.
type HealthReport struct {
	Value []HealthState `json:"value"`
}

// HealthState is the state of one installation, as a partner sees it.
type HealthState struct {
	UserID    string    `json:"userId"`
	App       string    `json:"app"`
	DeviceID  string    `json:"deviceId"`
	State     string    `json:"state"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// HealthAccepted answers a HealthReport: one result each, in order.
type HealthAccepted struct {
	Value []HealthResult `json:"value"`
}

// HealthResult tells what became of one state: "accepted", or why not:
// "notEnrolled", "stale".
type HealthResult struct {
	Result string `json:"result"`
	Detail string `json:"detail,omitempty"`
}

// Problem is an error body (RFC 9457) with the remedy.
type Problem struct {
	Type   string   `json:"type,omitempty"`
	Title  string   `json:"title"`
	Status int      `json:"status"`
	Detail string   `json:"detail,omitempty"`
	Code   string   `json:"code,omitempty"`  // stable reason, for example "joinLimit"
	Steps  []string `json:"steps,omitempty"` // what the person can do
}
