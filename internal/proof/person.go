package proof

import (
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
)

// Names of what policies do not name.
const (
	somebody       directory.UserID   = "somebody"
	anotherApp     directory.AppID    = "another-app"
	anotherDevice  directory.DeviceID = "another-device"
	anotherTenant  directory.TenantID = "another-tenant"
	anotherUnnamed                    = "another"
)

func (p Person) put(f *access.Facts) {
	f.User, f.Groups, f.Roles, f.Guest, f.HomeTenant = p.User, p.Groups, p.Roles, p.Guest, p.HomeTenant
}

// meant reports whether a question is about a person.
func (q Question) meant(p Person) bool {
	return (len(q.Users) == 0 || slices.Contains(q.Users, p.User)) && !slices.Contains(q.NotUsers, p.User) &&
		subset(q.Groups, p.Groups) && apartFrom(q.NotGroups, p.Groups) && subset(q.Roles, p.Roles) && apartFrom(q.NotRoles, p.Roles)
}

func subset[T comparable](some, of []T) bool {
	return !slices.ContainsFunc(some, func(v T) bool { return !slices.Contains(of, v) })
}

func apartFrom[T comparable](some, of []T) bool {
	return !slices.ContainsFunc(some, func(v T) bool { return slices.Contains(of, v) })
}

// people is the dimension of the people that there are.
func (x *search) people() dimension {
	var d dimension
	for _, p := range x.world.People {
		if x.q.meant(p) {
			d = append(d, x.lets(access.OfUsers, p.put))
		}
	}
	return d
}

// marked is what being somebody, or in something, means to policies: which take
// one in by it, and which leave one out.
type marked struct {
	in, out policies
	join    func(p *Person)
}

// crowd is anybody: an identity with any of the groups and roles.
type crowd struct {
	identities []marked
	joins      []marked
	forced     Person
}

// halves are the set with the people of its policies alone that are taken in, or
// left out, so that the evaluator says which a mark does.
func (x *search) halves() (in, out *access.Set) {
	taken, left := x.set.Rules(), x.set.Rules()
	taken.Policies, left.Policies = slices.Clone(taken.Policies), slices.Clone(left.Policies)
	for i := range taken.Policies {
		u := taken.Policies[i].Conditions.Users
		taken.Policies[i].Conditions.Users = access.Users{
			All: u.All, Include: u.Include, IncludeGroups: u.IncludeGroups, IncludeRoles: u.IncludeRoles, AnyGuest: u.AnyGuest, IncludeGuests: u.IncludeGuests,
		}
		left.Policies[i].Conditions.Users = access.Users{
			All: true, Exclude: u.Exclude, ExcludeGroups: u.ExcludeGroups, ExcludeRoles: u.ExcludeRoles, NoGuest: u.NoGuest, ExcludeGuests: u.ExcludeGuests,
		}
	}
	return access.Compile(taken), access.Compile(left)
}

// crowd finds everybody whom policies tell apart and the question means.
func (x *search) newCrowd() crowd {
	in, out := x.halves()
	c := crowd{forced: Person{Groups: x.q.Groups, Roles: x.q.Roles}}
	mark := func(join func(p *Person)) marked {
		p := Person{User: somebody}
		join(&p)
		f := access.Facts{}
		p.put(&f)
		takes, leaves := in.Evaluate(&f), out.Evaluate(&f)
		return marked{slices.Clone(takes.Column(access.OfUsers)), x.all.less(leaves.Column(access.OfUsers)), join}
	}
	users, groups, roles, guests := x.named()
	for _, u := range append([]directory.UserID{somebody}, users...) {
		if len(x.q.Users) > 0 && !slices.Contains(x.q.Users, u) || slices.Contains(x.q.NotUsers, u) {
			continue
		}
		for _, g := range guests {
			c.identities = append(c.identities, mark(func(p *Person) { p.User, p.Guest, p.HomeTenant = u, g.Guest, g.HomeTenant }))
		}
	}
	for _, g := range groups {
		if !slices.Contains(x.q.NotGroups, g) && !slices.Contains(x.q.Groups, g) {
			c.joins = append(c.joins, mark(func(p *Person) { p.Groups = append(p.Groups, g) }))
		}
	}
	for _, r := range roles {
		if !slices.Contains(x.q.NotRoles, r) && !slices.Contains(x.q.Roles, r) {
			c.joins = append(c.joins, mark(func(p *Person) { p.Roles = append(p.Roles, r) }))
		}
	}
	forced := mark(func(p *Person) { p.Groups, p.Roles = x.q.Groups, x.q.Roles })
	for i := range c.identities {
		c.identities[i].in.add(forced.in)
		c.identities[i].out.add(forced.out)
	}
	return c
}

// named lists whom policies, and the question, name, each once.
func (x *search) named() (users []directory.UserID, groups []directory.GroupID, roles []directory.RoleTemplateID, guests []Person) {
	users = slices.Clone(x.q.Users)
	tenants := []directory.TenantID{anotherTenant}
	kinds := false
	for _, p := range x.set.Rules().Policies {
		u := p.Conditions.Users
		users = slices.Concat(users, u.Include, u.Exclude)
		groups = slices.Concat(groups, u.IncludeGroups, u.ExcludeGroups)
		roles = slices.Concat(roles, u.IncludeRoles, u.ExcludeRoles)
		kinds = kinds || u.AnyGuest || u.NoGuest
		for _, g := range []*access.Guests{u.IncludeGuests, u.ExcludeGuests} {
			if g != nil {
				kinds, tenants = true, append(tenants, g.Tenants...)
			}
		}
	}
	guests = []Person{{}}
	if kinds {
		for _, k := range directory.GuestKinds() {
			for _, t := range once(tenants) {
				guests = append(guests, Person{Guest: k, HomeTenant: t})
			}
		}
	}
	return once(users), once(groups), once(roles), guests
}

func once[T comparable](all []T) []T {
	seen := map[T]bool{}
	var out []T
	for _, v := range all {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// who tries everybody for whom the policies that are left come to what is asked.
func (x *search) who(s state) bool {
	for i := range x.crowd.identities {
		id := &x.crowd.identities[i]
		left := state{s.harm.less(id.out), s.good.less(id.out)}
		if x.joins(0, left, id.in) {
			x.chosenID = id
			return true
		}
	}
	return false
}

// joins tries groups and roles from the i-th on. in are the policies that take the
// person in already.
func (x *search) joins(i int, s state, in policies) bool {
	if i == len(x.crowd.joins) {
		return x.reached(state{s.harm.and(in), s.good.and(in)})
	}
	if !x.visit(key(i+1000, s.harm, s.good, in.and(x.enforced))) {
		return false
	}
	m := &x.crowd.joins[i]
	with, without := x.worth(m, s, in)
	if with && x.joins(i+1, state{s.harm.less(m.out), s.good.less(m.out)}, union(in, m.in)) {
		x.chosenJoins = append(x.chosenJoins, m)
		return true
	}
	return without && x.joins(i+1, s, in)
}

// worth reports whether to try somebody with, and somebody without, a mark: who is
// left out of more is never worse off, who is taken into more never better.
func (x *search) worth(m *marked, s state, in policies) (with, without bool) {
	if x.exact {
		return true, true
	}
	if !m.out.meets(s.harm) {
		return false, true
	}
	return true, m.in.less(m.out).less(in).meets(s.harm)
}

func union(a, b policies) policies {
	out := slices.Clone(a)
	out.add(b)
	return out
}
