package watch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-mam/postern/sdk/internal/watch"
)

// passedOn counts what comes of n changes, one every so often, on a clock of the
// test's own.
func passedOn(t *testing.T, n int, every time.Duration) (times int, first time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		changes, stop := watch.Changes(t.Context(), func(ctx context.Context, changed func()) error {
			for range n {
				changed()
				time.Sleep(every)
			}
			<-ctx.Done()
			return ctx.Err()
		}, func(err error) { t.Errorf("failed: %v", err) })
		for over := time.After(6 * time.Hour); ; {
			select {
			case <-changes:
				if times++; times == 1 {
					first = time.Since(began)
				}
				continue
			case <-over:
			}
			break
		}
		stop()
	})
	return times, first
}

func TestAStormIsToldAFewTimesAndTheFirstChangeAtOnce(t *testing.T) {
	for _, c := range []struct {
		name        string
		n           int
		every       time.Duration
		least, most int
	}{
		{"one", 1, 0, 1, 1},
		{"a burst", 1000, 10 * time.Microsecond, 1, 1},
		{"three in a row", 3, 2 * time.Second, 3, 3},
		{"six in a row", 6, 200 * time.Millisecond, 6, 6},
		{"a minute of storm", 6000, 10 * time.Millisecond, 2, 8},
		{"an hour of storm", 36000, 100 * time.Millisecond, 60, 70},
		{"a change an hour", 5, time.Hour, 5, 5},
	} {
		times, first := passedOn(t, c.n, c.every)
		if times < c.least || times > c.most || first > 100*time.Millisecond {
			t.Errorf("%s: told %d times, first after %s; want %d to %d", c.name, times, first, c.least, c.most)
		}
	}
}

func TestWatchingThatFailedIsTriedAgainAndWhatWasMissedIsAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken, calls, failures := errors.New("no Security Center"), 0, 0
		changes, stop := watch.Changes(t.Context(), func(ctx context.Context, _ func()) error {
			if calls++; calls == 1 {
				return broken
			}
			<-ctx.Done()
			return ctx.Err()
		}, func(err error) {
			if failures++; !errors.Is(err, broken) {
				t.Errorf("failed: %v", err)
			}
		})
		<-changes
		stop()
		if calls != 2 || failures != 1 {
			t.Errorf("watched %d times, failed %d times", calls, failures)
		}
	})
}

func TestStoppingWaitsAndEndsAFailedWatchToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, stop := watch.Changes(t.Context(), func(context.Context, func()) error { return nil }, func(error) {})
		synctest.Wait()
		stop() // the bubble fails when a goroutine is left
		_, stop = watch.Changes(t.Context(), func(ctx context.Context, changed func()) error { changed(); <-ctx.Done(); return nil }, nil)
		synctest.Wait()
		stop()
	})
}
