package store

import (
	"context"
	"errors"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
)

// objects fulfils admin.Objects on one table.
type objects[T any] struct {
	*Store
	*table[T]
	config  bool                                     // a change moves the tenant's revision
	bin     audit.Kind                               // what is deleted is kept for a while as this kind; "": it is not
	prepare func(c *change, v *T) error              // before a save; may complete v
	saved   func(c *change, v *T) error              // after a save, in the same transaction
	deleted func(c *change, tenant, id string) error // after a delete, likewise
}

func (o objects[T]) Get(ctx context.Context, t directory.TenantID, id string) (T, error) {
	var v T
	err := o.read(ctx, func(tx *sqldb.Tx) (err error) {
		v, err = o.get(tx, string(t), id)
		return err
	})
	return v, err
}

const defaultPage = 100

func (o objects[T]) List(ctx context.Context, t directory.TenantID, q admin.Query) ([]T, error) {
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	var found []T
	err := o.read(ctx, func(tx *sqldb.Tx) (err error) {
		if q.Name == "" {
			found, err = o.list(tx, "WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3", string(t), q.After, int64(q.Limit))
			return err
		}
		found, err = o.list(tx, "WHERE tenant = $1 AND name = $2 AND id > $3 ORDER BY id LIMIT $4",
			string(t), folded(q.Name), q.After, int64(q.Limit))
		return err
	})
	return found, err
}

func (o objects[T]) Count(ctx context.Context, t directory.TenantID) (int, error) {
	return one(ctx, o.Store, func(tx *sqldb.Tx) (int, error) {
		var n int64
		err := tx.Row("SELECT count(*) FROM "+o.name+" WHERE tenant = $1", []any{string(t)}, &n)
		return int(n), err
	})
}

func (o objects[T]) Save(ctx context.Context, v T, notes ...admin.Note) (T, error) {
	var stored T
	err := o.write(ctx, nil, func(c *change) (err error) {
		tenant, _ := o.key(&v)
		if err := c.judgedBy(tenant, notes); err != nil {
			return err
		}
		if stored, err = o.save(c, v); err != nil {
			return err
		}
		return c.note(notes)
	})
	return stored, err
}

// save is Save inside a transaction. The tenant's row comes first, always: who
// takes locks in one order does not lock each other out.
func (o objects[T]) save(c *change, v T) (T, error) {
	tenant, id := o.key(&v)
	if o.config {
		if err := c.moveTenant(tenant); err != nil {
			return v, err
		}
	}
	if o.prepare != nil {
		if err := o.prepare(c, &v); err != nil {
			return v, err
		}
	}
	stored, err := o.put(c.Tx, v)
	if errors.Is(err, sqldb.ErrReference) {
		return stored, fault.Wrap(fault.NotFound, err, "there is no such tenant or owner of the "+o.noun)
	}
	if err == nil && o.bin != "" && *o.revision(&v) == 0 {
		_, err = c.unbin(tenant, o.bin, id)
	}
	if err == nil && o.saved != nil {
		err = o.saved(c, &stored)
	}
	return stored, err
}

func (o objects[T]) Delete(ctx context.Context, t directory.TenantID, id string, notes ...admin.Note) error {
	return o.write(ctx, nil, func(c *change) error {
		if err := c.judgedBy(string(t), notes); err != nil {
			return err
		}
		if o.config {
			if err := c.moveTenant(string(t)); err != nil {
				return err
			}
		}
		if err := o.seen(c, string(t), id, notes); err != nil {
			return err
		}
		if o.bin != "" {
			if err := o.keepDeleted(c, string(t), id); err != nil {
				return err
			}
		}
		if err := o.delete(c.Tx, string(t), id); err != nil {
			return err
		}
		if o.deleted != nil {
			if err := o.deleted(c, string(t), id); err != nil {
				return err
			}
		}
		return c.note(notes)
	})
}

// seen refuses to delete what moved since somebody looked at it.
func (o objects[T]) seen(c *change, tenant, id string, notes []admin.Note) error {
	for _, n := range notes {
		if n.Seen == 0 {
			continue
		}
		v, err := o.hold(c.Tx, tenant, id)
		if err != nil {
			return err
		}
		if *o.revision(&v) != n.Seen {
			return fault.New(fault.Conflict, "the %s %q changed since it was read: read it again", o.noun, id)
		}
	}
	return nil
}

