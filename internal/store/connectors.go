package store

import (
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/threat"
)

func (v mtdView) Connector(ctx context.Context, t directory.TenantID, partner directory.AppID) (threat.Connector, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (threat.Connector, error) {
		return connectorTable.get(tx, string(t), string(partner))
	})
}

func (v mtdView) Heartbeat(ctx context.Context, t directory.TenantID, partner directory.AppID, at time.Time) error {
	return v.write(ctx, nil, func(c *change) error { return heartbeat(c.Tx, t, partner, at) })
}

// heartbeat never goes back in time, whichever of two comes to be written last.
func heartbeat(tx *sqldb.Tx, t directory.TenantID, partner directory.AppID, at time.Time) error {
	conn, err := connectorTable.hold(tx, string(t), string(partner))
	if err != nil || !at.After(conn.HeartbeatAt) {
		return err
	}
	conn.HeartbeatAt = at
	doc, err := encode(conn)
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE connectors SET doc = $1 WHERE tenant = $2 AND id = $3", doc, string(t), string(partner))
	return err
}

func (v mtdView) Enrolled(ctx context.Context, in directory.Installation) (directory.RegistrationID, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (directory.RegistrationID, error) { return enrolled(tx, in) })
}

// SaveSignal is fault.NotFound when the registration has ended or the connector
// is gone: nothing is kept about those who are not enrolled, or from a partner
// whom an admin removed.
func (v mtdView) SaveSignal(ctx context.Context, t directory.TenantID, id directory.RegistrationID, s threat.Signal, events ...event.Event) error {
	return v.write(ctx, events, func(c *change) error {
		if s.Source == threat.FromConnector {
			if err := heartbeat(c.Tx, t, s.Partner, s.ReceivedAt); err != nil {
				return err
			}
		}
		// Holds the registration's row: signals about it come one after the other.
		n, err := c.Exec("UPDATE registrations SET revision = revision + 1 WHERE tenant = $1 AND id = $2 AND ended_at = 0", string(t), string(id))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "there is no living registration %q", id)
		}
		var doc []byte
		err = c.Row("SELECT doc FROM signals WHERE tenant = $1 AND registration_id = $2 AND source = $3 AND partner = $4",
			[]any{string(t), string(id), string(s.Source), string(s.Partner)}, &doc)
		if err != nil && !errors.Is(err, sqldb.ErrNone) {
			return err
		}
		if err == nil {
			old, err := decode[threat.Signal](doc)
			if err != nil {
				return err
			}
			if !s.ReportedAt.After(old.ReportedAt) {
				return fault.New(fault.Conflict, "the signal of %s is not newer than the one of %s",
					s.ReportedAt.UTC().Format(time.RFC3339Nano), old.ReportedAt.UTC().Format(time.RFC3339Nano))
			}
		}
		return saveSignal(c.Tx, t, id, s)
	})
}
