package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
)

// class is sign-ins that no policy tells apart in one dimension.
type class struct {
	lets policies // which policies let it through
	put  func(f *access.Facts)
}

// dimension is all that there may be in one respect.
type dimension []class

// lets asks the evaluator which policies a condition lets through.
func (x *search) lets(c access.Condition, put func(f *access.Facts)) class {
	f := access.Facts{User: somebody, Now: x.q.Now}
	put(&f)
	x.set.EvaluateInto(&x.decision, &f)
	return class{slices.Clone(x.decision.Column(c)), put}
}

// least leaves out what is not needed: classes that let through all that another
// lets through. The first of equals stays.
func (x *search) least(d dimension) dimension {
	seen := map[string]bool{}
	var out dimension
	for _, c := range d {
		if k := key(0, c.lets.and(x.enforced)); !seen[k] {
			seen[k] = true
			out = append(out, c)
		}
	}
	if x.exact {
		return out
	}
	all := slices.Clone(out)
	return slices.DeleteFunc(out, func(c class) bool {
		return slices.ContainsFunc(all, func(o class) bool {
			return o.lets.within(c.lets, x.enforced) && !c.lets.within(o.lets, x.enforced)
		})
	})
}

// words makes a dimension of what facts choose one of.
func words[W ~string](x *search, c access.Condition, valid []W, put func(f *access.Facts, w W)) dimension {
	var d dimension
	for _, w := range valid {
		d = append(d, x.lets(c, func(f *access.Facts) { put(f, w) }))
	}
	return d
}

// or returns what is asked for, or every valid one where nothing is.
func or[W any](asked, valid []W) []W {
	if len(asked) > 0 {
		return asked
	}
	return valid
}

// What there is to choose from, the most ordinary first.
func clientAppTypes() []access.ClientAppType {
	return []access.ClientAppType{access.Browser, access.MobileAndDesktop, access.OtherClients, access.ExchangeActiveSync}
}

func platforms() []access.Platform {
	return []access.Platform{access.Windows, access.MacOS, access.IOS, access.Android, access.Linux, access.WindowsPhone, ""}
}

func risks() []access.Risk {
	return []access.Risk{"", access.RiskNone, access.RiskLow, access.RiskMedium, access.RiskHigh, access.RiskHidden}
}

func insiderRisks() []access.Risk {
	return []access.Risk{"", access.InsiderMinor, access.InsiderModerate, access.InsiderElevated}
}

// claims are the dimensions that are one word each.
func (x *search) claims() []dimension {
	return []dimension{
		words(x, access.OfPlatforms, or(x.q.Platforms, platforms()), func(f *access.Facts, w access.Platform) { f.Platform = w }),
		words(x, access.OfSignInRisk, or(x.q.SignInRisk, risks()), func(f *access.Facts, w access.Risk) { f.SignInRisk = w }),
		words(x, access.OfUserRisk, or(x.q.UserRisk, risks()), func(f *access.Facts, w access.Risk) { f.UserRisk = w }),
		words(x, access.OfInsiderRisk, or(x.q.InsiderRisk, insiderRisks()), func(f *access.Facts, w access.Risk) { f.InsiderRisk = w }),
	}
}

func (x *search) transfers() dimension {
	out := words(x, access.OfTransfer, []access.TransferMethod{"", access.AuthenticationTransfer, access.DeviceCodeFlow},
		func(f *access.Facts, w access.TransferMethod) { f.Transfer = w })
	return append(out, x.lets(access.OfTransfer, func(f *access.Facts) {
		f.Transfer, f.OriginalTransfer = access.DeviceCodeFlow, access.AuthenticationTransfer
	}))
}

// target is what is asked for. Whether it is a bootstrap resource decides what
// controls are waived.
type target struct {
	class
	bootstrap bool
}

