package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/threat"
)

func (v mamView) Registration(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (mam.Registration, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (mam.Registration, error) { return registrationTable.get(tx, string(t), string(id)) })
}

func (v mamView) Operations(ctx context.Context, t directory.TenantID, id directory.RegistrationID) ([]mam.Operation, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]mam.Operation, error) {
		return operationTable.list(tx, "WHERE tenant = $1 AND registration_id = $2 ORDER BY requested_at DESC, id DESC", string(t), string(id))
	})
}

// Save moves the revision of every registration that the change concerns by
// exactly one, however much of it changes.
func (v mamView) Save(ctx context.Context, ch mam.Change) error {
	if ch.Signal != nil && ch.Registration == nil {
		return errors.New("store: a signal needs the registration it is about")
	}
	return v.write(ctx, ch.Events, func(c *change) error {
		moved := map[directory.RegistrationID]bool{}
		if r := ch.Registration; r != nil {
			if ch.Proof != nil {
				if err := unseen(c.Tx, r.Tenant, *ch.Proof, v.now()); err != nil {
					return err
				}
			}
			if _, err := registrationTable.save(c.Tx, *r); err != nil {
				return err
			}
			moved[r.Standing.Registration] = true
			if ch.Signal != nil {
				if err := saveSignal(c.Tx, r.Tenant, r.Standing.Registration, *ch.Signal); err != nil {
					return err
				}
			}
		}
		for i, op := range ch.Operations {
			if ch.Registration == nil && ch.Proof != nil && i == 0 {
				if err := unseen(c.Tx, op.Tenant, *ch.Proof, v.now()); err != nil {
					return err
				}
			}
			if !moved[op.Registration] {
				if err := moveRegistration(c.Tx, op.Tenant, op.Registration); err != nil {
					return err
				}
				moved[op.Registration] = true
			}
			if _, err := operationTable.save(c.Tx, op); err != nil {
				return err
			}
		}
		return c.keepAll(ch.Entries)
	})
}

// unseen spends a proof as the mam room wants to hear of it.
func unseen(tx *sqldb.Tx, t directory.TenantID, p oauth.Proof, now time.Time) error {
	err := spend(tx, t, p, now)
	if errors.Is(err, idp.ErrReplayed) {
		return fault.Wrap(fault.Unauthenticated, err, "the proof was used before: make a new one for every request")
	}
	return err
}

func moveRegistration(tx *sqldb.Tx, t directory.TenantID, id directory.RegistrationID) error {
	n, err := tx.Exec("UPDATE registrations SET revision = revision + 1 WHERE tenant = $1 AND id = $2", string(t), string(id))
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "there is no registration %q", id)
	}
	return err
}

func saveSignal(tx *sqldb.Tx, t directory.TenantID, id directory.RegistrationID, s threat.Signal) error {
	doc, err := encode(s)
	if err != nil {
		return fmt.Errorf("store: signal: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO signals (tenant, registration_id, source, partner, doc) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, registration_id, source, partner) DO UPDATE SET doc = excluded.doc`,
		string(t), string(id), string(s.Source), string(s.Partner), doc)
	return err
}

func (v mamView) Device(ctx context.Context, t directory.TenantID, id directory.DeviceID) (directory.Device, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.Device, error) { return deviceTable.get(tx, string(t), string(id)) })
}

func (v mamView) DeviceByKey(ctx context.Context, t directory.TenantID, jkt string) (directory.Device, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.Device, error) { return deviceByKey(tx, t, jkt) })
}

func deviceByKey(tx *sqldb.Tx, t directory.TenantID, jkt string) (directory.Device, error) {
	if jkt == "" {
		return directory.Device{}, fault.New(fault.NotFound, "there is no device without a key")
	}
	return deviceTable.find(tx, "with the key "+jkt, "tenant = $1 AND jkt = $2 AND jkt <> ''", string(t), jkt)
}

// SaveDevice moves the tenant's revision only when what decisions read of the
// device changes: a device that is new, or merely renamed, is no reason for
// everyone in the tenant to decide again.
func (v mamView) SaveDevice(ctx context.Context, d directory.Device, proof *oauth.Proof, events ...event.Event) (directory.Device, error) {
	var stored directory.Device
	err := v.write(ctx, events, func(c *change) (err error) {
		if proof != nil {
			if err := unseen(c.Tx, d.Tenant, *proof, v.now()); err != nil {
				return err
			}
		}
		if d.Revision > 0 {
			old, err := deviceTable.get(c.Tx, string(d.Tenant), string(d.ID))
			if err != nil && fault.KindOf(err) != fault.NotFound {
				return err
			}
			// Unlocked, but the swap below fails when this is not what it replaces.
			if old.Enabled != d.Enabled || old.Compliant != d.Compliant || old.KeyThumbprint != d.KeyThumbprint || old.Platform != d.Platform {
				if err := c.moveTenant(string(d.Tenant)); err != nil {
					return err
				}
			}
		}
		stored, err = deviceTable.put(c.Tx, d)
		return err
	})
	return stored, err
}

func enrolled(tx *sqldb.Tx, in directory.Installation) (directory.RegistrationID, error) {
	var id string
	err := tx.Row("SELECT id FROM registrations WHERE tenant = $1 AND user_id = $2 AND device_id = $3 AND app = $4 AND ended_at = 0",
		[]any{string(in.Tenant), string(in.User), string(in.Device), string(in.App)}, &id)
	if errors.Is(err, sqldb.ErrNone) {
		err = fault.New(fault.NotFound, "the app %q is not enrolled for user %q on device %q", in.App, in.User, in.Device)
	}
	return directory.RegistrationID(id), err
}
