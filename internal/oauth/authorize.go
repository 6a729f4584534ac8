package oauth

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// Prompt is what a client wants asked of the person (OpenID Connect Core
// section 3.1.2.1). Consent needs no field: administrators consent for all.
type Prompt struct {
	None  bool `json:"none,omitempty"`  // show no page at all
	Login bool `json:"login,omitempty"` // ask who it is, even when a session lives
}

// Authorize is a valid authorization request, but for what only the client's
// registration can tell.
type Authorize struct {
	Client      directory.AppID `json:"client"`
	RedirectURI string          `json:"redirectUri"`
	State       string          `json:"state,omitempty"`
	Mode        Mode            `json:"mode"`
	Scope       Scope           `json:"scope"`
	Nonce       string          `json:"nonce,omitempty"` // for the ID token
	Challenge   string          `json:"challenge"`       // PKCE, S256
	JKT         string          `json:"jkt,omitempty"`   // dpop_jkt
	Prompt      Prompt          `json:"prompt,omitzero"`
	LoginHint   string          `json:"loginHint,omitempty"`
	MaxAge      *int64          `json:"maxAge,omitempty"` // seconds
	Claims      ClaimsRequest   `json:"claims,omitzero"`
}

// ParseAuthorize reads an authorization request (RFC 6749 section 4.1.1, OpenID
// Connect Core section 3.1.2.1, RFC 7636, RFC 9449 section 10). With an error,
// which is always an *Error, the returned request still holds the client,
// redirect URI, state and response mode that could be read: once the redirect
// URI proves to be the client's, the error goes there.
func ParseAuthorize(values url.Values) (Authorize, error) {
	f := &fields{values: values}
	a := Authorize{
		Client:      directory.AppID(f.need("client_id", maxShort)),
		RedirectURI: f.need("redirect_uri", maxLong),
		State:       f.one("state", maxLong),
		Mode:        f.mode(),
	}
	f.responseType()
	if f.one("request", maxJWT) != "" {
		f.fail(Errorf(RequestNotSupported, NumberMalformed, "request is not supported; send plain parameters"))
	}
	if f.one("request_uri", maxLong) != "" {
		f.fail(Errorf(RequestURINotSupported, NumberMalformed, "request_uri is not supported; send plain parameters"))
	}
	f.noResource()
	f.pkce(&a)
	a.Scope = f.scope()
	if f.err == nil && a.Scope.Empty() {
		f.fail(Errorf(InvalidScope, NumberMissingParameter, "scope is missing"))
	}
	a.Nonce = f.one("nonce", maxShort)
	a.LoginHint = f.one("login_hint", maxShort)
	a.Prompt = f.prompt()
	a.MaxAge = f.maxAge()
	a.Claims = f.claims()
	if a.JKT = f.one("dpop_jkt", maxShort); a.JKT != "" && !isSHA256(a.JKT) {
		f.fail(Errorf(InvalidRequest, NumberMalformed, "dpop_jkt is not a SHA-256 JWK thumbprint in base64url"))
	}
	return a, f.result()
}

func (f *fields) responseType() {
	switch t := f.need("response_type", maxShort); t {
	case "", "code":
	default:
		f.fail(Errorf(UnsupportedResponse, NumberResponseType, "response_type %q is not supported; use code", t))
	}
}

func (f *fields) mode() Mode {
	switch m := Mode(f.one("response_mode", maxShort)); m {
	case "", Query:
		return Query
	case FormPost:
		return FormPost
	default:
		f.fail(Errorf(InvalidRequest, NumberMalformed, "response_mode %q is not supported; use query or form_post", m))
		return Query
	}
}

// noResource refuses RFC 8707's parameter rather than ignoring a wish.
func (f *fields) noResource() {
	if len(f.values["resource"]) > 0 {
		f.fail(Errorf(InvalidTarget, NumberMalformed, "resource is not supported; name the resource in scope, as <resource>/%s", DefaultScope))
	}
}

func (f *fields) pkce(a *Authorize) {
	a.Challenge = f.one("code_challenge", maxShort)
	method := f.one("code_challenge_method", maxShort)
	switch {
	case a.Challenge == "":
		f.fail(Errorf(InvalidRequest, NumberPKCERequired, "code_challenge is missing; every client must use PKCE (RFC 7636)"))
	case method != "S256":
		f.fail(Errorf(InvalidRequest, NumberPKCERequired, "code_challenge_method is %q; it must be S256", method))
	case !isSHA256(a.Challenge):
		f.fail(Errorf(InvalidRequest, NumberMalformed, "code_challenge is not a SHA-256 in base64url"))
	}
}

func (f *fields) scope() Scope {
	s, err := ParseScope(f.one("scope", maxScope))
	f.check(err)
	return s
}

func (f *fields) claims() ClaimsRequest {
	c, err := ParseClaims(f.one("claims", maxClaims))
	f.check(err)
	return c
}

func (f *fields) prompt() Prompt {
	var p Prompt
	words := strings.Fields(f.one("prompt", maxShort))
	for _, w := range words {
		switch w {
		case "none":
			p.None = true
		case "login", "select_account": // there is one account a browser at a time: choosing is signing in
			p.Login = true
		case "consent":
		default:
			f.fail(Errorf(InvalidRequest, NumberMalformed, "prompt %q is not supported; use none, login, select_account or consent", w))
		}
	}
	if p.None && len(words) > 1 {
		f.fail(Errorf(InvalidRequest, NumberMalformed, "prompt mixes none with other values"))
	}
	return p
}

func (f *fields) maxAge() *int64 {
	text := f.one("max_age", maxShort)
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil || seconds < 0 {
		f.fail(Errorf(InvalidRequest, NumberMalformed, "max_age %q is not a number of seconds", text))
		return nil
	}
	return &seconds
}

// Fresh reports whether a person who signed in at the given instant needs not
// sign in again for a.
func (a Authorize) Fresh(signedInAt, now time.Time) bool {
	if a.Prompt.Login {
		return false
	}
	return a.MaxAge == nil || now.Sub(signedInAt) <= time.Duration(*a.MaxAge)*time.Second
}

// Encode renders a for storage in a sign-in under way.
func (a Authorize) Encode() (string, error) {
	doc, err := json.Marshal(a)
	return string(doc), err
}

// DecodeAuthorize is the inverse of Encode.
func DecodeAuthorize(text string) (Authorize, error) {
	var a Authorize
	err := json.Unmarshal([]byte(text), &a)
	return a, err
}
