package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/tunnel"
)

func (v tunnelView) SiteByHost(ctx context.Context, host string) (directory.App, error) {
	if host == "" {
		return directory.App{}, fault.New(fault.NotFound, "there is no application published at %q", host)
	}
	var app directory.App
	err := v.read(ctx, func(tx *sqldb.Tx) (err error) {
		app, err = appTable.find(tx, host, "site_host = $1 AND site_host <> ''", folded(host))
		return err
	})
	return app, err
}

func (v tunnelView) Pass(ctx context.Context, hash string) (tunnel.Pass, error) {
	var doc []byte
	err := v.read(ctx, func(tx *sqldb.Tx) error {
		return tx.Row("SELECT doc FROM passes WHERE hash = $1", []any{hash}, &doc)
	})
	if errors.Is(err, sqldb.ErrNone) {
		return tunnel.Pass{}, fault.New(fault.NotFound, "there is no such pass")
	}
	if err != nil {
		return tunnel.Pass{}, err
	}
	return decode[tunnel.Pass](doc)
}

func (v tunnelView) SavePass(ctx context.Context, p tunnel.Pass) error {
	if p.Hash == "" {
		return fault.New(fault.Invalid, "pass: the hash must not be empty")
	}
	doc, err := encode(p)
	if err != nil {
		return fmt.Errorf("store: pass: %w", err)
	}
	return v.write(ctx, nil, func(c *change) error {
		_, err := c.Exec("INSERT INTO passes (hash, tenant, site_id, session_id, expires_at, doc) VALUES ($1, $2, $3, $4, $5, $6)",
			p.Hash, string(p.Tenant), string(p.Site), string(p.Session), ms(p.ExpiresAt), doc)
		return err
	})
}

func (v tunnelView) DeletePass(ctx context.Context, hash string) error {
	return v.write(ctx, nil, func(c *change) error {
		_, err := c.Exec("DELETE FROM passes WHERE hash = $1", hash)
		return err
	})
}
