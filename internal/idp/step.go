package idp

import (
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/oauth"
)

// Visit is one request of a browser to the sign-in pages.
type Visit struct {
	Tenant        directory.TenantID
	Flow          string // identifier of the sign-in under way; empty at its start
	Browser       string // value of the flow cookie; empty: the browser has none
	Session       string // value of the session cookie; empty: the browser has none
	UserAgent     string
	IP            string
	CorrelationID string
}

// Kind says what the browser gets next.
type Kind uint8

// The kinds of steps.
const (
	AskPassword Kind = iota
	AskNewPassword
	AskCode        // of the second factor
	RegisterFactor // set up the second factor
	AskTerms       // read and accept terms of use
	Denied         // what is missing, with remedies
	Answer         // back to the client
	AskUserCode    // type the code that a device shows
	AskDevice      // say that the device is one's own
	DeviceDone     // the device goes on, or does not
)

// Step is what the browser gets next. Fields that a kind does not need are empty.
type Step struct {
	Kind         Kind
	Flow         string
	Organization string
	Client       string // display name
	Site         string // display name of what is being reached
	UserName     string
	Problem      string   // what was wrong with the last post; one sentence for people
	Rules        []string // what a new password must be
	Factor       Factor
	Terms        []agreement.Agreement // AskTerms
	Viewed       []string              // AskTerms: those whose text was opened, by TermsKey
	Ruling       access.Ruling         // Denied
	Nonce        string                // Denied: for the device proof
	Redirect     string                // where the sign-in leads in the end
	Response     oauth.Response

	// Cookies to set; empty: leave the browser's as it is.
	SetBrowser       string
	SetSession       string
	SessionExpiresAt time.Time
}

// Factor is what an authenticator app is set up with.
type Factor struct {
	Secret string // base32, without padding
	URI    string // otpauth://totp/...
}
