package graph_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
)

// full is a policy that has every property, in spellings that clients have been
// seen to send.
const full = `{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","displayName":"Everything","state":"enabled","templateId":"c7503427-338e-4c5e-902d-abe252abfb43",
	"conditions":{"clientAppTypes":["Browser","mobileAppsAndDesktopClients"],"signInRiskLevels":["high","Medium"],"userRiskLevels":["none"],
		"servicePrincipalRiskLevels":[],"insiderRiskLevels":"elevated,minor","clients":null,"times":null,"deviceStates":null,"agentIdRiskLevels":null,
		"users":{"includeUsers":["ADA","guestsOrExternalUsers"],"excludeUsers":["GuestsOrExternalUsers"],"includeGroups":["STAFF"],"excludeGroups":[],
			"includeRoles":["62e90394-69f5-4237-9190-012177145e10"],"excludeRoles":[],
			"includeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"serviceProvider,internalGuest","externalTenants":
				{"@odata.type":"#microsoft.graph.conditionalAccessEnumeratedExternalTenants","membershipKind":"enumerated","members":["0f6e3c40-1111-4222-8333-444455556666"]}},
			"excludeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"b2bCollaborationMember","externalTenants":
				{"@odata.type":"#microsoft.graph.conditionalAccessAllExternalTenants","membershipKind":"all"}}},
		"applications":{"includeApplications":["APP","office365"],"excludeApplications":["payroll"],"includeUserActions":[],
			"applicationFilter":{"mode":"exclude","rule":"CustomSecurityAttribute.Level_Secret -eq \"yes\""}},
		"platforms":{"includePlatforms":["all"],"excludePlatforms":["Linux"]},
		"locations":{"includeLocations":["OFFICE","AllTrusted"],"excludeLocations":[]},
		"devices":{"deviceFilter":{"mode":"Exclude","rule":"device.isCompliant -eq True"}},
		"authenticationFlows":{"transferMethods":"authenticationTransfer,deviceCodeFlow"}},
	"grantControls":{"operator":"or","builtInControls":["compliantDevice","DomainJoinedDevice"],"termsOfUse":[],"customAuthenticationFactors":[],
		"authenticationStrength@odata.bind":"https://graph.microsoft.com/v1.0/policies/authenticationStrengthPolicies/00000000-0000-0000-0000-000000000004"},
	"sessionControls":{"disableResilienceDefaults":true,"applicationEnforcedRestrictions":{"isEnabled":true},"secureSignInSession":{"isEnabled":true},
		"cloudAppSecurity":{"isEnabled":true,"cloudAppSecurityType":"BlockDownloads"},"persistentBrowser":{"isEnabled":false,"mode":null},
		"continuousAccessEvaluation":{"mode":"strictLocation"},"globalSecureAccessFilteringProfile":null,
		"signInFrequency":{"isEnabled":true,"type":"days","value":3,"authenticationType":"secondaryAuthentication"}}}`

// furnish puts what is there into a policy of which the references stand in capitals.
func (w *world) furnish(body string) (string, directory.AppID) {
	w.Helper()
	app, err := w.admin.Apps().Save(w.Context(), directory.App{
		Tenant: w.boot.Tenant, DisplayName: "Payroll", Tags: []string{"payroll"},
	})
	if err != nil {
		w.Fatal(err)
	}
	office, err := w.admin.NamedLocations().Save(w.Context(), location.Location{Tenant: w.boot.Tenant, DisplayName: "Office", Countries: []string{"AT"}})
	if err != nil {
		w.Fatal(err)
	}
	return strings.NewReplacer("ADA", w.user("ada"), "STAFF", w.group("staff"), "APP", string(app.ID), "OFFICE", string(office.ID)).Replace(body), app.ID
}

