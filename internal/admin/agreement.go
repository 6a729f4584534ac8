package admin

import (
	"context"
	"slices"

	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
)

// Agreements administers terms of use. Their acceptances stay when they go.
func (s *Service) Agreements() Collection[agreement.Agreement] {
	return Collection[agreement.Agreement]{
		service: s, kind: audit.Agreement, objects: s.store.Agreements(),
		check: s.checkAgreement, judged: true,
		spare: func(ctx context.Context, g agreement.Agreement) error {
			return s.unreferenced(ctx, g.Tenant, "terms of use", g.DisplayName, demandsTerms(g.ID))
		},
		announce: func(_, g *agreement.Agreement) event.Event {
			return s.changed(g.Tenant, "terms of use", &event.Reach{})
		},
		describe: func(g *agreement.Agreement) subject {
			return subject{g.Tenant, string(g.ID), g.Revision, g.DisplayName, nil}
		},
	}
}

// checkAgreement gives a new version to texts that say something else than before.
// The identifier of new terms is never a chosen one: acceptances of older terms
// would count for them.
func (s *Service) checkAgreement(_ context.Context, old, g *agreement.Agreement) error {
	g.ModifiedAt = s.now()
	g.Complete()
	var before []agreement.Text
	if old == nil {
		g.ID, g.CreatedAt, g.Version = agreement.ID(newID()), g.ModifiedAt, 1
	} else {
		g.CreatedAt, g.Version, before = old.CreatedAt, old.Version, old.Texts
		if otherwise(before, g.Texts) {
			g.Version++
		}
	}
	g.Texts = slices.Clone(g.Texts)
	for i := range g.Texts {
		g.Texts[i].ID = newID()
		for _, t := range before {
			if t.Language == g.Texts[i].Language && t.Body == g.Texts[i].Body {
				g.Texts[i].ID = t.ID // of what it says
			}
		}
	}
	return broken(agreement.Validate(*g))
}

// otherwise reports whether texts that people have accepted were changed or
// taken away. Another language asks nobody again.
func otherwise(before, after []agreement.Text) bool {
	for _, t := range before {
		if !slices.ContainsFunc(after, func(n agreement.Text) bool { return n.Language == t.Language && n.Body == t.Body }) {
			return true
		}
	}
	return false
}

// Acceptances lists who accepted an agreement, which need not be there any more,
// or any of all for "", in identifier order.
func (s *Service) Acceptances(ctx context.Context, t directory.TenantID, id agreement.ID, q Query) ([]agreement.Acceptance, error) {
	return s.store.Acceptances(ctx, t, id, q)
}
