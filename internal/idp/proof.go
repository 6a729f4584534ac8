package idp

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

const maxJWS = 8192

// DeviceProof verifies a DPoP proof that a device shows without a token: the
// key alone says who it is. It does not spend the proof; a caller that changes
// something spends it in its own transaction.
func (s *Service) DeviceProof(ctx context.Context, t directory.TenantID, p oauth.Presented) (oauth.Proof, error) {
	if _, err := s.tenant(ctx, t); err != nil {
		return oauth.Proof{}, err
	}
	if len(p.Authorization) > 0 {
		return oauth.Proof{}, oauth.Errorf(oauth.InvalidRequest, 0, "this call takes a device's proof and no access token")
	}
	return s.proof(ctx, p.DPoP, oauth.ProofDemand{Method: p.Method, URL: p.URL})
}

// proof verifies the one DPoP proof in headers (RFC 9449 section 4.3). Every
// refusal carries the nonce to use next.
func (s *Service) proof(ctx context.Context, headers []string, d oauth.ProofDemand) (oauth.Proof, error) {
	d.Now = s.now()
	p, err := s.checkProof(ctx, headers, d)
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return p, s.withNonce(ctx, e)
	}
	return p, err
}

func (s *Service) checkProof(ctx context.Context, headers []string, d oauth.ProofDemand) (oauth.Proof, error) {
	if len(headers) != 1 || len(headers[0]) > maxJWS {
		return oauth.Proof{}, oauth.Errorf(oauth.InvalidDPoPProof, 0, "the request has %d DPoP headers; it needs exactly one of at most %d bytes", len(headers), maxJWS)
	}
	proven, claims, err := parseProof(headers[0])
	if err != nil {
		e := oauth.Errorf(oauth.InvalidDPoPProof, 0, "the DPoP proof is not a %s JWS by the ES256 key in its header", oauth.ProofType)
		e.Err = err
		return oauth.Proof{}, e
	}
	ends, ok, err := s.nonceEnds(ctx, claims.Nonce)
	if err != nil {
		return oauth.Proof{}, err
	}
	if !ok {
		return oauth.Proof{}, oauth.Errorf(oauth.UseDPoPNonce, 0, "the DPoP proof needs the nonce of the DPoP-Nonce header")
	}
	if err := claims.Check(d); err != nil {
		return oauth.Proof{}, err
	}
	proven.JTI, proven.ExpiresAt = claims.ID, ends.Add(nonceStep)
	return proven, nil
}

// parseProof verifies the signature of a DPoP proof by the key it carries, and
// returns that key with its thumbprint.
func parseProof(text string) (proven oauth.Proof, c oauth.ProofClaims, err error) {
	t, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return proven, c, err
	}
	h := t.Headers[0]
	if h.ExtraHeaders[jose.HeaderType] != oauth.ProofType || h.JSONWebKey == nil {
		return proven, c, errors.New("typ or jwk is wrong")
	}
	proven.JKT, err = thumbprint(*h.JSONWebKey)
	if err != nil {
		return proven, c, err
	}
	proven.Key, err = jose.JSONWebKey{Key: h.JSONWebKey.Key}.MarshalJSON()
	if err != nil {
		return proven, c, err
	}
	return proven, c, t.Claims(h.JSONWebKey.Key, &c)
}

// thumbprint returns the RFC 7638 thumbprint of a public EC P-256 key.
func thumbprint(k jose.JSONWebKey) (string, error) {
	public, ok := k.Key.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() || !k.Valid() {
		return "", errors.New("not a public EC P-256 key")
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// Tenant returns a tenant, or an *oauth.Error that says there is none.
func (s *Service) Tenant(ctx context.Context, t directory.TenantID) (directory.Tenant, error) {
	return s.tenant(ctx, t)
}

// tenant returns a tenant, or a refusal that tells what a tenant is.
func (s *Service) tenant(ctx context.Context, t directory.TenantID) (directory.Tenant, error) {
	found, err := s.store.Tenant(ctx, t)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return found, oauth.Errorf(oauth.InvalidRequest, oauth.NumberUnknownTenant, "there is no tenant %q here", string(t))
	}
	if err != nil {
		return found, fmt.Errorf("tenant: %w", err)
	}
	return found, nil
}
