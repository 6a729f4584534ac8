// Package directory holds the words for who and what exists: tenants, users,
// groups, devices, applications, and the identifiers that name them.
//
// Identifiers are opaque: they are compared, never parsed. Every value carries
// its tenant. Revision counts saves; 0 means never saved, and a save with a
// revision that is no longer current fails with fault.Conflict.
//
// # Sources
//
// Names follow Microsoft Graph v1.0 (user, group, device, application);
// the Graph spelling itself stays at the Graph door.
package directory

import "time"

type (
	// TenantID names a tenant (Graph: tenantId, the token claim tid).
	TenantID string
	// UserID names a user (Graph: user.id, the token claim oid).
	UserID string
	// GroupID names a group (Graph: group.id).
	GroupID string
	// DeviceID names a registered device (Graph: device.deviceId and, on
	// registrations, deviceTag and azureADDeviceId: one identifier serves all).
	DeviceID string
	// AppID names an application: an OAuth client, a resource, or both (Graph: application.appId).
	AppID string
	// PackageID names the software of a managed app on its platform (Graph:
	// windowsAppIdentifier.windowsAppId), for example "com.microsoft.edge".
	PackageID string
	// RegistrationID names one managed app registration (Graph: managedAppRegistration.id).
	RegistrationID string
	// SessionID names a sign-in session (the token claim sid).
	SessionID string
)

// Tenant is one organisation with everything that belongs to it.
type Tenant struct {
	ID          TenantID
	DisplayName string
	Domain      string // the suffix of its user principal names
	Settings    TenantSettings
	CreatedAt   time.Time
	Revision    int64 // moves with every change of configuration in the tenant
}

// TenantSettings are switches an admin sets for the whole tenant. The zero
// value is the safe one.
type TenantSettings struct {
	// AllowDevelopmentHealth lets reports of a declared development adapter
	// count as health. For tests and demonstrations only.
	AllowDevelopmentHealth bool
	// MaxUsersPerDevice limits how many users may enrol on one device; 0 means 3
	// (windows-mam.md section 3.2).
	MaxUsersPerDevice int
	// ProtectionOff says that the tenant is not onboarded to app protection:
	// nobody enrols, and agents ask again after a day (windows-mam.md section 2).
	ProtectionOff bool
	// DenyUncovered refuses whoever reaches an app that no enabled Conditional Access
	// policy covers; elsewhere, and by default, that is let in.
	DenyUncovered bool `json:",omitempty"`
	// AllowDeviceCode lets people sign in a device that has no browser by a code
	// that they type elsewhere (RFC 8628), which is also how codes are phished.
	AllowDeviceCode bool `json:",omitempty"`
	// EntitledGroup is the group whose members, direct and nested, may use app
	// protection: what a licence is elsewhere. Empty: everyone.
	EntitledGroup GroupID
}

// User is a person (Graph: user).
type User struct {
	ID                UserID
	Tenant            TenantID
	UserPrincipalName string // unique in the tenant, compared without case
	DisplayName       string
	Mail              string
	Enabled           bool   // Graph: accountEnabled
	Roles             []Role // directory roles held, active ones only
	// Guest says what kind of guest or external user this is; "" is a member.
	Guest GuestKind `json:",omitempty"`
	// HomeTenant is where an external user belongs; empty: here.
	HomeTenant TenantID `json:",omitempty"`
	// AtRisk is the risk that an admin, or another system, found the account to be
	// at: low, medium or high; empty: none (Graph: riskyUser.riskLevel).
	AtRisk string    `json:",omitempty"`
	RiskAt time.Time `json:",omitzero"` // when AtRisk was last said; zero: never
	// RiskDetail is why AtRisk is what it is (Graph: riskyUser.riskDetail).
	RiskDetail RiskDetail `json:",omitempty"`
	// Wipe is an order to wipe every app on every device of the user, again and
	// again, until it is removed; nil: none (Graph beta: wipeAndBlockManagedApps).
	Wipe      *UserWipe `json:",omitempty"`
	CreatedAt time.Time
	Revision  int64
}

// UserWipe is who ordered the wipe of all that a user has, and when.
type UserWipe struct {
	RequestedBy string // a user or application identifier
	Reason      string
	RequestedAt time.Time
}

