package graph_test

import (
	"archive/zip"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph/tenantadmin"
	"github.com/postern-mam/postern/internal/report"
)

const (
	management  = "/beta/deviceManagement/"
	definitions = management + "roleDefinitions"
	grants      = management + "roleAssignments"
	tags        = management + "roleScopeTags"
	filters     = management + "assignmentFilters"
	events      = "/v1.0/deviceManagement/auditEvents"
	audits      = "/v1.0/auditLogs/directoryAudits"
	exports     = management + "reports/exportJobs"
)

// role is the body of a role that allows actions.
func role(name string, actions ...string) string {
	return `{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleDefinition","displayName":"` + name + `","rolePermissions":[{"resourceActions":[{"allowedResourceActions":["` +
		strings.Join(actions, `","`) + `"],"notAllowedResourceActions":[]}]}]}`
}

// grant is the body that gives a role to a group, for what has scope tags.
func grant(role, group string, tags ...string) string {
	body := `{"@odata.type":"#microsoft.graph.deviceAndAppManagementRoleAssignment","displayName":"x","members":["` + group + `"],"resourceScopes":[],` +
		`"roleDefinition@odata.bind":"` + base + `/beta/deviceManagement/roleDefinitions('` + role + `')"`
	if len(tags) > 0 {
		body += `,"roleScopeTagIds":["` + strings.Join(tags, `","`) + `"]`
	}
	return body + `}`
}

// sign lets a user ask, with the delegated permissions and no others.
func (e *estate) sign(user string, scopes ...string) {
	e.who.User, e.who.Permissions, e.who.Scopes = directory.UserID(user), nil, scopes
}

func TestARoleIsMadeGivenHeldAndTakenAway(t *testing.T) {
	e := newEstate(t)
	full := e.who
	ada, desk := e.user("ada"), e.group("desk")
	if got := e.get(definitions).want(200).values(); len(got) != len(directory.BuiltInRoles()) || got[0]["isBuiltIn"] != true {
		t.Errorf("%v", got)
	}
	e.send("PATCH", definitions+"/"+directory.HelpDeskOperator, `{"displayName":"mine"}`).refused(400, "built in")
	e.send("DELETE", definitions+"/"+directory.HelpDeskOperator, "").refused(400, "built in")
	e.send("POST", definitions, role("x", "Microsoft.Intune_ManagedApps_Explode")).refused(400, "Microsoft.Intune_ManagedApps_Explode", "does not exist")
	id := e.send("POST", definitions, role("Viewer", directory.ManagedAppsRead)).want(201).text("id")
	e.get("/v1.0/deviceManagement/roleDefinitions/" + id).want(200).has(`{"displayName":"Viewer","isBuiltIn":false}`)

	protections := "/beta/deviceAppManagement/windowsManagedAppProtections"
	e.edgeFor(protections, "Protect", "")
	e.sign(ada, directory.ProtectionWrite)
	e.get(protections).refused(403, directory.ManagedAppsRead)
	e.who = full
	held := e.send("POST", grants, grant(id, desk)).want(201).text("id")
	e.join(desk, ada).want(204)
	e.get(grants + "/" + held + "/roleDefinition").want(200).has(`{"id":"` + id + `"}`)
	if got := e.get(definitions + "/" + id + "/roleAssignments").want(200).ids(); !slices.Equal(got, []string{held}) {
		t.Errorf("%v", got)
	}
	e.send("DELETE", definitions+"/"+id, "").refused(400, "assigned")

	e.sign(ada, directory.ProtectionWrite)
	if got := e.get(protections).want(200).ids(); len(got) != 1 {
		t.Errorf("%v", got)
	}
	e.send("POST", protections, `{"displayName":"x"}`).refused(403, directory.ManagedAppsCreate)
	e.sign(ada, directory.UserRead) // the scope is not the one that is needed
	e.get(protections).want(403)
	e.sign(ada, "Directory.AccessAsUser.All")
	e.get(protections).want(200)
	e.get(definitions).refused(403, directory.RolesRead)
	e.get(audits).want(403)

	e.who = full
	e.send("DELETE", "/v1.0/groups/"+desk+"/members/"+ada+"/$ref", "").want(204)
	e.sign(ada, directory.ProtectionWrite)
	e.get(protections).want(403) // at once
	e.who = full
	e.send("DELETE", grants+"/"+held, "").want(204)
	e.send("DELETE", definitions+"/"+id, "").want(204)
}

