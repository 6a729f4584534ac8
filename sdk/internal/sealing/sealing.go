// Package sealing protects the secrets of a state directory with what the system
// offers for it: on Windows, data protection (DPAPI).
package sealing

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/postern-mam/postern/sdk/internal/disk"
)

// magic begins every sealed file. No file from before there was a sealer begins
// like that: they are PEM, JSON, or 32 random bytes.
const magic = "postern sealed 1\n"

// Guard is what a system offers. What it gives back is authenticated: whoever
// changed a byte, or has another context, gets an error.
type Guard interface {
	// Protect returns plain in a form that this person can open on this system.
	Protect(plain, context []byte) ([]byte, error)
	// Unprotect is the inverse of Protect.
	Unprotect(sealed, context []byte) ([]byte, error)
}

// Sealer seals files under their names.
type Sealer struct {
	guard      Guard
	protection string
}

// New returns a sealer with the guard, whose kind is called protection.
func New(g Guard, protection string) *Sealer {
	return &Sealer{guard: g, protection: protection}
}

// Protection is what the service is told about a key that lies sealed like this.
func (s *Sealer) Protection() string { return s.protection }

// Seal returns plain as it may lie on disk under name.
func (s *Sealer) Seal(name string, plain []byte) ([]byte, error) {
	sealed, err := s.guard.Protect(plain, context(name))
	if err != nil {
		return nil, err
	}
	return append([]byte(magic), sealed...), nil
}

// Open is the inverse of Seal. A file from before there was a sealer is returned
// as it is.
func (s *Sealer) Open(name string, doc []byte) ([]byte, error) {
	sealed, ok := bytes.CutPrefix(doc, []byte(magic))
	if !ok {
		return doc, nil
	}
	plain, err := s.guard.Unprotect(sealed, context(name))
	if err != nil {
		return nil, fmt.Errorf("%s does not open for this account of this PC: %w", name, err)
	}
	return plain, nil
}

// context binds what is sealed to its purpose. It is no secret.
func context(name string) []byte {
	sum := sha256.Sum256([]byte("postern sealed file\x00" + name))
	return sum[:]
}

// Upgrade seals a file that lies open in dir since before there was a sealer. It
// is called while nobody else writes the file. Zeros are left alone: they are
// what a wipe that was cut short made of a key.
func (s *Sealer) Upgrade(dir, name string) error {
	path := filepath.Join(dir, name)
	doc, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || bytes.HasPrefix(doc, []byte(magic)) || len(bytes.Trim(doc, "\x00")) == 0 {
		return err
	}
	sealed, err := s.Seal(name, doc)
	if err != nil {
		return err
	}
	return disk.Replace(path, sealed)
}
