package proof

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// refused finds a sign-in that has every control and is not granted: one to which
// a policy applies that it does not satisfy, or, where that refuses, none at all.
func (x *search) refused(s state, f *access.Facts) *access.Facts {
	var out *access.Facts
	s.harm.each(func(p int) bool {
		if x.choose(p) {
			out = x.build(f)
		}
		return out == nil
	})
	if out == nil && x.needed && x.inner(0, state{union(s.harm, s.good), x.none()}) {
		out = x.build(f)
	}
	return out
}

// choose chooses classes that a policy lets through, one by one: they do not
// depend on each other.
func (x *search) choose(p int) bool {
	x.chosenID, x.chosenJoins = nil, nil
	for i, d := range x.dims {
		if x.chosen[i] = slices.IndexFunc(d, func(c class) bool { return c.lets.has(p) }); x.chosen[i] < 0 {
			return false
		}
	}
	return x.world.People != nil || x.included(p)
}

// included finds an identity, with one group or role at most, that a policy takes in.
func (x *search) included(p int) bool {
	for i := range x.crowd.identities {
		id := &x.crowd.identities[i]
		if id.out.has(p) {
			continue
		}
		x.chosenID = id
		if id.in.has(p) {
			return true
		}
		for j := range x.crowd.joins {
			if m := &x.crowd.joins[j]; m.in.has(p) && !m.out.has(p) {
				x.chosenJoins = []*marked{m}
				return true
			}
		}
	}
	return false
}

// witness describes f, simplified as far as it still shows what is asked.
func (x *search) witness(f *access.Facts) *Witness {
	x.simplify(f)
	d := x.set.Evaluate(f)
	return &Witness{Facts: *f, Who: x.world.who(f), How: how(x.set, f), Decision: d.Outcome, Applied: d.Matched()}
}

// simplify takes away what the witness does not need, so that it shows no more
// than the gap.
func (x *search) simplify(f *access.Facts) {
	try := func(change func(f *access.Facts)) {
		then := f.Clone()
		if change(&then); x.shows(&then) {
			*f = then
		}
	}
	if x.world.People == nil {
		for _, g := range slices.Clone(f.Groups) {
			if !slices.Contains(x.q.Groups, g) {
				try(func(f *access.Facts) { f.Groups = without(f.Groups, g) })
			}
		}
		for _, r := range slices.Clone(f.Roles) {
			if !slices.Contains(x.q.Roles, r) {
				try(func(f *access.Facts) { f.Roles = without(f.Roles, r) })
			}
		}
	}
	if x.q.Refused {
		return
	}
	for _, change := range []func(f *access.Facts){
		func(f *access.Facts) { f.Device = nil },
		func(f *access.Facts) { f.CompliantApplication = false },
		func(f *access.Facts) { f.Bound = false },
		func(f *access.Facts) { f.Terms = nil },
		func(f *access.Facts) { f.PasswordChangedAt = time.Time{} },
		func(f *access.Facts) { f.MFAAt, f.Methods = time.Time{}, strength.Password },
	} {
		try(change)
	}
	for _, m := range strength.Modes() {
		try(func(f *access.Facts) { f.Methods &^= m.Method })
	}
}

func without[T comparable](all []T, v T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return o == v })
}

// called is the name of something with its identifier, or the identifier alone.
func (w World) called(id string) string {
	if name := w.Names[id]; name != "" {
		return fmt.Sprintf("%q", name)
	}
	return id
}

// who says in words who signs in.
func (w World) who(f *access.Facts) string {
	out := "anybody"
	switch {
	case f.User != somebody:
		out = w.called(string(f.User))
	case f.Guest != "":
		out = "somebody"
	}
	if f.Guest != "" {
		out += " who is a guest or external user (" + string(f.Guest)
		if f.HomeTenant != "" && f.HomeTenant != anotherTenant {
			out += " of the tenant " + w.called(string(f.HomeTenant))
		}
		out += ")"
	}
	var groups, roles []string
	for _, g := range f.Groups {
		groups = append(groups, w.called(string(g)))
	}
	for _, r := range f.Roles {
		roles = append(roles, roleName(r))
	}
	if len(w.People) == 0 && len(groups) > 0 {
		out += ", a member of " + list(groups)
	}
	if len(roles) > 0 {
		out += ", who holds " + list(roles)
	}
	return out
}

