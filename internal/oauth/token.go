package oauth

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
)

// GrantType is what a client exchanges for tokens.
type GrantType string

// The grant types.
const (
	CodeGrant    GrantType = "authorization_code"
	RefreshGrant GrantType = "refresh_token"
	ClientGrant  GrantType = "client_credentials"
	DeviceGrant  GrantType = "urn:ietf:params:oauth:grant-type:device_code"
)

// deviceGrantOfMSAL is how some releases of Microsoft's library spell DeviceGrant.
const deviceGrantOfMSAL GrantType = "device_code"

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// TokenRequest is a well-formed token request. Nothing in it is verified.
type TokenRequest struct {
	Grant      GrantType
	Client     directory.AppID // claimed
	Secret     string          // client_secret_basic or client_secret_post
	Assertion  string          // private_key_jwt
	Basic      bool            // the secret came in the Authorization header
	Code       string
	Redirect   string
	Verifier   string
	Refresh    string
	Device     string // the device code
	Scope      Scope
	Claims     ClaimsRequest
	ClientInfo bool // client_info=1: answer with client_info
}

// String hides the secrets from logs.
func (TokenRequest) String() string { return "[redacted]" }

// ParseToken reads a token request (RFC 6749 sections 4.1.3, 4.4.2 and 6, RFC
// 7521 section 4.2) from its form and its Authorization headers. A client that
// authenticates in two ways at once is refused. Errors are *Error.
func ParseToken(form url.Values, authorization []string) (TokenRequest, error) {
	f := &fields{values: form}
	r := TokenRequest{
		Grant:      GrantType(f.need("grant_type", maxShort)),
		Scope:      f.scope(),
		Claims:     f.claims(),
		ClientInfo: f.one("client_info", maxShort) == "1",
	}
	f.noResource()
	f.client(&r, authorization)
	switch r.Grant {
	case CodeGrant:
		r.Code = f.need("code", maxSecret)
		r.Redirect = f.need("redirect_uri", maxLong)
		r.Verifier = f.one("code_verifier", maxShort)
		if r.Verifier == "" { // MSAL sends it empty when it did not use PKCE
			f.fail(Errorf(InvalidGrant, NumberPKCERequired, "code_verifier is missing; every client must use PKCE (RFC 7636)"))
		}
	case RefreshGrant:
		r.Refresh = f.need("refresh_token", maxSecret)
	case DeviceGrant, deviceGrantOfMSAL:
		r.Grant, r.Device = DeviceGrant, f.need("device_code", maxSecret)
	case ClientGrant:
	default:
		f.fail(Errorf(UnsupportedGrantType, NumberUnsupportedGrant,
			"grant_type %q is not supported; use %s, %s, %s or %s", r.Grant, CodeGrant, RefreshGrant, ClientGrant, DeviceGrant))
	}
	return r, f.result()
}

// client reads who asks and with what proof.
func (f *fields) client(r *TokenRequest, authorization []string) {
	r.Client = directory.AppID(f.one("client_id", maxShort))
	r.Secret = f.one("client_secret", maxSecret)
	r.Assertion = f.one("client_assertion", maxJWT)
	kind := f.one("client_assertion_type", maxShort)
	if r.Assertion != "" && kind != assertionType {
		f.fail(Errorf(InvalidClient, NumberBadAssertion, "client_assertion_type is %q; it must be %s", kind, assertionType))
	}
	methods := 0
	for _, given := range []bool{r.Secret != "", r.Assertion != "", len(authorization) > 0} {
		if given {
			methods++
		}
	}
	if methods > 1 || len(authorization) > 1 {
		f.fail(Errorf(InvalidRequest, NumberMalformed, "the client authenticates in more than one way; use one"))
		return
	}
	if len(authorization) == 1 {
		f.basic(r, authorization[0])
	}
	if r.Client == "" && r.Assertion == "" {
		f.fail(Errorf(InvalidRequest, NumberMissingParameter, "client_id is missing"))
	}
}

// basic reads client_secret_basic: form-encoded identifier and secret (RFC 6749
// section 2.3.1).
func (f *fields) basic(r *TokenRequest, header string) {
	bad := Errorf(InvalidClient, NumberNoClientAuth, "the Authorization header is not HTTP Basic with a client identifier and secret")
	scheme, credentials, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") || len(credentials) > maxLong {
		f.fail(bad)
		return
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(credentials))
	if err != nil {
		f.fail(bad)
		return
	}
	rawID, rawSecret, ok := strings.Cut(string(raw), ":")
	id, err1 := url.QueryUnescape(rawID)
	secret, err2 := url.QueryUnescape(rawSecret)
	if !ok || err1 != nil || err2 != nil || id == "" {
		f.fail(bad)
		return
	}
	if r.Client != "" && string(r.Client) != id {
		f.fail(Errorf(InvalidRequest, NumberMalformed, "client_id differs from the client of the Authorization header"))
		return
	}
	r.Client, r.Secret, r.Basic = directory.AppID(id), secret, true
}
