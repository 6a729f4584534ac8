package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

func (v idpView) RecordSignIn(ctx context.Context, r access.Record) error {
	return v.recordSignIn(ctx, r)
}

func (v gateView) RecordSignIn(ctx context.Context, r access.Record) error {
	return v.recordSignIn(ctx, r)
}

func (s *Store) recordSignIn(ctx context.Context, r access.Record) error {
	return s.write(ctx, nil, func(c *change) error { return record(c.Tx, r) })
}

// record appends to the sign-in log, under a fresh identifier when r has none.
func record(tx *sqldb.Tx, r access.Record) error {
	if r.ID == "" {
		r.ID = rand.Text()
	}
	doc, err := encode(r)
	if err != nil {
		return fmt.Errorf("store: sign-in: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO sign_ins (tenant, id, at, user_id, user_name, client_id, correlation_id, code, doc)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, append([]any{string(r.Tenant), r.ID, ms(r.At)}, append(looked(r), doc)...)...)
	return err
}

// looked are the columns that entries are looked for by, in any case of letters.
func looked(r access.Record) []any {
	lower := strings.ToLower
	return []any{lower(string(r.User)), lower(r.UserPrincipalName), lower(string(r.Client)), lower(r.CorrelationID), int64(r.Code)}
}

// Records returns a page of the sign-in log, read from an index that is in the
// log's order: what is rare is not looked for among what is not.
func (s *Store) Records(ctx context.Context, t directory.TenantID, q access.RecordQuery) ([]access.Record, error) {
	return one(ctx, s, func(tx *sqldb.Tx) ([]access.Record, error) {
		query, args := recordsQuery(t, q)
		return records(tx, query, args)
	})
}

func recordsQuery(t directory.TenantID, q access.RecordQuery) (query string, args []any) {
	var c conditions
	c.add("tenant = ?", string(t))
	for _, n := range []struct{ column, value string }{
		{"user_id", string(q.User)}, {"user_name", q.UserPrincipalName}, {"client_id", string(q.Client)},
		{"correlation_id", q.CorrelationID},
	} {
		if n.value != "" {
			c.add(n.column+" = ?", strings.ToLower(n.value))
		}
	}
	if q.Refused {
		c.add("code <> 0")
	}
	if !q.From.IsZero() {
		c.add("at >= ?", ms(q.From))
	}
	if !q.To.IsZero() {
		c.add("at <= ?", ms(q.To))
	}
	order, beyond := "at DESC, id DESC", "<"
	if q.OldestFirst {
		order, beyond = "at, id", ">"
	}
	if q.After != (access.Mark{}) {
		c.add("(at, id) "+beyond+" (?, ?)", ms(q.After.At), q.After.ID)
	}
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	return fmt.Sprintf("SELECT doc FROM sign_ins WHERE %s ORDER BY %s LIMIT %d", strings.Join(c.where, " AND "), order, q.Limit), c.args
}

func records(tx *sqldb.Tx, query string, args []any) ([]access.Record, error) {
	var found []access.Record
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		var doc []byte
		if err := scan(&doc); err != nil {
			return err
		}
		r, err := decode[access.Record](doc)
		found = append(found, r)
		return err
	})
	return found, err
}

// Record returns one entry of the sign-in log, or fault.NotFound.
func (s *Store) Record(ctx context.Context, t directory.TenantID, id string) (access.Record, error) {
	return glance(ctx, s, func(tx *sqldb.Tx) (access.Record, error) {
		var doc []byte
		err := tx.Row("SELECT doc FROM sign_ins WHERE tenant = $1 AND id = $2", []any{string(t), id}, &doc)
		if errors.Is(err, sqldb.ErrNone) {
			return access.Record{}, fault.New(fault.NotFound, "there is no sign-in %q", id)
		}
		if err != nil {
			return access.Record{}, err
		}
		return decode[access.Record](doc)
	})
}

// historyPage is how many entries are read at once: a snapshot is not held for as
// long as somebody looks at them.
const historyPage = 500

// History reads pages by time and identifier. An entry that is written while it
// reads is visited when it lies ahead.
func (v gateView) History(ctx context.Context, t directory.TenantID, since time.Time, visit func(access.Record) bool) error {
	q := access.RecordQuery{From: since, OldestFirst: true, Limit: historyPage}
	for {
		page, err := v.Records(ctx, t, q)
		if err != nil {
			return err
		}
		for _, r := range page {
			if r.Facts != nil && r.Set != "" && !visit(r) {
				return nil
			}
			q.After = r.Mark()
		}
		if len(page) < historyPage {
			return nil
		}
	}
}

// fillSignIns fills the columns of entries that are older than the columns, once.
func (s *Store) fillSignIns(ctx context.Context) error {
	var filled int64
	err := s.read(ctx, func(tx *sqldb.Tx) error {
		return tx.Row("SELECT value FROM counters WHERE name = 'sign_ins'", nil, &filled)
	})
	tenant, id := "", ""
	for more := filled == 0; more && err == nil; {
		err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
			page, err := records(tx, fmt.Sprintf("SELECT doc FROM sign_ins WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id LIMIT %d", historyPage), []any{tenant, id})
			if err != nil {
				return err
			}
			for _, r := range page {
				tenant, id = string(r.Tenant), r.ID
				if _, err := tx.Exec(`UPDATE sign_ins SET user_id = $3, user_name = $4, client_id = $5, correlation_id = $6, code = $7
					WHERE tenant = $1 AND id = $2`, append([]any{tenant, id}, looked(r)...)...); err != nil {
					return err
				}
			}
			if more = len(page) == historyPage; more {
				return nil
			}
			_, err = tx.Exec("UPDATE counters SET value = 1 WHERE name = 'sign_ins'")
			return err
		})
	}
	return err
}
