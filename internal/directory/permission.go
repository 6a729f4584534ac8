package directory

import "slices"

// The application permissions of the administration API, spelled as Microsoft
// Graph spells them. Each "ReadWrite" has a "Read" that permits less.
const (
	UserWrite        = "User.ReadWrite.All"
	UserRead         = "User.Read.All"
	GroupWrite       = "Group.ReadWrite.All"
	GroupRead        = "Group.Read.All"
	ApplicationWrite = "Application.ReadWrite.All"
	ApplicationRead  = "Application.Read.All"
	DeviceWrite      = "Device.ReadWrite.All"
	DeviceRead       = "Device.Read.All"
	AccessWrite      = "Policy.ReadWrite.ConditionalAccess"
	AccessRead       = "Policy.Read.All"
	ProtectionWrite  = "DeviceManagementApps.ReadWrite.All" // app protection, registrations, wipe
	ProtectionRead   = "DeviceManagementApps.Read.All"
	ConnectorWrite   = "DeviceManagementServiceConfig.ReadWrite.All"
	ConnectorRead    = "DeviceManagementServiceConfig.Read.All"
	// Assignment filters.
	ConfigurationWrite = "DeviceManagementConfiguration.ReadWrite.All"
	ConfigurationRead  = "DeviceManagementConfiguration.Read.All"
	// Roles, role assignments and scope tags.
	RBACWrite         = "DeviceManagementRBAC.ReadWrite.All"
	RBACRead          = "DeviceManagementRBAC.Read.All"
	AuditRead         = "AuditLog.Read.All"
	OrganizationWrite = "Organization.ReadWrite.All"
	OrganizationRead  = "Organization.Read.All"
	// People whose accounts may be in the hands of others.
	RiskWrite = "IdentityRiskyUser.ReadWrite.All"
	RiskRead  = "IdentityRiskyUser.Read.All"
	// Terms of use.
	AgreementWrite = "Agreement.ReadWrite.All"
	AgreementRead  = "Agreement.Read.All"
)

// Permissions lists every permission of the administration API, sorted.
func Permissions() []string {
	all := []string{
		UserWrite, UserRead, GroupWrite, GroupRead, ApplicationWrite, ApplicationRead, DeviceWrite, DeviceRead, AccessWrite,
		AccessRead, ProtectionWrite, ProtectionRead, ConnectorWrite, ConnectorRead, ConfigurationWrite, ConfigurationRead, RBACWrite, RBACRead, AuditRead,
		OrganizationWrite, OrganizationRead, RiskWrite, RiskRead, AgreementWrite, AgreementRead,
	}
	slices.Sort(all)
	return all
}
