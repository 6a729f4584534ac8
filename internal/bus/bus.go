// Package bus carries hints that events are waiting in the outbox table. A hint
// says nothing else and may be lost: the table is the truth, and whoever reads
// it also looks by itself from time to time. Drivers that carry hints between
// replicas fulfil the same interface.
package bus

import "sync"

// Hints tells every watcher that events were committed.
type Hints interface {
	// Notify never blocks. Hints that a watcher has not taken yet become one.
	Notify()
	// Watch returns a channel that gets a hint after events were committed, and
	// a function that ends the subscription.
	Watch() (<-chan struct{}, func())
}

// Local carries hints inside one process. The zero value is ready.
type Local struct {
	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
}

var _ Hints = (*Local)(nil)

// Notify hints every watcher.
func (l *Local) Notify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.watchers {
		select {
		case w <- struct{}{}:
		default: // a hint waits already
		}
	}
}

// Watch subscribes. The channel is never closed.
func (l *Local) Watch() (<-chan struct{}, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watchers == nil {
		l.watchers = map[chan struct{}]struct{}{}
	}
	w := make(chan struct{}, 1)
	l.watchers[w] = struct{}{}
	return w, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watchers, w)
	}
}
