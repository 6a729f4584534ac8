package directory

import (
	"slices"
	"strings"
)

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
	// Roles, role assignments and scope tags.
	RolesRead   = "Microsoft.Intune_Roles_Read"
	RolesCreate = "Microsoft.Intune_Roles_Create"
	RolesUpdate = "Microsoft.Intune_Roles_Update"
	RolesDelete = "Microsoft.Intune_Roles_Delete"
	RolesAssign = "Microsoft.Intune_Roles_Assign"
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

// ActionPermission returns the permission of the administration API that covers
// an action on every object, or "" when there is no such action.
func ActionPermission(action string) string {
	if !slices.Contains(Actions(), action) {
		return ""
	}
	read := strings.HasSuffix(action, "_Read")
	choose := func(reads, writes string) string {
		if read {
			return reads
		}
		return writes
	}
	switch strings.Split(action, "_")[1] {
	case "AssignmentFilter":
		return choose(ConfigurationRead, ConfigurationWrite)
	case "MobileThreatDefense":
		return choose(ConnectorRead, ConnectorWrite)
	case "Roles":
		return choose(RBACRead, RBACWrite)
	default: // managed apps and the record of what was done to them
		return choose(ProtectionRead, ProtectionWrite)
	}
}

// NearestAction returns the action that a name was probably meant to be, or "".
// A slip is in one place: what stands before it and behind it is right.
func NearestAction(name string) string {
	const slip = 3 // letters that may be wrong, missing or too many
	name = strings.ToLower(name)
	best, most := "", len(name)-slip-1
	for _, action := range Actions() {
		bare := strings.ToLower(action)
		same := 0
		for same < min(len(name), len(bare)) && name[same] == bare[same] {
			same++
		}
		for behind := 1; same < min(len(name), len(bare)) && name[len(name)-behind] == bare[len(bare)-behind]; behind++ {
			same++
		}
		if same > most && len(bare)-same <= slip {
			best, most = action, same
		}
	}
	return best
}
