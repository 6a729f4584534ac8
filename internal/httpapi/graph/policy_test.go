package graph_test

import (
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
)

const protections = "/beta/deviceAppManagement/windowsManagedAppProtections"

// portal is what the portal posts, in its own spelling, with properties of
// platforms that have nothing to do with Windows.
const portal = `{"@odata.type":"#microsoft.graph.windowsManagedAppProtection","displayName":"Edge","description":"",
	"allowedInboundDataTransferSources":"none","allowedOutboundClipboardSharingLevel":"orgDestinationAnySource",
	"allowedOutboundDataTransferDestinations":"None","printBlocked":true,"periodOfflineBeforeAccessCheck":"PT720M",
	"periodOfflineBeforeWipeIsEnforced":"P90D","minimumRequiredOsVersion":"22621.2506","minimumWarningAppVersion":"120.1","maximumWipeOsVersion":null,
	"appActionIfUnableToAuthenticateUser":"block","maximumAllowedDeviceThreatLevel":"low","mobileThreatDefenseRemediationAction":"wipe",
	"pinRequired":true,"minimumPinLength":4,"contactSyncBlocked":false,"exemptedAppProtocols":[{"name":"Default","value":"skype;"}],
	"roleScopeTagIds":["0"],"version":"x","createdDateTime":"2020-01-01T00:00:00Z","apps@odata.context":"x","id":"mine",
	"apps":[{"mobileAppIdentifier":{"windowsAppId":"com.microsoft.edge","@odata.type":"#microsoft.graph.windowsAppIdentifier"}}],
	"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","deviceAndAppManagementAssignmentFilterId":null,
		"deviceAndAppManagementAssignmentFilterType":"none","groupId":"GROUP"}}]}`

func TestAnAppProtectionPolicyComesBackAsItWasMeant(t *testing.T) {
	w := newWorld(t)
	staff, guests := w.group("staff"), w.group("guests")
	a := w.send("POST", protections, strings.ReplaceAll(portal, "GROUP", staff)).want(201)
	id := a.text("id")
	if !strings.HasPrefix(id, "T_") {
		t.Errorf("identifier %q", id)
	}
	a.has(`{"@odata.context":"` + base + `/beta/$metadata#deviceAppManagement/windowsManagedAppProtections/$entity",
		"@odata.type":"#microsoft.graph.windowsManagedAppProtection","displayName":"Edge","allowedInboundDataTransferSources":"none",
		"allowedOutboundClipboardSharingLevel":"orgDestinationAnySource","allowedOutboundDataTransferDestinations":"none","printBlocked":true,
		"periodOfflineBeforeAccessCheck":"PT12H","periodOfflineBeforeWipeIsEnforced":"P90D","minimumRequiredOsVersion":"10.0.22621.2506",
		"minimumWarningAppVersion":"120.1","maximumWipeOsVersion":null,"minimumWipeSdkVersion":null,"appActionIfUnableToAuthenticateUser":"block",
		"maximumAllowedDeviceThreatLevel":"low","mobileThreatDefenseRemediationAction":"wipe","roleScopeTagIds":["0"],"isAssigned":true,"deployedAppCount":1}`)
	one := protections + "('" + id + "')"
	w.get(one + "?$expand=apps,assignments").want(200).has(`{"apps":[{"id":"com.microsoft.edge.windows","version":null,
		"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"com.microsoft.edge"}}],
		"assignments":[{"id":"` + staff + `_incl","source":"direct","sourceId":null,"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget",
		"groupId":"` + staff + `","deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"none"}}]}`)

	// Absent keeps, null clears to the default.
	w.send("PATCH", one, `{"@odata.type":"#microsoft.graph.windowsManagedAppProtection","minimumRequiredOsVersion":null,"printBlocked":null,
		"allowedInboundDataTransferSources":null,"periodOfflineBeforeAccessCheck":"PT0S","periodOfflineBeforeWipeIsEnforced":null,
		"maximumAllowedDeviceThreatLevel":"high"}`).want(200).has(`{"minimumRequiredOsVersion":null,"printBlocked":false,
		"allowedInboundDataTransferSources":"allApps","periodOfflineBeforeAccessCheck":"PT0S","periodOfflineBeforeWipeIsEnforced":"P90D",
		"maximumAllowedDeviceThreatLevel":"high","mobileThreatDefenseRemediationAction":"wipe","minimumWarningAppVersion":"120.1"}`)
	w.send("PATCH", one, `{"maximumAllowedDeviceThreatLevel":"notConfigured","appActionIfUnableToAuthenticateUser":null}`).want(200).
		has(`{"maximumAllowedDeviceThreatLevel":"notConfigured","mobileThreatDefenseRemediationAction":"block","appActionIfUnableToAuthenticateUser":null}`)

	target := func(kind, group string) string {
		return `{"target":{"@odata.type":"#microsoft.graph.` + kind + `","groupId":` + group + `}}`
	}
	w.send("POST", one+"/assign", `{"assignments":[`+target("allLicensedUsersAssignmentTarget", "null")+`,`+target("exclusionGroupAssignmentTarget", `"`+guests+`"`)+`]}`).want(204)
	if got := w.get(one + "/assignments").want(200).values(); len(got) != 2 || got[1]["id"] != guests+"_excl" || !strings.HasSuffix(got[0]["id"].(string), "_incl") {
		t.Errorf("assignments: %v", got)
	}
	w.send("POST", one+"/targetApps", `{"apps":[]}`).want(204)
	w.send("POST", one+"/apps", `{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"com.example.lob"}}`).want(201).
		has(`{"id":"com.example.lob.windows"}`)
	w.get(one + "/apps/com.example.lob.windows").want(200)
	w.send("DELETE", one+"/apps/com.example.lob.windows", "").want(204)
	w.send("DELETE", one+"/apps/com.example.lob.windows", "").refused(404)
	w.get(one + "/apps/com.example.lob.windows").refused(404)
	w.get(one + "/apps").has(`{"value":[]}`)

	w.send("DELETE", one, "").want(204)
}

