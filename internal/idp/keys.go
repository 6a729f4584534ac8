package idp

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/internal/fault"
)

const (
	signingName = "idp/signing/es256"
	nonceName   = "idp/nonce"

	typeAccess = "at+jwt" // RFC 9068
	typeID     = "JWT"
)

// signingKey is the key that signs everything: access tokens, ID tokens, wipe
// orders. The header typ keeps the uses apart.
type signingKey struct {
	id      string // RFC 7638 thumbprint
	private *ecdsa.PrivateKey
	set     []byte // the public JWK set, JSON
}

// sharedSecret returns the secret of the given name, made by create when there
// is none. Of racing replicas one wins and all return the same.
func (s *Service) sharedSecret(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error) {
	sealed, err := s.shared.Key(ctx, name)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		var plain []byte
		if plain, err = create(); err != nil {
			return nil, err
		}
		if sealed, err = s.sealer.Seal(name, plain); err != nil {
			return nil, fmt.Errorf("seal %s: %w", name, err)
		}
		sealed, err = s.shared.CreateKey(ctx, name, sealed)
	}
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	plain, err := s.sealer.Open(name, sealed)
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", name, err)
	}
	return plain, nil
}

// key returns the signing key, read once.
func (s *Service) key(ctx context.Context) (*signingKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signing != nil {
		return s.signing, nil
	}
	der, err := s.sharedSecret(ctx, signingName, func() ([]byte, error) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return x509.MarshalPKCS8PrivateKey(k)
	})
	if err != nil {
		return nil, err
	}
	k, err := parseSigningKey(der)
	if err != nil {
		return nil, err
	}
	s.signing = k
	return k, nil
}

func parseSigningKey(der []byte) (*signingKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, fmt.Errorf("signing key: not an EC P-256 key")
	}
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	thumb, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	if err != nil {
		return nil, err
	}
	return &signingKey{id: public.KeyID, private: private, set: set}, nil
}

// JWKS returns the public keys that verify what the service signs, as a JWK set.
func (s *Service) JWKS(ctx context.Context) ([]byte, error) {
	k, err := s.key(ctx)
	if err != nil {
		return nil, err
	}
	return k.set, nil
}

// Sign returns a compact JWS of claims by the service's key, with the given
// header typ, which says what the document is for. The types of tokens are
// refused: only this room issues tokens.
func (s *Service) Sign(ctx context.Context, typ string, claims any) (string, error) {
	switch typ {
	case "", typeAccess, typeID, "application/" + typeAccess:
		return "", fmt.Errorf("idp: typ %q is kept for tokens", typ)
	}
	return s.sign(ctx, typ, claims)
}

func (s *Service) sign(ctx context.Context, typ string, claims any) (string, error) {
	k, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	opts := new(jose.SignerOptions).WithType(jose.ContentType(typ)).WithHeader("kid", k.id)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.private}, opts)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// verify checks a JWS that this service signed with the given typ and reads its claims.
func (s *Service) verify(ctx context.Context, typ, token string, claims any) error {
	k, err := s.key(ctx)
	if err != nil {
		return err
	}
	t, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return errNotOurs
	}
	if h := t.Headers[0]; h.KeyID != k.id || h.ExtraHeaders[jose.HeaderType] != typ {
		return errNotOurs
	}
	if t.Claims(k.private.Public(), claims) != nil {
		return errNotOurs
	}
	return nil
}
