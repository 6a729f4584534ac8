package sqldb_test

import (
	"context"
	"errors"
	"testing"

	"github.com/postern-mam/postern/internal/store/sqldb"
)

func TestAReaderWhoGoesAwayReadsNoFurther(t *testing.T) {
	db := open(t, sqldb.Options{})
	for _, w := range []string{"a", "b", "c"} {
		if err := db.Write(t.Context(), say(w)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	seen := 0
	err := db.Read(ctx, func(tx *sqldb.Tx) error {
		return tx.Rows("SELECT word FROM words", nil, func(scan func(...any) error) error {
			var word string
			seen++
			leave()
			return scan(&word)
		})
	})
	if seen != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d rows were read, and the answer is %v", seen, err)
	}
	wantWords(t, db, "a", "b", "c") // the connection is as good as before
}

func TestAQuestionOfOneStatementSeesWhatWasAcknowledgedAndWritesNothing(t *testing.T) {
	db := open(t, sqldb.Options{})
	for range 3 { // the connections of both pools are there
		if err := db.Ask(t.Context(), func(tx *sqldb.Tx) error { return tx.Row("SELECT 1", nil, new(int64)) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Write(t.Context(), say("a")); err != nil {
		t.Fatal(err)
	}
	var n int64
	if err := db.Ask(t.Context(), func(tx *sqldb.Tx) error { return tx.Row("SELECT count(*) FROM words", nil, &n) }); err != nil || n != 1 {
		t.Errorf("it sees %d words, %v", n, err)
	}
	if err := db.Ask(t.Context(), say("b")); err == nil {
		t.Error("it wrote")
	}
	wantWords(t, db, "a")
	ctx, leave := context.WithCancel(t.Context())
	leave()
	err := db.Ask(ctx, func(tx *sqldb.Tx) error {
		return tx.Rows("SELECT word FROM words", nil, func(func(...any) error) error {
			t.Error("somebody who left is told")
			return nil
		})
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("somebody who left gets %v", err)
	}
}
