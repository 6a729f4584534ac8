package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
)

const (
	readers = 4 // connections that read at once
	// Page caches in KiB, negative as SQLite wants it: small, because an idle
	// service should be, and the system caches the file anyway.
	readerCache = "cache_size(-1024)"
	writerCache = "cache_size(-4096)"
)

func openSQLite(ctx context.Context, o Options) (*DB, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	db := &DB{}
	if err := db.startSQLite(ctx, path, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// create makes the file readable by its owner alone; SQLite gives its
// companions (-wal, -shm) the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (db *DB) startSQLite(ctx context.Context, path string, o Options) error {
	pragmas := []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "journal_size_limit(67108864)", writerCache}
	if o.MaxPages > 0 {
		pragmas = append(pragmas, fmt.Sprintf("max_page_count(%d)", o.MaxPages))
	}
	var err error
	if db.write, err = sql.Open("sqlite", dsn(path, "immediate", pragmas...)); err != nil {
		return fmt.Errorf("sqldb: %w", err)
	}
	db.write.SetMaxOpenConns(1)
	if err := migrate(ctx, goose.DialectSQLite3, db.write, o.Migrations); err != nil {
		return err
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return classify(err)
	}
	if err := durable(ctx, conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	db.writer = startWriter(conn)
	if db.read, err = sql.Open("sqlite", dsn(path, "deferred", "busy_timeout(10000)", "query_only(1)", readerCache)); err != nil {
		return fmt.Errorf("sqldb: %w", err)
	}
	db.read.SetMaxOpenConns(readers + 1) // one more to prepare on while every reader is inside a snapshot
	db.read.SetMaxIdleConns(readers)
	db.cached = &statements{db: db.read, slots: make(chan struct{}, readers), known: map[string]*sql.Stmt{}}
	return nil
}

// durable reads back what makes a COMMIT survive a power cut. A file system
// that refuses WAL, or a driver that ignores a pragma, must not go unnoticed.
func durable(ctx context.Context, conn *sql.Conn) error {
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var have string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&have); err != nil {
			return classify(err)
		}
		if have != want {
			return fmt.Errorf("sqldb: PRAGMA %s reads %q, %q is needed for a write to be safe", pragma, have, want)
		}
	}
	return nil
}

func dsn(path, lock string, pragmas ...string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	return "file:" + u.EscapedPath() + "?_txlock=" + lock + "&_pragma=" + strings.Join(pragmas, "&_pragma=")
}
