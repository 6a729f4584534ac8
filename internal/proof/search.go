package proof

import (
	"cmp"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/strength"
)

// maxStates bounds a search, unless the question does.
const maxStates = 2_000_000

// state is all that matters of what was chosen: which enforced policies are left,
// by what they would come to.
type state struct{ harm, good policies }

// search is one question on its way to an answer.
type search struct {
	set   *access.Set
	bare  *access.Set // the same policies for everything, so that each says whether it is satisfied
	world World
	q     Question

	all, enforced policies
	// exact: an app that no policy covers is refused, so that fewer policies are not
	// always better.
	exact      bool
	needed     bool // behind this outer choice a policy must apply
	terms      []agreement.ID
	components []component // of the rules of device filters
	crowd      crowd

	decision access.Decision
	dims     []dimension
	must     []policies // by dimension: left whatever is chosen from there on
	seen     map[string]bool
	states   int
	why      string // not everything was tried

	chosen      []int
	chosenID    *marked
	chosenJoins []*marked
}

func newSearch(set *access.Set, w World, q Question) *search {
	if q.Now.IsZero() {
		q.Now = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
	}
	rules := set.Rules()
	x := &search{set: set, world: w, q: q, exact: rules.DenyUncovered}
	bare := rules
	bare.Policies = slices.Clone(rules.Policies)
	x.all, x.enforced = x.none(), x.none()
	var filters []devicefilter.Rule
	for i, p := range rules.Policies {
		bare.Policies[i].Conditions = access.Conditions{
			Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.AllClientApps},
		}
		x.all.put(i)
		if p.State != access.Disabled && p.State != access.ReportOnly {
			x.enforced.put(i)
			filters = append(filters, parsed(p.Conditions.Device, devicefilter.ConditionalAccess())...)
		}
		x.terms = append(x.terms, p.Grant.Terms...)
	}
	x.bare = access.Compile(bare)
	x.components = components(distinct(filters))
	if w.People == nil {
		x.crowd = x.newCrowd()
	}
	return x
}

func (x *search) none() policies { return make(policies, (x.set.Len()+63)/64) }

// outer is one choice of everything that a grant may depend on.
type outer struct {
	target  target
	client  class
	handed  class
	gear    gear
	methods strength.Methods
}

func (o outer) put(x *search, f *access.Facts) {
	x.equip(f, o.methods)
	o.target.put(f)
	o.client.put(f)
	o.handed.put(f)
	o.gear.put(f)
}

// start is the state before anything else is chosen.
func (x *search) start(o outer) state {
	f := access.Facts{User: somebody}
	o.put(x, &f)
	f.Resources, f.Actions, f.Contexts = nil, nil, nil // everything applies
	x.bare.EvaluateInto(&x.decision, &f)
	s := state{x.none(), x.none()}
	for _, a := range x.decision.Findings {
		switch a.Result {
		case access.Failure:
			s.harm.put(a.Policy)
		case access.Success:
			s.good.put(a.Policy)
		}
	}
	for _, c := range []class{o.target.class, o.client, o.handed} {
		s.harm.set(s.harm, c.lets)
		s.good.set(s.good, c.lets)
	}
	return s
}

func (x *search) answer() Answer {
	clients := words(x, access.OfClientAppTypes, or(x.q.ClientAppTypes, clientAppTypes()), func(f *access.Facts, w access.ClientAppType) { f.ClientAppType = w })
	rest := append(x.claims(), x.places())
	if x.world.People != nil {
		rest = append(rest, x.people())
	}
	targets, transfers := x.targets(), x.transfers()
	most := cmp.Or(x.q.States, maxStates)
	for _, g := range x.gears() {
		x.dims = append(x.filters(g), rest...)
		x.prepare()
		for _, m := range x.methods() {
			for _, client := range clients {
				for _, t := range targets {
					for _, handed := range transfers {
						o := outer{t, client, handed, g, m}
						if w := x.try(o); w != nil {
							return x.conclude(w)
						}
						if x.states > most {
							x.why = "there are more combinations than are looked at"
							return x.conclude(nil)
						}
					}
				}
			}
		}
	}
	return x.conclude(nil)
}

