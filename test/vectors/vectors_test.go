package vectors_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/postern-mam/postern/test/vectors"
)

func every(t *testing.T) []vectors.Vector {
	t.Helper()
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheFilesHoldWhatTheFormatSaysAndNothingElse(t *testing.T) {
	names, err := filepath.Glob("conditional-access-*.json")
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	size := 0
	for _, name := range names {
		doc, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all, err := vectors.File(name)
		if err != nil {
			t.Fatal(err)
		}
		again, err := vectors.Write(all)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(doc, again) {
			t.Errorf("%s changes when it is read and written", name)
		}
		size += len(doc)
	}
	if size > 3_000_000 {
		t.Errorf("the files have %d bytes together, at most 3000000 are to be", size)
	}
	seen := map[string]bool{}
	for _, v := range every(t) {
		if v.ID == "" || v.Title == "" || seen[v.ID] || v.Expected == nil || (v.SignIn == nil) != (v.Expected.Result == vectors.Refused) {
			t.Errorf("vector %q (%s) has no name of its own, no title, nothing expected, or no sign-in", v.ID, v.Title)
		}
		if v.SignIn != nil && (v.SignIn.User == nil) == (v.SignIn.ServicePrincipal == "") {
			t.Errorf("%s has not one who signs in", v.ID)
		}
		if len(v.Expected.Policies) != len(v.Policies) && v.SignIn != nil {
			t.Errorf("%s has %d policies, and expects something of %d", v.ID, len(v.Policies), len(v.Expected.Policies))
		}
		seen[v.ID] = true
	}
}

// written is a policy as far as it is counted.
type written struct {
	State         string
	Conditions    map[string]json.RawMessage
	GrantControls *struct {
		Operator               string
		BuiltInControls        []string
		TermsOfUse             []string
		AuthenticationStrength json.RawMessage
	}
	SessionControls map[string]json.RawMessage
}

// counts is how many vectors have what.
type counts map[string]int

func (c counts) add(words ...string) {
	slices.Sort(words)
	for _, w := range slices.Compact(words) {
		c[w]++
	}
}

func TestEverythingThatAPolicyCanSayIsSaidInManyVectors(t *testing.T) {
	n := counts{}
	total := 0
	for _, v := range every(t) {
		if v.SignIn == nil {
			continue
		}
		total++
		var words []string
		for _, doc := range v.Policies {
			var p written
			if err := json.Unmarshal(doc, &p); err != nil {
				t.Fatal(err)
			}
			words = append(words, saidIn(t, p)...)
		}
		n.add(append(words, "result "+v.Expected.Result)...)
	}
	if total < 600 {
		t.Errorf("there are %d vectors, at least 600 are to be", total)
	}
	for least, names := range map[int][]string{
		total / 10: {"result granted", "result interrupted", "result blocked"},
		100: {
			"state enabled", "state disabled", "state enabledForReportingButNotEnforced", "operator AND", "operator OR", "control block", "control mfa",
			"control compliantDevice", "control domainJoinedDevice", "control approvedApplication", "control compliantApplication",
			"control termsOfUse", "control authenticationStrength", "conditions platforms", "conditions locations", "conditions devices", "conditions authenticationFlows",
		},
		40: {
			"conditions signInRiskLevels", "conditions userRiskLevels", "conditions insiderRiskLevels", "session signInFrequency", "session persistentBrowser",
			"session cloudAppSecurity", "session applicationEnforcedRestrictions", "session disableResilienceDefaults", "session secureSignInSession",
			"session continuousAccessEvaluation",
			"users includeUsers", "users excludeUsers", "users includeGroups", "users excludeGroups", "users includeRoles", "users excludeRoles",
			"applications includeApplications", "applications excludeApplications", "clientAppTypes", "mode include", "mode exclude",
		},
		10: {
			"control passwordChange", "conditions clientApplications", "conditions servicePrincipalRiskLevels", "users includeGuestsOrExternalUsers",
			"users excludeGuestsOrExternalUsers", "applications applicationFilter", "applications includeUserActions",
			"applications includeAuthenticationContextClassReferences",
		},
	} {
		for _, name := range names {
			if n[name] < least {
				t.Errorf("%s: in %d vectors, at least %d are to be", name, n[name], least)
			}
		}
	}
}

// saidIn names everything that a policy says.
func saidIn(t *testing.T, p written) (words []string) {
	t.Helper()
	words = append(words, "state "+p.State)
	for name, doc := range p.Conditions {
		words = append(words, "conditions "+name)
		members := map[string]json.RawMessage{}
		switch name {
		case "users", "applications":
			if err := json.Unmarshal(doc, &members); err != nil {
				t.Fatal(err)
			}
		case "clientAppTypes":
			if string(doc) != `["all"]` {
				words = append(words, name)
			}
		case "devices":
			var d struct{ DeviceFilter struct{ Mode string } }
			if err := json.Unmarshal(doc, &d); err != nil {
				t.Fatal(err)
			}
			words = append(words, "mode "+d.DeviceFilter.Mode)
		}
		for member := range members {
			words = append(words, name+" "+member)
		}
	}
	if g := p.GrantControls; g != nil {
		words = append(words, "operator "+g.Operator)
		for _, c := range g.BuiltInControls {
			words = append(words, "control "+c)
		}
		if len(g.TermsOfUse) > 0 {
			words = append(words, "control termsOfUse")
		}
		if g.AuthenticationStrength != nil {
			words = append(words, "control authenticationStrength")
		}
	}
	for name := range p.SessionControls {
		words = append(words, "session "+name)
	}
	return words
}

func TestEveryReasonAndEveryEndIsExpectedInManyVectors(t *testing.T) {
	n := counts{}
	codes := map[int]int{}
	for _, v := range every(t) {
		var words []string
		codes[v.Expected.ErrorCode]++
		for _, p := range v.Expected.Policies {
			words = append(words, "policy "+p.Result)
			if len(p.ConditionsNotMet) == 1 {
				words = append(words, "alone "+p.ConditionsNotMet[0])
			}
			for _, c := range p.ConditionsNotMet {
				words = append(words, "not met "+c)
			}
			for _, c := range p.UnmetControls {
				words = append(words, "unmet "+c)
			}
		}
		n.add(append(words, inSession(v.Expected.Session)...)...)
	}
	for least, names := range map[int][]string{
		20: {
			"policy notApplied", "policy notEnabled", "policy success", "policy failure", "policy reportOnlyNotApplied", "policy reportOnlySuccess",
			"policy reportOnlyFailure", "policy reportOnlyInterrupted", "alone users", "alone applications", "alone clientAppTypes", "alone platforms",
			"alone locations", "alone devices", "alone authenticationFlows",
			"unmet block", "unmet signInFrequency", "unmet mfa", "unmet authenticationStrength", "unmet compliantDevice", "unmet domainJoinedDevice",
			"unmet approvedApplication", "unmet compliantApplication", "unmet termsOfUse", "unmet signInTokenProtection",
		},
		10: {
			"alone signInRiskLevels", "alone userRiskLevels", "alone insiderRiskLevels", "unmet passwordChange", "not met clientApplications",
			"session signInFrequency", "session persistentBrowser", "session cloudAppSecurity", "session continuousAccessEvaluation",
			"session applicationEnforcedRestrictions", "session disableResilienceDefaults", "session secureSignInSession",
		},
		5: {"alone servicePrincipalRiskLevels"},
	} {
		for _, name := range names {
			if n[name] < least {
				t.Errorf("%s: in %d vectors, at least %d are to be", name, n[name], least)
			}
		}
	}
	for _, code := range []int{0, 50076, 50142, 50158, 70044, 53000, 53001, 53002, 53003, 53009, 530036, 530084} {
		if codes[code] < 10 {
			t.Errorf("error %d is expected in %d vectors, at least 10 are to be", code, codes[code])
		}
	}
}

func inSession(s *vectors.Session) (words []string) {
	if s == nil {
		return nil
	}
	for name, there := range map[string]bool{
		"signInFrequency": s.SignInFrequency != nil, "persistentBrowser": s.PersistentBrowser != "", "cloudAppSecurity": s.CloudAppSecurity != "",
		"continuousAccessEvaluation": s.ContinuousAccessEvaluation != "", "applicationEnforcedRestrictions": s.ApplicationEnforcedRestrictions,
		"disableResilienceDefaults": s.DisableResilienceDefaults, "secureSignInSession": s.SecureSignInSession,
	} {
		if there {
			words = append(words, "session "+name)
		}
	}
	return words
}

// The golden vectors of Microsoft's documentation are all there, by number.
func TestEveryGoldenVectorIsPublished(t *testing.T) {
	var ids []string
	for _, v := range every(t) {
		ids = append(ids, v.ID)
	}
	for i := range 30 {
		if id := "golden-V" + strconv.Itoa(i+1); !slices.Contains(ids, id) {
			t.Errorf("%s is missing", id)
		}
	}
}
