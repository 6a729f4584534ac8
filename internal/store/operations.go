package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// conditions collects what a WHERE asks for.
type conditions struct {
	where []string
	args  []any
}

// add appends a condition; each ? becomes the place of the next value.
func (c *conditions) add(condition string, values ...any) {
	for _, v := range values {
		c.args = append(c.args, v)
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(c.args)), 1)
	}
	c.where = append(c.where, condition)
}

// Tracked reads user and device from the registration. Those of one user or
// device are few, and found by the registration; the others come from an index
// that is in the order of the answer.
func (v mamView) Tracked(ctx context.Context, t directory.TenantID, f mam.OperationFilter) ([]mam.Tracked, error) {
	var c conditions
	c.add("o.tenant = ? AND r.tenant = ?", string(t), string(t))
	for _, n := range []struct{ column, value string }{
		{"r.user_id", string(f.User)}, {"r.device_id", string(f.Device)}, {"o.state", string(f.State)}, {"o.kind", string(f.Kind)},
	} {
		if n.value != "" {
			c.add(n.column+" = ?", n.value)
		}
	}
	if !f.From.IsZero() {
		c.add("o.requested_at >= ?", ms(f.From))
	}
	if f.After != "" {
		at, id, err := mam.ParseCursor(f.After)
		if err != nil {
			return nil, err
		}
		c.add("(o.requested_at, o.id) < (?, ?)", at, id)
	}
	if f.Limit <= 0 {
		f.Limit = defaultPage
	}
	from := "operations o CROSS JOIN registrations r" // SQLite reads a cross join from left to right
	if f.User != "" || f.Device != "" {
		from = "registrations r CROSS JOIN operations o"
	}
	c.add("r.tenant = o.tenant AND r.id = o.registration_id")
	query := "SELECT o.doc, o.revision, r.doc, r.revision FROM " + from +
		" WHERE " + strings.Join(c.where, " AND ") + fmt.Sprintf(" ORDER BY o.requested_at DESC, o.id DESC LIMIT $%d", len(c.args)+1)
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]mam.Tracked, error) { return tracked(tx, query, append(c.args, int64(f.Limit))) })
}

func tracked(tx *sqldb.Tx, query string, args []any) ([]mam.Tracked, error) {
	var found []mam.Tracked
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		var operation, registration []byte
		var at, of int64
		if err := scan(&operation, &at, &registration, &of); err != nil {
			return err
		}
		op, err := operationTable.decode(operation, at)
		if err != nil {
			return err
		}
		reg, err := registrationTable.decode(registration, of)
		found = append(found, mam.Tracked{Operation: op, Registration: reg})
		return err
	})
	return found, err
}

func (v mamView) Silent(ctx context.Context, t directory.TenantID, before time.Time, after mam.Silence) ([]mam.Silence, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (found []mam.Silence, err error) {
		return found, tx.Rows(`SELECT id, seen_day FROM registrations
			WHERE tenant = $1 AND ended_at = 0 AND seen_day <= $2 AND (seen_day, id) > ($3, $4) ORDER BY seen_day, id LIMIT $5`,
			[]any{string(t), day(before), after.Day, string(after.Registration), int64(defaultPage)}, func(scan func(...any) error) error {
				var id string
				var s mam.Silence
				err := scan(&id, &s.Day)
				s.Registration = directory.RegistrationID(id)
				found = append(found, s)
				return err
			})
	})
}

// forgotten picks the operations that Forget removes: finished ones by when they
// finished, open ones of ended registrations by when they were asked for.
var forgotten = [...]string{ // never changes
	"SELECT id FROM operations WHERE tenant = $1 AND state IN ('done', 'failed', 'cancelled') AND modified_at <= $2 LIMIT $3",
	`SELECT o.id FROM operations o JOIN registrations r ON r.tenant = o.tenant AND r.id = o.registration_id
		WHERE o.tenant = $1 AND o.state IN ('pending', 'delivered') AND o.requested_at <= $2 AND r.ended_at > 0 LIMIT $3`,
}

// Forget removes registrations with their operations and signals.
func (v mamView) Forget(ctx context.Context, t directory.TenantID, r mam.Retention, limit int) (operations, registrations int, err error) {
	err = v.write(ctx, nil, func(c *change) error {
		operations, registrations = 0, 0
		for i, at := range []int64{ms(r.Finished), ms(r.Open)} {
			n, err := c.Exec("DELETE FROM operations WHERE tenant = $1 AND id IN ("+forgotten[i]+")", string(t), at, int64(limit-operations))
			if err != nil {
				return err
			}
			operations += int(n)
		}
		n, err := c.Exec(`DELETE FROM registrations WHERE tenant = $1 AND id IN
			(SELECT id FROM registrations WHERE tenant = $1 AND ended_at > 0 AND ended_at <= $2 LIMIT $3)`, string(t), ms(r.Ended), int64(limit))
		registrations = int(n)
		return err
	})
	return operations, registrations, err
}
