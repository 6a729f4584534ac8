package sdk

import (
	"context"
	"maps"

	"github.com/postern-mam/postern/sdk/internal/watch"
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

// watch tells of changes of health, by and by, until stop is called, which waits.
// For a source that does not watch, nothing is ever told.
func (c *Client) watch(ctx context.Context) (changes <-chan struct{}, stop func()) {
	w, ok := c.cfg.Health.(Watcher)
	if !ok {
		return nil, func() {}
	}
	return watch.Changes(ctx, w.Watch, func(err error) {
		if err != nil {
			c.note("health: changes are not noticed: " + c.plain(err))
		}
	})
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
