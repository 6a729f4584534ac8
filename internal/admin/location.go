package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
)

// NamedLocations administers named locations. One that policies refer to cannot
// be deleted, nor one that is trusted: policies for all trusted locations mean
// it without naming it.
func (s *Service) NamedLocations() Collection[location.Location] {
	return Collection[location.Location]{
		service: s, kind: audit.NamedLocation, objects: s.store.NamedLocations(), restorable: true,
		check: s.checkLocation, admits: s.locationAdmits, judged: true,
		spare: func(ctx context.Context, l location.Location) error {
			if l.Trusted {
				return fault.New(fault.Invalid, "isTrusted of the named location %q is true; set it to false before you delete it", l.DisplayName)
			}
			return s.unreferenced(ctx, l.Tenant, "named location", l.DisplayName, mentions(l.ID))
		},
		announce: func(_, l *location.Location) event.Event {
			return s.changed(l.Tenant, "named location", &event.Reach{})
		},
		describe: func(l *location.Location) subject {
			return subject{l.Tenant, string(l.ID), l.Revision, l.DisplayName, nil}
		},
		renew:   func(l *location.Location, revision int64) { l.Revision = revision },
		created: func(l *location.Location) *time.Time { return &l.CreatedAt },
	}
}

func (s *Service) checkLocation(ctx context.Context, old, l *location.Location) error {
	l.ModifiedAt = s.now()
	if old != nil {
		l.CreatedAt = old.CreatedAt
		var moved error
		if len(old.Ranges) > 0 && len(l.Ranges) == 0 || len(old.Countries) > 0 && len(l.Countries) == 0 {
			moved = fault.New(fault.Invalid, "ipRanges or countriesAndRegions is empty now; a named location stays of the kind that it was made as")
		}
		return together(location.Validate(*l), moved)
	}
	l.ID, l.CreatedAt = cmp.Or(l.ID, location.ID(newID())), l.ModifiedAt
	n, err := s.store.NamedLocations().Count(ctx, l.Tenant)
	if err == nil && n >= location.MaxLocations {
		err = fault.New(fault.Invalid, "there are %d named locations; a tenant may have %d", n, location.MaxLocations)
	}
	return together(location.Validate(*l), err)
}

// LocationUses lists the policies, of any state, that name a location, in
// identifier order.
func (s *Service) LocationUses(ctx context.Context, t directory.TenantID, id location.ID) ([]access.Policy, error) {
	return s.referring(ctx, t, mentions(id))
}

func mentions(id location.ID) func(p *access.Policy) bool {
	return func(p *access.Policy) bool {
		l := p.Conditions.Locations
		return l != nil && (slices.Contains(l.Include, id) || slices.Contains(l.Exclude, id))
	}
}
