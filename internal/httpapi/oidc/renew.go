package oidc

import (
	"net/http"
	"time"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
)

// due tells a browser extension when to prove its PC again.
type due struct {
	Nonce     string `json:"nonce,omitempty"` // to answer within a minute
	ExpiresIn int    `json:"expires_in"`      // seconds that the last proof still counts
	RenewIn   int    `json:"renew_in"`        // seconds to wait before the next one
}

// challenge gives the extension of a signed-in browser what its device has to
// answer. No page can read it: nothing here lets another origin in.
func (d *Door) challenge(w http.ResponseWriter, q *request) error {
	if site := q.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return fault.New(fault.Forbidden, "another site may not ask for a challenge")
	}
	out, err := d.service.Challenge(q.Context(), q.tenant, cookie(q, sessionCookie))
	return writeDue(w, out, err)
}

// proveAgain takes the answer. Who posts it does not matter: it is signed by the
// device, for the one session.
func (d *Door) proveAgain(w http.ResponseWriter, q *request) error {
	if !d.posts.allow(d.clientIP(q.Request)) {
		return errFlood()
	}
	if err := q.parse(); err != nil {
		return err
	}
	out, err := d.service.ProveAgain(q.Context(), d.visit(q), q.PostForm.Get("proof"))
	return writeDue(w, out, err)
}

func writeDue(w http.ResponseWriter, p idp.ProofDue, err error) error {
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, due{Nonce: p.Nonce, ExpiresIn: int(p.In / time.Second), RenewIn: int(p.Renew / time.Second)})
}
