package vault

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/postern-mam/postern/sdk/internal/disk"
)

// namesDir holds the sealed name of each file, called as the file is. It is there
// before the file is, and goes after it: no crash leaves a file that is not listed.
const namesDir = "organization.names"

func (v *Vault) namePath(name string) string {
	return filepath.Join(v.root, namesDir, filepath.Base(v.path(name)))
}

// List returns the names of the files, sorted. It fails while access is cut, and
// with ErrWiped when files are left whose key is gone.
func (v *Vault) List() (names []string, err error) {
	release, err := disk.Lock(v.root, LockFile)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := v.may(); err != nil {
		return nil, err
	}
	all, err := os.ReadDir(v.dir())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(all) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key, err := v.key(false)
	if err != nil {
		return nil, err
	}
	defer clear(key.secret)
	for _, file := range all {
		name, err := openName(key, filepath.Join(v.root, namesDir, file.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a wipe could not remove the file yet
		}
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Remove removes what was saved under name; fs.ErrNotExist when nothing is there.
// It fails while access is cut. On Windows, nobody may have the file open.
func (v *Vault) Remove(name string) error {
	release, err := disk.Lock(v.root, LockFile)
	if err != nil {
		return err
	}
	defer release()
	if err := v.may(); err != nil {
		return err
	}
	if err := os.Remove(v.path(name)); err != nil {
		return err
	}
	return discard(v.namePath(name))
}

// keepName seals name, unless that was done before.
func (v *Vault) keepName(name string) error {
	k, err := v.key(false)
	if err != nil {
		return err
	}
	defer clear(k.secret)
	path := v.namePath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if kept, err := openName(k, path); err == nil && kept == name {
		return nil
	}
	start := make([]byte, salt)
	_, _ = rand.Read(start) // never fails (crypto/rand)
	aead, err := cipherOf(k.secret, start, nameLabel(path))
	if err != nil {
		return err
	}
	return disk.Replace(path, aead.Seal(start, nonce(0, true), []byte(name), nil))
}

// openName returns the name that is sealed at path.
func openName(k accountKey, path string) (string, error) {
	doc, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	damaged := errors.New("sdk: the name of a file is damaged, or sealed with another key")
	if len(doc) < salt+tag {
		return "", damaged
	}
	aead, err := cipherOf(k.secret, doc[:salt], nameLabel(path))
	if err != nil {
		return "", err
	}
	name, err := aead.Open(nil, nonce(0, true), doc[salt:], nil)
	if err != nil {
		return "", damaged
	}
	return string(name), nil
}

// nameLabel tells the key of a name from that of a file.
func nameLabel(path string) string { return "\x00name of\x00" + filepath.Base(path) }
