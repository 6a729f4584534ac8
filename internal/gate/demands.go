package gate

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
)

// demands are what a tenant demands, ready to be asked.
type demands struct {
	tenant     directory.Tenant
	policies   *access.Set
	agreements []agreement.Agreement
}

// shelf keeps a tenant's demands of the newest revision seen.
type shelf struct {
	newest  *demands // nil: none yet
	loading *loading // nil: nobody reads
}

// loading is a read of a tenant's configuration that others may wait for.
type loading struct {
	done chan struct{} // closed when the fields below are set
	got  *demands
	err  error
}

// demands returns the tenant's configuration, read and compiled once per
// revision however many ask. It may be newer than revision, and is older only
// when the store itself answers with what is older than its snapshots.
func (s *Service) demands(ctx context.Context, t directory.TenantID, revision int64) (*demands, error) {
	for {
		s.mu.Lock()
		on := s.tenants[t]
		if on == nil {
			on = &shelf{}
			s.tenants[t] = on
		}
		if d := on.newest; d != nil && d.tenant.Revision >= revision {
			s.mu.Unlock()
			return d, nil
		}
		l, mine := on.loading, false
		if l == nil {
			l, mine = &loading{done: make(chan struct{})}, true
			on.loading = l
		}
		s.mu.Unlock()
		if mine {
			s.load(ctx, t, on, l)
			return l.got, l.err
		}
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("gate: configuration: %w", context.Cause(ctx))
		}
		// What another read may have begun before our revision, or ended because
		// that caller went away: then ask again.
		if l.err != nil && !errors.Is(l.err, context.Canceled) && !errors.Is(l.err, context.DeadlineExceeded) {
			return nil, l.err
		}
	}
}

// load reads and compiles, and puts the result on the shelf.
func (s *Service) load(ctx context.Context, t directory.TenantID, on *shelf, l *loading) {
	l.err = errors.New("gate: the configuration was not read") // unless the next lines get through
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		on.loading = nil
		if l.err == nil && (on.newest == nil || on.newest.tenant.Revision < l.got.tenant.Revision) {
			on.newest = l.got
		}
		close(l.done)
	}()
	c, err := s.store.Config(ctx, t)
	if err != nil {
		l.err = fmt.Errorf("gate: configuration: %w", err)
		return
	}
	set := access.Compile(rules(c))
	// Rules are kept before anything is decided by them, so that every record can be
	// decided anew; and again for every revision, so that those in force are known.
	if err := s.store.KeepSet(ctx, t, Kept{ID: set.ID(), Rules: set.Rules(), Revision: c.Tenant.Revision, At: s.now()}); err != nil {
		l.err = fmt.Errorf("gate: policy set: %w", err)
		return
	}
	l.got, l.err = &demands{tenant: c.Tenant, policies: set, agreements: c.Agreements}, nil
}

// rules are what a tenant's configuration demands.
func rules(c Config) access.Rules {
	return access.Rules{Policies: c.Access, Locations: c.Locations, Strengths: c.Strengths, DenyUncovered: c.Tenant.Settings.DenyUncovered}
}
