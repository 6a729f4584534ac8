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
// Shapes and words are those of Microsoft Graph, conditionalAccessPolicy and
// appliedConditionalAccessPolicy; the meaning is the one that Microsoft's
// Conditional Access documentation gives them. docs/spec/conditional-access.md
// lists every choice made where it is silent.
package access

import (
	"time"

	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
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

// Risk is a risk level, spelled as Graph spells it. Levels are a set to choose
// from, not a threshold: high does not include medium.
type Risk string

// The levels of sign-in, user and workload risk. "" is not known.
const (
	RiskNone   Risk = "none"
	RiskLow    Risk = "low"
	RiskMedium Risk = "medium"
	RiskHigh   Risk = "high"
	RiskHidden Risk = "hidden"
)

// The levels of insider risk.
const (
	InsiderMinor    Risk = "minor"
	InsiderModerate Risk = "moderate"
	InsiderElevated Risk = "elevated"
)

// UserAction is something a person does that is no app, spelled as Graph spells it.
type UserAction string

// The user actions.
const (
	RegisterSecurityInfo UserAction = "urn:user:registersecurityinfo"
	RegisterDevice       UserAction = "urn:user:registerdevice"
)

// ContextID names an authentication context, c1 to c99.
type ContextID string

// TransferMethod is how a sign-in was handed from one device to another.
type TransferMethod string

// The transfer methods. "" is an ordinary sign-in.
const (
	DeviceCodeFlow         TransferMethod = "deviceCodeFlow"
	AuthenticationTransfer TransferMethod = "authenticationTransfer"
)

// AppGroup names a group of apps by a tag that its apps carry (Graph:
// application.tags). Two of the names are Microsoft's and exist everywhere.
type AppGroup string

// The groups that Entra knows.
const (
	Office365             AppGroup = "Office365"
	MicrosoftAdminPortals AppGroup = "MicrosoftAdminPortals"
)

// Users selects people. Exclusion beats inclusion.
type Users struct {
	All           bool // includeUsers: All
	None          bool // includeUsers: None; the policy is for no person, but perhaps for workloads
	Include       []directory.UserID
	Exclude       []directory.UserID
	IncludeGroups []directory.GroupID
	ExcludeGroups []directory.GroupID
	IncludeRoles  []directory.RoleTemplateID `json:",omitempty"`
	ExcludeRoles  []directory.RoleTemplateID `json:",omitempty"`
	// AnyGuest and NoGuest are the word GuestsOrExternalUsers in includeUsers and
	// excludeUsers: guests of every kind, members from elsewhere among them.
	AnyGuest      bool    `json:",omitempty"`
	NoGuest       bool    `json:",omitempty"`
	IncludeGuests *Guests `json:",omitempty"` // nil: not configured
	ExcludeGuests *Guests `json:",omitempty"`
}

// Guests selects guests and external users by kind and home tenant (Graph:
// conditionalAccessGuestsOrExternalUsers).
type Guests struct {
	Kinds      []directory.GuestKind
	Enumerated bool                 // only of Tenants (Graph: conditionalAccessEnumeratedExternalTenants)
	Tenants    []directory.TenantID `json:",omitempty"`
	AnyTenant  bool                 `json:",omitempty"` // externalTenants was given and says all; without it the same holds
}

// Apps selects target resources: apps, or user actions, or authentication
// contexts. Exclusion beats inclusion.
type Apps struct {
	All           bool
	None          bool
	Include       []directory.AppID
	Exclude       []directory.AppID
	IncludeGroups []AppGroup   `json:",omitempty"`
	ExcludeGroups []AppGroup   `json:",omitempty"`
	Filter        *Filter      `json:",omitempty"` // by custom security attributes of the app; nil: not configured
	Actions       []UserAction `json:",omitempty"`
	Contexts      []ContextID  `json:",omitempty"`
}

// Filter is a rule of the filter language, by which things are taken in or left
// out (Graph: conditionalAccessFilter).
type Filter struct {
	Exclude bool   // mode: what matches is left out
	Rule    string // as it was written
}

// Platforms selects device platforms; the zero value means every platform.
type Platforms struct {
	Include []Platform
	Exclude []Platform
}

// Locations selects named locations. Exclusion beats inclusion.
type Locations struct {
	All            bool // any address at all, named or not
	AllTrusted     bool
	Include        []location.ID
	ExcludeTrusted bool
	Exclude        []location.ID
}

// Workloads selects apps that sign in as themselves (Graph:
// conditionalAccessClientApplications).
type Workloads struct {
	All     bool // ServicePrincipalsInMyTenant
	Include []directory.AppID
	Exclude []directory.AppID
}

// Conditions are joined by AND. What is nil or empty is not configured and holds
// always, people and targets apart.
type Conditions struct {
	Users          Users
	Apps           Apps
	ClientAppTypes []ClientAppType
	Platforms      *Platforms       // nil: not configured
	Workloads      *Workloads       `json:",omitempty"`
	Locations      *Locations       `json:",omitempty"`
	SignInRisk     []Risk           `json:",omitempty"`
	UserRisk       []Risk           `json:",omitempty"`
	WorkloadRisk   []Risk           `json:",omitempty"` // Graph: servicePrincipalRiskLevels
	InsiderRisk    []Risk           `json:",omitempty"`
	Device         *Filter          `json:",omitempty"` // Graph: devices.deviceFilter
	Transfer       []TransferMethod `json:",omitempty"` // Graph: authenticationFlows.transferMethods
}

// Grant is what a policy demands.
type Grant struct {
	Operator Operator
	Controls []Control
	Terms    []agreement.ID `json:",omitempty"` // Graph: termsOfUse
	Strength strength.ID    `json:",omitempty"` // Graph: authenticationStrength
}

// Frequency is how often somebody must sign in anew (Graph: signInFrequencySessionControl).
type Frequency struct {
	Disabled  bool `json:",omitempty"` // configured, and switched off
	EveryTime bool
	After     time.Duration // when not EveryTime
	InDays    bool          // After was written in days, not in hours
	Secondary bool          // only the second factor must be shown anew
}

// Persistence says whether a browser stays signed in when it is closed.
type Persistence string

// The persistences. "" leaves it to the service.
const (
	PersistAlways Persistence = "always"
	PersistNever  Persistence = "never"
)

// CloudApps is what an app in the browser may do (Graph: cloudAppSecurityType).
type CloudApps string

// The levels, the strictest last.
const (
	MonitorOnly    CloudApps = "monitorOnly"
	McasConfigured CloudApps = "mcasConfigured"
	BlockDownloads CloudApps = "blockDownloads"
)

// Continuous is how continuous access evaluation works (Graph beta:
// continuousAccessEvaluationMode).
type Continuous string

// The modes. Everything here is evaluated continuously; the mode says what the
// tokens of resources elsewhere are to be.
const (
	ContinuousOff            Continuous = "disabled"
	ContinuousStrictLocation Continuous = "strictLocation"
	ContinuousStrict         Continuous = "strictEnforcement"
)

// Switch is a session control that is on or off, or not there.
type Switch uint8

// The positions.
const (
	Unset Switch = iota
	Off
	On
)

// SessionControls is what a policy demands of the session that it grants (Graph:
// conditionalAccessSessionControls).
type SessionControls struct {
	Frequency          *Frequency  `json:",omitempty"`
	Persistent         Persistence `json:",omitempty"`
	PersistentOff      bool        `json:",omitempty"` // configured, and switched off
	CloudApps          CloudApps   `json:",omitempty"`
	CloudAppsOff       bool        `json:",omitempty"`
	AppRestrictions    Switch      `json:",omitempty"` // Graph: applicationEnforcedRestrictions
	ResilienceDisabled Switch      `json:",omitempty"` // Graph: disableResilienceDefaults
	TokenProtection    Switch      `json:",omitempty"` // Graph: secureSignInSession
	Continuous         Continuous  `json:",omitempty"`
}

// Policy is a Conditional Access policy (Graph: conditionalAccessPolicy).
type Policy struct {
	ID          PolicyID
	Tenant      directory.TenantID
	DisplayName string
	Description string // for people; decides nothing
	Template    string `json:",omitempty"` // the template it was made from
	State       State
	Conditions  Conditions
	Grant       Grant
	NoGrant     bool             `json:",omitempty"` // grantControls is null: the session alone is controlled
	Session     *SessionControls `json:",omitempty"`
	// Order keeps lists in which words stand behind identifiers as they were
	// written, by property; other lists have their words first. It decides nothing.
	Order      map[string][]string `json:",omitempty"`
	CreatedAt  time.Time
	ModifiedAt time.Time
	Revision   int64
}