func TestNobodyGivesARoleMoreThanTheyHold(t *testing.T) {
	e := newEstate(t)
	north, south := e.tag("north"), e.tag("south")
	friends := e.group("friends")
	viewer := e.send("POST", definitions, role("Viewer", directory.ManagedAppsRead)).want(201).text("id")
	own := e.send("POST", definitions, role("Northern", directory.ManagedAppsRead, directory.RolesRead, directory.RolesCreate, directory.RolesUpdate, directory.RolesAssign)).want(201).text("id")
	everywhere := e.send("POST", grants, grant(viewer, friends)).want(201).text("id")

	e.as(own, []string{north, directory.DefaultScopeTag})
	e.who.Scopes = []string{directory.RBACWrite}
	e.send("POST", definitions, role("Wiper", directory.ManagedAppsWipe)).refused(403, directory.ManagedAppsWipe)
	e.send("POST", definitions, role("Reader", directory.ManagedAppsRead)).want(201)
	e.send("PATCH", definitions+"/"+viewer, role("Viewer", directory.ManagedAppsRead, directory.RolesAssign)).refused(403) // others hold it everywhere
	e.send("POST", grants, grant(directory.ApplicationManager, friends, north)).refused(403, "may give")
	e.send("POST", grants, grant(viewer, friends)).refused(403)
	e.send("POST", grants, grant(viewer, friends, south)).refused(403)
	e.send("POST", grants, grant(viewer, friends, north, south)).refused(403)
	e.send("DELETE", grants+"/"+everywhere, "").refused(403, "take")
	given := e.send("POST", grants, grant(viewer, friends, north)).want(201).text("id")
	e.send("PATCH", grants+"/"+given, `{"roleScopeTagIds":[]}`).refused(403)
	e.send("DELETE", grants+"/"+given, "").want(204)
}

func TestScopeTagsDecideWhatIsListedCountedReadChangedAndDeleted(t *testing.T) {
	e := newEstate(t)
	north, south := e.tag("north"), e.tag("south")
	body := func(name, tag string) string {
		return `{"displayName":"` + name + `","platform":"windowsMobileApplicationManagement","rule":"(app.deviceModel -eq \"x\")","roleScopeTags":["` + tag + `"]}`
	}
	mine := e.send("POST", filters, body("mine", north)).want(201).text("id")
	others := e.send("POST", filters, body("others", south)).want(201).text("id")
	e.send("POST", filters, body("nobody", "99")).refused(400, "99")

	e.as(directory.ApplicationManager, []string{north})
	e.who.Scopes = []string{directory.ConfigurationWrite}
	if got := e.get(filters).want(200).ids(); !slices.Equal(got, []string{mine}) {
		t.Errorf("%v", got)
	}
	if got := e.get(filters + "?$count=true").want(200); got.body["@odata.count"] != 1.0 {
		t.Errorf("%s", got.raw)
	}
	if got := e.get(filters + "/$count").want(200); got.raw != "1" {
		t.Errorf("%s", got.raw)
	}
	for _, tail := range []string{"", "/payloads", "/postern.preview", "/getSupportedProperties()"} {
		e.get(filters + "/" + others + tail).want(404)
	}
	e.send("PATCH", filters+"/"+others, `{"displayName":"mine now"}`).want(404)
	e.send("DELETE", filters+"/"+others, "").want(404)
	e.send("POST", filters, body("theirs", south)).refused(403, south)
	e.send("POST", filters, strings.Replace(body("my own", ""), `,"roleScopeTags":[""]`, "", 1)).want(201).has(`{"roleScopeTags":["` + north + `"]}`)
	e.send("PATCH", filters+"/"+mine, `{"description":"d"}`).want(200)
	e.send("DELETE", filters+"/"+mine, "").want(204)
}