func TestWhatAnAppProtectionPolicyCannotMeanIsRefused(t *testing.T) {
	w := newWorld(t)
	for body, words := range map[string][]string{
		`{}`: {"displayName"},
		`{"displayName":"x","printBlocked":"yes"}`:                                                                                      {`printBlocked: "yes" is not valid; valid: true or false`},
		`{"displayName":"x","allowedOutboundClipboardSharingLevel":"sometimes"}`:                                                        {"allowedOutboundClipboardSharingLevel", "sometimes", "orgDestinationOrgSource"},
		`{"displayName":"x","periodOfflineBeforeAccessCheck":"12 hours"}`:                                                               {"periodOfflineBeforeAccessCheck", "12 hours", "PT12H"},
		`{"displayName":"x","minimumRequiredOsVersion":"eleven"}`:                                                                       {"minimumRequiredOsVersion", "eleven"},
		`{"displayName":"x","appActionIfUnableToAuthenticateUser":"warn"}`:                                                              {"appActionIfUnableToAuthenticateUser", "warn", "block, wipe"},
		`{"displayName":"x","maximumAllowedDeviceThreatLevel":"extreme"}`:                                                               {"maximumAllowedDeviceThreatLevel", "extreme", "medium"},
		`{"displayName":"x","mobileThreatDefenseRemediationAction":"warn"}`:                                                             {"mobileThreatDefenseRemediationAction", "warn"},
		`{"displayName":"x","@odata.type":"#microsoft.graph.iosManagedAppProtection"}`:                                                  {"iOS", "windowsManagedAppProtection"},
		`{"displayName":"x","@odata.type":"#microsoft.graph.androidManagedAppProtection"}`:                                              {"Android"},
		`{"displayName":"x","apps":[{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.iosMobileAppIdentifier","bundleId":"x"}}]}`: {"apps[0].mobileAppIdentifier.@odata.type", "windowsAppIdentifier"},
		`{"displayName":"x","apps":[{}]}`:                                                                                               {"apps[0].mobileAppIdentifier"},
		`{"displayName":"x","assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"$groupid"}}]}`:  {"groupId", "$groupid"},
		`{"displayName":"x","assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget"}}]}`:                       {"assignments[0].target.groupId"},
		`{"displayName":"x","assignments":[{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}]}`:                  {"allDevicesAssignmentTarget", "allLicensedUsersAssignmentTarget"},
		`{"displayName":"x","assignments":[{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget",
			"deviceAndAppManagementAssignmentFilterId":"f1","deviceAndAppManagementAssignmentFilterType":"include"}}]}`: {"deviceAndAppManagementAssignmentFilterId", `there is no assignment filter "f1"`},
	} {
		w.send("POST", protections, body).refused(400, words...)
	}
	w.send("POST", "/v1.0/deviceAppManagement/iosManagedAppProtections", `{}`).refused(400, "iOS")
	w.get("/v1.0/deviceAppManagement/androidManagedAppProtections").want(200).has(`{"value":[]}`)
	if got := w.get(protections).values(); len(got) != 0 {
		t.Errorf("a refused policy was stored: %v", got)
	}
}

