package graph_test

import (
	"strings"
	"testing"
)

const provePath = "/beta/identity/conditionalAccess/postern.prove"

func TestAQuestionAboutAllPoliciesIsAnsweredWithAWitness(t *testing.T) {
	w := newWorld(t)
	ask := func() answer {
		t.Helper()
		return w.send("POST", provePath, `{"platforms":["windows"],"clientAppTypes":["browser"],"withoutControls":["compliantApplication","compliantDevice"],
			"applications":["00000003-0000-0000-c000-000000000000"]}`).want(200)
	}
	a := ask().has(`{"answer":"yes","witnessExists":true,"reason":null}`)
	found := a.body["witness"].(map[string]any)
	if !strings.Contains(found["who"].(string), "admin@") || found["outcome"] != "granted" || len(found["policies"].([]any)) != 0 {
		t.Errorf("%v", found)
	}
	demand := strings.Replace(accessPolicy(""), `["mfa"]`, `["compliantApplication","compliantDevice"]`, 1)
	w.send("POST", accessPath, demand).refused(400, "lock out", "Prefer: postern.force")
	w.send("POST", accessPath, demand, "Prefer", "return=representation, Postern.Force").want(201)
	ask().has(`{"answer":"no","witnessExists":false,"reason":null,"witness":null}`)
}

func TestAQuestionSaysWhatInItMeansNothing(t *testing.T) {
	w := newWorld(t)
	for body, wants := range map[string][]string{
		`{"platforms":["amiga"]}`:         {"platforms", "amiga", "windows"},
		`{"withoutControls":["block"]}`:   {"withoutControls", "block", "mfa"},
		`{"locations":["nowhere"]}`:       {"locations", "nowhere"},
		`{"users":["nobody"]}`:            {"users", "nobody"},
		`{"application":"x"}`:             {"application", "applications"},
		`{"refused":"perhaps"}`:           {"refused", "perhaps"},
		`{"signInRiskLevels":["severe"]}`: {"signInRisk", "severe", "high"},
	} {
		w.send("POST", provePath, body).refused(400, wants...)
	}
	w.send("POST", provePath, `{"platforms":["unknown"],"refused":false}`).want(200).has(`{"answer":"yes"}`)
}

func TestPoliciesAreLintedWithWhatExistsAndWhoAdministers(t *testing.T) {
	w := newWorld(t)
	const path = "/beta/identity/conditionalAccess/postern.lint"
	findings := func() map[string]map[string]any {
		out := map[string]map[string]any{}
		for _, f := range w.send("POST", path, "{}").want(200).body["findings"].([]any) {
			f := f.(map[string]any)
			out[f["rule"].(string)] = f
		}
		return out
	}
	if found := findings(); len(found) != 0 {
		t.Errorf("without policies: %v", found)
	}
	staff := w.group("staff")
	w.send("POST", accessPath, strings.Replace(accessPolicy(`,"description":"d"`), `"includeUsers":["All"]`, `"includeUsers":["All"],"excludeGroups":["`+staff+`"]`, 1)).want(201)
	w.send("POST", accessPath, strings.Replace(strings.Replace(accessPolicy(""), `["mfa"]`, `["compliantApplication"]`, 1), `"enabled"`, `"enabledForReportingButNotEnforced"`, 1)).want(201)
	w.send("DELETE", "/v1.0/groups/"+staff, "").want(204)
	found := findings()
	for rule, severity := range map[string]string{"dangling-reference": "error", "admins-locked-out": "error", "managed-locked-out": "warning", "no-emergency-account": "note"} {
		f := found[rule]
		if f == nil || f["severity"] != severity || len(f["policies"].([]any)) != 1 || f["why"] == "" || f["do"] == "" {
			t.Errorf("%s: %v", rule, f)
		}
	}
	if !strings.Contains(found["dangling-reference"]["why"].(string), staff) {
		t.Errorf("%v", found["dangling-reference"])
	}
}
