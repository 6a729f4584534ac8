// Package vault keeps an account's organisation files sealed on a PC.
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/postern-mam/postern/sdk/internal/disk"
)

// The files beside the sealed ones.
const (
	KeyFile  = "organization.key" // the sealed key
	LockFile = "vault.lock"       // held by whoever reads or writes
)

const (
	vaultDir = "organization"
	keyBytes = 32
)

// ErrWiped says that the key of the sealed store is gone: its files can never
// be read again.
var ErrWiped = errors.New("sdk: the organization's files were removed from this PC")

// Vault keeps organisation files sealed with AES-256-GCM under a key of this
// account. Destroying the key destroys every file at once, wherever copies of
// the ciphertext went. Files are held in memory as a whole; names are
// authenticated, so that files cannot be swapped for one another.
//
// A wipe and a save exclude each other, also between processes.
type Vault struct {
	root   string
	sealer Sealer
	may    func() error
}

// Sealer protects the key of the files.
type Sealer interface {
	// Seal returns plain as it may be written to disk under name.
	Seal(name string, plain []byte) ([]byte, error)
	// Open is the inverse of Seal; it fails for what was sealed under another name.
	Open(name string, sealed []byte) ([]byte, error)
}

// New returns the vault in the directory root, which must exist. While may
// returns an error, access is cut for that reason.
func New(root string, s Sealer, may func() error) *Vault {
	return &Vault{root: root, sealer: s, may: may}
}

func (v *Vault) dir() string { return filepath.Join(v.root, vaultDir) }

func (v *Vault) keyPath() string { return filepath.Join(v.root, KeyFile) }

// Save seals data under name, replacing what was there. It fails while access
// is cut.
func (v *Vault) Save(name string, data []byte) error {
	release, err := disk.Lock(v.root, LockFile)
	if err != nil {
		return err
	}
	defer release()
	if err := v.may(); err != nil {
		return err
	}
	aead, err := v.aead(true)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(v.dir(), 0o700); err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return disk.Replace(v.path(name), aead.Seal(nonce, nonce, data, []byte(name)))
}

// Load returns what was saved under name; fs.ErrNotExist when nothing is there,
// and ErrWiped when a wipe destroyed the key of what is. It fails while access is
// cut.
func (v *Vault) Load(name string) ([]byte, error) {
	release, err := disk.Lock(v.root, LockFile)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := v.may(); err != nil {
		return nil, err
	}
	sealed, err := os.ReadFile(v.path(name))
	if err != nil {
		return nil, err
	}
	aead, err := v.aead(false)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("sdk: %q is damaged", name)
	}
	data, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("sdk: %q is damaged, or sealed with another key", name)
	}
	return data, nil
}

// path hides the name: a file name may tell as much as a file.
func (v *Vault) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(v.dir(), hex.EncodeToString(sum[:]))
}

func (v *Vault) aead(create bool) (cipher.AEAD, error) {
	sealed, err := v.readKey()
	if errors.Is(err, fs.ErrNotExist) && create {
		sealed, err = v.makeKey()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrWiped
	}
	if err != nil {
		return nil, err
	}
	key, err := v.sealer.Open(KeyFile, sealed)
	if err != nil || len(key) != keyBytes {
		return nil, errors.Join(fmt.Errorf("sdk: %s is damaged", KeyFile), err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// readKey returns the sealed key; fs.ErrNotExist also when a wipe was cut short
// after it had overwritten the key: zeros would be a key that everybody knows.
func (v *Vault) readKey() ([]byte, error) {
	sealed, err := os.ReadFile(v.keyPath())
	if err == nil && len(bytes.Trim(sealed, "\x00")) == 0 {
		return nil, fs.ErrNotExist
	}
	return sealed, err
}

func (v *Vault) makeKey() (sealed []byte, err error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	if sealed, err = v.sealer.Seal(KeyFile, key); err != nil {
		return nil, err
	}
	return sealed, disk.Replace(v.keyPath(), sealed)
}

// Wipe destroys the key first and the files after it. It may be repeated.
func (v *Vault) Wipe() error {
	release, err := disk.Lock(v.root, LockFile)
	if err != nil {
		return err
	}
	defer release()
	if err := disk.Shred(v.keyPath()); err != nil {
		return err
	}
	return os.RemoveAll(v.dir())
}
