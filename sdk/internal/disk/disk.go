// Package disk keeps the files of the kit's state directory: one writer at a
// time, replaced as a whole or not at all, readable by their owner alone.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Replace writes a file as a whole, readable by its owner alone, and returns
// once it is on disk. The caller holds a Lock for the file: what a process that
// ended in the middle left beside it is written over, so that no old token or key
// lies about.
func Replace(path string, doc []byte) error {
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-new"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(doc)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = errors.Join(os.Rename(f.Name(), path), settle(filepath.Dir(path)))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Leftovers returns the temporary files that Replace of path left where a process
// ended in the middle of it: they may hold what path holds.
func Leftovers(path string) []string {
	all, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil
	}
	var left []string
	for _, e := range all {
		if strings.HasPrefix(e.Name(), "."+filepath.Base(path)+"-") {
			left = append(left, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return left
}

// RemoveAll removes a directory and everything in it that can be removed, also
// when something else cannot, and where os.RemoveAll does not work (Wine before
// version 9 lacks what it asks for).
func RemoveAll(dir string) error {
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range all {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			errs = append(errs, RemoveAll(path))
		} else if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := os.Remove(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Shred overwrites each file before it removes it: what the medium keeps of it in
// that place is nothing. A medium that writes elsewhere (most flash) may keep the
// old content for a while; a Sealer of the system covers that.
func Shred(paths ...string) error {
	var errs []error
	for _, path := range paths {
		errs = append(errs, shred(path))
	}
	return errors.Join(errs...)
}

func shred(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Write(make([]byte, info.Size()))
	}
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(path), settle(filepath.Dir(path)))
}
