package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// List reads on until the page is full: the day in the index tells when a
// registration was heard of last, and the registration itself the instant.
func (v mamView) List(ctx context.Context, t directory.TenantID, f mam.Filter) ([]mam.Registration, error) {
	if f.Limit <= 0 {
		f.Limit = defaultPage
	}
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]mam.Registration, error) {
		query, args, err := narrow(tx, t, f)
		if err != nil {
			return nil, err
		}
		var found []mam.Registration
		for args[0] = string(f.After); ; {
			page, err := registrationTable.query(tx, query, args...)
			if err != nil {
				return nil, err
			}
			for _, r := range page {
				if f.Before.IsZero() || r.HeardOfAt().Before(f.Before) {
					found = append(found, r)
				}
				if len(found) == f.Limit {
					return found, nil
				}
			}
			if len(page) < f.Limit {
				return found, nil
			}
			args[0] = string(page[len(page)-1].Standing.Registration)
		}
	})
}

// narrow makes the query of one page. The first argument is for the last
// identifier seen.
func narrow(tx *sqldb.Tx, t directory.TenantID, f mam.Filter) (query string, args []any, err error) {
	var c conditions
	c.add("r.id > ?", "")
	if !f.Before.IsZero() {
		c.add("r.seen_day <= ?", day(f.Before))
	}
	from, err := matching(tx, &c, t, f)
	if err != nil {
		return "", nil, err
	}
	c.args = append(c.args, int64(f.Limit))
	return fmt.Sprintf("SELECT r.doc, r.revision FROM %s WHERE %s ORDER BY r.id LIMIT $%d", from, strings.Join(c.where, " AND "), len(c.args)), c.args, nil
}

// matching adds what f asks for, but for when a registration was heard of, and
// returns from where to read.
func matching(tx *sqldb.Tx, c *conditions, t directory.TenantID, f mam.Filter) (from string, err error) {
	c.add("r.tenant = ?", string(t))
	for _, n := range []struct{ column, value string }{{"r.user_id", string(f.User)}, {"r.device_id", string(f.Device)}, {"r.app", string(f.App)}} {
		if n.value != "" {
			c.add(n.column+" = ?", n.value)
		}
	}
	if !f.Ended {
		c.add("r.ended_at = 0")
	}
	if len(f.Groups) > 0 {
		return within(tx, c, t, f.Groups)
	}
	return "registrations r", nil
}

// fewUsers is how many users in groups are looked up one by one. More of them
// are met sooner by reading registrations in order.
const fewUsers = 1000

// within adds that the user is in one of groups, direct or nested, and returns
// from where to read.
func within(tx *sqldb.Tx, c *conditions, t directory.TenantID, groups []directory.GroupID) (from string, err error) {
	tenant, ids := string(t), padded(groups)
	// COALESCE, because SQLite would take IS NOT NULL for a range of an index, and
	// read every member there is.
	list := "(?" + strings.Repeat(", ?", len(ids)-1) + ")"
	down := `WITH RECURSIVE within (id) AS (
			SELECT id FROM user_groups WHERE tenant = ? AND id IN ` + list + `
			UNION SELECT m.nested_id FROM within CROSS JOIN members m WHERE m.group_id = within.id AND m.tenant = ? AND COALESCE(m.nested_id, '') <> ''
		) SELECT DISTINCT m.user_id FROM within CROSS JOIN members m WHERE m.tenant = ? AND m.group_id = within.id AND COALESCE(m.user_id, '') <> ''`
	downwards := append(append([]any{tenant}, ids...), tenant, tenant)

	var count conditions
	count.add(down, downwards...)
	var users int64
	if err := tx.Row(fmt.Sprintf("SELECT count(*) FROM (%s LIMIT %d) few", count.where[0], fewUsers+1), count.args, &users); err != nil {
		return "", err
	}
	if users <= fewUsers { // a CROSS JOIN, because SQLite takes it in its order
		c.add(down, downwards...)
		last := len(c.where) - 1
		from = "(" + c.where[last] + ") u CROSS JOIN registrations r"
		c.where[last] = "r.user_id = u.user_id"
		return from, nil
	}
	c.add(`EXISTS (WITH RECURSIVE up (id) AS (
			SELECT group_id FROM members WHERE tenant = ? AND user_id = r.user_id
			UNION SELECT m.group_id FROM up CROSS JOIN members m WHERE m.nested_id = up.id AND m.tenant = ?
		) SELECT 1 FROM up WHERE id IN `+list+")", append([]any{tenant, tenant}, ids...)...)
	return "registrations r", nil
}

// padded repeats the last group until there are a power of two, so that texts of
// queries stay few.
func padded(groups []directory.GroupID, more ...string) []any {
	ids := make([]any, 0, 2*(len(groups)+len(more)))
	for _, g := range groups {
		ids = append(ids, string(g))
	}
	for _, m := range more {
		ids = append(ids, m)
	}
	for len(ids)&(len(ids)-1) != 0 {
		ids = append(ids, ids[len(ids)-1])
	}
	return ids
}
