package oauth

import (
	"crypto/subtle"
	"math"
	"net/url"
	"strings"
	"time"
)

const (
	// ProofType is the JOSE header typ of a DPoP proof.
	ProofType = "dpop+jwt"
	// ProofSkew is how far the clock of a proof's maker may differ.
	ProofSkew = 5 * time.Minute

	maxTokenID = 256
)

// ProofClaims are the claims of a DPoP proof (RFC 9449 section 4.2).
type ProofClaims struct {
	ID        string   `json:"jti"`
	Method    string   `json:"htm"`
	URL       string   `json:"htu"`
	IssuedAt  *float64 `json:"iat"`
	TokenHash string   `json:"ath"`
	Nonce     string   `json:"nonce"`
}

// ProofDemand is what a proof must fit.
type ProofDemand struct {
	Method string
	URL    string // scheme, host and path of this request
	Token  string // the access token shown with it; empty: none, and no ath either
	Now    time.Time
}

// Check tells whether the claims fit (RFC 9449 section 4.3, numbers 3 and 8 to
// 12 but for the nonce, which only its maker can verify). The error is an
// *Error.
func (c ProofClaims) Check(d ProofDemand) error {
	bad := func(format string, args ...any) error {
		return Errorf(InvalidDPoPProof, 0, "the DPoP proof "+format, args...)
	}
	switch {
	case c.ID == "" || len(c.ID) > maxTokenID:
		return bad("needs a jti of 1 to %d bytes", maxTokenID)
	case c.Method != d.Method:
		return bad("is for method %q; this is %s", c.Method, d.Method)
	case !sameURL(c.URL, d.URL):
		return bad("is for %q; this is %s", c.URL, d.URL)
	case c.IssuedAt == nil:
		return bad("has no iat")
	case math.Abs(float64(d.Now.Unix())-*c.IssuedAt) > ProofSkew.Seconds():
		return bad("was made at another time than now; check the clock of the device")
	case d.Token == "" && c.TokenHash != "":
		return bad("has an ath, but there is no access token")
	case d.Token != "" && subtle.ConstantTimeCompare([]byte(c.TokenHash), []byte(SHA256(d.Token))) != 1:
		return bad("is for another access token (ath)")
	}
	return nil
}

// sameURL compares scheme, host and path as RFC 9449 section 4.3 says: query and
// fragment are ignored, case and default ports do not matter.
func sameURL(a, b string) bool {
	na, oka := normal(a)
	nb, okb := normal(b)
	return oka && okb && na == nb
}

func normal(text string) (string, bool) {
	if len(text) > maxLong {
		return "", false
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host, path := u.Scheme, strings.ToLower(u.Host), u.EscapedPath() // url.Parse lower-cases the scheme
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, true
}
