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
