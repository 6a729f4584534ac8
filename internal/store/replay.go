package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// KeepSet keeps rules, and that they are in force from a revision on.
func (v gateView) KeepSet(ctx context.Context, t directory.TenantID, k gate.Kept) error {
	doc, err := encode(k.Rules)
	if err != nil {
		return fmt.Errorf("store: policy set: %w", err)
	}
	return v.write(ctx, nil, func(c *change) error {
		_, err := c.Exec(`INSERT INTO policy_sets (tenant, id, revision, kept_at, doc) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (tenant, id) DO UPDATE SET revision = excluded.revision, kept_at = excluded.kept_at
			WHERE policy_sets.revision < excluded.revision`, string(t), string(k.ID), k.Revision, ms(k.At), doc)
		return err
	})
}

// Kept is PolicySet for the gate.
func (v gateView) Kept(ctx context.Context, t directory.TenantID, id access.SetID) (access.Rules, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) (access.Rules, error) {
		var doc []byte
		err := tx.Row("SELECT doc FROM policy_sets WHERE tenant = $1 AND id = $2", []any{string(t), string(id)}, &doc)
		if errors.Is(err, sqldb.ErrNone) {
			return access.Rules{}, fault.New(fault.NotFound, "no rules are kept under %q", id)
		}
		if err != nil {
			return access.Rules{}, err
		}
		return decode[access.Rules](doc)
	})
}

// Person reads somebody for a what-if.
func (v gateView) Person(ctx context.Context, t directory.TenantID, id directory.UserID) (gate.Person, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (p gate.Person, err error) {
		if p.User, err = userTable.get(tx, string(t), string(id)); err != nil {
			return p, err
		}
		if p.Groups, err = groups(tx, t, id); err != nil {
			return p, err
		}
		p.Acceptances, err = acceptancesOf(tx, t, id)
		return p, err
	})
}

// Resource reads an application for a what-if.
func (v gateView) Resource(ctx context.Context, t directory.TenantID, id directory.AppID) (directory.App, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) (directory.App, error) { return appTable.get(tx, string(t), string(id)) })
}
