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

// What a role may allow, spelled as Intune spells resource actions.
const (
	ManagedAppsRead   = "Microsoft.Intune_ManagedApps_Read"
	ManagedAppsCreate = "Microsoft.Intune_ManagedApps_Create"
	ManagedAppsUpdate = "Microsoft.Intune_ManagedApps_Update"
	ManagedAppsDelete = "Microsoft.Intune_ManagedApps_Delete"
	ManagedAppsAssign = "Microsoft.Intune_ManagedApps_Assign"
	ManagedAppsWipe   = "Microsoft.Intune_ManagedApps_Wipe"
	// ManagedAppsCancelWipe is our own: Intune hides it in Update, so that a help
	// desk could start a wipe and not stop it.
	ManagedAppsCancelWipe = "Postern_ManagedApps_CancelWipe"
	FiltersRead           = "Microsoft.Intune_AssignmentFilter_Read"
	FiltersCreate         = "Microsoft.Intune_AssignmentFilter_Create"
	FiltersUpdate         = "Microsoft.Intune_AssignmentFilter_Update"
	FiltersDelete         = "Microsoft.Intune_AssignmentFilter_Delete"
	ThreatRead            = "Microsoft.Intune_MobileThreatDefense_Read"
	ThreatModify          = "Microsoft.Intune_MobileThreatDefense_Modify"
	AuditDataRead         = "Microsoft.Intune_Audit_Read"
	RolesRead             = "Microsoft.Intune_Roles_Read"
	RolesCreate           = "Microsoft.Intune_Roles_Create"
	RolesUpdate           = "Microsoft.Intune_Roles_Update"
	RolesDelete           = "Microsoft.Intune_Roles_Delete"
	RolesAssign           = "Microsoft.Intune_Roles_Assign"
)

// Actions lists everything that a role may allow, sorted.
func Actions() []string {
	all := slices.Concat(managedApps(), filters(), roles(), []string{ManagedAppsWipe, ManagedAppsCancelWipe, ThreatRead, ThreatModify, AuditDataRead})
	slices.Sort(all)
	return all
}

func managedApps() []string {
	return []string{ManagedAppsRead, ManagedAppsCreate, ManagedAppsUpdate, ManagedAppsDelete, ManagedAppsAssign}
}

func filters() []string { return []string{FiltersRead, FiltersCreate, FiltersUpdate, FiltersDelete} }

func roles() []string {
	return []string{RolesRead, RolesCreate, RolesUpdate, RolesDelete, RolesAssign}
}

// BuiltInRoles lists the roles that every tenant has and nobody can change. What
// they allow follows Intune (docs/spec/windows-mam.md section 8), apart from the
// help desk, which may also cancel a wipe. The identifiers are our own.
func BuiltInRoles() []RoleDefinition {
	role := func(id, name, description string, actions ...[]string) RoleDefinition {
		return RoleDefinition{
			ID: "b0171000-0000-4000-8000-00000000000" + id, DisplayName: name, Description: description, BuiltIn: true,
			Actions: slices.Concat(actions...), ScopeTags: []string{DefaultScopeTag}, Revision: 1,
		}
	}
	return []RoleDefinition{
		role("1", "Application Manager", "Manages app protection and app configuration, and wipes.",
			managedApps(), []string{ManagedAppsWipe, ManagedAppsCancelWipe, ThreatRead}, filters()),
		role("2", "Policy and Profile Manager", "Manages app protection and app configuration.", managedApps(), filters()),
		role("3", "Help Desk Operator", "Looks things up, assigns policies, starts and cancels wipes.",
			[]string{ManagedAppsRead, ManagedAppsAssign, ManagedAppsWipe, ManagedAppsCancelWipe, FiltersRead}),
		role("4", "Endpoint Security Manager", "Manages threat connectors.", []string{ManagedAppsRead, ThreatRead, ThreatModify, AuditDataRead}),
		role("5", "Intune Role Administrator", "Manages roles, role assignments and scope tags.", roles()),
		role("6", "Read Only Operator", "Looks at everything.", []string{ManagedAppsRead, FiltersRead, ThreatRead, AuditDataRead, RolesRead}),
	}
}
