package csdl_test

import (
	"net/http"
	"testing"
)

const (
	accessPolicies = "identity/conditionalAccess/policies"
	namedLocations = "identity/conditionalAccess/namedLocations"
	deletedItems   = "identity/conditionalAccess/deletedItems/"
)

// locations makes named locations of both kinds.
func (w *tour) locations(t *testing.T) {
	w.keys[namedLocations] = w.made(t, namedLocations, map[string]any{
		"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": w.name("Office"), "isTrusted": true, "ipRanges": []any{
			map[string]any{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.0/24"},
			map[string]any{"@odata.type": "#microsoft.graph.iPv6CidrRange", "cidrAddress": "2001:db8::/32"},
		},
	})
	w.do(t, http.StatusNoContent, http.MethodPatch, namedLocations+"/{}",
		map[string]any{"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": false}, w.keys[namedLocations])
	w.keys["countries"] = w.made(t, namedLocations, map[string]any{
		"@odata.type": "#microsoft.graph.countryNamedLocation", "displayName": w.name("Countries"), "countriesAndRegions": []string{"DE", "XK"},
		"includeUnknownCountriesAndRegions": true, "countryLookupMethod": "clientIpAddress",
	})
}

// deleted puts an object of each kind into the bin, after it came back twice.
func (w *tour) deleted(t *testing.T) {
	gone := map[string]string{
		"policies": w.made(t, accessPolicies, map[string]any{
			"displayName": w.name("Deleted"), "state": "disabled", "conditions": map[string]any{
				"clientAppTypes": []string{"all"}, "users": map[string]any{"includeUsers": []string{"All"}},
				"applications": map[string]any{"includeApplications": []string{"All"}},
			}, "grantControls": map[string]any{"operator": "OR", "builtInControls": []string{"mfa"}},
		}),
		"namedLocations": w.made(t, namedLocations, map[string]any{
			"@odata.type": "#microsoft.graph.countryNamedLocation", "displayName": w.name("Deleted"), "countriesAndRegions": []string{"AT"},
		}),
	}
	for kind, id := range gone {
		for _, restore := range []string{deletedItems + kind + "/{}/restore", "identity/conditionalAccess/" + kind + "/{}/restore"} {
			w.do(t, http.StatusNoContent, http.MethodDelete, "identity/conditionalAccess/"+kind+"/{}", nil, id)
			w.do(t, http.StatusOK, http.MethodPost, restore, nil, id)
		}
		w.do(t, http.StatusNoContent, http.MethodDelete, "identity/conditionalAccess/"+kind+"/{}", nil, id)
		w.keys[deletedItems+kind] = id
	}
}

// forgotten empties the bin and removes what locations made.
func (w *tour) forgotten(t *testing.T) {
	for _, kind := range []string{"policies", "namedLocations"} {
		w.do(t, http.StatusNoContent, http.MethodDelete, deletedItems+kind+"/{}", nil, w.keys[deletedItems+kind])
	}
	w.do(t, http.StatusNoContent, http.MethodDelete, namedLocations+"/{}", nil, w.keys[namedLocations])
	w.do(t, http.StatusNoContent, http.MethodDelete, namedLocations+"/{}", nil, w.keys["countries"])
}
