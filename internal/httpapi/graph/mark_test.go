package graph_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/directory"
)

// The person's kind, as Graph and policies tell guests apart.
func TestGuestsAreToldApart(t *testing.T) {
	w := newWorld(t)
	one := "/v1.0/users/" + w.user("ada")
	for _, step := range []struct{ body, kind, external, home string }{
		{`{"userType":"Guest"}`, "Guest", "internalGuest", "null"},
		{`{"userType":"Member"}`, "Member", "none", "null"},
		{`{"postern":{"externalUserType":"b2bCollaborationGuest","homeTenantId":"fabrikam"}}`, "Guest", "b2bCollaborationGuest", `"fabrikam"`},
		{`{"userType":"Member"}`, "Member", "b2bCollaborationMember", `"fabrikam"`}, // external still
		{`{"displayName":"Ada"}`, "Member", "b2bCollaborationMember", `"fabrikam"`},
		{`{"userType":"Guest"}`, "Guest", "b2bCollaborationGuest", `"fabrikam"`},
		{`{"postern":{"externalUserType":"serviceProvider"}}`, "Guest", "serviceProvider", `"fabrikam"`},
		{`{"postern":{"externalUserType":"none","homeTenantId":null}}`, "Member", "none", "null"},
	} {
		w.send("PATCH", one, step.body).want(204)
		w.get(one).has(`{"userType":"` + step.kind + `","postern":{"roles":[],"externalUserType":"` + step.external + `","homeTenantId":` + step.home + `}}`)
	}
	w.send("PATCH", one, `{"userType":"Visitor"}`).refused(400, "userType", "Visitor", "Guest")
	w.send("PATCH", one, `{"postern":{"externalUserType":"alien"}}`).refused(400, "externalUserType", "alien", "internalGuest")
	w.send("PATCH", one, `{"postern":{"homeTenantId":"fabrikam"}}`).refused(400, "homeTenantId", "externalUserType")
	if got := w.get("/v1.0/users?$filter=userType%20eq%20'Guest'").want(200).values(); len(got) != 0 {
		t.Errorf("a refused change was saved: %v", got)
	}
}

// Roles that give nothing here are still what policies may be about.
func TestRolesThatPoliciesAreAboutAreGivenByWhoWritesPolicies(t *testing.T) {
	w := newWorld(t)
	one := "/v1.0/users/" + w.user("ada")
	w.send("PATCH", one, `{"postern":{"roles":["Security Reader","e8611ab8-c189-46e8-94e1-60213ab1f814"]}}`).want(204)
	w.get(one).has(`{"postern":{"roles":["Security Reader","Privileged Role Administrator"],"externalUserType":"none","homeTenantId":null}}`)
	w.who.Permissions = []string{directory.UserWrite}
	w.send("PATCH", one, `{"postern":{"roles":["Security Reader"]}}`).refused(403, directory.AccessWrite)
	w.send("PATCH", one, `{"postern":{"roles":["Privileged Role Administrator","Security Reader"]},"displayName":"A"}`).want(204) // the same two
	w.who.Permissions = []string{directory.UserWrite, directory.AccessWrite}
	w.send("PATCH", one, `{"postern":{"roles":["Security Reader"]}}`).want(204)
	w.send("PATCH", one, `{"postern":{"roles":["Global Administrator"]}}`).refused(403)
}

// Who may manage people but not everything cannot make a guest of somebody who
// may do more.
func TestTheKindOfSomebodyWithMorePowerStays(t *testing.T) {
	w := newWorld(t)
	w.who.Permissions = []string{directory.UserWrite}
	w.send("PATCH", "/v1.0/users/"+w.boot.AdminUserPrincipalName, `{"userType":"Guest"}`).refused(403)
}

