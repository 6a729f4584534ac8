package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// What decides who gets in is refused when no administrator would get in any more
// to undo it, unless it is forced.

// admits refuses a change that locks out every administrator.
func (s *Service) admits(ctx context.Context, c access.Change) error {
	if s.forced {
		return nil
	}
	return s.lockouts.CheckLockout(ctx, s.actor.User, c)
}

func (s *Service) policyAdmits(ctx context.Context, old, p *access.Policy) error {
	c := access.Change{What: "the change"}
	switch {
	case p == nil:
		c.Tenant, c.What, c.WithoutPolicy = old.Tenant, fmt.Sprintf("policy %q, deleted,", old.DisplayName), old.ID
	default:
		c.Tenant, c.What, c.Policy = p.Tenant, fmt.Sprintf("policy %q", p.DisplayName), p
	}
	return s.admits(ctx, c)
}

func (s *Service) locationAdmits(ctx context.Context, old, l *location.Location) error {
	if old == nil || l == nil {
		return nil // no policy names it
	}
	return s.admits(ctx, access.Change{Tenant: l.Tenant, What: fmt.Sprintf("named location %q", l.DisplayName), Location: l})
}

func (s *Service) strengthAdmits(ctx context.Context, old, v *strength.Strength) error {
	if old == nil || v == nil {
		return nil // no policy names it
	}
	return s.admits(ctx, access.Change{Tenant: v.Tenant, What: fmt.Sprintf("authentication strength %q", v.DisplayName), Strength: v})
}

func (s *Service) settingsAdmit(ctx context.Context, old, t *directory.Tenant) error {
	if old == nil || t == nil || old.Settings.DenyUncovered == t.Settings.DenyUncovered {
		return nil
	}
	return s.admits(ctx, access.Change{Tenant: t.ID, What: "refusing what no policy covers", DenyUncovered: &t.Settings.DenyUncovered})
}

// userAdmits is asked of administrators alone: nobody else could lock one out.
func (s *Service) userAdmits(ctx context.Context, old, u *directory.User) error {
	switch {
	case old == nil || !administers(*old):
		return nil
	case u == nil:
		return s.admits(ctx, access.Change{Tenant: old.Tenant, What: fmt.Sprintf("deleting %s", old.UserPrincipalName), WithoutUser: old.ID})
	case u.Enabled == old.Enabled && slices.Equal(u.Roles, old.Roles) && u.Guest == old.Guest && u.HomeTenant == old.HomeTenant && u.AtRisk == old.AtRisk:
		return nil
	}
	return s.admits(ctx, access.Change{Tenant: u.Tenant, What: fmt.Sprintf("this change of %s", old.UserPrincipalName), User: u})
}

func (s *Service) groupAdmits(ctx context.Context, old, g *directory.Group) error {
	if g != nil {
		return nil // its name admits nobody
	}
	return s.admits(ctx, access.Change{
		Tenant: old.Tenant, What: fmt.Sprintf("deleting group %q", old.DisplayName), Membership: &access.Membership{Group: old.ID, Leaves: true},
	})
}

// membershipAdmits lets the people come and go that administer nothing.
func (s *Service) membershipAdmits(ctx context.Context, t directory.TenantID, m directory.Member, c access.Membership) error {
	if m.Kind == directory.MemberUser {
		u, err := s.store.Users().Get(ctx, t, m.ID)
		if err != nil || !administers(u) {
			return err
		}
	}
	what := "adding %s %q to group %q"
	if c.Leaves {
		what = "taking %s %q out of group %q"
	}
	return s.admits(ctx, access.Change{Tenant: t, What: fmt.Sprintf(what, m.Kind, m.ID, c.Group), Membership: &c})
}

// attempts bounds how often a change is judged anew because the configuration
// that it was judged by changed meanwhile, in another process.
const attempts = 16

// judge runs a change of a tenant's configuration by itself: what it is judged by
// stays as it is until it is saved. job gets the revision that it must find.
func (s *Service) judge(ctx context.Context, t directory.TenantID, job func(basis int64) error) error {
	done, err := s.turns.wait(ctx, t)
	if err != nil {
		return err
	}
	defer done()
	for range attempts {
		tenant, failed := s.store.Tenants().Get(ctx, t, string(t))
		if failed != nil {
			return failed
		}
		if err = job(tenant.Revision); !moved(err) {
			return err
		}
	}
	return err
}

// moved reports whether a change failed because the configuration that it was
// judged by has changed.
func moved(err error) bool { return errors.Is(err, ErrMoved) }

// turns lets one change of a tenant's configuration be judged at a time in this
// process, so that many at once do not keep overtaking each other.
type turns struct {
	mu sync.Mutex
	of map[directory.TenantID]chan struct{}
}

func (t *turns) wait(ctx context.Context, tenant directory.TenantID) (done func(), err error) {
	t.mu.Lock()
	turn := t.of[tenant]
	if turn == nil {
		turn = make(chan struct{}, 1)
		t.of[tenant] = turn
	}
	t.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "other changes are being judged; try again")
	}
}
