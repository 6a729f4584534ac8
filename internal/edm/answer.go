package edm

import (
	"fmt"
	"strings"
)

// CheckAnswer checks a whole answer as CheckOut does; what it should be is read
// from its own @odata.context. An error is an object with code and message.
func (m *Model) CheckAnswer(body map[string]any) []string {
	if e, ok := body["error"].(map[string]any); ok {
		code, _ := e["code"].(string)
		if _, ok := e["message"].(string); !ok || code == "" {
			return []string{"error: needs code and message"}
		}
		return nil
	}
	context, _ := body["@odata.context"].(string)
	_, fragment, ok := strings.Cut(context, "$metadata#")
	if !ok {
		return []string{fmt.Sprintf("@odata.context: %s names nothing of $metadata", shown("", context))}
	}
	p, ok := m.At(strings.TrimSuffix(strings.TrimSuffix(fragment, "/$entity"), "/$delta"))
	if !ok {
		return []string{fmt.Sprintf("@odata.context: there is no %s", shown("", fragment))}
	}
	if strings.HasSuffix(fragment, "/$entity") {
		p.Collection = false
	}
	if t, ok := m.Type(p.Type); ok && t.Kind != Enum && !p.Collection {
		return m.CheckOut(p.Type, body)
	}
	c := checker{model: m, answer: true}
	c.property("value", p, body["value"])
	return c.faults
}

// At returns what is at a path below the service root, or at the path of a
// context URL: its type, and whether it is a list. Keys are read in both
// spellings, /users/{id} and /users('{id}'), casts and functions with or without
// a namespace, and a list of selected properties in parentheses is skipped. The
// path may start with the name of a type, as in Collection(Edm.String).
func (m *Model) At(path string) (Property, bool) {
	here, ok := Property{}, false
	for i, segment := range segments(path) {
		if i == 0 {
			here, ok = m.entrance(segment)
		} else {
			here, ok = m.step(here, segment)
		}
		if !ok {
			return Property{}, false
		}
	}
	return here, ok
}

// entrance is where the first segment of a path leads.
func (m *Model) entrance(segment string) (Property, bool) {
	name, inner, parentheses := strings.Cut(segment, "(")
	for _, s := range m.sets {
		if s.Name == name {
			list := !s.Singleton && !(parentheses && isKey(inner))
			return Property{Name: name, Type: s.Type, Collection: list, Nullable: true}, true
		}
	}
	list := name == "Collection"
	if list {
		name = strings.TrimSuffix(inner, ")")
	}
	typ := spelled(strings.TrimPrefix(name, "#"))
	return Property{Type: typ, Collection: list, Nullable: true}, m.known(typ)
}

// step is where one more segment leads from here.
func (m *Model) step(here Property, segment string) (Property, bool) {
	name, inner, parentheses := strings.Cut(segment, "(")
	if p, ok := m.Property(here.Type, name); ok && !here.Collection {
		p.Collection = p.Collection && !(parentheses && isKey(inner))
		return p, true
	}
	if m.IsA(name, here.Type) && strings.Contains(name, ".") {
		here.Type = spelled(name)
		return here, true
	}
	if o, ok := m.Operation(here.Type, short(name)); ok && o.Binding.Collection == here.Collection {
		return o.Returns, o.Returns.Type != ""
	}
	ok := here.Collection && here.Type != "" && !strings.HasPrefix(name, "$")
	here.Collection = false
	return here, ok
}

// isKey tells the key in parentheses from selected properties: it is quoted, or
// an alternate key with a name.
func isKey(inner string) bool { return strings.ContainsAny(inner, "'=") }

// segments splits a path at the slashes that are in no parentheses or quotes.
func segments(path string) []string {
	var all []string
	depth, quoted, start := 0, false, 0
	for i, r := range path {
		switch {
		case r == '\'':
			quoted = !quoted
		case quoted:
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == '/' && depth == 0:
			all, start = append(all, path[start:i]), i+1
		}
	}
	return append(all, path[start:])
}