func TestPeopleAtRisk(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	const risky = "/v1.0/identityProtection/riskyUsers"
	ids := `{"userIds":["` + ada + `","` + bob + `"]}`
	w.get(risky + "/" + ada).refused(404)
	w.send("POST", risky+"/confirmCompromised", `{"userIds":["`+ada+`"]}`).want(204)
	w.get(risky + "/" + ada).want(200).has(`{"riskLevel":"high","riskState":"confirmedCompromised","riskDetail":"adminConfirmedUserCompromised","userDisplayName":"ada",
		"riskLastUpdatedDateTime":"` + stamp(now) + `"}`)
	if got := w.get(risky + "?$filter=riskLevel%20eq%20'high'").want(200).values(); len(got) != 1 || got[0]["id"] != ada {
		t.Errorf("at risk: %v", got)
	}
	w.send("POST", risky+"/dismiss", ids).want(204) // of bob nothing was said
	w.get(risky + "/" + ada).want(200).has(`{"riskLevel":"none","riskState":"dismissed","riskDetail":"adminDismissedAllRiskForUser"}`)
	w.get(risky + "/" + bob).refused(404)
	w.send("POST", risky+"/confirmCompromised", ids).want(204)
	w.send("POST", risky+"/confirmSafe", ids).want(204)
	w.get(risky + "/" + bob).want(200).has(`{"riskLevel":"none","riskState":"confirmedSafe"}`)
	if got := w.get("/v1.0/auditLogs/directoryAudits?$filter=activityDisplayName%20eq%20'Confirm%20user%20compromised'").want(200).values(); len(got) != 3 {
		t.Errorf("the record holds %d of 3", len(got))
	}

	w.send("POST", risky+"/confirmCompromised", `{"userIds":["`+ada+`","nobody"]}`).refused(404, "nobody")
	w.get(risky + "/" + ada).want(200).has(`{"riskLevel":"none"}`) // nothing was half done
	w.send("POST", risky+"/dismiss", `{"userIds":[]}`).refused(400, "userIds", "60")
	w.send("POST", risky+"/dismiss", `{"userIds":"ada"}`).refused(400, "userIds")
	w.send("DELETE", risky+"/"+ada, "").refused(405)
	w.who.Permissions = []string{directory.RiskRead}
	w.get(risky).want(200)
	w.send("POST", risky+"/dismiss", ids).refused(403, directory.RiskWrite)
	w.who.Permissions = []string{directory.UserWrite}
	w.get(risky).refused(403, directory.RiskRead)
}

// What an account was found to be is what policies hold against it.
func TestWhoIsConfirmedCompromisedMeetsPoliciesForRisk(t *testing.T) {
	w := newWorld(t)
	ada, site := w.user("ada"), w.app("site")
	w.send("POST", "/v1.0/identity/conditionalAccess/policies", `{"displayName":"risk","state":"enabled","grantControls":{"operator":"OR","builtInControls":["block"]},
		"conditions":{"clientAppTypes":["all"],"users":{"includeUsers":["All"]},"applications":{"includeApplications":["All"]},"userRiskLevels":["high"]}}`).want(201)
	ask := `{"signInIdentity":{"@odata.type":"#microsoft.graph.userSignIn","userId":"` + ada + `"},
		"signInContext":{"@odata.type":"#microsoft.graph.applicationContext","includeApplications":["` + site + `"]},"appliedPoliciesOnly":true}`
	for action, want := range map[string]int{"dismiss": 0, "confirmCompromised": 1} {
		w.send("POST", "/v1.0/identityProtection/riskyUsers/"+action, `{"userIds":["`+ada+`"]}`).want(204)
		if got := w.send("POST", "/v1.0/identity/conditionalAccess/evaluate", ask).want(200).values(); len(got) != want {
			t.Errorf("%s: %d policies apply", action, len(got))
		}
	}
}

