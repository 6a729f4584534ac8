package store

import (
	"context"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/targeting"
)

// The kinds of policies in the table targets.
const protections = "T"

// everyone stands in targets for all users.
const everyone = "*"

// target is one row of the table targets, but for the policy.
type target struct{ group, app string }

// included are the rows that apps and assignments make.
func included(apps []directory.PackageID, assignments []targeting.Assignment) map[target]bool {
	rows := map[target]bool{}
	for _, as := range assignments {
		group := string(as.Group)
		switch as.Kind {
		case targeting.AllUsers:
			group = everyone
		case targeting.ExcludeGroup:
			continue
		}
		for _, app := range apps {
			rows[target{group, string(app)}] = true
		}
	}
	return rows
}

// saveTargets makes the rows of a policy be want, changing only what differs.
func saveTargets(tx *sqldb.Tx, tenant, kind, policy string, want map[target]bool) error {
	have := map[target]bool{}
	err := tx.Rows("SELECT group_id, app FROM targets WHERE tenant = $1 AND kind = $2 AND policy_id = $3", []any{tenant, kind, policy},
		func(scan func(...any) error) error {
			var t target
			err := scan(&t.group, &t.app)
			have[t] = true
			return err
		})
	if err != nil {
		return err
	}
	for t := range have {
		if want[t] {
			continue
		}
		_, err := tx.Exec("DELETE FROM targets WHERE tenant = $1 AND kind = $2 AND group_id = $3 AND app = $4 AND policy_id = $5", tenant, kind, t.group, t.app, policy)
		if err != nil {
			return err
		}
	}
	for t := range want {
		if have[t] {
			continue
		}
		_, err := tx.Exec("INSERT INTO targets (tenant, kind, group_id, app, policy_id) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING", tenant, kind, t.group, t.app, policy)
		if err != nil {
			return err
		}
	}
	return nil
}

func targetsOfProtection(c *change, p *protection.Policy) error {
	return saveTargets(c.Tx, string(p.Tenant), protections, string(p.ID), included(p.Apps, p.Assignments))
}

func dropTargetsOfProtection(c *change, tenant, id string) error {
	return saveTargets(c.Tx, tenant, protections, id, nil)
}

// fillTargets makes the table of what was saved before there was one. Whoever
// saves a policy holds the tenant's row first, so that nothing is missed and
// nothing deleted comes back.
func (s *Store) fillTargets(ctx context.Context) error {
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		var filled int64
		if err := tx.Row("SELECT value FROM counters WHERE name = 'targets'"+tx.ForUpdate(), nil, &filled); err != nil || filled > 0 {
			return err
		}
		var tenants []string
		err := tx.Rows("SELECT id FROM tenants ORDER BY id"+tx.ForUpdate(), nil, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			tenants = append(tenants, id)
			return err
		})
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			policies, err := protectionTable.list(tx, "WHERE tenant = $1 ORDER BY id", tenant)
			if err != nil {
				return err
			}
			for i := range policies {
				p := &policies[i]
				if err := saveTargets(tx, tenant, protections, string(p.ID), included(p.Apps, p.Assignments)); err != nil {
					return err
				}
			}
		}
		_, err = tx.Exec("UPDATE counters SET value = 1 WHERE name = 'targets'")
		return err
	})
}

// mine is a WITH clause of the groups of a user, direct and nested, and everyone.
const mine = `WITH RECURSIVE nested (id) AS (
	SELECT group_id FROM members WHERE tenant = $1 AND user_id = $2
	UNION
	SELECT m.group_id FROM members m JOIN nested ON m.nested_id = nested.id WHERE m.tenant = $3
), mine (id) AS (SELECT id FROM nested UNION ALL SELECT '` + everyone + `') `

// candidatesOf are the policies of a kind that may be for a user in an app.
const candidatesOf = mine + `SELECT DISTINCT t.policy_id FROM mine JOIN targets t
	ON t.tenant = $4 AND t.kind = $5 AND t.group_id = mine.id AND t.app = $6 ORDER BY t.policy_id`

// elsewhereOf are some policies of a kind that may be for a user in any app.
const elsewhereOf = mine + `SELECT t.policy_id FROM mine JOIN targets t
	ON t.tenant = $4 AND t.kind = $5 AND t.group_id = mine.id LIMIT 8`

// policies returns those of a kind that query finds, each read once per revision
// of the tenant's configuration.
func policies[T any](tx *sqldb.Tx, shelf *shelf[T], from *table[T], at int64, query string, args []any) ([]T, error) {
	var ids []string
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	found := make([]T, 0, len(ids))
	tenant, _ := args[0].(string)
	for _, id := range ids {
		v, ok := shelf.get(shelfKey{tenant, id}, at)
		if !ok {
			if v, err = from.get(tx, tenant, id); err != nil {
				return nil, err
			}
			shelf.keep(shelfKey{tenant, id}, at, v)
		}
		found = append(found, v)
	}
	return found, nil
}

// demands reads what the tenant asks of a user, who is in groups, and an app.
func (s *Store) demands(tx *sqldb.Tx, in directory.Installation, groups []directory.GroupID) (compliance.Demands, error) {
	var d compliance.Demands
	tenant, err := tenantTable.get(tx, string(in.Tenant), string(in.Tenant))
	if err != nil {
		return d, err
	}
	d.Settings = tenant.Settings
	whom := []any{string(in.Tenant), string(in.User), string(in.Tenant), string(in.Tenant), protections}
	d.Policies, err = policies(tx, s.recall.protections, protectionTable, tenant.Revision, candidatesOf, append(whom, string(in.App)))
	if err != nil || len(d.Policies) > 0 {
		return d, err
	}
	others, err := policies(tx, s.recall.protections, protectionTable, tenant.Revision, elsewhereOf, whom)
	for _, p := range others {
		d.Elsewhere = d.Elsewhere || targeting.Reaches(p.Assignments, targeting.Audience{Groups: groups}) != targeting.Untargeted
	}
	return d, err
}
