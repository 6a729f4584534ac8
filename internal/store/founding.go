package store

import (
	"context"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
)

func (v adminView) Found(ctx context.Context, f admin.Founding) error {
	return v.write(ctx, nil, func(c *change) error {
		// Held until commit: of two founders the second sees the first one's tenant.
		if _, err := c.Exec("UPDATE counters SET value = value + 1 WHERE name = 'founding'"); err != nil {
			return err
		}
		var tenants int64
		if err := c.Row("SELECT count(*) FROM tenants", nil, &tenants); err != nil {
			return err
		}
		if tenants > 0 {
			return fault.New(fault.Conflict, "the database holds a tenant already")
		}
		if _, err := v.tenants().save(c, f.Tenant); err != nil {
			return err
		}
		for _, app := range f.Apps {
			if _, err := v.apps().save(c, app); err != nil {
				return err
			}
		}
		if _, err := v.saveUser(c, f.Admin, f.Password); err != nil {
			return err
		}
		return c.keepAll(f.Entries)
	})
}

func (v adminView) SaveUserWithPassword(ctx context.Context, u directory.User, p admin.Password, notes ...admin.Note) (directory.User, error) {
	var stored directory.User
	err := v.write(ctx, nil, func(c *change) (err error) {
		if stored, err = v.saveUser(c, u, p); err != nil {
			return err
		}
		return c.note(notes)
	})
	return stored, err
}

// saveUser saves a user and replaces the password, leaving a second factor as it
// is: a new password must not remove the other lock from the door. Who gets a
// new password may have lost the old one to somebody, so every sign-in ends.
func (v adminView) saveUser(c *change, u directory.User, p admin.Password) (directory.User, error) {
	stored, err := v.users().save(c, u)
	if err != nil {
		return stored, err
	}
	credential, err := credentialTable.hold(c.Tx, string(u.Tenant), string(u.ID))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return stored, err
	}
	credential = idp.Credential{
		Tenant: u.Tenant, User: u.ID, PasswordHash: p.Hash, MustChange: p.MustChange,
		TOTPSealed: credential.TOTPSealed, TOTPStep: credential.TOTPStep, Revision: credential.Revision,
	}
	if credential.Revision > 0 {
		if _, err := endSessions(c, u.Tenant, u.ID, "passwordReset", v.now()); err != nil {
			return stored, err
		}
	}
	_, err = credentialTable.put(c.Tx, credential)
	return stored, err
}
