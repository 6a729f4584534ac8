// Package watch passes on that something changed, not too often.
package watch

import (
	"context"
	"sync"
	"time"
)

const (
	settling = 50 * time.Millisecond // one change is often told of several times
	atOnce   = 6                     // changes in a row are passed on without a pause
	earned   = time.Minute           // one more of those
	again    = time.Minute           // after watching failed
)

// Changes runs watch until stop is called, which waits for it. What watch tells is
// passed on: a burst once, six changes in a row each at once, and while changes do
// not cease, one a minute. When watch returns, failed hears why, and a minute later it runs again;
// what it missed counts as a change.
func Changes(ctx context.Context, watch func(ctx context.Context, changed func()) error, failed func(error)) (changes <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	seen, told := make(chan struct{}, 1), make(chan struct{}, 1)
	var both sync.WaitGroup
	both.Go(func() {
		for {
			err := watch(ctx, func() { signal(seen) })
			if ctx.Err() != nil {
				return
			}
			failed(err)
			if !rest(ctx, again) {
				return
			}
			signal(seen)
		}
	})
	both.Go(func() { pace(ctx, seen, told) })
	return told, func() { cancel(); both.Wait() }
}

// signal tells once what may be told many times before somebody listens.
func signal(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

func pace(ctx context.Context, seen <-chan struct{}, told chan<- struct{}) {
	full := time.Now() // when, by what was spent, there are atOnce to spend again
	for {
		select {
		case <-seen:
		case <-ctx.Done():
			return
		}
		if !rest(ctx, max(settling, time.Until(full)-(atOnce-1)*earned)) {
			return
		}
		select {
		case <-seen: // of the same burst
		default:
		}
		if now := time.Now(); full.Before(now) {
			full = now
		}
		full = full.Add(earned)
		signal(told)
	}
}

// rest waits, and reports whether ctx still holds.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
