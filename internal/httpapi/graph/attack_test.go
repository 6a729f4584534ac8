package graph_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
)

func (e *estate) tag(name string) string {
	e.Helper()
	tag, err := e.admin.ScopeTags().Save(e.Context(), directory.ScopeTag{Tenant: e.boot.Tenant, DisplayName: name})
	e.ok(err)
	return tag.ID
}

func (w *world) join(group, id string) answer {
	w.Helper()
	return w.send("POST", "/v1.0/groups/"+group+"/members/$ref", `{"@odata.id":"`+base+`/v1.0/directoryObjects/`+id+`"}`)
}

func target(group string) string {
	return `{"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + group + `"}}]}`
}

func TestWhoManagesGroupsOrUsersDoesNotClimbThroughRoles(t *testing.T) {
	e := newEstate(t)
	eve, ada := e.user("eve"), e.user("ada")
	helpers, inner, others := e.group("helpers"), e.group("inner"), e.group("others")
	e.join(helpers, inner).want(204)
	e.join(helpers, ada).want(204)
	_, err := e.admin.RoleAssignments().Save(t.Context(), directory.RoleAssignment{
		Tenant: e.boot.Tenant, DisplayName: "x", Role: directory.ApplicationManager, Members: []directory.GroupID{directory.GroupID(helpers)},
	})
	e.ok(err)

	e.who.Permissions = []string{directory.GroupWrite, directory.UserWrite}
	e.join(others, eve).want(204)
	for what, a := range map[string]answer{
		"joins a group with a role":        e.join(helpers, eve),
		"joins a group inside of it":       e.join(inner, eve),
		"nests a group in it":              e.join(helpers, others),
		"binds a member to it":             e.send("PATCH", "/v1.0/groups/"+inner, `{"members@odata.bind":["`+base+`/v1.0/users/`+eve+`"]}`),
		"takes a role away":                e.send("DELETE", "/v1.0/groups/"+helpers+"/members/"+ada+"/$ref", ""),
		"deletes what holds a role":        e.send("DELETE", "/v1.0/groups/"+helpers, ""),
		"sets the password of a holder":    e.send("PATCH", "/v1.0/users/"+ada, `{"passwordProfile":{"password":"now it is mine"}}`),
		"disables a holder":                e.send("PATCH", "/v1.0/users/"+ada, `{"accountEnabled":false}`),
		"takes the sign-in name of holder": e.send("PATCH", "/v1.0/users/"+ada, `{"userPrincipalName":"x@contoso.example"}`),
		"deletes a holder":                 e.send("DELETE", "/v1.0/users/"+ada, ""),
	} {
		if a.status != http.StatusForbidden {
			t.Errorf("whoever manages groups and users %s: %d %s", what, a.status, a.raw)
		}
	}
	e.send("PATCH", "/v1.0/groups/"+helpers, `{"description":"who help"}`).want(204)
	e.send("PATCH", "/v1.0/users/"+ada, `{"displayName":"Ada"}`).want(204)

	e.who.Permissions = append(e.who.Permissions, directory.ProtectionWrite, directory.ConfigurationWrite, directory.ConnectorRead)
	e.join(inner, eve).want(204) // gives nothing that it does not hold
	e.send("PATCH", "/v1.0/users/"+ada, `{"passwordProfile":{"password":"forgotten again"}}`).want(204)
}

func TestWhoManagesAppsDoesNotSpeakForAThreatConnector(t *testing.T) {
	w := newWorld(t)
	w.send("POST", "/v1.0/deviceManagement/mobileThreatDefenseConnectors", `{"windowsDeviceBlockedOnMissingPartnerData":false}`).want(201)
	id := w.get("/v1.0/applications(appId='" + string(directory.WindowsSecurityCenter) + "')").want(200).text("id")
	w.who.Permissions = []string{directory.ApplicationWrite}
	w.send("POST", "/v1.0/applications/"+id+"/addPassword", `{}`).refused(403, directory.ConnectorWrite)
	w.send("PATCH", "/v1.0/applications/"+id, `{"keyCredentials":[]}`).refused(403, directory.ConnectorWrite)
	w.who.Permissions = []string{directory.ApplicationWrite, directory.ConnectorWrite}
	w.send("POST", "/v1.0/applications/"+id+"/addPassword", `{}`).want(200)
}

