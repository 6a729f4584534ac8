package oauth

import "net/url"

// SiteCallbackPath is where a published site gets its authorization code back.
const SiteCallbackPath = "/.postern/callback"

// SiteOrigin is the origin of a published site as browsers see it: its own host
// on the port of base, the service's public URL.
func SiteOrigin(base, host string) string {
	if u, err := url.Parse(base); err == nil && u.Port() != "" {
		host += ":" + u.Port()
	}
	return "https://" + host
}

// SiteCallback is the one redirect URI of a published site. It needs no
// registration: the service itself answers there.
func SiteCallback(base, host string) string {
	return SiteOrigin(base, host) + SiteCallbackPath
}