func TestAPolicyWithEveryPropertyComesBackAsItWasMeant(t *testing.T) {
	w := newWorld(t)
	body, app := w.furnish(full)
	a := w.send("POST", accessPath, body).want(201)
	on, _ := a.body["conditions"].(map[string]any)
	users, _ := on["users"].(map[string]any)
	ada := users["includeUsers"].([]any)[0].(string)
	answer{world: w, body: on, what: "conditions"}.has(`{"clientAppTypes":["browser","mobileAppsAndDesktopClients"],"signInRiskLevels":["high","medium"],
		"userRiskLevels":["none"],"servicePrincipalRiskLevels":[],"insiderRiskLevels":"minor,elevated","clientApplications":null,
		"platforms":{"includePlatforms":["all"],"excludePlatforms":["linux"]},
		"devices":{"deviceFilter":{"mode":"exclude","rule":"device.isCompliant -eq True"}},
		"authenticationFlows":{"transferMethods":"deviceCodeFlow,authenticationTransfer"}}`)
	answer{world: w, body: users, what: "users"}.has(`{"includeUsers":["` + ada + `","GuestsOrExternalUsers"],"excludeUsers":["GuestsOrExternalUsers"],
		"includeRoles":["62e90394-69f5-4237-9190-012177145e10"],"excludeRoles":[],
		"includeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"internalGuest,serviceProvider","externalTenants":
			{"@odata.type":"#microsoft.graph.conditionalAccessEnumeratedExternalTenants","membershipKind":"enumerated","members":["0f6e3c40-1111-4222-8333-444455556666"]}},
		"excludeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"b2bCollaborationMember","externalTenants":
			{"@odata.type":"#microsoft.graph.conditionalAccessAllExternalTenants","membershipKind":"all"}}}`)
	apps, _ := on["applications"].(map[string]any)
	answer{world: w, body: apps, what: "applications"}.has(`{"includeApplications":["` + string(app) + `","Office365"],"excludeApplications":["payroll"],
		"applicationFilter":{"mode":"exclude","rule":"CustomSecurityAttribute.Level_Secret -eq \"yes\""}}`)
	a.has(`{"templateId":"c7503427-338e-4c5e-902d-abe252abfb43","sessionControls":{"disableResilienceDefaults":true,
		"applicationEnforcedRestrictions":{"@odata.type":"#microsoft.graph.applicationEnforcedRestrictionsSessionControl","isEnabled":true},
		"secureSignInSession":{"@odata.type":"#microsoft.graph.secureSignInSessionControl","isEnabled":true},
		"cloudAppSecurity":{"@odata.type":"#microsoft.graph.cloudAppSecuritySessionControl","isEnabled":true,"cloudAppSecurityType":"blockDownloads"},
		"persistentBrowser":{"@odata.type":"#microsoft.graph.persistentBrowserSessionControl","isEnabled":false,"mode":null},
		"signInFrequency":{"@odata.type":"#microsoft.graph.signInFrequencySessionControl","isEnabled":true,"type":"days","value":3,
			"authenticationType":"secondaryAuthentication","frequencyInterval":"timeBased"}}}`)
	strength, _ := a.body["grantControls"].(map[string]any)["authenticationStrength"].(map[string]any)
	if strength["displayName"] != "Phishing-resistant MFA" || strength["policyType"] != "builtIn" {
		t.Errorf("authenticationStrength is %v", strength)
	}

	one := accessPath + "/" + a.text("id")
	w.send("PATCH", one, a.raw).want(204) // what was read says the same
	before, after := a.body, w.get(one).want(200).body
	delete(before, "modifiedDateTime")
	answer{world: w, body: after, what: "after it was sent back"}.has(encoded(t, before))
	beta := "/beta/identity/conditionalAccess/policies/" + a.text("id")
	b := w.get(beta).want(200)
	answer{world: w, body: b.body["sessionControls"].(map[string]any), what: "beta"}.
		has(`{"continuousAccessEvaluation":{"mode":"strictLocation"},"globalSecureAccessFilteringProfile":null}`)
	answer{world: w, body: b.body["conditions"].(map[string]any), what: "beta"}.has(`{"agentIdRiskLevels":null,"deviceStates":null,"devices":
		{"includeDevices":[],"excludeDevices":[],"includeDeviceStates":[],"excludeDeviceStates":[],"deviceFilter":{"mode":"exclude","rule":"device.isCompliant -eq True"}}}`)
	w.send("PATCH", beta, b.raw).want(204)
	w.get(one).has(encoded(t, before)) // the template included, which beta does not show
}

func TestAControlThatIsOffIsKeptAndOneThatIsNotThereIsNull(t *testing.T) {
	w := newWorld(t)
	off := w.send("POST", accessPath, accessPolicy(`,"sessionControls":{"signInFrequency":{"isEnabled":false,"value":null,"type":null},
		"cloudAppSecurity":{"isEnabled":false,"cloudAppSecurityType":"monitorOnly"},"secureSignInSession":null}`)).want(201)
	off = off.has(`{"sessionControls":{"applicationEnforcedRestrictions":null,"secureSignInSession":null,"disableResilienceDefaults":null,"persistentBrowser":null,
		"cloudAppSecurity":{"@odata.type":"#microsoft.graph.cloudAppSecuritySessionControl","isEnabled":false,"cloudAppSecurityType":"monitorOnly"},
		"signInFrequency":{"@odata.type":"#microsoft.graph.signInFrequencySessionControl","isEnabled":false,"value":null,"type":null,
			"authenticationType":"primaryAndSecondaryAuthentication","frequencyInterval":"timeBased"}}}`)
	one := accessPath + "/" + off.text("id")
	w.send("PATCH", one, `{"sessionControls":{"signInFrequency":null,"persistentBrowser":null,"disableResilienceDefaults":null}}`).want(204)
	w.get(one).has(`{"sessionControls":null}`)
	w.send("PATCH", one, `{"grantControls":null}`).refused(400, "grantControls demands nothing")
	w.send("PATCH", one, `{"grantControls":null,"sessionControls":{"secureSignInSession":{"isEnabled":false}}}`).refused(400, "grantControls demands nothing")
	w.send("PATCH", one, `{"grantControls":null,"sessionControls":{"signInFrequency":{"isEnabled":true,"frequencyInterval":"everyTime","value":null}}}`).want(204)
	w.get(one).has(`{"grantControls":null}`)
	w.send("PATCH", one, `{"grantControls":{"operator":"OR","builtInControls":[]}}`).want(204) // an object without demands is no null
	w.get(one).has(`{"grantControls":{"operator":"OR","builtInControls":[],"customAuthenticationFactors":[],"termsOfUse":[],"authenticationStrength":null}}`)
}

