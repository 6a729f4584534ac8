// Package vault keeps an account's organisation files sealed on a PC.
//
// A sealed file is a header, magic and 32 random bytes, and chunks of 64 KiB, each
// sealed with AES-256-GCM; the last one is shorter. The key of a file is derived
// from the account's key, those random bytes and the name (HKDF, RFC 5869), so
// that no two files have one and none opens under the name of another. The nonce
// of a chunk is its number and whether it is the last, so that chunks cannot be
// swapped, dropped or added (STREAM: Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/postern-mam/postern/sdk/internal/disk"
)

// The files beside the sealed ones.
const (
	KeyFile  = "organization.key" // the sealed key
	LockFile = "vault.lock"       // held by whoever opens, writes or wipes
)

const (
	vaultDir = "organization"
	newDir   = "organization.new" // what is being written
	keyBytes = 32

	// given is how long somebody who writes a file may take, before it counts as
	// left by a process that ended.
	given = 24 * time.Hour
)

// ErrWiped says that the key of the sealed store is gone: its files can never
// be read again.
var ErrWiped = errors.New("sdk: the organization's files were removed from this PC")

// Vault keeps organisation files sealed under a key of this account. Destroying
// the key destroys every file at once, wherever copies of the ciphertext went. A
// file is replaced as a whole or not at all; names are hidden.
//
// A wipe excludes opening and writing, also between processes. What is open when
// the key goes can be read no further. On Windows, what another process has open
// then may stay on disk, unreadable, until the wipe is repeated.
type Vault struct {
	root   string
	sealer Sealer
	may    func() error

	mu   sync.Mutex
	open map[ender]bool // by this process: a wipe closes them
}

// ender is a file that is open. It is called while no lock of the vault is held.
type ender interface{ wiped() }

func (v *Vault) opened(e ender) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open == nil {
		v.open = map[ender]bool{}
	}
	v.open[e] = true
}

func (v *Vault) closed(e ender) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.open, e)
}

// end closes what this process has open: on Windows, a file that is open stays.
func (v *Vault) end() {
	v.mu.Lock()
	all := v.open
	v.open = nil
	v.mu.Unlock()
	for e := range all {
		e.wiped()
	}
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
	w, err := v.Create(name)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return errors.Join(err, w.Cancel())
	}
	return w.Close()
}

// Load returns what was saved under name; fs.ErrNotExist when nothing is there,
// and ErrWiped when a wipe destroyed the key of what is. It fails while access is
// cut.
func (v *Vault) Load(name string) ([]byte, error) {
	f, err := v.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	data := make([]byte, f.Size())
	if _, err := f.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}

// Open opens what was saved under name for reading at any place. It fails as Load
// does. On Windows, a file can be replaced when nobody has it open.
func (v *Vault) Open(name string) (*File, error) {
	release, err := disk.Lock(v.root, LockFile)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := v.may(); err != nil {
		return nil, err
	}
	f, err := disk.Open(v.path(name))
	if err != nil {
		return nil, err
	}
	file, err := v.read(f, name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	v.opened(file)
	return file, nil
}

func (v *Vault) read(f *os.File, name string) (*File, error) {
	key, err := v.key(false)
	if err != nil {
		return nil, err
	}
	file := &File{vault: v, name: name, on: f, key: key, cached: none}
	return file, file.begin()
}

// Create begins a file that takes the place of what is under name once it is
// closed. It fails while access is cut.
func (v *Vault) Create(name string) (*Writer, error) {
	release, err := disk.Lock(v.root, LockFile)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := v.may(); err != nil {
		return nil, err
	}
	key, err := v.key(true)
	if err != nil {
		return nil, err
	}
	f, err := v.begin()
	if err != nil {
		return nil, err
	}
	w := &Writer{vault: v, name: name, on: f, key: key}
	if err := w.begin(); err != nil {
		return nil, errors.Join(err, w.Cancel())
	}
	v.opened(w)
	return w, nil
}

// begin makes a file to write to, and removes those that nobody writes to any more.
func (v *Vault) begin() (*os.File, error) {
	dir := filepath.Join(v.root, newDir)
	if err := errors.Join(os.MkdirAll(v.dir(), 0o700), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "*") // mode 0600
	if err != nil {
		return nil, err
	}
	now, err := f.Stat() // by the clock of the disk, which wrote the others, too
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	all, _ := os.ReadDir(dir) // what cannot be listed stays until a wipe
	for _, e := range all {
		if info, err := e.Info(); err == nil && now.ModTime().Sub(info.ModTime()) > given {
			_ = os.Remove(filepath.Join(dir, e.Name())) // as above
		}
	}
	return f, nil
}

// path hides the name: a file name may tell as much as a file.
func (v *Vault) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(v.dir(), hex.EncodeToString(sum[:]))
}

// accountKey is the key of the account, and which file it came from: another one
// there means that this one was destroyed.
type accountKey struct {
	secret []byte
	sealed []byte
	from   fs.FileInfo
}

func (v *Vault) key(create bool) (k accountKey, err error) {
	k.sealed, err = v.readKey()
	if errors.Is(err, fs.ErrNotExist) && create {
		k.sealed, err = v.makeKey()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return k, ErrWiped
	}
	if err != nil {
		return k, err
	}
	k.secret, err = v.sealer.Open(KeyFile, k.sealed)
	if err != nil || len(k.secret) != keyBytes {
		return k, errors.Join(fmt.Errorf("sdk: %s is damaged", KeyFile), err)
	}
	k.from, err = os.Stat(v.keyPath())
	return k, err
}

// alive fails when the key was destroyed since.
func (v *Vault) alive(k accountKey) error {
	now, err := os.Stat(v.keyPath())
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!os.SameFile(now, k.from) || !now.ModTime().Equal(k.from.ModTime())) {
		return ErrWiped
	}
	return err
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

// Wipe destroys the key first and the files after it, every one that can be
// removed. It may be repeated.
func (v *Vault) Wipe() error {
	release, err := disk.Lock(v.root, LockFile)
	if err != nil {
		return err
	}
	defer release()
	if err := disk.Shred(v.keyPath()); err != nil {
		return err
	}
	v.end()
	return errors.Join(disk.Shred(disk.Leftovers(v.keyPath())...), disk.RemoveAll(filepath.Join(v.root, newDir)), disk.RemoveAll(filepath.Join(v.root, namesDir)), disk.RemoveAll(v.dir()))
}