const accessPath = "/v1.0/identity/conditionalAccess/policies"

func accessPolicy(change string) string {
	return `{"displayName":"p","state":"enabled","conditions":{"users":{"includeUsers":["All"]},"applications":{"includeApplications":["All"]},
		"clientAppTypes":["all"]},"grantControls":{"operator":"OR","builtInControls":["mfa"]}` + change + `}`
}

func TestAConditionalAccessPolicyKeepsNullAndEmptyApart(t *testing.T) {
	w := newWorld(t)
	staff := w.group("staff")
	a := w.send("POST", accessPath, `{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","displayName":"Require app protection","state":"enabled",
		"conditions":{"users":{"includeUsers":["all"],"excludeGroups":["`+staff+`"],"excludeGuestsOrExternalUsers":null},"applications":{"includeApplications":["All"]},
		"clientAppTypes":["Browser"],"platforms":{"includePlatforms":["WINDOWS"]},"signInRiskLevels":[],"locations":null,"devices":null},
		"grantControls":{"operator":"or","builtInControls":["compliantApplication","compliantDevice"],"termsOfUse":[]},
		"sessionControls":{"applicationEnforcedRestrictions":{"isEnabled":false},"disableResilienceDefaults":false,"persistentBrowser":null}}`).want(201)
	a.has(`{"displayName":"Require app protection","state":"enabled","templateId":null,"description":null,"modifiedDateTime":null,
		"sessionControls":{"applicationEnforcedRestrictions":{"@odata.type":"#microsoft.graph.applicationEnforcedRestrictionsSessionControl","isEnabled":false},
			"disableResilienceDefaults":false,"cloudAppSecurity":null,"signInFrequency":null,"persistentBrowser":null,"secureSignInSession":null},
		"conditions":{"userRiskLevels":[],"signInRiskLevels":[],"servicePrincipalRiskLevels":[],"clientAppTypes":["browser"],"insiderRiskLevels":null,
			"platforms":{"includePlatforms":["windows"],"excludePlatforms":[]},"locations":null,"devices":null,"clientApplications":null,"authenticationFlows":null,
			"applications":{"includeApplications":["All"],"excludeApplications":[],"includeUserActions":[],"includeAuthenticationContextClassReferences":[],"applicationFilter":null},
			"users":{"includeUsers":["All"],"excludeUsers":[],"includeGroups":[],"excludeGroups":["` + staff + `"],"includeRoles":[],"excludeRoles":[],
				"includeGuestsOrExternalUsers":null,"excludeGuestsOrExternalUsers":null}},
		"grantControls":{"operator":"OR","builtInControls":["compliantApplication","compliantDevice"],"customAuthenticationFactors":[],"termsOfUse":[],"authenticationStrength":null}}`)
	one := accessPath + "/" + a.text("id")
	w.send("PATCH", one, `{"state":"enabledForReportingButNotEnforced"}`).want(204)
	w.get("/beta/identity/conditionalAccess/policies/" + a.text("id")).want(200).has(`{"state":"enabledForReportingButNotEnforced","displayName":"Require app protection"}`)
	w.send("PATCH", one, a.raw).want(204) // the whole object, read-only properties and all
	w.get(one).has(`{"state":"enabled"}`)
	w.send("PATCH", one, `{"state":null}`).refused(400, "state")
	w.send("PATCH", one, `{"conditions":{"users":{"includeUsers":["All"]}}}`).refused(400, "applications") // replaced as sent, never merged
	w.send("PATCH", one, `{"grantControls":null}`).refused(400, "builtInControls")
	if got := w.get(accessPath + "?$filter=state%20eq%20'enabled'").want(200).values(); len(got) != 1 {
		t.Errorf("by state: %v", got)
	}
	w.send("DELETE", "/v1.0/groups/"+staff, "").want(204)
	w.send("PATCH", one, `{"displayName":"still changeable although its group is gone"}`).want(204)
	w.send("DELETE", one, "").want(204)
	w.get(one).refused(404)
}

