package oauth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
)

// MatchRedirect reports whether uri is one that app registered, character by
// character (RFC 9700 section 2.1). Public clients may use any port of a
// registered loopback address (RFC 8252 section 7.3); "localhost" counts as one
// because Entra's client libraries use it.
func MatchRedirect(app directory.App, uri string) bool {
	if uri == "" || strings.Contains(uri, "#") {
		return false
	}
	if slices.Contains(app.RedirectURIs, uri) {
		return true
	}
	if !app.Public {
		return false
	}
	asked, ok := loopback(uri)
	if !ok {
		return false
	}
	return slices.ContainsFunc(app.RedirectURIs, func(registered string) bool {
		r, ok := loopback(registered)
		return ok && r == asked
	})
}

// loopback returns uri without its port when it is plain http to this computer.
func loopback(uri string) (portless string, ok bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	switch u.Hostname() {
	case "127.0.0.1", "::1", "localhost":
	default:
		return "", false
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/" // the same resource (RFC 3986 section 6.2.3)
	}
	return u.Hostname() + path + "?" + u.RawQuery, true
}

// Mode is how an authorization response reaches the client.
type Mode string

// The response modes (OAuth 2.0 Multiple Response Type Encoding Practices,
// OAuth 2.0 Form Post Response Mode).
const (
	Query    Mode = "query"
	FormPost Mode = "form_post"
)

// Response is an authorization response on its way to a client.
type Response struct {
	RedirectURI string
	Mode        Mode
	Params      url.Values
}

// Location returns the address to send the browser to, for Mode Query.
func (r Response) Location() string {
	sep := "?"
	if strings.Contains(r.RedirectURI, "?") {
		sep = "&"
	}
	return r.RedirectURI + sep + r.Params.Encode()
}

// Granted returns the response that carries a code. issuer identifies the
// server (RFC 9207).
func (a Authorize) Granted(issuer, code string) Response {
	return a.respond(issuer, url.Values{"code": {code}})
}

// Refused returns the response that carries e.
func (a Authorize) Refused(issuer string, e *Error) Response {
	p := url.Values{"error": {string(e.Code)}, "error_description": {e.Description}}
	if e.Suberror != "" {
		p.Set("suberror", e.Suberror)
	}
	if e.Claims != "" {
		p.Set("claims", e.Claims)
	}
	return a.respond(issuer, p)
}

func (a Authorize) respond(issuer string, p url.Values) Response {
	p.Set("iss", issuer)
	if a.State != "" {
		p.Set("state", a.State)
	}
	return Response{RedirectURI: a.RedirectURI, Mode: a.Mode, Params: p}
}
