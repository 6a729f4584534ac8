package admin

import (
	"cmp"
	"context"
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

func (s *Service) checkAccessPolicy(ctx context.Context, old, p *access.Policy) error {
	known := access.Conditions{}
	p.ModifiedAt = s.now()
	if old == nil {
		p.ID, p.CreatedAt = cmp.Or(p.ID, access.PolicyID(newID())), p.ModifiedAt
	} else {
		p.CreatedAt, known = old.CreatedAt, old.Conditions
	}
	if err := s.appsOfPrincipals(ctx, p); err != nil {
		return err
	}
	return together(
		checkText("description", p.Description, 0, 1024),
		checkText("templateId", p.Template, 0, 64),
		broken(access.Validate(*p)),
		s.checkPeople(ctx, p.Tenant, p.Conditions.Users, known.Users),
		s.checkTargets(ctx, p.Tenant, p.Conditions, known),
		s.checkDemands(ctx, old, p),
	)
}

func (s *Service) checkProtectionPolicy(ctx context.Context, old, p *protection.Policy) error {
	var known []targeting.Assignment
	p.ModifiedAt = s.now()
	if old == nil {
		p.ID, p.CreatedAt = cmp.Or(p.ID, protection.PolicyID("T_"+newID())), p.ModifiedAt
	} else {
		p.CreatedAt, known = old.CreatedAt, old.Assignments
	}
	p.ScopeTags = tagged(p.ScopeTags)
	p.Apps = unique(p.Apps)
	p.Assignments = unique(p.Assignments)
	return together(
		checkText("description", p.Description, 0, 1024),
		broken(protection.Validate(*p)),
		s.checkAssignments(ctx, p.Tenant, p.Assignments, known),
		s.checkTags(ctx, p.Tenant, p.ScopeTags),
	)
}

func (s *Service) checkConfiguration(ctx context.Context, old, p *configuration.Policy) error {
	var known []targeting.Assignment
	p.ModifiedAt = s.now()
	if old == nil {
		p.ID, p.CreatedAt = cmp.Or(p.ID, configuration.PolicyID("A_"+newID())), p.ModifiedAt
	} else {
		p.CreatedAt, known = old.CreatedAt, old.Assignments
	}
	p.ScopeTags = tagged(p.ScopeTags)
	p.Apps = unique(p.Apps)
	p.Assignments = unique(p.Assignments)
	return together(
		checkText("description", p.Description, 0, 1024),
		broken(configuration.Validate(*p)),
		s.checkAssignments(ctx, p.Tenant, p.Assignments, known),
		s.checkTags(ctx, p.Tenant, p.ScopeTags),
	)
}

// tagged gives what has no scope tag the default one.
func tagged(tags []string) []string {
	if len(tags) == 0 {
		return []string{directory.DefaultScopeTag}
	}
	return unique(tags)
}

// checkAssignments wants groups and filters that exist. What a policy referred
// to before is let through.
func (s *Service) checkAssignments(ctx context.Context, t directory.TenantID, all, known []targeting.Assignment) error {
	errs := []error{resolve(ctx, reference[directory.GroupID]{
		"assignments.target.groupId", exists(s.store.Groups(), t), "group", groups(all), groups(known),
	})}
	for _, a := range all {
		if a.Filter == "" || slices.ContainsFunc(known, func(k targeting.Assignment) bool { return k.Filter == a.Filter }) {
			continue
		}
		f, err := s.store.Filters().Get(ctx, t, string(a.Filter))
		if err == nil && !f.Usable() {
			err = fault.New(fault.Invalid, "assignments.target.deviceAndAppManagementAssignmentFilterId: filter %q is for %s; only filters for managed apps (%s) narrow app policies",
				f.DisplayName, f.Platform, targeting.WindowsApps)
		}
		errs = append(errs, missing(err, "assignments.target.deviceAndAppManagementAssignmentFilterId", "assignment filter", string(a.Filter)))
	}
	return together(errs...)
}

func (s *Service) checkTags(ctx context.Context, t directory.TenantID, tags []string) error {
	return resolve(ctx, reference[string]{"roleScopeTagIds", exists(s.scopeTags(), t), "scope tag", tags, nil})
}

// reaching is whom a policy with these assignments and apps can affect.
func reaching(all []targeting.Assignment, apps []directory.PackageID) *event.Reach {
	r := &event.Reach{Apps: apps}
	if r.Apps == nil {
		r.Apps = []directory.PackageID{}
	}
	for _, a := range all {
		switch a.Kind {
		case targeting.AllUsers:
			r.AllUsers = true
		case targeting.IncludeGroup:
			r.Groups = append(r.Groups, a.Group)
		case targeting.ExcludeGroup:
		}
	}
	return r
}

// reference is a list of identifiers in a policy.
type reference[ID ~string] struct {
	field string
	look  func(ctx context.Context, id string) error
	kind  string
	ids   []ID
	known []ID // referred to already; they may have gone since
}

// resolve reports every identifier that names nothing. What a policy referred
// to before is let through, so that deleting a group does not freeze every
// policy that mentions it.
func resolve[ID ~string](ctx context.Context, r reference[ID]) error {
	var errs []error
	for _, id := range r.ids {
		if slices.Contains(r.known, id) {
			continue
		}
		if err := r.look(ctx, string(id)); err != nil {
			errs = append(errs, missing(err, r.field, r.kind, string(id)))
		}
	}
	return together(errs...)
}

func exists[T any](objects Objects[T], t directory.TenantID) func(ctx context.Context, id string) error {
	return func(ctx context.Context, id string) error {
		_, err := objects.Get(ctx, t, id)
		return err
	}
}

func groups(assignments []targeting.Assignment) []directory.GroupID {
	var out []directory.GroupID
	for _, a := range assignments {
		if a.Kind != targeting.AllUsers {
			out = append(out, a.Group)
		}
	}
	return out
}

// unique drops repetitions and keeps the order.
func unique[T comparable](in []T) []T {
	var out []T
	for _, v := range in {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
