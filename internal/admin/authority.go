package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// Authority is what a caller may do to managed apps and what belongs to them.
// The zero value may do nothing.
type Authority struct {
	All    bool // everything, to everything
	Grants []Grant
}

// Grant is what one role assignment gives.
type Grant struct {
	Actions   []string
	ScopeTags []string            // of the objects it covers; empty: every object
	Scopes    []directory.GroupID // whose members may be acted on; empty: everyone
}

// May reports whether action is allowed on an object with these scope tags; no
// tags ask whether it is allowed on anything at all.
func (a Authority) May(action string, tags []string) bool {
	return a.All || slices.ContainsFunc(a.Grants, func(g Grant) bool { return g.covers(action, tags) })
}

// MayActOn is May for an action on a user who is in groups, direct and nested.
func (a Authority) MayActOn(action string, tags []string, groups []directory.GroupID) bool {
	return a.All || slices.ContainsFunc(a.Grants, func(g Grant) bool {
		inScope := len(g.Scopes) == 0 || slices.ContainsFunc(g.Scopes, func(s directory.GroupID) bool { return slices.Contains(groups, s) })
		return inScope && g.covers(action, tags)
	})
}

func (g Grant) covers(action string, tags []string) bool {
	return slices.Contains(g.Actions, action) && (len(tags) == 0 || len(g.ScopeTags) == 0 ||
		slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(g.ScopeTags, t) }))
}

// MayGive reports whether a role assignment that allows action on what carries
// one of tags (empty: on every object), to the members of scopes (empty: to
// everyone), gives nothing that the caller does not hold.
func (a Authority) MayGive(action string, tags []string, scopes []directory.GroupID) bool {
	if len(tags) == 0 {
		tags = []string{""} // which only a grant without tags has
	}
	holds := func(tag string) bool {
		return slices.ContainsFunc(a.Grants, func(g Grant) bool {
			within := len(g.Scopes) == 0 || len(scopes) > 0 && !slices.ContainsFunc(scopes, func(s directory.GroupID) bool { return !slices.Contains(g.Scopes, s) })
			return within && g.covers(action, []string{tag})
		})
	}
	return a.All || !slices.ContainsFunc(tags, func(tag string) bool { return !holds(tag) })
}

// MayAssign refuses a caller who would give or take, by role assignments, what
// they do not hold themselves: on the same objects, to act on the same people.
// What an app and a Global Administrator hold is what their permissions cover.
func (s *Service) MayAssign(ctx context.Context, p oauth.Principal, a Authority, all ...directory.RoleAssignment) error {
	for _, assignment := range all {
		role, err := s.RoleDefinitions().Get(ctx, p.Tenant, assignment.Role)
		if fault.KindOf(err) == fault.NotFound {
			continue // it gives nothing
		}
		if err != nil {
			return err
		}
		if err := a.mayGive(p, role.Actions, assignment); err != nil {
			return err
		}
	}
	return nil
}

// MayDefine is MayAssign for a role that changes from old to r, either of which
// may be zero: whoever holds the role gains or loses what it allows.
func (s *Service) MayDefine(ctx context.Context, p oauth.Principal, a Authority, old, r directory.RoleDefinition) error {
	actions := slices.DeleteFunc(unique(slices.Concat(old.Actions, r.Actions)), func(action string) bool {
		return directory.ActionPermission(action) == "" // gives nothing; the rules of roles say it better
	})
	for _, action := range actions {
		if !a.May(action, nil) || a.All && !covered(p, action) {
			return mayNot(action)
		}
	}
	if old.ID == "" {
		return nil
	}
	var refused error
	err := s.RoleAssignments().All(ctx, p.Tenant, func(held directory.RoleAssignment) bool {
		if held.Role == old.ID {
			refused = a.mayGive(p, actions, held)
		}
		return refused == nil
	})
	return cmp.Or(err, refused)
}

func (a Authority) mayGive(p oauth.Principal, actions []string, to directory.RoleAssignment) error {
	for _, action := range actions {
		if !a.MayGive(action, to.ScopeTags, to.Scopes) || a.All && !covered(p, action) {
			return mayNot(action)
		}
	}
	return nil
}

func covered(p oauth.Principal, action string) bool {
	return holds(p.Permissions, directory.ActionPermission(action))
}

func mayNot(action string) error {
	return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; only a caller who holds %s, for these objects and people or more, may give or take it", action)
}

// Tags lists the scope tags of the objects on which action is allowed; all means
// every object.
func (a Authority) Tags(action string) (tags []string, all bool) {
	if a.All {
		return nil, true
	}
	for _, g := range a.Grants {
		if !slices.Contains(g.Actions, action) {
			continue
		}
		if len(g.ScopeTags) == 0 {
			return nil, true
		}
		tags = append(tags, g.ScopeTags...)
	}
	return unique(tags), false
}

// Authority reads what a caller may do, live: an app that signed in as itself
// may do what its permissions say, a Global Administrator whose client may do
// everything in their name may do everything, and any other user what role
// assignments give, through groups, direct and nested.
func (s *Service) Authority(ctx context.Context, p oauth.Principal) (Authority, error) {
	if p.User == "" || MayEmpower(p, directory.Permissions()) == nil {
		return Authority{All: true}, nil
	}
	held, err := s.store.RolesOf(ctx, p.Tenant, p.User)
	if err != nil {
		return Authority{}, err
	}
	var a Authority
	for _, assignment := range held {
		role, err := s.RoleDefinitions().Get(ctx, p.Tenant, assignment.Role)
		if fault.KindOf(err) == fault.NotFound {
			continue // deleted since: it gives nothing any more
		}
		if err != nil {
			return Authority{}, err
		}
		a.Grants = append(a.Grants, Grant{Actions: role.Actions, ScopeTags: assignment.ScopeTags, Scopes: assignment.Scopes})
	}
	return a, nil
}

// Export is a report that somebody takes out of the service.
type Export struct {
	Report    string
	Format    string
	User      directory.UserID `json:",omitempty"` // whom alone it is about
	ScopeTags []string         `json:",omitempty"` // of what it shows; none: everything
}

// Exported puts on record that the actor ordered a report.
func (s *Service) Exported(ctx context.Context, t directory.TenantID, x Export) error {
	doc, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("record of an export: %w", err)
	}
	e := s.entry(audit.Action, audit.ReportExport, subject{tenant: t, id: x.Report, name: x.Report, scopeTags: x.ScopeTags})
	e.Activity, e.After = "report ordered", doc
	return s.store.Keep(ctx, e)
}

// Entries reads the record of changes, newest first.
func (s *Service) Entries(ctx context.Context, t directory.TenantID, q EntryQuery) ([]audit.Entry, error) {
	return s.store.Entries(ctx, t, q)
}

// Entry reads one entry of the record; fault.NotFound without it.
func (s *Service) Entry(ctx context.Context, t directory.TenantID, id string) (audit.Entry, error) {
	return s.store.Entry(ctx, t, id)
}
