// Package mtdapi is the door that threat connectors report at, under
// {authority}/mtd/v1.
package mtdapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/problem"
	"github.com/postern-mam/postern/internal/mtd"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/wire"
)

const (
	maxBody    = 64 << 10 // bytes, before and after inflating; about 250 states
	base       = "/{tenant}/mtd/v1"
	permission = "HealthState.Report"
)

// Handler serves threat connectors. Every field is required.
type Handler struct {
	MTD *mtd.Service
	// Authenticate verifies the access token of a request for an audience.
	Authenticate func(*http.Request, directory.AppID) (oauth.Principal, *oauth.Proof, error)
	Log          *slog.Logger
}

// Mount registers the routes. Reading Mount is reading the API.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.Handle("POST "+base+"/health", h.partner(h.health))
	mux.Handle("POST "+base+"/heartbeat", h.partner(h.heartbeat))
}

// partner admits connectors of this tenant, which sign in as themselves.
func (h *Handler) partner(next func(http.ResponseWriter, *http.Request, oauth.Principal) error) http.Handler {
	return problem.Handle(h.Log, func(w http.ResponseWriter, r *http.Request) error {
		p, _, err := h.Authenticate(r, directory.ThreatAPI)
		if err != nil {
			return err
		}
		switch {
		case p.Tenant != directory.TenantID(r.PathValue("tenant")):
			return fault.New(fault.Forbidden, "the token is for another tenant than this address")
		case p.Audience != directory.ThreatAPI:
			return &oauth.Error{Code: oauth.InvalidToken, Description: "the token is for another resource"}
		case p.User != "" || !slices.Contains(p.Permissions, permission):
			return &oauth.Error{Code: oauth.InsufficientScope, Description: "the token lacks the application permission " + permission}
		}
		return next(w, r, p)
	})
}

func (h *Handler) health(w http.ResponseWriter, r *http.Request, p oauth.Principal) error {
	var in wire.HealthReport
	if err := problem.Receive(w, r, maxBody, &in); err != nil {
		return err
	}
	results, err := h.MTD.Ingest(r.Context(), p, in.Value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(wire.HealthAccepted{Value: results})
}

func (h *Handler) heartbeat(w http.ResponseWriter, r *http.Request, p oauth.Principal) error {
	if err := h.MTD.Heartbeat(r.Context(), p); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
