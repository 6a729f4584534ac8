package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/edm"
)

// batch sends requests as one and returns the answers by their identifiers.
func (w *world) batch(requests string) map[string]map[string]any {
	w.Helper()
	a := w.send("POST", "/v1.0/$batch", `{"requests":[`+requests+`]}`).want(200)
	out := map[string]map[string]any{}
	for _, r := range a.body["responses"].([]any) {
		one := r.(map[string]any)
		out[one["id"].(string)] = one
	}
	return out
}

func TestABatchPlaysItsRequestsInOrderEachWithItsOwnOutcome(t *testing.T) {
	w := newWorld(t)
	id := w.group("Staff")
	got := w.batch(`
		{"id":"1","method":"POST","url":"/groups","headers":{"Content-Type":"application/json"},"body":{"displayName":"made in a batch"},"dependsOn":[]},
		{"id":"2","method":"GET","url":"groups/` + id + `?$select=displayName","headers":{"accept":"application/json"},"body":null,"dependsOn":["1"]},
		{"id":"3","method":"GET","url":"/groups/none"},
		{"id":"4","method":"GET","url":"/groups","dependsOn":["3"]},
		{"id":"5","method":"GET","url":"/groups","dependsOn":["4"]},
		{"id":"6","method":"GET","url":"/groups/$count"},
		{"id":"7","method":"DELETE","url":"/groups/` + id + `"},
		{"id":"8","method":"GET","url":"/%zz"}`)
	for n, status := range map[string]float64{"1": 201, "2": 200, "3": 404, "4": 424, "5": 424, "6": 200, "7": 204, "8": 400} {
		if got[n]["status"] != status {
			t.Errorf("request %s: %v", n, got[n])
		}
	}
	if body := got["2"]["body"].(map[string]any); body["displayName"] != "Staff" || len(body) != 3 {
		t.Errorf("selected in a batch: %v", body)
	}
	if got["6"]["body"] != "2" || got["7"]["body"] != nil {
		t.Errorf("%v %v", got["6"], got["7"])
	}
	if e := got["3"]["body"].(map[string]any)["error"].(map[string]any); e["code"] != "Request_ResourceNotFound" {
		t.Errorf("an error in a batch: %v", e)
	}
}

func TestABatchGivesNobodyMoreRights(t *testing.T) {
	w := newWorld(t)
	w.who.Permissions = []string{"Group.Read.All"}
	got := w.batch(`{"id":"1","method":"POST","url":"/groups","headers":{"Authorization":"Bearer better"},"body":{"displayName":"x"}},{"id":"2","method":"GET","url":"/groups"}`)
	if got["1"]["status"] != 403.0 || got["2"]["status"] != 200.0 {
		t.Errorf("%v", got)
	}
	r := httptest.NewRequest("POST", base+"/v1.0/$batch", strings.NewReader(`{"requests":[{"id":"1","method":"GET","url":"/groups"}]}`))
	w.serve(r).refused(401)
}

func TestABatchThatCannotBePlayedIsRefusedWhole(t *testing.T) {
	w := newWorld(t)
	one := func(id string) string { return `{"id":"` + id + `","method":"GET","url":"/groups"}` }
	var many []string
	for i := range 21 {
		many = append(many, one(fmt.Sprint(i)))
	}
	for requests, words := range map[string][]string{
		``:                                 {"requests", "1 to 20"},
		strings.Join(many, ","):            {"21", "20"},
		one("1") + "," + one("1"):          {"requests[1].id", `"1"`},
		`{"method":"GET","url":"/groups"}`: {"requests[0].id"},
		`{"id":"1","method":"PLAY","url":"/groups"}`:                              {"requests[0].method", "PLAY", "PATCH"},
		`{"id":"1","method":"GET"}`:                                               {"requests[0].url"},
		`{"id":"1","method":"GET","url":"/groups","dependsOn":["2"]},` + one("2"): {"requests[0].dependsOn", `"2"`},
		`{"id":"1","method":"GET","url":"/groups","dependsOn":["1"]}`:             {"dependsOn"},
	} {
		w.send("POST", "/v1.0/$batch", `{"requests":[`+requests+`]}`).refused(400, words...)
	}
	w.send("POST", "/v1.0/$batch", `{"requests":7}`).refused(400, "batch")
	w.get("/v1.0/$batch").refused(405)
	if got := w.batch(`{"id":"1","method":"POST","url":"/$batch","body":{"requests":[` + one("1") + `]}}`); got["1"]["status"] != 400.0 {
		t.Errorf("a batch in a batch: %v", got)
	}
}

func TestTheMetadataSaysWhatIsServedToAnybody(t *testing.T) {
	w := newWorld(t)
	for _, version := range []string{"v1.0", "beta"} {
		a := w.serve(httptest.NewRequest("GET", base+"/"+version+"/$metadata", nil)).want(200)
		m, err := edm.Parse([]byte(a.raw))
		if err != nil || a.header.Get("Content-Type") != "application/xml" {
			t.Fatalf("%s: %v %v", version, err, a.header)
		}
		if _, ok := m.Type("windowsManagedAppProtection"); ok != (version == "beta") {
			t.Errorf("%s: windowsManagedAppProtection is there: %v", version, ok)
		}
		if !slices.ContainsFunc(m.Sets(), func(s edm.Set) bool { return s.Name == "groups" }) {
			t.Errorf("%s: no groups", version)
		}
	}
}

