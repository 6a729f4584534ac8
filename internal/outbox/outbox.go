// Package outbox delivers stored events to the rooms, at least once and in order.
package outbox

import (
	"context"

	"github.com/postern-mam/postern/internal/event"
)

// Stored is an event with its place in the order of all events.
type Stored struct {
	Sequence int64
	Event    event.Event
}

// Store is the table of events, the truth behind every hint.
type Store interface {
	// EventsAfter returns up to limit events after sequence, in order. What it
	// has returned never gains a predecessor later.
	EventsAfter(ctx context.Context, sequence int64, limit int) ([]Stored, error)
	// LastSequence is the sequence of the newest event, or 0.
	LastSequence(ctx context.Context) (int64, error)
}
