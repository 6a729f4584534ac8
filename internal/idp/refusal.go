package idp

import (
	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/oauth"
)

// Codes of access decisions that clients treat specially (Entra error codes).
const (
	codeDeviceCompliance = 53000
	codeBlocked          = 53003
	codeAppProtection    = 53009
)

// refusal is what a client hears of a ruling that does not grant: what kind of
// step would help, never which policy decided.
func refusal(r access.Ruling) *oauth.Error {
	d := r.Decision
	var e *oauth.Error
	switch {
	case d.Outcome == access.Challenge:
		e = oauth.Errorf(oauth.InteractionRequired, d.Code, "a further step of the user is needed: sign in interactively")
		e.Suberror = oauth.BasicAction
	case d.Code == codeAppProtection:
		e = oauth.Errorf(oauth.InvalidGrant, d.Code, "the app on this device must be protected by an app protection policy")
		e.Suberror = oauth.ProtectionPolicyRequired
	case d.Code == codeDeviceCompliance:
		e = oauth.Errorf(oauth.InvalidGrant, d.Code, "the device must be compliant")
		e.Suberror = oauth.AdditionalAction
	case d.Code == oauth.NumberUserDisabled:
		e = oauth.Errorf(oauth.InvalidGrant, d.Code, "the account is disabled")
		e.Suberror = oauth.MessageOnly
		return e
	case d.Code == codeBlocked:
		e = oauth.Errorf(oauth.InvalidGrant, d.Code, "access is blocked by your organization")
		e.Suberror = oauth.MessageOnly
	default:
		e = oauth.Errorf(oauth.InvalidGrant, d.Code, "your organization's conditions for access are not met")
		e.Suberror = oauth.AdditionalAction
	}
	e.Claims = oauth.NewerThan(r.DecidedAt)
	return e
}

// silentRefusal is refusal for an authorization response, which has its own
// codes (OpenID Connect Core section 3.1.2.6).
func silentRefusal(r access.Ruling) *oauth.Error {
	e := refusal(r)
	if e.Code == oauth.InvalidGrant {
		e.Code = oauth.InteractionRequired
		if e.Suberror == oauth.MessageOnly {
			e.Code = oauth.AccessDenied
		}
	}
	return e
}
