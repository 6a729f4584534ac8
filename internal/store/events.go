package store

import (
	"context"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/outbox"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// announce appends the events of c. It comes last in a transaction: from here to
// COMMIT the row of the counter is held, so that sequences are handed out in the
// order of commits and a reader never sees one appear behind another.
func (c *change) announce(now time.Time) error {
	if len(c.events) == 0 {
		return nil
	}
	var last int64
	n := int64(len(c.events))
	if err := c.Row("UPDATE counters SET value = value + $1 WHERE name = 'events' RETURNING value", []any{n}, &last); err != nil {
		return err
	}
	for i, e := range c.events {
		kind, doc, err := event.Encode(e)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		_, err = c.Exec("INSERT INTO events (sequence, tenant, kind, at, doc) VALUES ($1, $2, $3, $4, $5)",
			last-n+1+int64(i), string(e.Subject().Tenant), kind, ms(now), string(doc))
		if err != nil {
			return err
		}
	}
	return nil
}

func (v outboxView) EventsAfter(ctx context.Context, sequence int64, limit int) ([]outbox.Stored, error) {
	var found []outbox.Stored
	err := v.read(ctx, func(tx *sqldb.Tx) error {
		found = nil
		return tx.Rows("SELECT sequence, kind, doc FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2",
			[]any{sequence, int64(limit)}, func(scan func(...any) error) error {
				var s outbox.Stored
				var kind string
				var doc []byte
				if err := scan(&s.Sequence, &kind, &doc); err != nil {
					return err
				}
				var err error
				s.Event, err = event.Decode(kind, doc)
				found = append(found, s)
				return err
			})
	})
	return found, err
}

func (v outboxView) LastSequence(ctx context.Context) (int64, error) {
	var last int64
	err := v.read(ctx, func(tx *sqldb.Tx) error {
		return tx.Row("SELECT value FROM counters WHERE name = 'events'", nil, &last)
	})
	return last, err
}
