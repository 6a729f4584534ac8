package store

import (
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

var locationTable = define(table[location.Location]{
	name: "named_locations", noun: "named location", unique: "name",
	key:      func(v *location.Location) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *location.Location) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *location.Location) []any { return []any{folded(v.DisplayName)} },
})

func (v adminView) NamedLocations() admin.Objects[location.Location] {
	return objects[location.Location]{Store: v.Store, table: locationTable, config: true, bin: audit.NamedLocation}
}

// locations lists the named locations of a tenant in identifier order.
func locations(tx *sqldb.Tx, t directory.TenantID) ([]location.Location, error) {
	return locationTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t))
}

// keepDeleted copies a row that is about to be deleted. An older one of the same
// identifier gives way.
func (o objects[T]) keepDeleted(c *change, tenant, id string) error {
	if _, err := c.unbin(tenant, o.bin, id); err != nil {
		return err
	}
	_, err := c.Exec("INSERT INTO deleted_items (tenant, kind, id, deleted_at, doc) SELECT tenant, $1, id, $2, doc FROM "+o.name+" WHERE tenant = $3 AND id = $4",
		string(o.bin), ms(o.now()), tenant, id)
	return err
}

// unbin forgets a deleted object, and reports whether there was one.
func (c *change) unbin(tenant string, kind audit.Kind, id string) (bool, error) {
	n, err := c.Exec("DELETE FROM deleted_items WHERE tenant = $1 AND kind = $2 AND id = $3", tenant, string(kind), id)
	return n > 0, err
}

func (v adminView) DeletedItems(ctx context.Context, t directory.TenantID, kind audit.Kind, q admin.Query) ([]admin.DeletedItem, error) {
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]admin.DeletedItem, error) {
		var found []admin.DeletedItem
		err := tx.Rows("SELECT id, deleted_at, doc FROM deleted_items WHERE tenant = $1 AND kind = $2 AND id > $3 AND deleted_at > $4 ORDER BY id LIMIT $5",
			[]any{string(t), string(kind), q.After, v.forgotten(), int64(q.Limit)}, func(scan func(...any) error) error {
				var d admin.DeletedItem
				var at int64
				var doc []byte
				err := scan(&d.ID, &at, &doc)
				d.At, d.Doc = time.UnixMilli(at).UTC(), doc
				found = append(found, d)
				return err
			})
		return found, err
	})
}

// forgotten is the last moment of deletion that counts for nothing any more, be
// it swept or not.
func (v adminView) forgotten() int64 { return ms(v.now().Add(-admin.KeptDeleted)) }

func (v adminView) DeletedItem(ctx context.Context, t directory.TenantID, kind audit.Kind, id string) (admin.DeletedItem, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (admin.DeletedItem, error) {
		d := admin.DeletedItem{ID: id}
		var at int64
		var doc []byte
		err := tx.Row("SELECT deleted_at, doc FROM deleted_items WHERE tenant = $1 AND kind = $2 AND id = $3 AND deleted_at > $4",
			[]any{string(t), string(kind), id, v.forgotten()}, &at, &doc)
		if errors.Is(err, sqldb.ErrNone) {
			return d, fault.New(fault.NotFound, "there is no deleted %s %q", kind, id)
		}
		d.At, d.Doc = time.UnixMilli(at).UTC(), doc
		return d, err
	})
}

func (v adminView) ForgetDeleted(ctx context.Context, t directory.TenantID, kind audit.Kind, id string, notes ...admin.Note) error {
	return v.write(ctx, nil, func(c *change) error {
		there, err := c.unbin(string(t), kind, id)
		if err == nil && !there {
			err = fault.New(fault.NotFound, "there is no deleted %s %q", kind, id)
		}
		if err != nil {
			return err
		}
		return c.note(notes)
	})
}
