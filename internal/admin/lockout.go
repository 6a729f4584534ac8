package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/proof"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/strength"
	"github.com/postern-mam/postern/internal/targeting"
)

// Forced returns the room as somebody uses it who takes the risk to be locked out.
func (s *Service) Forced() *Service {
	room := *s
	room.forced = true
	return &room
}

// checkAccess is checkAccessPolicy, and then that no admin is locked out.
func (s *Service) checkAccess(ctx context.Context, old, p *access.Policy) error {
	if err := s.checkAccessPolicy(ctx, old, p); err != nil {
		return err
	}
	return s.checkLockout(ctx, p)
}

// checkLockout refuses a policy after which no enabled Global Administrator would
// get in to undo it. What every admin was barred by before is let through: it gets
// no worse. Whether a policy can hinder anybody at all is asked first, so that an
// ordinary save reads nobody's groups.
func (s *Service) checkLockout(ctx context.Context, p *access.Policy) error {
	if s.forced || p.State != access.Enabled {
		return nil
	}
	world := proof.World{Apps: []proof.App{{Resource: resource(directory.App{ID: directory.GraphAPI})}}}
	before, err := s.rules(ctx, p.Tenant)
	if err != nil {
		return err
	}
	if !proof.Hinders(before, *p, world, attainable()) {
		return nil
	}
	after := before
	after.Policies = append(slices.DeleteFunc(slices.Clone(before.Policies), func(o access.Policy) bool { return o.ID == p.ID }), *p)
	worst, err := s.lockedOut(ctx, access.Compile(before), access.Compile(after), p.Tenant)
	if err != nil || worst == nil {
		return err
	}
	return fault.New(fault.Invalid, "policy %q would lock out every enabled Global Administrator: %s; exclude an emergency account first, or send Prefer: postern.force", p.DisplayName, worst)
}

// lockedOut returns an admin who got in before and does not afterwards, if then
// none does.
func (s *Service) lockedOut(ctx context.Context, before, after *access.Set, t directory.TenantID) (*barred, error) {
	var worst *barred
	err := s.administrators(ctx, t, func(u directory.User) (bool, error) {
		b, err := s.barred(ctx, after, u)
		if err != nil || b == nil {
			worst = nil
			return false, err
		}
		if worst == nil {
			already, err := s.barred(ctx, before, u)
			if err != nil {
				return false, err
			}
			if already == nil {
				worst = b
			}
		}
		return true, nil
	})
	return worst, err
}

// attainable asks for a sign-in to the administration API, with what any person
// can have here: no legacy client, no managed device, no protected app.
func attainable() proof.Question {
	return proof.Question{
		Apps: []directory.AppID{directory.GraphAPI}, ClientAppTypes: []access.ClientAppType{access.Browser, access.MobileAndDesktop},
		SignInRisk: []access.Risk{access.RiskNone}, UserRisk: []access.Risk{access.RiskNone}, InsiderRisk: []access.Risk{""},
		Methods: strength.Password | strength.SoftwareOath,
		Without: access.ControlsOf(access.CompliantApplication, access.ApprovedApplication, access.CompliantDevice, access.DomainJoinedDevice),
	}
}

// barred is an admin who gets in by no way.
type barred struct {
	user    directory.User
	stopped []access.Applied
}

func (b *barred) String() string {
	var why []string
	for _, a := range b.stopped {
		var unmet []string
		for _, c := range a.Unmet {
			unmet = append(unmet, string(c))
		}
		why = append(why, fmt.Sprintf("%q (%s)", a.DisplayName, strings.Join(unmet, ", ")))
	}
	if why == nil {
		return b.user.UserPrincipalName + " has no sign-in that all policies let through together"
	}
	return b.user.UserPrincipalName + " would be stopped by " + strings.Join(why, " and ")
}

// barred looks for a way in for u, first with what everybody can have, then with
// what this person can have besides; nil: there is one.
func (s *Service) barred(ctx context.Context, set *access.Set, u directory.User) (*barred, error) {
	person, err := s.person(ctx, u)
	if err != nil {
		return nil, err
	}
	q := attainable()
	if u.AtRisk != "" {
		q.UserRisk = []access.Risk{access.Risk(u.AtRisk)}
	}
	stopped, no := proof.Barred(set, person, q)
	if !no {
		return nil, nil
	}
	protected, err := s.mayProtect(ctx, person, u.Tenant)
	if err != nil {
		return nil, err
	}
	compliant, err := s.anyCompliant(ctx, u.Tenant)
	if err != nil {
		return nil, err
	}
	if protected {
		q.Without &^= access.ControlsOf(access.CompliantApplication, access.ApprovedApplication)
	}
	if compliant {
		q.Without &^= access.ControlsOf(access.CompliantDevice)
	}
	if protected || compliant {
		if stopped, no = proof.Barred(set, person, q); !no {
			return nil, nil
		}
	}
	return &barred{u, stopped}, nil
}

