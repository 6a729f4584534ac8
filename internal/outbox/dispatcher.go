package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/postern-mam/postern/internal/event"
)

const (
	batch = 100 // events read at once
	// A handler gets this many tries at one event, with pauses that double from
	// firstPause: half a second in all. Then the event is logged and left, because
	// one that cannot be handled must not keep the door open for all behind it:
	// whoever is admitted is decided on live state, events only end what is open.
	tries      = 6
	firstPause = 16 * time.Millisecond
)

// Config wires a Dispatcher. Store, Handlers and Log are required.
type Config struct {
	Store    Store
	Handlers []event.Handler // called one after the other, for every event
	Log      *slog.Logger
	Hints    <-chan struct{} // events may wait; nil: the dispatcher only looks by itself
	Every    time.Duration   // how often it looks without a hint; zero: a second
	// From is the sequence after which to begin, for handlers that keep what they
	// did. nil begins with the first event after New: right for handlers whose
	// effects are on what is open in this process.
	From *int64
}

// Dispatcher hands events to handlers in the order of their commits. Run it.
type Dispatcher struct {
	cfg Config
	at  atomic.Int64
}

// New returns a dispatcher. Events committed after New returns are delivered.
func New(ctx context.Context, c Config) (*Dispatcher, error) {
	var missing []error
	if c.Store == nil {
		missing = append(missing, errors.New("outbox: Store is missing"))
	}
	if len(c.Handlers) == 0 {
		missing = append(missing, errors.New("outbox: Handlers are missing"))
	}
	if c.Log == nil {
		missing = append(missing, errors.New("outbox: Log is missing"))
	}
	if err := errors.Join(missing...); err != nil {
		return nil, err
	}
	if c.Every <= 0 {
		c.Every = time.Second
	}
	d := &Dispatcher{cfg: c}
	if c.From != nil {
		d.at.Store(*c.From)
		return d, nil
	}
	last, err := c.Store.LastSequence(ctx)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	d.at.Store(last)
	return d, nil
}

// Position is the sequence of the last event that every handler was offered.
func (d *Dispatcher) Position() int64 { return d.at.Load() }

// Run delivers until ctx ends and then returns nil. A store that does not
// answer is asked again; no event is skipped for it.
func (d *Dispatcher) Run(ctx context.Context) error {
	look := time.NewTicker(d.cfg.Every)
	defer look.Stop()
	for {
		if err := d.drain(ctx); err != nil && ctx.Err() == nil {
			d.cfg.Log.ErrorContext(ctx, "events cannot be read, trying again", slog.Int64("after", d.at.Load()), slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.cfg.Hints:
		case <-look.C:
		}
	}
}

// drain delivers everything that waits.
func (d *Dispatcher) drain(ctx context.Context) error {
	for {
		waiting, err := d.cfg.Store.EventsAfter(ctx, d.at.Load(), batch)
		if err != nil {
			return err
		}
		for _, s := range waiting {
			for _, h := range d.cfg.Handlers {
				d.deliver(ctx, h, s)
			}
			if ctx.Err() != nil {
				return ctx.Err() // not counted as delivered: whoever resumes from here sees it again
			}
			d.at.Store(s.Sequence)
		}
		if len(waiting) < batch {
			return nil
		}
	}
}

// deliver offers one event to one handler until it is taken or hopeless.
func (d *Dispatcher) deliver(ctx context.Context, h event.Handler, s Stored) {
	pause := firstPause
	for try := 1; ; try++ {
		err := h(ctx, s.Event)
		if err == nil || ctx.Err() != nil {
			return
		}
		attrs := []slog.Attr{slog.Int64("sequence", s.Sequence), slog.String("event", fmt.Sprintf("%T", s.Event)), slog.Int("try", try), slog.Any("error", err)}
		if try == tries {
			d.cfg.Log.LogAttrs(ctx, slog.LevelError, "an event was given up on", attrs...)
			return
		}
		d.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "an event was not handled, trying again", attrs...)
		if !wait(ctx, pause) {
			return
		}
		pause *= 2
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
