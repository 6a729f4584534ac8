package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/postern-mam/postern/internal/fault"
)

const (
	connections = 16
	attempts    = 10 // of a transaction that the server asks to run again
	firstPause  = 2 * time.Millisecond
	longPause   = 100 * time.Millisecond
)

func openPostgres(ctx context.Context, o Options) (*DB, error) {
	pool, err := sql.Open("pgx", o.DatabaseURL)
	if err != nil {
		return nil, errors.New("sqldb: the database URL cannot be read") // its text may hold a password
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(4)
	pool.SetConnMaxIdleTime(time.Minute)
	db := &DB{read: pool}
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(classify(err), db.Close())
	}
	// A lock in a table works on every engine that speaks PostgreSQL's protocol;
	// advisory locks do not.
	locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(time.Second, 60))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := migrate(ctx, goose.DialectPostgres, pool, o.Migrations, goose.WithLocker(locker)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// migrate brings the schema up to date, forward only.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, files fs.FS, options ...goose.ProviderOption) error {
	options = append(options, goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return fmt.Errorf("sqldb: migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("sqldb: migrations: %w", classify(err))
	}
	return nil
}

// writePostgres runs job until it commits, fails for a reason of its own, or
// was asked to run again too often.
func (db *DB) writePostgres(ctx context.Context, job func(*Tx) error) error {
	for attempt, pause := 1, firstPause; ; attempt++ {
		err := db.transact(ctx, job)
		if !errors.Is(err, errRetry) {
			return err
		}
		if attempt == attempts {
			return fault.Wrap(fault.Unavailable, err, "too many writers want the same rows; nothing was saved")
		}
		if err := wait(ctx, pause/2+rand.N(pause)); err != nil {
			return classify(err)
		}
		pause = min(2*pause, longPause)
	}
}

func (db *DB) transact(ctx context.Context, job func(*Tx) error) error {
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return classify(err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := job(&Tx{ctx: ctx, run: tx, locks: true}); err != nil {
		return err
	}
	return classify(tx.Commit())
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