func TestScopeTagsAreNumberedAndNeverTwice(t *testing.T) {
	e := newEstate(t)
	hasCustom := func(want bool) {
		t.Helper()
		if got := e.get(tags + "/hasCustomRoleScopeTag()").want(200); got.body["value"] != want {
			t.Errorf("%s", got.raw)
		}
	}
	e.get(tags + "/0").want(200).has(`{"displayName":"Default","isBuiltIn":true}`)
	hasCustom(false)
	make := func(name string) string {
		return e.send("POST", tags, `{"displayName":"`+name+`","description":"d"}`).want(201).text("id")
	}
	first, second := make("a"), make("b")
	if hasCustom(true); first == second || first == "0" {
		t.Errorf("%s %s", first, second)
	}
	e.send("PATCH", tags+"/0", `{"displayName":"mine"}`).refused(400, "built in")
	e.send("DELETE", tags+"/0", "").refused(400, "built in")
	e.send("DELETE", tags+"/"+second, "").want(204)
	if third := make("c"); third == second {
		t.Errorf("the number %s is given again", third)
	}
	if got := e.send("POST", tags+"/getRoleScopeTagsById", `{"roleScopeTagIds":["`+first+`","0","`+second+`"]}`).want(200).ids(); !slices.Equal(got, []string{first, "0"}) {
		t.Errorf("%v", got)
	}
	e.get(tags + "/" + first + "/assignments").want(200).has(`{"value":[]}`)
	held := e.send("POST", grants, grant(directory.ReadOnlyOperator, e.group("g"), first)).want(201).text("id")
	if got := e.get(grants + "/" + held + "/roleScopeTags").want(200).ids(); !slices.Equal(got, []string{first}) {
		t.Errorf("%v", got)
	}
	e.send("DELETE", tags+"/"+first, "").refused(400, "used")
	e.get("/v1.0/deviceManagement/roleScopeTags").want(400)
}

func TestAFilterIsCheckedShownAndKeptWhileItIsUsed(t *testing.T) {
	e := newEstate(t)
	id := e.send("POST", filters, `{"displayName":"Ours","platform":"windowsMobileApplicationManagement","rule":"(app.osVersion -startsWith \"10.0.226\")"}`).want(201).
		has(`{"assignmentFilterManagementType":"apps","roleScopeTags":["0"],"payloads":[]}`).text("id")
	one := filters + "/" + id
	e.send("POST", filters, `{"displayName":"x","platform":"windowsMobileApplicationManagement","rule":"(app.colour -eq \"red\")"}`).refused(400, "rule", "app.colour")
	e.send("PATCH", one, `{"platform":"windows10AndLater","assignmentFilterManagementType":"devices","rule":"(device.model -eq \"x\")"}`).refused(400, "platform", "cannot change")

	filter := `{"deviceAndAppManagementAssignmentFilter":{"displayName":"x","platform":"windowsMobileApplicationManagement","rule":"(app.deviceModel -eq \"x\")"}}`
	e.send("POST", filters+"/validateFilter", filter).want(200).has(`{"isValidRule":true}`)
	e.get(filters + "/getState()").want(200).has(`{"enabled":true}`)
	for _, path := range []string{filters + "/getPlatformSupportedProperties(platform='windowsMobileApplicationManagement')", one + "/getSupportedProperties()"} {
		if got := e.get(path).want(200); len(got.values()) == 0 || !strings.Contains(got.raw, `"name":"deviceModel"`) || !strings.Contains(got.raw, "startsWith") {
			t.Errorf("%s: %s", path, got.raw)
		}
	}
	e.get(filters+"/getPlatformSupportedProperties(platform='iOS')").refused(400, "iOS")

	ada := e.user("ada")
	r := string(e.enroll(ada).Standing.Registration)
	if got := e.get(one + "/postern.preview").want(200).ids(); !slices.Equal(got, []string{r}) {
		t.Errorf("%v", got)
	}
	if got := e.send("POST", filters+"/postern.preview", `{"platform":"windowsMobileApplicationManagement","rule":"(app.osVersion -startsWith \"11\")"}`).want(200).ids(); len(got) != 0 {
		t.Errorf("%v", got)
	}

	policy := e.edgeFor("/beta/deviceAppManagement/windowsManagedAppProtections", "Protect", "")
	narrow := `{"assignments":[{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget","deviceAndAppManagementAssignmentFilterId":"` + id + `","deviceAndAppManagementAssignmentFilterType":"include"}}]}`
	assign := "/beta/deviceAppManagement/windowsManagedAppProtections/" + policy + "/assign"
	e.send("POST", assign, narrow).want(204)
	if got := e.get(one + "/payloads").want(200).values(); len(got) != 1 || got[0]["payloadId"] != policy || got[0]["assignmentFilterType"] != "include" {
		t.Errorf("%v", got)
	}
	e.send("DELETE", one, "").refused(400, "Protect")
	e.send("POST", assign, strings.ReplaceAll(narrow, id, "none")).refused(400, "none")
	e.send("POST", assign, `{"assignments":[]}`).want(204)
	e.send("DELETE", one, "").want(204)
}

