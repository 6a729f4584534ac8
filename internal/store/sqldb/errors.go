package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/postern-mam/postern/internal/fault"
)

// What a statement can come to besides success. Both engines' errors are
// recognised by their codes, here and nowhere else.
var (
	// ErrNone says that no row was found.
	ErrNone = errors.New("sqldb: no such row")
	// ErrDuplicate says that a unique key is taken.
	ErrDuplicate = errors.New("sqldb: the key is taken")
	// ErrReference says that a row refers to one that does not exist.
	ErrReference = errors.New("sqldb: the row refers to none")

	errRetry = errors.New("sqldb: run the transaction again")
)

// classify turns a driver's error into one of the above, a fault, or itself.
func classify(err error) error {
	if err == nil || isOurs(err) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNone
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(fault.Unavailable, err, "the database did not answer in time")
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return classifySQLite(e)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return classifyPostgres(e)
	}
	if unreachable(err) {
		return fault.Wrap(fault.Unavailable, err, "the database cannot be reached")
	}
	return err
}

func isOurs(err error) bool {
	for _, known := range []error{ErrNone, ErrDuplicate, ErrReference, errRetry} {
		if errors.Is(err, known) {
			return true
		}
	}
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}

func classifySQLite(e *sqlite.Error) error {
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%w: %w", ErrDuplicate, e)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: %w", ErrReference, e)
	}
	switch e.Code() & 0xff { // the primary code of an extended one
	case sqlite3.SQLITE_FULL:
		return fault.Wrap(fault.Unavailable, e, "the disk is full; nothing was saved")
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return fault.Wrap(fault.Unavailable, e, "the disk does not take the data; nothing was saved")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fault.Wrap(fault.Unavailable, e, "the database file is damaged; nothing was saved")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM:
		return fault.Wrap(fault.Unavailable, e, "the database is busy; nothing was saved")
	case sqlite3.SQLITE_TOOBIG:
		return fault.Wrap(fault.TooLarge, e, "the value is too large to be stored")
	}
	return e
}

// classifyPostgres knows the SQLSTATE codes of PostgreSQL, appendix A.
func classifyPostgres(e *pgconn.PgError) error {
	switch e.Code {
	case "23505":
		return fmt.Errorf("%w: %w", ErrDuplicate, e)
	case "23503":
		return fmt.Errorf("%w: %w", ErrReference, e)
	case "40001", "40P01":
		return fmt.Errorf("%w: %w", errRetry, e)
	case "53100":
		return fault.Wrap(fault.Unavailable, e, "the disk is full; nothing was saved")
	case "22021", "22P05":
		return fault.Wrap(fault.Invalid, e, "a text holds a character that cannot be stored")
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08", "53", "57", "58": // connection, resources, operator, system
		return fault.Wrap(fault.Unavailable, e, "the database is not ready; nothing was saved")
	}
	return e
}

func unreachable(err error) bool {
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connect || network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}
