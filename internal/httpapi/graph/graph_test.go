package graph_test

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

func TestNobodyEntersWithoutATokenForThisAPIAndThePermission(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest("GET", base+"/v1.0/users", nil)
	a := w.serve(r)
	a.refused(401)
	if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("no challenge: %v", a.header)
	}
	full := w.who
	w.who.Permissions = []string{directory.GroupWrite}
	w.get("/v1.0/users").refused(403, directory.UserRead, directory.UserWrite)
	w.get("/v1.0/groups").want(200) // writing implies reading
	w.who.Permissions = []string{directory.GroupRead}
	w.get("/v1.0/groups").want(200)
	w.send("POST", "/v1.0/groups", `{"displayName":"x"}`).refused(403, directory.GroupWrite)
	w.who.Permissions = []string{directory.AccessWrite}
	w.get("/v1.0/identity/conditionalAccess/policies").want(200)
	w.who = full
	w.who.Audience = directory.ThreatAPI
	w.get("/v1.0/users").refused(403, string(directory.GraphAPI))
}

func TestAPartOfThePowerIsNotAllOfIt(t *testing.T) {
	w := newWorld(t)
	admins := w.get("/v1.0/users?$filter=userPrincipalName%20eq%20'" + w.boot.AdminUserPrincipalName + "'").want(200).values()
	one := "/v1.0/users/" + admins[0]["id"].(string)
	client := w.get("/v1.0/applications(appId='" + string(w.boot.ClientID) + "')").want(200).text("id")
	w.who.Permissions = []string{directory.UserWrite, directory.ApplicationWrite}
	for what, a := range map[string]answer{
		"takes over an administrator": w.send("PATCH", one, `{"passwordProfile":{"password":"now it is mine"}}`),
		"disables an administrator":   w.send("PATCH", one, `{"accountEnabled":false}`),
		"deletes an administrator":    w.send("DELETE", one, ""),
		"appoints an administrator": w.send("POST", "/v1.0/users", `{"displayName":"eve","userPrincipalName":"eve@contoso.example",
			"passwordProfile":{"password":"correct horse"},"postern":{"roles":["Global Administrator"]}}`),
		"mints a secret of a mightier app": w.send("POST", "/v1.0/applications/"+client+"/addPassword", `{}`),
		"grants what it lacks":             w.send("POST", "/v1.0/applications", `{"displayName":"x","postern":{"permissions":["Policy.ReadWrite.ConditionalAccess"]}}`),
	} {
		if a.status != 403 {
			t.Errorf("whoever manages users and apps %s: %d %s", what, a.status, a.raw)
		}
	}
	w.send("PATCH", one, `{"displayName":"Another name"}`).want(204)
	w.send("POST", "/v1.0/applications", `{"displayName":"x","postern":{"permissions":["User.Read.All"]}}`).want(201)
}

func TestUnknownPathsAreNamedAndMethodsListed(t *testing.T) {
	w := newWorld(t)
	for path, segment := range map[string]string{
		"/v1.0/nothing":                                                                     "nothing",
		"/v1.0/users/1/nothing":                                                             "nothing",
		"/beta/deviceAppManagement/nothing/1":                                               "nothing",
		"/v1.0/identity/conditionalAccess/none":                                             "none",
		"/v1.0/deviceAppManagement/windowsManagedAppProtections":                            "windowsManagedAppProtections",
		"/v1.0/users/1/wipeManagedAppRegistrationsByAzureAdDeviceId":                        "wipeManagedAppRegistrationsByAzureAdDeviceId",
		"/beta/deviceAppManagement/windowsManagedAppProtections('1')/unknown.segment/again": "unknown.segment",
	} {
		a := w.get(path)
		a.refused(400, "Resource not found for the segment '"+segment+"'.")
		if e := a.body["error"].(map[string]any); e["code"] != "BadRequest" {
			t.Errorf("%s: code %v", path, e["code"])
		}
	}
	a := w.send("DELETE", "/v1.0/users", "")
	a.refused(405, "GET, POST")
	if a.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
	w.get("/v1.0/users/1").refused(404)
	w.get("/v1.0/users('1").refused(400, "parenthesis")
}

