package sdk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/wire"
)

const keyFile = "device.key"

// deviceKey is the key that this PC is known by. It never leaves the directory.
type deviceKey struct {
	private *ecdsa.PrivateKey
	jkt     string
}

// openKey reads the key of dir, or makes one.
func openKey(dir string, s Sealer) (*deviceKey, error) {
	release, err := lock(dir, "state.lock") // two processes at their first start make one key
	if err != nil {
		return nil, err
	}
	defer release()
	path := filepath.Join(dir, keyFile)
	sealed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path, s)
	}
	if err != nil {
		return nil, err
	}
	doc, err := s.Open(keyFile, sealed)
	if err != nil {
		return nil, fmt.Errorf("sdk: %s: %w", path, err)
	}
	block, _ := pem.Decode(doc)
	if block == nil {
		return nil, fmt.Errorf("sdk: %s is damaged; delete the directory and enrol again", path)
	}
	private, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("sdk: %s is damaged; delete the directory and enrol again: %w", path, err)
	}
	return newKey(private)
}

func makeKey(path string, s Sealer) (*deviceKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, err
	}
	sealed, err := s.Seal(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	if err != nil {
		return nil, err
	}
	if err := replace(path, sealed); err != nil {
		return nil, err
	}
	return newKey(private)
}

func newKey(private *ecdsa.PrivateKey) (*deviceKey, error) {
	sum, err := (&jose.JSONWebKey{Key: &private.PublicKey}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return &deviceKey{private: private, jkt: base64.RawURLEncoding.EncodeToString(sum)}, nil
}

// sign returns a compact JWS of claims with header typ. The header names the
// key by its thumbprint, or carries it when embed is set.
func (k *deviceKey) sign(typ string, embed bool, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	o := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	var key any = k.private
	if !embed {
		key = jose.JSONWebKey{Key: k.private, KeyID: k.jkt}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, o)
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// dpop returns a DPoP proof (RFC 9449 section 4.2) for one request.
func (c *Client) dpop(method, url, token string) (string, error) {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": c.cfg.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	c.mu.Lock()
	if c.nonce != "" {
		claims["nonce"] = c.nonce
	}
	c.mu.Unlock()
	return c.key.sign("dpop+jwt", true, claims)
}

// ProveDevice answers the challenge of a sign-in page at origin, which must be
// the authority's own: no other page learns anything. The proof is good for a
// minute and for that nonce.
func (c *Client) ProveDevice(nonce, origin string) (string, error) {
	if origin != c.origin {
		return "", fmt.Errorf("sdk: %q asked for a proof of this device; only %s may", origin, c.origin)
	}
	s := c.snapshot()
	if s.Registration == "" {
		return "", errNotEnrolled()
	}
	now := c.cfg.Now().Unix()
	return c.key.sign(wire.TypeDeviceProof, false, wire.DeviceProof{
		Nonce: nonce, Audience: origin, IssuedAt: now, ExpiresAt: now + 60, ID: rand.Text(),
		Device: s.Device, App: c.cfg.App, AppVersion: c.cfg.AppVersion,
	})
}