// conclude verifies a witness.
func (x *search) conclude(f *access.Facts) Answer {
	a := Answer{States: x.states, Why: x.why}
	switch {
	case f != nil && x.shows(f):
		a.Verdict, a.Why, a.Witness = Yes, "", x.witness(f)
	case f == nil && x.why == "":
		a.Verdict = No
	default:
		a.Why = cmp.Or(x.why, "what was found is not what the evaluator says: this is a mistake in the proof")
	}
	return a
}

// shows reports whether the evaluator says of f what is asked.
func (x *search) shows(f *access.Facts) bool {
	x.set.EvaluateInto(&x.decision, f)
	return (x.decision.Outcome == access.Granted) != x.q.Refused
}

// prepare readies the dimensions for states that begin before them.
func (x *search) prepare() {
	x.seen, x.chosen = map[string]bool{}, make([]int, len(x.dims))
	x.must = make([]policies, len(x.dims)+1)
	x.must[len(x.dims)] = x.inescapable()
	for i := len(x.dims) - 1; i >= 0; i-- {
		if !x.q.Refused {
			x.dims[i] = x.least(x.dims[i])
		}
		x.must[i] = slices.Clone(x.all)
		for _, c := range x.dims[i] {
			x.must[i].set(x.must[i], c.lets)
		}
		x.must[i].set(x.must[i], x.must[i+1])
	}
}

// inescapable are the policies that apply to everybody, whoever it is.
func (x *search) inescapable() policies {
	if x.world.People != nil {
		return x.all
	}
	out := x.none()
	for i, p := range x.set.Rules().Policies {
		u := p.Conditions.Users
		if u.All && len(u.Exclude)+len(u.ExcludeGroups)+len(u.ExcludeRoles) == 0 && !u.NoGuest && u.ExcludeGuests == nil && p.Conditions.Workloads == nil {
			out.put(i)
		}
	}
	return out
}

// try searches behind one outer choice.
func (x *search) try(o outer) *access.Facts {
	x.needed = x.exact && !o.target.bootstrap
	x.chosenID, x.chosenJoins = nil, nil
	s := x.start(o)
	f := &access.Facts{User: somebody}
	o.put(x, f)
	if x.q.Refused {
		return x.refused(s, f)
	}
	if !x.inner(0, s) {
		return nil
	}
	return x.build(f)
}

// build makes facts of what was chosen.
func (x *search) build(f *access.Facts) *access.Facts {
	for i, c := range x.chosen {
		x.dims[i][c].put(f)
	}
	if x.chosenID != nil {
		p := x.crowd.forced
		p.User = somebody
		p.Groups, p.Roles = slices.Clone(p.Groups), slices.Clone(p.Roles)
		x.chosenID.join(&p)
		for _, m := range x.chosenJoins {
			m.join(&p)
		}
		p.put(f)
	}
	return f
}

// inner chooses from the dimensions from the i-th on.
func (x *search) inner(i int, s state) bool {
	if s.harm.meets(x.must[i]) {
		return false
	}
	if i == len(x.dims) {
		if x.world.People != nil {
			return x.reached(s)
		}
		return x.who(s)
	}
	if !x.visit(key(i, s.harm, s.good)) {
		return false
	}
	for n, c := range x.dims[i] {
		x.chosen[i] = n
		if x.inner(i+1, state{s.harm.and(c.lets), s.good.and(c.lets)}) {
			return true
		}
	}
	return false
}

// visit notes a state; it reports false for one that led nowhere before.
func (x *search) visit(k string) bool {
	if x.needed {
		k += "+"
	}
	if x.seen[k] || x.states > maxStates {
		return false
	}
	x.seen[k] = true
	x.states++
	return true
}

// reached reports whether what is left grants: nothing that is not satisfied, and
// something that is where that is needed. On its way to a refusal nothing may be left.
func (x *search) reached(s state) bool {
	return s.harm.empty() && (!x.needed || x.q.Refused || !s.good.empty())
}
