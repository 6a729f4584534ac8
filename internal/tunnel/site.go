package tunnel

import (
	"context"

	"github.com/postern-mam/postern/internal/directory"
)

// published is what is remembered of a host. Only hosts that somebody visited
// with a pass are, so there are no more entries than sites.
type published struct {
	basis int64          // the tenant's revision in the last decision on a visit there
	site  *directory.App // as it is at that revision; nil: not known
}

// remembered returns what is known of a host, or zero.
func (s *Service) remembered(host string) published {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sites[host]
}

// current returns the site of a visit that was decided at revision now, given
// what was known before and which site the visit began with.
//
// A site is part of the tenant's configuration, whose revision moves with every
// change. One that was read between two decisions of the same revision is
// therefore what it is at that revision, and needs no reading until a decision
// tells of another.
func (s *Service) current(ctx context.Context, host string, before published, site directory.App, now int64) (directory.App, error) {
	after := published{basis: now}
	switch {
	case before.site != nil && before.basis == now:
		return site, nil
	case before.site != nil:
		var err error
		if site, err = s.cfg.Store.SiteByHost(ctx, host); err != nil {
			s.remember(host, published{})
			return directory.App{}, err
		}
	case before.basis == now && now != 0:
		after.site = &site
	}
	s.remember(host, after)
	return site, nil
}

func (s *Service) remember(host string, p published) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.basis == 0 {
		delete(s.sites, host)
		return
	}
	s.sites[host] = p
}
