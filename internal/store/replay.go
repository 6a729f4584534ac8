package store

import (
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

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

// historyPage is how many entries are read at once: a snapshot is not held for as
// long as somebody looks at them.
const historyPage = 500

// History reads pages by time and identifier. An entry that is written while it
// reads is visited when it lies ahead.
func (v gateView) History(ctx context.Context, t directory.TenantID, since time.Time, visit func(access.Record) bool) error {
	at, after := ms(since), ""
	for {
		var page []access.Record
		err := v.read(ctx, func(tx *sqldb.Tx) error {
			page = page[:0]
			return tx.Rows(`SELECT doc FROM sign_ins WHERE tenant = $1 AND (at > $2 OR at = $3 AND id > $4) ORDER BY at, id LIMIT $5`,
				[]any{string(t), at, at, after, int64(historyPage)}, func(scan func(...any) error) error {
					var doc []byte
					if err := scan(&doc); err != nil {
						return err
					}
					r, err := decode[access.Record](doc)
					page = append(page, r)
					return err
				})
		})
		if err != nil {
			return err
		}
		for _, r := range page {
			if r.Facts != nil && r.Set != "" && !visit(r) {
				return nil
			}
		}
		if len(page) < historyPage {
			return nil
		}
		last := page[len(page)-1]
		at, after = ms(last.At), last.ID
	}
}
