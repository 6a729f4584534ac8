package oauth

import (
	"net/url"

	"github.com/postern-mam/postern/internal/directory"
)

// IntrospectRequest is a well-formed introspection request. Nothing in it is
// verified.
type IntrospectRequest struct {
	TokenRequest        // who asks, and with what proof
	Token        string // of any kind; token_type_hint only says where to look first, and is not needed
}

// String hides the secrets from logs.
func (IntrospectRequest) String() string { return "[redacted]" }

// ParseIntrospect reads an introspection request (RFC 7662 section 2.1) from its
// form and its Authorization headers. Errors are *Error.
func ParseIntrospect(form url.Values, authorization []string) (IntrospectRequest, error) {
	f := &fields{values: form}
	r := IntrospectRequest{Token: f.need("token", maxJWT)}
	f.one("token_type_hint", maxShort)
	f.client(&r.TokenRequest, authorization)
	return r, f.result()
}

// Introspected is the answer about a token (RFC 7662 section 2.2). The zero value
// is the answer about every token that is not alive, or not the asker's business.
type Introspected struct {
	Active       bool               `json:"active"`
	Scope        string             `json:"scope,omitempty"`
	Client       directory.AppID    `json:"client_id,omitempty"`
	UserName     string             `json:"username,omitempty"`
	TokenType    string             `json:"token_type,omitempty"`
	ExpiresAt    int64              `json:"exp,omitempty"`
	IssuedAt     int64              `json:"iat,omitempty"`
	NotBefore    int64              `json:"nbf,omitempty"`
	Subject      string             `json:"sub,omitempty"`
	Audience     directory.AppID    `json:"aud,omitempty"`
	Issuer       string             `json:"iss,omitempty"`
	ID           string             `json:"jti,omitempty"`
	Tenant       directory.TenantID `json:"tid,omitempty"`
	Object       string             `json:"oid,omitempty"`
	Roles        []string           `json:"roles,omitempty"`
	Contexts     []string           `json:"acrs,omitempty"`
	AuthTime     int64              `json:"auth_time,omitempty"`
	Methods      []string           `json:"amr,omitempty"`
	Confirmation *struct {
		JKT string `json:"jkt"`
	} `json:"cnf,omitempty"`
}
