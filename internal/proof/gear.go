package proof

import (
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/strength"
)

// gear is a device as far as a grant may demand it: none that is identified, or
// one with its trust and compliance. Everything else about it is chosen per
// component of filter rules.
type gear struct {
	identified, compliant bool
	trust                 access.TrustType
}

// gears lists the devices that a question allows.
func (x *search) gears() []gear {
	out := []gear{{}}
	for _, compliant := range []bool{false, true} {
		for _, trust := range []access.TrustType{access.Registered, access.Joined, access.HybridJoined} {
			if compliant && x.q.Without.Has(access.CompliantDevice) || trust == access.HybridJoined && x.q.Without.Has(access.DomainJoinedDevice) {
				continue
			}
			out = append(out, gear{true, compliant, trust})
		}
	}
	return out
}

func (g gear) put(f *access.Facts) {
	if g.identified {
		f.Device = &access.Device{ID: anotherDevice, Compliant: g.compliant, Managed: g.compliant, TrustType: g.trust}
	}
}

// filters are the dimensions that device filters make of a gear.
func (x *search) filters(g gear) []dimension {
	if !g.identified {
		return []dimension{{x.lets(access.OfDevices, g.put)}}
	}
	var out []dimension
	for _, c := range x.components {
		concerned := x.concerned(c)
		var d dimension
		x.vary(c, func(value func(property string) string) {
			given := make([]string, len(c.properties))
			for i, p := range c.properties {
				given[i] = value(p)
			}
			put := func(f *access.Facts) {
				if f.Device == nil {
					g.put(f)
				}
				for i, p := range c.properties {
					if given[i] != "" {
						assign(f.Device, p, given[i])
					}
				}
			}
			one := x.lets(access.OfDevices, put)
			one.lets.add(x.all.less(concerned)) // the others are no matter of these rules
			d = append(d, one)
		}, "device.isCompliant", "device.trustType")
		out = append(out, d)
	}
	return out
}

// concerned are the policies whose device filter is among the rules of c.
func (x *search) concerned(c component) policies {
	out := x.none()
	for i, p := range x.set.Rules().Policies {
		for _, r := range parsed(p.Conditions.Device, devicefilter.ConditionalAccess()) {
			if slices.ContainsFunc(c.rules, func(o devicefilter.Rule) bool { return o.String() == r.String() }) {
				out.put(i)
			}
		}
	}
	return out
}

// everyMethod is all that a session can have used.
const everyMethod = strength.QRCodePin<<1 - 1

// methods lists what a session may have used: everything that there is, or, without
// a second factor, one method that proves one thing.
func (x *search) methods() []strength.Methods {
	there := x.q.Methods
	if there == 0 {
		there = everyMethod
	}
	if x.q.Without.Has(access.AuthenticationStrength) {
		return []strength.Methods{0}
	}
	if !x.q.Without.Has(access.MFA) {
		return []strength.Methods{there}
	}
	multifactor, _ := strength.BuiltIn(strength.Multifactor)
	out := []strength.Methods{0}
	for _, m := range strength.Modes() {
		if there&m.Method != 0 && !multifactor.Satisfied(m.Method) {
			out = append(out, m.Method)
		}
	}
	if len(out) > 1 {
		return out[1:]
	}
	return out
}

// long is longer ago than any policy lets a sign-in be.
const long = 10 * 365 * 24 * time.Hour

// equip gives f every control that the question does not take away.
func (x *search) equip(f *access.Facts, m strength.Methods) {
	no := x.q.Without.Has
	f.Now, f.AuthAt, f.Methods = x.q.Now, x.q.Now, m
	if no(access.SignInFrequency) {
		f.AuthAt = f.Now.Add(-long)
	}
	if !no(access.MFA) {
		f.MFAAt = f.AuthAt
	}
	if !no(access.PasswordChange) {
		f.PasswordChangedAt = f.Now
	}
	if !no(access.TermsOfUse) {
		f.Terms = x.terms
	}
	f.CompliantApplication = !no(access.CompliantApplication) && !no(access.ApprovedApplication)
	f.Bound = !no(access.TokenProtection)
}
