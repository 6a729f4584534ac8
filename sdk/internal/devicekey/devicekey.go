// Package devicekey keeps the key that a PC is known by.
package devicekey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

	"github.com/postern-mam/postern/sdk/internal/disk"
)

const keyFile = "device.key"

// Key is the key that this PC is known by. It never leaves the directory.
type Key struct {
	private *ecdsa.PrivateKey
	JKT     string // thumbprint (RFC 7638)
}

// Sealer protects the key on disk.
type Sealer interface {
	Seal(name string, plain []byte) ([]byte, error)
	Open(name string, sealed []byte) ([]byte, error)
}

// Open reads the key of dir, or makes one.
func Open(dir string, s Sealer) (*Key, error) {
	release, err := disk.Lock(dir, "state.lock") // two processes at their first start make one key
	if err != nil {
		return nil, err
	}
	defer release()
	path := filepath.Join(dir, keyFile)
	sealed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, s)
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
	return describe(private)
}

func create(path string, s Sealer) (*Key, error) {
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
	if err := disk.Replace(path, sealed); err != nil {
		return nil, err
	}
	return describe(private)
}

func describe(private *ecdsa.PrivateKey) (*Key, error) {
	sum, err := (&jose.JSONWebKey{Key: &private.PublicKey}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return &Key{private: private, JKT: base64.RawURLEncoding.EncodeToString(sum)}, nil
}

// Sign returns a compact JWS of claims with header typ. The header names the
// key by its thumbprint, or carries it when embed is set.
func (k *Key) Sign(typ string, embed bool, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	o := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	var key any = k.private
	if !embed {
		key = jose.JSONWebKey{Key: k.private, KeyID: k.JKT}
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
