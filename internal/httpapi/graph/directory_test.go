package graph_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
)

func TestUsersLiveAndLeave(t *testing.T) {
	w := newWorld(t)
	id := w.user("ada")
	one := "/v1.0/users/" + id
	a := w.get(one).want(200).has(`{"accountEnabled":true,"displayName":"ada","userPrincipalName":"ada@contoso.example","mail":null,"userType":"Member","postern":{"roles":[],"externalUserType":"none","homeTenantId":null}}`)
	if strings.Contains(a.raw, "assword") {
		t.Errorf("an answer speaks of passwords: %s", a.raw)
	}
	w.send("PATCH", one, `{"mail":"ada@contoso.example","accountEnabled":false,"jobTitle":"stray","id":"read-only"}`).want(204)
	w.get(one).has(`{"mail":"ada@contoso.example","accountEnabled":false,"displayName":"ada","id":"` + id + `"}`)
	w.send("PATCH", one, `{"mail":null}`).want(204)
	w.get(one).has(`{"mail":null,"accountEnabled":false}`)
	w.send("PATCH", one, `{"passwordProfile":{"password":"short"}}`).refused(400, "8")
	w.send("PATCH", one, `{"passwordProfile":{"password":12345678}}`).refused(400, "passwordProfile.password")
	if a := w.send("PATCH", one, `{"passwordProfile":{"password":12345678}}`); strings.Contains(a.raw, "12345678") {
		t.Errorf("a refusal repeats a password: %s", a.raw)
	}
	w.send("PATCH", one, `{"userPrincipalName":"nobody"}`).refused(400, "userPrincipalName", "nobody", "name@domain.example")
	w.send("POST", "/v1.0/users", `{"displayName":"x","userPrincipalName":"x@contoso.example"}`).refused(400, "passwordProfile")
	w.send("POST", "/v1.0/users", `{"displayName":"x","userPrincipalName":"ADA@contoso.example","passwordProfile":{"password":"correct horse"}}`).refused(409)
	w.send("DELETE", one, "").want(204)
	w.get(one).refused(404)
}

func TestTheLastAdministratorStays(t *testing.T) {
	w := newWorld(t)
	one := "/v1.0/users/" + w.boot.AdminUserPrincipalName
	w.send("PATCH", one, `{"accountEnabled":false}`).refused(400, "last enabled Global Administrator")
	w.send("PATCH", one, `{"postern":{"roles":[]}}`).refused(400, "last")
	w.send("DELETE", one, "").refused(400, "last")
	w.send("POST", "/v1.0/users", `{"displayName":"two","userPrincipalName":"two@contoso.example","passwordProfile":{"password":"correct horse"},
		"postern":{"roles":["Global Administrator"]}}`).want(201)
	w.send("PATCH", one, `{"accountEnabled":false}`).want(204)
	w.send("PATCH", one, `{"postern":{"roles":["Wizard"]}}`).refused(400, "Wizard", "Global Administrator")
}