func TestNothingOfAConditionalAccessPolicyIsIgnored(t *testing.T) {
	w := newWorld(t)
	condition := func(c string) string {
		return `{"displayName":"p","state":"enabled","conditions":{"users":{"includeUsers":["All"]},"applications":{"includeApplications":["All"]},
			"clientAppTypes":["all"],` + c + `},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}`
	}
	users := func(u string) string {
		return strings.Replace(accessPolicy(""), `"includeUsers":["All"]`, `"includeUsers":["All"],`+u, 1)
	}
	apps := func(a string) string {
		return strings.Replace(accessPolicy(""), `"includeApplications":["All"]`, a, 1)
	}
	grant := func(g string) string { return strings.Replace(accessPolicy(""), `"builtInControls":["mfa"]`, g, 1) }
	session := func(c string) string { return accessPolicy(`,"sessionControls":{` + c + `}`) }
	for body, word := range map[string]string{
		condition(`"locations":{"includeLocations":["All"],"excludeLocations":["3d46dbda-8382-466a-856d-eb00cbc6b910"]}`): "conditions.locations.excludeLocations",
		condition(`"locations":{"excludeLocations":["AllTrusted"]}`):                                                      "conditions.locations includes nothing",
		condition(`"signInRiskLevels":["extreme"]`):                                                                       "signInRiskLevels",
		condition(`"userRiskLevels":["minor"]`):                                                                           "userRiskLevels",
		condition(`"servicePrincipalRiskLevels":["high"]`):                                                                "conditions.servicePrincipalRiskLevels",
		condition(`"insiderRiskLevels":"high"`):                                                                           "insiderRiskLevels",
		condition(`"insiderRiskLevels":"unknownFutureValue"`):                                                             "conditions.insiderRiskLevels",
		condition(`"devices":{"deviceFilter":{"mode":"exclude","rule":"device.isCompliant -is True"}}`):                   "conditions.devices.deviceFilter",
		condition(`"devices":{"deviceFilter":{"rule":"device.isCompliant -eq True"}}`):                                    "conditions.devices.deviceFilter.mode",
		condition(`"devices":{"includeDevices":["All"]}`):                                                                 "conditions.devices.includeDevices",
		condition(`"clientApplications":{"includeServicePrincipals":["ServicePrincipalsInMyTenant"]}`):                    "conditions.users includes people",
		condition(`"clientApplications":{"servicePrincipalFilter":{"mode":"include","rule":"x"}}`):                        "clientApplications.servicePrincipalFilter",
		condition(`"authenticationFlows":{"transferMethods":"pigeon"}`):                                                   "transferMethods",
		condition(`"times":{"all":true}`):                                                                                 "conditions.times is set; no sign-in is judged by the time of day",
		condition(`"deviceStates":{"includeStates":["All"]}`):                                                             "conditions.deviceStates",
		condition(`"agentIdRiskLevels":"high"`):                                                                           "conditions.agentIdRiskLevels",
		condition(`"somethingNew":{"mode":1}`):                                                                            "conditions.somethingNew",
		condition(`"platforms":{"includePlatforms":["amiga"]}`):                                                           "amiga",
		users(`"includeRoles":["Global Administrator"]`):                                                                  "conditions.users.includeRoles",
		users(`"excludeUsers":["All"]`):                                                                                   "conditions.users.excludeUsers",
		users(`"includeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"none","externalTenants":null}`):                "guestOrExternalUserTypes is none",
		users(`"includeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"internalGuest"}`):                              "All, who are among them",
		users(`"excludeGroups":["<ExclusionTempGroup>"]`):                                                                 "<ExclusionTempGroup>",
		users(`"excludeUsers":["5f5d41a5-5f10-4c0c-8da8-1f5b2eb983e5"]`):                                                  "5f5d41a5-5f10-4c0c-8da8-1f5b2eb983e5",
		apps(`"includeUserActions":["urn:user:makecoffee"]`):                                                              "conditions.applications.includeUserActions",
		apps(`"includeAuthenticationContextClassReferences":["c1"]`):                                                      `there is no authentication context "c1"`,
		apps(`"includeApplications":["All"],"applicationFilter":{"mode":"include","rule":"x"}`):                           "conditions.applications.applicationFilter",
		apps(`"includeApplications":["Office366"]`):                                                                       `conditions.applications.includeApplications: there is no application or tag of one "Office366"`,
		apps(`"includeApplications":["All"],"networkAccess":{"includeTrafficProfiles":"m365"}`):                           "networkAccess is set; there is no network of Global Secure Access",
		apps(`"includeApplications":["797f4846-ba00-4fd7-ba43-dac1f8f63013"]`):                                            "797f4846-ba00-4fd7-ba43-dac1f8f63013",
		grant(`"builtInControls":["riskRemediation"]`):                                                                    "riskRemediation",
		grant(`"builtInControls":["mfa"],"termsOfUse":["t"]`):                                                             "grantControls.termsOfUse",
		grant(`"builtInControls":["mfa"],"customAuthenticationFactors":["c"]`):                                            "grantControls.customAuthenticationFactors",
		grant(`"builtInControls":[],"authenticationStrength":{"id":"00000000-0000-0000-0000-000000000009"}`):              "grantControls.authenticationStrength",
		grant(`"builtInControls":["mfa"],"authenticationStrength":{"displayName":"x"}`):                                   "grantControls.authenticationStrength has no id",
		grant(`"builtInControls":["mfa"],"authenticationStrength":{"id":"00000000-0000-0000-0000-000000000004"}`):         "mfa next to an authenticationStrength",
		session(`"signInFrequency":{"isEnabled":true,"type":"hours","value":24}`):                                         "sessionControls.signInFrequency.value is 24",
		session(`"signInFrequency":{"isEnabled":true,"value":4}`):                                                         "sessionControls.signInFrequency.type is missing",
		session(`"signInFrequency":{"isEnabled":true,"type":"days","value":99999}`):                                       "sessionControls.signInFrequency.value is 99999",
		session(`"signInFrequency":{"isEnabled":true,"frequencyInterval":"everyTime","type":"days","value":9}`):           "everyTime",
		session(`"persistentBrowser":{"isEnabled":true}`):                                                                 "sessionControls.persistentBrowser.mode is missing; valid are always, never",
		session(`"cloudAppSecurity":{"isEnabled":true,"cloudAppSecurityType":null}`):                                      "sessionControls.cloudAppSecurity.cloudAppSecurityType is missing",
		session(`"networkAccessSecurity":{"isEnabled":true,"policyId":"x"}`):                                              "sessionControls.networkAccessSecurity is set",
		accessPolicy(`,"somethingNew":1`):                                                                                 "somethingNew",
		strings.Replace(accessPolicy(""), "enabled", "partiallyEnabled", 1):                                               "partiallyEnabled",
		strings.Replace(accessPolicy(""), `"state":"enabled",`, "", 1):                                                    "state",
		strings.Replace(accessPolicy(""), `"clientAppTypes":["all"]`, `"clientAppTypes":["easSupported"]`, 1):             "easSupported",
	} {
		w.send("POST", accessPath, body).refused(400, word)
	}
	w.send("POST", accessPath, condition(`"signInRiskLevels":["unknownFutureValue"],"userRiskLevels":["hidden","generic"]`)).refused(400, "userRiskLevels")
	if got := w.get(accessPath).values(); len(got) != 0 {
		t.Errorf("a refused policy was stored: %v", got)
	}
}