func (x *search) targets() []target {
	var out []target
	add := func(put func(f *access.Facts)) {
		whole := func(f *access.Facts) {
			put(f)
			f.Contexts = x.q.Contexts
		}
		c := x.lets(access.OfApplications, whole)
		f := access.Facts{}
		put(&f)
		out = append(out, target{c, f.Bootstrap})
	}
	for _, r := range x.resources() {
		add(func(f *access.Facts) { f.Resources, f.Bootstrap = []access.Resource{r}, r.ID.Bootstrap() })
	}
	for _, a := range x.q.Actions {
		add(func(f *access.Facts) { f.Actions = []access.UserAction{a} })
	}
	return out
}

// resources lists the apps that are asked for: those of the question, or all that
// the policies tell apart.
func (x *search) resources() []access.Resource {
	known := map[directory.AppID]access.Resource{}
	var all []access.Resource
	for _, a := range x.world.Apps {
		known[a.ID] = a.Resource
		if !a.Public {
			all = append(all, a.Resource)
		}
	}
	if len(x.q.Apps) > 0 || len(x.q.Actions) > 0 {
		all = nil
		for _, id := range x.q.Apps {
			r := known[id]
			r.ID = id
			all = append(all, r)
		}
		return all
	}
	all = append(all, access.Resource{ID: anotherApp})
	var rules []devicefilter.Rule
	for _, p := range x.set.Rules().Policies {
		a := p.Conditions.Apps
		for _, id := range slices.Concat(a.Include, a.Exclude) {
			if _, ok := known[id]; !ok {
				known[id] = access.Resource{ID: id}
				all = append(all, known[id])
			}
		}
		for _, g := range slices.Concat(a.IncludeGroups, a.ExcludeGroups) {
			all = append(all, access.Resource{ID: anotherApp, Groups: []access.AppGroup{g}})
		}
		rules = append(rules, parsed(a.Filter, devicefilter.AppAttributes())...)
	}
	for _, c := range components(distinct(rules)) {
		x.vary(c, func(value func(property string) string) {
			r := access.Resource{ID: anotherApp, Attributes: map[string]string{}}
			for _, p := range c.properties {
				_, name, _ := strings.Cut(p, ".")
				r.Attributes[name] = value(p)
			}
			all = append(all, r)
		})
	}
	return all
}

// parsed is the rule of a filter, where it has one that can be read.
func parsed(f *access.Filter, v devicefilter.Vocabulary) []devicefilter.Rule {
	if f == nil {
		return nil
	}
	r, err := devicefilter.Parse(f.Rule, v)
	if err != nil {
		return nil
	}
	return []devicefilter.Rule{r}
}

func distinct(rules []devicefilter.Rule) []devicefilter.Rule {
	var out []devicefilter.Rule
	for _, r := range rules {
		if !slices.ContainsFunc(out, func(o devicefilter.Rule) bool { return o.String() == r.String() }) {
			out = append(out, r)
		}
	}
	return out
}

// maxValues bounds the combinations of values of one component.
const maxValues = 1 << 16

// vary calls visit with one combination of values after another for the
// properties of a component. What is fixed has its value already.
func (x *search) vary(c component, visit func(value func(property string) string), fixed ...string) {
	all := make([][]string, len(c.properties))
	product := 1
	for i, p := range c.properties {
		all[i] = []string{""}
		if slices.Contains(fixed, p) {
			continue
		}
		some, whole := values(c.asks(p))
		if p == "device.deviceId" {
			some = some[1:] // who is identified has one
		}
		all[i] = some
		if product *= len(some); !whole || product > maxValues {
			x.why = fmt.Sprintf("the values of %s that its rules tell apart are too many to try them all", p)
			all[i] = some[:1]
			product /= len(some)
		}
	}
	at := make([]int, len(all))
	for done := false; !done; {
		visit(func(property string) string {
			i := slices.Index(c.properties, property)
			return all[i][at[i]]
		})
		done = true
		for i := range at {
			if at[i]++; at[i] < len(all[i]) {
				done = false
				break
			}
			at[i] = 0
		}
	}
}
