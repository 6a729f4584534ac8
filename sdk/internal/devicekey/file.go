package devicekey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/postern-mam/postern/sdk/internal/disk"
)

// inFile is a key that a sealed file holds, and the memory of this process.
type inFile struct{ private *ecdsa.PrivateKey }

// Public returns the public half.
func (k inFile) Public() *ecdsa.PublicKey { return &k.private.PublicKey }

// SignHash returns r and s.
func (k inFile) SignHash(sum []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum)
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 2*half)
	r.FillBytes(signature[:half])
	s.FillBytes(signature[half:])
	return signature, nil
}

func (c Config) openFile(sealed []byte) (*Key, error) {
	doc, err := c.Sealer.Open(File, sealed)
	if err != nil {
		return nil, c.lost(err)
	}
	block, _ := pem.Decode(doc)
	if block == nil {
		return nil, c.lost(errors.New(File + " is damaged"))
	}
	private, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil || private.Curve != elliptic.P256() {
		return nil, c.lost(errors.Join(errors.New(File+" is damaged"), err))
	}
	if u, ok := c.Sealer.(upgrader); ok {
		if err := u.Upgrade(c.Dir, File); err != nil {
			return nil, fmt.Errorf("sdk: %s cannot be sealed: %w", File, err)
		}
	}
	return describe(inFile{private}, c.Sealer.Protection())
}

func (c Config) createFile() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, err
	}
	sealed, err := c.Sealer.Seal(File, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	if err != nil {
		return nil, err
	}
	if err := disk.Replace(c.path(), sealed); err != nil {
		return nil, err
	}
	return describe(inFile{private}, c.Sealer.Protection())
}
