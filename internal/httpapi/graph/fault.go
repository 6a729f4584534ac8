package graph

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/problem"
	"github.com/postern-mam/postern/internal/oauth"
)

// coded is a fault with a status and a code of its own.
type coded struct {
	status int
	code   string
	err    error
}

func (e *coded) Error() string { return e.code + ": " + e.err.Error() }
func (e *coded) Unwrap() error { return e.err }

// Coded gives err a status and one of Graph's codes.
func Coded(status int, code string, err error) error { return &coded{status, code, err} }

// NotFoundSegment says, as Graph does, that a path is not served.
func NotFoundSegment(segment string) error {
	return &coded{http.StatusBadRequest, "BadRequest", fault.New(fault.Invalid, "Resource not found for the segment '%s'.", segment)}
}

func preconditionFailed() error {
	return &coded{http.StatusPreconditionFailed, "PreconditionFailed", fault.New(fault.Conflict, "the object changed since the version that If-Match names; read it again")}
}

// unsupportedQuery keeps the detail of err and gives it Graph's code.
func unsupportedQuery(err error) error {
	return &coded{http.StatusBadRequest, "Request_UnsupportedQuery", fault.New(fault.Invalid, "%s", fault.Detail(err))}
}

type errorBody struct {
	Error graphError `json:"error"`
}

type graphError struct {
	Code       string     `json:"code"`
	Message    string     `json:"message"`
	InnerError innerError `json:"innerError"`
}

type innerError struct {
	Date            string `json:"date"`
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id"`
}

// codes by status, where no fault says better.
var codes = map[int]string{
	http.StatusBadRequest:            "Request_BadRequest",
	http.StatusUnauthorized:          "InvalidAuthenticationToken",
	http.StatusForbidden:             "Authorization_RequestDenied",
	http.StatusNotFound:              "Request_ResourceNotFound",
	http.StatusConflict:              "Request_MultipleObjectsWithSameKeyValue",
	http.StatusRequestEntityTooLarge: "RequestEntityTooLarge",
	http.StatusUnsupportedMediaType:  "UnsupportedMediaType",
	http.StatusTooManyRequests:       "TooManyRequests",
	http.StatusServiceUnavailable:    "ServiceUnavailable",
}

// refuse answers err in Graph's shape.
func (d *Door) refuse(c *Call, err error) {
	status, code := problem.Status(err), ""
	message := fault.Detail(err)
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		message = e.Description
	}
	if e, ok := errors.AsType[*coded](err); ok {
		status, code = e.status, e.code
	}
	if code == "" {
		code = codes[status]
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if status == http.StatusInternalServerError {
		code, message = "InternalServerError", "An internal error occurred; the operator finds it in the log by request-id."
	}
	d.Log.LogAttrs(c.Ctx, level, "graph request failed", slog.String("method", c.Request.Method), slog.String("route", c.route.Pattern),
		slog.Int("status", status), slog.String("request-id", c.RequestID), slog.Any("err", err))
	client := c.w.Header().Get("client-request-id")
	if client == "" {
		client = c.RequestID
	}
	problem.Challenge(c.w.Header(), err)
	if status == http.StatusUnauthorized && c.w.Header().Get("WWW-Authenticate") == "" {
		c.w.Header().Set("WWW-Authenticate", "Bearer")
	}
	body := errorBody{graphError{code, message, innerError{
		Date: d.Now().UTC().Format("2006-01-02T15:04:05"), RequestID: c.RequestID, ClientRequestID: client,
	}}}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		c.w.Header().Set("Retry-After", "1")
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(body) // the client is gone; nothing to do
}

// newID returns a random UUID (RFC 9562 version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
