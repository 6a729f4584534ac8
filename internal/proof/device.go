package proof

import (
	"slices"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/devicefilter"
)

// maxParts bounds how many texts or elements of one property are tried in every
// combination.
const maxParts = 12

// values returns values of a property such that whatever a device, or an app, may
// have there, one of them answers every comparison alike; "" is an absent one.
// Beyond the bound it returns some of them and false.
//
// A text either equals one that is named, or all that is asked of it is its
// beginning, its end and what it contains. Of the beginnings that are asked for
// and that it has, the longest implies the others, and so of the ends; so the
// beginning, some of the parts and the end, with something between them that is
// in none of them, stand for it.
func values(asked []devicefilter.Comparison) (out []string, all bool) {
	property := asked[0].Property
	if property.Values != nil {
		return append([]string{""}, property.Values...), true
	}
	var equal, begin, end, parts []string
	for _, c := range asked {
		for _, v := range c.Values {
			switch c.Operator {
			case devicefilter.StartsWith:
				begin = addFold(begin, v)
			case devicefilter.EndsWith:
				end = addFold(end, v)
			case devicefilter.Contains:
				parts = addFold(parts, v)
			default:
				equal = addFold(equal, v)
			}
		}
	}
	if property.Kind == devicefilter.Collection {
		parts, equal, begin, end = both(parts, equal), nil, nil, nil
	}
	all = len(parts) <= maxParts
	parts = parts[:min(len(parts), maxParts)]
	separator := "\n"
	if property.Kind != devicefilter.Collection {
		separator = apart(slices.Concat(begin, parts, end))
	}
	out = append([]string{""}, equal...)
	for _, b := range append([]string{""}, begin...) {
		for _, e := range append([]string{""}, end...) {
			for some := range 1 << len(parts) {
				out = append(out, compose(b, chosen(parts, some), e, separator))
			}
		}
	}
	return unique(out), all
}

// compose joins what is there; of nothing at all it makes another value.
func compose(begin string, parts []string, end, separator string) string {
	if separator == "\n" { // elements of a collection
		return strings.Join(append(parts, "another"), separator)
	}
	return begin + separator + strings.Join(parts, separator) + separator + end
}

// apart is a text of which none of some has a character.
func apart(some []string) string {
	for r := '~'; ; r++ {
		if !slices.ContainsFunc(some, func(s string) bool { return strings.ContainsRune(s, r) }) {
			return string(r)
		}
	}
}

func chosen(parts []string, some int) []string {
	var out []string
	for i, p := range parts {
		if some&(1<<i) != 0 {
			out = append(out, p)
		}
	}
	return out
}

func addFold(to []string, v string) []string {
	if slices.ContainsFunc(to, func(s string) bool { return strings.EqualFold(s, v) }) {
		return to
	}
	return append(to, v)
}

func both(a, b []string) []string {
	for _, v := range b {
		a = addFold(a, v)
	}
	return a
}

func unique(all []string) []string {
	var out []string
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// component is rules that share no property with any other rule, so that what
// answers them can be chosen for itself.
type component struct {
	rules      []devicefilter.Rule
	properties []string // in the vocabulary's spelling
}

// components sorts rules by the properties they share.
func components(rules []devicefilter.Rule) []component {
	var out []component
	for _, r := range rules {
		joined := component{rules: []devicefilter.Rule{r}, properties: r.Properties()}
		var apart []component
		for _, c := range out {
			if !slices.ContainsFunc(c.properties, func(p string) bool { return slices.Contains(joined.properties, p) }) {
				apart = append(apart, c)
				continue
			}
			joined.rules = append(c.rules, joined.rules...)
			joined.properties = unique(append(c.properties, joined.properties...))
		}
		out = append(apart, joined)
	}
	return out
}

// asks lists the comparisons of a property.
func (c component) asks(property string) []devicefilter.Comparison {
	var out []devicefilter.Comparison
	for _, r := range c.rules {
		for _, one := range r.Comparisons() {
			if one.Property.Name == property {
				out = append(out, one)
			}
		}
	}
	return out
}

// assign gives a device the value of a property.
func assign(d *access.Device, property, value string) {
	name := strings.TrimPrefix(property, "device.")
	texts := map[string]*string{
		"displayName": &d.DisplayName, "deviceOwnership": &d.Ownership, "mdmAppId": &d.MDMAppID, "profileType": &d.ProfileType,
		"enrollmentProfileName": &d.EnrollmentProfileName, "manufacturer": &d.Manufacturer, "model": &d.Model,
		"operatingSystem": &d.OperatingSystem, "operatingSystemVersion": &d.OperatingSystemVersion, "deviceId": (*string)(&d.ID),
	}
	number, _ := strings.CutPrefix(name, "extensionAttribute")
	n, _ := strconv.Atoi(number)
	switch text := texts[name]; {
	case text != nil:
		*text = value
	case value == "":
	case name == "physicalIds":
		d.PhysicalIDs = strings.Split(value, "\n")
	case name == "systemLabels":
		d.SystemLabels = strings.Split(value, "\n")
	case n > 0:
		d.ExtensionAttributes[n-1], d.Managed = value, true // elsewhere it cannot be read
	}
}
