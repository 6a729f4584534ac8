package oauth

import (
	"encoding/json"
	"fmt"
)

// Entra's error numbers, which its clients and help desks know (field
// error_codes; Microsoft Learn, "Microsoft Entra authentication and
// authorization error codes"). The numbers of access decisions come with the
// decision itself.
const (
	NumberManyResources      = 28000
	NumberPending            = 70016
	NumberDeclined           = 70018
	NumberExpiredCode        = 70019
	NumberBadCode            = 70020
	NumberRedirectMismatch   = 50011
	NumberMFARegistration    = 50079
	NumberMFA                = 50076
	NumberLocked             = 50053
	NumberUserDisabled       = 50057
	NumberLoginNeeded        = 50058
	NumberWrongPassword      = 50126
	NumberSessionRevoked     = 50173
	NumberManyTenants        = 50194
	NumberCodeSpent          = 54005
	NumberInvalidGrant       = 70000
	NumberUnauthorizedClient = 70001
	NumberUnsupportedGrant   = 70003
	NumberExpiredGrant       = 70008
	NumberInvalidScope       = 70011
	NumberUnknownTenant      = 90002
	NumberPKCEMismatch       = 501481
	NumberUnknownResource    = 500011
	NumberUnknownClient      = 700016
	NumberBadAssertion       = 700027
	NumberResponseType       = 700054
	NumberMissingParameter   = 900144
	NumberBadSecret          = 7000215
	NumberNoClientAuth       = 7000218
	NumberMalformed          = 9002313
	NumberPKCERequired       = 9002325
)

// Sub-errors, as Entra's client libraries know them: what kind of step would help.
const (
	BasicAction              = "basic_action"               // a step inside an interactive sign-in
	AdditionalAction         = "additional_action"          // something to put right outside of it
	MessageOnly              = "message_only"               // nothing but an explanation
	BadToken                 = "bad_token"                  // the refresh token is of no more use
	ProtectionPolicyRequired = "protection_policy_required" // enrol for app protection
)

// Errorf returns an error with one of Entra's numbers (0 for none) and a
// formatted description that is safe to show.
func Errorf(code Code, number int, format string, args ...any) *Error {
	e := &Error{Code: code, Description: fmt.Sprintf(format, args...)}
	if number != 0 {
		e.ErrorCodes = []int{number}
	}
	return e
}

// MarshalJSON renders e as the body of an error response: RFC 6749 section 5.2
// with Entra's members.
func (e *Error) MarshalJSON() ([]byte, error) {
	const entraTime = "2006-01-02 15:04:05Z"
	codes := e.ErrorCodes
	if codes == nil {
		codes = []int{}
	}
	return json.Marshal(struct {
		Code          Code   `json:"error"`
		Description   string `json:"error_description"`
		ErrorCodes    []int  `json:"error_codes"`
		Timestamp     string `json:"timestamp"`
		TraceID       string `json:"trace_id"`
		CorrelationID string `json:"correlation_id"`
		Suberror      string `json:"suberror,omitempty"`
		Claims        string `json:"claims,omitempty"`
	}{e.Code, e.Description, codes, e.At.UTC().Format(entraTime), e.TraceID, e.CorrelationID, e.Suberror, e.Claims})
}

// Tokens is the body of a successful token response (RFC 6749 section 5.1,
// OpenID Connect Core section 3.1.3.3, and Entra's ext_expires_in and client_info).
type Tokens struct {
	TokenType    string `json:"token_type"` // "Bearer" or "DPoP"
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	ExtExpiresIn int    `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"` // base64url JSON of uid and utid
}

// String hides the tokens from logs.
func (Tokens) String() string { return "[redacted]" }
