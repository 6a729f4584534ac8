package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/postern-mam/postern/internal/fault"
)

const (
	maxQueue = 256 // jobs that may wait; more callers wait outside, under their own context
	maxGroup = 128 // jobs in one COMMIT
)

// writer is the goroutine that owns SQLite's only writing connection.
type writer struct {
	conn  *sql.Conn
	known map[string]*sql.Stmt // of conn; touched by the goroutine only
	jobs  chan *job
	quit  chan struct{} // closed: take no more jobs
	ended chan struct{} // closed: the goroutine is gone
	once  sync.Once
}

// job is one Write that waits for its COMMIT.
type job struct {
	run   func(*Tx) error
	taken atomic.Bool // by the writer, or by its caller who went away
	err   error
	done  chan error // takes one answer without a reader
}

// claim reports whether the caller is the first to claim j.
func (j *job) claim() bool { return j.taken.CompareAndSwap(false, true) }

// startWriter starts the goroutine; it ends in close.
func startWriter(conn *sql.Conn) *writer {
	w := &writer{
		conn:  conn,
		known: map[string]*sql.Stmt{},
		jobs:  make(chan *job, maxQueue),
		quit:  make(chan struct{}),
		ended: make(chan struct{}),
	}
	go w.loop()
	return w
}

// submit waits until run is committed or refused. A caller whose context ends
// while run still waits takes it back; once it runs, its outcome is awaited.
func (w *writer) submit(ctx context.Context, run func(*Tx) error) error {
	j := &job{run: run, done: make(chan error, 1)}
	if err := ctx.Err(); err != nil {
		return classify(err)
	}
	select {
	case <-w.quit:
		return errClosed
	case <-ctx.Done():
		return classify(ctx.Err())
	case w.jobs <- j:
	}
	select {
	case err := <-j.done:
		return err
	case <-w.ended:
		return j.last()
	case <-ctx.Done():
		if j.claim() {
			return classify(ctx.Err())
		}
	}
	select {
	case err := <-j.done:
		return err
	case <-w.ended:
		return j.last()
	}
}

// last is the answer of a job whose writer is gone.
func (j *job) last() error {
	select {
	case err := <-j.done:
		return err
	default:
		return errClosed
	}
}

func (w *writer) loop() {
	defer close(w.ended)
	for {
		select {
		case <-w.quit:
			return // whoever waits sees ended
		case j := <-w.jobs:
			w.commit(w.collect(j))
		}
	}
}

// collect takes what waits already and never waits for more: under load groups
// form by themselves while the previous COMMIT is on its way to the disk.
func (w *writer) collect(first *job) []*job {
	var group []*job
	for j := first; ; {
		if j.claim() {
			group = append(group, j)
		}
		if len(group) == maxGroup {
			return group
		}
		select {
		case j = <-w.jobs:
		default:
			return group
		}
	}
}

// commit runs a group in one transaction. When a job breaks the transaction of
// all (SQLite itself rolls back on a full disk, for example), nothing of it is
// kept and each job gets a transaction of its own, so that the innocent pass.
func (w *writer) commit(group []*job) {
	if len(group) == 0 {
		return
	}
	err, broken := w.attempt(group)
	if broken && len(group) > 1 {
		for _, j := range group {
			w.commit([]*job{j})
		}
		return
	}
	for _, j := range group {
		if err != nil {
			j.done <- err // a COMMIT that fails fails everyone
			continue
		}
		j.done <- j.err
	}
}

// attempt returns why nothing of the group was kept, and whether a job was to
// blame rather than BEGIN or COMMIT.
func (w *writer) attempt(group []*job) (err error, broken bool) {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err, false
	}
	for _, j := range group {
		if err := w.isolate(j); err != nil {
			w.rollback()
			return err, true
		}
	}
	if err := w.exec("COMMIT"); err != nil {
		w.rollback()
		return unsaved(err), false
	}
	return nil, false
}

// isolate runs j inside a savepoint and keeps its error in j.err. It returns an
// error when the whole transaction is lost.
func (w *writer) isolate(j *job) error {
	if err := w.exec("SAVEPOINT job"); err != nil {
		return unsaved(err)
	}
	j.err = w.call(j.run)
	if j.err != nil {
		if err := w.exec("ROLLBACK TO job"); err != nil {
			return unsaved(j.err)
		}
	}
	if err := w.exec("RELEASE job"); err != nil {
		return unsaved(errors.Join(j.err, err))
	}
	return nil
}

// call contains a panic, which would take every waiting caller with it: the
// recovery at the caller's door does not reach this goroutine.
func (w *writer) call(run func(*Tx) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sqldb: a job panicked: %v", r)
		}
	}()
	return run(&Tx{ctx: context.Background(), run: w})
}

// rollback leaves the connection outside of any transaction. SQLite may have
// rolled back by itself, so "no transaction is active" is fine.
func (w *writer) rollback() { _ = w.exec("ROLLBACK") }

func (w *writer) exec(query string) error {
	_, err := w.ExecContext(context.Background(), query)
	return classify(err)
}

// unsaved makes sure that a lost transaction reads as an outage.
func unsaved(err error) error {
	if fault.KindOf(err) == fault.Unavailable {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "the transaction was lost; nothing was saved")
}

// ExecContext and QueryContext make the writer the runner of its jobs, with
// statements prepared once.

func (w *writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (w *writer) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := w.known[query]; st != nil {
		return st, nil
	}
	st, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.known[query] = st
	}
	return st, err
}

// close stops the goroutine after the group it works on, waits for it, and
// gives the connection back.
func (w *writer) close() error {
	w.once.Do(func() { close(w.quit) })
	<-w.ended
	var errs []error
	for _, st := range w.known {
		errs = append(errs, st.Close())
	}
	clear(w.known)
	if err := w.conn.Close(); !errors.Is(err, sql.ErrConnDone) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
