// Package sqldb is the engine under the store: one way to read and one way to
// write over database/sql, on SQLite and on PostgreSQL alike.
//
// # Writing
//
// On SQLite a single goroutine owns the only writing connection. Jobs that wait
// together are committed together, each inside a savepoint of its own, so that
// one bad job rolls back alone; nobody is answered before COMMIT returned. On
// PostgreSQL every job is a transaction of its own at READ COMMITTED, retried
// when the server asks for it.
//
// A job may run more than once. It must be pure but for its Tx, must return on
// the first error, and must never decide by a row that it has not locked: a
// decision belongs into the WHERE of the change itself, into a constraint, or
// after a read that ends with Tx.ForShare or Tx.ForUpdate. Kept everywhere, the
// rule makes READ COMMITTED as strict as the single writer is.
//
// # Reading
//
// Read sees one snapshot. What Write has acknowledged, a later Read sees.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/postern-mam/postern/internal/fault"
)

// Options say where the database is.
type Options struct {
	Path        string // SQLite file, created when missing; its folder must exist
	DatabaseURL string // postgres://…; takes precedence over Path
	Migrations  fs.FS  // numbered goose SQL files at its root
	MaxPages    int64  // SQLite only: the file never grows above this many pages; 0: no limit
}

// DB is an open database. Close it.
type DB struct {
	read   *sql.DB
	write  *sql.DB // SQLite: the pool of the one writing connection
	writer *writer // SQLite only
	cached *statements
}

// Open opens the database and brings its schema up to date. An unreachable
// database is fault.Unavailable.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Migrations == nil {
		return nil, errors.New("sqldb: Migrations is missing")
	}
	if o.DatabaseURL != "" {
		return openPostgres(ctx, o)
	}
	if o.Path == "" {
		return nil, errors.New("sqldb: neither Path nor DatabaseURL says where the database is")
	}
	return openSQLite(ctx, o)
}

// Write runs job in a transaction and returns after COMMIT. When it returns an
// error nothing of job was kept, apart from one case: a connection to PostgreSQL
// that broke during COMMIT leaves the outcome unknown.
func (db *DB) Write(ctx context.Context, job func(*Tx) error) error {
	if db.writer != nil {
		return db.writer.submit(ctx, job)
	}
	return db.writePostgres(ctx, job)
}

// Read runs query in one read-only snapshot.
func (db *DB) Read(ctx context.Context, query func(*Tx) error) error {
	inside, leave, err := db.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	options := &sql.TxOptions{ReadOnly: true}
	if db.writer == nil {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.read.BeginTx(inside, options)
	if err != nil {
		return classify(err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := query(&Tx{ctx: inside, caller: ctx, run: db.reader(tx)}); err != nil {
		return err
	}
	return classify(tx.Commit())
}

// Ask is Read for a question of one statement, which is a snapshot by itself: no
// transaction begins and ends around it.
func (db *DB) Ask(ctx context.Context, question func(*Tx) error) error {
	inside, leave, err := db.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return question(&Tx{ctx: inside, caller: ctx, run: db.reader(nil)})
}

// enter waits for a connection to read on. On SQLite a statement that may be
// interrupted costs goroutines, in database/sql and in the driver: what runs
// inside cannot be, and Tx looks after the caller at every row instead.
func (db *DB) enter(ctx context.Context) (inside context.Context, leave func(), err error) {
	if db.cached == nil {
		return ctx, func() {}, nil
	}
	select {
	case db.cached.slots <- struct{}{}:
		return context.WithoutCancel(ctx), func() { <-db.cached.slots }, nil
	case <-ctx.Done():
		return nil, nil, classify(ctx.Err())
	}
}

// reader runs statements inside tx, or one by itself when tx is nil.
func (db *DB) reader(tx *sql.Tx) runner {
	switch {
	case db.cached != nil:
		return &cachedReader{tx: tx, cached: db.cached}
	case tx != nil:
		return tx
	}
	return db.read
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return db.Read(ctx, func(tx *Tx) error {
		var one int64
		return tx.Row("SELECT 1", nil, &one)
	})
}

// Close ends the writer, waits for it, and closes every connection. Jobs that
// still wait get fault.Unavailable.
func (db *DB) Close() error {
	var errs []error
	if db.writer != nil {
		errs = append(errs, db.writer.close())
	}
	if db.cached != nil {
		errs = append(errs, db.cached.close())
	}
	if db.read != nil {
		errs = append(errs, db.read.Close())
	}
	if db.write != nil {
		errs = append(errs, db.write.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sqldb: close: %w", err)
	}
	return nil
}

var errClosed = fault.New(fault.Unavailable, "the store is closed")