const connectors = "/beta/deviceManagement/mobileThreatDefenseConnectors"

func TestTheThreatConnectorIsSwitchedOnAndOff(t *testing.T) {
	w := newWorld(t)
	wsc := string(directory.WindowsSecurityCenter)
	a := w.send("POST", connectors, `{"partnerState":"enabled","lastHeartbeatDateTime":"2026-01-02T03:04:05Z","windowsEnabled":true,"androidEnabled":true,
		"windowsMobileApplicationManagementEnabled":true}`).want(201)
	a.has(`{"id":"` + wsc + `","partnerState":"unavailable","lastHeartbeatDateTime":"0001-01-01T00:00:00Z","windowsMobileApplicationManagementEnabled":true,
		"windowsDeviceBlockedOnMissingPartnerData":false,"partnerUnresponsivenessThresholdInDays":7,"androidEnabled":false}`)
	one := connectors + "/" + wsc
	w.send("PATCH", one, `{"windowsDeviceBlockedOnMissingPartnerData":true,"partnerUnresponsivenessThresholdInDays":3}`).want(200).
		has(`{"windowsDeviceBlockedOnMissingPartnerData":true,"partnerUnresponsivenessThresholdInDays":3,"windowsMobileApplicationManagementEnabled":true}`)
	w.send("PATCH", one, `{"partnerUnresponsivenessThresholdInDays":91}`).refused(400, "partnerUnresponsivenessThresholdInDays", "91", "90")
	w.send("POST", connectors, `{}`).refused(409)
	w.send("POST", connectors, `{"id":"9e3db48b-cecd-4fd1-aacf-451e00000000"}`).refused(400, "9e3db48b", "application")
	other := w.send("POST", "/v1.0/applications", `{"displayName":"Another partner"}`).want(201).text("appId")
	w.send("POST", connectors, `{"id":"`+other+`","windowsMobileApplicationManagementEnabled":true}`).refused(400, "only one partner")
	w.send("POST", connectors, `{"id":"`+other+`"}`).want(201)
	if got := w.get("/v1.0/deviceManagement/mobileThreatDefenseConnectors").want(200); strings.Contains(got.raw, "windowsMobileApplicationManagementEnabled") {
		t.Errorf("a beta property on v1.0: %s", got.raw)
	}
	w.send("DELETE", one, "").want(204)
}

