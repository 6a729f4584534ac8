package admin

import (
	"context"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// Around lists a group and those that it is in, direct and nested: whatever is
// given to one of them, its members have.
func (s *Service) Around(ctx context.Context, t directory.TenantID, g directory.GroupID) ([]directory.GroupID, error) {
	around := []directory.GroupID{g}
	q := Query{Limit: 500}
	for {
		page, err := s.store.TransitiveMemberOf(ctx, t, string(g), q)
		if err != nil {
			return nil, err
		}
		for _, outer := range page {
			q.After = string(outer.ID)
			around = append(around, outer.ID)
		}
		if len(page) < q.Limit {
			return around, nil
		}
	}
}

// MayFill is MayAssign for the members of a group: who joins one gains the roles
// that it holds, and who leaves loses them. Without this, permission to manage
// groups would be permission to do what any role may.
func (s *Service) MayFill(ctx context.Context, p oauth.Principal, a Authority, g directory.GroupID) error {
	around, err := s.Around(ctx, p.Tenant, g)
	if err != nil {
		return err
	}
	var held []directory.RoleAssignment
	err = s.RoleAssignments().All(ctx, p.Tenant, func(to directory.RoleAssignment) bool {
		if slices.ContainsFunc(to.Members, func(m directory.GroupID) bool { return slices.Contains(around, m) }) {
			held = append(held, to)
		}
		return true
	})
	if err != nil {
		return err
	}
	return s.MayAssign(ctx, p, a, held...)
}

// MayControl is MayAssign for a user: whoever sets a password can sign in with
// it, and has the roles of the user.
func (s *Service) MayControl(ctx context.Context, p oauth.Principal, a Authority, u directory.UserID) error {
	held, err := s.store.RolesOf(ctx, p.Tenant, u)
	if err != nil {
		return err
	}
	return s.MayAssign(ctx, p, a, held...)
}

// MayRun refuses a caller who would gain what an app may do: what its
// permissions say, and to report threats when it is a connector.
func (s *Service) MayRun(ctx context.Context, p oauth.Principal, app directory.App) error {
	if err := MayEmpower(p, app.Permissions); err != nil {
		return err
	}
	_, err := s.Connectors().Get(ctx, p.Tenant, string(app.ID))
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return MayEmpower(p, []string{directory.ConnectorWrite})
}
