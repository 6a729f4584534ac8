package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/strength"
)

// checkDemands wants a strength, terms of use and contexts that exist.
func (s *Service) checkDemands(ctx context.Context, old, p *access.Policy) error {
	var known access.Policy
	if old != nil {
		known = *old
	}
	of := func(id strength.ID) []strength.ID {
		return slices.DeleteFunc([]strength.ID{id}, func(id strength.ID) bool { return id == "" })
	}
	return together(
		resolve(ctx, reference[strength.ID]{
			"grantControls.authenticationStrength", exists(s.strengths(), p.Tenant), "authentication strength", of(p.Grant.Strength), of(known.Grant.Strength),
		}),
		resolve(ctx, reference[agreement.ID]{
			"grantControls.termsOfUse", exists(s.store.Agreements(), p.Tenant), "agreement", p.Grant.Terms, known.Grant.Terms,
		}),
		resolve(ctx, reference[access.ContextID]{
			"conditions.applications.includeAuthenticationContextClassReferences", exists(s.store.Contexts(), p.Tenant),
			"authentication context", p.Conditions.Apps.Contexts, known.Conditions.Apps.Contexts,
		}),
	)
}

// referring lists the policies, of any state, for which refers holds.
func (s *Service) referring(ctx context.Context, t directory.TenantID, refers func(p *access.Policy) bool) ([]access.Policy, error) {
	var found []access.Policy
	err := s.AccessPolicies().All(ctx, t, func(p access.Policy) bool {
		if refers(&p) {
			found = append(found, p)
		}
		return true
	})
	return found, err
}

// unreferenced refuses to delete what a policy refers to: without it the policy
// would never be satisfied, and nobody would see why.
func (s *Service) unreferenced(ctx context.Context, t directory.TenantID, kind, name string, refers func(p *access.Policy) bool) error {
	found, err := s.referring(ctx, t, refers)
	if err != nil || len(found) == 0 {
		return err
	}
	var names []string
	for _, p := range found {
		names = append(names, fmt.Sprintf("%q", p.DisplayName))
	}
	return fault.New(fault.Invalid, "%s %q is used by the conditional access policy %s; take it out there first", kind, name, strings.Join(names, ", "))
}

// StrengthUses lists the policies that demand an authentication strength, in
// identifier order.
func (s *Service) StrengthUses(ctx context.Context, t directory.TenantID, id strength.ID) ([]access.Policy, error) {
	return s.referring(ctx, t, demandsStrength(id))
}

func demandsStrength(id strength.ID) func(p *access.Policy) bool {
	return func(p *access.Policy) bool { return p.Grant.Strength == id }
}

func demandsContext(id string) func(p *access.Policy) bool {
	return func(p *access.Policy) bool { return slices.Contains(p.Conditions.Apps.Contexts, access.ContextID(id)) }
}

func demandsTerms(id agreement.ID) func(p *access.Policy) bool {
	return func(p *access.Policy) bool { return slices.Contains(p.Grant.Terms, id) }
}
