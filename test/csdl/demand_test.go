package csdl_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/postern-mam/postern/internal/httpapi/graph"
)

const (
	contexts   = "identity/conditionalAccess/authenticationContextClassReferences"
	agreements = "identityGovernance/termsOfUse/agreements"
)

// strengths are the two paths of authentication strengths.
func strengths() []string {
	return []string{"policies/authenticationStrengthPolicies", "identity/conditionalAccess/authenticationStrength/policies"}
}

// demands makes and changes what policies refer to.
func (w *tour) demands(t *testing.T) {
	for _, all := range strengths() {
		id := w.made(t, all, map[string]any{
			"displayName": w.name("Keys"), "policyType": "custom", "allowedCombinations": []string{"fido2", "password,softwareOath"},
		})
		w.keys[all] = id
		w.do(t, http.StatusNoContent, http.MethodPatch, all+"/{}", map[string]any{"description": "of the tour"}, id)
		w.do(t, http.StatusOK, http.MethodPost, all+"/{}/updateAllowedCombinations", map[string]any{"allowedCombinations": []string{"fido2", "sms"}}, id)
		w.do(t, http.StatusBadRequest, http.MethodPost, all+"/{}/combinationConfigurations",
			map[string]any{"@odata.type": "#microsoft.graph.fido2CombinationConfiguration"}, id) // is refused by name
	}
	number := map[string]string{graph.V1: "c7", graph.Beta: "c8"}[w.version]
	w.keys[contexts] = w.made(t, contexts, map[string]any{"id": number, "displayName": w.name("Payroll"), "isAvailable": true})
	w.do(t, http.StatusNoContent, http.MethodPatch, contexts+"/{}", map[string]any{"isAvailable": false}, number)

	terms := w.made(t, agreements, map[string]any{
		"displayName": w.name("Private PCs"), "isViewingBeforeAcceptanceRequired": true, "isPerDeviceAcceptanceRequired": false,
		"termsExpiration":               map[string]any{"startDateTime": "2027-01-01T00:00:00Z", "frequency": "P365D"},
		"userReacceptRequiredFrequency": "P90D",
		"files": []any{map[string]any{
			"fileName": "terms.txt", "language": "en", "isDefault": true,
			"fileData": map[string]any{"data": base64.StdEncoding.EncodeToString([]byte("Be careful."))},
		}},
	})
	w.keys[agreements] = terms
	w.do(t, http.StatusOK, http.MethodPatch, agreements+"/{}", map[string]any{"displayName": w.name("Own PCs")}, terms)
}

// undemanded removes what demands made.
func (w *tour) undemanded(t *testing.T) {
	for _, all := range append(strengths(), contexts, agreements) {
		w.do(t, http.StatusNoContent, http.MethodDelete, all+"/{}", nil, w.keys[all])
	}
}