// names lists the display names that a path answers, page after page.
func (w *world) names(path string, headers ...string) string {
	w.Helper()
	var out []string
	for next := path; next != ""; {
		a := w.send("GET", next, "", headers...).want(200)
		for _, v := range a.values() {
			out = append(out, v["displayName"].(string))
		}
		link, _ := a.body["@odata.nextLink"].(string)
		next = strings.TrimPrefix(link, base)
	}
	return strings.Join(out, " ")
}

func TestQueriesFindWhatTheyAskFor(t *testing.T) {
	w := newWorld(t)
	for _, g := range []string{"Sales", "Sales East", "Support", "Staff"} {
		w.send("POST", "/v1.0/groups", `{"displayName":"`+g+`","description":"the `+strings.ToLower(g)+` people"}`).want(201)
	}
	eventual := []string{"ConsistencyLevel", "eventual"}
	for query, want := range map[string]string{
		"$filter=startswith(displayName,'sa')&$orderby=displayName":                     "Sales Sales East",
		"$filter=startsWith(displayName,'Sta')":                                         "Staff",
		"$filter=displayName in ('Staff','Support')&$orderby=displayName desc":          "Support Staff",
		"$filter=not(displayName eq 'Staff')&$count=true&$orderby=displayName":          "Sales Sales East Support",
		"$filter=displayName ne 'Staff'&$count=true&$orderby=displayName&$top=1":        "Sales Sales East Support",
		"$filter=endswith(displayName,'east')&$count=true":                              "Sales East",
		"$filter=contains(description,'support people')":                                "Support",
		"$filter=groupTypes/any(c:c eq 'Unified')":                                      "",
		"$filter=securityEnabled eq true and mailEnabled eq false&$orderby=displayName": "Sales Sales East Staff Support",
		"$filter=createdDateTime ge 2026-11-23T00:00:00Z and displayName eq 'Staff'":    "Staff",
		"$filter=createdDateTime gt 2026-11-24T00:00:00Z":                               "",
		`$search="displayName:sales"&$count=true&$orderby=displayName`:                  "Sales Sales East",
		`$search="displayName:east"&$count=true`:                                        "Sales East",
		"$orderby=displayName&$skip=2":                                                  "Staff Support",
		"$orderby=displayName&$skip=1&$top=1":                                           "Sales East Staff Support",
	} {
		path := "/beta/groups?" + strings.ReplaceAll(url.PathEscape(query), "+", "%2B")
		if got := w.names(path, eventual...); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	a := w.send("GET", "/beta/groups?$count=true&$top=1&$filter="+url.QueryEscape("startswith(displayName,'Sa')"), "", eventual...)
	if a.body["@odata.count"] != 2.0 || len(a.values()) != 1 {
		t.Errorf("the count is that of the filter: %s", a.raw)
	}
	if n := w.send("GET", "/v1.0/groups/$count?$filter="+url.QueryEscape("startswith(displayName,'Sa')"), "", eventual...); n.raw != "2" {
		t.Errorf("$count with $filter: %s", n.raw)
	}
	w.send("GET", "/v1.0/groups", "", "Prefer", "odata.maxpagesize=3").want(200)
	if a := w.send("GET", "/v1.0/groups", "", "Prefer", "respond-async, odata.maxpagesize=3"); len(a.values()) != 3 || a.header.Get("Preference-Applied") != "odata.maxpagesize=3" {
		t.Errorf("%d entities, %v", len(a.values()), a.header)
	}
}

func TestWhatIsExpandedIsQueriedByItsOwnOptions(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	id := w.send("POST", "/v1.0/groups", `{"displayName":"Staff","members@odata.bind":["https://x/v1.0/users/`+ada+`","https://x/v1.0/users/`+bob+`"]}`).want(201).text("id")
	a := w.get("/v1.0/groups/" + id + "?$select=displayName&$expand=members($select=displayName;$orderby=displayName%20desc;$top=1)").want(200)
	members := a.body["members"].([]any)
	if len(members) != 1 || a.body["displayName"] != "Staff" || a.body["securityEnabled"] != nil {
		t.Fatalf("%s", a.raw)
	}
	if m := members[0].(map[string]any); m["displayName"] != "bob" || m["userPrincipalName"] != nil || m["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("%v", m)
	}
	if a.body["members@odata.context"] == nil {
		t.Errorf("no context beside what was expanded: %s", a.raw)
	}
	if got := w.get("/v1.0/groups?$expand=members").want(200).values(); len(got[0]["members"].([]any)) != 2 {
		t.Errorf("%v", got)
	}
}

func FuzzNoRequestBreaksTheDoor(f *testing.F) {
	for _, seed := range [][3]string{
		{"GET", "/v1.0/groups?$filter=a eq 'b'&$expand=members($select=id)", ""},
		{"POST", "/beta/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users"}]}`},
		{"PATCH", "/beta/groups('1')", `{"displayName":null,"members@odata.bind":["x"]}`},
		{"POST", "/beta/deviceAppManagement/windowsManagedAppProtections", `{"displayName":"a","apps":[{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier"}}]}`},
		{"GET", "/v1.0/users/$count?$search=%22a:b%22", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.Parse("https://postern.example" + target)
		if err != nil || !slices.Contains([]string{"GET", "POST", "PATCH", "DELETE"}, method) || !strings.HasPrefix(u.Path, "/v1.0/") && !strings.HasPrefix(u.Path, "/beta/") {
			return
		}
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		r.URL, r.Host = u, u.Host
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("ConsistencyLevel", "eventual")
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Errorf("%s %s %q: %d %s", method, target, body, rec.Code, rec.Body)
		}
		if rec.Code >= 400 && rec.Body.Len() > 0 && strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s %s: no JSON: %s", method, target, rec.Body)
		}
	})
}
