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

// The line or the power may go before an answer is kept: a device that asks again
// goes on with the token that it should have got, also from another replica. A token
// whose successor was used is an old one, and ends its family.
func TestADeviceThatLostAnAnswerAsksAgain(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	ask := func(token string) (oauth.Tokens, error) {
		return w.token(refreshForm(agent, token), d.proof("POST", tokenURL))
	}
	first := w.enrolTokens(d).RefreshToken
	lost, err := ask(first)
	w.must(err)
	w.idp = w.replica()
	again, err := ask(first)
	w.must(err)
	if again.RefreshToken != lost.RefreshToken || again.RefreshToken == first || again.AccessToken == lost.AccessToken {
		t.Errorf("asked again: %+v, at first %+v", again, lost)
	}
	third, err := ask(again.RefreshToken)
	w.must(err)
	if _, err = ask(again.RefreshToken); err != nil {
		t.Errorf("lost once more: %v", err)
	}
	_, err = ask(first)
	refused(t, err, oauth.InvalidGrant, oauth.NumberInvalidGrant)
	_, err = ask(third.RefreshToken)
	refused(t, err, oauth.InvalidGrant, oauth.NumberSessionRevoked)
}
