package admin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

// RoleDefinitions administers roles. The built-in ones are always there and
// cannot change.
func (s *Service) RoleDefinitions() Collection[directory.RoleDefinition] {
	return Collection[directory.RoleDefinition]{
		service: s, kind: audit.RoleDefinition, objects: withBuiltIn[directory.RoleDefinition]{
			Objects: s.store.RoleDefinitions(), items: directory.BuiltInRoles(),
			name: func(r *directory.RoleDefinition, t directory.TenantID) (string, string) {
				r.Tenant = t
				return r.ID, r.DisplayName
			},
		},
		check: s.checkRole,
		spare: func(ctx context.Context, r directory.RoleDefinition) error {
			if r.BuiltIn {
				return builtInRole(r)
			}
			return s.unused(ctx, r)
		},
		announce: func(_, r *directory.RoleDefinition) event.Event {
			return s.changed(r.Tenant, "role definition", &event.Reach{})
		},
		describe: func(r *directory.RoleDefinition) subject {
			return subject{r.Tenant, r.ID, r.Revision, r.DisplayName, r.ScopeTags}
		},
	}
}

func builtInRole(r directory.RoleDefinition) error {
	return fault.New(fault.Invalid, "role %q is built in and cannot be changed; make one of your own", r.DisplayName)
}

// unused refuses to delete a role that someone holds.
func (s *Service) unused(ctx context.Context, r directory.RoleDefinition) error {
	held := ""
	err := s.RoleAssignments().All(ctx, r.Tenant, func(a directory.RoleAssignment) bool {
		if a.Role == r.ID {
			held = a.DisplayName
		}
		return held == ""
	})
	if err == nil && held != "" {
		err = fault.New(fault.Invalid, "role %q is assigned by %q; delete its assignments first", r.DisplayName, held)
	}
	return err
}

func (s *Service) checkRole(ctx context.Context, old, r *directory.RoleDefinition) error {
	r.BuiltIn, r.ScopeTags = false, tagged(r.ScopeTags)
	if old == nil {
		r.ID, r.CreatedAt = newID(), s.now() // not a chosen one: it could be a built-in role's
	} else {
		if old.BuiltIn {
			return builtInRole(*old)
		}
		r.CreatedAt = old.CreatedAt
	}
	r.Actions = unique(r.Actions)
	errs := []error{checkText("displayName", r.DisplayName, 1, 256), checkText("description", r.Description, 0, 1024), s.checkTags(ctx, r.Tenant, r.ScopeTags)}
	for _, a := range r.Actions {
		errs = append(errs, checkAction(a))
	}
	return together(errs...)
}

func checkAction(a string) error {
	if slices.Contains(directory.Actions(), a) {
		return nil
	}
	if meant := directory.NearestAction(a); meant != "" {
		return fault.New(fault.Invalid, "allowedResourceActions: %q does not exist; did you mean %s?", a, meant)
	}
	return fault.New(fault.Invalid, "allowedResourceActions: %q does not exist; valid are %s", a, strings.Join(directory.Actions(), ", "))
}

// RoleAssignments administers who holds which role, for which objects.
func (s *Service) RoleAssignments() Collection[directory.RoleAssignment] {
	return Collection[directory.RoleAssignment]{
		service: s, kind: audit.RoleAssignment, objects: s.store.RoleAssignments(),
		check: s.checkRoleAssignment,
		announce: func(_, a *directory.RoleAssignment) event.Event {
			return s.changed(a.Tenant, "role assignment", &event.Reach{})
		},
		describe: func(a *directory.RoleAssignment) subject {
			return subject{a.Tenant, a.ID, a.Revision, a.DisplayName, a.ScopeTags}
		},
	}
}

func (s *Service) checkRoleAssignment(ctx context.Context, old, a *directory.RoleAssignment) error {
	var known directory.RoleAssignment
	if old == nil {
		a.ID, a.CreatedAt = cmp.Or(a.ID, newID()), s.now()
	} else {
		a.CreatedAt, known = old.CreatedAt, *old
	}
	a.Members, a.Scopes, a.ScopeTags = unique(a.Members), unique(a.Scopes), unique(a.ScopeTags)
	_, err := s.RoleDefinitions().Get(ctx, a.Tenant, a.Role)
	group := exists(s.store.Groups(), a.Tenant)
	errs := []error{
		checkText("displayName", a.DisplayName, 1, 256), checkText("description", a.Description, 0, 1024),
		missing(err, "roleDefinition", "role", a.Role),
		resolve(ctx, reference[directory.GroupID]{"members", group, "group", a.Members, known.Members}),
		resolve(ctx, reference[directory.GroupID]{"resourceScopes", group, "group", a.Scopes, known.Scopes}),
		s.checkTags(ctx, a.Tenant, a.ScopeTags),
	}
	if len(a.Members) == 0 {
		errs = append(errs, fault.New(fault.Invalid, "members is empty; name at least one group that holds the role"))
	}
	return together(errs...)
}

