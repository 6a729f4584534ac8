// Package oauth is the vocabulary of OAuth 2.0 and OpenID Connect as Postern
// speaks them: error codes, who a token stands for, and the pure rules of
// parsing and checking requests. It does no I/O and keeps no state.
package oauth

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// Code is an OAuth error code, verbatim.
type Code string

// The codes (RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750, RFC 9449, OpenID
// Connect Core section 3.1.2.6).
const (
	InvalidRequest         Code = "invalid_request"
	InvalidClient          Code = "invalid_client"
	InvalidGrant           Code = "invalid_grant"
	InvalidScope           Code = "invalid_scope"
	InvalidTarget          Code = "invalid_target"
	InvalidToken           Code = "invalid_token"
	UnauthorizedClient     Code = "unauthorized_client"
	UnsupportedGrantType   Code = "unsupported_grant_type"
	UnsupportedResponse    Code = "unsupported_response_type"
	AccessDenied           Code = "access_denied"
	InteractionRequired    Code = "interaction_required"
	LoginRequired          Code = "login_required"
	InsufficientClaims     Code = "insufficient_claims"
	InsufficientScope      Code = "insufficient_scope"
	ServerError            Code = "server_error"
	TemporarilyUnavailable Code = "temporarily_unavailable"
	InvalidDPoPProof       Code = "invalid_dpop_proof"
	UseDPoPNonce           Code = "use_dpop_nonce"
	RequestNotSupported    Code = "request_not_supported"
	RequestURINotSupported Code = "request_uri_not_supported"
	AuthorizationPending   Code = "authorization_pending" // RFC 8628 section 3.5, as the next two
	SlowDown               Code = "slow_down"
	ExpiredToken           Code = "expired_token"
)

// Error is an OAuth error as a client reads it (Entra adds everything after
// Description; conditional-access.md section 1.6).
type Error struct {
	Code          Code
	Description   string
	Suberror      string
	ErrorCodes    []int
	Claims        string // a claims challenge, JSON
	Nonce         string // the DPoP nonce to use next, with UseDPoPNonce
	Authorize     string // where a new token is to be had; told with InsufficientClaims
	CorrelationID string
	TraceID       string
	At            time.Time
	Err           error // cause, for the log only
}

// Error returns the code and the description, for logs.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Description }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Principal is who a verified access token stands for.
type Principal struct {
	Tenant      directory.TenantID
	User        directory.UserID // empty for an app that signed in as itself
	Client      directory.AppID
	Session     directory.SessionID
	Audience    directory.AppID
	Scopes      []string // delegated
	Permissions []string // application permissions, or those a directory role gives
	JKT         string   // thumbprint of the key the token is bound to; empty for bearer tokens
	ExpiresAt   time.Time
}

// Presented is an access token as it arrived at a resource.
type Presented struct {
	Authorization []string // every Authorization header
	DPoP          []string // every DPoP header
	Method        string
	URL           string          // scheme, host and path as the client saw them
	Audience      directory.AppID // who is asking
	UserAgent, IP string          // of the client, as policies read them
	CorrelationID string
}

// Proof is a verified DPoP proof (RFC 9449), or a proof of the same shape that
// a device makes without a token.
type Proof struct {
	JKT       string
	JTI       string
	ExpiresAt time.Time // until when JTI must stay spent
	Key       []byte    // the public JWK that JKT is the thumbprint of, JSON (for device registration)
}

// Challenge returns the value of a WWW-Authenticate header for e with the given
// scheme (RFC 6750 section 3; Entra's claims parameter is standard base64).
func (e *Error) Challenge(scheme string) string {
	b := new(strings.Builder)
	b.WriteString(scheme)
	sep := " "
	param := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, `%s%s="%s"`, sep, name, quotable.Replace(value))
			sep = ", "
		}
	}
	param("error", string(e.Code))
	param("error_description", e.Description)
	param("authorization_uri", e.Authorize)
	if e.Claims != "" {
		param("claims", base64.StdEncoding.EncodeToString([]byte(e.Claims)))
	}
	return b.String()
}

var quotable = strings.NewReplacer(`"`, `'`, `\`, `/`, "\r", " ", "\n", " ")

// Redemption is an authorization code with all that must match it.
type Redemption struct {
	Tenant      directory.TenantID
	Client      directory.AppID
	Code        string
	Verifier    string
	RedirectURI string
}
