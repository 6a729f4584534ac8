package graph_test

import (
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
)

const whatIf = "/v1.0/identity/conditionalAccess/evaluate"

// asked posts a what-if about a user and returns the one result.
func (w *world) asked(user, rest string) map[string]any {
	w.Helper()
	a := w.send("POST", whatIf, `{"signInIdentity":{"@odata.type":"#microsoft.graph.userSignIn","userId":"`+user+`"}`+rest+`}`).want(200)
	all := a.values()
	if len(all) != 1 {
		w.Fatalf("%s", a.raw)
	}
	return all[0]
}

// Golden vectors V1 to V4: the same policy, and ever more that is known.
func TestAWhatIfNamesEveryReason(t *testing.T) {
	w := newWorld(t)
	ada, err := w.admin.Users().Save(t.Context(), directory.User{Tenant: w.boot.Tenant, UserPrincipalName: "ada@postern.internal", DisplayName: "Ada", Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	mail, err := w.admin.Apps().Save(t.Context(), directory.App{Tenant: w.boot.Tenant, DisplayName: "Mail", Tags: []string{"Office365"}})
	if err != nil {
		t.Fatal(err)
	}
	us := w.send("POST", "/v1.0/identity/conditionalAccess/namedLocations", `{"@odata.type":"#microsoft.graph.countryNamedLocation",
		"displayName":"US","countriesAndRegions":["US"],"includeUnknownCountriesAndRegions":false}`).want(201).body["id"].(string)
	w.send("POST", "/v1.0/identity/conditionalAccess/policies", `{"displayName":"Risky from the US","state":"enabled","conditions":{
		"clientAppTypes":["all"],"users":{"includeUsers":["All"]},"applications":{"includeApplications":["Office365"]},
		"locations":{"includeLocations":["`+us+`"]},"signInRiskLevels":["high"]},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}`).want(201)
	app := `,"signInContext":{"@odata.type":"#microsoft.graph.applicationContext","includeApplications":["` + string(mail.ID) + `"]}`
	for _, tt := range []struct{ name, rest, reasons string }{
		{"V1 the user alone", ``, "notEnoughInformation,application,location,signInRisk"},
		{"V2 with the app", app, "notEnoughInformation,location,signInRisk"},
		{"V3 with the country", app + `,"signInConditions":{"country":"us"}`, "notEnoughInformation,signInRisk"},
		{"by the address", app + `,"signInConditions":{"ipAddress":"203.0.113.9","signInRiskLevel":"low"}`, "signInRisk"},
		{"V4 with the risk", app + `,"signInConditions":{"country":"US","signInRiskLevel":"high"}`, "notSet"},
	} {
		got := w.asked(string(ada.ID), tt.rest)
		if got["analysisReasons"] != tt.reasons || got["policyApplies"] != (tt.reasons == "notSet") || got["displayName"] != "Risky from the US" {
			t.Errorf("%s: %v %v", tt.name, got["policyApplies"], got["analysisReasons"])
		}
	}
	applies := app + `,"signInConditions":{"country":"US","signInRiskLevel":"high"}`
	body := `{"signInIdentity":{"@odata.type":"#microsoft.graph.userSignIn","userId":"` + string(ada.ID) + `"}` + applies
	w.send("POST", whatIf, body+`}`).posterns("challenge", 50076, "mfa")
	w.send("POST", "/beta/identity/conditionalAccess/evaluate", body+`,"postern":{"satisfiedControls":["mfa"]}}`).posterns("granted", 0)
	w.send("POST", whatIf, `{"signInIdentity":{"@odata.type":"#microsoft.graph.userSignIn","userId":"`+string(ada.ID)+`"},"appliedPoliciesOnly":true}`).want(200).has(`{"value":[]}`)
	w.send("POST", whatIf, `{"signInIdentity":{"@odata.type":"#microsoft.graph.servicePrincipalSignIn","servicePrincipalId":"`+string(mail.ID)+`"}}`).posterns("granted", 0)
	w.send("POST", whatIf, `{}`).refused(400, "signInIdentity", "userSignIn")
	w.send("POST", whatIf, `{"signInIdentity":{"@odata.type":"#microsoft.graph.userSignIn","userId":"nobody"}}`).refused(400, "nobody")
	w.send("POST", whatIf, `{"signInIdentity":{"@odata.type":"#microsoft.graph.userSignIn","userId":"`+string(ada.ID)+`"},"signInConditions":{"ipAddress":"somewhere"}}`).
		refused(400, "ipAddress", "somewhere")
}

// posterns checks what stands beside Graph's answer.
func (a answer) posterns(outcome string, code float64, steps ...any) {
	a.Helper()
	a.want(200)
	got, _ := a.body["postern"].(map[string]any)
	have, _ := got["steps"].([]any)
	if got["outcome"] != outcome || got["errorCode"] != code || !slices.Equal(have, steps) {
		a.Errorf("%v", got)
	}
}
