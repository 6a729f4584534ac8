package directory

import "time"

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
