package csdl_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/report"
)

// build makes and changes one of everything.
func (w *tour) build(t *testing.T) {
	w.directory(t)
	w.applications(t)
	w.accessPolicy(t)
	w.demands(t)
	w.locations(t)
	w.deleted(t)
	w.restoreConnector(t)
	w.roles(t)
	w.filters(t)
	if w.serves(http.MethodPost, protections) {
		w.protection(t)
	}
	if w.serves(http.MethodPost, configurations) {
		w.configuration(t)
	}
	w.wipes(t)
	job := w.made(t, "deviceManagement/reports/exportJobs", map[string]any{"reportName": string(report.Names()[0]), "format": "csv"})
	w.keys["deviceManagement/reports/exportJobs"] = job
}

func (w *tour) directory(t *testing.T) {
	name := w.name("grace")
	user := w.made(t, "users", map[string]any{
		"displayName": name, "userPrincipalName": strings.ReplaceAll(name, " ", ".") + "@postern.internal", "accountEnabled": true, "mailNickname": "grace",
		"passwordProfile": map[string]any{"password": "a long enough passphrase", "forceChangePasswordNextSignIn": false},
	})
	w.keys["user"] = user
	w.do(t, http.StatusNoContent, http.MethodPatch, "users/{}", map[string]any{"displayName": "Grace"}, user)
	outer := w.group(t, "outer")
	inner := w.group(t, "inner")
	w.keys["groups"], w.keys["group"] = inner, outer
	w.do(t, http.StatusNoContent, http.MethodPatch, "groups/{}", map[string]any{"description": "people"}, inner)
	for _, ref := range []struct{ pattern, group, member string }{
		{"groups/{}/members/$ref", outer, inner}, {"groups/{}/members/$ref", inner, w.house.User}, {"groups/{}/members/$ref", inner, user},
		{"groups/{}/owners/$ref", inner, user},
	} {
		w.do(t, http.StatusNoContent, http.MethodPost, ref.pattern, map[string]any{"@odata.id": w.url("directoryObjects/" + ref.member)}, ref.group)
	}
	w.keys["directoryObjects"] = inner
	for _, all := range []string{"users", "groups", "directoryObjects"} {
		w.do(t, http.StatusOK, http.MethodPost, all+"/getByIds", map[string]any{"ids": []string{user, inner, w.house.SiteApp}})
	}
	for collection, id := range map[string]string{"users": w.house.User, "groups": inner} {
		for action, body := range map[string]map[string]any{
			"getMemberGroups": {"securityEnabledOnly": false}, "getMemberObjects": {"securityEnabledOnly": false},
			"checkMemberGroups": {"groupIds": []string{outer}}, "checkMemberObjects": {"ids": []string{outer}},
		} {
			w.do(t, http.StatusOK, http.MethodPost, collection+"/{}/"+action, body, id)
		}
	}
	for _, action := range []string{"confirmSafe", "dismiss", "confirmCompromised"} {
		w.do(t, http.StatusNoContent, http.MethodPost, "identityProtection/riskyUsers/"+action, map[string]any{"userIds": []string{user}})
	}
	w.keys["identityProtection/riskyUsers"] = user
	w.do(t, http.StatusNoContent, http.MethodPatch, "organization/{}", map[string]any{"displayName": "Contoso"}, w.house.TenantID)
}

func (w *tour) group(t *testing.T, name string) string {
	t.Helper()
	return w.made(t, "groups", map[string]any{
		"displayName": w.name(name), "mailEnabled": false, "mailNickname": name, "securityEnabled": true,
	})
}

func (w *tour) applications(t *testing.T) {
	app := w.made(t, "applications", map[string]any{"displayName": w.name("A script")})
	w.do(t, http.StatusNoContent, http.MethodPatch, "applications/{}", map[string]any{"displayName": w.name("The script")}, app)
	key, _ := w.do(t, http.StatusOK, http.MethodPost, "applications/{}/addPassword",
		map[string]any{"passwordCredential": map[string]any{"displayName": "first"}}, app)["keyId"].(string)
	w.do(t, http.StatusNoContent, http.MethodPost, "applications/{}/removePassword", map[string]any{"keyId": key}, app)
	w.do(t, http.StatusNoContent, http.MethodPatch, "servicePrincipals/{}", map[string]any{
		"tags": []string{"Tour"}, "customSecurityAttributes": map[string]any{"Tour": map[string]any{
			"@odata.type": "#microsoft.graph.customSecurityAttributeValue", "Part": "first", "Parts@odata.type": "#Collection(String)", "Parts": []string{"a", "b"},
		}},
	}, app)
	w.keys["application"], w.keys["servicePrincipals"] = app, app
}