func TestGroupsHoldUsersAndGroups(t *testing.T) {
	w := newWorld(t)
	ada, bob, inner := w.user("ada"), w.user("bob"), w.group("inner")
	outer := w.send("POST", "/beta/groups", `{"@odata.type":"#microsoft.graph.group","displayName":"outer","mailEnabled":false,"mailNickname":"o",
		"securityEnabled":true,"description":null,"membershipRule":null,"owners@odata.bind":["https://elsewhere/beta/directoryObjects/`+bob+`"],
		"members@odata.bind":["https://elsewhere/v1.0/users/`+ada+`","https://elsewhere/beta/directoryObjects/`+inner+`"]}`).want(201).text("id")
	members := "/v1.0/groups/" + outer + "/members"
	types := map[string]any{}
	for _, m := range w.get(members).want(200).values() {
		types[m["id"].(string)] = m["@odata.type"]
	}
	if len(types) != 2 || types[ada] != "#microsoft.graph.user" || types[inner] != "#microsoft.graph.group" {
		t.Errorf("members: %v", types)
	}
	for cast, want := range map[string]string{"graph.user": ada, "microsoft.graph.group": inner} {
		if got := w.get(members + "/" + cast).want(200).values(); len(got) != 1 || got[0]["id"] != want {
			t.Errorf("%s: %v", cast, got)
		}
	}
	if a := w.get(members + "/$count").want(200); a.raw != "2" {
		t.Errorf("count %s", a.raw)
	}
	add := func(group, member string) answer {
		return w.send("POST", "/v1.0/groups/"+group+"/members/$ref", `{"@odata.id":"https://host/v1.0/directoryObjects/`+member+`"}`)
	}
	add(inner, bob).want(204)
	add(inner, bob).refused(400, "One or more added object references already exist")
	add(inner, "nobody").refused(404, "Resource 'nobody' does not exist or one of its queried reference-property objects are not present")
	add("nowhere", bob).refused(404)
	add(inner, inner).refused(400, "itself")
	add(inner, outer).want(204) // a circle is allowed
	if got := w.get("/v1.0/users/" + bob + "/memberOf").want(200).values(); len(got) != 1 || got[0]["id"] != inner {
		t.Errorf("memberOf: %v", got)
	}
	if got := w.get("/v1.0/groups/" + inner + "/memberOf").want(200).values(); len(got) != 1 || got[0]["id"] != outer {
		t.Errorf("memberOf: %v", got)
	}
	w.get("/beta/groups/" + inner + "/owners").want(200).has(`{"value":[]}`)
	w.send("DELETE", members+"/"+ada+"/$ref", "").want(204)
	w.send("DELETE", members+"/"+ada+"/$ref", "").refused(404)
	w.send("PATCH", "/v1.0/groups/"+outer, `{"description":"all of us","members@odata.bind":["https://host/v1.0/users/`+ada+`"]}`).want(204)
	w.get("/v1.0/groups/" + outer).has(`{"description":"all of us","displayName":"outer"}`)
	before := len(w.get("/v1.0/groups").values())
	w.send("POST", "/v1.0/groups", `{"displayName":"half","members@odata.bind":["https://host/v1.0/users/nobody"]}`).refused(404, "nobody")
	if after := len(w.get("/v1.0/groups").values()); after != before {
		t.Errorf("a group was left half-made: %d groups, %d before", after, before)
	}
}

