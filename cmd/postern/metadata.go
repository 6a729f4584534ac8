package main

import (
	"encoding/json"
	"net/http"
)

// metadata answers what Azure's tools ask a cloud first: where to sign in and
// where its API is (Azure Resource Manager metadata, api-version 2022-09-01).
// Terraform's azuread provider reads it from the host that metadata_host names.
func (h *house) metadata(w http.ResponseWriter, _ *http.Request) {
	type authentication struct {
		LoginEndpoint    string   `json:"loginEndpoint"`
		Audiences        []string `json:"audiences"`
		Tenant           string   `json:"tenant"`
		IdentityProvider string   `json:"identityProvider"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(struct { // the client is gone; nothing to do
		Name            string            `json:"name"`
		ResourceManager string            `json:"resourceManager"`
		Graph           string            `json:"microsoftGraphResourceId"`
		Authentication  authentication    `json:"authentication"`
		Suffixes        map[string]string `json:"suffixes"`
	}{
		Name: "Postern", ResourceManager: h.base + "/", Graph: h.base + "/",
		Authentication: authentication{LoginEndpoint: h.base, Audiences: []string{h.base + "/"}, Tenant: "common", IdentityProvider: "AAD"},
		Suffixes:       map[string]string{},
	})
}
