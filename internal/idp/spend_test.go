package idp_test

import (
	"net/url"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/oauth"
)

// RFC 9449 section 11.1: a proof that changes something works once. The
// enrolment room spends its proofs together with what they change; other doors
// have no such transaction.
func TestAProofChangesSomethingOnce(t *testing.T) {
	w := open(t)
	d := newDevice(w)
	out, err := w.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {"daemon"}, "client_secret": {"old"},
		"scope": {"https://graph.microsoft.com/.default"}}, d.proof("POST", tokenURL))
	w.must(err)
	target := base + "/v1.0/users"
	show := func(method, proof string) error {
		_, _, err := w.idp.Authenticate(t.Context(), oauth.Presented{Authorization: []string{"DPoP " + out.AccessToken}, DPoP: []string{proof},
			Method: method, URL: target, Audience: directory.GraphAPI})
		return err
	}
	ath := oauth.SHA256(out.AccessToken)
	for method, once := range map[string]bool{"GET": false, "HEAD": false, "POST": true, "PATCH": true, "DELETE": true} {
		p := d.proof(method, target, "ath", ath)
		w.must(show(method, p))
		err := show(method, p)
		if !once {
			w.must(err)
			continue
		}
		if e := refused(t, err, oauth.InvalidDPoPProof, 0); e.Nonce == "" {
			t.Errorf("%s: no nonce is offered", method)
		}
	}
}