// administrators visits the enabled Global Administrators, whoever asks first:
// most often that is one, and one who gets in is enough.
func (s *Service) administrators(ctx context.Context, t directory.TenantID, visit func(u directory.User) (bool, error)) error {
	if s.actor.User != "" {
		me, err := s.store.Users().Get(ctx, t, string(s.actor.User))
		if err == nil && administers(me) {
			if more, err := visit(me); err != nil || !more {
				return err
			}
		}
	}
	var failed error
	err := s.Users().All(ctx, t, func(u directory.User) bool {
		if !administers(u) || u.ID == s.actor.User {
			return true
		}
		more, err := visit(u)
		failed = err
		return more && err == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// rules are everything that decisions in a tenant are made by.
func (s *Service) rules(ctx context.Context, t directory.TenantID) (access.Rules, error) {
	r := access.Rules{}
	tenant, err := s.store.Tenants().Get(ctx, t, string(t))
	if err != nil {
		return r, err
	}
	r.DenyUncovered = tenant.Settings.DenyUncovered
	if r.Policies, err = all(ctx, t, s.AccessPolicies()); err != nil {
		return r, err
	}
	if r.Locations, err = all[location.Location](ctx, t, s.NamedLocations()); err != nil {
		return r, err
	}
	r.Strengths, err = all(ctx, t, s.Strengths())
	return r, err
}

func all[T any](ctx context.Context, t directory.TenantID, c Collection[T]) ([]T, error) {
	var out []T
	err := c.All(ctx, t, func(v T) bool {
		out = append(out, v)
		return true
	})
	return out, err
}

// person is a user as policies see one.
func (s *Service) person(ctx context.Context, u directory.User) (proof.Person, error) {
	p := proof.Person{User: u.ID, Guest: u.Guest, HomeTenant: u.HomeTenant}
	for _, r := range u.Roles {
		if id := r.Template(); id != "" {
			p.Roles = append(p.Roles, id)
		}
	}
	q := Query{Limit: 500}
	for {
		page, err := s.store.TransitiveMemberOf(ctx, u.Tenant, string(u.ID), q)
		if err != nil {
			return p, err
		}
		for _, g := range page {
			p.Groups = append(p.Groups, g.ID)
		}
		if len(page) < q.Limit {
			return p, nil
		}
		q.After = string(page[len(page)-1].ID)
	}
}

// mayProtect reports whether an app protection policy is assigned to a person: an
// assignment that a filter narrows counts, for some device may pass it.
func (s *Service) mayProtect(ctx context.Context, p proof.Person, t directory.TenantID) (bool, error) {
	found := false
	err := s.ProtectionPolicies().All(ctx, t, func(v protection.Policy) bool {
		assigned := slices.Clone(v.Assignments)
		for i := range assigned {
			assigned[i].Filter, assigned[i].Mode = "", targeting.Unfiltered
		}
		found = len(v.Apps) > 0 && targeting.Matches(assigned, targeting.Audience{Groups: p.Groups})
		return !found
	})
	return found, err
}

func (s *Service) anyCompliant(ctx context.Context, t directory.TenantID) (bool, error) {
	found := false
	err := s.Devices().All(ctx, t, func(d directory.Device) bool {
		found = d.Enabled && d.Compliant
		return !found
	})
	return found, err
}

// resource is an application as policies select it. What administers is an admin
// portal, whoever tags it.
func resource(a directory.App) access.Resource {
	r := access.Resource{ID: a.ID, Attributes: a.Attributes}
	for _, tag := range a.Tags {
		r.Groups = append(r.Groups, access.AppGroup(tag))
	}
	if a.ID == directory.GraphAPI && !slices.Contains(r.Groups, access.MicrosoftAdminPortals) {
		r.Groups = append(r.Groups, access.MicrosoftAdminPortals)
	}
	return r
}
