// Package mtd takes in what threat connectors report: heartbeats and health
// states. It keeps only what concerns enrolled users.
//
// A connector speaks for its own tenant and under its own name only: both come
// from its token, never from what it sends. An admin who removes the connector
// silences it at once.
package mtd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

const (
	maxSkew   = 5 * time.Minute // how far a partner's clock may run ahead of ours
	maxStates = 1000            // in one report
)

// The results of one state in a report.
const (
	Accepted    = "accepted"
	NotEnrolled = "notEnrolled"
	Stale       = "stale"
)

// Config wires a Service. Store is required.
type Config struct {
	Store Store
	Now   func() time.Time // zero: time.Now in UTC
}

// Service is the threat room. It is safe for concurrent use.
type Service struct {
	cfg Config
}

// New reports a missing dependency.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil {
		return nil, errors.New("mtd: Store is required")
	}
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return time.Now().UTC() }
	}
	return &Service{cfg}, nil
}

// Heartbeat notes that the partner behind p is alive.
func (s *Service) Heartbeat(ctx context.Context, p oauth.Principal) error {
	if err := s.connected(ctx, p); err != nil {
		return err
	}
	if err := s.cfg.Store.Heartbeat(ctx, p.Tenant, p.Client, s.cfg.Now()); err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	return nil
}

// connected makes sure that the tenant has a connector for this partner.
func (s *Service) connected(ctx context.Context, p oauth.Principal) error {
	_, err := s.cfg.Store.Connector(ctx, p.Tenant, p.Client)
	if fault.KindOf(err) == fault.NotFound {
		return fault.Wrap(fault.Forbidden, err, "this tenant has no connector for partner "+string(p.Client))
	}
	if err != nil {
		return fmt.Errorf("connector: %w", err)
	}
	return nil
}

// Ingest takes in the health states that a partner reports and returns what
// became of each, in order. From its return on, every decision sees them.
//
// A state or time that is not valid refuses the whole report before anything
// is saved. After that each state stands alone: "notEnrolled" names nobody's
// living registration and is dropped, "stale" is not newer than what is stored,
// which makes sending a report again harmless.
func (s *Service) Ingest(ctx context.Context, p oauth.Principal, report []wire.HealthState) ([]wire.HealthResult, error) {
	if err := s.connected(ctx, p); err != nil {
		return nil, err
	}
	if report == nil {
		return nil, fault.New(fault.Invalid, "value is missing; send an array of health states")
	}
	now := s.cfg.Now()
	signals, err := parse(report, p.Client, now)
	if err != nil {
		return nil, err
	}
	if len(report) == 0 {
		return []wire.HealthResult{}, s.Heartbeat(ctx, p)
	}
	results := make([]wire.HealthResult, 0, len(report))
	heard := false
	for i, h := range report {
		in := directory.Installation{
			Tenant: p.Tenant, User: directory.UserID(h.UserID),
			App: directory.PackageID(h.App), Device: directory.DeviceID(h.DeviceID),
		}
		r, err := s.take(ctx, in, signals[i])
		if err != nil {
			return nil, fmt.Errorf("ingest value[%d]: %w", i, err)
		}
		heard = heard || r.Result == Accepted
		results = append(results, r)
	}
	if heard {
		return results, nil // saving a signal noted the heartbeat
	}
	return results, s.Heartbeat(ctx, p)
}

func (s *Service) take(ctx context.Context, in directory.Installation, g threat.Signal) (wire.HealthResult, error) {
	id, err := s.cfg.Store.Enrolled(ctx, in)
	if err == nil {
		err = s.cfg.Store.SaveSignal(ctx, in.Tenant, id, g, event.ThreatChanged{
			Installation: in, Registration: id, At: g.ReceivedAt,
		})
	}
	switch {
	case err == nil:
		return wire.HealthResult{Result: Accepted}, nil
	case fault.KindOf(err) == fault.NotFound:
		return wire.HealthResult{
			Result: NotEnrolled, Detail: "no living registration of this user, app and device; the state was dropped",
		}, nil
	case fault.KindOf(err) == fault.Conflict:
		return wire.HealthResult{
			Result: Stale, Detail: "the state stored for this installation is as new or newer",
		}, nil
	}
	return wire.HealthResult{}, err
}

// parse understands all of a report or nothing of it.
func parse(report []wire.HealthState, partner directory.AppID, now time.Time) ([]threat.Signal, error) {
	if len(report) > maxStates {
		return nil, fault.New(fault.Invalid, "value holds %d states; at most %d are allowed in one report", len(report), maxStates)
	}
	signals := make([]threat.Signal, 0, len(report))
	for i, h := range report {
		for _, f := range []struct{ name, value string }{{"userId", h.UserID}, {"app", h.App}, {"deviceId", h.DeviceID}} {
			if f.value == "" {
				return nil, fault.New(fault.Invalid, "value[%d].%s is empty; nothing was saved", i, f.name)
			}
		}
		state, err := threat.ParseState(h.State)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, fmt.Sprintf("value[%d].state: %s; nothing was saved", i, fault.Detail(err)))
		}
		at := h.UpdatedAt.UTC()
		switch {
		case h.UpdatedAt.IsZero():
			return nil, fault.New(fault.Invalid, "value[%d].updatedAt is missing; send RFC 3339 UTC; nothing was saved", i)
		case at.After(now.Add(maxSkew)):
			return nil, fault.New(fault.Invalid, "value[%d].updatedAt is %s; it may be at most %s ahead of the service's %s; nothing was saved",
				i, at.Format(time.RFC3339), maxSkew, now.Format(time.RFC3339))
		}
		signals = append(signals, threat.Signal{
			Source: threat.FromConnector, Partner: partner, States: []threat.State{state},
			ReportedAt: at, ReceivedAt: now,
		})
	}
	return signals, nil
}
