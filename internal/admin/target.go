package admin

import (
	"cmp"
	"context"
	"regexp"
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
)

// checkPeople wants users and groups that exist. Roles are named by templates,
// which are the same in every tenant, so their identifiers need not be known here.
func (s *Service) checkPeople(ctx context.Context, t directory.TenantID, now, known access.Users) error {
	user, group := exists(s.store.Users(), t), exists(s.store.Groups(), t)
	return together(
		resolve(ctx, reference[directory.UserID]{"conditions.users.includeUsers", user, "user", now.Include, known.Include}),
		resolve(ctx, reference[directory.UserID]{"conditions.users.excludeUsers", user, "user", now.Exclude, known.Exclude}),
		resolve(ctx, reference[directory.GroupID]{"conditions.users.includeGroups", group, "group", now.IncludeGroups, known.IncludeGroups}),
		resolve(ctx, reference[directory.GroupID]{"conditions.users.excludeGroups", group, "group", now.ExcludeGroups, known.ExcludeGroups}),
		checkRoles("conditions.users.includeRoles", now.IncludeRoles),
		checkRoles("conditions.users.excludeRoles", now.ExcludeRoles),
	)
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func checkRoles(field string, roles []directory.RoleTemplateID) error {
	var errs []error
	for _, id := range roles {
		if !guid.MatchString(string(id)) {
			errs = append(errs, fault.New(fault.Invalid, "%s: %q is no identifier of a role template, such as %s of the Global Administrator", field, id, directory.GlobalAdministrator.Template()))
		}
	}
	return together(errs...)
}

// checkTargets wants apps, groups of apps and named locations that exist.
func (s *Service) checkTargets(ctx context.Context, t directory.TenantID, now, known access.Conditions) error {
	app, tag := exists(s.store.Apps(), t), s.tags(t)
	errs := []error{
		resolve(ctx, reference[directory.AppID]{"conditions.applications.includeApplications", app, "application", now.Apps.Include, known.Apps.Include}),
		resolve(ctx, reference[directory.AppID]{"conditions.applications.excludeApplications", app, "application", now.Apps.Exclude, known.Apps.Exclude}),
		resolve(ctx, reference[access.AppGroup]{"conditions.applications.includeApplications", tag, "application or tag of one", now.Apps.IncludeGroups, known.Apps.IncludeGroups}),
		resolve(ctx, reference[access.AppGroup]{"conditions.applications.excludeApplications", tag, "application or tag of one", now.Apps.ExcludeGroups, known.Apps.ExcludeGroups}),
	}
	if w := now.Workloads; w != nil {
		before := cmp.Or(known.Workloads, &access.Workloads{})
		errs = append(errs,
			resolve(ctx, reference[directory.AppID]{"conditions.clientApplications.includeServicePrincipals", app, "service principal", w.Include, before.Include}),
			resolve(ctx, reference[directory.AppID]{"conditions.clientApplications.excludeServicePrincipals", app, "service principal", w.Exclude, before.Exclude}))
	}
	if l := now.Locations; l != nil {
		before, place := cmp.Or(known.Locations, &access.Locations{}), exists(s.store.NamedLocations(), t)
		errs = append(errs,
			resolve(ctx, reference[location.ID]{"conditions.locations.includeLocations", place, "named location", l.Include, before.Include}),
			resolve(ctx, reference[location.ID]{"conditions.locations.excludeLocations", place, "named location", l.Exclude, before.Exclude}))
	}
	return together(errs...)
}

// tags looks for a group of apps: one of those that every tenant has, or a tag
// that an app carries.
func (s *Service) tags(t directory.TenantID) func(ctx context.Context, id string) error {
	return func(ctx context.Context, id string) error {
		found := id == string(access.Office365) || id == string(access.MicrosoftAdminPortals)
		if found {
			return nil
		}
		err := s.Apps().All(ctx, t, func(a directory.App) bool {
			found = slices.Contains(a.Tags, id)
			return !found
		})
		if err == nil && !found {
			err = fault.New(fault.NotFound, "no application has the tag %q", id)
		}
		return err
	}
}

// appsOfPrincipals puts the identifiers of apps in the place of those of their
// service principals, by which Graph names them.
func (s *Service) appsOfPrincipals(ctx context.Context, p *access.Policy) error {
	if p.Conditions.Workloads == nil {
		return nil
	}
	w := *p.Conditions.Workloads
	w.Include, w.Exclude = slices.Clone(w.Include), slices.Clone(w.Exclude)
	for _, list := range [][]directory.AppID{w.Include, w.Exclude} {
		for i, id := range list {
			a, err := s.store.AppByObjectID(ctx, p.Tenant, string(id))
			switch {
			case err == nil:
				list[i] = a.ID
			case fault.KindOf(err) != fault.NotFound:
				return err
			}
		}
	}
	p.Conditions.Workloads = &w
	return nil
}
