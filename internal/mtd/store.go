package mtd

import (
	"context"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/threat"
)

// Store keeps connectors and signals.
type Store interface {
	// Connector returns fault.NotFound when the tenant has no such connector.
	Connector(ctx context.Context, t directory.TenantID, partner directory.AppID) (threat.Connector, error)
	// Heartbeat notes that the partner spoke. It moves no revision.
	Heartbeat(ctx context.Context, t directory.TenantID, partner directory.AppID, at time.Time) error
	// Enrolled finds the living registration of an installation, or fault.NotFound.
	Enrolled(ctx context.Context, in directory.Installation) (directory.RegistrationID, error)
	// SaveSignal replaces the newest signal of its source and partner, moves the
	// registration's revision, notes the heartbeat of a connector's signal, and
	// appends events, all or nothing. A signal that is not newer than the stored
	// one (ReportedAt) is fault.Conflict and changes nothing.
	SaveSignal(ctx context.Context, t directory.TenantID, id directory.RegistrationID, s threat.Signal, events ...event.Event) error
}
