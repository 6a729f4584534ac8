package access

import (
	"fmt"
	"reflect"
	"slices"
)

// Reproduce decides a recorded sign-in anew by the rules that it was decided by,
// and returns an error that names the first difference to what was recorded, or
// nil when there is none. A record that no policy was asked for has nothing to
// reproduce.
func (s *Set) Reproduce(r Record) error {
	if r.Set == "" || r.Facts == nil {
		return nil
	}
	if s.id != r.Set {
		return fmt.Errorf("the record was made by the rules %s, and these are %s", r.Set, s.id)
	}
	d := s.Evaluate(r.Facts)
	switch {
	case d.Outcome != r.Outcome:
		return fmt.Errorf("the outcome is %s, and %s was recorded", d.Outcome, r.Outcome)
	case d.Code != r.Code:
		return fmt.Errorf("the code is %d, and %d was recorded", d.Code, r.Code)
	case !slices.EqualFunc(d.Matched(), r.Applied, func(a, b Applied) bool { return reflect.DeepEqual(a, b) }):
		return fmt.Errorf("the policies that apply came to %v, and %v was recorded", d.Matched(), r.Applied)
	}
	recorded := Session{}
	if r.Controls != nil {
		recorded = *r.Controls
	}
	if d.Session != recorded {
		return fmt.Errorf("the session is controlled by %+v, and %+v was recorded", d.Session, recorded)
	}
	return nil
}

// Effect is what other rules would have done to one sign-in.
type Effect uint8

// The effects. What is worse for the person comes later.
const (
	Unchanged Effect = iota
	LetIn            // was refused or asked, would be let in
	Eased            // was blocked, would be asked for something
	Prompted         // was let in, would be asked for something
	Blocked          // was let in or asked, would be blocked

	// EffectCount is how many effects there are.
	EffectCount = 5
)

// Compare says what a draft would have done instead of the rules in force.
func Compare(now, draft Outcome) Effect {
	switch {
	case now == draft:
		return Unchanged
	case draft == Granted:
		return LetIn
	case draft == Challenge && now == Denied:
		return Eased
	case draft == Challenge:
		return Prompted
	default:
		return Blocked
	}
}

// Draft returns the rules with some policies in place of those with the same
// identifier, or beside them, and without others. Nothing in r is changed.
func (r Rules) Draft(put []Policy, drop []PolicyID) Rules {
	named := func(id PolicyID) bool {
		return slices.Contains(drop, id) || slices.ContainsFunc(put, func(p Policy) bool { return p.ID == id })
	}
	r.Policies = slices.DeleteFunc(slices.Clone(r.Policies), func(p Policy) bool { return named(p.ID) })
	r.Policies = append(r.Policies, put...)
	return r
}
