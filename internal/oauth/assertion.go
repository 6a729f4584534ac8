package oauth

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

const (
	// AssertionFor is the longest time a client assertion may be good for.
	AssertionFor = 10 * time.Minute

	assertionSkew = time.Minute
)

// Audience is the claim aud: one text or several (RFC 7519 section 4.1.3).
type Audience []string

// UnmarshalJSON reads a text or a list of texts.
func (a *Audience) UnmarshalJSON(doc []byte) error {
	var one string
	if json.Unmarshal(doc, &one) == nil {
		*a = Audience{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(doc, &many); err != nil {
		return err
	}
	*a = many
	return nil
}

// AssertionClaims are the claims of a client assertion (RFC 7523 section 3).
type AssertionClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  Audience `json:"aud"`
	ID        string   `json:"jti"`
	ExpiresAt *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// AssertionDemand is what a client assertion must fit.
type AssertionDemand struct {
	Client    directory.AppID
	Audiences []string // any one of them
	Now       time.Time
}

// Check tells whether the claims fit. The error is an *Error.
func (c AssertionClaims) Check(d AssertionDemand) error {
	bad := func(format string, args ...any) error {
		return Errorf(InvalidClient, NumberBadAssertion, "the client assertion "+format, args...)
	}
	now, skew := float64(d.Now.Unix()), assertionSkew.Seconds()
	switch {
	case c.Issuer != string(d.Client) || c.Subject != string(d.Client):
		return bad("must name the client as iss and as sub")
	case !slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(d.Audiences, a) }):
		return bad("is for another audience; aud must be %s", d.Audiences[0])
	case c.ID == "" || len(c.ID) > maxTokenID:
		return bad("needs a jti of 1 to %d bytes", maxTokenID)
	case c.ExpiresAt == nil || *c.ExpiresAt <= now-skew:
		return bad("has expired, or has no exp")
	case *c.ExpiresAt > now+AssertionFor.Seconds()+skew:
		return bad("is good for too long; exp may be at most %d seconds away", int(AssertionFor.Seconds()))
	case c.NotBefore != nil && *c.NotBefore > now+skew, c.IssuedAt != nil && *c.IssuedAt > now+skew:
		return bad("is not good yet; check the clock of the client")
	}
	return nil
}