func TestTheRecordTellsWhoChangedWhatFromWhatToWhat(t *testing.T) {
	e := newEstate(t)
	ada, staff := e.user("ada"), e.group("staff")
	id := e.edgeFor("/beta/deviceAppManagement/windowsManagedAppProtections", "Protect", "")
	e.send("PATCH", "/beta/deviceAppManagement/windowsManagedAppProtections/"+id, `{"displayName":"Protect all"}`).want(200)
	for _, version := range []string{"/v1.0", "/beta"} {
		path := version + "/deviceManagement/auditEvents"
		found := e.get(path + "?$filter=resources/any(r:r/resourceId%20eq%20'" + id + "')%20and%20activityOperationType%20eq%20'Patch'").want(200).values()
		if len(found) != 1 {
			t.Fatalf("%v", found)
		}
		actor, resource := found[0]["actor"].(map[string]any), found[0]["resources"].([]any)[0].(map[string]any)
		if actor["applicationDisplayName"] != "Postern administration" || actor["applicationId"] != string(e.boot.ClientID) || found[0]["category"] != "Application" {
			t.Errorf("%v", found[0])
		}
		if moved, _ := json.Marshal(resource["modifiedProperties"]); !bytes.Contains(moved, []byte(`{"displayName":"DisplayName","newValue":"\"Protect all\"","oldValue":"\"Protect\""}`)) {
			t.Errorf("%s", moved)
		}
		e.get(path + "/" + found[0]["id"].(string)).want(200).has(`{"activityResult":"Success"}`)
	}
	for query, want := range map[string]int{
		"$filter=activityDateTime%20ge%202026-11-23T12:00:00Z%20and%20activityDateTime%20le%202026-11-23T12:00:00Z": 2,
		"$filter=activityDateTime%20gt%202026-11-24T00:00:00Z":                                                      0,
		"$filter=activityDateTime%20lt%202026-11-23T12:00:00Z":                                                      0,
		"$filter=category%20eq%20'Application'":                                                                     2, "$filter=category%20eq%20'Role'": 0, "$filter=category%20eq%20'None'": 0,
		"$orderby=activityDateTime%20desc&$top=1": 1,
	} {
		if got := e.get(events + "?" + query).want(200).values(); len(got) != want {
			t.Errorf("%s: %d entries, want %d", query, len(got), want)
		}
	}
	e.get(events + "/getAuditCategories()").want(200).has(`{"value":["Application","DeviceConfiguration","Role"]}`)
	if got := e.get(events + "/getAuditActivityTypes(category='Role')").want(200); !strings.Contains(got.raw, "Create RoleDefinition") {
		t.Errorf("%s", got.raw)
	}

	e.join(staff, ada).want(204)
	entries := e.get(audits + "?$filter=targetResources/any(r:r/id%20eq%20'" + staff + "')%20and%20activityDisplayName%20eq%20'Member%20added'").want(200)
	if got := entries.values(); len(got) != 1 || !strings.Contains(entries.raw, ada) || got[0]["operationType"] != "Update" || got[0]["loggedByService"] != "Core Directory" {
		t.Errorf("%s", entries.raw)
	}
	e.get(events + "/" + entries.values()[0]["id"].(string)).want(404) // of the other log
	if raw := e.get(audits).want(200).raw; strings.Contains(raw, "correct horse") || strings.Contains(raw, "hash of") {
		t.Error("a password is on record")
	}
}