func TestAppsAreMarkedForPolicies(t *testing.T) {
	w := newWorld(t)
	other := w.app("other")
	made := w.send("POST", "/v1.0/applications", `{"displayName":"site","tags":["Finance"],"postern":{"earlyBoundResources":["`+other+`"]}}`).want(201)
	app, sp := "/v1.0/applications/"+made.text("id"), "/v1.0/servicePrincipals(appId='"+made.text("appId")+"')"
	made.has(`{"tags":["Finance"],"postern":{"builtIn":false,"permissions":[],"earlyBoundResources":["` + other + `"]}}`)
	w.get(sp).want(200).has(`{"tags":["Finance"],"customSecurityAttributes":null}`)
	w.send("PATCH", sp, `{"tags":["Finance","Internal"],"customSecurityAttributes":{"Engineering":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue",
		"Project@odata.type":"#Collection(String)","Project":["Baker","Cascade"],"Level":"high"},"Sales":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue","Region":"EU"}}}`).want(204)
	w.get(sp).want(200).has(`{"tags":["Finance","Internal"],"customSecurityAttributes":{
		"Engineering":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Project@odata.type":"#Collection(String)","Project":["Baker","Cascade"],"Level":"high"},
		"Sales":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Region":"EU"}}}`)
	w.send("PATCH", sp, `{"customSecurityAttributes":{"Engineering":{"Project":null},"Sales":null}}`).want(204)
	w.get(sp).want(200).has(`{"customSecurityAttributes":{"Engineering":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Level":"high"}}}`)

	w.send("PATCH", sp, `{"customSecurityAttributes":{"A b":{"C":"d"}}}`).refused(400, "A b.C", "letters and digits")
	w.send("PATCH", sp, `{"customSecurityAttributes":{"A":{"C":7}}}`).refused(400, "customSecurityAttributes.A.C")
	w.send("PATCH", sp, `{"customSecurityAttributes":{"A":{"C":["x\ny"]}}}`).refused(400, "customSecurityAttributes.A.C", "line")
	w.send("PATCH", sp, `{"notes":"x"}`).refused(400, "notes", "application")
	w.send("PATCH", app, `{"tags":[""]}`).refused(400, "tags")
	w.send("PATCH", app, `{"postern":{"earlyBoundResources":["nowhere"]}}`).refused(400, "earlyBoundResources", "nowhere")
	w.send("PATCH", app, `{"postern":{"earlyBoundResources":[]},"tags":[]}`).want(204)
	w.get(app).want(200).has(`{"tags":[],"postern":{"builtIn":false,"permissions":[],"earlyBoundResources":[]}}`)
}

// What decides which policies apply is changed by who may write policies.
func TestMarksThatPoliciesGoByNeedThePermissionToWritePolicies(t *testing.T) {
	w := newWorld(t)
	made := w.send("POST", "/v1.0/applications", `{"displayName":"site","tags":["Finance","Plain"]}`).want(201)
	app, sp := "/v1.0/applications/"+made.text("id"), "/v1.0/servicePrincipals/"+made.text("id")
	w.send("POST", "/v1.0/identity/conditionalAccess/policies", `{"displayName":"finance","state":"disabled","grantControls":{"operator":"OR","builtInControls":["mfa"]},
		"conditions":{"clientAppTypes":["all"],"users":{"includeUsers":["All"]},"applications":{"includeApplications":["Finance"]}}}`).want(201)
	w.who.Permissions = []string{directory.ApplicationWrite}
	w.send("PATCH", app, `{"tags":["Finance","Other"]}`).want(204)
	w.send("PATCH", app, `{"tags":["Other"]}`).refused(403, directory.AccessWrite)
	w.send("PATCH", sp, `{"tags":[]}`).refused(403, directory.AccessWrite)
	w.send("POST", "/v1.0/applications", `{"displayName":"second","tags":["Finance"]}`).refused(403, directory.AccessWrite)
	w.send("PATCH", sp, `{"customSecurityAttributes":{"A":{"B":"c"}}}`).refused(403, directory.AccessWrite)
	w.send("PATCH", app, `{"postern":{"earlyBoundResources":["`+string(directory.GraphAPI)+`"]}}`).refused(403, directory.AccessWrite)
	w.send("PATCH", app, `{"displayName":"site 2"}`).want(204)
	w.who.Permissions = append(w.who.Permissions, directory.AccessWrite)
	w.send("PATCH", app, `{"tags":["Other"]}`).want(204)
}

// app makes an application and returns its appId.
func (w *world) app(name string) string {
	w.Helper()
	return w.send("POST", "/v1.0/applications", `{"displayName":"`+name+`"}`).want(201).text("appId")
}
