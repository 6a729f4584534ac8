// Package page renders the pages that people see: sign-in, refusals with their
// remedies, plain errors. Pages work with a keyboard and without JavaScript, in
// light and dark, and load nothing from elsewhere.
//
// # Forms
//
// Every form posts application/x-www-form-urlencoded with the hidden field
// "flow". The other fields are "username", "password", "new_password", "code"
// (six digits, perhaps with one space in the middle) and "proof". The page of
// terms of use posts "view", the identifier of an agreement to open, or else
// "decision", which is "accept" or "decline", with "agreement" once for each
// agreement whose text it showed.
//
// Pages forbid referrers, and so browsers send "Origin: null" with these posts
// (Fetch, "append a request Origin header"): tell forgeries by Sec-Fetch-Site
// and by the flow, not by Origin.
//
// # Targets
//
// Browsers apply the form-action directive to every redirect that follows a
// post (Content Security Policy Level 3, section 6.4.1). A door therefore lists
// in Targets where the chain of redirects may end: the redirect URI of the
// client that asked. The server's own origin is always allowed.
package page

import "github.com/postern-mam/postern/internal/access"

// SignIn asks for user name and password.
type SignIn struct {
	Action       string // where the form posts
	Flow         string
	UserName     string // filled in already, for example from login_hint
	Error        string // one sentence; empty: none
	Organization string
	Targets      []string // redirect URIs or origins that may follow the post
}

// NewPassword asks for a new password of a person whose old one was right.
type NewPassword struct {
	Action       string
	Flow         string
	UserName     string
	Error        string
	Rules        []string // what a password must be, one sentence each
	Organization string
	Targets      []string
}

// SecondFactor asks for a code of the authenticator app.
type SecondFactor struct {
	Action       string
	Flow         string
	UserName     string
	Error        string
	Organization string
	Targets      []string
}

// RegisterFactor shows a new TOTP key and asks for the first code.
type RegisterFactor struct {
	Action       string
	Flow         string
	UserName     string
	Secret       string // base32; shown in groups of four
	URI          string // otpauth://totp/...; anything else is not shown
	Error        string
	Organization string
	Targets      []string
}

// Param is one field of a FormPost.
type Param struct{ Name, Value string }

// FormPost hands an authorization response to a client by a form (OAuth 2.0
// Form Post Response Mode). It submits itself where JavaScript runs.
type FormPost struct {
	URI    string // the client's redirect URI, http or https
	Params []Param
}

// Denied is what a person sees when access is refused: what is missing, in
// plain words, and the steps that lead back in.
type Denied struct {
	Title         string // empty: the page finds one
	UserName      string
	Site          string // the name of what was asked for
	Code          int    // Entra error code, for the help desk
	CorrelationID string
	At            string // RFC 3339
	Organization  string
	Remedies      []access.Remedy
	CheckAgain    string // URL that re-reads live state; empty: no button
	CheckMethod   string // "get" or "post"; empty means get
	// Live answers WriteState, and State is what it answered for this page: when it
	// answers something else the page goes to CheckAgain by itself. Empty: it waits
	// for the person.
	Live, State string
	// Flow and Nonce let a browser extension prove the device on this page;
	// empty: the page offers no proof. The page then carries
	// <meta name="mam-device-challenge" content=Nonce> and the hidden form
	// "mam-device-proof", which posts flow and proof to ProofURL.
	Flow, Nonce, ProofURL string
	Targets               []string
}

// SignedOut says that the session ended.
type SignedOut struct {
	UserName     string
	Organization string
	SignIn       string // URL to sign in again; empty: no button
}

// Error is a refusal that no remedy of the person's can help: a broken request,
// an expired flow, an outage.
type Error struct {
	Title         string
	Detail        string // blank lines part paragraphs
	Code          string // for example "invalid_request" or an Entra error code
	CorrelationID string
	At            string // RFC 3339
}

// Link is a link of a Message.
type Link struct{ Text, URL string }

// Section is a part of a Message.
type Section struct {
	Title   string
	Text    string
	Steps   []string
	Command string // shown as typed text
}

// Message is a page of plain words.
type Message struct {
	Title         string
	Text          string // blank lines part paragraphs
	Sections      []Section
	Links         []Link
	Button        Link // the one thing to do next; empty: none
	Organization  string
	Code          string // these three as in Error; usually empty
	CorrelationID string
	At            string
}
