package sdk

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/postern-mam/postern/wire"
)

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
	return c.key.Sign("dpop+jwt", true, claims)
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
	proof, err := c.key.Sign(wire.TypeDeviceProof, false, wire.DeviceProof{
		Nonce: nonce, Audience: origin, IssuedAt: now, ExpiresAt: now + 60, ID: rand.Text(),
		Device: s.Device, App: c.cfg.App, AppVersion: c.cfg.AppVersion,
	})
	if err != nil {
		return "", err
	}
	var out departure
	if out.addSigned("DeviceProof", proof); c.depart(out) != nil {
		return "", out.err
	}
	return proof, nil
}