// judgedBy refuses a change that was judged by another configuration than there
// is.
func (c *change) judgedBy(tenant string, notes []admin.Note) error {
	for _, n := range notes {
		if n.Basis == 0 {
			continue
		}
		var now int64
		if err := c.Row("SELECT revision FROM tenants WHERE id = $1"+c.ForUpdate(), []any{tenant}, &now); err != nil {
			return err
		}
		if now != n.Basis {
			return fault.Wrap(fault.Conflict, admin.ErrMoved, "the tenant's configuration changed while this was judged: try again")
		}
	}
	return nil
}

// moveTenant moves the revision of the tenant's configuration.
func (c *change) moveTenant(tenant string) error {
	n, err := c.Exec("UPDATE tenants SET revision = revision + 1 WHERE id = $1", tenant)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "there is no tenant %q", tenant)
	}
	return err
}

func (v adminView) Tenants() admin.Objects[directory.Tenant] { return v.tenants() }
func (v adminView) Users() admin.Objects[directory.User]     { return v.users() }
func (v adminView) Apps() admin.Objects[directory.App]       { return v.apps() }

func (s *Store) tenants() objects[directory.Tenant] {
	return objects[directory.Tenant]{Store: s, table: tenantTable}
}

func (s *Store) users() objects[directory.User] {
	return objects[directory.User]{Store: s, table: userTable}
}

func (s *Store) apps() objects[directory.App] {
	return objects[directory.App]{Store: s, table: appTable, config: true, saved: saveURIs}
}

func (v adminView) Groups() admin.Objects[directory.Group] {
	return objects[directory.Group]{Store: v.Store, table: groupTable, config: true}
}

func (v adminView) Devices() admin.Objects[directory.Device] {
	return objects[directory.Device]{Store: v.Store, table: deviceTable, config: true}
}

func (v adminView) AccessPolicies() admin.Objects[access.Policy] {
	return objects[access.Policy]{Store: v.Store, table: accessTable, config: true, bin: audit.AccessPolicy}
}

func (v adminView) ProtectionPolicies() admin.Objects[protection.Policy] {
	return objects[protection.Policy]{Store: v.Store, table: protectionTable, config: true, saved: targetsOfProtection, deleted: dropTargetsOfProtection}
}

func (v adminView) Configurations() admin.Objects[configuration.Policy] {
	return objects[configuration.Policy]{Store: v.Store, table: configurationTable, config: true, saved: targetsOfConfiguration, deleted: dropTargetsOfConfiguration}
}

func (v adminView) Filters() admin.Objects[targeting.Filter] {
	return objects[targeting.Filter]{Store: v.Store, table: filterTable, config: true}
}

func (v adminView) Connectors() admin.Objects[threat.Connector] {
	return objects[threat.Connector]{Store: v.Store, table: connectorTable, config: true, prepare: keepHeartbeat, deleted: dropSignals}
}

// saveURIs replaces the identifier URIs by which v is found.
func saveURIs(c *change, v *directory.App) error {
	if _, err := c.Exec("DELETE FROM app_uris WHERE tenant = $1 AND app_id = $2", string(v.Tenant), string(v.ID)); err != nil {
		return err
	}
	for _, uri := range v.IdentifierURIs {
		n, err := c.Exec("INSERT INTO app_uris (tenant, uri, app_id) VALUES ($1, $2, $3) ON CONFLICT (tenant, uri) DO NOTHING",
			string(v.Tenant), uri, string(v.ID))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "the identifier URI %q is taken by another application or named twice", uri)
		}
	}
	return nil
}

// keepHeartbeat keeps a heartbeat that came while an admin edited the connector.
func keepHeartbeat(c *change, v *threat.Connector) error {
	if v.Revision == 0 {
		return nil
	}
	old, err := connectorTable.hold(c.Tx, string(v.Tenant), string(v.ID))
	if fault.KindOf(err) == fault.NotFound {
		return nil // the compare-and-swap says it better
	}
	if err == nil && old.HeartbeatAt.After(v.HeartbeatAt) {
		v.HeartbeatAt = old.HeartbeatAt
	}
	return err
}

// dropSignals removes what a connector reported: without it, that has no effect.
func dropSignals(c *change, tenant, partner string) error {
	_, err := c.Exec("DELETE FROM signals WHERE tenant = $1 AND source = $2 AND partner = $3", tenant, string(threat.FromConnector), partner)
	return err
}
