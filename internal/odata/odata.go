// Package odata reads the parts of OData 4.0 that Microsoft Graph clients use:
// resource paths, query options, JSON objects with annotations, durations. It
// is pure.
//
// # Errors
//
// Every error is a fault.Invalid whose detail names the field or option, the
// value and what would be valid.
//
// # Sources
//
// OData Version 4.01 Part 2: URL Conventions; OData JSON Format 4.01; Microsoft
// Graph, "Use query parameters to customize responses". Leniency follows what
// Graph accepts in the field: a stray "&", enumeration values in any case, "()"
// left out after a function's name.
package odata

import (
	"net/url"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
)

// Segment is one step of a resource path.
type Segment struct {
	Text     string // a name, or the value of a key
	Key      bool   // it stood in parentheses: certainly a key
	Property string // of an alternate key, for example "appId"; "" for the identifier
}

// ParsePath splits an escaped path. Parentheses become segments of their own:
// "users('1')/memberOf" and "users/1/memberOf" read alike, and "usage()" reads
// as "usage". Type casts lose "microsoft." so that both spellings read alike.
func ParsePath(escaped string) ([]Segment, error) {
	var out []Segment
	for part := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the path segment %q is not escaped correctly", part)
		}
		name, inside, keyed := strings.Cut(text, "(")
		if keyed {
			var ok bool
			if inside, ok = strings.CutSuffix(inside, ")"); !ok {
				return nil, fault.New(fault.Invalid, "the path segment %q has no closing parenthesis", text)
			}
		}
		if name == "" {
			return nil, fault.New(fault.Invalid, "the path holds an empty segment")
		}
		if cast, ok := strings.CutPrefix(name, "microsoft.graph."); ok {
			name = "graph." + cast
		}
		out = append(out, Segment{Text: name})
		if keyed && inside != "" {
			out = append(out, parseKey(inside))
		}
	}
	return out, nil
}

func parseKey(inside string) Segment {
	s := Segment{Key: true}
	if property, value, ok := strings.Cut(inside, "="); ok && !strings.HasPrefix(inside, "'") {
		s.Property, inside = property, value
	}
	s.Text = unquote(inside)
	return s
}

// unquote drops the quotes of a string literal; quotes inside are doubled.
func unquote(literal string) string {
	if len(literal) < 2 || literal[0] != '\'' || literal[len(literal)-1] != '\'' {
		return literal
	}
	return strings.ReplaceAll(literal[1:len(literal)-1], "''", "'")
}