// ScopeTags administers scope tags. Their identifiers are small numbers; "0" is
// built in.
func (s *Service) ScopeTags() Collection[directory.ScopeTag] {
	return Collection[directory.ScopeTag]{
		service: s, kind: audit.ScopeTag, objects: s.scopeTags(),
		check: s.checkTag,
		spare: func(ctx context.Context, t directory.ScopeTag) error {
			if t.BuiltIn {
				return fault.New(fault.Invalid, "the scope tag %q is built in and cannot be deleted", t.DisplayName)
			}
			return s.untagged(ctx, t)
		},
		announce: func(_, t *directory.ScopeTag) event.Event { return s.changed(t.Tenant, "scope tag", &event.Reach{}) },
		describe: func(t *directory.ScopeTag) subject { return subject{t.Tenant, t.ID, t.Revision, t.DisplayName, nil} },
	}
}

func (s *Service) scopeTags() Objects[directory.ScopeTag] {
	return withBuiltIn[directory.ScopeTag]{
		Objects: s.store.ScopeTags(),
		items:   []directory.ScopeTag{{ID: directory.DefaultScopeTag, DisplayName: "Default", BuiltIn: true, Revision: 1}},
		name: func(tag *directory.ScopeTag, t directory.TenantID) (string, string) {
			tag.Tenant = t
			return tag.ID, tag.DisplayName
		},
	}
}

func (s *Service) checkTag(ctx context.Context, old, t *directory.ScopeTag) error {
	t.BuiltIn = false
	if old != nil {
		if old.BuiltIn {
			return fault.New(fault.Invalid, "the scope tag %q is built in and cannot be changed", old.DisplayName)
		}
		t.CreatedAt = old.CreatedAt
		return together(checkText("displayName", t.DisplayName, 1, 128), checkText("description", t.Description, 0, 1024))
	}
	t.CreatedAt = s.now()
	highest, err := s.highestTag(ctx, t.Tenant)
	t.ID = strconv.Itoa(highest + 1)
	return together(err, checkText("displayName", t.DisplayName, 1, 128), checkText("description", t.Description, 0, 1024))
}

// highestTag is the highest number that a scope tag ever had. Numbers are not
// given twice: who is given a new tag must not see what the record keeps of an
// old one.
func (s *Service) highestTag(ctx context.Context, t directory.TenantID) (int, error) {
	highest := 0
	q := EntryQuery{Kinds: []audit.Kind{audit.ScopeTag}, Limit: 100}
	for {
		entries, err := s.store.Entries(ctx, t, q)
		if err != nil {
			return 0, err
		}
		for _, e := range entries {
			n, _ := strconv.Atoi(e.Target) // every target is a number
			highest = max(highest, n)
		}
		if len(entries) < q.Limit {
			return highest, nil
		}
		q.After = entries[len(entries)-1].ID
	}
}

// untagged refuses to delete a tag that something carries: it would be seen by
// nobody who sees some things only, or by the wrong ones.
func (s *Service) untagged(ctx context.Context, t directory.ScopeTag) error {
	user := ""
	look := func(kind, name string, tags []string) bool {
		if slices.Contains(tags, t.ID) {
			user = fmt.Sprintf("%s %q", kind, name)
		}
		return user == ""
	}
	for _, search := range []func() error{
		func() error {
			return s.RoleAssignments().All(ctx, t.Tenant, func(a directory.RoleAssignment) bool { return look("role assignment", a.DisplayName, a.ScopeTags) })
		},
		func() error {
			return s.RoleDefinitions().All(ctx, t.Tenant, func(r directory.RoleDefinition) bool { return look("role", r.DisplayName, r.ScopeTags) })
		},
		func() error {
			return s.ProtectionPolicies().All(ctx, t.Tenant, func(p protection.Policy) bool { return look("app protection policy", p.DisplayName, p.ScopeTags) })
		},
		func() error {
			return s.Configurations().All(ctx, t.Tenant, func(p configuration.Policy) bool { return look("app configuration policy", p.DisplayName, p.ScopeTags) })
		},
		func() error {
			return s.Filters().All(ctx, t.Tenant, func(f targeting.Filter) bool { return look("assignment filter", f.DisplayName, f.ScopeTags) })
		},
	} {
		if err := search(); err != nil {
			return err
		}
		if user != "" {
			return fault.New(fault.Invalid, "scope tag %q is used by the %s; take it out there first", t.DisplayName, user)
		}
	}
	return nil
}

// withBuiltIn adds objects that are always there to those that are stored.
type withBuiltIn[T any] struct {
	Objects[T]
	items []T
	name  func(v *T, t directory.TenantID) (id, displayName string) // of v, which it puts into t
}

// Get finds a built-in object first.
func (o withBuiltIn[T]) Get(ctx context.Context, t directory.TenantID, id string) (T, error) {
	for _, v := range o.items {
		if have, _ := o.name(&v, t); have == id {
			return v, nil
		}
	}
	return o.Objects.Get(ctx, t, id)
}

// List merges both in identifier order.
func (o withBuiltIn[T]) List(ctx context.Context, t directory.TenantID, q Query) ([]T, error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	found, err := o.Objects.List(ctx, t, q)
	if err != nil {
		return nil, err
	}
	for _, v := range o.items {
		if id, name := o.name(&v, t); id > q.After && (q.Name == "" || strings.EqualFold(q.Name, name)) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b T) int {
		first, _ := o.name(&a, t)
		second, _ := o.name(&b, t)
		return strings.Compare(first, second)
	})
	return found[:min(q.Limit, len(found))], nil
}

// Count counts both.
func (o withBuiltIn[T]) Count(ctx context.Context, t directory.TenantID) (int, error) {
	n, err := o.Objects.Count(ctx, t)
	return n + len(o.items), err
}