func TestWhatIsRelatedShowsItselfToWhoMayReadItAlone(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	group := w.group("staff")
	w.join(group, ada).want(204)
	app := w.get("/v1.0/applications(appId='" + string(w.boot.ClientID) + "')").want(200).text("id")
	bare := func(v map[string]any) bool { return len(v) == 2 && v["id"] != nil && v["@odata.type"] != nil }

	w.who.Permissions = []string{directory.UserRead}
	for _, id := range []string{group, app} {
		if a := w.get("/v1.0/directoryObjects/" + id).want(200); a.body["displayName"] != nil || a.body["id"] != id {
			t.Errorf("who reads users reads %s", a.raw)
		}
	}
	a := w.send("POST", "/v1.0/directoryObjects/getByIds", `{"ids":["`+ada+`","`+group+`","`+app+`"]}`).want(200).values()
	if len(a) != 3 || bare(a[0]) || !bare(a[1]) || !bare(a[2]) {
		t.Errorf("%v", a)
	}
	if got := w.get("/v1.0/users/" + ada + "/memberOf").want(200).values(); len(got) != 1 || !bare(got[0]) {
		t.Errorf("%v", got)
	}
	w.who.Permissions = []string{directory.GroupRead}
	if got := w.get("/v1.0/groups/" + group + "/members").want(200).values(); len(got) != 1 || !bare(got[0]) {
		t.Errorf("%v", got)
	}
	if got := w.get("/v1.0/groups/" + group + "?$expand=members").want(200); strings.Contains(got.raw, "contoso.example") {
		t.Errorf("%s", got.raw)
	}
	eventual := []string{"ConsistencyLevel", "eventual"}
	if n := w.send("GET", "/v1.0/groups/"+group+"/members?$count=true&$filter=startswith(displayName,'a')", "", eventual...).want(200); len(n.values()) != 0 {
		t.Errorf("a filter tells what is not shown: %s", n.raw)
	}
}

func TestAPolicyIsAssignedToThePeopleOfTheRoleAlone(t *testing.T) {
	e := newEstate(t)
	north := e.tag("north")
	staff, team, guests := e.group("staff"), e.group("team"), e.group("guests")
	e.join(staff, team).want(204)
	full := e.who
	body := func(assignments string) string {
		return `{"displayName":"wipes","roleScopeTagIds":["` + north + `"],"apps":[` + identifier(edge) + `],"assignments":[` + assignments + `]}`
	}
	inScope := strings.TrimSuffix(strings.TrimPrefix(target(team), `{"assignments":[`), "]}")
	outside := strings.TrimSuffix(strings.TrimPrefix(target(guests), `{"assignments":[`), "]}")
	old := e.send("POST", protections, body(outside)).want(201).text("id")

	e.as(directory.ApplicationManager, []string{north}, directory.GroupID(staff))
	mine := e.send("POST", protections, body(inScope)).want(201).text("id")
	one := protections + "/" + mine
	for what, a := range map[string]answer{
		"creates a policy for everyone":      e.send("POST", protections, body(everyone)),
		"creates one for others":             e.send("POST", protections, body(outside)),
		"assigns to everyone":                e.send("POST", one+"/assign", `{"assignments":[`+everyone+`]}`),
		"assigns to others":                  e.send("POST", one+"/assign", target(guests)),
		"adds an assignment for everyone":    e.send("POST", one+"/assignments", everyone),
		"excludes others":                    e.send("POST", one+"/assign", strings.Replace(target(guests), "groupAssignment", "exclusionGroupAssignment", 1)),
		"patches an assignment in":           e.send("PATCH", one, `{"assignments":[`+everyone+`]}`),
		"takes the protection off others":    e.send("POST", protections+"/"+old+"/assign", `{"assignments":[]}`),
		"assigns through all policies' path": e.send("PATCH", apps+"managedAppPolicies/"+mine, `{"assignments":[`+everyone+`]}`),
	} {
		if a.status != http.StatusForbidden {
			t.Errorf("a role for some people %s: %d %s", what, a.status, a.raw)
		}
	}
	e.send("POST", one+"/assign", target(staff)).want(204)
	e.send("PATCH", protections+"/"+old, `{"displayName":"renamed"}`).want(200) // the assignments stay

	e.who = full
	e.as(directory.HelpDeskOperator, []string{north})
	e.send("POST", one+"/assign", `{"assignments":[`+everyone+`]}`).want(204) // for everyone, and no more than assigning
	e.send("PATCH", one, `{"displayName":"x"}`).refused(403)
	e.send("POST", one+"/targetApps", `{"apps":[]}`).refused(403)
	e.send("POST", one+"/apps", identifier(edge)).refused(403)
	e.send("DELETE", one, "").refused(403)
}