func roleName(id directory.RoleTemplateID) string {
	for _, t := range directory.RoleTemplates() {
		if t.ID == id {
			return string(t.Role)
		}
	}
	return "the role " + string(id)
}

// list joins words as people do.
func list(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// how says in words how somebody signs in.
func how(set *access.Set, f *access.Facts) string {
	clients := map[access.ClientAppType]string{
		access.Browser: "in a browser", access.MobileAndDesktop: "in an app", access.OtherClients: "by a legacy protocol",
		access.ExchangeActiveSync: "by Exchange ActiveSync",
	}
	parts := []string{clients[f.ClientAppType]}
	if f.Platform == "" {
		parts = append(parts, "on a platform that it does not tell")
	} else {
		parts = append(parts, "claiming to be on "+string(f.Platform))
	}
	if handed := unique([]string{string(f.Transfer), string(f.OriginalTransfer)}); len(handed) > 1 || handed[0] != "" {
		parts = append(parts, "handed over by "+list(slices.DeleteFunc(handed, func(s string) bool { return s == "" })))
	}
	parts = append(parts, where(set, f), what(f.Device))
	for _, r := range []struct {
		of   string
		risk access.Risk
	}{{"sign-in", f.SignInRisk}, {"user", f.UserRisk}, {"insider", f.InsiderRisk}} {
		if r.risk != "" {
			parts = append(parts, fmt.Sprintf("at %s risk %s", r.of, r.risk))
		}
	}
	return strings.Join(parts, ", ") + ", " + with(f)
}

func where(set *access.Set, f *access.Facts) string {
	all := set.Rules().Locations
	var names []string
	for _, place := range location.NewIndex(all).Find(f.IP, f.Country, nil) {
		names = append(names, fmt.Sprintf("%q", all[place].DisplayName))
	}
	country := ""
	if f.Country != "" {
		country = " (country " + f.Country + ")"
	}
	if len(names) == 0 {
		return "from an address that no named location holds" + country
	}
	return "from " + f.IP.String() + country + " in " + list(names)
}

func what(d *access.Device) string {
	if d == nil {
		return "on a device that is not identified"
	}
	words := map[access.TrustType]string{access.Registered: "registered", access.Joined: "joined", access.HybridJoined: "hybrid joined"}
	out := "on a " + words[d.TrustType] + " device that is "
	if !d.Compliant {
		out += "not "
	}
	out += "compliant"
	for _, p := range []struct{ name, value string }{
		{"displayName", d.DisplayName}, {"deviceOwnership", d.Ownership}, {"mdmAppId", d.MDMAppID}, {"profileType", d.ProfileType},
		{"enrollmentProfileName", d.EnrollmentProfileName}, {"manufacturer", d.Manufacturer}, {"model", d.Model},
		{"operatingSystem", d.OperatingSystem}, {"operatingSystemVersion", d.OperatingSystemVersion},
		{"physicalIds", strings.Join(d.PhysicalIDs, " ")}, {"systemLabels", strings.Join(d.SystemLabels, " ")},
	} {
		if p.value != "" {
			out += fmt.Sprintf(", its %s %q", p.name, p.value)
		}
	}
	for i, v := range d.ExtensionAttributes {
		if v != "" {
			out += fmt.Sprintf(", its extensionAttribute%d %q", i+1, v)
		}
	}
	return out
}

// with lists the controls that are met.
func with(f *access.Facts) string {
	var have []string
	add := func(there bool, word string) {
		if there {
			have = append(have, word)
		}
	}
	add(!f.MFAAt.IsZero(), "a second factor")
	add(f.Methods&^strength.Password != 0 && f.Methods != everyMethod, "the methods "+f.Methods.String())
	add(f.Methods == everyMethod, "every method of signing in")
	add(f.CompliantApplication, "a protected app")
	add(f.Bound, "tokens bound to the device")
	add(len(f.Terms) > 0, "accepted terms of use")
	add(!f.PasswordChangedAt.IsZero(), "a new password")
	if len(have) == 0 {
		return "with a password alone"
	}
	return "with " + list(have)
}
