package admin

import (
	"context"
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

func (s *Service) checkAccessPolicy(ctx context.Context, old, p *access.Policy) error {
	known := access.Conditions{}
	p.ModifiedAt = s.now()
	if old == nil {
		p.ID, p.CreatedAt = access.PolicyID(newID()), p.ModifiedAt
	} else {
		p.CreatedAt, known = old.CreatedAt, old.Conditions
	}
	c := p.Conditions
	user, group, app := exists(s.store.Users(), p.Tenant), exists(s.store.Groups(), p.Tenant), exists(s.store.Apps(), p.Tenant)
	return together(
		checkText("description", p.Description, 0, 1024),
		broken(access.Validate(*p)),
		resolve(ctx, reference[directory.UserID]{"conditions.users.includeUsers", user, "user", c.Users.Include, known.Users.Include}),
		resolve(ctx, reference[directory.UserID]{"conditions.users.excludeUsers", user, "user", c.Users.Exclude, known.Users.Exclude}),
		resolve(ctx, reference[directory.GroupID]{"conditions.users.includeGroups", group, "group", c.Users.IncludeGroups, known.Users.IncludeGroups}),
		resolve(ctx, reference[directory.GroupID]{"conditions.users.excludeGroups", group, "group", c.Users.ExcludeGroups, known.Users.ExcludeGroups}),
		resolve(ctx, reference[directory.AppID]{"conditions.applications.includeApplications", app, "application", c.Apps.Include, known.Apps.Include}),
		resolve(ctx, reference[directory.AppID]{"conditions.applications.excludeApplications", app, "application", c.Apps.Exclude, known.Apps.Exclude}),
	)
}

func (s *Service) checkProtectionPolicy(ctx context.Context, old, p *protection.Policy) error {
	var known []directory.GroupID
	p.ModifiedAt = s.now()
	if old == nil {
		p.ID, p.CreatedAt = protection.PolicyID("T_"+newID()), p.ModifiedAt
	} else {
		p.CreatedAt, known = old.CreatedAt, groups(old.Assignments)
	}
	if len(p.ScopeTags) == 0 {
		p.ScopeTags = []string{"0"}
	}
	p.Apps = unique(p.Apps)
	p.Assignments = unique(p.Assignments)
	return together(
		checkText("description", p.Description, 0, 1024),
		broken(protection.Validate(*p)),
		resolve(ctx, reference[directory.GroupID]{"assignments.target.groupId", exists(s.store.Groups(), p.Tenant), "group", groups(p.Assignments), known}),
	)
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
