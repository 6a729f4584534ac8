// Package mamapi is the door that managed apps knock on: the device protocol of
// package wire, under {authority}/mam/v1.
//
// Calls marked "token" stand for a user and need an access token bound to the
// device's key; the others work by a proof of that key alone, so that a wipe
// reaches a device whose user can no longer sign in.
package mamapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/problem"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/wire"
)

const (
	maxBody        = 64 << 10  // bytes, before and after inflating; a check-in is about 1 KiB
	maxDiagnostics = 256 << 10 // the same of an answer to a request for diagnostics
	base           = "/{tenant}/mam/v1"
	scope          = "enrollment"
)

// Handler serves the device protocol, version 1. Every field but Done,
// Heartbeat and WriteWithin is required.
type Handler struct {
	MAM *mam.Service
	Hub *Hub
	// Authenticate verifies the access token of a request for an audience, with
	// the proof that it is bound to (nil for a bearer token).
	Authenticate func(*http.Request, directory.AppID) (oauth.Principal, *oauth.Proof, error)
	// DeviceProof verifies a proof that comes without a token.
	DeviceProof func(*http.Request, directory.TenantID) (oauth.Proof, error)
	Log         *slog.Logger

	Done        <-chan struct{} // closed when the service stops: open streams end
	Heartbeat   time.Duration   // between comments on an idle stream; zero: 15 s
	WriteWithin time.Duration   // a client that takes no byte for so long is gone; zero: 10 s
}

// Mount registers the routes. Reading Mount is reading the API.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.Handle("POST "+base+wire.PathDevices, h.token(h.registerDevice))
	mux.Handle("POST "+base+wire.PathRegistrations, h.token(h.enroll))
	mux.Handle("GET "+base+wire.PathPolicy, h.token(h.policy))
	mux.Handle("POST "+base+wire.PathCheckIn, h.token(h.checkIn))
	mux.Handle("DELETE "+base+wire.PathRegistration, h.device(h.signOut))
	mux.Handle("GET "+base+wire.PathOperations, h.device(h.operations))
	mux.Handle("POST "+base+wire.PathReceipt, h.device(h.receipt))
	mux.Handle("POST "+base+wire.PathAnswer, h.device(h.diagnostics))
	mux.Handle("GET "+base+wire.PathStream, h.device(h.stream))
}

type handler func(http.ResponseWriter, *http.Request, mam.Caller) error

// token admits calls that stand for a user of this tenant, with a token for
// enrolment that is bound to the key that proved itself.
func (h *Handler) token(next handler) http.Handler {
	return problem.Handle(h.Log, func(w http.ResponseWriter, r *http.Request) error {
		p, proof, err := h.Authenticate(r, directory.EnrollmentAPI)
		if err != nil {
			return err
		}
		switch {
		case p.Tenant != directory.TenantID(r.PathValue("tenant")):
			return fault.New(fault.Forbidden, "the token is for another tenant than this address")
		case p.Audience != directory.EnrollmentAPI:
			return &oauth.Error{Code: oauth.InvalidToken, Description: "the token is for another resource; ask for " + wire.EnrollmentScope}
		case proof == nil || p.JKT == "" || p.JKT != proof.JKT:
			return &oauth.Error{Code: oauth.InvalidToken, Description: "the token must be bound to the device's key (DPoP)"}
		case !slices.Contains(p.Scopes, scope):
			return &oauth.Error{Code: oauth.InsufficientScope, Description: "the token lacks the scope " + scope + "; ask for " + wire.EnrollmentScope}
		case p.User == "":
			return fault.New(fault.Forbidden, "the token stands for no user; enrolment is for people")
		}
		return explain(next(w, r, mam.Caller{Tenant: p.Tenant, User: p.User, Proof: *proof}))
	})
}

// device admits calls by a proof of the device's key alone. Whose key it must
// be, the room knows.
func (h *Handler) device(next handler) http.Handler {
	return problem.Handle(h.Log, func(w http.ResponseWriter, r *http.Request) error {
		t := directory.TenantID(r.PathValue("tenant"))
		proof, err := h.DeviceProof(r, t)
		if err != nil {
			return err
		}
		return explain(next(w, r, mam.Caller{Tenant: t, Proof: proof}))
	})
}

// explain gives a refusal of the room the shape in which problems carry it.
func explain(err error) error {
	r, ok := errors.AsType[*mam.RefusedError](err)
	if !ok {
		return err
	}
	return &problem.Refusal{Code: r.Code, Steps: r.Steps, Err: r.Err}
}

func registration(r *http.Request) directory.RegistrationID {
	return directory.RegistrationID(r.PathValue("id"))
}

func (h *Handler) registerDevice(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	var in wire.RegisterDevice
	if err := receive(w, r, maxBody, &in); err != nil {
		return err
	}
	d, err := h.MAM.RegisterDevice(r.Context(), c, in)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, wire.Device{ID: string(d.ID)})
}

func (h *Handler) enroll(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	var in wire.Enroll
	if err := receive(w, r, maxBody, &in); err != nil {
		return err
	}
	e, err := h.MAM.Enroll(r.Context(), c, in)
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, e)
}

func (h *Handler) policy(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	p, err := h.MAM.Policy(r.Context(), c, registration(r))
	if err != nil {
		return err
	}
	h.Hub.told(key{c.Tenant, registration(r)}, p.ETag)
	tag := `"` + p.ETag + `"`
	w.Header().Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return answer(w, http.StatusOK, p)
}

// matches compares weakly, as If-None-Match asks (RFC 9110 section 13.1.2).
func matches(headers []string, tag string) bool {
	for _, header := range headers {
		for have := range strings.SplitSeq(header, ",") {
			have = strings.TrimSpace(have)
			if have == "*" || strings.TrimPrefix(have, "W/") == tag {
				return true
			}
		}
	}
	return false
}

func (h *Handler) checkIn(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	var in wire.CheckIn
	if err := receive(w, r, maxBody, &in); err != nil {
		return err
	}
	out, err := h.MAM.CheckIn(r.Context(), c, registration(r), in)
	if err != nil {
		return err
	}
	h.Hub.told(key{c.Tenant, registration(r)}, out.PolicyETag)
	return answer(w, http.StatusOK, out)
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	if err := h.MAM.SignOut(r.Context(), c, registration(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) operations(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	ops, err := h.MAM.Deliver(r.Context(), c, registration(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, ops)
}

func (h *Handler) receipt(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	var in wire.ReceiptEnvelope
	if err := receive(w, r, maxBody, &in); err != nil {
		return err
	}
	if err := h.MAM.Receipt(r.Context(), c, registration(r), r.PathValue("op"), in.Receipt); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) diagnostics(w http.ResponseWriter, r *http.Request, c mam.Caller) error {
	var in wire.Diagnostics
	if err := receive(w, r, maxDiagnostics, &in); err != nil {
		return err
	}
	if err := h.MAM.Answer(r.Context(), c, registration(r), r.PathValue("op"), in); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answer encodes v first, so that a value that does not encode is an error and
// not half a body.
func answer(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client is gone; nothing to do
	return nil
}
