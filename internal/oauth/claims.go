package oauth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/strength"
)

const (
	maxClaims   = 4096
	maxContexts = 10
)

// CapabilityCP1 says that a client understands claims challenges (Microsoft
// Learn, "Claims challenges, claims requests and client capabilities").
const CapabilityCP1 = "cp1"

// ClaimsRequest is the part of the claims parameter (OpenID Connect Core
// section 5.5) that is understood; the rest is ignored, as the standard asks.
type ClaimsRequest struct {
	Capable   bool      `json:"capable,omitempty"`  // access_token.xms_cc has cp1
	NotBefore time.Time `json:"notBefore,omitzero"` // access_token.nbf: the token must be newer
	Contexts  []string  `json:"contexts,omitempty"` // access_token.acrs: authentication contexts that must be met
}

// ParseClaims reads the claims parameter; empty text is an empty request.
func ParseClaims(text string) (ClaimsRequest, error) {
	var out ClaimsRequest
	if text == "" {
		return out, nil
	}
	if len(text) > maxClaims {
		return out, Errorf(InvalidRequest, NumberMalformed, "claims has %d bytes; at most %d are allowed", len(text), maxClaims)
	}
	var doc struct {
		AccessToken struct {
			Capabilities *claim `json:"xms_cc"`
			NotBefore    *claim `json:"nbf"`
			Contexts     *claim `json:"acrs"`
		} `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		e := Errorf(InvalidRequest, NumberMalformed, "claims is not the JSON of a claims request (OpenID Connect Core section 5.5)")
		e.Err = err
		return out, e
	}
	if c := doc.AccessToken.Capabilities; c != nil {
		out.Capable = slices.ContainsFunc(c.all(), func(s string) bool { return strings.EqualFold(s, CapabilityCP1) })
	}
	if c := doc.AccessToken.NotBefore; c != nil && len(c.all()) > 0 {
		text := c.all()[0]
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds < 0 || seconds > 1<<40 {
			return ClaimsRequest{}, Errorf(InvalidRequest, NumberMalformed, "claims asks for access_token.nbf %q; it must be whole seconds since 1970", text)
		}
		out.NotBefore = time.Unix(seconds, 0).UTC()
	}
	if c := doc.AccessToken.Contexts; c != nil {
		if out.Contexts = c.all(); len(out.Contexts) > maxContexts {
			return ClaimsRequest{}, Errorf(InvalidRequest, NumberMalformed, "claims asks for %d authentication contexts; at most %d are allowed", len(out.Contexts), maxContexts)
		}
		for _, id := range out.Contexts { // another spelling would be in the token, and meet no policy
			if err := strength.CheckContextID(id); err != nil {
				return ClaimsRequest{}, Errorf(InvalidRequest, NumberMalformed, "claims asks for access_token.acrs whose %s", err)
			}
		}
	}
	return out, nil
}

// claim is one requested claim: {"value": v}, {"values": [v, ...]} or null.
type claim struct {
	Value  json.RawMessage   `json:"value"`
	Values []json.RawMessage `json:"values"`
}

// all returns the values as text; numbers and strings alike.
func (c *claim) all() []string {
	var out []string
	for _, raw := range append([]json.RawMessage{c.Value}, c.Values...) {
		if text := strings.Trim(string(raw), `"`); text != "" && text != "null" {
			out = append(out, text)
		}
	}
	return out
}

// NewerThan returns the claims challenge that asks for an access token issued
// after t.
func NewerThan(t time.Time) string {
	return fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, t.Unix())
}
