package oidc

import (
	"encoding/json"
	"net/http"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

// token is the token endpoint. Parameters count in the body alone: addresses
// end up in logs.
func (d *Door) token(w http.ResponseWriter, q *request) error {
	if err := q.parse(); err != nil {
		return err
	}
	out, err := d.service.Token(q.Context(), idp.Call{
		Tenant: q.tenant, Form: q.PostForm, Authorization: q.Header.Values("Authorization"), DPoP: q.Header.Values("DPoP"),
		UserAgent: q.UserAgent(), IP: d.clientIP(q.Request), CorrelationID: q.correlation,
	})
	if err != nil {
		return err
	}
	if out.TokenType == "DPoP" { // the next proof then needs no second try (RFC 9449 section 8.2)
		nonce, err := d.service.Nonce(q.Context())
		if err != nil {
			return err
		}
		w.Header().Set("DPoP-Nonce", nonce)
	}
	return writeJSON(w, http.StatusOK, out)
}

// beginDevice is the device authorization endpoint (RFC 8628 section 3.1).
func (d *Door) beginDevice(w http.ResponseWriter, q *request) error {
	if !d.starts.allow(d.clientIP(q.Request)) {
		return errFlood()
	}
	if err := q.parse(); err != nil {
		return err
	}
	out, err := d.service.BeginDevice(q.Context(), idp.Call{
		Tenant: q.tenant, Form: q.PostForm, Authorization: q.Header.Values("Authorization"), CorrelationID: q.correlation,
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// introspect is the introspection endpoint.
func (d *Door) introspect(w http.ResponseWriter, q *request) error {
	if err := q.parse(); err != nil {
		return err
	}
	out, err := d.service.Introspect(q.Context(), idp.Call{
		Tenant: q.tenant, Form: q.PostForm, Authorization: q.Header.Values("Authorization"), CorrelationID: q.correlation,
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone; nothing to do
	return nil
}

func (d *Door) writeJSONError(w http.ResponseWriter, q *request, err error) {
	e, status := d.asOAuth(q, err)
	d.logRefusal(q, status, err)
	h := w.Header()
	if e.Nonce != "" {
		h.Set("DPoP-Nonce", e.Nonce)
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="token endpoint"`) // RFC 6749 section 5.2
	}
	if k := fault.KindOf(err); k == fault.Unavailable || k == fault.Throttled {
		h.Set("Retry-After", "1")
	}
	_ = writeJSON(w, status, e)
}

// keys answers with the keys that verify tokens.
func (d *Door) keys(w http.ResponseWriter, q *request) error {
	if _, err := d.service.Tenant(q.Context(), q.tenant); err != nil {
		return err
	}
	set, err := d.service.JWKS(q.Context())
	if err != nil {
		return err
	}
	public(w)
	return writeJSON(w, http.StatusOK, json.RawMessage(set))
}

// public marks what everybody may read, scripts of other origins included.
func public(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("Access-Control-Allow-Origin", "*")
}

// metadata is the discovery document (OpenID Connect Discovery section 3, RFC
// 8414, RFC 9207, RFC 9449 section 5.1).
type metadata struct {
	Issuer                 string   `json:"issuer"`
	AuthorizationEndpoint  string   `json:"authorization_endpoint"`
	TokenEndpoint          string   `json:"token_endpoint"`
	JWKS                   string   `json:"jwks_uri"`
	EndSessionEndpoint     string   `json:"end_session_endpoint"`
	IntrospectionEndpoint  string   `json:"introspection_endpoint"`
	IntrospectionAuth      []string `json:"introspection_endpoint_auth_methods_supported"`
	DeviceEndpoint         string   `json:"device_authorization_endpoint,omitempty"`
	ResponseTypes          []string `json:"response_types_supported"`
	ResponseModes          []string `json:"response_modes_supported"`
	GrantTypes             []string `json:"grant_types_supported"`
	SubjectTypes           []string `json:"subject_types_supported"`
	Scopes                 []string `json:"scopes_supported"`
	Claims                 []string `json:"claims_supported"`
	Prompts                []string `json:"prompt_values_supported"`
	IDTokenAlgorithms      []string `json:"id_token_signing_alg_values_supported"`
	ClientAuthentication   []string `json:"token_endpoint_auth_methods_supported"`
	AssertionAlgorithms    []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	ChallengeMethods       []string `json:"code_challenge_methods_supported"`
	DPoPAlgorithms         []string `json:"dpop_signing_alg_values_supported"`
	ClaimsParameter        bool     `json:"claims_parameter_supported"`
	RequestParameter       bool     `json:"request_parameter_supported"`
	RequestURIParameter    bool     `json:"request_uri_parameter_supported"`
	ResponseIssuer         bool     `json:"authorization_response_iss_parameter_supported"`
	HTTPLogoutSupported    bool     `json:"http_logout_supported"`
	FrontchannelLogout     bool     `json:"frontchannel_logout_supported"`
	AdministrationEndpoint string   `json:"msgraph_host"`
}

func (d *Door) configuration(w http.ResponseWriter, q *request) error {
	tenant, err := d.service.Tenant(q.Context(), q.tenant)
	if err != nil {
		return err
	}
	at := oauth.EndpointsOf(d.base, q.tenant)
	grants, device := []string{string(oauth.CodeGrant), string(oauth.RefreshGrant), string(oauth.ClientGrant)}, ""
	if tenant.Settings.AllowDeviceCode {
		grants, device = append(grants, string(oauth.DeviceGrant)), at.DeviceCode
	}
	public(w)
	return writeJSON(w, http.StatusOK, metadata{
		DeviceEndpoint: device,
		Issuer:         at.Issuer, AuthorizationEndpoint: at.Authorize, TokenEndpoint: at.Token, JWKS: at.Keys, EndSessionEndpoint: at.Logout,
		IntrospectionEndpoint: at.Introspect, IntrospectionAuth: []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
		ResponseTypes:          []string{"code"},
		ResponseModes:          []string{string(oauth.Query), string(oauth.FormPost)},
		GrantTypes:             grants,
		SubjectTypes:           []string{"public"},
		Scopes:                 []string{"openid", "profile", "email", "offline_access"},
		Claims:                 []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "amr", "nonce", "preferred_username", "name", "email", "tid", "oid", "sid", "ver"},
		Prompts:                []string{"none", "login", "select_account", "consent"},
		IDTokenAlgorithms:      []string{"ES256"},
		ClientAuthentication:   []string{"client_secret_post", "client_secret_basic", "private_key_jwt", "none"},
		AssertionAlgorithms:    []string{"ES256", "RS256", "PS256"},
		ChallengeMethods:       []string{"S256"},
		DPoPAlgorithms:         []string{"ES256"},
		ClaimsParameter:        true,
		ResponseIssuer:         true,
		AdministrationEndpoint: host(d.base),
	})
}
