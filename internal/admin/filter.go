package admin

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

const maxFilters = 200 // in a tenant (docs/spec/windows-mam.md section 8)

// Filters administers assignment filters. What a filter is for cannot change,
// and one in use cannot be deleted: either would move policies silently.
func (s *Service) Filters() Collection[targeting.Filter] {
	return Collection[targeting.Filter]{
		service: s, kind: audit.AssignmentFilter, objects: s.store.Filters(), restorable: true,
		check: s.checkFilter, reach: s.filterReach,
		spare: func(ctx context.Context, f targeting.Filter) error {
			uses, err := s.FilterUses(ctx, f.Tenant, f.ID)
			if err != nil || len(uses) == 0 {
				return err
			}
			var names []string
			for _, u := range uses {
				names = append(names, fmt.Sprintf("%q", u.Name))
			}
			return fault.New(fault.Invalid, "assignment filter %q is used by %s; take it out of their assignments first", f.DisplayName, strings.Join(unique(names), ", "))
		},
		announce: func(_, f *targeting.Filter) event.Event {
			return s.changed(f.Tenant, "assignment filter", &event.Reach{}) // new or gone: no policy uses it
		},
		describe: func(f *targeting.Filter) subject {
			return subject{f.Tenant, string(f.ID), f.Revision, f.DisplayName, f.ScopeTags}
		},
		renew: func(f *targeting.Filter, revision int64) { f.Revision = revision },
	}
}

// filterReach says that a new rule matters where policies use the filter.
func (s *Service) filterReach(ctx context.Context, old, f *targeting.Filter) (*event.Reach, error) {
	reach := &event.Reach{Apps: []directory.PackageID{}}
	if old.Rule.String() == f.Rule.String() {
		return reach, nil
	}
	uses, err := s.FilterUses(ctx, f.Tenant, f.ID)
	for _, u := range uses {
		reach = both(reach, reaching([]targeting.Assignment{u.Assignment}, u.Apps))
	}
	return reach, err
}

func (s *Service) checkFilter(ctx context.Context, old, f *targeting.Filter) error {
	f.ModifiedAt = s.now()
	f.ScopeTags = tagged(f.ScopeTags)
	var errs []error
	if old == nil {
		f.ID, f.CreatedAt = cmp.Or(f.ID, targeting.FilterID(newID())), f.ModifiedAt
		n, err := s.store.Filters().Count(ctx, f.Tenant)
		if err == nil && n >= maxFilters {
			err = fault.New(fault.Invalid, "there are %d assignment filters; a tenant may have %d", n, maxFilters)
		}
		errs = append(errs, err)
	} else {
		f.CreatedAt = old.CreatedAt
		if f.Platform != old.Platform || f.ForApps != old.ForApps {
			errs = append(errs, fault.New(fault.Invalid, "platform is %q; it was %q at creation and cannot change", f.Platform, old.Platform))
		}
	}
	return together(append(errs, targeting.ValidateFilter(*f), s.checkTags(ctx, f.Tenant, f.ScopeTags))...)
}

// FilterUse is one assignment that a filter narrows.
type FilterUse struct {
	Policy string // identifier
	Name   string
	Kind   audit.Kind
	Apps   []directory.PackageID // that the policy is for
	Tags   []string              // scope tags of the policy
	targeting.Assignment
}

// FilterUses lists the assignments that a filter narrows.
func (s *Service) FilterUses(ctx context.Context, t directory.TenantID, id targeting.FilterID) ([]FilterUse, error) {
	var uses []FilterUse
	note := func(policy FilterUse, assignments []targeting.Assignment) {
		for _, a := range assignments {
			if a.Filter == id {
				policy.Assignment = a
				uses = append(uses, policy)
			}
		}
	}
	err := s.ProtectionPolicies().All(ctx, t, func(p protection.Policy) bool {
		note(FilterUse{Policy: string(p.ID), Name: p.DisplayName, Kind: audit.ProtectionPolicy, Apps: p.Apps, Tags: p.ScopeTags}, p.Assignments)
		return true
	})
	if err != nil {
		return nil, err
	}
	err = s.Configurations().All(ctx, t, func(p configuration.Policy) bool {
		note(FilterUse{Policy: string(p.ID), Name: p.DisplayName, Kind: audit.Configuration, Apps: p.Apps, Tags: p.ScopeTags}, p.Assignments)
		return true
	})
	return uses, err
}
