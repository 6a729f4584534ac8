package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/outbox"
)

// table is the smallest store of events there is.
type table struct {
	mu     sync.Mutex
	events []outbox.Stored
	err    error
}

func (t *table) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, outbox.Stored{Sequence: int64(len(t.events) + 1), Event: event.ConfigChanged{What: what}})
}

func (t *table) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

func (t *table) EventsAfter(_ context.Context, sequence int64, limit int) ([]outbox.Stored, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return nil, t.err
	}
	rest := t.events[sequence:]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (t *table) LastSequence(context.Context) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(len(t.events)), t.err
}

// seen remembers what a handler saw.
type seen struct {
	mu   sync.Mutex
	what []string
}

func (s *seen) handle(_ context.Context, e event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.what = append(s.what, e.(event.ConfigChanged).What)
	return nil
}

func (s *seen) want(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.what, want) {
		t.Errorf("handled %q, want %q", s.what, want)
	}
}

// start runs a dispatcher inside a synctest bubble until the test ends.
func start(t *testing.T, c outbox.Config) *outbox.Dispatcher {
	t.Helper()
	c.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	d, err := outbox.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestEventsAreDelivered(t *testing.T) {
	t.Run("in order, from the moment the dispatcher was made, on a hint at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var events table
			var one, two seen
			hints := make(chan struct{}, 1)
			events.add("before")
			d := start(t, outbox.Config{Store: &events, Hints: hints, Handlers: []event.Handler{one.handle, two.handle}})
			synctest.Wait()
			events.add("a")
			events.add("b")
			hints <- struct{}{}
			synctest.Wait() // no time passes
			one.want(t, "a", "b")
			two.want(t, "a", "b")
			if d.Position() != 3 {
				t.Errorf("the position is %d, want 3", d.Position())
			}
		})
	})
	t.Run("without a hint after a while, more than one batch of them", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var events table
			var one seen
			start(t, outbox.Config{Store: &events, Handlers: []event.Handler{one.handle}})
			synctest.Wait()
			var want []string
			for range 250 {
				events.add("x")
				want = append(want, "x")
			}
			time.Sleep(time.Second)
			synctest.Wait()
			one.want(t, want...)
		})
	})
	t.Run("from where a durable consumer left off", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var events table
			var one seen
			events.add("a")
			events.add("b")
			from := int64(1)
			start(t, outbox.Config{Store: &events, From: &from, Handlers: []event.Handler{one.handle}})
			synctest.Wait()
			one.want(t, "b")
		})
	})
	t.Run("after an outage of the store, none lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var events table
			var one seen
			start(t, outbox.Config{Store: &events, Handlers: []event.Handler{one.handle}})
			synctest.Wait()
			events.fail(errors.New("gone"))
			events.add("a")
			time.Sleep(5 * time.Second)
			one.want(t)
			events.fail(nil)
			time.Sleep(time.Second)
			synctest.Wait()
			one.want(t, "a")
		})
	})
}

func TestAHandlerThatFails(t *testing.T) {
	t.Run("sees the event again before any later one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var events table
			var one seen
			failures := 2
			flaky := func(ctx context.Context, e event.Event) error {
				if failures > 0 {
					failures--
					return errors.New("not yet")
				}
				return one.handle(ctx, e)
			}
			start(t, outbox.Config{Store: &events, Handlers: []event.Handler{flaky}})
			synctest.Wait()
			events.add("a")
			events.add("b")
			time.Sleep(2 * time.Second)
			synctest.Wait()
			one.want(t, "a", "b")
		})
	})
	t.Run("does not keep the others, or later events, waiting for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var events table
			var one seen
			broken := func(_ context.Context, e event.Event) error {
				if e.(event.ConfigChanged).What == "bad" {
					return errors.New("never")
				}
				return nil
			}
			start(t, outbox.Config{Store: &events, Handlers: []event.Handler{broken, one.handle}})
			synctest.Wait()
			events.add("bad")
			events.add("good")
			time.Sleep(2 * time.Second)
			synctest.Wait()
			one.want(t, "bad", "good")
		})
	})
	t.Run("is not counted when it was stopped half way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var events table
			ctx, stop := context.WithCancel(t.Context())
			d, err := outbox.New(ctx, outbox.Config{Store: &events, Log: slog.New(slog.DiscardHandler), Handlers: []event.Handler{
				func(ctx context.Context, _ event.Event) error { stop(); return ctx.Err() },
			}})
			if err != nil {
				t.Fatal(err)
			}
			events.add("a")
			if err := d.Run(ctx); err != nil {
				t.Error(err)
			}
			if d.Position() != 0 {
				t.Errorf("the position is %d, want 0", d.Position())
			}
		})
	})
}

func TestNewNamesEverythingThatIsMissing(t *testing.T) {
	_, err := outbox.New(t.Context(), outbox.Config{})
	for _, want := range []string{"Store", "Handlers", "Log"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	gone := &table{err: errors.New("gone")}
	if _, err := outbox.New(t.Context(), outbox.Config{Store: gone, Log: slog.New(slog.DiscardHandler), Handlers: []event.Handler{(&seen{}).handle}}); !errors.Is(err, gone.err) {
		t.Errorf("an unreachable store gives %v", err)
	}
}