func TestScopeTagsAreGivenAndTakenByWhoHasThem(t *testing.T) {
	e := newEstate(t)
	north, south := e.tag("north"), e.tag("south")
	make := func(tags string) string {
		return e.send("POST", protections, `{"displayName":"x","roleScopeTagIds":[`+tags+`]}`).want(201).text("id")
	}
	both, was := make(`"`+north+`","`+south+`"`), make(`"`+south+`"`)
	e.send("PATCH", protections+"/"+was, `{"roleScopeTagIds":["`+north+`"]}`).want(200)
	e.as(directory.ApplicationManager, []string{north})
	for what, a := range map[string]answer{
		"moves a policy out of its sight":             e.send("PATCH", protections+"/"+both, `{"roleScopeTagIds":["`+south+`"]}`),
		"hides a policy from others":                  e.send("PATCH", protections+"/"+both, `{"roleScopeTagIds":["`+north+`"]}`),
		"gives the default tag by giving none":        e.send("PATCH", protections+"/"+both, `{"roleScopeTagIds":[]}`),
		"gives the default tag to one of its own":     e.send("PATCH", protections+"/"+was, `{"roleScopeTagIds":[]}`),
		"creates for others":                          e.send("POST", protections, `{"displayName":"y","roleScopeTagIds":["`+south+`"]}`),
		"moves a policy by what it was at a revision": e.send("POST", protections+"/"+was+"/postern.restore", `{"revision":1}`),
	} {
		if a.status != http.StatusForbidden {
			t.Errorf("a role with one tag %s: %d %s", what, a.status, a.raw)
		}
	}
	e.send("POST", protections, `{"displayName":"y"}`).want(201).has(`{"roleScopeTagIds":["` + north + `"]}`)
	e.send("POST", protections+"/"+was+"/postern.restore", `{"revision":2}`).want(200)
}

func TestAPreviewShowsWhatTheCallerMaySee(t *testing.T) {
	e := newEstate(t)
	r := e.enroll(e.user("ada")) // no policy, so that it carries the default tag
	preview := apps[:len("/beta/")] + "deviceManagement/assignmentFilters/postern.preview"
	rule := `{"rule":"(app.osVersion -startsWith \"10\")","platform":"windowsMobileApplicationManagement","assignmentFilterManagementType":"apps"}`
	if got := e.send("POST", preview, rule).want(200).ids(); !slices.Equal(got, []string{string(r.Standing.Registration)}) {
		t.Fatalf("%v", got)
	}
	full := e.who
	e.who.Permissions = []string{directory.ConfigurationRead}
	e.send("POST", preview, rule).refused(403, directory.ProtectionRead)
	e.who = full
	e.as(directory.ReadOnlyOperator, []string{e.tag("north")})
	e.who.Scopes = []string{directory.ConfigurationRead}
	e.send("POST", preview, rule).refused(403, directory.ProtectionRead)
	e.who.Scopes = []string{directory.ConfigurationRead, directory.ProtectionRead}
	if got := e.send("POST", preview, rule).want(200).ids(); len(got) != 0 {
		t.Errorf("a role without the default tag sees %v", got)
	}
}

func TestASkipTokenThatNobodyGaveIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, place := range []string{"-1", "-9223372036854775808", "x"} {
		token := base64.RawURLEncoding.EncodeToString([]byte(place))
		w.get("/v1.0/organization?$skiptoken="+token).refused(400, "skiptoken")
		w.get("/v1.0/organization?$orderby=displayName&$skiptoken="+token).refused(400, "skiptoken")
	}
}

func TestABatchKeepsWhereItCameFrom(t *testing.T) {
	w := newWorld(t)
	forged := `{"id":"1","method":"POST","url":"/deviceAppManagement/targetedManagedAppConfigurations","headers":{"X-Forwarded-For":"203.0.113.66","Forwarded":"for=203.0.113.66"},"body":{"displayName":"made"}}`
	w.send("POST", "/v1.0/$batch", `{"requests":[`+forged+`]}`, "X-Forwarded-For", "198.51.100.7").want(200)
	a := w.get("/v1.0/deviceManagement/auditEvents").want(200)
	if strings.Contains(a.raw, "203.0.113.66") || !strings.Contains(a.raw, "198.51.100.7") {
		t.Errorf("a batch says where it came from: %s", a.raw)
	}
}

func TestABatchHoldsSoMuchAndNoMore(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 65_000)
	for i := range 18 {
		w.send("POST", "/beta/deviceAppManagement/targetedManagedAppConfigurations", fmt.Sprintf(`{"displayName":"%d","customSettings":[{"name":"a","value":"%[2]s"},{"name":"b","value":"%[2]s"},{"name":"c","value":"%[2]s"}]}`, i, long)).want(201)
	}
	var requests []string
	for i := range 20 {
		requests = append(requests, fmt.Sprintf(`{"id":"%d","method":"GET","url":"/deviceAppManagement/targetedManagedAppConfigurations"}`, i))
	}
	count := map[float64]int{}
	for id, r := range w.batch(strings.Join(requests, ",")) {
		status := r["status"].(float64)
		if count[status]++; status == 413 && r["body"].(map[string]any)["error"] == nil {
			t.Errorf("%s: %v", id, r)
		}
	}
	if count[200] != 9 || count[413] != 11 {
		t.Errorf("%v", count)
	}
}

func TestWhatPoliciesSayIsToldToWhoMaySeeThem(t *testing.T) {
	e := newEstate(t)
	north := e.tag("north")
	ada := e.user("ada")
	e.edgeFor(protections, "mine", `,"roleScopeTagIds":["`+north+`"],"printBlocked":false`)
	other := e.edgeFor(protections, "other", `,"printBlocked":true`)
	e.edgeFor(configurations, "wiring", `,"customSettings":[{"name":"server","value":"hidden.example"}]`)
	filter := e.send("POST", "/beta/deviceManagement/assignmentFilters", `{"displayName":"f","platform":"windowsMobileApplicationManagement","assignmentFilterManagementType":"apps",
		"rule":"(app.osVersion -startsWith \"10\")","roleScopeTags":["`+north+`"]}`).want(201).text("id")
	effective := apps + "postern.effectivePolicy(user='" + ada + "',app='" + edge + "')"
	if a := e.get(effective).want(200); !strings.Contains(a.raw, "hidden.example") {
		t.Fatalf("%s", a.raw)
	}
	full := e.who
	e.as(directory.HelpDeskOperator, []string{north})
	a := e.get(effective).want(200)
	if strings.Contains(a.raw, "hidden.example") || strings.Contains(a.raw, "wiring") || !strings.Contains(a.raw, `"mine"`) {
		t.Errorf("a role with one tag reads what others wrote: %s", a.raw)
	}

	e.who = full
	e.send("POST", protections+"/"+other+"/assign", `{"assignments":[{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget",
		"deviceAndAppManagementAssignmentFilterId":"`+filter+`","deviceAndAppManagementAssignmentFilterType":"exclude"}}]}`).want(204)
	payloads := "/beta/deviceManagement/assignmentFilters/" + filter + "/payloads"
	if got := e.get(payloads).want(200).values(); len(got) != 1 {
		t.Errorf("%v", got)
	}
	e.as(directory.ReadOnlyOperator, []string{north})
	e.who.Scopes = []string{directory.ConfigurationRead}
	if got := e.get(payloads).want(200).values(); len(got) != 0 {
		t.Errorf("a role with one tag sees %v", got)
	}
}

