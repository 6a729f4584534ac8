package idp

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

const (
	minRSA  = 2048 // bits
	maxKeys = 16   // certificates tried for one assertion
)

// authenticateClient finds the client of a token request and verifies that it is
// the one: a public client by nothing, others by a secret or by an assertion
// (asserted is true then), whose jti is spent at once.
func (s *Service) authenticateClient(ctx context.Context, t directory.TenantID, r oauth.TokenRequest) (client directory.App, asserted bool, err error) {
	if r.Client == "" {
		r.Client = assertedClient(r.Assertion)
	}
	client, err = s.store.App(ctx, t, r.Client)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return client, false, oauth.Errorf(oauth.InvalidClient, oauth.NumberUnknownClient, "there is no application %q in this tenant", string(r.Client))
	}
	if err != nil {
		return client, false, fmt.Errorf("client: %w", err)
	}
	switch {
	case client.Public && (r.Secret != "" || r.Assertion != ""):
		return client, false, oauth.Errorf(oauth.InvalidClient, oauth.NumberUnauthorizedClient, "a public client has no secret and no key; send client_id alone")
	case client.Public:
		return client, false, nil
	case r.Assertion != "":
		return client, true, s.checkAssertion(ctx, client, r.Assertion)
	case r.Secret == "":
		return client, false, oauth.Errorf(oauth.InvalidClient, oauth.NumberNoClientAuth, "the application must authenticate with client_secret or client_assertion")
	case !hasSecret(client, r.Secret, s.now()):
		return client, false, oauth.Errorf(oauth.InvalidClient, oauth.NumberBadSecret, "the client secret is wrong or has expired")
	}
	return client, false, nil
}

// hasSecret compares with every secret, whichever matches.
func hasSecret(client directory.App, presented string, now time.Time) bool {
	hash, found := []byte(oauth.SHA256(presented)), false
	for _, one := range client.Secrets {
		same := subtle.ConstantTimeCompare(hash, []byte(one.Hash)) == 1
		if same && (one.ExpiresAt.IsZero() || now.Before(one.ExpiresAt)) {
			found = true
		}
	}
	return found
}

// assertedClient reads whom an assertion claims to speak for, unverified.
func assertedClient(assertion string) directory.AppID {
	t, err := parseAssertion(assertion)
	if err != nil {
		return ""
	}
	var c oauth.AssertionClaims
	if t.UnsafeClaimsWithoutVerification(&c) != nil || len(c.Subject) > 256 {
		return ""
	}
	return directory.AppID(c.Subject)
}

func parseAssertion(assertion string) (*jwt.JSONWebToken, error) {
	if len(assertion) > maxJWS {
		return nil, errors.New("too long")
	}
	return jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256})
}

// checkAssertion verifies a private_key_jwt (RFC 7523 section 3) by the
// client's certificates and spends its jti.
func (s *Service) checkAssertion(ctx context.Context, client directory.App, assertion string) error {
	bad := oauth.Errorf(oauth.InvalidClient, oauth.NumberBadAssertion, "the client assertion is not signed by a living certificate of the application")
	t, err := parseAssertion(assertion)
	if err != nil {
		bad.Err = err
		return bad
	}
	var c oauth.AssertionClaims
	if !verifiedByAny(client, t, &c, s.now()) {
		return bad
	}
	at := oauth.EndpointsOf(s.base, client.Tenant)
	if err := c.Check(oauth.AssertionDemand{Client: client.ID, Audiences: []string{at.Token, at.Issuer}, Now: s.now()}); err != nil {
		return err
	}
	// The scope keeps one client's identifiers apart from another's and from proofs.
	scope := "assertion/" + string(client.ID)
	err = s.store.SpendProof(ctx, client.Tenant, oauth.Proof{
		JKT: scope, JTI: oauth.SHA256(scope + "\x00" + c.ID), ExpiresAt: s.now().Add(oauth.AssertionFor + 5*time.Minute),
	})
	if errors.Is(err, ErrReplayed) {
		return oauth.Errorf(oauth.InvalidClient, oauth.NumberBadAssertion, "the client assertion was used before; make a new one for every request")
	}
	return err
}

// verifiedByAny tries the living certificates of client on t and reads the
// claims with the first that fits.
func verifiedByAny(client directory.App, t *jwt.JSONWebToken, c *oauth.AssertionClaims, now time.Time) bool {
	for i, k := range client.Keys {
		if i == maxKeys {
			return false
		}
		if !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) {
			continue
		}
		cert, err := x509.ParseCertificate(k.Certificate)
		if err != nil || now.Before(cert.NotBefore) || now.After(cert.NotAfter) || !strong(cert.PublicKey) {
			continue
		}
		if t.Claims(cert.PublicKey, c) == nil {
			return true
		}
		*c = oauth.AssertionClaims{}
	}
	return false
}

func strong(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return k.Curve.Params().Name == "P-256"
	}
	return false
}
