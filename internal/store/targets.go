package store

import (
	"context"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/targeting"
)

// The kinds of policies in the table targets.
const (
	protections    = "T"
	configurations = "A"
)

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

func targetsOfConfiguration(c *change, p *configuration.Policy) error {
	return saveTargets(c.Tx, string(p.Tenant), configurations, string(p.ID), included(p.Apps, p.Assignments))
}

func dropTargetsOfConfiguration(c *change, tenant, id string) error {
	return saveTargets(c.Tx, tenant, configurations, id, nil)
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
		tenants, err := texts(tx, "SELECT id FROM tenants ORDER BY id"+tx.ForUpdate())
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			if err := fillTenant(&change{Tx: tx}, tenant); err != nil {
				return err
			}
		}
		_, err = tx.Exec("UPDATE counters SET value = 1 WHERE name = 'targets'")
		return err
	})
}

func fillTenant(c *change, tenant string) error {
	const all = "WHERE tenant = $1 ORDER BY id"
	policies, err := protectionTable.list(c.Tx, all, tenant)
	if err != nil {
		return err
	}
	for i := range policies {
		if err := targetsOfProtection(c, &policies[i]); err != nil {
			return err
		}
	}
	others, err := configurationTable.list(c.Tx, all, tenant)
	if err != nil {
		return err
	}
	for i := range others {
		if err := targetsOfConfiguration(c, &others[i]); err != nil {
			return err
		}
	}
	return nil
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

// sitesOf are the hosts that a tenant publishes.
const sitesOf = "SELECT site_host FROM apps WHERE tenant = $1 AND site_host <> '' ORDER BY site_host"

// question is what the tenant asks of a user in an app, at one revision of its
// configuration.
type question struct {
	tx       *sqldb.Tx
	recall   *recall
	in       directory.Installation
	settings directory.TenantSettings
	at       int64
}

func (s *Store) question(tx *sqldb.Tx, in directory.Installation) (question, error) {
	tenant, err := tenantTable.get(tx, string(in.Tenant), string(in.Tenant))
	return question{tx, s.recall, in, tenant.Settings, tenant.Revision}, err
}

// args are those of candidatesOf, and but for the last those of elsewhereOf.
func (q question) args(kind string) []any {
	tenant := string(q.in.Tenant)
	return []any{tenant, string(q.in.User), tenant, tenant, kind, string(q.in.App)}
}

// demands reads what concerns app protection. The user is in groups.
func (q question) demands(groups []directory.GroupID) (compliance.Demands, error) {
	d := compliance.Demands{Settings: q.settings}
	var err error
	d.Policies, err = found(q, q.recall.protections, protectionTable, candidatesOf, q.args(protections))
	if err != nil {
		return d, err
	}
	for i := range d.Policies {
		if err := q.filters(&d, d.Policies[i].Assignments); err != nil {
			return d, err
		}
	}
	if len(d.Policies) > 0 {
		return d, nil
	}
	others, err := found(q, q.recall.protections, protectionTable, elsewhereOf, q.args(protections)[:5])
	for _, p := range others {
		d.Elsewhere = d.Elsewhere || targeting.Reaches(p.Assignments, targeting.Audience{Groups: groups}) != targeting.Untargeted
	}
	return d, err
}

// configurations reads what concerns app configuration, and adds its filters to d.
func (q question) configurations(d *compliance.Demands) ([]configuration.Policy, error) {
	all, err := found(q, q.recall.configurations, configurationTable, candidatesOf, q.args(configurations))
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := q.filters(d, all[i].Assignments); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// filters adds to d the filters that assignments name. One that does not exist
// is left out, which is a doubt.
func (q question) filters(d *compliance.Demands, assignments []targeting.Assignment) error {
	for _, as := range assignments {
		if _, known := d.Filters[as.Filter]; known || as.Filter == "" {
			continue
		}
		f, err := shelved(q, q.recall.filters, filterTable, string(as.Filter))
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if d.Filters == nil {
			d.Filters = map[targeting.FilterID]targeting.Filter{}
		}
		d.Filters[as.Filter] = f
	}
	return nil
}

// sites are the hosts that the tenant publishes.
func (q question) sites() ([]string, error) {
	k := shelfKey{string(q.in.Tenant), ""}
	if hosts, ok := q.recall.sites.get(k, q.at); ok {
		return hosts, nil
	}
	hosts, err := texts(q.tx, sitesOf, string(q.in.Tenant))
	if err == nil {
		q.recall.sites.keep(k, q.at, hosts)
	}
	return hosts, err
}

// found returns the objects whose identifiers a query finds.
func found[T any](q question, on *shelf[T], from *table[T], query string, args []any) ([]T, error) {
	ids, err := texts(q.tx, query, args...)
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(ids))
	for _, id := range ids {
		v, err := shelved(q, on, from, id)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// shelved returns an object, read once per revision of the configuration.
func shelved[T any](q question, on *shelf[T], from *table[T], id string) (T, error) {
	k := shelfKey{string(q.in.Tenant), id}
	if v, ok := on.get(k, q.at); ok {
		return v, nil
	}
	v, err := from.get(q.tx, k.tenant, id)
	if err == nil {
		on.keep(k, q.at, v)
	}
	return v, err
}

// texts returns the one column of what a query finds.
func texts(tx *sqldb.Tx, query string, args ...any) ([]string, error) {
	var all []string
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		var text string
		err := scan(&text)
		all = append(all, text)
		return err
	})
	return all, err
}
