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
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
)

// Segment is one step of a resource path.
type Segment struct {
	Text     string    // a name, or the value of a key or a function's first argument
	Key      bool      // it stood in parentheses: certainly a key or arguments
	Property string    // of an alternate key or argument, for example "appId"; "" for the identifier
	More     []Segment // what else stood in the same parentheses, each with its Property
}

// Argument returns the value of an alternate key or argument by its name, in
// any case.
func (s Segment) Argument(name string) (value string, ok bool) {
	for _, a := range append([]Segment{s}, s.More...) {
		if a.Property != "" && strings.EqualFold(a.Property, name) {
			return a.Text, true
		}
	}
	return "", false
}

// ParsePath splits an escaped path. Parentheses become segments of their own:
// "users('1')/memberOf" and "users/1/memberOf" read alike, and "usage()" reads
// as "usage". Type casts lose "microsoft." so that both spellings read alike.
// "$ref", "$count" and "$value" are names.
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
		if !keyed || strings.TrimSpace(inside) == "" {
			continue
		}
		key, err := parseKey(inside)
		if err != nil {
			return nil, err
		}
		out = append(out, key)
	}
	return out, nil
}

// parseKey reads what stands in parentheses: a key, or named values.
func parseKey(inside string) (Segment, error) {
	values, err := split("the key", inside, ',')
	if err != nil {
		return Segment{}, err
	}
	all := make([]Segment, 0, 1)
	for _, value := range values {
		s := Segment{Key: true}
		if name, rest, ok := strings.Cut(value, "="); ok && !strings.HasPrefix(value, "'") {
			s.Property, value = strings.TrimSpace(name), strings.TrimSpace(rest)
		}
		s.Text = unquote(value)
		all = append(all, s)
	}
	if len(all) == 0 || len(all) > 1 && slices.ContainsFunc(all, func(s Segment) bool { return s.Property == "" }) {
		return Segment{}, fault.New(fault.Invalid, "the key (%s) is not valid; several values need their names, for example (a='1',b='2')", inside)
	}
	if len(all) > 1 {
		all[0].More = all[1:]
	}
	return all[0], nil
}

// unquote drops the quotes of a string literal; quotes inside are doubled.
func unquote(literal string) string {
	if len(literal) < 2 || literal[0] != '\'' || literal[len(literal)-1] != '\'' {
		return literal
	}
	return strings.ReplaceAll(literal[1:len(literal)-1], "''", "'")
}
