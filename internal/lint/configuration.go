package lint

import (
	"fmt"
	"maps"
	"slices"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/graphclient/document"
)

func configurationRules() []Rule {
	return []Rule{
		{Name: "edge-key-of-mobile", About: "a key of Edge on iOS and Android (com.microsoft.intune.mam.managedbrowser.*)", check: ofConfiguration(mobileKeys)},
		{Name: "edge-key-invalid", About: "a name that is nearly a key of Edge, or a value that its key does not take", check: ofConfiguration(badKeys)},
		{Name: "configuration-conflict", About: "two policies of one priority that give some people different values", check: ofConfiguration(conflicts)},
	}
}

func ofConfiguration(check func(*inquiry, document.Document)) func(*inquiry, document.Document) {
	return func(x *inquiry, d document.Document) {
		if d.Kind.OData == document.Configuration {
			check(x, d)
		}
	}
}

// value is one setting of a policy, free or typed.
type value struct {
	property string
	typed    bool
	configuration.Setting
}

func values(d document.Document) []value {
	var out []value
	free, _ := d.Body["customSettings"].([]any)
	for i, s := range free {
		o := document.Object(s)
		out = append(out, value{fmt.Sprintf("customSettings[%d]", i), false, configuration.Setting{Name: document.Text(o, "name"), Value: document.Text(o, "value")}})
	}
	typed, _ := d.Body["settings"].([]any)
	for i, s := range typed {
		instance := document.Object(document.Dig(s, "settingInstance"))
		k, known := configuration.LookupDefinition(document.Text(instance, "settingDefinitionId"))
		if !known {
			k.Name = document.Text(instance, "settingDefinitionId")
		}
		out = append(out, value{fmt.Sprintf("settings[%d]", i), true, configuration.Setting{Name: k.Name, Value: document.TypedValue(k, instance)}})
	}
	return out
}

func mobileKeys(x *inquiry, d document.Document) {
	for _, v := range values(d) {
		if why := configuration.Ignored(v.Name); why != "" {
			x.say(d, finding{Warning, v.property, fmt.Sprintf("%q is a name %s", v.Name, why), "add the key of Windows; leave this one only for other platforms"})
		}
	}
}

func badKeys(x *inquiry, d document.Document) {
	for _, v := range values(d) {
		p := configuration.Policy{DisplayName: d.Name(), Settings: []configuration.Setting{v.Setting}}
		if v.typed {
			p.Settings, p.Catalog = nil, p.Settings
		}
		if err := configuration.Validate(p); err != nil {
			x.say(d, finding{Error, v.property, fault.Detail(err), "write a valid one"})
		}
	}
}

// priority is that of a policy; the same where none is said.
func priority(d document.Document) float64 {
	if p, ok := document.Dig(d.Body, "postern", "priority").(float64); ok {
		return p
	}
	return configuration.DefaultPriority
}

// claimant is a policy as far as it may conflict with another.
type claimant struct {
	at                     int // among all documents
	doc                    document.Document
	apps, groups, excluded []string
	all                    bool
	priority               float64
}

// claimants reads the configuration policies once.
func (x *inquiry) claimants() []claimant {
	if x.claims == nil {
		for i, d := range x.docs {
			if d.Kind.OData == document.Configuration {
				c := claimant{at: i, doc: d, apps: apps(d), excluded: excluded(d), priority: priority(d)}
				c.groups, c.all = included(d)
				x.claims = append(x.claims, c)
			}
		}
	}
	return x.claims
}

// meets reports whether some people certainly get both policies in one app.
func (c claimant) meets(o claimant) bool {
	gets := func(p claimant) func(string) bool {
		return func(g string) bool { return slices.Contains(p.groups, g) || p.all && !slices.Contains(p.excluded, g) }
	}
	people := c.all && o.all || slices.ContainsFunc(c.groups, gets(o)) || slices.ContainsFunc(o.groups, gets(c))
	return people && c.priority == o.priority && slices.ContainsFunc(c.apps, func(a string) bool { return slices.Contains(o.apps, a) })
}

// meant is what a policy says, each key in one form.
func meant(d document.Document) map[string]string {
	out := map[string]string{}
	for _, v := range values(d) {
		if k, ok := configuration.Lookup(v.Name); ok {
			v.Name = k.Name
			if canonical, err := k.Parse(v.Value); err == nil {
				v.Value = canonical
			}
		}
		out[v.Name] = v.Value
	}
	return out
}

// conflicts compares a policy with those behind it, so that two that conflict are
// reported once.
func conflicts(x *inquiry, d document.Document) {
	all := x.claimants()
	i := slices.IndexFunc(all, func(c claimant) bool { return c.at == x.at })
	mine := meant(d)
	for _, other := range all[i+1:] {
		if !all[i].meets(other) {
			continue
		}
		theirs := meant(other.doc)
		for _, name := range slices.Sorted(maps.Keys(mine)) {
			if v, ok := theirs[name]; ok && v != mine[name] {
				x.say(d, finding{Warning, name, fmt.Sprintf("it says %s, and %q says %s at the same priority for some of the same people: the smaller identifier decides", mine[name], other.doc.Name(), v),
					"give one of them a smaller postern.priority, or make them agree"})
			}
		}
	}
}
