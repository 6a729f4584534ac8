package directory

import "slices"

// Role is a directory role, by its display name. Only the ones named here exist.
type Role string

// RoleTemplateID names a directory role in every tenant alike (Graph:
// directoryRole.roleTemplateId).
type RoleTemplateID string

// GlobalAdministrator may do everything at the Graph door. The other directory
// roles give nothing here: policies may be about those who hold them.
const GlobalAdministrator Role = "Global Administrator"

// RoleTemplate is a directory role that people may hold.
type RoleTemplate struct {
	ID   RoleTemplateID
	Role Role
}

// RoleTemplates lists the directory roles, with the identifiers and names that
// they have in Entra ("Microsoft Entra built-in roles").
func RoleTemplates() []RoleTemplate {
	return []RoleTemplate{
		{"62e90394-69f5-4237-9190-012177145e10", GlobalAdministrator},
		{"9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator"},
		{"c4e39bd9-1100-46d3-8c65-fb160da0071f", "Authentication Administrator"},
		{"b0f54661-2d74-4c50-afa3-1ec803f12efe", "Billing Administrator"},
		{"158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator"},
		{"b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", "Conditional Access Administrator"},
		{"29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator"},
		{"f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader"},
		{"729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator"},
		{"3a2c62db-5318-420d-8d74-23affee5d9d5", "Intune Administrator"},
		{"966707d0-3269-4727-9be2-8c3a10f19b9d", "Password Administrator"},
		{"7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator"},
		{"e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator"},
		{"194ae4cb-b126-40b2-bd5b-6091b380977d", "Security Administrator"},
		{"5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader"},
		{"f28a1f50-f6e7-4571-818b-6a12f2af6b6c", "SharePoint Administrator"},
		{"fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator"},
	}
}

// Template returns the identifier of a role, or "" when there is no such role.
func (r Role) Template() RoleTemplateID {
	all := RoleTemplates()
	i := slices.IndexFunc(all, func(t RoleTemplate) bool { return t.Role == r })
	if i < 0 {
		return ""
	}
	return all[i].ID
}

// RoleNamed returns the directory role with a display name or a template
// identifier, and whether there is one.
func RoleNamed(nameOrTemplate string) (Role, bool) {
	for _, t := range RoleTemplates() {
		if string(t.Role) == nameOrTemplate || string(t.ID) == nameOrTemplate {
			return t.Role, true
		}
	}
	return "", false
}

// RiskDetail says who or what changed the risk of an account, spelled as Graph
// spells it (riskDetail).
type RiskDetail string

// The details.
const (
	RiskConfirmed  RiskDetail = "adminConfirmedUserCompromised"
	RiskSafe       RiskDetail = "adminConfirmedAccountSafe"
	RiskDismissed  RiskDetail = "adminDismissedAllRiskForUser"
	RiskRemediated RiskDetail = "userPerformedSecuredPasswordChange"
)

// GuestKind is a kind of guest or external user, spelled as Graph spells it
// (conditionalAccessGuestOrExternalUserTypes). "" is a member.
type GuestKind string

// The kinds of guests.
const (
	InternalGuest          GuestKind = "internalGuest"
	B2BCollaborationGuest  GuestKind = "b2bCollaborationGuest"
	B2BCollaborationMember GuestKind = "b2bCollaborationMember"
	B2BDirectConnectUser   GuestKind = "b2bDirectConnectUser"
	OtherExternalUser      GuestKind = "otherExternalUser"
	ServiceProvider        GuestKind = "serviceProvider"
)

// External reports whether somebody of this kind belongs to another organisation:
// an internal guest does not.
func (k GuestKind) External() bool { return k != "" && k != InternalGuest }

// GuestKinds lists the kinds in the order of Graph's values.
func GuestKinds() []GuestKind {
	return []GuestKind{InternalGuest, B2BCollaborationGuest, B2BCollaborationMember, B2BDirectConnectUser, OtherExternalUser, ServiceProvider}
}
