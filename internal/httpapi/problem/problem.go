// Package problem turns faults into RFC 9457 problem responses.
//
// The Graph and OAuth doors have their own bodies (a Graph error object, RFC
// 6749 section 5.2) but share Status and Challenge, so one fault never has two
// statuses.
package problem

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/wire"
)

// Status is the HTTP status for err: 500 unless it is a fault of a known kind
// or an OAuth error of a protected resource.
func Status(err error) int {
	if o, ok := errors.AsType[*oauth.Error](err); ok {
		if o.Code == oauth.InsufficientScope {
			return http.StatusForbidden
		}
		return http.StatusUnauthorized
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Throttled:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unsupported:
		return http.StatusUnsupportedMediaType
	case fault.Internal:
	}
	return http.StatusInternalServerError
}

// Challenge sets the headers that tell a client how to authenticate: the
// WWW-Authenticate of err when it is an OAuth error (RFC 6750 section 3, RFC
// 9449 section 9), with the DPoP nonce to use next, and Retry-After when the
// service is busy.
func Challenge(h http.Header, err error) {
	if k := fault.KindOf(err); k == fault.Unavailable || k == fault.Throttled {
		h.Set("Retry-After", "1")
	}
	o, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		return
	}
	h.Add("WWW-Authenticate", o.Challenge("Bearer"))
	h.Add("WWW-Authenticate", o.Challenge("DPoP")+`, algs="ES256"`)
	if o.Nonce != "" {
		h.Set("DPoP-Nonce", o.Nonce)
	}
}

// Refusal is an error of the device protocol that tells the person what to do.
type Refusal struct {
	Code  string // stable, for programs
	Steps []string
	Err   error // the fault with kind and detail
}

// Error returns the fault's text.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the fault.
func (r *Refusal) Unwrap() error { return r.Err }

// Handle adapts a handler that returns its error. Returning is the only way to
// fail, so no handler can write an error and then carry on.
func Handle(log *slog.Logger, h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			Write(w, r, log, err)
		}
	})
}

// Write logs err and answers it as a problem.
func Write(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	code := Status(err)
	level := slog.LevelInfo
	if code >= http.StatusInternalServerError && r.Context().Err() == nil { // who went away causes no alarm
		level = slog.LevelError
	}
	log.LogAttrs(r.Context(), level, "request failed",
		slog.String("route", r.Pattern), slog.Int("status", code), slog.Any("err", err))
	body := wire.Problem{Title: http.StatusText(code), Status: code}
	if code != http.StatusInternalServerError {
		body.Detail = fault.Detail(err)
	}
	if o, ok := errors.AsType[*oauth.Error](err); ok {
		body.Detail, body.Code = o.Description, string(o.Code)
	}
	if f, ok := errors.AsType[*Refusal](err); ok {
		body.Code, body.Steps = f.Code, f.Steps
	}
	Challenge(w.Header(), err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client is gone; nothing to do
}

// Decode reads one JSON value of at most limit bytes from r's body into v.
// Unknown members pass (a newer client); anything else is a fault that names
// the member and what was expected.
func Decode(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	if err := dec.Decode(v); err != nil {
		return DecodeFault(err, limit)
	}
	if dec.More() {
		return fault.New(fault.Invalid, "the body holds more than one JSON value; send exactly one")
	}
	return nil
}

// DecodeFault explains an error of encoding/json to the sender.
func DecodeFault(err error, limit int64) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := t.Field
		if field == "" {
			field = "the body"
		}
		return fault.New(fault.Invalid, "%s is a JSON %s; it must be a JSON %s", field, t.Value, kindOf(t.Type.String()))
	}
	return &fault.Error{Kind: fault.Invalid, Detail: "the body is not valid JSON: " + err.Error(), Err: err}
}

func kindOf(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "array"
	case strings.HasPrefix(goType, "map"), strings.Contains(goType, "."):
		return "object"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "float"), strings.HasPrefix(goType, "uint"):
		return "number"
	case goType == "bool":
		return "boolean"
	}
	return "string"
}
