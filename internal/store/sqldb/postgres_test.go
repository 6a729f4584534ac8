package sqldb_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/store/storetest"
)

func postgres(t *testing.T) *sqldb.DB {
	t.Helper()
	return open(t, sqldb.Options{DatabaseURL: storetest.Postgres(t)})
}

func TestPostgresJobsRunAgainAfterADeadlock(t *testing.T) {
	db := postgres(t)
	for _, w := range []string{"a", "b"} {
		if err := db.Write(t.Context(), say(w)); err != nil {
			t.Fatal(err)
		}
	}
	touch := func(tx *sqldb.Tx, word string) error {
		_, err := tx.Exec("UPDATE words SET filler = filler || 'x' WHERE word = $1", word)
		return err
	}
	var both, jobs sync.WaitGroup
	both.Add(2)
	runs := make([]int, 2)
	for i, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		jobs.Go(func() {
			err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
				runs[i]++
				if err := touch(tx, order[0]); err != nil {
					return err
				}
				if runs[i] == 1 {
					both.Done()
					both.Wait() // each holds what the other wants
				}
				return touch(tx, order[1])
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	jobs.Wait()
	if runs[0]+runs[1] < 3 {
		t.Errorf("the jobs ran %v times: nobody was in anybody's way", runs)
	}
	err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
		var n int64
		if err := tx.Row("SELECT count(*) FROM words WHERE filler = 'xx'", nil, &n); err != nil {
			return err
		}
		if n != 2 {
			t.Errorf("%d words were touched twice, want both", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPostgresErrorsAreKnownByTheirCode(t *testing.T) {
	db := postgres(t)
	if err := db.Write(t.Context(), say("a")); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), say("a")); !errors.Is(err, sqldb.ErrDuplicate) {
		t.Errorf("a duplicate gives %v", err)
	}
	if err := db.Write(t.Context(), say("a\x00b")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a NUL gives %v", err)
	}
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec("INSERT INTO children (strict) VALUES ('nobody')")
		return err
	})
	if !errors.Is(err, sqldb.ErrReference) {
		t.Errorf("a dangling reference gives %v", err)
	}
	if err := db.Read(t.Context(), say("never")); err == nil {
		t.Error("a read wrote")
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if err := db.Write(ctx, say("never")); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left gets %v", err)
	}
	wantWords(t, db, "a")
}

func TestPostgresReplicasMayStartTogether(t *testing.T) {
	url := storetest.Postgres(t)
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() { open(t, sqldb.Options{DatabaseURL: url}) })
	}
	starting.Wait()
}