func certificate(t *testing.T, weak bool) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "wsc"}, NotAfter: now.Add(24 * time.Hour)}
	strong, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var public any = strong.Public()
	if weak {
		public = &rsa.PublicKey{N: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1024), big.NewInt(1)), E: 65537}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, strong)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func TestApplicationsAreRegistered(t *testing.T) {
	w := newWorld(t)
	a := w.send("POST", "/v1.0/applications", `{"displayName":"Portal","web":{"redirectUris":["https://app.example/done"]},"identifierUris":["api://portal"]}`).want(201)
	a.has(`{"web":{"redirectUris":["https://app.example/done"]},"publicClient":{"redirectUris":[]},"identifierUris":["api://portal"],
		"signInAudience":"AzureADMyOrg","passwordCredentials":[],"keyCredentials":[],"tags":[],"postern":{"builtIn":false,"permissions":[],"earlyBoundResources":[]}}`)
	one := "/beta/applications/" + a.text("id")
	secret := w.send("POST", one+"/addPassword", `{"passwordCredential":{"displayName":"ci"}}`).want(200)
	if len(secret.text("secretText")) < 43 {
		t.Errorf("a weak secret: %q", secret.text("secretText"))
	}
	seen := w.get(one).want(200)
	if strings.Contains(seen.raw, secret.text("secretText")) {
		t.Error("a secret is shown twice")
	}
	w.send("POST", one+"/addPassword", `{"passwordCredential":{"endDateTime":"2020-01-01T00:00:00Z"}}`).refused(400, "endDateTime", "future")
	w.send("POST", one+"/removePassword", `{"keyId":"none"}`).refused(404)
	w.send("POST", one+"/removePassword", `{}`).refused(400, "keyId")
	w.send("POST", one+"/removePassword", `{"keyId":"`+secret.text("keyId")+`"}`).want(204)
	w.get(one).has(`{"passwordCredentials":[]}`)

	key := `{"type":"AsymmetricX509Cert","usage":"Verify","displayName":"k","key":"` + certificate(t, false) + `"}`
	w.send("PATCH", one, `{"keyCredentials":[`+key+`]}`).want(204)
	keys := w.get(one).body["keyCredentials"].([]any)
	kept := `{"type":"AsymmetricX509Cert","usage":"Verify","key":null,"keyId":"` + keys[0].(map[string]any)["keyId"].(string) + `"}`
	w.send("PATCH", one, `{"keyCredentials":[`+kept+`,`+key+`]}`).want(204)
	if keys := w.get(one).body["keyCredentials"].([]any); len(keys) != 2 {
		t.Errorf("keys: %v", keys)
	}
	w.send("PATCH", one, `{"keyCredentials":[{"key":"AAAA"}]}`).refused(400, "keyCredentials[0].key", "X.509")
	w.send("PATCH", one, `{"keyCredentials":[{"key":"~"}]}`).refused(400, "keyCredentials[0].key", "base64")
	w.send("PATCH", one, `{"keyCredentials":[{"key":"`+certificate(t, true)+`"}]}`).refused(400, "weak")

	for body, words := range map[string][]string{
		`{"web":{"redirectUris":["http://app.example/"]}}`:                                                       {"http://app.example/", "https"},
		`{"web":{"redirectUris":["https://app.example/#x"]}}`:                                                    {"fragment"},
		`{"web":{"redirectUris":["javascript:alert(1)"]}}`:                                                       {"javascript"},
		`{"identifierUris":["portal"]}`:                                                                          {"identifierUris", "absolute"},
		`{"identifierUris":["https://postern.example/x"]}`:                                                       {"this service"},
		`{"signInAudience":"AzureADMultipleOrgs"}`:                                                               {"signInAudience"},
		`{"postern":{"permissions":["Mail.Read"]}}`:                                                              {"Mail.Read", "User.Read.All"},
		`{"web":{"redirectUris":["https://a.example"]},"publicClient":{"redirectUris":["com.example.app://x"]}}`: {"confidential or public"},
	} {
		if a := w.send("PATCH", one, body); a.status != 403 { // a permission nobody holds is refused before it is judged
			a.refused(400, words...)
		}
	}
	w.send("PATCH", one, `{"identifierUris":["https://graph.microsoft.com/"]}`).refused(409, "administration API")
	w.send("PATCH", one, `{"web":{"redirectUris":[]},"publicClient":{"redirectUris":["http://localhost","com.example.app://done"]}}`).want(204)
	w.get(one).has(`{"isFallbackPublicClient":true,"publicClient":{"redirectUris":["http://localhost","com.example.app://done"]}}`)
	w.send("POST", one+"/addPassword", `{}`).refused(400, "public client")
	w.send("DELETE", one, "").want(204)
}

func TestPartsOfTheProductKeepTheirReach(t *testing.T) {
	w := newWorld(t)
	one := "/v1.0/applications(appId='" + string(directory.WindowsSecurityCenter) + "')"
	w.send("DELETE", one, "").refused(400, "part of the product")
	w.send("PATCH", one, `{"identifierUris":["api://mine"]}`).refused(400, "part of the product")
	w.send("PATCH", one, `{"keyCredentials":[{"type":"AsymmetricX509Cert","usage":"Verify","key":"`+certificate(t, false)+`"}]}`).want(204)
	w.get(one).want(200)
	if roles := w.get("/v1.0/servicePrincipals(appId='" + string(directory.GraphAPI) + "')").want(200).body["appRoles"].([]any); len(roles) == 0 {
		t.Error("the administration API shows no roles")
	}
}

