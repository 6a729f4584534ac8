package graph_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/strength"
)

const (
	strengths  = "/v1.0/policies/authenticationStrengthPolicies"
	contexts   = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences"
	agreements = "/v1.0/identityGovernance/termsOfUse/agreements"
)

// demanding makes a policy with a grant and returns its identifier.
func (w *world) demanding(name string, grant access.Grant) string {
	w.Helper()
	p, err := w.admin.AccessPolicies().Save(w.Context(), access.Policy{
		Tenant: w.boot.Tenant, DisplayName: name, State: access.Disabled, Grant: grant,
		Conditions: access.Conditions{
			Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.AllClientApps},
		},
	})
	if err != nil {
		w.Fatal(err)
	}
	return string(p.ID)
}

func TestStrengthsAreServedUnderBothPaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{strengths, "/beta/policies/authenticationStrengthPolicies", "/v1.0/identity/conditionalAccess/authenticationStrength/policies"} {
		all := w.get(path).want(200).values()
		if len(all) != 3 || all[0]["policyType"] != "builtIn" || all[0]["requirementsSatisfied"] != "mfa" {
			t.Fatalf("%s: %v", path, all)
		}
		a := w.get(path + "/00000000-0000-0000-0000-000000000004").want(200).has(`{"id":"00000000-0000-0000-0000-000000000004",
			"displayName":"Phishing-resistant MFA","policyType":"builtIn","requirementsSatisfied":"mfa","createdDateTime":"2021-12-01T00:00:00.0000000Z",
			"allowedCombinations":["windowsHelloForBusiness","fido2","x509CertificateMultiFactor"],"combinationConfigurations":[]}`)
		if a.body["description"] == nil {
			t.Errorf("%s: %s", path, a.raw)
		}
		w.send("PATCH", path+"/00000000-0000-0000-0000-000000000004", `{"displayName":"x"}`).refused(400, "Phishing-resistant", "built in")
		w.send("POST", path+"/00000000-0000-0000-0000-000000000004/updateAllowedCombinations", `{"allowedCombinations":["password"]}`).refused(400, "built in")
		w.send("DELETE", path+"/00000000-0000-0000-0000-000000000004", "").refused(400, "built in")
		w.get(path + "?$filter=policyType%20eq%20%27custom%27").has(`{"value":[]}`)
		w.get(path + "/$count").want(200)
	}
}

func TestAStrengthLivesAndItsCombinationsChangeByAnAction(t *testing.T) {
	w := newWorld(t)
	a := w.send("POST", strengths, `{"@odata.type":"#microsoft.graph.authenticationStrengthPolicy","displayName":"Keys","policyType":"custom","stray":"of a portal","combinationConfigurations":[],
		"allowedCombinations":["softwareOath, password","fido2"]}`).want(201)
	a.has(`{"displayName":"Keys","description":null,"policyType":"custom","requirementsSatisfied":"mfa","allowedCombinations":["password,softwareOath","fido2"]}`)
	one := strengths + "/" + a.text("id")
	w.send("PATCH", one, `{"displayName":"Stronger keys","description":"by hand","allowedCombinations":["password,softwareOath","fido2"]}`).want(204)
	w.get(one).has(`{"displayName":"Stronger keys","description":"by hand"}`)
	w.send("PATCH", one, `{"allowedCombinations":["fido2"]}`).refused(400, "allowedCombinations", "updateAllowedCombinations")
	policy := w.demanding("Strong", access.Grant{Strength: strength.ID(a.text("id"))})
	w.send("POST", one+"/updateAllowedCombinations", `{"allowedCombinations":["fido2","sms"]}`).want(200).has(`{
		"@odata.context":"` + base + `/v1.0/$metadata#microsoft.graph.updateAllowedCombinationsResult","previousCombinations":["password,softwareOath","fido2"],
		"currentCombinations":["fido2","sms"],"conditionalAccessReferences":["` + policy + `"]}`)
	w.get(one).has(`{"requirementsSatisfied":"none","allowedCombinations":["fido2","sms"]}`)
	used := w.get(one + "/usage").want(200).has(`{"mfa":[]}`)
	if none, _ := used.body["none"].([]any); len(none) != 1 || none[0].(map[string]any)["id"] != policy {
		t.Errorf("usage: %s", used.raw)
	}
	w.get(one + "/usage()").want(200)
	w.send("DELETE", one, "").refused(400, `"Stronger keys"`, `"Strong"`)
	w.send("DELETE", "/v1.0/identity/conditionalAccess/policies/"+policy, "").want(204)
	w.send("POST", one+"/updateAllowedCombinations", `{"allowedCombinations":["fido2"]}`).want(200).has(`{"conditionalAccessReferences":[],"additionalInformation":null}`)
	w.get(one + "/usage").has(`{"mfa":[],"none":[]}`)
	w.get(one + "/combinationConfigurations").want(200).has(`{"value":[]}`)
	w.send("DELETE", one, "").want(204)
	w.get(one).refused(404)
	w.get(one + "/usage").refused(404)
	w.get(one + "/combinationConfigurations").refused(404)
}

