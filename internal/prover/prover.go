// Package prover reads what a tenant has, so that questions about all of its
// Conditional Access policies together can be proved (package proof): who gets in,
// what policies fail to do, and whether an admin still gets in after a change.
//
// # Errors
//
// A question that names what there is not, and a policy that would lock out every
// admin, are fault.Invalid, with what is meant in the detail.
package prover

import (
	"context"
	"errors"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/proof"
	"github.com/postern-mam/postern/internal/protection"
)

// Account is a user with the groups that it is in, direct and nested.
type Account struct {
	User   directory.User
	Groups []directory.GroupID
}

// Furniture is what a tenant has that policies may name, besides people and what
// decisions are made by.
type Furniture struct {
	Apps       []directory.App
	Groups     []directory.Group
	Agreements []agreement.ID
	Contexts   []access.ContextID
}

// Store is all that the room reads.
type Store interface {
	// Rules reads what decisions are made by, or fault.NotFound for an unknown tenant.
	Rules(ctx context.Context, t directory.TenantID) (access.Rules, error)
	// Furniture reads what else policies name.
	Furniture(ctx context.Context, t directory.TenantID) (Furniture, error)
	// Account reads one user, or fault.NotFound.
	Account(ctx context.Context, t directory.TenantID, id directory.UserID) (Account, error)
	// Accounts visits the users for whom want holds, with their groups, until visit
	// returns false.
	Accounts(ctx context.Context, t directory.TenantID, want func(directory.User) bool, visit func(Account) bool) error
	// GroupsAfter lists the groups, direct and nested, that somebody is in once a
	// membership has changed.
	GroupsAfter(ctx context.Context, a Account, m access.Membership) ([]directory.GroupID, error)
	// UserIDs lists all users, disabled ones among them. No list of the room is nil.
	UserIDs(ctx context.Context, t directory.TenantID) ([]directory.UserID, error)
	// Protection lists the app protection policies.
	Protection(ctx context.Context, t directory.TenantID) ([]protection.Policy, error)
	// AnyCompliant reports whether an enabled device is compliant.
	AnyCompliant(ctx context.Context, t directory.TenantID) (bool, error)
}

// Service proves, one question at a time: each may keep a processor busy for
// seconds.
type Service struct {
	store Store
	turn  chan struct{}
}

// mostStates bounds what one question looks at.
const mostStates = 500_000

// wait returns when it is the caller's turn; done gives it on.
func (s *Service) wait(ctx context.Context) (done func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "other questions are being answered; try again")
	}
}

// New returns the room; it needs a store.
func New(s Store) (*Service, error) {
	if s == nil {
		return nil, errors.New("prover: no Store")
	}
	return &Service{store: s, turn: make(chan struct{}, 1)}, nil
}

// Answer is what a question came to. A witness is somebody who exists whenever
// somebody who exists is one.
type Answer struct {
	proof.Answer
	// Exists tells that the witness has an account here now. Without it the answer is
	// about whoever could be given one, in any groups and roles that policies name.
	Exists bool
}

// Prove answers a question about a tenant's policies that are enforced: first
// about the people who have an account, then about anybody who may get one, so
// that a "no" stays true while people come and go and move between groups.
func (s *Service) Prove(ctx context.Context, t directory.TenantID, q proof.Question) (Answer, error) {
	done, err := s.wait(ctx)
	if err != nil {
		return Answer{}, err
	}
	defer done()
	q.States = mostStates
	rules, err := s.store.Rules(ctx, t)
	if err != nil {
		return Answer{}, err
	}
	furniture, err := s.store.Furniture(ctx, t)
	if err != nil {
		return Answer{}, err
	}
	set, w := access.Compile(rules), world(rules, furniture)
	if err = s.invite(ctx, t, &w, enabled); err != nil {
		return Answer{}, err
	}
	a, err := proof.Prove(set, w, q)
	if err == nil {
		err = context.Cause(ctx) // whoever asked may be gone
	}
	if err != nil || a.Verdict == proof.Yes {
		return Answer{a, err == nil}, err
	}
	w.People = nil
	a, err = proof.Prove(set, w, q)
	return Answer{a, false}, err
}

// Lint says what a tenant's policies fail to do, the worst first (proof.Lint).
func (s *Service) Lint(ctx context.Context, t directory.TenantID) ([]proof.Finding, error) {
	done, err := s.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	rules, err := s.store.Rules(ctx, t)
	if err != nil {
		return nil, err
	}
	furniture, err := s.store.Furniture(ctx, t)
	if err != nil {
		return nil, err
	}
	w := world(rules, furniture)
	refs := proof.References{Apps: []directory.AppID{}, Groups: []directory.GroupID{}, Agreements: furniture.Agreements, Contexts: furniture.Contexts}
	for _, a := range furniture.Apps {
		refs.Apps = append(refs.Apps, a.ID)
	}
	for _, g := range furniture.Groups {
		refs.Groups = append(refs.Groups, g.ID)
	}
	if refs.Users, err = s.store.UserIDs(ctx, t); err != nil {
		return nil, err
	}
	var failed error
	err = s.store.Accounts(ctx, t, administers, func(a Account) bool {
		p := person(a)
		p.Attains, failed = s.attains(ctx, a)
		w.People = append(w.People, p)
		w.Names[string(p.User)] = a.User.UserPrincipalName
		return failed == nil
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	return proof.Lint(access.Compile(rules), w, refs), nil
}

// world is everything but people.
func world(r access.Rules, f Furniture) proof.World {
	w := proof.World{Names: map[string]string{}}
	for _, a := range f.Apps {
		w.Apps = append(w.Apps, proof.App{Resource: access.ResourceOf(a), Public: a.Public})
		w.Names[string(a.ID)] = a.DisplayName
	}
	for _, g := range f.Groups {
		w.Names[string(g.ID)] = g.DisplayName
	}
	for _, l := range r.Locations {
		w.Names[string(l.ID)] = l.DisplayName
	}
	for _, r := range directory.RoleTemplates() {
		w.Names[string(r.ID)] = string(r.Role)
	}
	return w
}

// invite adds the people with an account for whom want holds.
func (s *Service) invite(ctx context.Context, t directory.TenantID, w *proof.World, want func(directory.User) bool) error {
	w.People = []proof.Person{}
	return s.store.Accounts(ctx, t, want, func(a Account) bool {
		w.People = append(w.People, person(a))
		w.Names[string(a.User.ID)] = a.User.UserPrincipalName
		return true
	})
}

func enabled(u directory.User) bool { return u.Enabled }

// person is an account as policies see one.
func person(a Account) proof.Person {
	var f access.Facts
	f.Identify(a.User, a.Groups)
	return proof.Person{User: f.User, Groups: f.Groups, Roles: f.Roles, Guest: f.Guest, HomeTenant: f.HomeTenant}
}
