package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// note adds what is kept with a change.
func (c *change) note(notes []admin.Note) error {
	for _, n := range notes {
		c.events = append(c.events, n.Events...)
		if err := c.keep(n.Entry); err != nil {
			return err
		}
	}
	return nil
}

// keep appends an entry to the record of changes, in the transaction of the
// change; nil is none.
func (c *change) keep(e *audit.Entry) error {
	if e == nil {
		return nil
	}
	kept := *e
	if err := c.name(&kept); err != nil {
		return err
	}
	doc, err := encode(kept)
	if err != nil {
		return fmt.Errorf("store: audit entry: %w", err)
	}
	_, err = c.Exec("INSERT INTO audit (tenant, id, at, kind, target, doc) VALUES ($1, $2, $3, $4, $5, $6)",
		string(e.Tenant), e.ID, instant(e.At), string(e.Kind), e.Target, doc)
	return err
}

// name writes down what an actor is called at the moment of the change: later
// nobody could tell, after a new name or a deletion.
func (c *change) name(e *audit.Entry) error {
	if e.Actor.Name != "" {
		return nil
	}
	var err error
	switch tenant := string(e.Tenant); {
	case e.Kind == audit.User && e.Target == string(e.Actor.User):
		e.Actor.Name = e.Name // who deletes themselves is gone by now
	case e.Actor.User != "":
		var u directory.User
		u, err = userTable.get(c.Tx, tenant, string(e.Actor.User))
		e.Actor.Name = u.UserPrincipalName
	case e.Actor.Client != "":
		var a directory.App
		a, err = appTable.get(c.Tx, tenant, string(e.Actor.Client))
		e.Actor.Name = a.DisplayName
	}
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// instant orders entries: two changes of one object are never as close as a
// nanosecond.
func instant(t time.Time) int64 { return t.UnixNano() }

// keepAll is keep for several entries.
func (c *change) keepAll(entries []audit.Entry) error {
	for i := range entries {
		if err := c.keep(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// Keep appends an entry by itself.
func (v adminView) Keep(ctx context.Context, e audit.Entry) error {
	return v.write(ctx, nil, func(c *change) error { return c.keep(&e) })
}

// Entries of one object come from an index of objects, those of some kinds from
// an index of kinds, each kind by itself: what is rare is not looked for among
// what is not.
func (v adminView) Entries(ctx context.Context, t directory.TenantID, q admin.EntryQuery) ([]audit.Entry, error) {
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]audit.Entry, error) {
		after, err := instantOf(tx, t, q.After)
		if err != nil {
			return nil, err
		}
		narrow := func(c *conditions) {
			c.add("tenant = ?", string(t))
			if q.Target != "" {
				c.add("target = ?", q.Target)
			}
			if !q.From.IsZero() {
				c.add("at >= ?", instant(q.From))
			}
			if !q.To.IsZero() {
				c.add("at < ?", instant(q.To))
			}
			if q.After != "" {
				c.add("(at, id) < (?, ?)", after, q.After)
			}
		}
		var c conditions
		if len(q.Kinds) == 0 {
			narrow(&c)
			return entries(tx, c.newest("doc", q.Limit), c.args...)
		}
		parts := make([]string, len(q.Kinds))
		for i, kind := range q.Kinds {
			c.where = nil
			narrow(&c)
			c.add("kind = ?", string(kind))
			parts[i] = fmt.Sprintf("SELECT doc, at, id FROM (%s) AS kind%d", c.newest("doc, at, id", q.Limit), i)
		}
		return entries(tx, fmt.Sprintf("SELECT doc FROM (%s) AS kinds ORDER BY at DESC, id DESC LIMIT %d", strings.Join(parts, " UNION ALL "), q.Limit), c.args...)
	})
}

// newest selects entries, the newest first.
func (c *conditions) newest(columns string, limit int) string {
	return fmt.Sprintf("SELECT %s FROM audit WHERE %s ORDER BY at DESC, id DESC LIMIT %d", columns, strings.Join(c.where, " AND "), limit)
}

// instantOf is when an entry was made; 0 of none.
func instantOf(tx *sqldb.Tx, t directory.TenantID, id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	var at int64
	err := tx.Row("SELECT at FROM audit WHERE tenant = $1 AND id = $2", []any{string(t), id}, &at)
	if errors.Is(err, sqldb.ErrNone) {
		return 0, fault.New(fault.NotFound, "there is no audit entry %q", id)
	}
	return at, err
}

func (v adminView) Entry(ctx context.Context, t directory.TenantID, id string) (audit.Entry, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (audit.Entry, error) {
		found, err := entries(tx, "SELECT doc FROM audit WHERE tenant = $1 AND id = $2", string(t), id)
		if err == nil && len(found) == 0 {
			err = fault.New(fault.NotFound, "there is no audit entry %q", id)
		}
		if err != nil {
			return audit.Entry{}, err
		}
		return found[0], nil
	})
}

func entries(tx *sqldb.Tx, query string, args ...any) ([]audit.Entry, error) {
	var found []audit.Entry
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		var doc []byte
		if err := scan(&doc); err != nil {
			return err
		}
		e, err := decode[audit.Entry](doc)
		found = append(found, e)
		return err
	})
	return found, err
}