func TestWhatAStrengthCannotMeanIsRefused(t *testing.T) {
	w := newWorld(t)
	for body, words := range map[string][]string{
		`{}`: {"displayName", "allowedCombinations is empty", "password,sms"},
		`{"displayName":"x","allowedCombinations":["voice,sms"]}`:                                                 {"allowedCombinations", `"voice,sms"`, "fido2"},
		`{"displayName":"x","allowedCombinations":["pigeon"]}`:                                                    {"pigeon", "password"},
		`{"displayName":"x","allowedCombinations":["fido2","fido2"]}`:                                             {"twice"},
		`{"displayName":"x","allowedCombinations":["sms,sms"]}`:                                                   {"names sms twice"},
		`{"displayName":"x","allowedCombinations":["fido2"],"policyType":"builtIn"}`:                              {"policyType", "custom"},
		`{"displayName":"x","allowedCombinations":["sms"],"requirementsSatisfied":"mfa"}`:                         {"requirementsSatisfied", `"none"`},
		`{"displayName":"x","allowedCombinations":["fido2"],"combinationConfigurations":[{"id":"x"}]}`:            {"combinationConfigurations"},
		`{"displayName":"x","allowedCombinations":"fido2"}`:                                                       {"allowedCombinations", "list"},
		`{"displayName":"` + strings.Repeat("x", 300) + `","allowedCombinations":["fido2","unknownFutureValue"]}`: {"unknownFutureValue"},
	} {
		w.send("POST", strengths, body).refused(400, words...)
	}
	w.send("POST", strengths+"/00000000-0000-0000-0000-000000000002/combinationConfigurations", `{"@odata.type":"#microsoft.graph.fido2CombinationConfiguration"}`).
		refused(400, "combinationConfigurations", "security keys")
	id := w.send("POST", strengths, `{"displayName":"x","allowedCombinations":["fido2"]}`).want(201).text("id")
	w.send("POST", strengths+"/"+id+"/updateAllowedCombinations", `{}`).refused(400, "allowedCombinations is missing")
	w.send("POST", strengths+"/gone/updateAllowedCombinations", `{"allowedCombinations":["fido2"]}`).refused(404)
	w.who.Permissions = []string{directory.AccessRead}
	w.send("POST", strengths+"/"+id+"/updateAllowedCombinations", `{"allowedCombinations":["sms"]}`).refused(403, directory.AccessWrite)
	w.get(strengths).want(200)
}

func TestMethodsAndCombinationsAreListed(t *testing.T) {
	w := newWorld(t)
	const root = "/v1.0/identity/conditionalAccess/authenticationStrength"
	modes := w.get(root + "/authenticationMethodModes").want(200).values()
	if len(modes) != 17 || !slices.ContainsFunc(modes, func(m map[string]any) bool {
		return m["id"] == "deviceBasedPush" && m["authenticationMethod"] == "microsoftAuthenticator"
	}) {
		t.Errorf("modes: %v", modes)
	}
	all, _ := w.get(root + "/combinations").want(200).body["value"].([]any)
	if len(all) != 24 || !slices.Contains(all, any("password,softwareOath")) {
		t.Errorf("combinations: %v", all)
	}
}

func TestAContextIsMadeByTheFirstPatch(t *testing.T) {
	w := newWorld(t)
	one := contexts + "/c7"
	w.get(one).refused(404)
	w.send("PATCH", one, `{}`).want(204)
	w.get(one).want(200).has(`{"id":"c7","displayName":null,"description":null,"isAvailable":false}`)
	w.send("PATCH", one, `{"displayName":"Payroll","description":"needs a key","isAvailable":true}`).want(204)
	w.send("PATCH", one, `{"description":null}`).want(204)
	w.get(one).has(`{"displayName":"Payroll","description":null,"isAvailable":true}`)
	w.send("PATCH", one, `{"id":"c8"}`).refused(400, `"c8"`, `"c7"`)
	w.send("PATCH", contexts+"/c100", `{}`).refused(400, `"c100"`, "c1 to c99")
	w.send("PATCH", contexts+"/c9", `{}`, "If-Match", `"3"`).refused(412)

	w.send("POST", contexts, `{"id":"c7","displayName":"again"}`).refused(409)
	w.send("POST", contexts, `{"displayName":"no number"}`).refused(400, "c1 to c99")
	w.send("POST", "/beta/identity/conditionalAccess/authenticationContextClassReferences", `{"id":"c8","displayName":"Second"}`).want(201).has(`{"id":"c8","isAvailable":false}`)
	if all := w.get(contexts).want(200).values(); len(all) != 2 {
		t.Errorf("%v", all)
	}
	w.send("DELETE", one, "").refused(400, "c7", "isAvailable")
	w.send("PATCH", one, `{"isAvailable":false}`).want(204)
	w.send("DELETE", one, "").want(204)
	w.send("DELETE", one, "").refused(404)
}

