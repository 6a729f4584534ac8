package oauth

import (
	"net/url"
	"strings"
)

// UserCodeLetters are those of user codes: consonants that are not taken for each
// other, so that no code is a word (RFC 8628 section 6.1).
const UserCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

// UserCodeLength is how many letters a user code has: 34 bits.
const UserCodeLength = 8

// DeviceRequest is a well-formed device authorization request (RFC 8628 section
// 3.1). Nothing in it is verified.
type DeviceRequest struct{ TokenRequest }

// DeviceAuthorization is the answer to a DeviceRequest (RFC 8628 section 3.2), with
// the message that Entra's clients print.
type DeviceAuthorization struct {
	DeviceCode      string `json:"device_code"`
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	Complete        string `json:"verification_uri_complete"`
	ExpiresIn       int    `json:"expires_in"` // seconds
	Interval        int    `json:"interval"`   // seconds
	Message         string `json:"message"`
}

// String hides the codes from logs.
func (DeviceAuthorization) String() string { return "[redacted]" }

// ParseDevice reads a device authorization request from its form and its
// Authorization headers. Errors are *Error.
func ParseDevice(form url.Values, authorization []string) (DeviceRequest, error) {
	f := &fields{values: form}
	r := DeviceRequest{TokenRequest{Scope: f.scope(), Claims: f.claims()}}
	f.noResource()
	f.client(&r.TokenRequest, authorization)
	if f.err == nil && r.Scope.Empty() {
		f.fail(Errorf(InvalidScope, NumberMissingParameter, "scope is missing"))
	}
	return r, f.result()
}

// UserCode reads a user code as people type it, with or without its dash and in
// any case; "" is none.
func UserCode(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	code := strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(strings.TrimSpace(typed)))
	if len(code) != UserCodeLength || strings.Trim(code, UserCodeLetters) != "" {
		return ""
	}
	return code
}

// ShowUserCode is a user code as people read it: two groups of four.
func ShowUserCode(code string) string {
	if len(code) != UserCodeLength {
		return code
	}
	return code[:UserCodeLength/2] + "-" + code[UserCodeLength/2:]
}