func TestTheRecordOfWhatARoleDoesNotSeeIsNotShown(t *testing.T) {
	e := newEstate(t)
	north, south := e.tag("north"), e.tag("south")
	protections := "/beta/deviceAppManagement/windowsManagedAppProtections"
	mine := e.edgeFor(protections, "mine", `,"roleScopeTagIds":["`+north+`"]`)
	other := e.edgeFor(protections, "other", `,"roleScopeTagIds":["`+south+`"]`)
	hidden := e.get(events + "?$filter=resources/any(r:r/resourceId%20eq%20'" + other + "')").want(200).ids()[0]
	e.as(directory.ReadOnlyOperator, []string{north})
	e.who.Scopes = []string{directory.ProtectionRead}
	if raw := e.get(events).want(200).raw; !strings.Contains(raw, mine) || strings.Contains(raw, other) {
		t.Errorf("%s", raw)
	}
	e.get(events + "/" + hidden).want(404)
	e.get(audits).want(403) // no role of Intune opens the directory's log
}

// macSealer shows whether what it sealed was changed.
type macSealer struct{}

func (macSealer) Seal(name string, plain []byte) ([]byte, error) {
	m := hmac.New(sha256.New, []byte(name))
	m.Write(plain)
	return m.Sum(slices.Clone(plain)), nil
}

func (s macSealer) Open(name string, sealed []byte) ([]byte, error) {
	if len(sealed) > sha256.Size {
		plain := sealed[:len(sealed)-sha256.Size]
		if again, _ := s.Seal(name, plain); hmac.Equal(again, sealed) {
			return plain, nil
		}
	}
	return nil, errors.New("not sealed here")
}

// archive serves the addresses of exports at an instant, sealed in earnest.
func (e *estate) archive(at time.Time) *tenantadmin.Area {
	e.Helper()
	clock := func() time.Time { return at }
	reports, err := report.New(report.Config{Store: e.store.Reports(), Now: clock})
	e.ok(err)
	area, err := tenantadmin.New(tenantadmin.Config{
		Admin: e.admin, Registrations: e.mam, Reports: reports, Sealer: openSeal{}, BaseURL: base, Now: clock, Log: slog.New(slog.DiscardHandler),
	})
	e.ok(err)
	return area
}

// file downloads an export and returns its name and content; "" when it is refused.
func (e *estate) file(area *tenantadmin.Area, address string) (name, content string) {
	e.Helper()
	mux, rec := http.NewServeMux(), httptest.NewRecorder()
	mux.HandleFunc("GET /reports/exports/{id}", area.Download)
	mux.ServeHTTP(rec, httptest.NewRequest("GET", address, nil))
	if rec.Code != 200 {
		return "", ""
	}
	z, err := zip.NewReader(bytes.NewReader(rec.Body.Bytes()), int64(rec.Body.Len()))
	e.ok(err)
	f, err := z.File[0].Open()
	e.ok(err)
	doc, err := io.ReadAll(f)
	e.ok(err)
	return z.File[0].Name, string(doc)
}