func TestASiteIsPublishedUnderAHostOfItsOwn(t *testing.T) {
	w := newWorld(t)
	site := func(external, internal string) string {
		return `{"displayName":"Intranet","onPremisesPublishing":{"externalUrl":"` + external + `","internalUrl":"` + internal + `"}}`
	}
	a := w.send("POST", "/beta/applications", site("https://Intranet.example/", "http://10.0.0.5:8080/")).want(201)
	a.has(`{"onPremisesPublishing":{"externalUrl":"https://intranet.example:8443/","internalUrl":"http://10.0.0.5:8080/"}}`)
	for _, bad := range []struct{ external, internal, word string }{
		{"http://a.example/", "http://b/", "externalUrl"},
		{"https://postern.example:8443/", "http://b/", "host of its own"},
		{"https://127.0.0.1:8443/", "http://b/", "host name"},
		{"https://a.example:9/", "http://b/", ":8443"},
		{"https://a.example/path", "http://b/", "externalUrl"},
		{"https://a.example/", "ftp://b/", "internalUrl"},
		{"https://a.example/", "http://user:pw@b/", "internalUrl"},
	} {
		w.send("POST", "/beta/applications", site(bad.external, bad.internal)).refused(400, bad.word)
	}
	w.send("POST", "/beta/applications", site("https://intranet.example/", "http://b/")).refused(409, "intranet.example")
	one := "/beta/applications/" + a.text("id")
	w.send("PATCH", one, `{"onPremisesPublishing":{"internalUrl":"http://10.0.0.6/"}}`).want(204)
	w.get(one).has(`{"onPremisesPublishing":{"externalUrl":"https://intranet.example:8443/","internalUrl":"http://10.0.0.6/"}}`)
	w.send("PATCH", one, `{"onPremisesPublishing":null}`).want(204)
	if got := w.get(one); got.body["onPremisesPublishing"] != nil {
		t.Errorf("still published: %s", got.raw)
	}
}

func TestATenantSeesItselfAlone(t *testing.T) {
	w := newWorld(t)
	one := "/v1.0/organization/" + string(w.boot.Tenant)
	w.get(one).want(200).has(`{"postern":{"allowDevelopmentHealth":false,"maxUsersPerDevice":0,"protectionOff":false,"entitledGroup":null,"denyUncovered":false,"allowDeviceCode":false}}`)
	settings := `{"displayName":"Contoso","postern":{"allowDevelopmentHealth":true,"denyUncovered":true}}`
	w.send("PATCH", one, settings).refused(400, "lock out", "Prefer: postern.force") // no policy covers this API
	w.send("PATCH", one, settings, "Prefer", "postern.force").want(204)
	got := w.get("/v1.0/organization").want(200).values()
	if len(got) != 1 || got[0]["displayName"] != "Contoso" || got[0]["postern"].(map[string]any)["allowDevelopmentHealth"] != true {
		t.Errorf("organization: %v", got)
	}
	w.send("PATCH", one, `{"postern":{"maxUsersPerDevice":-1}}`).refused(400, "maxUsersPerDevice", "-1")
	w.send("PATCH", one, `{"postern":{"allowEverything":true}}`).refused(400, "allowEverything")
	w.get("/v1.0/organization/another").refused(404)
	w.who.Tenant = "another"
	w.get("/v1.0/users/" + w.boot.AdminUserPrincipalName).refused(404)
	w.get(one).refused(404)
}

func TestAWipeIsOrderedForOnePersonOnOneDevice(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	for _, c := range []struct{ path, body string }{
		{"/v1.0/users/" + ada + "/wipeManagedAppRegistrationsByDeviceTag", `{"deviceTag":"pc1"}`},
		{"/beta/users/" + ada + "/wipeManagedAppRegistrationsByDeviceTag", `{"deviceTag":"pc1"}`},
		{"/beta/users/ada@contoso.example/wipeManagedAppRegistrationByDeviceTag", `{"deviceTag":"pc1"}`},
		{"/beta/users('" + ada + "')/wipeManagedAppRegistrationsByAzureAdDeviceId", `{"azureAdDeviceId":"pc1"}`},
	} {
		w.apps.wiped = nil
		w.send("POST", c.path, c.body).want(204)
		want := mam.WipeRequest{Tenant: w.boot.Tenant, User: directory.UserID(ada), Device: "pc1", By: audit.Actor{Client: w.boot.ClientID}}
		if len(w.apps.wiped) == 1 {
			w.apps.wiped[0].By.CorrelationID = "" // of the request
		}
		if len(w.apps.wiped) != 1 || w.apps.wiped[0] != want {
			t.Errorf("%s: %+v", c.path, w.apps.wiped)
		}
	}
	w.send("POST", "/v1.0/users/"+ada+"/wipeManagedAppRegistrationsByDeviceTag", `{}`).refused(400, "deviceTag")
	w.send("POST", "/v1.0/users/none/wipeManagedAppRegistrationsByDeviceTag", `{"deviceTag":"pc1"}`).refused(404)
}
