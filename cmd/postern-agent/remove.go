package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// removeAll removes what is there with everything in it, as far as it can, also
// where os.RemoveAll does not work (Wine before version 9 lacks what it asks for).
func removeAll(path string) error {
	all, err := os.ReadDir(path)
	var errs []error
	if err == nil {
		for _, e := range all {
			errs = append(errs, removeAll(filepath.Join(path, e.Name())))
		}
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
