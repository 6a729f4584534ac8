// Package bearer reads access tokens and device proofs off HTTP requests, for
// every door alike.
package bearer

import (
	"net/http"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/oauth"
)

// Presented returns what r presents to audience. issuer is the configured
// public URL (scheme and host); the Host header is never trusted for it.
func Presented(r *http.Request, issuer string, audience directory.AppID) oauth.Presented {
	return oauth.Presented{
		Authorization: r.Header.Values("Authorization"),
		DPoP:          r.Header.Values("DPoP"),
		Method:        r.Method,
		URL:           issuer + r.URL.EscapedPath(),
		Audience:      audience,
	}
}
