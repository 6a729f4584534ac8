package storetest_test

import (
	"context"
	"database/sql"
	"runtime"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

// What follows needs writers that overlap, which only PostgreSQL has.

// hold runs statement in a transaction of its own and returns what commits it.
func hold(t *testing.T, db *sql.DB, statement string) (commit func()) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	ok(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.ExecContext(t.Context(), statement)
	ok(t, err)
	return func() { ok(t, tx.Commit()) }
}

// blocked is how many of the test's own connections wait for a row.
func blocked(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	ok(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE application_name = current_setting('application_name') AND wait_event_type = 'Lock'`).Scan(&n))
	return n
}

func overlapping(t *testing.T) (*world, *sql.DB) {
	w := newWorld(t, store.Options{DatabaseURL: storetest.Postgres(t)})
	db, err := sql.Open("pgx", w.options.DatabaseURL)
	ok(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return w, db
}

// A grant has compared its facts but is not committed yet. Whoever moves one of
// them must wait: were it acknowledged now, the grant would appear after it.
func TestWhoMovesAFactWaitsForTheGrantThatComparedIt(t *testing.T) {
	for fact, move := range movers {
		t.Run(fact, func(t *testing.T) {
			w, db := overlapping(t)
			ctx := t.Context()
			basis := must(w.Gate().Facts(ctx, request("t1")))(t).Revisions
			ok(t, w.IDP().SaveCode(ctx, code("t1", "c"), basis, ruling("t1", "r1")))
			release := hold(t, db, "UPDATE codes SET expires_at = expires_at")

			granted, moved := make(chan error, 1), make(chan struct{})
			go func() {
				granted <- w.IDP().SaveIssue(context.WithoutCancel(ctx), idp.Issue{Tenant: "t1", Grant: grant("t1", "g"), Code: "c", Basis: basis, Record: ruling("t1", "r2")})
			}()
			for blocked(t, db) < 1 {
				runtime.Gosched()
			}
			go func() { defer close(moved); move(t, w) }()
			for blocked(t, db) < 2 {
				select {
				case <-moved:
					t.Fatal("the fact moved, and was acknowledged, under a grant that had compared it")
				default:
					runtime.Gosched()
				}
			}
			release()
			ok(t, <-granted)
			<-moved
		})
	}
}

func TestRevokingWaitsForASessionThatIsBeingSaved(t *testing.T) {
	w, db := overlapping(t)
	ctx := t.Context()
	release := hold(t, db, "UPDATE sessions SET revision = revision + 1")
	revoked := make(chan error, 1)
	go func() {
		_, err := w.IDP().RevokeSessions(context.WithoutCancel(ctx), "t1", "anna", "r", now)
		revoked <- err
	}()
	for blocked(t, db) < 1 {
		runtime.Gosched()
	}
	release()
	ok(t, <-revoked)
	got := must(w.IDP().Session(ctx, "t1", directory.SessionID("session")))(t)
	wantEqual(t, []any{got.RevokedFor, got.Revision}, []any{"r", int64(3)})
}
