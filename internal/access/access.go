// Package access decides sign-ins by Conditional Access policies. It is pure:
// Compile once, Evaluate per sign-in; facts in, decision and every reason out.
//
// # Rules
//
// The conditions of one policy are joined by AND; within a condition exclusion
// beats inclusion. There is no priority between policies: every policy that
// applies must be satisfied, each by its own formula, and any block ends it. A
// report-only policy is computed and recorded, and changes nothing else.
//
// # Sources
//
// Shapes and words are those of Microsoft Graph v1.0, conditionalAccessPolicy
// and appliedConditionalAccessPolicy; the meaning is the one that Microsoft's
// Conditional Access documentation gives them.
package access

import (
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// PolicyID names a Conditional Access policy.
type PolicyID string

// State says whether a policy is enforced (Graph: conditionalAccessPolicyState).
type State uint8

// The states; the zero value is Disabled.
const (
	Disabled State = iota
	Enabled
	ReportOnly // Graph: enabledForReportingButNotEnforced
)

// Control is a grant control, spelled as Graph spells it.
type Control string

// The controls that are evaluated.
const (
	Block                Control = "block"
	MFA                  Control = "mfa"
	CompliantDevice      Control = "compliantDevice"
	CompliantApplication Control = "compliantApplication"
)

// Operator joins the controls of one policy.
type Operator uint8

// The operators; And is the zero value because it is the stricter.
const (
	And Operator = iota
	Or
)

// ClientAppType is how a client signs in, spelled as Graph spells it.
type ClientAppType string

// The client app types. AllClientApps matches every one.
const (
	AllClientApps      ClientAppType = "all"
	Browser            ClientAppType = "browser"
	MobileAndDesktop   ClientAppType = "mobileAppsAndDesktopClients"
	ExchangeActiveSync ClientAppType = "exchangeActiveSync"
	OtherClients       ClientAppType = "other"
)

// Platform is a device platform, spelled as Graph spells it.
type Platform string

// The platforms. AllPlatforms matches every one, unknown ones included.
const (
	AllPlatforms Platform = "all"
	Android      Platform = "android"
	IOS          Platform = "iOS"
	Windows      Platform = "windows"
	WindowsPhone Platform = "windowsPhone"
	MacOS        Platform = "macOS"
	Linux        Platform = "linux"
)

// Users selects people. Exclusion beats inclusion.
type Users struct {
	All           bool // includeUsers: All
	None          bool // includeUsers: None; the policy is for no user
	Include       []directory.UserID
	Exclude       []directory.UserID
	IncludeGroups []directory.GroupID
	ExcludeGroups []directory.GroupID
}

// Apps selects target resources. Exclusion beats inclusion.
type Apps struct {
	All     bool
	None    bool
	Include []directory.AppID
	Exclude []directory.AppID
}

// Platforms selects device platforms; the zero value means every platform.
type Platforms struct {
	Include []Platform
	Exclude []Platform
}

// Conditions are joined by AND.
type Conditions struct {
	Users          Users
	Apps           Apps
	ClientAppTypes []ClientAppType
	Platforms      *Platforms // nil: not configured
}

// Grant is what a policy demands.
type Grant struct {
	Operator Operator
	Controls []Control
}

// Policy is a Conditional Access policy (Graph: conditionalAccessPolicy).
type Policy struct {
	ID          PolicyID
	Tenant      directory.TenantID
	DisplayName string
	Description string // for people; decides nothing
	State       State
	Conditions  Conditions
	Grant       Grant
	CreatedAt   time.Time
	ModifiedAt  time.Time
	Revision    int64
}

// Facts are what is known about one sign-in.
type Facts struct {
	User          directory.UserID
	Groups        []directory.GroupID // direct and nested
	Resources     []directory.AppID   // every audience asked for; policies of all apply
	ClientAppType ClientAppType
	Platform      Platform // "" when unknown
	Bootstrap     bool     // every resource is a bootstrap resource

	MFA                  bool
	CompliantDevice      bool
	CompliantApplication bool
}

// Result is what one policy came to (Graph: appliedConditionalAccessPolicyResult).
type Result string

// The results.
const (
	Success               Result = "success"
	Failure               Result = "failure"
	NotApplied            Result = "notApplied"
	NotEnabled            Result = "notEnabled"
	ReportOnlySuccess     Result = "reportOnlySuccess"
	ReportOnlyFailure     Result = "reportOnlyFailure"
	ReportOnlyNotApplied  Result = "reportOnlyNotApplied"
	ReportOnlyInterrupted Result = "reportOnlyInterrupted"
)

// Applied is the outcome of one policy, with every reason.
type Applied struct {
	Policy      PolicyID
	DisplayName string
	Result      Result
	Enforced    []Control // the controls that the policy demanded here
	Unmet       []Control
	Waived      []Control // by a bootstrap resource
	NotMatched  []string  // conditions that did not match: "users", "applications", "clientAppTypes", "platforms"
}

// Outcome is what happens next. The zero value denies.
type Outcome uint8

// The outcomes.
const (
	Denied    Outcome = iota // nothing the person can do inside this sign-in
	Challenge                // an interactive control is missing: do it, then decide again
	Granted
)

// Decision is the outcome over all policies.
type Decision struct {
	Outcome Outcome
	Code    int       // Entra error code, one of the Code constants; 0 when granted
	Missing []Control // every unmet control that would have helped, in prompt order; none behind a block
	Applied []Applied // every policy of the set, in identifier order
}

// Request asks for a decision on a session reaching resources.
type Request struct {
	Tenant        directory.TenantID
	Session       directory.SessionID // empty for an app that signs in as itself
	Client        directory.AppID
	Resources     []directory.AppID
	ClientAppType ClientAppType
	UserAgent     string // claimed, never proof
	IP            string
	Protocol      string // "authorizationCode", "refreshToken", "clientCredentials", "proxy", "portal"
	Interactive   bool
	CorrelationID string
}

// Remedy is one thing a person can do to get access (shown on the remediation page).
type Remedy struct {
	Code  string   `json:"code"`
	Title string   `json:"title"`
	Why   string   `json:"why"`
	Steps []string `json:"steps"`
}

// Ruling is a decision with what follows from it.
type Ruling struct {
	Decision  Decision
	Remedies  []Remedy
	Basis     directory.Revisions // what the decision was made from
	Record    Record              // to be stored with what the decision permits
	DecidedAt time.Time
}

// Record is the entry of the sign-in log (Graph: signIn).
type Record struct {
	ID                string
	Tenant            directory.TenantID
	CorrelationID     string
	User              directory.UserID
	UserPrincipalName string
	Client            directory.AppID
	ClientName        string
	Resource          directory.AppID
	ResourceName      string
	IP                string
	UserAgent         string
	ClientAppType     ClientAppType
	Platform          Platform
	Device            directory.DeviceID
	App               directory.PackageID
	Registration      directory.RegistrationID
	Protocol          string
	Interactive       bool
	Outcome           Outcome
	Code              int
	Reason            string
	Applied           []Applied
	At                time.Time
}
