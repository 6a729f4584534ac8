package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// Tx is one transaction or one snapshot. It is valid only inside the function
// it was handed to. It carries the context because the writer's jobs outlive
// that of the caller who submitted them.
type Tx struct {
	ctx    context.Context
	caller context.Context // where ctx cannot be cancelled: who waits; nil: nobody may leave
	run    runner
	locks  bool // the engine needs explicit row locks
}

// runner is the part of database/sql that runs statements.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// ForShare ends a SELECT whose rows must not change before this transaction
// ends. It is empty where writers are alone anyway.
func (tx *Tx) ForShare() string { return tx.lock(" FOR SHARE") }

// ForUpdate ends a SELECT whose rows this transaction is about to change.
func (tx *Tx) ForUpdate() string { return tx.lock(" FOR UPDATE") }

func (tx *Tx) lock(clause string) string {
	if !tx.locks {
		return ""
	}
	return clause
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	res, err := tx.run.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, classify(err)
	}
	n, err := res.RowsAffected()
	return n, classify(err)
}

// Row scans the first row into dest, or returns ErrNone.
func (tx *Tx) Row(query string, args []any, dest ...any) error {
	found := false
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		if found {
			return nil
		}
		found = true
		return scan(dest...)
	})
	if err == nil && !found {
		err = ErrNone
	}
	return err
}

// Rows calls each with every row, in order. Other statements of the same Tx
// must wait until it returns.
func (tx *Tx) Rows(query string, args []any, each func(scan func(...any) error) error) error {
	rows, err := tx.run.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return classify(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if tx.caller != nil && tx.caller.Err() != nil {
			return classify(tx.caller.Err())
		}
		if err := each(rows.Scan); err != nil {
			return classify(err)
		}
	}
	return classify(errors.Join(rows.Err(), rows.Close()))
}

// statements keeps prepared statements of the SQLite read pool, which prepares
// them once per connection. The set of query texts is finite, so is this.
type statements struct {
	db    *sql.DB
	slots chan struct{} // one for each snapshot; the pool has one connection more, so preparing never waits for them

	mu    sync.RWMutex
	known map[string]*sql.Stmt
}

func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	st := s.known[query]
	s.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.known[query]; st != nil {
		return st, nil
	}
	st, err := s.db.PrepareContext(ctx, query)
	if err == nil {
		s.known[query] = st
	}
	return st, err
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, st := range s.known {
		errs = append(errs, st.Close())
	}
	clear(s.known)
	return errors.Join(errs...)
}

// cachedReader runs prepared statements inside a read transaction, or by
// themselves when there is none.
type cachedReader struct {
	tx     *sql.Tx
	cached *statements
}

func (r *cachedReader) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := r.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (r *cachedReader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := r.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (r *cachedReader) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	st, err := r.cached.get(ctx, query)
	if err != nil || r.tx == nil {
		return st, err
	}
	return r.tx.StmtContext(ctx, st), nil
}
