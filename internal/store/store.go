// Package store keeps everything behind every room in one SQL database: SQLite
// in a file, or PostgreSQL. Each room gets a view that fulfils the interface it
// declared; what a method promises is written there.
//
// An object is a row of typed columns that queries need next to the object as
// JSON; its revision is the column, never what the JSON says. A change and the
// events it causes are committed together. Every query carries the tenant, apart
// from the two that look up by a secret or a host name, which are unique over
// all tenants.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/bus"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/mtd"
	"github.com/postern-mam/postern/internal/outbox"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/tunnel"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options say where the data is.
type Options struct {
	Path        string           // SQLite file, created when missing; its folder must exist
	DatabaseURL string           // postgres://…; takes precedence over Path
	Now         func() time.Time // zero: time.Now in UTC
	Hints       bus.Hints        // hinted after every commit with events; nil: inside this process only
	MaxPages    int64            // SQLite only: the file stops growing at this many pages; 0: no limit
}

// Store is the open database. Close it.
type Store struct {
	db    *sqldb.DB
	now   func() time.Time
	hints bus.Hints
	swept atomic.Int64 // Unix milliseconds of the last sweep

	recall *recall
}

// Open opens the database, brings its schema up to date and checks that it
// keeps what it acknowledges. An unreachable database is fault.Unavailable.
func Open(ctx context.Context, o Options) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	db, err := sqldb.Open(ctx, sqldb.Options{Path: o.Path, DatabaseURL: o.DatabaseURL, Migrations: files, MaxPages: o.MaxPages})
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, now: o.Now, hints: o.Hints, recall: newRecall()}
	if s.now == nil {
		s.now = func() time.Time { return time.Now().UTC() }
	}
	if s.hints == nil {
		s.hints = &bus.Local{}
	}
	s.swept.Store(s.now().UnixMilli())
	if err := errors.Join(s.fillTargets(ctx), s.fillSignIns(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), db.Close())
	}
	return s, nil
}

// Close ends the writer, waits for it, and closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Hints subscribes to hints that events were committed, for as long as the
// store is open. Hints that were not taken yet become one.
func (s *Store) Hints() <-chan struct{} {
	hints, _ := s.hints.Watch()
	return hints
}

// The views, one for each room.
type (
	idpView    struct{ *Store }
	gateView   struct{ *Store }
	mamView    struct{ *Store }
	mtdView    struct{ *Store }
	adminView  struct{ *Store }
	tunnelView struct{ *Store }
	outboxView struct{ *Store }
	keysView   struct{ *Store }
)

// IDP is what sign-in keeps.
func (s *Store) IDP() idp.Store { return idpView{s} }

// Keys keeps sealed secrets.
func (s *Store) Keys() idp.Keys { return keysView{s} }

// Gate is what decisions read.
func (s *Store) Gate() gate.Store { return gateView{s} }

// MAM keeps registrations, operations and devices.
func (s *Store) MAM() mam.Store { return mamView{s} }

// MTD keeps connectors and signals.
func (s *Store) MTD() mtd.Store { return mtdView{s} }

// Admin keeps the objects of administration.
func (s *Store) Admin() admin.Store { return adminView{s} }

// Tunnel keeps passes and finds sites.
func (s *Store) Tunnel() tunnel.Store { return tunnelView{s} }

// Outbox is the table of events.
func (s *Store) Outbox() outbox.Store { return outboxView{s} }

// FirstTenant returns the oldest tenant, or fault.NotFound before the founding.
func (s *Store) FirstTenant(ctx context.Context) (directory.Tenant, error) {
	var first directory.Tenant
	err := s.read(ctx, func(tx *sqldb.Tx) error {
		all, err := tenantTable.list(tx, "")
		for _, t := range all {
			if first.ID == "" || t.CreatedAt.Before(first.CreatedAt) {
				first = t
			}
		}
		if err == nil && first.ID == "" {
			return fault.New(fault.NotFound, "the database holds no tenant yet")
		}
		return err
	})
	return first, err
}

// TenantIDs lists every tenant, for what is done for all of them in turn.
func (s *Store) TenantIDs(ctx context.Context) ([]directory.TenantID, error) {
	return one(ctx, s, func(tx *sqldb.Tx) ([]directory.TenantID, error) {
		var found []directory.TenantID
		err := tx.Rows("SELECT id FROM tenants ORDER BY id", nil, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			found = append(found, directory.TenantID(id))
			return err
		})
		return found, err
	})
}

// change is a transaction together with what it announces.
type change struct {
	*sqldb.Tx
	events []event.Event
}

// write commits job and events together and then hints that events wait.
func (s *Store) write(ctx context.Context, events []event.Event, job func(*change) error) error {
	announced := false
	err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
		c := &change{Tx: tx, events: events[:len(events):len(events)]}
		if err := job(c); err != nil {
			return err
		}
		announced = len(c.events) > 0
		return c.announce(s.now())
	})
	if err != nil {
		return outward(err)
	}
	if announced {
		s.hints.Notify()
	}
	s.sweep(ctx)
	return nil
}

// read runs query in one snapshot.
func (s *Store) read(ctx context.Context, query func(*sqldb.Tx) error) error {
	return outward(s.db.Read(ctx, query))
}

// ask runs a question of one statement.
func (s *Store) ask(ctx context.Context, question func(*sqldb.Tx) error) error {
	return outward(s.db.Ask(ctx, question))
}

// outward turns what no query foresaw into a fault that a door can render.
func outward(err error) error {
	switch {
	case errors.Is(err, sqldb.ErrDuplicate):
		return fault.Wrap(fault.Conflict, err, "it exists already")
	case errors.Is(err, sqldb.ErrReference):
		return fault.Wrap(fault.NotFound, err, "something it refers to does not exist")
	case errors.Is(err, sqldb.ErrNone):
		return fault.Wrap(fault.NotFound, err, "there is no such thing")
	}
	return err
}

// ms is t as it is stored: Unix milliseconds, 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