// Group is a set of users and groups (Graph: group with securityEnabled).
type Group struct {
	ID           GroupID
	Tenant       TenantID
	DisplayName  string
	Description  string
	MailNickname string
	UniqueName   string // an alternate key, unique in the tenant; empty: none
	CreatedAt    time.Time
	Revision     int64
}

// MemberKind says what a member of a group is.
type MemberKind string

// The kinds of members.
const (
	MemberUser  MemberKind = "user"
	MemberGroup MemberKind = "group"
	MemberApp   MemberKind = "servicePrincipal" // owns groups, is in none
)

// Member is one direct member of a group.
type Member struct {
	Kind MemberKind
	ID   string // a UserID, a GroupID or the object identifier of an App
}

// Installation names one managed app of one user on one device.
type Installation struct {
	Tenant TenantID
	User   UserID
	App    PackageID
	Device DeviceID
}

// KeyProtection says what guards a device's private key.
type KeyProtection string

// The protections a device may declare, the weakest first. All but the first are
// bound to the Windows account.
const (
	KeyInSoftware KeyProtection = "software" // a file that its owner can read
	KeyInDPAPI    KeyProtection = "dpapi"    // a file sealed by Windows data protection
	KeyInCNG      KeyProtection = "cng"      // the software store of Windows, which exports none
	KeyInTPM      KeyProtection = "tpm"      // hardware, which nothing can copy it out of
)

// KeyProtections returns all of them, the strongest first.
func KeyProtections() []KeyProtection {
	return []KeyProtection{KeyInTPM, KeyInCNG, KeyInDPAPI, KeyInSoftware}
}

// Device is a PC that an agent registered; it is never managed (Graph: device
// with trustType Workplace).
type Device struct {
	ID            DeviceID
	Tenant        TenantID
	Owner         UserID // who registered it
	DisplayName   string
	Platform      string // "windows"; verified by registration, not by user agent
	OSVersion     string
	Model         string
	Manufacturer  string
	Enabled       bool
	Compliant     bool // managed and compliant; stays false on personal PCs (Graph: isCompliant)
	KeyThumbprint string
	Key           []byte // public JWK, JSON
	KeyProtection KeyProtection
	CreatedAt     time.Time
	Revision      int64
}

// App is an application registration: an OAuth client, a resource, or both
// (Graph: application and its servicePrincipal in one).
type App struct {
	ID             AppID
	ObjectID       string // Graph: application.id
	Tenant         TenantID
	DisplayName    string
	Public         bool     // a public client: no secret, PKCE and exact redirects only
	RedirectURIs   []string // exact; loopback ports are free (RFC 8252 section 7.3)
	IdentifierURIs []string // names of this app as a resource
	Permissions    []string // application permissions granted (Graph app role values)
	Secrets        []Secret
	Keys           []Key
	Site           *Site // set when the application proxy publishes it
	// Tags are names of groups of apps, by which policies may select it (Graph: application.tags).
	Tags []string `json:",omitempty"`
	// Attributes are custom security attributes, set_name to values, one a line
	// (Graph: servicePrincipal.customSecurityAttributes).
	Attributes map[string]string `json:",omitempty"`
	// EarlyBound are resources whose policies must be met as soon as somebody signs
	// in to this app, not only when it asks for them.
	EarlyBound []AppID `json:",omitempty"`
	BuiltIn    bool    // part of the product; cannot be deleted
	CreatedAt  time.Time
	Revision   int64
}

// Secret verifies a client secret. The secret itself is shown once and not kept.
type Secret struct {
	ID          string
	DisplayName string
	Hint        string // first characters, to tell secrets apart
	Hash        string // base64url SHA-256 of the secret: it is random, so no slow hash is needed
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// Key verifies client assertions (RFC 7523; Graph: keyCredential).
type Key struct {
	ID          string
	DisplayName string
	Certificate []byte // X.509, DER
	ExpiresAt   time.Time
}

// Site is an internal web site that the application proxy publishes
// (Graph beta: onPremisesPublishing).
type Site struct {
	Host     string // external host name without port, lower case; never the issuer's
	Upstream string // http or https URL inside
}

// Revisions are the versions of the facts a decision was made from. A grant is
// saved only if none of them has moved (conditional-access.md, corner case 35).
// 0 means that the fact took no part.
type Revisions struct {
	Config       int64 // Tenant.Revision
	User         int64
	Session      int64
	Registration int64
}
