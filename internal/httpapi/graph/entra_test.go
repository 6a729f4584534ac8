package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
)

func TestAGroupIsBornWithItsOwnersAndMembers(t *testing.T) {
	e := newEstate(t)
	ada, bob := e.user("ada"), e.user("bob")
	app := e.get("/v1.0/servicePrincipals(appId='" + string(e.boot.ClientID) + "')").want(200).text("id")
	body := func(owners, members string) string {
		return `{"displayName":"Staff","mailEnabled":false,"mailNickname":"staff","securityEnabled":true,"owners@odata.bind":[` + owners + `],"members@odata.bind":[` + members + `]}`
	}
	object := func(id string) string { return `"` + base + `/v1.0/directoryObjects('` + id + `')"` }
	one := "/v1.0/groups/" + e.send("POST", "/v1.0/groups", body(object(app)+","+object(ada), object(bob)+`,"`+base+`/v1.0/users/`+ada+`"`)).want(201).text("id")

	owners := e.get(one + "/owners").want(200)
	if got := owners.ids(); len(got) != 2 || !slices.Contains(got, app) || !strings.Contains(owners.raw, `"#microsoft.graph.servicePrincipal"`) {
		t.Errorf("%s", owners.raw)
	}
	if got := e.get(one + "/owners/graph.servicePrincipal").want(200).ids(); !slices.Equal(got, []string{app}) {
		t.Errorf("%v", got)
	}
	if got := e.get(one + "/members/graph.user").want(200).ids(); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if got := e.send("GET", one+"/members/$count", "", "ConsistencyLevel", "eventual").want(200); got.raw != "2" {
		t.Errorf("%s", got.raw)
	}
	refs := e.get(one + "/members/$ref").want(200)
	if refs.text("@odata.context") != base+"/v1.0/$metadata#Collection($ref)" || len(refs.values()) != 2 || refs.values()[0]["@odata.id"] == nil {
		t.Errorf("%s", refs.raw)
	}
	wide := e.get(one + "?$expand=members($select=id;$top=1)").want(200)
	if inside := wide.body["members"].([]any); len(inside) != 1 || inside[0].(map[string]any)["displayName"] != nil {
		t.Errorf("%s", wide.raw)
	}

	e.send("POST", one+"/owners/$ref", `{"@odata.id":`+object(ada)+`}`).refused(400, "already exist")
	e.send("DELETE", one+"/owners/"+app+"/$ref", "").want(204)
	e.send("DELETE", one+"/owners/"+app+"/$ref", "").refused(404, "does not exist")
	e.send("POST", one+"/owners/$ref", `{"@odata.id":`+object("nobody")+`}`).refused(404, "nobody")
	if got := e.get(one + "/owners").want(200).ids(); !slices.Equal(got, []string{ada}) {
		t.Errorf("%v", got)
	}

	before := e.get("/v1.0/groups/$count").raw
	e.send("POST", "/v1.0/groups", body(object(ada), object(app))).refused(404, app) // an app is no member
	e.send("POST", "/v1.0/groups", body(object(ada), object(bob)+","+object(bob))).refused(400, "already exist")
	e.send("POST", "/v1.0/groups", body(object("nobody"), "")).refused(404, "nobody")
	if after := e.get("/v1.0/groups/$count").raw; after != before {
		t.Errorf("a refused group stays: %s groups, %s before", after, before)
	}
}

func TestAGroupIsFoundByItsUniqueName(t *testing.T) {
	e := newEstate(t)
	ada := e.user("ada")
	a := e.send("POST", "/beta/groups", `{"displayName":"Staff","mailEnabled":false,"mailNickname":"staff","securityEnabled":true,"uniqueName":"staff"}`).want(201)
	id, named := a.text("id"), "/v1.0/groups(uniqueName='staff')"
	if got := e.get(named).want(200); got.text("id") != id || got.text("uniqueName") != "staff" {
		t.Errorf("%s", got.raw)
	}
	e.send("POST", named+"/members/$ref", `{"@odata.id":"`+base+`/v1.0/users/`+ada+`"}`).want(204)
	if got := e.get(named + "/members").want(200).ids(); !slices.Equal(got, []string{ada}) {
		t.Errorf("%v", got)
	}
	e.send("DELETE", named+"/members/"+ada+"/$ref", "").want(204)
	e.send("PATCH", named, `{"description":"all"}`).want(204)
	e.send("PATCH", named, `{"uniqueName":"other"}`).refused(400, "cannot change")
	e.send("POST", "/v1.0/groups", `{"displayName":"Again","mailEnabled":false,"mailNickname":"x","securityEnabled":true,"uniqueName":"staff"}`).want(409)
	e.get("/v1.0/groups(uniqueName='none')").want(404)
	e.get("/v1.0/groups(mail='x')").refused(400, "uniqueName")

	// Upsert: it is made when it is not there, changed when it is.
	body := `{"displayName":"Made","mailEnabled":false,"mailNickname":"made","securityEnabled":true}`
	e.send("PATCH", "/v1.0/groups(uniqueName='made')", body).want(404)
	e.send("PATCH", "/v1.0/groups(uniqueName='made')", body, "Prefer", "create-if-missing").want(201).has(`{"uniqueName":"made","displayName":"Made"}`)
	e.send("PATCH", "/v1.0/groups(uniqueName='made')", `{"displayName":"Made again"}`, "Prefer", "create-if-missing").want(204)
	e.get("/v1.0/groups(uniqueName='made')").want(200).has(`{"displayName":"Made again"}`)
}

