package idp_test

import (
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/oauth"
)

// RFC 9700 section 4.14.2: a thief who renews a stolen token more than once must
// be noticed too, when its owner shows up with the one that was stolen.
func TestAnyOldRefreshTokenEndsItsFamily(t *testing.T) {
	w := open(t)
	stolen := w.webTokens().RefreshToken
	token := stolen
	for range 3 {
		out, err := w.token(refreshForm("web", token, "client_secret", webSecret))
		w.must(err)
		token = out.RefreshToken
	}
	_, err := w.token(refreshForm("web", stolen, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, oauth.NumberInvalidGrant)
	_, err = w.token(refreshForm("web", token, "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, oauth.NumberSessionRevoked)

	other := w.webTokens().RefreshToken
	family, _, _ := strings.Cut(other, ".")
	_, err = w.token(refreshForm("web", "guess."+strings.TrimPrefix(other, family+"."), "client_secret", webSecret))
	refused(t, err, oauth.InvalidGrant, oauth.NumberInvalidGrant)
	_, err = w.token(refreshForm("web", other, "client_secret", webSecret))
	w.must(err)
}
