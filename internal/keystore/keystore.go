// Package keystore keeps what must stay secret on this machine: the master key
// that seals secrets before they are stored, and the key of a local certificate
// authority.
//
// # Files
//
// All lie in the data directory and belong to it: back them up together.
//
//	master.key      0600  the master key, as text with a checksum
//	ca.key.sealed   0600  the authority's private key, sealed by the master key
//	ca.pem          0644  the authority's certificate, for clients to trust
//
// A file appears whole or not at all: it is written beside, synced, and linked
// into place, so that of two processes that start at once one wins and the other
// uses what it wrote. Nothing here is ever overwritten but a certificate that
// runs out.
//
// # Errors
//
// Every error names the file and what to do. A key that is missing while
// something sealed by it exists is an error, never a reason for a new key.
package keystore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	masterFile = "master.key"
	sealedFile = "ca.key.sealed"
	certFile   = "ca.pem"

	keySize      = 32
	checksumSize = 4

	masterPrefix = "postern-master-key-1:" // then the key and its checksum, in hex
	sealedFormat = 1                       // first byte of everything sealed
)

// Sealer encrypts small secrets for storage, with AES-256-GCM under a key
// derived from the master key. It prints as "[redacted]".
type Sealer struct {
	aead cipher.AEAD
}

// OpenSealer reads the master key in dir, or makes both when dir is new. It
// fails when the key is damaged, can be read by others than its owner, or is
// missing while a sealed file exists.
func OpenSealer(dir string) (*Sealer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	path := filepath.Join(dir, masterFile)
	text, err := ensure(path, 0o600, func() ([]byte, error) {
		sealed := filepath.Join(dir, sealedFile)
		switch _, err := os.Lstat(sealed); {
		case err == nil:
			return nil, fmt.Errorf("%s is missing, but %s was sealed with it; restore both from one backup", path, sealed)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		return newMaster(), nil
	})
	if err != nil {
		return nil, err
	}
	if err := ownersOnly(path); err != nil {
		return nil, err
	}
	master, err := parseMaster(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s %w; restore it from a backup", path, err)
	}
	return newSealer(master)
}

func newMaster() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: the runtime stops the program instead
	sum := sha256.Sum256(key)
	return []byte(masterPrefix + hex.EncodeToString(append(key, sum[:checksumSize]...)) + "\n")
}

// parseMaster is the inverse of newMaster. Its errors continue "the file ...".
func parseMaster(text string) ([]byte, error) {
	body, ok := strings.CutPrefix(strings.TrimSuffix(text, "\n"), masterPrefix)
	if !ok {
		return nil, errors.New("holds no master key")
	}
	raw, err := hex.DecodeString(body)
	if err != nil || len(raw) != keySize+checksumSize {
		return nil, errors.New("is damaged")
	}
	key := raw[:keySize]
	if sum := sha256.Sum256(key); string(sum[:checksumSize]) != string(raw[keySize:]) {
		return nil, errors.New("is damaged (the checksum is wrong)")
	}
	return key, nil
}

func ownersOnly(path string) error {
	if runtime.GOOS == "windows" {
		return nil // access lists decide there, and modes say nothing
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o); run chmod 600 on it, and replace the secrets if someone may have read it", path, mode)
	}
	return nil
}

func newSealer(master []byte) (*Sealer, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "postern sealing key, format 1", keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead}, nil
}

// Seal encrypts plain. The result opens only under the same name, so that one
// stored secret cannot be passed off as another; include in the name whose
// secret it is.
func (s *Sealer) Seal(name string, plain []byte) ([]byte, error) {
	out := make([]byte, 1, 1+len(plain)+s.aead.Overhead())
	out[0] = sealedFormat
	return s.aead.Seal(out, nil, plain, associated(name)), nil
}

// Open decrypts what Seal returned for name. Anything else is an error: another
// name, another master key, a changed byte.
func (s *Sealer) Open(name string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealedFormat {
		return nil, fmt.Errorf("%q is not in a sealed format that this version knows", name)
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], associated(name))
	if err != nil {
		return nil, fmt.Errorf("%q was sealed with another %s or under another name, or is damaged; restore both from one backup", name, masterFile)
	}
	return plain, nil
}

// associated binds the format and the name to what is sealed.
func associated(name string) []byte { return append([]byte{sealedFormat}, name...) }

// Format prints "[redacted]" for every verb.
func (s *Sealer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue keeps the key out of logs.
func (s *Sealer) LogValue() slog.Value { return slog.StringValue("[redacted]") }
