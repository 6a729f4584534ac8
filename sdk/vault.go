package sdk

import (
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
	"sync"
)

const (
	vaultDir     = "organization"
	vaultKeyFile = "organization.key"
	keyBytes     = 32
)

// ErrWiped says that the key of the sealed store is gone: its files can never
// be read again.
var ErrWiped = errors.New("sdk: the organisation's files were removed from this PC")

// Vault keeps organisation files sealed with AES-256-GCM under a key of this
// account. Destroying the key destroys every file at once, wherever copies of
// the ciphertext went. Files are held in memory as a whole; names are
// authenticated, so that files cannot be swapped for one another.
type Vault struct {
	dir, key string
	may      func() error // nil error: access is allowed now

	mu sync.RWMutex // a wipe and a save exclude each other
}

func openVault(dir string, may func() error) *Vault {
	return &Vault{dir: filepath.Join(dir, vaultDir), key: filepath.Join(dir, vaultKeyFile), may: may}
}

// Save seals data under name, replacing what was there. It fails while access
// is cut.
func (v *Vault) Save(name string, data []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.may(); err != nil {
		return err
	}
	aead, err := v.aead(true)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return replace(v.path(name), aead.Seal(nonce, nonce, data, []byte(name)))
}

// Load returns what was saved under name; fs.ErrNotExist when nothing was, and
// ErrWiped after a wipe. It fails while access is cut.
func (v *Vault) Load(name string) ([]byte, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
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
	return filepath.Join(v.dir, hex.EncodeToString(sum[:]))
}

func (v *Vault) aead(create bool) (cipher.AEAD, error) {
	key, err := os.ReadFile(v.key)
	if errors.Is(err, fs.ErrNotExist) && create {
		key = make([]byte, keyBytes)
		_, _ = rand.Read(key) // never fails (crypto/rand)
		err = replace(v.key, key)
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(key) != keyBytes {
		return nil, ErrWiped
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Wipe destroys the key first and the files after it. It may be repeated.
func (v *Vault) Wipe() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, err := os.OpenFile(v.key, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.Write(make([]byte, keyBytes)) // what is left on the medium is no key
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(v.key))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(v.dir)
}
