package directory

import (
	"slices"
	"time"
)

// RoleDefinition says what its holders may do to managed apps and what belongs
// to them (Graph: deviceAndAppManagementRoleDefinition).
type RoleDefinition struct {
	ID          string
	Tenant      TenantID
	DisplayName string
	Description string
	BuiltIn     bool
	Actions     []string // allowedResourceActions, for example "Microsoft.Intune_ManagedApps_Read"
	ScopeTags   []string
	CreatedAt   time.Time
	Revision    int64
}

// RoleAssignment gives a role to the members of groups, for the objects that
// carry one of its scope tags (Graph: deviceAndAppManagementRoleAssignment).
type RoleAssignment struct {
	ID          string
	Tenant      TenantID
	DisplayName string
	Description string
	Role        string    // RoleDefinition.ID
	Members     []GroupID // whose members, direct and nested, hold the role
	Scopes      []GroupID // whose members they may act on; empty: everyone (Graph: resourceScopes)
	ScopeTags   []string  // empty: every object
	CreatedAt   time.Time
	Revision    int64
}

// ScopeTag marks objects that only some admins see (Graph beta: roleScopeTag).
// The tag "0", named Default, always exists.
type ScopeTag struct {
	ID          string
	Tenant      TenantID
	DisplayName string
	Description string
	BuiltIn     bool
	CreatedAt   time.Time
	Revision    int64
}

// DefaultScopeTag is what objects carry that were given no other.
const DefaultScopeTag = "0"

// The built-in roles. Their identifiers are Intune's, the same in every tenant,
// so that scripts and Terraform modules which name them work.
const (
	ApplicationManager      = "c1d9fcbb-cba5-40b0-bf6b-527006585f4b"
	PolicyAndProfileManager = "0bd113fe-6be5-400c-a28f-ae5553f9c0be"
	HelpDeskOperator        = "9e0cc482-82df-4ab2-a24c-0c23a3f52e1e"
	EndpointSecurityManager = "c56d53a2-73d0-4502-b6bd-4a9d3dba28d5"
	IntuneRoleAdministrator = "fb2603eb-3c87-4be3-8b5b-d58a5b4a0bc0"
	ReadOnlyOperator        = "fa1d7878-e8cb-41a1-8254-0142355c9f84"
)

// BuiltInRoles lists the roles that every tenant has and nobody can change. What
// they allow follows Intune (docs/spec/windows-mam.md section 8), apart from the
// help desk, which may also cancel a wipe.
func BuiltInRoles() []RoleDefinition {
	role := func(id, name, description string, actions ...[]string) RoleDefinition {
		return RoleDefinition{
			ID: id, DisplayName: name, Description: description, BuiltIn: true,
			Actions: slices.Concat(actions...), ScopeTags: []string{DefaultScopeTag}, Revision: 1,
		}
	}
	return []RoleDefinition{
		role(ApplicationManager, "Application Manager", "Manages app protection and app configuration, and wipes.",
			managedApps(), []string{ManagedAppsWipe, ManagedAppsCancelWipe, ThreatRead}, filters()),
		role(PolicyAndProfileManager, "Policy and Profile manager", "Manages app protection and app configuration.", managedApps(), filters()),
		role(HelpDeskOperator, "Help Desk Operator", "Looks things up, assigns policies, starts and cancels wipes.",
			[]string{ManagedAppsRead, ManagedAppsAssign, ManagedAppsWipe, ManagedAppsCancelWipe, FiltersRead}),
		role(EndpointSecurityManager, "Endpoint Security Manager", "Manages threat connectors.", []string{ManagedAppsRead, ThreatRead, ThreatModify, AuditDataRead}),
		role(IntuneRoleAdministrator, "Intune Role Administrator", "Manages roles, role assignments and scope tags.", roles()),
		role(ReadOnlyOperator, "Read Only Operator", "Looks at everything.", []string{ManagedAppsRead, FiltersRead, ThreatRead, AuditDataRead, RolesRead}),
	}
}