func plain(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestTermsOfUseComeBackAsTheyWereMeant(t *testing.T) {
	w := newWorld(t)
	a := w.send("POST", agreements, `{"displayName":"Private PCs","isViewingBeforeAcceptanceRequired":true,
		"files":[{"fileName":"terms.txt","language":"en","fileData":{"data":"`+plain("\ufeffBe careful.")+`"}}]}`).want(201)
	a.has(`{"@odata.type":"#microsoft.graph.agreement","displayName":"Private PCs","termsExpiration":null,"userReacceptRequiredFrequency":null,
		"isViewingBeforeAcceptanceRequired":true,"isPerDeviceAcceptanceRequired":false}`)
	one := agreements + "/" + a.text("id")
	files := w.get(one + "/files").want(200).values()
	if len(files) != 1 || files[0]["fileData"] != nil || files[0]["isDefault"] != true || files[0]["displayName"] != "Private PCs" {
		t.Fatalf("files: %v", files)
	}
	file := files[0]["id"].(string)
	w.get(one + "/files/" + file).want(200).has(`{"language":"en","fileName":"terms.txt","fileData":{"data":"` + plain("Be careful.") + `"}}`)
	w.get(one+"/files/other").refused(404, "other")
	w.get(one + "?$expand=files").want(200).has(`{"files":[{"@odata.type":"#microsoft.graph.agreementFileLocalization","id":"` + file + `","fileName":"terms.txt",
		"displayName":"Private PCs","language":"en","isDefault":true,"isMajorVersion":true,"createdDateTime":"2026-11-23T12:00:00.0000000Z","fileData":null}]}`)

	w.send("PATCH", one, `{"userReacceptRequiredFrequency":"P90D","isPerDeviceAcceptanceRequired":true,
		"termsExpiration":{"startDateTime":"2027-01-01T01:00:00+01:00","frequency":"P365D"}}`).want(200).has(`{"userReacceptRequiredFrequency":"P90D",
		"isPerDeviceAcceptanceRequired":true,"termsExpiration":{"startDateTime":"2027-01-01T00:00:00.0000000Z","frequency":"P365D"}}`)
	w.send("PATCH", one, `{"termsExpiration":{"startDateTime":"2027-01-01T00:00:00Z"}}`).want(200).
		has(`{"userReacceptRequiredFrequency":"P90D","termsExpiration":{"startDateTime":"2027-01-01T00:00:00.0000000Z","frequency":null}}`)
	w.send("PATCH", one, `{"termsExpiration":null,"userReacceptRequiredFrequency":null,"isViewingBeforeAcceptanceRequired":null}`).want(200).
		has(`{"userReacceptRequiredFrequency":null,"termsExpiration":null,"isViewingBeforeAcceptanceRequired":false}`)

	// The newer place of texts; without content a language keeps what it says.
	w.send("PATCH", one, `{"file":{"localizations":[{"fileName":"en.txt","language":"en"},
		{"fileName":"de.txt","language":"de","isDefault":true,"fileData":{"data":"`+plain("Sei vorsichtig.")+`"}}]}}`).want(200)
	files = w.get(one + "/files").values()
	if len(files) != 2 || files[0]["id"] != file || files[0]["isDefault"] != false || files[0]["fileName"] != "en.txt" || files[1]["isDefault"] != true {
		t.Errorf("files: %v", files)
	}
	policy := w.demanding("Read first", access.Grant{Terms: []agreement.ID{agreement.ID(a.text("id"))}})
	w.send("DELETE", one, "").refused(400, `"Private PCs"`, `"Read first"`)
	w.send("DELETE", "/v1.0/identity/conditionalAccess/policies/"+policy, "").want(204)
	w.send("DELETE", one, "").want(204)
	w.get(one).refused(404)
}

func TestWhatNoPageCouldShowIsRefused(t *testing.T) {
	w := newWorld(t)
	file := func(data string) string {
		return `{"displayName":"x","files":[{"fileName":"a","language":"en","fileData":{"data":` + data + `}}]}`
	}
	for body, words := range map[string][]string{
		`{}`: {"displayName", "files has 0"},
		file(`"` + plain("%PDF-1.7 and so on") + `"`): {"files[0].fileData.data", "PDF", "plain text in UTF-8"},
		file(`"` + plain("Stra\xdfe") + `"`):          {"files[0].fileData.data", "UTF-8"},
		file(`"a!"`):                                  {"fileData.data"},
		file(`null`):                                  {"files[0].fileData.data is empty"},
		`{"displayName":"x","files":[{"language":"english!"}]}`:                                                                         {"files[0].fileName", "files[0].language", "de-AT"},
		`{"displayName":"x","userReacceptRequiredFrequency":"90"}`:                                                                      {"userReacceptRequiredFrequency", `"90"`},
		`{"displayName":"x","termsExpiration":{"frequency":"P1D"},"files":[{"fileName":"a","language":"en","fileData":{"data":"YQ"}}]}`: {"termsExpiration.startDateTime"},
	} {
		w.send("POST", agreements, body).refused(400, words...)
	}
	id := w.send("POST", agreements, `{"displayName":"x","files":[{"fileName":"a","language":"en","isMajorVersion":false,"fileData":{"data":"YQ"}}]}`).want(201).text("id")
	w.send("PATCH", agreements+"/"+id, `{"files":[{"fileName":"a","language":"en","isMajorVersion":false,"fileData":{"data":"Yg=="}}]}`).refused(400, "isMajorVersion")
	w.who.Permissions = []string{directory.AgreementRead}
	w.get(agreements).want(200)
	w.send("DELETE", agreements+"/"+id, "").refused(403, directory.AgreementWrite)
	w.who.Permissions = []string{directory.AccessWrite}
	w.get(agreements).refused(403, directory.AgreementRead)
}

func TestWhoAcceptedIsListedAlsoWhenTheTermsAreGone(t *testing.T) {
	w := newWorld(t)
	id := w.send("POST", agreements, `{"displayName":"Private PCs","userReacceptRequiredFrequency":"P30D","files":[{"fileName":"a","language":"en","fileData":{"data":"YQ=="}}]}`).want(201).text("id")
	signIn, ok := w.store.IDP().(interface {
		Accept(ctx context.Context, a agreement.Acceptance) error
	})
	if !ok {
		t.Fatal("sign-in cannot keep acceptances")
	}
	people := []string{w.user("ada"), w.user("bob"), w.user("cleo")}
	for i, user := range people {
		a := agreement.Acceptance{Tenant: w.boot.Tenant, Agreement: agreement.ID(id), Version: 1, User: directory.UserID(user), AcceptedAt: now.Add(time.Duration(i) * time.Hour), ID: fmt.Sprint("a", i), Text: "t"}
		if err := signIn.Accept(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	found := w.get(agreements + "/" + id + "/acceptances").want(200).values()
	if len(found) != 3 {
		t.Fatalf("%v", found)
	}
	for name, want := range map[string]any{
		"id": "a0", "agreementId": id, "agreementFileId": "t", "userId": people[0], "userDisplayName": "ada", "userPrincipalName": "ada@contoso.example",
		"userEmail": nil, "deviceId": nil, "recordedDateTime": "2026-11-23T12:00:00.0000000Z", "expirationDateTime": "2026-12-23T12:00:00.0000000Z", "state": "accepted",
	} {
		if got, there := found[0][name]; got != want || !there {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	page := w.get(agreements + "/" + id + "/acceptances?$top=2").want(200)
	next := strings.TrimPrefix(page.text("@odata.nextLink"), base)
	if rest := w.get(next).want(200).values(); len(page.values()) != 2 || len(rest) != 1 || rest[0]["id"] != "a2" {
		t.Errorf("rest: %v", rest)
	}
	w.get(agreements + "/gone/acceptances").refused(404)
	w.send("DELETE", agreements+"/"+id, "").want(204)
	left := w.get("/v1.0/identityGovernance/termsOfUse/agreementAcceptances?$filter=userPrincipalName%20eq%20%27bob@contoso.example%27").want(200).values()
	if len(left) != 1 || left[0]["expirationDateTime"] != nil || left[0]["agreementId"] != id {
		t.Errorf("left: %v", left)
	}
	entries, err := w.admin.Entries(t.Context(), w.boot.Tenant, admin.EntryQuery{Target: id})
	if err != nil || len(entries) != 5 {
		t.Errorf("on record: %+v %v", entries, err)
	}
}