func (w *tour) accessPolicy(t *testing.T) {
	const all = "identity/conditionalAccess/policies"
	id := w.made(t, all, map[string]any{
		"displayName": w.name("Nobody"), "state": "disabled",
		"conditions": map[string]any{
			"clientAppTypes": []string{"all"}, "users": map[string]any{"includeGroups": []string{w.keys["groups"]}, "excludeUsers": []string{w.keys["user"]}},
			"applications": map[string]any{"includeApplications": []string{w.house.SiteApp}},
			"platforms":    map[string]any{"includePlatforms": []string{"windows"}},
		},
		"grantControls": map[string]any{"operator": "AND", "builtInControls": []string{"mfa", "compliantApplication"}},
	})
	w.do(t, http.StatusNoContent, http.MethodPatch, all+"/{}", map[string]any{"description": "of the tour"}, id)
	w.keys["policy"] = id
	w.do(t, http.StatusOK, http.MethodPost, "identity/conditionalAccess/evaluate", map[string]any{
		"signInIdentity":   map[string]any{"@odata.type": "#microsoft.graph.userSignIn", "userId": w.house.User},
		"signInContext":    map[string]any{"@odata.type": "#microsoft.graph.applicationContext", "includeApplications": []string{w.house.SiteApp}},
		"signInConditions": map[string]any{"devicePlatform": "windows", "clientAppType": "browser", "deviceInfo": map[string]any{"isCompliant": true}},
	})
	w.do(t, http.StatusOK, http.MethodPost, "identity/conditionalAccess/postern.replay", map[string]any{"days": 1, "withoutPolicies": []string{id}})
	w.do(t, http.StatusOK, http.MethodPost, "identity/conditionalAccess/postern.prove", map[string]any{"applications": []string{w.house.SiteApp}})
	w.do(t, http.StatusOK, http.MethodPost, "identity/conditionalAccess/postern.lint", map[string]any{})
}

func (w *tour) roles(t *testing.T) {
	role := w.made(t, "deviceManagement/roleDefinitions", map[string]any{
		"displayName": w.name("Reader"), "rolePermissions": []any{map[string]any{"resourceActions": []any{
			map[string]any{"allowedResourceActions": []string{"Microsoft.Intune_ManagedApps_Read"}},
		}}},
	})
	w.do(t, http.StatusOK, http.MethodPatch, "deviceManagement/roleDefinitions/{}", map[string]any{"description": "reads"}, role)
	w.keys["deviceManagement/roleDefinitions"] = role
	tag := w.made(t, "deviceManagement/roleScopeTags", map[string]any{"displayName": w.name("North")})
	w.do(t, http.StatusOK, http.MethodPatch, "deviceManagement/roleScopeTags/{}", map[string]any{"description": "of the river"}, tag)
	w.do(t, http.StatusOK, http.MethodPost, "deviceManagement/roleScopeTags/getRoleScopeTagsById", map[string]any{"roleScopeTagIds": []string{"0", tag}})
	w.keys["deviceManagement/roleScopeTags"] = tag
	body := map[string]any{
		"@odata.type": "#microsoft.graph.deviceAndAppManagementRoleAssignment", "displayName": w.name("Readers"), "members": []string{w.keys["groups"]},
		"resourceScopes":            []string{w.keys["groups"]},
		"roleDefinition@odata.bind": w.url("deviceManagement/roleDefinitions/" + role),
	}
	if w.version == graph.Beta {
		body["roleScopeTagIds"] = []string{tag}
	}
	assignment := w.made(t, "deviceManagement/roleAssignments", body)
	w.do(t, http.StatusOK, http.MethodPatch, "deviceManagement/roleAssignments/{}", map[string]any{"description": "read"}, assignment)
	w.keys["deviceManagement/roleAssignments"] = assignment
}