// Scripts write what they have none of as an empty list or an empty object.
func TestWhatSaysNothingIsNotConfigured(t *testing.T) {
	w := newWorld(t)
	a := w.send("POST", accessPath, `{"displayName":"p","state":"EnabledForReportingButNotEnforced","conditions":{"users":{"includeUsers":["All"],"includeGuestsOrExternalUsers":[]},
		"applications":{"includeApplications":["All"]},"clientAppTypes":[],"locations":[],"devices":[],"platforms":{"includePlatforms":[]},
		"clientApplications":{"includeServicePrincipals":[],"servicePrincipalFilter":null},"authenticationFlows":{"transferMethods":"none"}},
		"GrantControls":{},"sessionControls":[],"grantControls":{"operator":"OR","builtInControls":["block"],"authenticationStrength@odata.context":"x",
		"authenticationStrength":null},"@odata.context":"x","createdDateTime":null}`).want(201)
	a.has(`{"sessionControls":null,"state":"enabledForReportingButNotEnforced"}`)
	answer{world: w, body: a.body["conditions"].(map[string]any), what: "conditions"}.has(`{"clientAppTypes":["all"],"locations":null,"devices":null,"platforms":null,
		"clientApplications":null,"authenticationFlows":null}`)
}

func TestAPolicyForWorkloadsNamesServicePrincipals(t *testing.T) {
	w := newWorld(t)
	app := w.send("POST", "/v1.0/applications", `{"displayName":"A script"}`).want(201)
	workloads := func(ids string) string {
		return `{"displayName":"w","state":"enabled","conditions":{"clientAppTypes":["all"],"users":{"includeUsers":["None"]},
			"applications":{"includeApplications":["All"]},"clientApplications":{"includeServicePrincipals":["` + ids + `"],"excludeServicePrincipals":[]}},
			"grantControls":{"operator":"OR","builtInControls":["block"]}}`
	}
	for ids, want := range map[string]string{app.text("id"): app.text("id"), app.text("appId"): app.text("id"), "serviceprincipalsinmytenant": "ServicePrincipalsInMyTenant"} {
		a := w.send("POST", accessPath, workloads(ids)).want(201)
		answer{world: w, body: a.body["conditions"].(map[string]any), what: ids}.
			has(`{"clientApplications":{"includeServicePrincipals":["` + want + `"],"excludeServicePrincipals":[],"servicePrincipalFilter":null}}`)
	}
	w.send("POST", accessPath, workloads("797f4846-ba00-4fd7-ba43-dac1f8f63013")).refused(400, "includeServicePrincipals", "797f4846")
}

func TestARetiredControlIsTakenWithAWarning(t *testing.T) {
	w := newWorld(t)
	for control, warns := range map[string]bool{"approvedApplication": true, "compliantApplication": false} {
		report := strings.NewReplacer(`"mfa"`, `"`+control+`"`, `"enabled"`, `"enabledForReportingButNotEnforced"`)
		a := w.send("POST", accessPath, report.Replace(accessPolicy(""))).want(201)
		if got := a.header.Get("Warning"); strings.HasPrefix(got, `299 postern "`) != warns {
			t.Errorf("%s: Warning is %q", control, got)
		}
	}
}

func TestWhatAPolicyNamedMayGoWithoutFreezingIt(t *testing.T) {
	w := newWorld(t)
	body, app := w.furnish(full)
	a := w.send("POST", accessPath, body).want(201)
	one := accessPath + "/" + a.text("id")
	w.send("DELETE", "/v1.0/applications(appId='"+string(app)+"')", "").want(204)
	w.send("PATCH", one, a.raw).want(204) // the app, and the tag that it alone carried
	w.send("POST", accessPath, strings.Replace(body, "Everything", "Another", 1)).refused(400, string(app), `tag of one "payroll"`)
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

func TestAPolicyMadeFromATemplateRemembersIt(t *testing.T) {
	w := newWorld(t)
	const path = "/v1.0/identity/conditionalAccess/templates"
	all := w.get(path).want(200).values()
	if len(all) < 8 || !strings.Contains(all[0]["name"].(string), "Windows") {
		t.Fatalf("templates: %v", all)
	}
	for _, v := range all {
		id := v["id"].(string)
		one := w.get(path + "/" + id).want(200)
		body := one.body["details"].(map[string]any)
		body["displayName"], body["state"], body["templateId"] = v["name"], "disabled", id
		w.send("POST", accessPath, encoded(t, body)).want(201).has(`{"templateId":"` + id + `","conditions":` + encoded(t, body["conditions"]) + `}`)
	}
	w.get(path + "/none").refused(404)
}
