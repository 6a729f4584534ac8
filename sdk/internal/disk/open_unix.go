//go:build unix

package disk

import (
	"errors"
	"os"
)

// Open opens a file for reading.
func Open(path string) (*os.File, error) { return os.Open(path) }

// settle returns once the names in a directory are on disk: a power cut must not
// bring back what was replaced or removed.
func settle(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
