// Package storetest opens stores for tests, and holds the contract of the store
// as a suite that runs on SQLite and on PostgreSQL alike.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

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

// Postgres returns the URL of an empty PostgreSQL schema of t's own, inside the
// database that POSTERN_TEST_POSTGRES names. Without one t is skipped, or fails
// when POSTERN_REQUIRE_DATA is 1.
func Postgres(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv("POSTERN_TEST_POSTGRES")
	if dsn == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
			t.Fatal("POSTERN_TEST_POSTGRES is not set; run under scripts/with-postgres.sh")
		}
		t.Skip("POSTERN_TEST_POSTGRES is not set; run under scripts/with-postgres.sh")
	}
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	run := func(ctx context.Context, statement string) {
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Error(err)
		}
	}
	run(t.Context(), "CREATE SCHEMA "+name)
	t.Cleanup(func() { run(context.Background(), "DROP SCHEMA "+name+" CASCADE") })
	q := u.Query()
	q.Set("search_path", name)
	q.Set("application_name", name) // tells its connections from those of other tests
	u.RawQuery = q.Encode()
	return u.String()
}
