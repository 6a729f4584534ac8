package filter

import (
	"slices"
	"strings"
	"time"
)

// What a filter demands of one property is known when it is a conjunction. A
// store can then look for it, and leaves the rest to Matches.

// Equals returns the text to which the filter pins a property: it is
// "path eq 'value'", perhaps with more conditions joined by and. The text is
// compared without regard to case.
func (f Filter) Equals(property string) (value string, ok bool) {
	for _, term := range terms(f.root) {
		if value, ok := pinned(term, []string{""}, property); ok {
			return value, true
		}
	}
	return "", false
}

// Some is Equals for a property of the members of a collection, one of which has
// the text: "things/any(t:t/id eq 'value')" pins "things/id".
func (f Filter) Some(property string) (value string, ok bool) {
	for _, term := range terms(f.root) {
		l, ok := term.(lambda)
		if !ok || l.all {
			continue
		}
		prefixes := []string{"", l.over.under([]string{""})}
		for _, inner := range terms(l.body) {
			if value, ok := pinned(inner, prefixes, property); ok {
				return value, true
			}
		}
	}
	return "", false
}

// Between returns instants that a property lies between, both included, if the
// filter demands that; the zero time is no bound.
func (f Filter) Between(property string) (from, to time.Time) {
	for _, term := range terms(f.root) {
		c, ok := term.(comparison)
		if !ok {
			continue
		}
		operator, bound, ok := c.of([]string{""}, property)
		at, isInstant := instant(bound)
		if !ok || !isInstant {
			continue
		}
		if (operator == "gt" || operator == "ge" || operator == "eq") && at.After(from) {
			from = at
		}
		if (operator == "lt" || operator == "le" || operator == "eq") && (to.IsZero() || at.Before(to)) {
			to = at
		}
	}
	return from, to
}

// Nonzero reports whether the filter demands that a property is a number other
// than 0, by itself or beside more.
func (f Filter) Nonzero(property string) bool {
	return slices.ContainsFunc(terms(f.root), func(term node) bool {
		c, ok := term.(comparison)
		if !ok {
			return false
		}
		operator, value, ok := c.of([]string{""}, property)
		n, isNumber := toNumber(value)
		if !ok || !isNumber {
			return false
		}
		switch operator {
		case "ne":
			return n.f == 0
		case "eq":
			return n.f != 0
		case "gt":
			return n.f >= 0
		case "lt":
			return n.f <= 0
		case "ge":
			return n.f > 0
		default:
			return operator == "le" && n.f < 0
		}
	})
}

// terms are what must all hold.
func terms(n node) []node {
	if all, ok := n.(logic); ok && !all.or {
		return all.terms
	}
	return []node{n}
}

func pinned(term node, prefixes []string, property string) (value string, ok bool) {
	c, ok := term.(comparison)
	if !ok {
		return "", false
	}
	operator, other, ok := c.of(prefixes, property)
	value, isText := other.(string)
	return value, ok && isText && operator == "eq"
}

// mirrored operators compare the other way around.
var mirrored = map[string]string{"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}

// of reads a comparison of a property with a constant, as if the property stood
// on the left.
func (c comparison) of(prefixes []string, property string) (operator string, value any, ok bool) {
	operator = c.operator
	p, left := c.left.(path)
	other := c.right
	if !left {
		p, ok = c.right.(path)
		if !ok {
			return "", nil, false
		}
		other = c.left
		if turned := mirrored[operator]; turned != "" {
			operator = turned
		}
	}
	k, isConstant := other.(constant)
	return operator, k.value, isConstant && !p.count && strings.EqualFold(p.under(prefixes), property)
}
