package store

import (
	"context"
	"errors"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

func (v keysView) Key(ctx context.Context, name string) ([]byte, error) {
	var sealed []byte
	err := v.read(ctx, func(tx *sqldb.Tx) (err error) {
		sealed, err = key(tx, name)
		return err
	})
	return sealed, err
}

func key(tx *sqldb.Tx, name string) ([]byte, error) {
	var sealed []byte
	err := tx.Row("SELECT sealed FROM sealed_keys WHERE name = $1", []any{name}, &sealed)
	if errors.Is(err, sqldb.ErrNone) {
		return nil, fault.New(fault.NotFound, "there is no key %q", name)
	}
	return sealed, err
}

func (v keysView) CreateKey(ctx context.Context, name string, sealed []byte) ([]byte, error) {
	var stored []byte
	err := v.write(ctx, nil, func(c *change) (err error) {
		if _, err := c.Exec("INSERT INTO sealed_keys (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, sealed); err != nil {
			return err
		}
		stored, err = key(c.Tx, name)
		return err
	})
	return stored, err
}