func TestARoleOutOfSightIsNotSeenThroughItsAssignment(t *testing.T) {
	e := newEstate(t)
	group := e.group("staff")
	role := e.send("POST", "/beta/deviceManagement/roleDefinitions", `{"displayName":"south desk","rolePermissions":[{"resourceActions":[{"allowedResourceActions":["`+directory.ManagedAppsRead+`"]}]}]}`).want(201).text("id")
	given := e.send("POST", "/beta/deviceManagement/roleAssignments", `{"displayName":"a","members":["`+group+`"],"roleDefinition@odata.bind":"`+base+`/beta/deviceManagement/roleDefinitions('`+role+`')"}`).want(201).text("id")
	one := "/beta/deviceManagement/roleAssignments/" + given
	if a := e.get(one + "?$expand=roleDefinition").want(200); !strings.Contains(a.raw, "south desk") {
		t.Fatalf("%s", a.raw)
	}
	e.as(directory.IntuneRoleAdministrator, []string{e.tag("north")})
	e.who.Scopes = []string{directory.RBACRead}
	e.get("/beta/deviceManagement/roleDefinitions/" + role).refused(404)
	if a := e.get(one + "?$expand=roleDefinition").want(200); strings.Contains(a.raw, "south desk") {
		t.Errorf("%s", a.raw)
	}
	e.get(one + "/roleDefinition").refused(404)
}

func TestAnExportIsOnRecord(t *testing.T) {
	w := newWorld(t)
	job := w.send("POST", "/v1.0/deviceManagement/reports/exportJobs", `{"reportName":"MAMAppProtectionStatus","format":"csv","filter":"(UserId eq 'u1')"}`).want(201)
	got := w.get("/v1.0/deviceManagement/auditEvents?$filter=" + url.QueryEscape("activity eq 'Report ordered'")).want(200)
	if len(got.values()) != 1 || !strings.Contains(got.raw, "MAMAppProtectionStatus") || !strings.Contains(got.raw, "u1") || strings.Contains(got.raw, job.text("id")) {
		t.Errorf("%s", got.raw)
	}
}

// A draft that blocks one person would list that person's sign-ins: what a replay
// tells is the sign-in log, and needs what reading the log needs.
func TestAReplayTellsTheLogOnlyToWhoMayReadIt(t *testing.T) {
	w := newWorld(t)
	const path = "/beta/identity/conditionalAccess/postern.replay"
	w.who.Permissions = []string{directory.AccessRead}
	w.send("POST", path, `{"days":1}`).refused(403, directory.AuditRead)
	w.who.Permissions = []string{directory.AuditRead}
	w.send("POST", path, `{"days":1}`).refused(403, directory.AccessRead)
	w.who.Permissions = []string{directory.AccessRead, directory.AuditRead}
	w.send("POST", path, `{"days":1}`).want(200)
}
