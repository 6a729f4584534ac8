// Package storetest opens stores for tests, and holds the contract of the store
// as a suite that runs on SQLite and on PostgreSQL alike.
package storetest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/store"
)

// Open returns an empty SQLite store that is closed when t ends. It runs the
// same code as the service, on a file of its own.
func Open(t testing.TB) *store.Store { return OpenAt(t, nil) }

// OpenAt is Open with a clock; nil is the real one.
func OpenAt(t testing.TB, now func() time.Time) *store.Store {
	t.Helper()
	return OpenWith(t, store.Options{Path: File(t), Now: now})
}

// OpenWith opens a store as o says and closes it when t ends.
func OpenWith(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// File returns the path of a database file to be, in memory where the system
// offers that: durability is then the same code, only faster.
func File(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "postern-test-")
	if err != nil {
		return filepath.Join(t.TempDir(), "postern.db")
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "postern.db")
}
