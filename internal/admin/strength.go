package admin

import (
	"cmp"
	"context"

	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/strength"
)

// Demands keeps what Conditional Access policies refer to when they demand
// something. Saving any of it moves the tenant's revision.
type Demands interface {
	Strengths() Objects[strength.Strength] // without the built-in ones
	Contexts() Objects[strength.Context]
	Agreements() Objects[agreement.Agreement]
	// Acceptances lists the acceptances of an agreement, which need not be there
	// any more, or of all for "", in identifier order. Query.Name does not narrow
	// them.
	Acceptances(ctx context.Context, t directory.TenantID, id agreement.ID, q Query) ([]agreement.Acceptance, error)
}

// Strengths administers authentication strengths. The built-in ones are always
// there and cannot change.
func (s *Service) Strengths() Collection[strength.Strength] {
	return Collection[strength.Strength]{
		service: s, kind: audit.AuthenticationStrength, objects: s.strengths(), restorable: true,
		check: s.checkStrength, admits: s.strengthAdmits, judged: true,
		spare: func(ctx context.Context, v strength.Strength) error {
			if v.BuiltIn {
				return builtInStrength(v)
			}
			return s.unreferenced(ctx, v.Tenant, "authentication strength", v.DisplayName, demandsStrength(v.ID))
		},
		announce: func(_, v *strength.Strength) event.Event {
			return s.changed(v.Tenant, "authentication strength", &event.Reach{})
		},
		describe: func(v *strength.Strength) subject {
			return subject{v.Tenant, string(v.ID), v.Revision, v.DisplayName, nil}
		},
		renew: func(v *strength.Strength, revision int64) { v.Revision = revision },
	}
}

func (s *Service) strengths() Objects[strength.Strength] {
	return withBuiltIn[strength.Strength]{
		Objects: s.store.Strengths(), items: strength.BuiltIns(),
		name: func(v *strength.Strength, t directory.TenantID) (string, string) {
			v.Tenant = t
			return string(v.ID), v.DisplayName
		},
	}
}

func builtInStrength(v strength.Strength) error {
	return fault.New(fault.Invalid, "authentication strength %q is built in and cannot be changed; make one of your own", v.DisplayName)
}

func (s *Service) checkStrength(_ context.Context, old, v *strength.Strength) error {
	v.BuiltIn, v.ModifiedAt = false, s.now()
	if old == nil {
		v.ID, v.CreatedAt = cmp.Or(v.ID, strength.ID(newID())), v.ModifiedAt
	} else {
		if old.BuiltIn {
			return builtInStrength(*old)
		}
		v.CreatedAt = old.CreatedAt
	}
	return broken(strength.Validate(*v))
}

// Contexts administers authentication contexts. Whoever creates one chooses its
// number.
func (s *Service) Contexts() Collection[strength.Context] {
	return Collection[strength.Context]{
		service: s, kind: audit.AuthenticationContext, objects: s.store.Contexts(), restorable: true, judged: true,
		check: func(_ context.Context, old, v *strength.Context) error {
			v.ModifiedAt = s.now()
			v.CreatedAt = v.ModifiedAt
			if old != nil {
				v.CreatedAt = old.CreatedAt
			}
			return broken(strength.ValidateContext(*v))
		},
		spare: func(ctx context.Context, v strength.Context) error {
			if v.Available {
				return fault.New(fault.Invalid, "authentication context %q is published; set isAvailable to false first, so that no app asks for it any more", v.ID)
			}
			return s.unreferenced(ctx, v.Tenant, "authentication context", v.ID, demandsContext(v.ID))
		},
		announce: func(_, v *strength.Context) event.Event {
			return s.changed(v.Tenant, "authentication context", &event.Reach{})
		},
		describe: func(v *strength.Context) subject { return subject{v.Tenant, v.ID, v.Revision, v.DisplayName, nil} },
		renew:    func(v *strength.Context, revision int64) { v.Revision = revision },
	}
}
