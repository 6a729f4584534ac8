package graph

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
)

// table is the table of contents: every operation with the permission it needs.
func (d *Door) table() []route {
	return slices.Concat(d.directoryRoutes(), d.appRoutes(), d.protectionRoutes(), d.registrationRoutes(),
		d.connectors().routes(admin.ConnectorRead, admin.ConnectorWrite),
		d.accessPolicies().routes(admin.AccessRead, admin.AccessWrite),
		[]route{
			{http.MethodGet, "auditLogs/signIns", admin.AuditRead, false, d.listSignIns},
		})
}

func (d *Door) directoryRoutes() []route {
	devices, tenants := d.devices(), d.tenants()
	return slices.Concat(
		d.users().routes(admin.UserRead, admin.UserWrite),
		d.groups().routes(admin.GroupRead, admin.GroupWrite),
		[]route{
			{http.MethodGet, "users/{}/memberOf", admin.UserRead, false, d.userMemberOf},
			{http.MethodGet, "groups/{}/members", admin.GroupRead, false, d.listMembers},
			{http.MethodGet, "groups/{}/members/$count", admin.GroupRead, false, d.countMembers},
			{http.MethodGet, "groups/{}/members/graph.user", admin.GroupRead, false, func(c *call) error { return d.membersOf(c, directory.MemberUser) }},
			{http.MethodGet, "groups/{}/members/graph.group", admin.GroupRead, false, func(c *call) error { return d.membersOf(c, directory.MemberGroup) }},
			{http.MethodPost, "groups/{}/members/$ref", admin.GroupWrite, false, d.addMember},
			{http.MethodDelete, "groups/{}/members/{}/$ref", admin.GroupWrite, false, d.removeMember},
			{http.MethodGet, "groups/{}/memberOf", admin.GroupRead, false, d.groupMemberOf},
			{http.MethodGet, "groups/{}/owners", admin.GroupRead, false, d.owners},
			{http.MethodGet, "devices", admin.DeviceRead, false, devices.list},
			{http.MethodGet, "devices/$count", admin.DeviceRead, false, devices.count},
			{http.MethodGet, "devices/{}", admin.DeviceRead, false, devices.get},
			{http.MethodPatch, "devices/{}", admin.DeviceWrite, false, devices.patch},
			{http.MethodDelete, "devices/{}", admin.DeviceWrite, false, devices.delete},
			{http.MethodGet, "organization", admin.OrganizationRead, false, d.listTenants},
			{http.MethodGet, "organization/{}", admin.OrganizationRead, false, tenants.get},
			{http.MethodPatch, "organization/{}", admin.OrganizationWrite, false, tenants.patch},
		})
}

func (d *Door) appRoutes() []route {
	principals := d.principals()
	return append(d.apps().routes(admin.ApplicationRead, admin.ApplicationWrite),
		route{http.MethodPost, "applications/{}/addPassword", admin.ApplicationWrite, false, d.addPassword},
		route{http.MethodPost, "applications/{}/removePassword", admin.ApplicationWrite, false, d.removePassword},
		route{http.MethodGet, "servicePrincipals", admin.ApplicationRead, false, principals.list},
		route{http.MethodGet, "servicePrincipals/$count", admin.ApplicationRead, false, principals.count},
		route{http.MethodGet, "servicePrincipals/{}", admin.ApplicationRead, false, principals.get},
	)
}

func (d *Door) registrationRoutes() []route {
	return []route{
		{http.MethodGet, registrationsPath, admin.ProtectionRead, false, d.listRegistrations},
		{http.MethodGet, registrationsPath + "/$count", admin.ProtectionRead, false, d.countRegistrations},
		{http.MethodGet, registrationsPath + "/{}", admin.ProtectionRead, false, d.getRegistration},
		{http.MethodGet, registrationsPath + "/{}/operations", admin.ProtectionRead, false, d.listOperations},
		{http.MethodGet, registrationsPath + "/{}/operations/{}", admin.ProtectionRead, false, d.getOperation},
		{http.MethodGet, "users/{}/managedAppRegistrations", admin.ProtectionRead, false, d.listUserRegistrations},
		{http.MethodPost, "users/{}/wipeManagedAppRegistrationsByDeviceTag", admin.ProtectionWrite, false, d.wipe("deviceTag")},
		{http.MethodPost, "users/{}/wipeManagedAppRegistrationByDeviceTag", admin.ProtectionWrite, true, d.wipe("deviceTag")},
		{http.MethodPost, "users/{}/wipeManagedAppRegistrationsByAzureAdDeviceId", admin.ProtectionWrite, true, d.wipe("azureAdDeviceId")},
	}
}
