package oauth

import "github.com/postern-mam/postern/internal/directory"

// Endpoints are the addresses of one tenant's authorization server, shaped like
// Entra's v2.0 endpoints.
type Endpoints struct {
	Authority     string // base URL and tenant
	Issuer        string // the claim iss
	Configuration string
	Authorize     string
	Token         string
	Keys          string
	Logout        string
	Introspect    string
	DeviceCode    string
	DevicePage    string // where people type the code of a device
}

// EndpointsOf returns the addresses of t below base, the public URL without a
// trailing slash.
func EndpointsOf(base string, t directory.TenantID) Endpoints {
	a := base + "/" + string(t)
	return Endpoints{
		Authority:     a,
		Issuer:        a + "/v2.0",
		Configuration: a + "/v2.0/.well-known/openid-configuration",
		Authorize:     a + "/oauth2/v2.0/authorize",
		Token:         a + "/oauth2/v2.0/token",
		Keys:          a + "/discovery/v2.0/keys",
		Logout:        a + "/oauth2/v2.0/logout",
		Introspect:    a + "/oauth2/v2.0/introspect",
		DeviceCode:    a + "/oauth2/v2.0/devicecode",
		DevicePage:    a + "/oauth2/v2.0/device",
	}
}
