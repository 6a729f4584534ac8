// Package edm is the entity data model of the Graph door: which types exist,
// what properties they have, and whether a JSON object keeps to them.
//
// The door's own model is the table in the served files; $metadata is written
// from it and request bodies are checked by it. The same code reads the CSDL
// that Microsoft publishes, so that a test can hold our answers against it.
//
// The rules are those of OData v4.01: CSDL XML for models, JSON format
// section 4 for instances, Protocol section 10 for context URLs.
package edm

import (
	"slices"
	"strings"
)

// Extension is the one property that our answers carry and Graph's do not. It
// holds what Graph has no word for.
const Extension = "postern"

// namespace is Graph's own, alias the short form that its CSDL uses.
const (
	namespace = "microsoft.graph"
	alias     = "graph"
)

// TypeKind says what a type is.
type TypeKind uint8

// The kinds of types.
const (
	Entity  TypeKind = iota + 1 // has a key and an address
	Complex                     // lives inside of another
	Enum                        // one of its members, or several if Flags is set
)

// Type is one declared type. Its slices belong to the model: read only.
type Type struct {
	Name           string // without a namespace: "windowsManagedAppProtection"
	Base           string // likewise; empty for none
	Abstract, Open bool   // Open: may have properties that are not declared
	Kind           TypeKind
	Key            []string   // names of the key's properties, where this type declares them
	Properties     []Property // declared here; those of the base are the base's
	Members        []string   // of an enumeration
	Values         []int64    // of Members, in their order
	Flags          bool       // several members may be given, joined by commas
}

// Property is one declared property, parameter or result.
type Property struct {
	Name       string
	Type       string // "Edm.String", "graph.windowsAppIdentifier"
	Collection bool
	Nullable   bool // of a collection: its elements may be null
	Navigation bool // leads to another entity, and is inlined when expanded
	Contained  bool // a navigation to entities that live and die with this one
	ReadOnly   bool // the service sets it and ignores what a client sends
}

// Operation is an action or a function that is called on a type.
type Operation struct {
	Name       string
	Action     bool     // has effects and is POSTed; otherwise a function
	Binding    Property // what it is called on
	Parameters []Property
	Returns    Property // without a type when there is no result
}

// Set is a way into the model: an entity set or a singleton.
type Set struct {
	Name      string
	Type      string // "graph.user"
	Singleton bool
}

// Model is a set of types, operations and ways in. It never changes.
type Model struct {
	types      map[string]Type
	properties map[string]map[string]Property // by type, those it declares itself
	names      []string                       // of the types, sorted
	operations []Operation
	sets       []Set
}

// Type returns the type of that name, which may be plain or have a namespace
// before it: "user", "graph.user", "microsoft.graph.user", "#microsoft.graph.user".
func (m *Model) Type(name string) (Type, bool) {
	t, ok := m.types[short(name)]
	return t, ok
}

// Names returns the sorted names of all types. The list is the caller's.
func (m *Model) Names() []string { return slices.Clone(m.names) }

// Operations returns what can be called, in the order of declaration. The list
// is the caller's.
func (m *Model) Operations() []Operation { return slices.Clone(m.operations) }

// Sets returns the ways in, in the order of declaration. The list is the caller's.
func (m *Model) Sets() []Set { return slices.Clone(m.sets) }

// Property returns the property called name of the type typ or of one of its bases.
func (m *Model) Property(typ, name string) (Property, bool) {
	for t := range m.line(typ) {
		if p, ok := m.properties[t.Name][name]; ok {
			return p, true
		}
	}
	return Property{}, false
}

// IsA reports whether kind is base or derived from it. An unknown type is nothing.
func (m *Model) IsA(kind, base string) bool {
	base = short(base)
	for t := range m.line(kind) {
		if t.Name == base {
			return true
		}
	}
	return false
}

// Kinds returns the sorted names of what an instance of base may be: base
// itself and all that is derived from it, unless abstract.
func (m *Model) Kinds(base string) []string {
	var kinds []string
	for _, name := range m.names {
		if !m.types[name].Abstract && m.IsA(name, base) {
			kinds = append(kinds, name)
		}
	}
	return kinds
}

// Member returns the spelling that the enumeration typ uses for value: case
// does not matter, and several members of a flags enumeration may be joined by
// commas. It reports false when a member does not exist.
func (m *Model) Member(typ, value string) (string, bool) {
	t := m.types[short(typ)]
	parts := []string{value}
	if t.Flags {
		parts = strings.Split(value, ",")
	}
	for i, part := range parts {
		part = strings.TrimSpace(part)
		at := slices.IndexFunc(t.Members, func(member string) bool { return strings.EqualFold(member, part) })
		if at < 0 {
			return "", false
		}
		parts[i] = t.Members[at]
	}
	return strings.Join(parts, ","), true
}

// Operation returns the action or function that is called name on an instance
// or a list of typ or of one of its bases, the nearest first.
func (m *Model) Operation(typ, name string) (Operation, bool) {
	for t := range m.line(typ) {
		for _, o := range m.operations {
			if o.Name == name && short(o.Binding.Type) == t.Name {
				return o, true
			}
		}
	}
	return Operation{}, false
}

// line yields typ and its bases, nearest first.
func (m *Model) line(typ string) func(func(Type) bool) {
	return func(yield func(Type) bool) {
		for t, ok := m.types[short(typ)]; ok && yield(t); {
			t, ok = m.types[t.Base]
		}
	}
}

// isOpen reports whether typ or one of its bases takes undeclared properties.
func (m *Model) isOpen(typ string) bool {
	for t := range m.line(typ) {
		if t.Open {
			return true
		}
	}
	return false
}

// short removes the namespace before a name.
func short(name string) string {
	name = strings.TrimPrefix(name, "#")
	if rest, ok := strings.CutPrefix(name, namespace+"."); ok {
		return rest
	}
	return strings.TrimPrefix(name, alias+".")
}

// qualified is how answers spell a type.
func qualified(name string) string { return "#" + namespace + "." + name }
