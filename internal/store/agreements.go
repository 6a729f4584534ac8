package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

var agreementTable = define(table[agreement.Agreement]{
	name: "agreements", noun: "terms of use", unique: "name",
	key:      func(v *agreement.Agreement) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *agreement.Agreement) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *agreement.Agreement) []any { return []any{folded(v.DisplayName)} },
})

func (v adminView) Agreements() admin.Objects[agreement.Agreement] {
	return objects[agreement.Agreement]{Store: v.Store, table: agreementTable, config: true}
}

// Agreements lists the terms of use of a tenant.
func (v idpView) Agreements(ctx context.Context, t directory.TenantID) ([]agreement.Agreement, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]agreement.Agreement, error) { return agreements(tx, t) })
}

func agreements(tx *sqldb.Tx, t directory.TenantID) ([]agreement.Agreement, error) {
	return agreementTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t))
}

// Acceptances lists what a user ever accepted, newest first.
func (v idpView) Acceptances(ctx context.Context, t directory.TenantID, u directory.UserID) ([]agreement.Acceptance, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]agreement.Acceptance, error) { return acceptancesOf(tx, t, u) })
}

func acceptancesOf(tx *sqldb.Tx, t directory.TenantID, u directory.UserID) ([]agreement.Acceptance, error) {
	return acceptances(tx, "SELECT doc FROM agreement_acceptances WHERE tenant = $1 AND user_id = $2 ORDER BY at DESC, id", string(t), string(u))
}

func (v adminView) Acceptances(ctx context.Context, t directory.TenantID, id agreement.ID, q admin.Query) ([]agreement.Acceptance, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]agreement.Acceptance, error) {
		if id == "" {
			return acceptances(tx, "SELECT doc FROM agreement_acceptances WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3", string(t), q.After, limit(q))
		}
		return acceptances(tx, "SELECT doc FROM agreement_acceptances WHERE tenant = $1 AND agreement = $2 AND id > $3 ORDER BY id LIMIT $4",
			string(t), string(id), q.After, limit(q))
	})
}

func acceptances(tx *sqldb.Tx, query string, args ...any) ([]agreement.Acceptance, error) {
	var found []agreement.Acceptance
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		var doc []byte
		if err := scan(&doc); err != nil {
			return err
		}
		a, err := decode[agreement.Acceptance](doc)
		found = append(found, a)
		return err
	})
	return found, err
}

// Accept keeps a person's acceptance of the text in force. It moves the user's
// revision, so that no decision from before it is carried out after it, and it is
// on record. One that adds nothing to what is in force already changes nothing.
// What it does not say itself (identifier, time, names) is filled in.
// fault.NotFound without such a user or agreement, fault.Conflict when another
// version is in force, fault.Invalid when a device is needed and none is known.
func (v idpView) Accept(ctx context.Context, a agreement.Acceptance) error {
	return v.write(ctx, nil, func(c *change) error {
		tenant := string(a.Tenant)
		u, err := userTable.hold(c.Tx, tenant, string(a.User)) // two at once wait for each other here
		if err != nil {
			return err
		}
		g, err := agreementTable.get(c.Tx, tenant, string(a.Agreement))
		if err != nil {
			return err
		}
		if a.AcceptedAt.IsZero() {
			a.AcceptedAt = v.now()
		}
		if err := acceptable(g, a); err != nil {
			return err
		}
		before, err := acceptancesOf(c.Tx, a.Tenant, a.User)
		if err != nil {
			return err
		}
		for _, b := range before {
			if b.Device == a.Device && g.InForce(b, a.Device, a.AcceptedAt) {
				return nil
			}
		}
		if _, err := c.Exec("UPDATE users SET revision = revision + 1 WHERE tenant = $1 AND id = $2", tenant, string(a.User)); err != nil {
			return err
		}
		return c.accept(a, g, u)
	})
}

// Heal ends the risk of an account whose owner changed the password.
func (v idpView) Heal(ctx context.Context, t directory.TenantID, id directory.UserID) error {
	return v.write(ctx, nil, func(c *change) error {
		u, err := userTable.hold(c.Tx, string(t), string(id))
		if err != nil || u.AtRisk == "" {
			return err
		}
		u.AtRisk, u.RiskAt, u.RiskDetail = "", v.now(), directory.RiskRemediated
		if _, err = userTable.put(c.Tx, u); err != nil {
			return err
		}
		return c.keep(&audit.Entry{
			ID: rand.Text(), Tenant: t, At: u.RiskAt, Actor: audit.Actor{User: id, Name: u.UserPrincipalName},
			Operation: audit.Action, Activity: "risk remediated by a new password", Kind: audit.User, Target: string(id), Name: u.DisplayName,
		})
	})
}

// acceptable refuses an acceptance that would be none.
func acceptable(g agreement.Agreement, a agreement.Acceptance) error {
	switch {
	case a.Version != g.Version:
		return fault.New(fault.Conflict, "the terms of use %q were accepted in version %d, and version %d is in force: show it first", g.DisplayName, a.Version, g.Version)
	case g.PerDevice && a.Device == "":
		return fault.New(fault.Invalid, "the terms of use %q are accepted on each device, and this device is not registered", g.DisplayName)
	}
	return nil
}

// accept writes an acceptance down, with what everything is called now.
func (c *change) accept(a agreement.Acceptance, g agreement.Agreement, u directory.User) error {
	tenant := string(a.Tenant)
	a.ID, a.UserName, a.UserPrincipalName = cmp.Or(a.ID, rand.Text()), u.DisplayName, u.UserPrincipalName
	if a.Device != "" {
		d, err := deviceTable.get(c.Tx, tenant, string(a.Device))
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
		a.DeviceName, a.DevicePlatform, a.DeviceOSVersion = d.DisplayName, d.Platform, d.OSVersion
	}
	doc, err := encode(a)
	if err != nil {
		return fmt.Errorf("store: acceptance: %w", err)
	}
	_, err = c.Exec("INSERT INTO agreement_acceptances (tenant, id, agreement, version, user_id, device, at, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		tenant, a.ID, string(a.Agreement), a.Version, string(a.User), string(a.Device), ms(a.AcceptedAt), doc)
	if err != nil {
		return err
	}
	return c.keep(&audit.Entry{
		ID: rand.Text(), Tenant: a.Tenant, At: a.AcceptedAt, Actor: audit.Actor{User: a.User, Name: u.UserPrincipalName},
		Operation: audit.Action, Activity: "terms of use accepted", Kind: audit.Agreement, Target: string(g.ID), Name: g.DisplayName,
		After: json.RawMessage(doc),
	})
}
