package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

func (v idpView) SaveCode(ctx context.Context, code idp.AuthorizationCode, basis directory.Revisions, r access.Record) error {
	if code.Hash == "" {
		return fault.New(fault.Invalid, "code: the hash must not be empty")
	}
	doc, err := encode(code)
	if err != nil {
		return fmt.Errorf("store: code: %w", err)
	}
	return v.write(ctx, nil, func(c *change) error {
		if err := unmoved(c.Tx, code.Tenant, code.Session, basis); err != nil {
			return err
		}
		_, err := c.Exec("INSERT INTO codes (tenant, hash, client_id, session_id, grant_id, spent, expires_at, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			string(code.Tenant), code.Hash, string(code.Client), string(code.Session), code.Grant, false, ms(code.ExpiresAt), doc)
		if err != nil {
			return err
		}
		return record(c.Tx, r)
	})
}

func (v idpView) Code(ctx context.Context, t directory.TenantID, hash string) (idp.AuthorizationCode, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (idp.AuthorizationCode, error) {
		var doc []byte
		var grant string
		err := tx.Row("SELECT doc, grant_id FROM codes WHERE tenant = $1 AND hash = $2", []any{string(t), hash}, &doc, &grant)
		if errors.Is(err, sqldb.ErrNone) {
			return idp.AuthorizationCode{}, fault.New(fault.NotFound, "there is no such code")
		}
		if err != nil {
			return idp.AuthorizationCode{}, err
		}
		code, err := decode[idp.AuthorizationCode](doc)
		code.Grant = grant
		return code, err
	})
}

func (v idpView) GrantByRefresh(ctx context.Context, t directory.TenantID, hash string) (idp.Grant, error) {
	if hash == "" {
		return idp.Grant{}, fault.New(fault.NotFound, "there is no grant without a refresh token")
	}
	// Two searches rather than one OR, for which SQLite would read every grant.
	const where = `tenant = $1 AND id IN (
		SELECT id FROM grants WHERE tenant = $2 AND refresh_hash = $3 AND refresh_hash <> ''
		UNION ALL SELECT id FROM grants WHERE tenant = $4 AND previous_hash = $5 AND previous_hash <> '')`
	return one(ctx, v.Store, func(tx *sqldb.Tx) (idp.Grant, error) {
		return grantTable.find(tx, "of this refresh token", where, string(t), string(t), hash, string(t), hash)
	})
}

// SaveIssue spends before it compares, and compares before it saves: a request
// sent twice must read as a replay even when a fact has moved in between.
func (v idpView) SaveIssue(ctx context.Context, i idp.Issue) error {
	return v.write(ctx, nil, func(c *change) error {
		if i.Proof != nil {
			if err := spend(c.Tx, i.Tenant, *i.Proof, v.now()); err != nil {
				return err
			}
		}
		session, err := sessionOf(c.Tx, i)
		if err != nil {
			return err
		}
		if err := unmoved(c.Tx, i.Tenant, session, i.Basis); err != nil {
			return err
		}
		if err := spendCode(c.Tx, i); err != nil {
			return err
		}
		if i.Grant != nil {
			if _, err := grantTable.put(c.Tx, *i.Grant); err != nil {
				return err
			}
		}
		return record(c.Tx, i.Record)
	})
}

// sessionOf is the session whose facts i was decided from: that of the grant or
// of the code; empty for an app that signs in as itself.
func sessionOf(tx *sqldb.Tx, i idp.Issue) (directory.SessionID, error) {
	if i.Grant != nil {
		if i.Grant.Tenant != i.Tenant {
			return "", fault.New(fault.NotFound, "the grant belongs to another tenant")
		}
		return i.Grant.Session, nil
	}
	if i.Code == "" {
		return "", nil
	}
	var id string
	err := tx.Row("SELECT session_id FROM codes WHERE tenant = $1 AND hash = $2", []any{string(i.Tenant), i.Code}, &id)
	if errors.Is(err, sqldb.ErrNone) {
		err = idp.ErrCodeSpent
	}
	return directory.SessionID(id), err
}

func spendCode(tx *sqldb.Tx, i idp.Issue) error {
	if i.Code == "" {
		return nil
	}
	grant := ""
	if i.Grant != nil {
		grant = i.Grant.ID
	}
	n, err := tx.Exec("UPDATE codes SET spent = $1, grant_id = $2 WHERE tenant = $3 AND hash = $4 AND spent = $5",
		true, grant, string(i.Tenant), i.Code, false)
	if err == nil && n == 0 {
		err = idp.ErrCodeSpent // or swept away, which only an old one is
	}
	return err
}

func (v idpView) RevokeGrant(ctx context.Context, t directory.TenantID, id string, at time.Time) error {
	return v.write(ctx, nil, func(c *change) error {
		g, err := grantTable.hold(c.Tx, string(t), id)
		if fault.KindOf(err) == fault.NotFound {
			return nil // swept away long after it ended
		}
		if err != nil || !g.RevokedAt.IsZero() {
			return err
		}
		g.RevokedAt = at
		_, err = grantTable.put(c.Tx, g)
		return err
	})
}

func (v idpView) SpendProof(ctx context.Context, t directory.TenantID, p oauth.Proof) error {
	return v.write(ctx, nil, func(c *change) error { return spend(c.Tx, t, p, v.now()) })
}

// spend notes the JTI of a proof, or returns idp.ErrReplayed. A proof that does
// not say when it ends is remembered for an hour.
func spend(tx *sqldb.Tx, t directory.TenantID, p oauth.Proof, now time.Time) error {
	if p.JTI == "" {
		return fault.New(fault.Invalid, "proof: the jti must not be empty")
	}
	if p.ExpiresAt.IsZero() {
		p.ExpiresAt = now.Add(time.Hour)
	}
	n, err := tx.Exec("INSERT INTO spent_proofs (tenant, jkt, jti, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, jkt, jti) DO NOTHING",
		string(t), p.JKT, p.JTI, ms(p.ExpiresAt))
	if err == nil && n == 0 {
		err = idp.ErrReplayed
	}
	return err
}