func (w *tour) filters(t *testing.T) {
	const all = "deviceManagement/assignmentFilters"
	filter := map[string]any{
		"@odata.type": "#microsoft.graph.deviceAndAppManagementAssignmentFilter", "displayName": w.name("New Windows"),
		"platform": "windowsMobileApplicationManagement", "assignmentFilterManagementType": "apps", "rule": `(app.osVersion -ge "10.0.22631.0")`,
	}
	id := w.made(t, all, filter)
	w.do(t, http.StatusOK, http.MethodPatch, all+"/{}", map[string]any{"description": "of the tour"}, id)
	w.do(t, http.StatusOK, http.MethodPost, all+"/validateFilter", map[string]any{"deviceAndAppManagementAssignmentFilter": filter})
	w.do(t, http.StatusNoContent, http.MethodPost, all+"/enable", map[string]any{"enable": true})
	w.do(t, http.StatusOK, http.MethodPost, all+"/postern.preview", filter)
	w.keys[all] = id
}

func windowsApp(id string) map[string]any {
	return map[string]any{"mobileAppIdentifier": map[string]any{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": id}}
}

func everybody() map[string]any {
	return map[string]any{"target": map[string]any{"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}
}

const (
	protections    = "deviceAppManagement/windowsManagedAppProtections"
	configurations = "deviceAppManagement/targetedManagedAppConfigurations"
	managed        = "deviceAppManagement/managedAppPolicies"
)

func (w *tour) protection(t *testing.T) {
	w.policy(t, protections, map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "displayName": w.name("Protection"), "printBlocked": true,
		"minimumRequiredOsVersion": "10.0.22631.0", "periodOfflineBeforeWipeIsEnforced": "P30D",
	})
	for _, platform := range []string{"android", "ios"} { // are refused by name
		w.do(t, http.StatusBadRequest, http.MethodPost, "deviceAppManagement/"+platform+"ManagedAppProtections", map[string]any{"displayName": "x"})
	}
}

func (w *tour) configuration(t *testing.T) {
	body := map[string]any{
		"@odata.type": "#microsoft.graph.targetedManagedAppConfiguration", "displayName": w.name("Edge"),
		"customSettings": []any{map[string]any{"name": "com.microsoft.intune.mam.managedbrowser.homepage", "value": "https://intranet.example"}},
	}
	id := w.policy(t, configurations, body)
	key, ok := configuration.Lookup("HomepageLocation")
	if !ok {
		t.Fatal("HomepageLocation is not in the catalogue")
	}
	setting := map[string]any{"@odata.type": "#microsoft.graph.deviceManagementConfigurationSetting", "settingInstance": map[string]any{
		"@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance", "settingDefinitionId": key.DefinitionID,
		"simpleSettingValue": map[string]any{"@odata.type": "#microsoft.graph.deviceManagementConfigurationStringSettingValue", "value": "https://intranet.example/"},
	}}
	w.do(t, http.StatusNoContent, http.MethodPost, configurations+"/{}/changeSettings", map[string]any{"settings": []any{setting}}, id)
	w.do(t, http.StatusNoContent, http.MethodPost, configurations+"/{}/changeSettings", map[string]any{"settings": []any{}}, id)
	w.made(t, configurations+"/{}/settings", setting, id)
	body["displayName"] = w.name("Any policy")
	other := w.made(t, managed, body)
	w.do(t, http.StatusOK, http.MethodPatch, managed+"/{}", map[string]any{
		"@odata.type": "#microsoft.graph.targetedManagedAppConfiguration", "description": "of the tour",
	}, other)
	w.do(t, http.StatusNoContent, http.MethodPost, managed+"/{}/targetApps", map[string]any{"apps": []any{windowsApp("com.microsoft.edge")}}, other)
	w.do(t, http.StatusNoContent, http.MethodDelete, managed+"/{}", nil, other)
}

// policy makes a policy for apps and changes every part of it.
func (w *tour) policy(t *testing.T, all string, body map[string]any) string {
	t.Helper()
	id := w.made(t, all, body)
	w.keys[all] = id
	w.do(t, http.StatusOK, http.MethodPatch, all+"/{}", map[string]any{"description": "of the tour"}, id)
	w.do(t, http.StatusNoContent, http.MethodPost, all+"/{}/targetApps", map[string]any{"apps": []any{windowsApp("com.microsoft.edge")}}, id)
	other := w.made(t, all+"/{}/apps", windowsApp("com.example.other"), id)
	if w.serves(http.MethodPatch, all+"/{}/apps/{}") {
		w.do(t, http.StatusOK, http.MethodPatch, all+"/{}/apps/{}", windowsApp("com.example.other"), id, other)
	}
	w.do(t, http.StatusNoContent, http.MethodPost, all+"/{}/assign", map[string]any{"assignments": []any{everybody()}}, id)
	w.made(t, all+"/{}/assignments", map[string]any{
		"target": map[string]any{"@odata.type": "#microsoft.graph.exclusionGroupAssignmentTarget", "groupId": w.keys["groups"]},
	}, id)
	w.do(t, http.StatusNoContent, http.MethodDelete, all+"/{}/apps/{}", nil, id, other)
	if w.serves(http.MethodPost, all+"/{}/postern.restore") {
		versions := w.do(t, http.StatusOK, http.MethodGet, all+"/{}/postern.versions", nil, id)
		list, _ := versions["value"].([]any)
		if len(list) == 0 {
			t.Fatalf("no versions: %v", versions)
		}
		newest, _ := list[0].(map[string]any)
		w.do(t, http.StatusOK, http.MethodPost, all+"/{}/postern.restore", map[string]any{"revision": newest["revision"]}, id)
	}
	return id
}

const registrations = "deviceAppManagement/managedAppRegistrations"

// wipes asks for everything that can be done to an app on a PC. There is one PC,
// and the tour leaves a wipe pending.
func (w *tour) wipes(t *testing.T) {
	app := w.first(t, registrations)
	tag, _ := app["deviceTag"].(string)
	id, _ := app["id"].(string)
	device, _ := w.first(t, "devices")["id"].(string)
	w.keys["device"] = device
	w.do(t, http.StatusNoContent, http.MethodPatch, "devices/{}", map[string]any{"displayName": "PC"}, device)
	w.keys[registrations+"/{}/managedAppLogCollectionRequests"] = w.made(t, registrations+"/{}/managedAppLogCollectionRequests", map[string]any{}, id)
	w.do(t, http.StatusNoContent, http.MethodPost, "users/{}/wipeAndBlockManagedApps", nil, w.house.User)
	w.do(t, http.StatusNoContent, http.MethodPost, "users/{}/unblockManagedApps", nil, w.house.User)
	byTag := map[string]any{"deviceTag": tag}
	w.do(t, http.StatusNoContent, http.MethodPost, "users/{}/wipeManagedAppRegistrationsByDeviceTag", byTag, w.house.User)
	operation, _ := w.first(t, registrations+"/"+id+"/operations?$filter=state%20eq%20%27pending%27")["id"].(string)
	w.do(t, http.StatusNoContent, http.MethodDelete, registrations+"/{}/operations/{}", nil, id, operation)
	w.do(t, http.StatusNoContent, http.MethodPost, "users/{}/wipeManagedAppRegistrationsByDeviceTag", byTag, w.house.User)
	w.do(t, http.StatusNoContent, http.MethodPost, "users/{}/wipeManagedAppRegistrationByDeviceTag", byTag, w.house.User)
	w.do(t, http.StatusNoContent, http.MethodPost, "users/{}/wipeManagedAppRegistrationsByAzureAdDeviceId", map[string]any{"azureAdDeviceId": device}, w.house.User)
}

// first is the first object of a list.
func (w *tour) first(t *testing.T, path string) map[string]any {
	t.Helper()
	list, _ := w.ask(t, http.MethodGet, path, nil, http.StatusOK)["value"].([]any)
	if len(list) == 0 {
		t.Fatalf("%s is empty", path)
	}
	o, _ := list[0].(map[string]any)
	return o
}

// clear removes what build made.
func (w *tour) clear(t *testing.T) {
	remove := func(pattern string, keys ...string) {
		t.Helper()
		w.do(t, http.StatusNoContent, http.MethodDelete, pattern, nil, keys...)
	}
	remove("identity/conditionalAccess/policies/{}", w.keys["policy"])
	w.undemanded(t)
	w.forgotten(t)
	for _, all := range []string{protections, configurations} {
		if w.serves(http.MethodDelete, all+"/{}") {
			remove(all+"/{}", w.keys[all])
		}
	}
	remove("deviceManagement/assignmentFilters/{}", w.keys["deviceManagement/assignmentFilters"])
	for _, kind := range []string{"roleAssignments", "roleDefinitions", "roleScopeTags"} {
		remove("deviceManagement/"+kind+"/{}", w.keys["deviceManagement/"+kind])
	}
	remove("applications/{}", w.keys["application"])
	remove("groups/{}/owners/{}/$ref", w.keys["groups"], w.keys["user"])
	remove("groups/{}/members/{}/$ref", w.keys["groups"], w.keys["user"])
	remove("groups/{}", w.keys["groups"])
	remove("groups/{}", w.keys["group"])
	remove("users/{}", w.keys["user"])
	if w.version == graph.Beta { // the last
		remove("devices/{}", w.keys["device"])
	}
}