func TestNestingIsSeenFromBothSides(t *testing.T) {
	e := newEstate(t)
	ada := e.user("ada")
	inner, middle, outer := e.group("inner"), e.group("middle"), e.group("outer")
	for _, step := range [][2]string{{inner, ada}, {middle, inner}, {outer, middle}, {inner, outer}} { // a circle
		e.join(step[0], step[1]).want(204)
	}
	e.send("POST", "/v1.0/groups/"+inner+"/members/$ref", `{"@odata.id":"`+base+`/v1.0/groups/`+inner+`"}`).refused(400, "itself")
	all := []string{inner, middle, outer}
	slices.Sort(all)
	sorted := func(a answer) []string { ids := a.want(200).ids(); slices.Sort(ids); return ids }
	user := "/v1.0/users/" + ada
	for path, want := range map[string][]string{
		user + "/memberOf": {inner}, user + "/memberOf/graph.group": {inner}, user + "/transitiveMemberOf": all, user + "/transitiveMemberOf/graph.group": all,
		"/beta/users/ada@contoso.example/transitiveMemberOf": all, "/v1.0/groups/" + inner + "/memberOf": {middle},
		"/v1.0/groups/" + outer + "/transitiveMembers/graph.user": {ada},
	} {
		if got := sorted(e.get(path)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	texts := func(a answer) (out []string) {
		for _, v := range a.want(200).body["value"].([]any) {
			out = append(out, v.(string))
		}
		slices.Sort(out)
		return out
	}
	for action, want := range map[string][]string{
		`getMemberGroups {"securityEnabledOnly":true}`: all, `getMemberObjects {"securityEnabledOnly":false}`: all,
		`checkMemberGroups {"groupIds":["` + outer + `","none"]}`: {outer}, `checkMemberObjects {"ids":["` + middle + `"]}`: {middle},
	} {
		name, body, _ := strings.Cut(action, " ")
		if got := texts(e.send("POST", user+"/"+name, body)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", action, got, want)
		}
	}
	e.get("/v1.0/groups/none/members").want(404)
	e.get("/v1.0/groups/none/transitiveMembers").want(404)
	e.get("/v1.0/users/none/memberOf").want(404)

	seen, page := []string{}, e.get("/v1.0/groups/"+outer+"/transitiveMembers?$top=1").want(200)
	for range 9 {
		seen = append(seen, page.ids()...)
		next, more := page.body["@odata.nextLink"].(string)
		if !more {
			break
		}
		page = e.get(strings.TrimPrefix(next, base)).want(200)
	}
	if slices.Sort(seen); len(seen) != 3 || !slices.Contains(seen, ada) {
		t.Errorf("%v", seen)
	}
}

func TestMeIsWhoAsks(t *testing.T) {
	e := newEstate(t)
	e.get("/v1.0/me").refused(400, "delegated")
	e.as(directory.ReadOnlyOperator, nil)
	e.who.Scopes = []string{directory.UserRead}
	if got := e.get("/v1.0/me").want(200).text("id"); got != string(e.who.User) {
		t.Errorf("%s", got)
	}
}

func TestDevicesAreFoundByTheirUser(t *testing.T) {
	e := newEstate(t)
	ada, bob := e.user("ada"), e.user("bob")
	pc := string(e.enroll(ada).Device)
	e.enroll(bob)
	for _, relation := range []string{"ownedDevices", "registeredDevices"} {
		if got := e.get("/v1.0/users/" + ada + "/" + relation).want(200).ids(); !slices.Equal(got, []string{pc}) {
			t.Errorf("%s: %v", relation, got)
		}
	}
	for _, relation := range []string{"registeredOwners", "registeredUsers"} {
		if got := e.get("/v1.0/devices(deviceId='" + pc + "')/" + relation).want(200).ids(); !slices.Equal(got, []string{ada}) {
			t.Errorf("%s: %v", relation, got)
		}
	}
}

func TestObjectsAreFoundByIdentifierAlone(t *testing.T) {
	e := newEstate(t)
	ada, staff := e.user("ada"), e.group("staff")
	pc := string(e.enroll(ada).Device)
	app := e.get("/v1.0/applications(appId='" + string(e.boot.ClientID) + "')").want(200).text("id")
	for id, kind := range map[string]string{ada: "user", staff: "group", pc: "device", app: "servicePrincipal"} {
		if got := e.get("/v1.0/directoryObjects/" + id).want(200); got.text("@odata.type") != "#microsoft.graph."+kind || got.text("id") != id {
			t.Errorf("%s", got.raw)
		}
	}
	e.get("/v1.0/directoryObjects/none").refused(404, "none")
	ids := `"ids":["` + strings.Join([]string{ada, staff, pc, app, "none"}, `","`) + `"]`
	if got := e.send("POST", "/v1.0/directoryObjects/getByIds", `{`+ids+`}`).want(200).ids(); !slices.Equal(got, []string{ada, staff, pc, app}) {
		t.Errorf("%v", got)
	}
	if got := e.send("POST", "/v1.0/directoryObjects/getByIds", `{`+ids+`,"types":["group","device"]}`).want(200).ids(); !slices.Equal(got, []string{staff, pc}) {
		t.Errorf("%v", got)
	}
	e.send("POST", "/v1.0/directoryObjects/getByIds", `{"ids":[]}`).refused(400, "ids")
}