func registration(w *world, id, user string) mam.Registration {
	r := mam.Registration{DeviceName: "PC", DeviceModel: "Surface"}
	r.Standing = compliance.Standing{Registration: directory.RegistrationID(id), Platform: "windows", AppVersion: "131.0", SDKVersion: "1.0", OSVersion: "10.0.22631.1",
		EnrolledAt: now, LastSyncAt: now, WipePending: true, Revision: 3}
	r.Installation = directory.Installation{Tenant: w.boot.Tenant, User: directory.UserID(user), App: "com.microsoft.edge", Device: "pc1"}
	r.Verdict = compliance.Verdict{State: compliance.Noncompliant, Reasons: []compliance.Reason{{Code: "wipePending", Text: "a wipe is pending"}}}
	return r
}

func TestRegistrationsAndTheirOperationsAreSeen(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	w.apps.all = []mam.Registration{registration(w, "r1", ada), registration(w, "r2", "bob"), registration(w, "r3", ada)}
	w.apps.ops = []mam.Operation{{ID: "op1", DisplayName: "selective wipe", State: mam.Pending, RequestedAt: now, ModifiedAt: now, Revision: 1}}
	const all = "/v1.0/deviceAppManagement/managedAppRegistrations"
	var ids []any
	for next := all + "?$top=2&$count=true"; next != ""; {
		a := w.get(next).want(200)
		if a.body["@odata.count"] != 3.0 {
			t.Errorf("count: %s", a.raw)
		}
		for _, v := range a.values() {
			ids = append(ids, v["id"])
		}
		link, _ := a.body["@odata.nextLink"].(string)
		next = strings.TrimPrefix(link, base)
	}
	if len(ids) != 3 {
		t.Errorf("pages hold %v", ids)
	}
	if a := w.get(all + "/$count").want(200); a.raw != "3" {
		t.Errorf("$count %s", a.raw)
	}
	for _, path := range []string{all + "?$filter=userId%20eq%20%27" + ada + "%27&$expand=operations", "/beta/users/" + ada + "/managedAppRegistrations"} {
		if got := w.get(path).want(200).values(); len(got) != 2 || got[0]["userId"] != ada || got[0]["@odata.type"] != "#microsoft.graph.windowsManagedAppRegistration" {
			t.Errorf("%s: %v", path, got)
		}
	}
	if raw := w.get("/beta/deviceAppManagement/managedAppRegistrations/r1").want(200).raw; !strings.Contains(raw, `"controls":null`) {
		t.Errorf("an app that never said how far it enforces its policy: %s", raw)
	}
	w.get("/beta/deviceAppManagement/managedAppRegistrations/r1").want(200).has(`{"azureADDeviceId":"pc1","managedDeviceId":null}`)
	w.get(all + "/r1").want(200).has(`{"deviceTag":"pc1","applicationVersion":"131.0","deviceType":"Windows","flaggedReasons":[],
		"appIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"com.microsoft.edge"},"version":"\"3\""}`)
	w.get(all + "/none").refused(404)
	w.get(all+"?$filter=colour%20eq%20'PC'").refused(400, "colour")
	w.get(all+"?$expand=colour").refused(400, "colour", "operations")
	if got := w.get(all + "/r1/operations").want(200).values(); len(got) != 1 || got[0]["state"] != "pending" {
		t.Errorf("operations: %v", got)
	}
	w.get(all + "/r1/operations/op1").want(200).has(`{"displayName":"selective wipe","state":"pending"}`)
	w.get(all + "/r1/operations/op2").refused(404)
}
