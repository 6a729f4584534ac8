package store

import (
	"context"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// AppByObjectID finds what was saved before there was the column by looking.
func (v adminView) AppByObjectID(ctx context.Context, t directory.TenantID, id string) (directory.App, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.App, error) {
		found, err := appTable.list(tx, "WHERE tenant = $1 AND object_id IN ($2, '') ORDER BY object_id DESC", string(t), id)
		for _, a := range found {
			if a.ObjectID == id {
				return a, nil
			}
		}
		if err == nil {
			err = fault.New(fault.NotFound, "there is no application %q", id)
		}
		return directory.App{}, err
	})
}

func (v adminView) GroupByUniqueName(ctx context.Context, t directory.TenantID, name string) (directory.Group, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.Group, error) {
		return groupTable.find(tx, name, "tenant = $1 AND unique_name = $2 AND unique_name <> ''", string(t), name)
	})
}
