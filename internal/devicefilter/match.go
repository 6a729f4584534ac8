package devicefilter

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// expression is a rule or a part of one.
type expression interface{ holds(Facts) bool }

type (
	either []expression
	both   []expression
	not    struct{ expression }
)

func (e either) holds(on Facts) bool {
	return slices.ContainsFunc(e, func(part expression) bool { return part.holds(on) })
}

func (b both) holds(on Facts) bool {
	return !slices.ContainsFunc(b, func(part expression) bool { return !part.holds(on) })
}

func (n not) holds(on Facts) bool { return !n.expression.holds(on) }

// comparison compares one property. Its operator is positive: negation is said
// apart, so that no negative operator can differ from the negated positive one.
type comparison struct {
	property Property
	operator Operator
	negated  bool
	null     bool // the value is $null; then there are no others
	values   []string
	versions bool      // values are compared as versions,
	version  [4]uint32 // and this is the one
}

func (c *comparison) holds(on Facts) bool {
	value, known := on.Fact(c.property.Name)
	known = known && value != ""
	if c.null {
		return known == c.negated
	}
	return (known && c.accepts(value)) != c.negated
}

// accepts reports whether a value that is there satisfies the positive operator.
func (c *comparison) accepts(value string) bool {
	switch {
	case c.versions:
		return c.acceptsVersion(value)
	case c.property.Kind == Collection:
		for element := range strings.SplitSeq(value, "\n") {
			if strings.EqualFold(element, c.values[0]) {
				return true
			}
		}
		return false
	}
	switch c.operator {
	case StartsWith:
		_, ok := cutPrefixFold(value, c.values[0])
		return ok
	case EndsWith, Contains:
		return containsFold(value, c.values[0], c.operator == EndsWith)
	default: // Equals, In
		return slices.ContainsFunc(c.values, func(s string) bool { return strings.EqualFold(s, value) })
	}
}

func (c *comparison) acceptsVersion(value string) bool {
	v, err := c.property.read(value)
	if err != nil {
		return false
	}
	switch order := slices.Compare(v[:], c.version[:]); c.operator {
	case GreaterThan:
		return order > 0
	case GreaterOrEqual:
		return order >= 0
	case LessThan:
		return order < 0
	case LessThanOrEquals:
		return order <= 0
	default: // Equals
		return order == 0
	}
}

// containsFold reports whether s contains part, in any case; at its end alone
// when atEnd is set.
func containsFold(s, part string, atEnd bool) bool {
	for {
		if rest, ok := cutPrefixFold(s, part); ok && (!atEnd || rest == "") {
			return true
		}
		if s == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(s)
		s = s[n:]
	}
}

// cutPrefixFold returns s without prefix, which may be in another case and so may
// have another length.
func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	for prefix != "" {
		_, m := utf8.DecodeRuneInString(prefix)
		_, n := utf8.DecodeRuneInString(s)
		if !strings.EqualFold(s[:n], prefix[:m]) {
			return "", false
		}
		s, prefix = s[n:], prefix[m:]
	}
	return s, true
}
