package store

import (
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// one reads one object in a snapshot of its own.
func one[T any](ctx context.Context, s *Store, query func(*sqldb.Tx) (T, error)) (T, error) {
	var found T
	err := s.read(ctx, func(tx *sqldb.Tx) (err error) {
		found, err = query(tx)
		return err
	})
	return found, err
}

// glance is one for what a single statement finds.
func glance[T any](ctx context.Context, s *Store, question func(*sqldb.Tx) (T, error)) (T, error) {
	var found T
	err := s.ask(ctx, func(tx *sqldb.Tx) (err error) {
		found, err = question(tx)
		return err
	})
	return found, err
}

// swap creates or replaces one object in a transaction of its own.
func swap[T any](ctx context.Context, s *Store, t *table[T], v T, events ...event.Event) (T, error) {
	var stored T
	err := s.write(ctx, events, func(c *change) (err error) {
		stored, err = t.put(c.Tx, v)
		return err
	})
	return stored, err
}

func (v idpView) Session(ctx context.Context, t directory.TenantID, id directory.SessionID) (idp.Session, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) (idp.Session, error) { return sessionTable.get(tx, string(t), string(id)) })
}

func (v idpView) SessionByCookie(ctx context.Context, t directory.TenantID, hash string) (idp.Session, error) {
	if hash == "" {
		return idp.Session{}, fault.New(fault.NotFound, "there is no session without a cookie")
	}
	return one(ctx, v.Store, func(tx *sqldb.Tx) (idp.Session, error) {
		return sessionTable.find(tx, "of this cookie", "tenant = $1 AND cookie_hash = $2 AND cookie_hash <> ''", string(t), hash)
	})
}

func (v idpView) SaveSession(ctx context.Context, s idp.Session, events ...event.Event) (idp.Session, error) {
	return swap(ctx, v.Store, sessionTable, s, events...)
}

func (v idpView) RevokeSessions(ctx context.Context, t directory.TenantID, u directory.UserID, reason string, at time.Time) (int, error) {
	ended := 0
	err := v.write(ctx, nil, func(c *change) (err error) {
		ended, err = endSessions(c, t, u, reason, at)
		return err
	})
	if err != nil {
		return 0, err
	}
	return ended, nil
}

// endSessions ends the living sessions of a user, announces each, and returns
// how many there were.
func endSessions(c *change, t directory.TenantID, u directory.UserID, reason string, at time.Time) (int, error) {
	living, err := sessionTable.list(c.Tx, "WHERE tenant = $1 AND user_id = $2 AND revoked_at = 0 AND expires_at > $3 ORDER BY id"+c.ForUpdate(),
		string(t), string(u), ms(at))
	if err != nil {
		return 0, err
	}
	for _, s := range living {
		s.RevokedAt, s.RevokedFor = at, reason
		if _, err := sessionTable.put(c.Tx, s); err != nil {
			return 0, err
		}
		c.events = append(c.events, event.SessionRevoked{Tenant: t, User: u, Session: s.ID, Reason: reason, At: at})
	}
	return len(living), nil
}

func (v idpView) Credential(ctx context.Context, t directory.TenantID, u directory.UserID) (idp.Credential, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (idp.Credential, error) { return credentialTable.get(tx, string(t), string(u)) })
}

func (v idpView) SaveCredential(ctx context.Context, cr idp.Credential, events ...event.Event) error {
	_, err := swap(ctx, v.Store, credentialTable, cr, events...)
	return err
}

func (v idpView) Flow(ctx context.Context, t directory.TenantID, id string, now time.Time) (idp.Flow, error) {
	f, err := one(ctx, v.Store, func(tx *sqldb.Tx) (idp.Flow, error) { return flowTable.get(tx, string(t), id) })
	if err == nil && !f.ExpiresAt.After(now) {
		return idp.Flow{}, fault.New(fault.NotFound, "the sign-in %q took too long", id)
	}
	return f, err
}

func (v idpView) SaveFlow(ctx context.Context, f idp.Flow) (idp.Flow, error) {
	return swap(ctx, v.Store, flowTable, f)
}

func (v idpView) Tenant(ctx context.Context, id directory.TenantID) (directory.Tenant, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) (directory.Tenant, error) { return tenantTable.get(tx, string(id), string(id)) })
}

func (v idpView) User(ctx context.Context, t directory.TenantID, id directory.UserID) (directory.User, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) (directory.User, error) { return userTable.get(tx, string(t), string(id)) })
}

func (v idpView) UserByName(ctx context.Context, t directory.TenantID, upn string) (directory.User, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.User, error) {
		return userTable.find(tx, upn, "tenant = $1 AND name = $2", string(t), folded(upn))
	})
}

func (v idpView) App(ctx context.Context, t directory.TenantID, id directory.AppID) (directory.App, error) {
	return glance(ctx, v.Store, func(tx *sqldb.Tx) (directory.App, error) { return appTable.get(tx, string(t), string(id)) })
}

func (v idpView) Behind(ctx context.Context, t directory.TenantID, n directory.SessionID, client directory.AppID) (idp.Session, directory.User, error) {
	var session idp.Session
	user, err := glance(ctx, v.Store, func(tx *sqldb.Tx) (u directory.User, err error) {
		var docs [2][]byte
		var at [2]int64
		err = tx.Row(`SELECT s.doc, s.revision, u.doc, u.revision FROM sessions s
			JOIN users u ON u.tenant = s.tenant AND u.id = s.user_id
			JOIN apps a ON a.tenant = s.tenant AND a.id = $1
			WHERE s.tenant = $2 AND s.id = $3`, []any{string(client), string(t), string(n)}, &docs[0], &at[0], &docs[1], &at[1])
		if errors.Is(err, sqldb.ErrNone) {
			return u, fault.New(fault.NotFound, "there is no session %q of the client %q", n, client)
		}
		if err != nil {
			return u, err
		}
		if session, err = sessionTable.decode(docs[0], at[0]); err != nil {
			return u, err
		}
		return userTable.decode(docs[1], at[1])
	})
	return session, user, err
}

func (v idpView) AppByURI(ctx context.Context, t directory.TenantID, uri string) (directory.App, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.App, error) {
		return appTable.find(tx, uri, "tenant = $1 AND id = (SELECT app_id FROM app_uris WHERE tenant = $2 AND uri = $3)", string(t), string(t), uri)
	})
}

func (v idpView) DeviceByKey(ctx context.Context, t directory.TenantID, jkt string) (directory.Device, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.Device, error) { return deviceByKey(tx, t, jkt) })
}

func (v idpView) HasConnector(ctx context.Context, t directory.TenantID, partner directory.AppID) (bool, error) {
	_, err := one(ctx, v.Store, func(tx *sqldb.Tx) (struct{}, error) {
		_, err := connectorTable.get(tx, string(t), string(partner))
		return struct{}{}, err
	})
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

func (v idpView) ProvingRegistration(ctx context.Context, t directory.TenantID, u directory.UserID, app directory.PackageID, jkt string) (directory.RegistrationID, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.RegistrationID, error) {
		d, err := deviceByKey(tx, t, jkt)
		if err != nil {
			return "", err
		}
		return enrolled(tx, directory.Installation{Tenant: t, User: u, App: app, Device: d.ID})
	})
}
