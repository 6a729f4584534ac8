package store

import (
	"context"
	"errors"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// Records returns a page of the sign-in log, newest first: the entries behind
// the one with identifier after, from the newest on when after is "". An after
// that the log does not hold ends the list.
func (s *Store) Records(ctx context.Context, t directory.TenantID, after string, limit int) ([]access.Record, error) {
	query, args := "SELECT doc FROM sign_ins WHERE tenant = $1 ORDER BY at DESC, id DESC LIMIT $2", []any{string(t), int64(limit)}
	if after != "" {
		query = `SELECT s.doc FROM sign_ins s JOIN sign_ins mark ON mark.tenant = s.tenant AND mark.id = $1
			WHERE s.tenant = $2 AND (s.at < mark.at OR s.at = mark.at AND s.id < mark.id) ORDER BY s.at DESC, s.id DESC LIMIT $3`
		args = []any{after, string(t), int64(limit)}
	}
	var found []access.Record
	err := s.read(ctx, func(tx *sqldb.Tx) error {
		found = nil
		return tx.Rows(query, args, func(scan func(...any) error) error {
			var doc []byte
			if err := scan(&doc); err != nil {
				return err
			}
			r, err := decode[access.Record](doc)
			found = append(found, r)
			return err
		})
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