func TestAReportIsOrderedAndFetched(t *testing.T) {
	e := newEstate(t)
	ada, bob := e.user("ada"), e.user("bob")
	r := string(e.enroll(ada).Standing.Registration)
	e.enroll(bob)
	order := func(name, more string) answer {
		return e.send("POST", exports, `{"reportName":"`+name+`"`+more+`}`)
	}
	a := order("MAMAppProtectionStatus", `,"select":["User","AppInstanceId"],"filter":"(UserId eq '`+ada+`')"`).want(201)
	a.has(`{"status":"completed","format":"csv","select":["User","AppInstanceId"]}`)
	e.get(exports + "('" + a.text("id") + "')").want(200).has(`{"status":"completed","url":"` + a.text("url") + `"}`)
	name, content := e.file(e.archive(now), a.text("url"))
	rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	if err != nil || !strings.HasSuffix(name, ".csv") || len(rows) != 2 || !slices.Equal(rows[0], []string{"User", "AppInstanceId"}) || !slices.Equal(rows[1], []string{"ada@contoso.example", r}) {
		t.Errorf("%s: %v %v", name, rows, err)
	}
	for _, n := range report.Names() {
		var objects []map[string]string
		name, content = e.file(e.archive(now), order(string(n), `,"format":"json"`).want(201).text("url"))
		if err := json.Unmarshal([]byte(content), &objects); err != nil || !strings.HasSuffix(name, ".json") {
			t.Errorf("%s: %q %v", name, content, err)
		}
	}
	if name, _ := e.file(e.archive(now.Add(15*time.Minute)), a.text("url")); name == "" {
		t.Error("the address ends before its time")
	}
	if name, _ := e.file(e.archive(now.Add(15*time.Minute+time.Second)), a.text("url")); name != "" {
		t.Error("the address outlives its time")
	}
	order("Devices", "").refused(400, "reportName", "MAMAppProtectionStatus")
	order("MAMFlaggedUsers", `,"select":["Colour"]`).refused(400, "Colour", "valid are")
	order("MAMFlaggedUsers", `,"filter":"(Colour eq 'red')"`).refused(400, "filter")
	e.get(exports + "('none')").want(404)
}

func TestTheAddressOfAReportCannotBeForged(t *testing.T) {
	e := newEstate(t)
	e.enroll(e.user("ada"))
	area := e.archive(now)
	area.Sealer = macSealer{}
	id := e.send("POST", exports, `{"reportName":"MAMAppProtectionStatus"}`).want(201).text("id") // sealed by nobody
	if name, _ := e.file(area, base+"/reports/exports/"+id); name != "" {
		t.Error("an address that is not sealed is served")
	}
	if name, _ := e.file(area, base+"/reports/exports/%2e%2e"); name != "" {
		t.Error("no address is served")
	}
}

func TestAReportShowsWhatTheRoleOfWhoOrderedItSees(t *testing.T) {
	e := newEstate(t)
	north := e.tag("north")
	e.edgeFor("/beta/deviceAppManagement/windowsManagedAppProtections", "Protect", `,"roleScopeTagIds":["`+north+`"]`)
	e.enroll(e.user("ada"))
	seen := func(tag string) int {
		full := e.who
		e.as(directory.ReadOnlyOperator, []string{tag})
		e.who.Scopes = []string{directory.ProtectionRead}
		url := e.send("POST", exports, `{"reportName":"MAMAppProtectionStatus"}`).want(201).text("url")
		_, content := e.file(e.archive(now), url)
		e.who = full
		return strings.Count(content, "\n") - 1
	}
	if n, other := seen(north), seen(directory.DefaultScopeTag); n != 1 || other != 0 {
		t.Errorf("%d rows with the tag, %d without", n, other)
	}
}

func TestTheHelpDeskSeesOneUsersWholeState(t *testing.T) {
	e := newEstate(t)
	ada := e.user("ada")
	staff := e.group("staff")
	e.join(staff, ada).want(204)
	r := e.enroll(ada)
	for _, key := range []string{ada, "ada@contoso.example"} {
		a := e.get("/v1.0/users/" + key + "/postern.state").want(200)
		a.has(`{"userId":"` + ada + `","accountEnabled":true,"onboarded":true,"entitled":true,"userWipe":null,"groups":[{"id":"` + staff + `","displayName":"staff"}],"operations":[]}`)
		in := a.body["installations"].([]any)
		if len(in) != 1 || in[0].(map[string]any)["id"] != string(r.Standing.Registration) || !strings.Contains(a.raw, "no policy targets this user and app") {
			t.Errorf("%s", a.raw)
		}
		e.controls(in[0])
	}
	e.get("/v1.0/users/nobody/postern.state").want(404)
	e.as(directory.HelpDeskOperator, nil)
	e.get("/v1.0/users/" + ada + "/postern.state").want(200)
	e.send("POST", "/beta/deviceAppManagement/windowsManagedAppProtections", `{"displayName":"x"}`).refused(403, directory.ManagedAppsCreate)
	e.who.User = directory.UserID(ada)
	e.get("/v1.0/users/"+ada+"/postern.state").refused(403, directory.ManagedAppsRead)
}