func TestKeysAreUnderstoodInEverySpelling(t *testing.T) {
	w := newWorld(t)
	id := w.user("ada")
	for _, path := range []string{
		"/v1.0/users/" + id, "/v1.0/users('" + id + "')", "/v1.0/users(%27" + id + "%27)", "/beta/users/ada@contoso.example",
		"/v1.0/users('ADA@contoso.example')", "/v1.0/users(userPrincipalName='ada@contoso.example')",
	} {
		if got := w.get(path).want(200).text("id"); got != id {
			t.Errorf("%s: %s", path, got)
		}
	}
	w.get("/v1.0/users(mail='x')").refused(400, "mail")
	app := w.send("POST", "/v1.0/applications", `{"displayName":"App"}`).want(201)
	for _, path := range []string{"/v1.0/applications/" + app.text("id"), "/v1.0/applications(appId='" + app.text("appId") + "')", "/v1.0/servicePrincipals(appId='" + app.text("appId") + "')"} {
		if got := w.get(path).want(200).text("appId"); got != app.text("appId") {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestAnswersCarryWhatGraphsClientsRead(t *testing.T) {
	w := newWorld(t)
	id := w.group("Staff")
	a := w.send("GET", "/beta/groups/"+id, "", "client-request-id", "e9778bec").want(200)
	if a.header.Get("client-request-id") != "e9778bec" || a.header.Get("request-id") == "" || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json;odata.metadata=minimal") {
		t.Errorf("headers: %v", a.header)
	}
	a.has(`{"@odata.context":"` + base + `/beta/$metadata#groups/$entity","@odata.type":"#microsoft.graph.group","displayName":"Staff",
		"description":null,"groupTypes":[],"mailEnabled":false,"securityEnabled":true,"createdDateTime":"2026-11-23T12:00:00.0000000Z"}`)
	a = w.send("GET", "/beta/groups/none", "", "client-request-id", "e977")
	a.refused(404)
	if inner := a.body["error"].(map[string]any)["innerError"].(map[string]any); inner["client-request-id"] != "e977" || inner["date"] != "2026-11-23T12:00:00" {
		t.Errorf("inner error: %v", inner)
	}
	if got := w.send("GET", "/beta/groups/none", "", "client-request-id", "a\x01b").header.Get("client-request-id"); got != "" {
		t.Errorf("a harmful request id was echoed: %q", got)
	}
	a = w.get("/v1.0/groups/" + id + "?$select=displayName").want(200)
	if len(a.body) != 3 || a.text("@odata.context") != base+"/v1.0/$metadata#groups(displayName)/$entity" {
		t.Errorf("selected: %s", a.raw)
	}
}

func TestListsAreFilteredSortedCountedAndPaged(t *testing.T) {
	w := newWorld(t)
	var want []string
	for _, name := range []string{"delta", "Alpha", "charlie", "Bravo", "echo"} {
		want = append(want, w.group(name))
	}
	slices.Sort(want)
	var got []string
	next := "/v1.0/groups?$top=2&$count=true"
	for pages := 0; next != ""; pages++ {
		a := w.get(next).want(200)
		if a.body["@odata.count"] != 5.0 || len(a.values()) > 2 || pages > 3 {
			t.Fatalf("page %d: %s", pages, a.raw)
		}
		for _, v := range a.values() {
			got = append(got, v["id"].(string))
		}
		next, _ = a.body["@odata.nextLink"].(string)
		if next != "" && !strings.HasPrefix(next, base+"/v1.0/groups?") {
			t.Fatalf("next link %q", next)
		}
		next = strings.TrimPrefix(next, base)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %v, want %v", got, want)
	}
	names := func(path string) string {
		var out []string
		for next := path; next != ""; {
			a := w.get(next).want(200)
			for _, v := range a.values() {
				out = append(out, v["displayName"].(string))
			}
			link, _ := a.body["@odata.nextLink"].(string)
			next = strings.TrimPrefix(link, base)
		}
		return strings.Join(out, " ")
	}
	for path, want := range map[string]string{
		"/v1.0/groups?$orderby=displayName":                                         "Alpha Bravo charlie delta echo",
		"/v1.0/groups?$orderby=displayName%20desc&$top=2":                           "echo delta charlie Bravo Alpha",
		"/v1.0/groups?$filter=displayName%20eq%20%27ALPHA%27":                       "Alpha",
		"/v1.0/groups?&$filter=" + url.QueryEscape("displayName eq 'nobody'") + "&": "",
	} {
		if got := names(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if a := w.get("/v1.0/groups/$count").want(200); a.raw != "5" || a.header.Get("Content-Type") != "text/plain" {
		t.Errorf("$count: %q %v", a.raw, a.header)
	}
	for query, words := range map[string][]string{
		"$filter=colour%20eq%20'a'":         {"$filter", "'colour'", "microsoft.graph.group"},
		"$filter=displayName%20ne%20'a'":    {"ConsistencyLevel"},
		"$filter=displayName%20eq":          {"$filter"},
		"$search=%22displayName:x%22":       {"$search", "ConsistencyLevel"},
		"$top=0":                            {"$top", "999"},
		"$expand=manager":                   {"manager", "members"},
		"$orderby=colour":                   {"colour"},
		"$top=1&$top=2":                     {"$top"},
		"$orderby=displayName&$skiptoken=x": {"$skiptoken"},
		"$skiptoken=!":                      {"$skiptoken"},
		"$apply=x":                          {"apply"},
	} {
		a := w.get("/v1.0/groups?" + query)
		a.refused(400, words...)
		if e := a.body["error"].(map[string]any); e["code"] != "Request_UnsupportedQuery" {
			t.Errorf("%s: code %v", query, e["code"])
		}
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	w := newWorld(t)
	send := func(body, encoding, kind string) answer {
		t.Helper()
		r := httptest.NewRequest("POST", base+"/v1.0/groups", strings.NewReader(body))
		if encoding == "gzip" {
			r = httptest.NewRequest("POST", base+"/v1.0/groups", zipped(t, body))
		}
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("Content-Encoding", encoding)
		r.Header.Set("Content-Type", kind)
		return w.serve(r)
	}
	send(`{"displayName":"zipped"}`, "gzip", "application/json").want(201)
	send("\ufeff"+`{"displayName":"with a mark"}`, "", "application/json; charset=utf-8").want(201)
	send(`{"displayName":"`+strings.Repeat("a", 2<<20)+`"}`, "", "application/json").refused(413, "1048576")
	send(`{"displayName":"`+strings.Repeat("a", 64<<20)+`"}`, "gzip", "application/json").refused(413)
	send(`{}`, "br", "application/json").refused(415, "br")
	send(`<a/>`, "", "text/xml").refused(415, "text/xml")
	send(`{"displayName":`, "", "application/json").refused(400, "JSON")
	send(`{"displayName":"a"} {}`, "", "application/json").refused(400, "JSON")
	send(`[]`, "", "application/json").refused(400, "object")
	send(`null`, "", "application/json").refused(400, "object")
	send(`{"displayName":7,"mailEnabled":"no","groupTypes":"Unified"}`, "", "application/json").refused(400,
		"displayName: 7 is not valid; valid: a string", `mailEnabled: "no" is not valid; valid: true or false`, "groupTypes")
	send(`{"displayName":"a","groupTypes":["Unified"],"mailEnabled":true,"securityEnabled":false}`, "", "application/json").refused(400,
		"groupTypes", "mailEnabled", "securityEnabled")
	send(`{}`, "", "application/json").refused(400, "displayName")
	for body, status := range map[string]int{"no zip": 400, "\x1f\x8bdamaged": 400, `{"displayName":"a plain body that says gzip"}`: 201} {
		r := httptest.NewRequest("POST", base+"/v1.0/groups", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("Content-Encoding", "gzip")
		w.serve(r).want(status)
	}
}

func TestIfMatchGuardsAgainstOverwriting(t *testing.T) {
	w := newWorld(t)
	p := w.send("POST", "/beta/deviceAppManagement/windowsManagedAppProtections", `{"displayName":"a"}`).want(201)
	one, version := "/beta/deviceAppManagement/windowsManagedAppProtections/"+p.text("id"), p.text("version")
	w.send("PATCH", one, `{"displayName":"b"}`, "If-Match", version).want(200)
	w.send("PATCH", one, `{"displayName":"c"}`, "If-Match", version).refused(412, "If-Match")
	w.send("DELETE", one, "", "If-Match", version).refused(412)
	w.send("PATCH", one, `{"displayName":"c"}`, "If-Match", "*").want(200)
	w.send("DELETE", one, "").want(204)
	w.send("DELETE", one, "").refused(404)
}

func TestADoorWithoutItsPartsIsNotBuilt(t *testing.T) {
	_, err := graph.New(graph.Config{})
	if err == nil {
		t.Fatal("a door without anything was built")
	}
	for _, part := range []string{"Authenticate", "Authority", "BaseURL", "Log"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
}
