package access

import (
	"slices"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// Change is what an administrator is about to save, as far as it decides who gets
// in. The zero value changes nothing.
type Change struct {
	Tenant directory.TenantID
	What   string // as a refusal names it, for example: policy "MFA for all"

	Policy        *Policy // created or changed
	WithoutPolicy PolicyID
	Location      *location.Location
	Strength      *strength.Strength
	DenyUncovered *bool
	Membership    *Membership
	User          *directory.User // as it will be
	WithoutUser   directory.UserID
}

// Membership is somebody, or a group, that comes into a group or leaves it. With
// an empty Member the group goes.
type Membership struct {
	Group  directory.GroupID
	Member string
	Leaves bool
}

// After is what the change makes of rules, which it leaves alone.
func (c Change) After(r Rules) Rules {
	if c.Policy != nil {
		r.Policies = put(r.Policies, *c.Policy, func(p Policy) bool { return p.ID == c.Policy.ID })
	}
	if c.WithoutPolicy != "" {
		r.Policies = slices.DeleteFunc(slices.Clone(r.Policies), func(p Policy) bool { return p.ID == c.WithoutPolicy })
	}
	if c.Location != nil {
		r.Locations = put(r.Locations, *c.Location, func(l location.Location) bool { return l.ID == c.Location.ID })
	}
	if c.Strength != nil {
		r.Strengths = put(r.Strengths, *c.Strength, func(s strength.Strength) bool { return s.ID == c.Strength.ID })
	}
	if c.DenyUncovered != nil {
		r.DenyUncovered = *c.DenyUncovered
	}
	return r
}

// put is a list with v in the place of what is the same, or at the end.
func put[T any](list []T, v T, same func(T) bool) []T {
	out := slices.Clone(list)
	if i := slices.IndexFunc(out, same); i >= 0 {
		out[i] = v
		return out
	}
	return append(out, v)
}

// Person is what the change makes of somebody; false when nobody is left.
func (c Change) Person(u directory.User) (directory.User, bool) {
	if c.User != nil && c.User.ID == u.ID {
		return *c.User, true
	}
	return u, c.WithoutUser != u.ID
}
