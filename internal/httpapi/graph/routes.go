package graph

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
)

// table is the table of contents: every operation with the permission it needs.
func (d *Door) table() []route {
	return slices.Concat(d.directoryRoutes(), d.appRoutes(), d.protectionRoutes(), d.registrationRoutes(),
		d.connectors().routes(directory.ConnectorRead, directory.ConnectorWrite),
		d.accessPolicies().routes(directory.AccessRead, directory.AccessWrite),
		[]route{
			{http.MethodGet, "auditLogs/signIns", directory.AuditRead, false, d.listSignIns},
		})
}

func (d *Door) directoryRoutes() []route {
	devices, tenants := d.devices(), d.tenants()
	return slices.Concat(
		d.users().routes(directory.UserRead, directory.UserWrite),
		d.groups().routes(directory.GroupRead, directory.GroupWrite),
		[]route{
			{http.MethodGet, "users/{}/memberOf", directory.UserRead, false, d.userMemberOf},
			{http.MethodGet, "groups/{}/members", directory.GroupRead, false, d.listMembers},
			{http.MethodGet, "groups/{}/members/$count", directory.GroupRead, false, d.countMembers},
			{http.MethodGet, "groups/{}/members/graph.user", directory.GroupRead, false, func(c *call) error { return d.membersOf(c, directory.MemberUser) }},
			{http.MethodGet, "groups/{}/members/graph.group", directory.GroupRead, false, func(c *call) error { return d.membersOf(c, directory.MemberGroup) }},
			{http.MethodPost, "groups/{}/members/$ref", directory.GroupWrite, false, d.addMember},
			{http.MethodDelete, "groups/{}/members/{}/$ref", directory.GroupWrite, false, d.removeMember},
			{http.MethodGet, "groups/{}/memberOf", directory.GroupRead, false, d.groupMemberOf},
			{http.MethodGet, "groups/{}/owners", directory.GroupRead, false, d.owners},
			{http.MethodGet, "devices", directory.DeviceRead, false, devices.list},
			{http.MethodGet, "devices/$count", directory.DeviceRead, false, devices.count},
			{http.MethodGet, "devices/{}", directory.DeviceRead, false, devices.get},
			{http.MethodPatch, "devices/{}", directory.DeviceWrite, false, devices.patch},
			{http.MethodDelete, "devices/{}", directory.DeviceWrite, false, devices.delete},
			{http.MethodGet, "organization", directory.OrganizationRead, false, d.listTenants},
			{http.MethodGet, "organization/{}", directory.OrganizationRead, false, tenants.get},
			{http.MethodPatch, "organization/{}", directory.OrganizationWrite, false, tenants.patch},
		})
}

func (d *Door) appRoutes() []route {
	principals := d.principals()
	return append(d.apps().routes(directory.ApplicationRead, directory.ApplicationWrite),
		route{http.MethodPost, "applications/{}/addPassword", directory.ApplicationWrite, false, d.addPassword},
		route{http.MethodPost, "applications/{}/removePassword", directory.ApplicationWrite, false, d.removePassword},
		route{http.MethodGet, "servicePrincipals", directory.ApplicationRead, false, principals.list},
		route{http.MethodGet, "servicePrincipals/$count", directory.ApplicationRead, false, principals.count},
		route{http.MethodGet, "servicePrincipals/{}", directory.ApplicationRead, false, principals.get},
	)
}

func (d *Door) registrationRoutes() []route {
	return []route{
		{http.MethodGet, registrationsPath, directory.ProtectionRead, false, d.listRegistrations},
		{http.MethodGet, registrationsPath + "/$count", directory.ProtectionRead, false, d.countRegistrations},
		{http.MethodGet, registrationsPath + "/{}", directory.ProtectionRead, false, d.getRegistration},
		{http.MethodGet, registrationsPath + "/{}/operations", directory.ProtectionRead, false, d.listOperations},
		{http.MethodGet, registrationsPath + "/{}/operations/{}", directory.ProtectionRead, false, d.getOperation},
		{http.MethodGet, "users/{}/managedAppRegistrations", directory.ProtectionRead, false, d.listUserRegistrations},
		{http.MethodPost, "users/{}/wipeManagedAppRegistrationsByDeviceTag", directory.ProtectionWrite, false, d.wipe("deviceTag")},
		{http.MethodPost, "users/{}/wipeManagedAppRegistrationByDeviceTag", directory.ProtectionWrite, true, d.wipe("deviceTag")},
		{http.MethodPost, "users/{}/wipeManagedAppRegistrationsByAzureAdDeviceId", directory.ProtectionWrite, true, d.wipe("azureAdDeviceId")},
	}
}
