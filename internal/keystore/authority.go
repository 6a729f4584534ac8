package keystore

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"sync"
	"time"
)

const (
	authorityFor = 10 * 365 * 24 * time.Hour // validity of the authority's certificate
	authorityDue = 365 * 24 * time.Hour      // it is renewed when less than this is left
	leafFor      = 90 * 24 * time.Hour       // validity of a server certificate
	leafDue      = 30 * 24 * time.Hour       // it is renewed when less than this is left
	backdated    = 24 * time.Hour            // clocks of personal PCs may be behind
	maxLeaves    = 256                       // server certificates kept in memory
)

// Authority is a certificate authority for this installation alone. It issues
// server certificates in memory, one for each host name. It is safe for
// concurrent use.
type Authority struct {
	path string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	now  func() time.Time

	mu     sync.Mutex
	leaves map[string]*leaf
}

// OpenAuthority reads the authority in dir, or makes it when dir has none. Its
// private key is sealed by s. A certificate that runs out within a year is
// renewed for the same key and name; clients that trust the old one go on until
// it ends. now is the real time, because clients check validity by theirs.
func OpenAuthority(dir string, s *Sealer, now func() time.Time) (*Authority, error) {
	if s == nil || now == nil {
		return nil, errors.New("keystore: the authority needs a sealer and a clock")
	}
	a := &Authority{path: filepath.Join(dir, certFile), now: now, leaves: map[string]*leaf{}}
	if err := a.loadKey(filepath.Join(dir, sealedFile), s); err != nil {
		return nil, err
	}
	text, err := ensure(a.path, 0o644, a.mint)
	if err != nil {
		return nil, err
	}
	if err := a.adopt(text); err != nil {
		return nil, err
	}
	if a.cert.NotAfter.Sub(now()) > authorityDue {
		return a, nil
	}
	if text, err = a.mint(); err != nil {
		return nil, err
	}
	if err := replace(a.path, text, 0o644); err != nil {
		return nil, err
	}
	return a, a.adopt(text)
}

func (a *Authority) loadKey(path string, s *Sealer) error {
	sealed, err := ensure(path, 0o600, func() ([]byte, error) {
		if exists(a.path) {
			return nil, fmt.Errorf("%s is missing, but clients trust %s; restore it from a backup, or remove %s to begin a new authority", path, a.path, a.path)
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return s.Seal(sealedFile, der)
	})
	if err != nil {
		return err
	}
	der, err := s.Open(sealedFile, sealed)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return fmt.Errorf("%s holds a %T; valid is an ECDSA key", path, parsed)
	}
	a.key = key
	return nil
}

// mint makes a certificate for the authority's key, as PEM.
func (a *Authority) mint() ([]byte, error) {
	now := a.now().UTC()
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	name := pkix.Name{CommonName: "Postern local authority", Organization: []string{"Postern"}}
	if a.cert != nil {
		name = a.cert.Subject // clients that trust the old one find the new one by it
	} else {
		name.SerialNumber = serial.Text(16)[:8] // tells installations apart in a list of authorities
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: name, NotBefore: now.Add(-backdated), NotAfter: now.Add(authorityFor),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// adopt takes text as the authority's certificate, if it is one for its key.
func (a *Authority) adopt(text []byte) error {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return fmt.Errorf("%s does not hold exactly one certificate; restore it from a backup, or remove it to have it made again from the key", a.path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w", a.path, err)
	}
	if !a.key.PublicKey.Equal(cert.PublicKey) || !cert.IsCA {
		return fmt.Errorf("%s is not the certificate of the key in %s; restore both from one backup", a.path, sealedFile)
	}
	a.cert = cert
	return nil
}

// Path is the file that holds the authority's certificate, as PEM.
func (a *Authority) Path() string { return a.path }

// Pool holds the authority's certificate, for clients inside this program.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func newSerial() (*big.Int, error) {
	const bits = 127 // at most 20 octets and positive (RFC 5280 section 4.1.2.2)
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), bits))
	if err != nil {
		return nil, err
	}
	return n.SetBit(n, bits-1, 1), nil // never short, never zero
}
