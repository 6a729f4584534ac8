package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// table maps objects of one kind to rows (doc, …columns, tenant, id, revision).
// It is built once by define and never changes.
type table[T any] struct {
	name     string                                   // of the SQL table
	noun     string                                   // for people
	unique   string                                   // for people: what another object may have taken
	key      func(*T) (tenant, id string)             // what names an object
	revision func(*T) *int64                          // where an object keeps its revision
	columns  []string                                 // copies of what queries need
	values   func(*T) []any                           // their values, in that order
	steady   bool                                     // columns mostly stay when an object is saved
	sql      struct{ create, swap, keep, one string } // filled in by define
}

func define[T any](t table[T]) *table[T] {
	columns := append([]string{"doc"}, t.columns...)
	places, sets := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		places[i] = "$" + strconv.Itoa(i+1)
		sets[i] = c + " = " + places[i]
	}
	n := len(columns)
	// Where columns stay, no index is touched: SQLite writes anew every index of a
	// column that is set, be it to what it was.
	t.sql.keep = fmt.Sprintf("UPDATE %s SET doc = $1, revision = revision + 1 WHERE %s AND tenant = $%d AND id = $%d AND revision = $%d",
		t.name, strings.Join(sets[1:], " AND "), n+1, n+2, n+3)
	t.sql.create = fmt.Sprintf("INSERT INTO %s (%s, tenant, id, revision) VALUES (%s, $%d, $%d, $%d + 1)",
		t.name, strings.Join(columns, ", "), strings.Join(places, ", "), n+1, n+2, n+3)
	t.sql.swap = fmt.Sprintf("UPDATE %s SET %s, revision = revision + 1 WHERE tenant = $%d AND id = $%d AND revision = $%d",
		t.name, strings.Join(sets, ", "), n+1, n+2, n+3)
	t.sql.one = fmt.Sprintf("SELECT doc, revision FROM %s WHERE tenant = $1 AND id = $2", t.name)
	return &t
}

// get returns one object, or fault.NotFound.
func (t *table[T]) get(tx *sqldb.Tx, tenant, id string) (T, error) {
	return t.scan(tx, id, t.sql.one, tenant, id)
}

// hold is get for an object that this transaction is about to change.
func (t *table[T]) hold(tx *sqldb.Tx, tenant, id string) (T, error) {
	return t.scan(tx, id, t.sql.one+tx.ForUpdate(), tenant, id)
}

// find returns the first object for which the condition holds, or
// fault.NotFound that speaks of what was looked for.
func (t *table[T]) find(tx *sqldb.Tx, what, where string, args ...any) (T, error) {
	return t.scan(tx, what, "SELECT doc, revision FROM "+t.name+" WHERE "+where, args...)
}

func (t *table[T]) scan(tx *sqldb.Tx, what, query string, args ...any) (T, error) {
	var doc []byte
	var revision int64
	err := tx.Row(query, args, &doc, &revision)
	if errors.Is(err, sqldb.ErrNone) {
		var none T
		return none, fault.New(fault.NotFound, "there is no %s %q", t.noun, what)
	}
	if err != nil {
		var none T
		return none, err
	}
	return t.decode(doc, revision)
}

// list returns the objects that the tail of a SELECT (WHERE, ORDER BY, LIMIT) picks.
func (t *table[T]) list(tx *sqldb.Tx, tail string, args ...any) ([]T, error) {
	return t.query(tx, "SELECT doc, revision FROM "+t.name+" "+tail, args...)
}

// query returns the objects whose documents and revisions a SELECT finds.
func (t *table[T]) query(tx *sqldb.Tx, query string, args ...any) ([]T, error) {
	var found []T
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		var doc []byte
		var revision int64
		if err := scan(&doc, &revision); err != nil {
			return err
		}
		v, err := t.decode(doc, revision)
		found = append(found, v)
		return err
	})
	return found, err
}

func (t *table[T]) decode(doc []byte, revision int64) (T, error) {
	v, err := decode[T](doc)
	if err != nil {
		return v, fmt.Errorf("store: %s: %w", t.noun, err)
	}
	*t.revision(&v) = revision
	return v, nil
}

// put creates v (revision 0) or compares and swaps, and returns what it stored:
// a copy, with the new revision.
func (t *table[T]) put(tx *sqldb.Tx, v T) (T, error) {
	doc, err := t.save(tx, v)
	if err != nil {
		var none T
		return none, err
	}
	return t.decode([]byte(doc), *t.revision(&v)+1)
}

// save is put without the copy: it returns the document alone.
func (t *table[T]) save(tx *sqldb.Tx, v T) (doc string, err error) {
	tenant, id := t.key(&v)
	if tenant == "" || id == "" {
		return "", fault.New(fault.Invalid, "%s: the tenant %q and the identifier %q must not be empty", t.noun, tenant, id)
	}
	if doc, err = encode(v); err != nil {
		return "", fmt.Errorf("store: %s: %w", t.noun, err)
	}
	args := []any{doc}
	if t.values != nil {
		args = append(args, t.values(&v)...)
	}
	switch n, err := t.exec(tx, append(args, tenant, id, *t.revision(&v))); {
	case errors.Is(err, sqldb.ErrDuplicate):
		return "", fault.Wrap(fault.Conflict, err, fmt.Sprintf("another %s has the same identifier or %s", t.noun, t.unique))
	case err != nil:
		return "", err
	case n == 0:
		return "", fault.New(fault.Conflict, "the %s %q changed since it was read: read it again", t.noun, id)
	}
	return doc, nil
}

// exec runs the statement that fits, with the arguments that all of them take,
// and returns how many rows it concerned. The last argument is the revision.
func (t *table[T]) exec(tx *sqldb.Tx, args []any) (int64, error) {
	if args[len(args)-1] == int64(0) {
		return tx.Exec(t.sql.create, args...)
	}
	if t.steady {
		if n, err := tx.Exec(t.sql.keep, args...); err != nil || n > 0 {
			return n, err
		}
	}
	return tx.Exec(t.sql.swap, args...)
}

// delete removes one object, or returns fault.NotFound.
func (t *table[T]) delete(tx *sqldb.Tx, tenant, id string) error {
	n, err := tx.Exec("DELETE FROM "+t.name+" WHERE tenant = $1 AND id = $2", tenant, id)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "there is no %s %q", t.noun, id)
	}
	return err
}

// encode returns v as JSON text: pgx takes []byte for BYTEA, not for TEXT.
func encode(v any) (string, error) {
	doc, err := json.Marshal(v)
	return string(doc), err
}

func decode[T any](doc []byte) (T, error) {
	var v T
	err := json.Unmarshal(doc, &v)
	return v, err
}
