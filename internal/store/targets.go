package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

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

// candidates is the query for the policies of a kind that may be for the members
// of n groups in an app.
func candidates(n int) string {
	return "SELECT policy_id FROM targets WHERE tenant = $1 AND kind = $2 AND app = $3 AND group_id IN " + places(4, n)
}

// elsewhere is the query for some policies of a kind that may be for the members
// of n groups in any app.
func elsewhere(n int) string {
	return "SELECT policy_id FROM targets WHERE tenant = $1 AND kind = $2 AND group_id IN " + places(3, n) + " LIMIT 8"
}

// places is a list of n arguments, of which the first is number from.
func places(from, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(from+i)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// sitesOf are the hosts that a tenant publishes.
const sitesOf = "SELECT site_host FROM apps WHERE tenant = $1 AND site_host <> '' ORDER BY site_host"

// question is what the tenant asks of a user in an app, at one revision of its
// configuration.
type question struct {
	tx       *sqldb.Tx
	recall   *recall
	in       directory.Installation
	groups   []directory.GroupID // direct and nested
	settings directory.TenantSettings
	at       int64
}

func (s *Store) question(tx *sqldb.Tx, in directory.Installation, groups []directory.GroupID) (question, error) {
	tenant, err := tenantTable.get(tx, string(in.Tenant), string(in.Tenant))
	return question{tx, s.recall, in, groups, tenant.Settings, tenant.Revision}, err
}

// candidates returns the policies of a kind that may be for the user in the app.
func (q question) candidates(kind string) ([]string, error) {
	groups := padded(q.groups, everyone)
	args := append([]any{string(q.in.Tenant), kind, string(q.in.App)}, groups...)
	ids, err := texts(q.tx, candidates(len(groups)), args...)
	slices.Sort(ids) // asked for here, order would tempt an engine to read every policy in order
	return slices.Compact(ids), err
}

// elsewhere reports whether one of the first protection policies that may be for
// the user, in whatever app, is.
func (q question) elsewhere() (bool, error) {
	groups := padded(q.groups, everyone)
	ids, err := texts(q.tx, elsewhere(len(groups)), append([]any{string(q.in.Tenant), protections}, groups...)...)
	if err != nil {
		return false, err
	}
	some, err := shelved(q, q.recall.protections, protectionTable, ids)
	return slices.ContainsFunc(some, func(p protection.Policy) bool {
		return targeting.Reaches(p.Assignments, targeting.Audience{Groups: q.groups}) != targeting.Untargeted
	}), err
}

// demands reads what concerns app protection.
func (q question) demands() (compliance.Demands, error) {
	d := compliance.Demands{Settings: q.settings}
	ids, err := q.candidates(protections)
	if err != nil {
		return d, err
	}
	d.Policies, err = shelved(q, q.recall.protections, protectionTable, ids)
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
	d.Elsewhere, err = q.elsewhere()
	return d, err
}

// configurations reads what concerns app configuration, and adds its filters to d.
func (q question) configurations(d *compliance.Demands) ([]configuration.Policy, error) {
	ids, err := q.candidates(configurations)
	if err != nil {
		return nil, err
	}
	all, err := shelved(q, q.recall.configurations, configurationTable, ids)
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
		f, err := oneShelved(q, q.recall.filters, filterTable, string(as.Filter))
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

// shelved returns objects, each read once per revision of the configuration.
func shelved[T any](q question, on *shelf[T], from *table[T], ids []string) ([]T, error) {
	all := make([]T, 0, len(ids))
	for _, id := range ids {
		v, err := oneShelved(q, on, from, id)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func oneShelved[T any](q question, on *shelf[T], from *table[T], id string) (T, error) {
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
