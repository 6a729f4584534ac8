package sdk

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Watcher is a HealthSource that also notices when health changes. Run checks in
// soon after, without waiting for the time to come.
type Watcher interface {
	HealthSource
	// Watch calls changed after every change, from any goroutine and without harm
	// when nothing changed, until ctx ends. It returns when changed is called no
	// more; an error says why nothing is noticed, and Watch is called again later.
	Watch(ctx context.Context, changed func()) error
}

const (
	settling     = 50 * time.Millisecond // one change is often told of several times
	shortestGap  = time.Second           // between two check-ins for a change
	longestGap   = time.Minute           // while changes do not cease
	watchedAgain = time.Minute           // after watching failed
)

// watch tells of changes of health, by and by, until stop is called, which waits.
// For a source that does not watch, nothing is ever told.
func (c *Client) watch(ctx context.Context) (changes <-chan struct{}, stop func()) {
	w, ok := c.cfg.Health.(Watcher)
	if !ok {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	seen, told := make(chan struct{}, 1), make(chan struct{}, 1)
	var both sync.WaitGroup
	both.Go(func() { c.look(ctx, w, func() { signal(seen) }) })
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

// look watches until ctx ends. What happened while nobody watched is a change, too.
func (c *Client) look(ctx context.Context, w Watcher, changed func()) {
	for {
		err := w.Watch(ctx, changed)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.note("health: changes are not noticed: " + c.plain(err))
		}
		if !rest(ctx, watchedAgain) {
			return
		}
		changed()
	}
}

// pace passes changes on: a burst is one, and while they do not cease, the gaps
// between them grow.
func pace(ctx context.Context, seen <-chan struct{}, told chan<- struct{}) {
	gap, last := shortestGap, time.Time{}
	for {
		select {
		case <-seen:
		case <-ctx.Done():
			return
		}
		quiet := time.Since(last)
		if !rest(ctx, max(settling, gap-quiet)) {
			return
		}
		select {
		case <-seen: // of the same burst
		default:
		}
		if quiet >= 2*gap {
			gap = shortestGap
		} else {
			gap = min(2*gap, longestGap)
		}
		last = time.Now()
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

// differs reports whether health is another than the service was told, so that a
// change that changed nothing is no traffic. What cannot be measured differs.
func (c *Client) differs(ctx context.Context) bool {
	m, err := c.cfg.Health.Measure(ctx)
	if err != nil || c.reload() != nil {
		return true
	}
	s := c.snapshot().LastSent
	return s == nil || s.Adapter != m.Adapter || s.OSVersion != m.OSVersion || s.Management != m.Management || !maps.Equal(s.Providers, m.Providers)
}
