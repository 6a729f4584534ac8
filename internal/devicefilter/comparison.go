package devicefilter

import "slices"

// Comparison is one comparison of a rule, in positive form: what -ne asks is what
// -eq asks.
type Comparison struct {
	Property Property
	Operator Operator // Equals, In, StartsWith, EndsWith, Contains or one that orders
	Null     bool     // the value is $null; then there are no Values
	Values   []string // of a version as it was written
}

// Comparisons lists what a rule asks, in the order of its text: whoever knows the
// answers to all of it knows whether the rule holds.
func (r Rule) Comparisons() []Comparison { return comparisons(r.root, nil) }

func comparisons(e expression, out []Comparison) []Comparison {
	switch e := e.(type) {
	case either:
		for _, part := range e {
			out = comparisons(part, out)
		}
	case both:
		for _, part := range e {
			out = comparisons(part, out)
		}
	case not:
		return comparisons(e.expression, out)
	case *comparison:
		return append(out, Comparison{e.property, e.operator, e.null, slices.Clone(e.values)})
	}
	return out
}
