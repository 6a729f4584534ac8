package graph_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/test/csdl"
	"github.com/postern-mam/postern/wire"
)

const (
	edge           = "com.microsoft.edge"
	apps           = "/beta/deviceAppManagement/"
	configurations = apps + "targetedManagedAppConfigurations"
	enrolled       = apps + "managedAppRegistrations"
)

// estate is the door over the MAM room itself. Every answer is held against
// Graph's metadata.
type estate struct {
	*world
	room *mam.Service
}

// Sign is the hall's signing key, which nobody verifies here.
func (e *estate) Sign(context.Context, string, any) (string, error) { return "an.order.signed", nil }

func newEstate(t *testing.T) *estate {
	t.Helper()
	e := &estate{world: newWorld(t)}
	room, err := mam.New(mam.Config{
		Store: e.store.MAM(), Signer: e, Issuer: base, Now: func() time.Time { return now },
		OrderKeys: func(context.Context) ([]byte, error) { return []byte(`{"keys":[]}`), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	e.room, e.mam = room, room
	e.mount()
	inner, reference := e.handler, csdl.Read(t)
	e.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		inner.ServeHTTP(rec, r)
		reference.Check(t, csdl.Answer{Method: r.Method, URL: r.URL.RequestURI(), Status: rec.Code, ContentType: rec.Header().Get("Content-Type"), Body: rec.Body.Bytes()})
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
	return e
}

func identifier(app string) string {
	return `{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"` + app + `"}}`
}

// everyone assigns to all users, and edgeFor is Edge for them.
const everyone = `{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget"}}`

func (e *estate) edgeFor(path, name, more string) string {
	e.Helper()
	return e.send("POST", path, `{"displayName":"`+name+`","apps":[`+identifier(edge)+`],"assignments":[`+everyone+`]`+more+`}`).want(201).text("id")
}

// enroll lets a user enrol Edge on a new PC, which applies what it is told.
func (e *estate) enroll(user string) mam.Registration {
	e.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	e.ok(err)
	public := jose.JSONWebKey{Key: key.Public()}
	doc, err := public.MarshalJSON()
	e.ok(err)
	sum, err := public.Thumbprint(crypto.SHA256)
	e.ok(err)
	caller := func() mam.Caller {
		return mam.Caller{Tenant: e.boot.Tenant, User: directory.UserID(user), Proof: oauth.Proof{
			JKT: base64.RawURLEncoding.EncodeToString(sum), JTI: rand.Text(), ExpiresAt: now.Add(time.Minute), Key: doc,
		}}
	}
	ctx := e.Context()
	pc, err := e.room.RegisterDevice(ctx, caller(), wire.RegisterDevice{DisplayName: "laptop", Platform: "windows", OSVersion: "10.0.22631.3155", KeyProtection: "tpm"})
	e.ok(err)
	in, err := e.room.Enroll(ctx, caller(), wire.Enroll{DeviceID: string(pc.ID), App: edge, AppVersion: "122.0.1", SDKVersion: "1.0.0"})
	e.ok(err)
	id := directory.RegistrationID(in.RegistrationID)
	_, err = e.room.CheckIn(ctx, caller(), id, wire.CheckIn{
		AppVersion: "122.0.1", SDKVersion: "1.0.0", OSVersion: "10.0.22631.3155", Adapter: "windows", MeasuredAt: now, PolicyETag: in.Policy.ETag,
		Providers: map[string]string{"antivirus": "good", "firewall": "good"},
		Controls:  []wire.Control{{Control: "wipe", State: "partly", By: "extension", Gaps: []string{"savedPasswords"}}},
	})
	e.ok(err)
	r, err := e.room.Get(ctx, e.boot.Tenant, id)
	e.ok(err)
	return r
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// as makes the caller a user with a role over what has tags and who is in scopes.
func (e *estate) as(role string, tags []string, scopes ...directory.GroupID) {
	e.Helper()
	full := e.who
	user := e.user(rand.Text())
	group := e.group(rand.Text())
	e.send("POST", "/v1.0/groups/"+group+"/members/$ref", `{"@odata.id":"`+base+`/v1.0/directoryObjects/`+user+`"}`).want(204)
	_, err := e.admin.RoleAssignments().Save(e.Context(), directory.RoleAssignment{
		Tenant: e.boot.Tenant, DisplayName: "x", Role: role, Members: []directory.GroupID{directory.GroupID(group)}, Scopes: scopes, ScopeTags: tags,
	})
	e.ok(err)
	e.who = full
	e.who.User, e.who.Permissions, e.who.Scopes = directory.UserID(user), nil, []string{directory.ProtectionWrite}
}

func (a answer) ids() (ids []string) {
	a.Helper()
	for _, v := range a.values() {
		ids = append(ids, v["id"].(string))
	}
	return ids
}

func TestAnAppConfigurationComesBackAsItWasMeant(t *testing.T) {
	e := newEstate(t)
	staff := e.group("staff")
	for _, version := range []string{"/v1.0/", "/beta/"} {
		path := version + "deviceAppManagement/targetedManagedAppConfigurations"
		a := e.send("POST", path, `{"@odata.type":"#microsoft.graph.targetedManagedAppConfiguration","displayName":"Edge","description":"for all",
			"customSettings":[{"name":"server","value":"{{mail}}"},{"@odata.type":"#microsoft.graph.keyValuePair","name":"com.microsoft.intune.mam.managedbrowser.homepage","value":"https://a.example"}],
			"appGroupType":"selectedPublicApps","targetedAppManagementLevels":"unmanaged","apps":[`+identifier(edge)+`],
			"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"`+staff+`"}}],"postern":{"priority":7}}`).want(201)
		a.has(`{"@odata.type":"#microsoft.graph.targetedManagedAppConfiguration","displayName":"Edge","deployedAppCount":1,"isAssigned":true,"version":"\"1\"",
			"customSettings":[{"name":"server","value":"{{mail}}"},{"name":"com.microsoft.intune.mam.managedbrowser.homepage","value":"https://a.example"}],"postern":{"priority":7}}`)
		one := path + "/" + a.text("id")
		if !strings.HasPrefix(a.text("id"), "A_") || (a.body["targetedAppManagementLevels"] == "unmanaged") != (version == "/beta/") {
			t.Errorf("%s", a.raw)
		}
		e.send("PATCH", one, `{"displayName":"Edge 2","customSettings":[]}`).want(200).has(`{"displayName":"Edge 2","customSettings":[],"isAssigned":true}`)
		full := e.get(one + "?$expand=apps,assignments").want(200)
		full.has(`{"postern":{"priority":7},"apps":[{"id":"com.microsoft.edge.windows","version":null,"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"com.microsoft.edge"}}]}`)
		again := e.send("POST", path, full.raw).want(201) // an export is a body
		if fresh := e.get(path + "/" + again.text("id") + "?$expand=apps,assignments").want(200); fresh.text("id") == a.text("id") {
			t.Errorf("not a new one: %s", fresh.raw)
		}
		e.send("POST", one+"/targetApps", `{"appGroupType":"selectedPublicApps","apps":[]}`).want(204)
		e.send("POST", one+"/assign", `{"assignments":[]}`).want(204)
		e.get(one).want(200).has(`{"deployedAppCount":0,"isAssigned":false}`)
		e.send("DELETE", one, "").want(204)
	}
	e.send("POST", configurations, `{"displayName":"x"}`).want(201).has(`{"postern":{"priority":100},"targetedAppManagementLevels":"unspecified"}`)
	for body, words := range map[string][]string{
		`{"displayName":"x","customSettings":[{"name":"HomepageLocatoin","value":"https://a.example"}]}`:                                {"customSettings[0]", "HomepageLocatoin", "HomepageLocation"},
		`{"displayName":"x","customSettings":[{"name":"RestoreOnStartup","value":"9"}]}`:                                                {"RestoreOnStartup", "4 ("},
		`{"displayName":"x","postern":{"priority":20000}}`:                                                                              {"priority", "20000", "10000"},
		`{"displayName":"x","appGroupType":"allApps"}`:                                                                                  {"appGroupType", "allApps", "selectedPublicApps"},
		`{"displayName":"x","targetedAppManagementLevels":"mdm"}`:                                                                       {"targetedAppManagementLevels", "mdm", "unmanaged"},
		`{"displayName":"x","apps":[{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.iosMobileAppIdentifier","bundleId":"x"}}]}`: {"apps[0].mobileAppIdentifier.@odata.type", "iOS", "windowsAppIdentifier"},
		`{"displayName":"x","@odata.type":"#microsoft.graph.iosManagedAppProtection"}`:                                                  {"@odata.type", "iOS"},
		`{"displayName":"x","customSettings":{}}`:                                                                                       {"customSettings"},
	} {
		e.send("POST", configurations, body).refused(400, words...)
	}
}

// setting is a typed setting as the portal sends it.
func setting(key, kind, value string) string {
	const shape = "#microsoft.graph.deviceManagementConfiguration"
	return `{"@odata.type":"` + shape + `Setting","settingInstance":{"@odata.type":"` + shape + kind + `","settingDefinitionId":"com.microsoft.edge.mamedgeappconfigsettings.` +
		strings.ToLower(key) + `",` + value + `}}`
}

func TestEverySettingOfTheCatalogueGoesInAndOutUnchanged(t *testing.T) {
	e := newEstate(t)
	var catalogue []configuration.Setting
	for _, k := range configuration.Catalogue() {
		catalogue = append(catalogue, configuration.Setting{Name: k.Name, Value: k.Example})
	}
	saved, err := e.admin.Configurations().Save(t.Context(), configuration.Policy{Tenant: e.boot.Tenant, DisplayName: "all", Catalog: catalogue})
	e.ok(err)
	one := configurations + "/" + string(saved.ID)
	out := e.get(one + "?$expand=settings").want(200)
	if list, _ := out.body["settings"].([]any); len(list) != len(catalogue) {
		t.Fatalf("%d of %d settings: %s", len(list), len(catalogue), out.raw)
	}
	if a := e.get(one + "/settings/$count").want(200); a.raw != "73" && len(catalogue) == 73 {
		t.Errorf("$count %s", a.raw)
	}
	raw, err := json.Marshal(map[string]any{"settings": out.body["settings"]})
	e.ok(err)
	e.send("POST", one+"/changeSettings", string(raw)).want(204)
	now, err := e.admin.Configurations().Get(t.Context(), e.boot.Tenant, string(saved.ID))
	e.ok(err)
	for i, s := range now.Catalog {
		k, _ := configuration.Lookup(s.Name)
		was, _ := k.Parse(catalogue[i].Value)
		is, err := k.Parse(s.Value)
		if err != nil || is != was || s.Name != catalogue[i].Name {
			t.Errorf("%s: %s became %s (%v)", s.Name, was, is, err)
		}
	}
}

func TestSettingsAreChosenByTheNamesOfTheCatalogue(t *testing.T) {
	e := newEstate(t)
	one := configurations + "/" + e.send("POST", configurations, `{"displayName":"x"}`).want(201).text("id")
	const text, value = "#microsoft.graph.deviceManagementConfigurationStringSettingValue", "#microsoft.graph.deviceManagementConfigurationChoiceSettingValue"
	add := setting("ShowCastIconInToolbar", "ChoiceSettingInstance", `"choiceSettingValue":{"@odata.type":"`+value+`","value":"com.microsoft.edge.mamedgeappconfigsettings.showcasticonintoolbar_0","children":[]}`)
	e.send("POST", one+"/settings", add).want(201).has(`{"id":"0"}`)
	got := e.get(one + "/settings").want(200).values()
	if raw, _ := json.Marshal(got); len(got) != 1 || !strings.Contains(string(raw), "showcasticonintoolbar_false") {
		t.Errorf("settings: %s", raw)
	}
	change := func(s string) answer { return e.send("POST", one+"/changeSettings", `{"settings":[`+s+`]}`) }
	change(setting("HomepageLocation", "SimpleSettingInstance", `"simpleSettingValue":{"@odata.type":"`+text+`","value":"https://a.example"}`)).want(204)
	change(setting("HomepageLocatoin", "SimpleSettingInstance", `"simpleSettingValue":{"@odata.type":"`+text+`","value":"https://a.example"}`)).refused(400, "settings[0]", "homepagelocatoin", "HomepageLocation")
	change(setting("HomepageLocation", "SimpleSettingInstance", `"simpleSettingValue":{"@odata.type":"`+text+`","value":"nowhere"}`)).refused(400, "HomepageLocation", "absolute URL")
	change(setting("HomepageLocation", "GroupSettingInstance", `"groupSettingValue":{}`)).refused(400, "settings[0].settingInstance.@odata.type", "SimpleSettingInstance")
	change(`{}`).refused(400, "settings[0].settingInstance")
	if a := e.get(strings.Replace(one, "/beta/", "/v1.0/", 1) + "/settings"); a.status != 400 {
		t.Errorf("typed settings on v1.0: %d", a.status)
	}
	e.get(one + "/settings").want(200)
}

func TestAllPoliciesAreOneList(t *testing.T) {
	e := newEstate(t)
	t1 := e.edgeFor(protections, "protection", "")
	a1, a2 := e.edgeFor(configurations, "first", ""), e.edgeFor(configurations, "second", "")
	const all = apps + "managedAppPolicies"
	var ids []string
	for next := all + "?$top=2&$count=true"; next != ""; {
		a := e.get(next).want(200)
		if a.body["@odata.count"] != 3.0 {
			t.Errorf("count: %s", a.raw)
		}
		ids = append(ids, a.ids()...)
		link, _ := a.body["@odata.nextLink"].(string)
		next = strings.TrimPrefix(link, base)
	}
	if slices.Sort(ids); !slices.Equal(ids, slices.Sorted(slices.Values([]string{a1, a2, t1}))) {
		t.Errorf("pages hold %v", ids)
	}
	for filter, want := range map[string]int{
		"isof('microsoft.graph.windowsManagedAppProtection')": 1, "isof('microsoft.graph.managedAppConfiguration')": 2,
		"displayName eq 'second'": 1, "isof('microsoft.graph.managedAppPolicy')": 3,
	} {
		if got := e.get(all + "?$filter=" + url.QueryEscape(filter)).want(200).ids(); len(got) != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
	if got := e.get("/v1.0/deviceAppManagement/managedAppPolicies").want(200).ids(); len(got) != 2 || slices.Contains(got, t1) {
		t.Errorf("v1.0: %v", got)
	}
	e.get("/v1.0/deviceAppManagement/managedAppPolicies/"+t1).refused(404, "beta")
	e.get(all + "/" + t1).want(200).has(`{"@odata.type":"#microsoft.graph.windowsManagedAppProtection"}`)
	e.get(all + "('" + a1 + "')").want(200).has(`{"@odata.type":"#microsoft.graph.targetedManagedAppConfiguration"}`)
	e.send("PATCH", all+"/"+t1, `{"@odata.type":"#microsoft.graph.windowsManagedAppProtection","printBlocked":true}`).want(200).has(`{"printBlocked":true}`)
	e.send("POST", all+"/"+a1+"/targetApps", `{"apps":[]}`).want(204)
	e.send("DELETE", all+"/"+a1, "").want(204)
	e.get(configurations + "/" + a1).refused(404)
	e.send("POST", all, `{"@odata.type":"#microsoft.graph.targetedManagedAppConfiguration","displayName":"third"}`).want(201)
	e.send("POST", all, `{"@odata.type":"#microsoft.graph.windowsManagedAppProtection","displayName":"fourth"}`).want(201)
	e.send("POST", all, `{"displayName":"fifth"}`).refused(400, "@odata.type")
	e.send("POST", all, `{"@odata.type":"#microsoft.graph.androidManagedAppProtection","displayName":"sixth"}`).refused(400, "Android", "@odata.type")
	if a := e.get(all + "/$count").want(200); a.raw != "4" {
		t.Errorf("$count %s", a.raw)
	}
}

func TestAFilterNarrowsAnAssignment(t *testing.T) {
	e := newEstate(t)
	filter := e.send("POST", "/beta/deviceManagement/assignmentFilters", `{"displayName":"new","platform":"windowsMobileApplicationManagement",
		"assignmentFilterManagementType":"apps","rule":"(app.osVersion -ge \"10.0.22631.0\")"}`).want(201).text("id")
	one := protections + "/" + e.send("POST", protections, `{"displayName":"x","apps":[`+identifier(edge)+`]}`).want(201).text("id")
	assign := func(id, mode string) answer {
		return e.send("POST", one+"/assign", `{"assignments":[{"target":{"@odata.type":"#microsoft.graph.allLicensedUsersAssignmentTarget",
			"deviceAndAppManagementAssignmentFilterId":`+id+`,"deviceAndAppManagementAssignmentFilterType":"`+mode+`"}}]}`)
	}
	narrowed := func() any { return e.get(one + "/assignments").want(200).values()[0]["target"] }
	for _, mode := range []string{"include", "exclude"} {
		assign(`"`+filter+`"`, mode).want(204)
		if v := narrowed().(map[string]any); v["deviceAndAppManagementAssignmentFilterId"] != filter || v["deviceAndAppManagementAssignmentFilterType"] != mode {
			t.Errorf("%s: %v", mode, v)
		}
	}
	for _, none := range []string{`null`, `"00000000-0000-0000-0000-000000000000"`, `""`} {
		assign(none, "none").want(204)
		if v := narrowed().(map[string]any); v["deviceAndAppManagementAssignmentFilterId"] != nil || v["deviceAndAppManagementAssignmentFilterType"] != "none" {
			t.Errorf("%s: %v", none, v)
		}
		assign(none, "include").refused(400, "include", "without a filter")
	}
	assign(`"`+filter+`"`, "sometimes").refused(400, "sometimes", "exclude")
}

func TestAPolicyHasAHistoryAndComesBack(t *testing.T) {
	e := newEstate(t)
	for _, path := range []string{protections, configurations} {
		one := path + "/" + e.edgeFor(path, "old", "")
		e.send("PATCH", one, `{"displayName":"new"}`).want(200)
		versions := e.get(one + "/postern.versions").want(200).values()
		slices.SortFunc(versions, func(a, b map[string]any) int { return int(b["revision"].(float64) - a["revision"].(float64)) }) // the clock stands still
		if len(versions) != 2 || versions[0]["revision"] != 2.0 || versions[0]["dateTime"] == nil {
			t.Errorf("%s: %v", path, versions)
		}
		if raw, _ := json.Marshal(versions[0]["changes"]); !strings.Contains(string(raw), "old") || !strings.Contains(string(raw), "new") {
			t.Errorf("changes: %s", raw)
		}
		if actor := versions[0]["actor"].(map[string]any); actor["applicationId"] != string(e.boot.ClientID) {
			t.Errorf("actor: %v", actor)
		}
		e.send("POST", one+"/postern.restore", `{"revision":1}`).want(200).has(`{"displayName":"old","isAssigned":true}`)
		e.send("POST", one+"/postern.restore", `{}`).refused(400, "revision")
		e.send("POST", one+"/postern.restore", `{"revision":9}`).refused(404, "9")
		e.send("DELETE", one, "").want(204)
		e.send("POST", one+"/postern.restore", `{"revision":2}`).want(200).has(`{"displayName":"new"}`)
		e.get(path + "/none/postern.versions").refused(404)
	}
}

func TestTemplatesArePostedAsTheyAre(t *testing.T) {
	e := newEstate(t)
	levels := e.get(apps + "postern.protectionTemplates").want(200).values()
	if len(levels) != 3 {
		t.Fatalf("%v", levels)
	}
	for _, level := range levels {
		raw, err := json.Marshal(level)
		e.ok(err)
		a := e.send("POST", protections, string(raw)).want(201)
		for name, want := range level {
			if have := a.body[name]; name != "postern" && !strings.HasPrefix(name, "@odata") {
				x, _ := json.Marshal(have)
				y, _ := json.Marshal(want)
				if string(x) != string(y) {
					t.Errorf("%v: %s is %s, was %s", level["displayName"], name, x, y)
				}
			}
		}
	}
}

func TestAnAppTakesThePlaceOfAnother(t *testing.T) {
	e := newEstate(t)
	one := protections + "/" + e.edgeFor(protections, "x", "")
	e.send("PATCH", one+"/apps/com.microsoft.edge.windows", identifier("com.example.lob")).want(200).has(`{"id":"com.example.lob.windows"}`)
	if got := e.get(one + "/apps").want(200).ids(); !slices.Equal(got, []string{"com.example.lob.windows"}) {
		t.Errorf("%v", got)
	}
	e.send("PATCH", one+"/apps/com.microsoft.edge.windows", identifier("x.y")).refused(404)
}

func TestWhatAppliesIsShownWithWhereItComesFrom(t *testing.T) {
	e := newEstate(t)
	ada := e.user("ada")
	strict := e.edgeFor(protections, "strict", `,"printBlocked":true,"allowedOutboundDataTransferDestinations":"none"`)
	e.edgeFor(protections, "loose", `,"printBlocked":false`)
	low := e.edgeFor(configurations, "low", `,"customSettings":[{"name":"server","value":"b"}]`)
	high := e.edgeFor(configurations, "high", `,"customSettings":[{"name":"server","value":"a {{userprincipalname}}"}],"postern":{"priority":1}`)

	a := e.get(apps + "postern.effectivePolicy(user='ada@contoso.example',app='com.microsoft.edge')").want(200)
	var out struct {
		Protected bool
		Settings  []struct {
			Name, Value string
			Source      struct{ ID, DisplayName string }
			Overruled   []struct{ ID, Value string }
		}
		Configuration struct {
			Settings []struct {
				Name, Value string
				Source      struct{ ID, DisplayName string }
			}
			Conflicts []struct {
				Name   string
				Winner struct{ ID string }
				Claims []struct{ ID, Value string }
			}
		}
	}
	e.ok(json.Unmarshal([]byte(a.raw), &out))
	found := false
	for _, s := range out.Settings {
		if s.Name == "print" || strings.Contains(strings.ToLower(s.Name), "print") {
			found = true
			if s.Source.ID != strict || s.Source.DisplayName != "strict" || len(s.Overruled) != 1 {
				t.Errorf("print: %+v", s)
			}
		}
	}
	c := out.Configuration
	if !out.Protected || !found || len(c.Settings) != 1 || c.Settings[0].Value != "a ada@contoso.example" || c.Settings[0].Source.ID != high {
		t.Errorf("%s", a.raw)
	}
	if len(c.Conflicts) != 1 || c.Conflicts[0].Winner.ID != high || len(c.Conflicts[0].Claims) != 2 || c.Conflicts[0].Claims[1].ID != low {
		t.Errorf("conflicts: %+v", c.Conflicts)
	}
	none := e.get(apps + "postern.effectivePolicy(user='" + ada + "',app='com.example.other')").want(200)
	if none.body["protected"] != false || none.body["why"] == nil {
		t.Errorf("%s", none.raw)
	}
	e.get(apps+"postern.effectivePolicy(user='ada@contoso.example')").refused(400, "app")
	e.get(apps + "postern.effectivePolicy(user='nobody@contoso.example',app='x')").refused(404)
	for _, version := range []string{"/v1.0", "/beta"} {
		if got := e.get(version + "/users/" + ada + "/getManagedAppPolicies()").want(200).ids(); len(got) != 4 {
			t.Errorf("%s: %v", version, got)
		}
	}
}

// controls holds what the app of enroll says of how far it enforces its policy.
func (e *estate) controls(shown any) {
	e.Helper()
	of, _ := shown.(map[string]any)
	all, _ := of["controls"].([]any)
	if len(all) != len(enforcement.Controls()) {
		e.Fatalf("controls are %v", of["controls"])
	}
	for _, c := range all {
		c, _ := c.(map[string]any)
		gaps, _ := c["gaps"].([]any)
		want := "unknown nobody 0"
		if c["control"] == enforcement.Wipe {
			want = "partly extension 1"
		}
		if got := fmt.Sprint(c["state"], " ", c["by"], " ", len(gaps)); got != want {
			e.Errorf("%v: %s, want %s", c["control"], got, want)
		}
		for _, gap := range gaps {
			if gap, _ := gap.(map[string]any); gap["gap"] != "savedPasswords" || gap["text"] != enforcement.Text("savedPasswords") {
				e.Errorf("a gap is shown as %v", gap)
			}
		}
	}
}

func TestARegistrationShowsWhatItShouldAndDoesApply(t *testing.T) {
	e := newEstate(t)
	ada := e.user("ada")
	p, c := e.edgeFor(protections, "Edge", ""), e.edgeFor(configurations, "Homepage", "")
	r := e.enroll(ada)
	for _, version := range []string{"/v1.0/", "/beta/"} {
		one := version + "deviceAppManagement/managedAppRegistrations/" + string(r.Standing.Registration)
		a := e.get(one + "?$expand=appliedPolicies,intendedPolicies,operations").want(200)
		for _, list := range []string{"appliedPolicies", "intendedPolicies"} {
			policies, _ := a.body[list].([]any)
			if len(policies) != 2 || policies[0].(map[string]any)["id"] != c || policies[1].(map[string]any)["id"] != p {
				t.Errorf("%s: %v", list, policies)
			}
			if got := e.get(one + "/" + list).want(200).ids(); len(got) != 2 {
				t.Errorf("%s: %v", list, got)
			}
		}
	}
	one := enrolled + "/" + string(r.Standing.Registration)
	e.get(one).want(200).has(`{"flaggedReasons":[]}`)
	e.controls(e.get(one).want(200).body["postern"])
	e.send("DELETE", configurations+"/"+c, "").want(204)
	gone := e.get(one + "/appliedPolicies").want(200).values()[0]
	if gone["displayName"] != "Homepage" || gone["postern"].(map[string]any)["deleted"] != true {
		t.Errorf("a deleted policy: %v", gone)
	}
	for _, path := range []string{protections + "/" + p + "/deploymentSummary", protections + "/" + p + "?$expand=deploymentSummary"} {
		raw := e.get(path).want(200).raw
		if !strings.Contains(raw, `"configurationDeployedUserCount":1`) || !strings.Contains(raw, `"configurationAppliedUserCount":1`) {
			t.Errorf("%s: %s", path, raw)
		}
	}
	e.get("/beta/users/ada@contoso.example/managedAppRegistrations/" + string(r.Standing.Registration)).want(200)
	e.get("/beta/users/" + e.user("bob") + "/managedAppRegistrations/" + string(r.Standing.Registration)).refused(404)
	if got := e.get(enrolled + "?$filter=" + url.QueryEscape("isof('microsoft.graph.windowsManagedAppRegistration') and userId eq '"+ada+"'")).want(200).ids(); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestAWipeIsTrackedAndTakenBack(t *testing.T) {
	e := newEstate(t)
	ada := e.user("ada")
	e.edgeFor(protections, "Edge", "")
	r := e.enroll(ada)
	one := enrolled + "/" + string(r.Standing.Registration)
	e.send("POST", "/v1.0/users/"+ada+"/wipeManagedAppRegistrationsByDeviceTag", `{"deviceTag":"`+string(r.Device)+`","postern":{"reason":"lost"}}`).want(204)
	ops := e.get(one + "/operations").want(200).values()
	if len(ops) != 1 || ops[0]["state"] != "pending" || ops[0]["postern"].(map[string]any)["reason"] != "lost" {
		t.Fatalf("operations: %v", ops)
	}
	for query, want := range map[string]int{"": 1, "?user=" + ada: 1, "?device=" + string(r.Device) + "&state=pending&kind=wipe": 1, "?state=done": 0, "?$filter=state%20eq%20'done'": 0, "?$top=1&$count=true": 1} {
		got := e.get(apps + "postern.operations" + query).want(200).values()
		if len(got) != want || want == 1 && got[0]["postern"].(map[string]any)["userId"] != ada {
			t.Errorf("%s: %v", query, got)
		}
	}
	op := one + "/operations/" + ops[0]["id"].(string)
	e.send("DELETE", op, "").want(204)
	e.get(op).want(200).has(`{"state":"cancelled"}`)
	e.send("DELETE", op, "").refused(409, "cancelled already")
	e.send("POST", "/v1.0/users/"+ada+"/wipeManagedAppRegistrationsByDeviceTag", `{"deviceTag":"none"}`).refused(404)

	e.send("POST", "/beta/users/"+ada+"/wipeAndBlockManagedApps", "").want(204)
	e.get("/beta/users/ada@contoso.example/isManagedAppUserBlocked()").want(200).has(`{"value":true}`)
	e.get("/beta/users/getManagedAppBlockedUsers()").want(200).has(`{"value":["` + ada + `"]}`)
	e.send("POST", "/beta/users/"+ada+"/unblockManagedApps", "").want(204)
	e.get("/beta/users/" + ada + "/isManagedAppUserBlocked()").want(200).has(`{"value":false}`)
}

func TestAHelpDeskActsInItsScopeAlone(t *testing.T) {
	e := newEstate(t)
	north, err := e.admin.ScopeTags().Save(t.Context(), directory.ScopeTag{Tenant: e.boot.Tenant, DisplayName: "north"})
	e.ok(err)
	ada, bob := e.user("ada"), e.user("bob")
	staff, guests := e.group("staff"), e.group("guests")
	for group, user := range map[string]string{staff: ada, guests: bob} {
		e.send("POST", "/v1.0/groups/"+group+"/members/$ref", `{"@odata.id":"`+base+`/v1.0/directoryObjects/`+user+`"}`).want(204)
	}
	policy := func(group, tag string) string {
		return e.send("POST", protections, `{"displayName":"for `+group+`","roleScopeTagIds":["`+tag+`"],"apps":[`+identifier(edge)+`],
			"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"`+group+`"}}]}`).want(201).text("id")
	}
	mine, others := policy(staff, north.ID), policy(guests, "0")
	a, b := e.enroll(ada), e.enroll(bob)
	full := e.who
	wipe := func(r mam.Registration) answer {
		return e.send("POST", "/v1.0/users/"+string(r.User)+"/wipeManagedAppRegistrationsByDeviceTag", `{"deviceTag":"`+string(r.Device)+`"}`)
	}

	e.as(directory.HelpDeskOperator, []string{north.ID}, directory.GroupID(staff))
	if got := e.get(enrolled + "?$count=true").want(200); !slices.Equal(got.ids(), []string{string(a.Standing.Registration)}) || got.body["@odata.count"] != 1.0 {
		t.Errorf("a role sees %s", got.raw)
	}
	if n := e.get(enrolled + "/$count").want(200); n.raw != "1" {
		t.Errorf("counts %s", n.raw)
	}
	e.get(enrolled + "/" + string(b.Standing.Registration)).refused(404)
	e.get(protections + "/" + others).refused(404)
	wipe(a).want(204)
	wipe(b).refused(403, directory.ManagedAppsWipe)
	e.send("POST", "/beta/users/"+bob+"/wipeAndBlockManagedApps", "").refused(403)
	e.send("POST", "/beta/users/"+ada+"/wipeAndBlockManagedApps", `{"postern":{"reason":"left"}}`).want(204)
	e.send("POST", "/beta/users/"+ada+"/unblockManagedApps", "").want(204)
	ops := enrolled + "/" + string(a.Standing.Registration) + "/operations"
	e.send("DELETE", ops+"/"+e.get(ops).want(200).ids()[0], "").want(204)
	e.send("POST", protections+"/"+mine+"/assign", `{"assignments":[]}`).want(204) // may assign, but not change
	e.send("PATCH", protections+"/"+mine, `{"displayName":"mine"}`).refused(403)
	e.send("POST", protections+"/"+mine+"/postern.restore", `{"revision":1}`).refused(403)

	e.who = full
	e.as(directory.HelpDeskOperator, []string{north.ID}, directory.GroupID(guests)) // the tag, but not the people
	wipe(a).refused(403)
	e.who = full
	e.as(directory.ReadOnlyOperator, nil)
	if got := e.get(enrolled).want(200).ids(); len(got) != 2 {
		t.Errorf("a role without tags sees %v", got)
	}
	wipe(a).refused(403)
	e.send("DELETE", ops+"/x", "").refused(403)
	if got := e.get(apps + "postern.operations").want(200).values(); len(got) != 1 {
		t.Errorf("operations: %v", got)
	}
}

func TestDiagnosticsAreAskedForAndShown(t *testing.T) {
	e := newEstate(t)
	e.edgeFor(protections, "Edge", "")
	r := e.enroll(e.user("ada"))
	all := enrolled + "/" + string(r.Standing.Registration) + "/managedAppLogCollectionRequests"
	a := e.send("POST", all, `{"@odata.type":"#microsoft.graph.managedAppLogCollectionRequest"}`).want(201)
	a.has(`{"managedAppRegistrationId":"` + string(r.Standing.Registration) + `","completedDateTime":null}`)
	if got := e.get(all).want(200).ids(); len(got) != 1 || got[0] != a.text("id") {
		t.Errorf("%v", got)
	}
	e.get(all + "/" + a.text("id")).want(200)
	e.get(all + "/none").refused(404)
	e.get(enrolled + "?$expand=managedAppLogCollectionRequests").want(200)
}

func TestTheStateOfAUserIsTold(t *testing.T) {
	e := newEstate(t)
	ada := e.user("ada")
	r := e.enroll(ada) // no policy
	flagged := e.get("/v1.0/deviceAppManagement/managedAppRegistrations/getUserIdsWithFlaggedAppRegistration()").want(200)
	flagged.has(`{"value":["` + ada + `"]}`)
	if raw := e.get(enrolled + "/" + string(r.Standing.Registration)).want(200).raw; !strings.Contains(raw, `"flaggedReasons":[{`) {
		t.Errorf("no reasons: %s", raw)
	}
	status := map[string]any{}
	for _, v := range e.get("/v1.0/users/" + ada + "/getManagedAppDiagnosticStatuses()").want(200).values() {
		status[v["validationName"].(string)] = v["state"]
	}
	if status["accountEnabled"] != "passed" || status["enrolled"] != "passed" || status["targeted: com.microsoft.edge on laptop"] != "failed" {
		t.Errorf("%v", status)
	}
	const statuses = "/v1.0/deviceAppManagement/managedAppStatuses"
	if got := e.get(statuses).want(200).ids(); !slices.Equal(got, []string{"appregistrationsummary", "userstatus"}) {
		t.Errorf("%v", got)
	}
	e.get(statuses + "('appregistrationsummary')").want(200).has(`{"content":{"registrationCount":1}}`)
	if raw := e.get(statuses + "/userstatus?userId=" + ada).want(200).raw; !strings.Contains(raw, `"windowsAppId":"com.microsoft.edge"`) || !strings.Contains(raw, `"entitled":true`) {
		t.Errorf("%s", raw)
	}
	e.get(statuses+"/another").refused(404, "userstatus")
}

// realPolicies are the app protection policies that real tenants exported.
func realPolicies(t *testing.T) map[string]string {
	t.Helper()
	root := os.Getenv("POSTERN_REALDATA")
	if root == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") != "" {
			t.Fatal("POSTERN_REALDATA is not set, and POSTERN_REQUIRE_DATA forbids to skip")
		}
		t.Skip("POSTERN_REALDATA is not set")
	}
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Join(root, "app-protection"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		raw, err := os.ReadFile(path)
		all[path] = string(raw)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("no real data below %s: %v", root, err)
	}
	return all
}

func TestRealPoliciesComeBackOrAreRefusedByPlatform(t *testing.T) {
	files := realPolicies(t)
	e := newEstate(t)
	staff := e.group("staff")
	windows := 0
	for file, raw := range files {
		raw = strings.ReplaceAll(raw, "$groupid", staff)
		for kind, platform := range map[string]string{"iosManagedAppProtection": "iOS", "androidManagedAppProtection": "Android"} {
			if strings.Contains(raw, `microsoft.graph.`+kind+`"`) {
				e.send("POST", protections, raw).refused(400, "@odata.type", kind, platform)
				e.send("POST", apps+"managedAppPolicies", raw).refused(400, "@odata.type", kind, platform)
				raw = ""
			}
		}
		if raw == "" {
			continue
		}
		windows++
		first := e.get(protections + "/" + e.send("POST", protections, raw).want(201).text("id") + "?$expand=apps,assignments").want(200)
		again := e.get(protections + "/" + e.send("POST", protections, first.raw).want(201).text("id") + "?$expand=apps,assignments").want(200)
		for name, was := range first.body {
			x, _ := json.Marshal(was)
			y, _ := json.Marshal(again.body[name])
			if name != "id" && !strings.Contains(name, "@odata.context") && string(x) != string(y) {
				t.Errorf("%s: %s is %s, was %s", file, name, y, x)
			}
		}
	}
	if windows == 0 || windows == len(files) {
		t.Errorf("%d of %d policies are for Windows: too few to prove anything", windows, len(files))
	}
	t.Logf("%d policies for Windows, %d for other platforms", windows, len(files)-windows)
}
