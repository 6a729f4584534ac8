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

// CheckLockout refuses a change that, once saved, would let no enabled Global
// Administrator in to undo it. What every admin was barred by before is let
// through: it gets no worse. Whether a policy can hinder anybody at all is asked
// first, so that an ordinary save reads nobody's groups; then the actor is looked
// at before other admins, for one who gets in is enough.
func (s *Service) CheckLockout(ctx context.Context, actor directory.UserID, c access.Change) error {
	rules, err := s.store.Rules(ctx, c.Tenant)
	if err != nil {
		return err
	}
	world := proof.World{Apps: []proof.App{{Resource: access.ResourceOf(directory.App{ID: directory.GraphAPI})}}}
	if moot(rules, c, world) {
		return nil
	}
	worst, err := s.lockedOut(ctx, actor, judged{c, access.Compile(rules), access.Compile(c.After(rules))})
	if err != nil || worst == nil {
		return err
	}
	return fault.New(fault.Invalid, "%s would lock out every enabled Global Administrator: %s; exclude an emergency account first, or force it (Prefer: postern.force, postern apply --force)", c.What, worst)
}

// moot reports whether a change can bar nobody, whoever it is about, as access
// needs no policy: one goes, or one comes that hinders nobody who has what anybody
// can have.
func moot(rules access.Rules, c access.Change, w proof.World) bool {
	rest := c
	rest.Tenant, rest.What, rest.Policy, rest.WithoutPolicy = "", "", nil, ""
	if rules.DenyUncovered || rest != (access.Change{}) {
		return false
	}
	return c.Policy == nil || !proof.Hinders(rules, *c.Policy, w, proof.Attainable())
}

// judged is a change with the rules before and after it.
type judged struct {
	access.Change
	before, after *access.Set
}

// lockedOut returns an admin who got in before and does not afterwards, if then
// none does.
func (s *Service) lockedOut(ctx context.Context, actor directory.UserID, c judged) (worst *barred, err error) {
	free := false
	look := func(a Account) (more bool, err error) {
		b, err := s.left(ctx, c, a)
		if err != nil {
			return false, err
		}
		if b == nil {
			free = true
			return false, nil
		}
		if worst == nil && administers(a.User) {
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
	if me, err := s.store.Account(ctx, c.Tenant, actor); err == nil && c.concerns(me.User) {
		if more, err := look(me); err != nil || !more {
			return nil, err
		}
	}
	var failed error
	others := func(u directory.User) bool { return c.concerns(u) && u.ID != actor }
	err = s.store.Accounts(ctx, c.Tenant, others, func(a Account) (more bool) {
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

// concerns reports whether somebody is an admin, or will be.
func (c judged) concerns(u directory.User) bool {
	after, there := c.Person(u)
	return administers(u) || there && administers(after)
}

// left says why somebody does not get in as an admin after the change; nil: they do.
func (s *Service) left(ctx context.Context, c judged, a Account) (*barred, error) {
	var there bool
	before := a.User
	if a.User, there = c.Person(a.User); !there || !administers(a.User) {
		return &barred{user: before, gone: true}, nil
	}
	if c.Membership != nil {
		var err error
		if a.Groups, err = s.store.GroupsAfter(ctx, a, *c.Membership); err != nil {
			return nil, err
		}
	}
	return s.barred(ctx, c.after, a)
}

func administers(u directory.User) bool {
	return u.Enabled && slices.Contains(u.Roles, directory.GlobalAdministrator)
}

// barred is an admin who gets in by no way.
type barred struct {
	user    directory.User
	gone    bool // as an admin
	stopped []access.Applied
}

func (b *barred) String() string {
	if b.gone {
		return b.user.UserPrincipalName + " would be no enabled administrator any more, and nobody else gets in"
	}
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
	return &barred{user: a.User, stopped: stopped}, nil
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
