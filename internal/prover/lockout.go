package prover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/proof"
	"github.com/postern-mam/postern/internal/targeting"
)

// CheckLockout refuses a policy that, once saved, would let no enabled Global
// Administrator in to undo it. What every admin was barred by before is let
// through: it gets no worse. Whether the policy can hinder anybody at all is asked
// first, so that an ordinary save reads nobody's groups; then the actor is looked
// at before other admins, for one who gets in is enough.
func (s *Service) CheckLockout(ctx context.Context, actor directory.UserID, p access.Policy) error {
	if p.State != access.Enabled {
		return nil
	}
	before, err := s.store.Rules(ctx, p.Tenant)
	if err != nil {
		return err
	}
	world := proof.World{Apps: []proof.App{{Resource: access.ResourceOf(directory.App{ID: directory.GraphAPI})}}}
	if !proof.Hinders(before, p, world, proof.Attainable()) {
		return nil
	}
	after := before
	after.Policies = append(slices.DeleteFunc(slices.Clone(before.Policies), func(o access.Policy) bool { return o.ID == p.ID }), p)
	worst, err := s.lockedOut(ctx, actor, change{p.Tenant, access.Compile(before), access.Compile(after)})
	if err != nil || worst == nil {
		return err
	}
	return fault.New(fault.Invalid, "policy %q would lock out every enabled Global Administrator: %s; exclude an emergency account first, or force it (Prefer: postern.force, postern apply --force)", p.DisplayName, worst)
}

// change is what a save would make of a tenant's rules.
type change struct {
	tenant        directory.TenantID
	before, after *access.Set
}

// lockedOut returns an admin who got in before and does not afterwards, if then
// none does.
func (s *Service) lockedOut(ctx context.Context, actor directory.UserID, c change) (worst *barred, err error) {
	free := false
	look := func(a Account) (more bool, err error) {
		b, err := s.barred(ctx, c.after, a)
		if err != nil {
			return false, err
		}
		if b == nil {
			free = true
			return false, nil
		}
		if worst == nil {
			already, err := s.barred(ctx, c.before, a)
			if err != nil {
				return false, err
			}
			if already == nil {
				worst = b
			}
		}
		return true, nil
	}
	if me, err := s.store.Account(ctx, c.tenant, actor); err == nil && administers(me.User) {
		if more, err := look(me); err != nil || !more {
			return nil, err
		}
	}
	var failed error
	others := func(u directory.User) bool { return administers(u) && u.ID != actor }
	err = s.store.Accounts(ctx, c.tenant, others, func(a Account) (more bool) {
		more, failed = look(a)
		return more
	})
	if failed != nil {
		err = failed
	}
	if err != nil || free {
		return nil, err
	}
	return worst, nil
}

func administers(u directory.User) bool {
	return u.Enabled && slices.Contains(u.Roles, directory.GlobalAdministrator)
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

// barred looks for a way in, first with what everybody can have, then with what
// this person can have besides; nil: there is one.
func (s *Service) barred(ctx context.Context, set *access.Set, a Account) (*barred, error) {
	who, q := person(a), proof.Attainable()
	if a.User.AtRisk != "" {
		q.UserRisk = []access.Risk{access.Risk(a.User.AtRisk)}
	}
	stopped, no := proof.Barred(set, who, q)
	if !no {
		return nil, nil
	}
	more, err := s.attains(ctx, a)
	if err != nil {
		return nil, err
	}
	if q.Without &^= more; more != 0 {
		if stopped, no = proof.Barred(set, who, q); !no {
			return nil, nil
		}
	}
	return &barred{a.User, stopped}, nil
}

// attains is what a person can have beyond what everybody can: a protected app, if
// app protection is assigned, and a compliant device, if the tenant has one.
func (s *Service) attains(ctx context.Context, a Account) (access.Controls, error) {
	var out access.Controls
	protected, err := s.mayProtect(ctx, a)
	if err != nil {
		return 0, err
	}
	if protected {
		out |= access.ControlsOf(access.CompliantApplication, access.ApprovedApplication)
	}
	compliant, err := s.store.AnyCompliant(ctx, a.User.Tenant)
	if compliant {
		out |= access.ControlsOf(access.CompliantDevice)
	}
	return out, err
}

// mayProtect reports whether an app protection policy is assigned to a person: an
// assignment that a filter narrows counts, for some device may pass it.
func (s *Service) mayProtect(ctx context.Context, a Account) (bool, error) {
	policies, err := s.store.Protection(ctx, a.User.Tenant)
	for _, p := range policies {
		assigned := slices.Clone(p.Assignments)
		for i := range assigned {
			assigned[i].Filter, assigned[i].Mode = "", targeting.Unfiltered
		}
		if len(p.Apps) > 0 && targeting.Matches(assigned, targeting.Audience{Groups: a.Groups}) {
			return true, err
		}
	}
	return false, err
}
