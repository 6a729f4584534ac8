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
		tail, err := narrow(tx, t, f)
		if err != nil {
			return nil, err
		}
		var found []mam.Registration
		for after := f.After; ; {
			page, err := registrationTable.list(tx, tail.where, tail.args(after)...)
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
			after = page[len(page)-1].Standing.Registration
		}
	})
}

// tail is what follows FROM registrations: the first argument is the last
// identifier seen.
type tail struct {
	where string
	rest  []any
}

func (t tail) args(after directory.RegistrationID) []any {
	return append([]any{string(after)}, t.rest...)
}

// narrow makes the query of one page.
func narrow(tx *sqldb.Tx, t directory.TenantID, f mam.Filter) (tail, error) {
	var c conditions
	c.add("id > ?", "")
	c.add("tenant = ?", string(t))
	for _, n := range []struct{ column, value string }{{"user_id", string(f.User)}, {"device_id", string(f.Device)}, {"app", string(f.App)}} {
		if n.value != "" {
			c.add(n.column+" = ?", n.value)
		}
	}
	if !f.Ended {
		c.add("ended_at = 0")
	}
	if !f.Before.IsZero() {
		c.add("seen_day <= ?", day(f.Before))
	}
	if len(f.Groups) > 0 {
		if err := within(tx, &c, t, f.Groups); err != nil {
			return tail{}, err
		}
	}
	c.args = append(c.args, int64(f.Limit))
	where := fmt.Sprintf("WHERE %s ORDER BY id LIMIT $%d", strings.Join(c.where, " AND "), len(c.args))
	return tail{where, c.args[1:]}, nil
}

// fewUsers is how many users in groups are looked up one by one. More of them
// are met sooner by reading registrations in order.
const fewUsers = 1000

// within adds that the user is in one of groups, direct or nested.
func within(tx *sqldb.Tx, c *conditions, t directory.TenantID, groups []directory.GroupID) error {
	tenant, ids := string(t), padded(groups)
	list := "(?" + strings.Repeat(", ?", len(ids)-1) + ")"
	down := `WITH RECURSIVE within (id) AS (
			SELECT id FROM user_groups WHERE tenant = ? AND id IN ` + list + `
			UNION SELECT m.nested_id FROM within CROSS JOIN members m WHERE m.group_id = within.id AND m.tenant = ? AND m.nested_id IS NOT NULL
		) SELECT m.user_id FROM within CROSS JOIN members m WHERE m.tenant = ? AND m.group_id = within.id AND m.user_id IS NOT NULL`
	downwards := append(append([]any{tenant}, ids...), tenant, tenant)

	var count conditions
	count.add(down, downwards...)
	var users int64
	err := tx.Row(fmt.Sprintf("SELECT count(*) FROM (%s LIMIT %d) few", count.where[0], fewUsers+1), count.args, &users)
	if err != nil {
		return err
	}
	if users <= fewUsers {
		c.add("user_id IN ("+down+")", downwards...)
		return nil
	}
	c.add(`EXISTS (WITH RECURSIVE up (id) AS (
			SELECT group_id FROM members WHERE tenant = ? AND user_id = registrations.user_id
			UNION SELECT m.group_id FROM up CROSS JOIN members m WHERE m.nested_id = up.id AND m.tenant = ?
		) SELECT 1 FROM up WHERE id IN `+list+")", append([]any{tenant, tenant}, ids...)...)
	return nil
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
