package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// A reference that is checked at COMMIT alone lets a test break a COMMIT.
const schema = `-- +goose Up
CREATE TABLE words (word TEXT PRIMARY KEY, filler TEXT NOT NULL DEFAULT '');
CREATE TABLE parents (id TEXT PRIMARY KEY);
CREATE TABLE children (parent TEXT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED, strict TEXT REFERENCES parents (id));
`

func open(t testing.TB, o sqldb.Options) *sqldb.DB {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "x ?#%.db") // characters that a URL would mistake
	}
	o.Migrations = fstest.MapFS{"00001_words.sql": {Data: []byte(schema)}}
	db, err := sqldb.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func say(word string) func(*sqldb.Tx) error {
	return func(tx *sqldb.Tx) error {
		_, err := tx.Exec("INSERT INTO words (word) VALUES ($1)", word)
		return err
	}
}

func words(t testing.TB, db *sqldb.DB) []string {
	t.Helper()
	var found []string
	err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
		return tx.Rows("SELECT word FROM words ORDER BY word", nil, func(scan func(...any) error) error {
			var w string
			err := scan(&w)
			found = append(found, w)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func wantWords(t testing.TB, db *sqldb.DB, want ...string) {
	t.Helper()
	if got := words(t, db); !slices.Equal(got, want) {
		t.Errorf("the words are %q, want %q", got, want)
	}
}

// together runs jobs in one group: they queue up behind a job that waits for
// them. It returns what each came to.
func together(t testing.TB, db *sqldb.DB, jobs ...func(*sqldb.Tx) error) []error {
	t.Helper()
	working, release := make(chan struct{}), make(chan struct{})
	var first, rest sync.WaitGroup
	first.Go(func() {
		if err := db.Write(t.Context(), func(*sqldb.Tx) error { close(working); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-working
	results := make([]error, len(jobs))
	for i, j := range jobs {
		rest.Go(func() { results[i] = db.Write(t.Context(), j) })
	}
	for sqldb.Waiting(db) < len(jobs) {
		// They are on their way into the queue; nothing else can happen meanwhile.
		runtime.Gosched()
	}
	close(release)
	first.Wait()
	rest.Wait()
	return results
}

func TestOneBadJobRollsBackAlone(t *testing.T) {
	db := open(t, sqldb.Options{})
	bad := errors.New("bad")
	results := together(t, db, say("a"), func(tx *sqldb.Tx) error {
		if err := say("never")(tx); err != nil {
			return err
		}
		return bad
	}, say("b"), say("c"))
	if !errors.Is(results[1], bad) || errors.Join(results[0], results[2], results[3]) != nil {
		t.Errorf("the group came to %v", results)
	}
	wantWords(t, db, "a", "b", "c")
}

func TestAConstraintRollsBackItsOwnJob(t *testing.T) {
	db := open(t, sqldb.Options{})
	results := together(t, db, say("a"), say("a"), func(tx *sqldb.Tx) error {
		_, err := tx.Exec("INSERT INTO children (strict) VALUES ('nobody')")
		return err
	}, say("b"))
	duplicates := 0
	for _, err := range results[:2] {
		if errors.Is(err, sqldb.ErrDuplicate) {
			duplicates++
		}
	}
	if duplicates != 1 || !errors.Is(results[2], sqldb.ErrReference) || results[3] != nil {
		t.Errorf("the group came to %v", results)
	}
	wantWords(t, db, "a", "b")
}

func TestACommitThatFailsFailsEveryWaiter(t *testing.T) {
	db := open(t, sqldb.Options{})
	own := errors.New("own")
	results := together(t, db, say("a"), func(tx *sqldb.Tx) error {
		_, err := tx.Exec("INSERT INTO children (parent) VALUES ('nobody')") // noticed by COMMIT only
		return err
	}, func(*sqldb.Tx) error { return own }, say("b"))
	for i, err := range results {
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("waiter %d got %v", i, err)
		}
	}
	wantWords(t, db)
	if err := db.Write(t.Context(), say("later")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	wantWords(t, db, "later")
}

func TestAJobThatPanicsHarmsNobodyElse(t *testing.T) {
	db := open(t, sqldb.Options{})
	results := together(t, db, say("a"), func(*sqldb.Tx) error {
		none := make([]int, 0)
		none[len(none)]++
		return nil
	}, say("b"))
	if results[0] != nil || results[1] == nil || results[2] != nil {
		t.Errorf("the group came to %v", results)
	}
	wantWords(t, db, "a", "b")
}

// SQLite rolls back by itself when the disk is full in the middle of a
// statement, for example. A job that does it stands in for that.
func TestAJobThatLosesTheTransactionOfAllIsAlone(t *testing.T) {
	db := open(t, sqldb.Options{})
	results := together(t, db, say("a"), func(tx *sqldb.Tx) error {
		_, err := tx.Exec("ROLLBACK")
		return err
	}, say("b"))
	if results[0] != nil || fault.KindOf(results[1]) != fault.Unavailable || results[2] != nil {
		t.Errorf("the group came to %v", results)
	}
	wantWords(t, db, "a", "b")
}

func TestAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.db")
	db := open(t, sqldb.Options{Path: path, MaxPages: 40})
	fill := func(i int) func(*sqldb.Tx) error {
		return func(tx *sqldb.Tx) error {
			_, err := tx.Exec("INSERT INTO words (word, filler) VALUES ($1, $2)", fmt.Sprintf("%04d", i), strings.Repeat("x", 900))
			return err
		}
	}
	var acknowledged []string
	var full error
	for i := 0; full == nil && i < 1000; i += 8 {
		var jobs []func(*sqldb.Tx) error
		for j := range 8 {
			jobs = append(jobs, fill(i+j))
		}
		for j, err := range together(t, db, jobs...) {
			if err == nil {
				acknowledged = append(acknowledged, fmt.Sprintf("%04d", i+j))
			} else {
				full = err
			}
		}
	}
	if fault.KindOf(full) != fault.Unavailable || fault.Detail(full) != "the disk is full; nothing was saved" {
		t.Errorf("a full disk gives %v", full)
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was ever saved: this test checks nothing")
	}
	slices.Sort(acknowledged)
	wantWords(t, db, acknowledged...)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	db = open(t, sqldb.Options{Path: path})
	wantWords(t, db, acknowledged...)
	if err := db.Write(t.Context(), say("room again")); err != nil {
		t.Error(err)
	}
}

func TestACallerWhoGoesAway(t *testing.T) {
	t.Run("takes back a job that still waits", func(t *testing.T) {
		db := open(t, sqldb.Options{})
		working, release := make(chan struct{}), make(chan struct{})
		var first sync.WaitGroup
		first.Go(func() {
			_ = db.Write(t.Context(), func(*sqldb.Tx) error { close(working); <-release; return nil })
		})
		<-working
		ctx, leave := context.WithCancel(t.Context())
		waiting := make(chan error)
		go func() { waiting <- db.Write(ctx, say("never")) }()
		for sqldb.Waiting(db) < 1 {
			runtime.Gosched()
		}
		leave()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(release)
		first.Wait()
		if err := db.Write(t.Context(), say("next")); err != nil {
			t.Error(err)
		}
		wantWords(t, db, "next")
	})
	t.Run("hears how a job that runs already ends", func(t *testing.T) {
		db := open(t, sqldb.Options{})
		ctx, leave := context.WithCancel(t.Context())
		err := db.Write(ctx, func(tx *sqldb.Tx) error { leave(); return say("kept")(tx) })
		if err != nil {
			t.Error(err)
		}
		wantWords(t, db, "kept")
		if err := db.Write(ctx, say("never")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestClosing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "closing.db")
	db := open(t, sqldb.Options{Path: path})
	working, release := make(chan struct{}), make(chan struct{})
	running, waiting := make(chan error, 1), make(chan error, 1)
	go func() {
		running <- db.Write(t.Context(), func(tx *sqldb.Tx) error { close(working); <-release; return say("kept")(tx) })
	}()
	<-working
	go func() { waiting <- db.Write(t.Context(), say("too late")) }()
	for sqldb.Waiting(db) < 1 {
		runtime.Gosched()
	}
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	for !sqldb.Quitting(db) {
		runtime.Gosched()
	}
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := <-running; err != nil {
		t.Errorf("the job that ran got %v", err)
	}
	// Whether the writer still took it is open; that it was answered truly is not.
	want := []string{"kept"}
	if err := <-waiting; err == nil {
		want = append(want, "too late")
	} else if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the job that waited got %v", err)
	}
	if err := db.Write(t.Context(), say("never")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a write after Close gives %v", err)
	}
	wantWords(t, open(t, sqldb.Options{Path: path}), want...)
}

func TestTheWriterIsDurable(t *testing.T) {
	db := open(t, sqldb.Options{})
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "10000"} {
			var have string
			if err := tx.Row("PRAGMA "+pragma, nil, &have); err != nil {
				return err
			}
			if have != want {
				t.Errorf("PRAGMA %s is %s, want %s", pragma, have, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReadingChangesNothing(t *testing.T) {
	db := open(t, sqldb.Options{})
	if err := db.Read(t.Context(), say("never")); err == nil {
		t.Error("a read wrote")
	}
	wantWords(t, db)
}

func TestAReadIsOneSnapshot(t *testing.T) {
	db := open(t, sqldb.Options{})
	count := func(tx *sqldb.Tx) (n int64) {
		if err := tx.Row("SELECT count(*) FROM words", nil, &n); err != nil {
			t.Error(err)
		}
		return n
	}
	err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
		before := count(tx)
		if err := db.Write(t.Context(), say("meanwhile")); err != nil {
			return err
		}
		if after := count(tx); after != before {
			t.Errorf("a snapshot saw %d words and then %d", before, after)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantWords(t, db, "meanwhile")
}

func TestTheFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "private.db")
	db := open(t, sqldb.Options{Path: path})
	if err := db.Write(t.Context(), say("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, error %v", name, info, err)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	files := fstest.MapFS{"00001_words.sql": {Data: []byte(schema)}}
	for name, o := range map[string]sqldb.Options{
		"no migrations": {Path: "x"},
		"nowhere":       {Migrations: files},
		"no folder":     {Migrations: files, Path: filepath.Join(t.TempDir(), "missing", "x.db")},
		"bad migration": {Migrations: fstest.MapFS{"00001_x.sql": {Data: []byte("-- +goose Up\nnonsense;")}}, Path: filepath.Join(t.TempDir(), "x.db")},
		"bad URL":       {Migrations: files, DatabaseURL: "postgres://%zz"},
	} {
		if db, err := sqldb.Open(t.Context(), o); err == nil {
			t.Errorf("%s: opened", name)
			_ = db.Close()
		}
	}
	t.Run("a damaged file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sqldb.Open(t.Context(), sqldb.Options{Path: path, Migrations: files}); err == nil {
			t.Error("opened")
		}
	})
	t.Run("an unreachable server", func(t *testing.T) {
		_, err := sqldb.Open(t.Context(), sqldb.Options{DatabaseURL: "postgres://x:secret@127.0.0.1:1/x", Migrations: files})
		if fault.KindOf(err) != fault.Unavailable || strings.Contains(fault.Detail(err), "secret") {
			t.Errorf("got %v", err)
		}
	})
}
