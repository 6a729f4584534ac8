package edm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	maxFaults = 20 // more would not help anybody
	maxShown  = 60 // bytes of a value in a fault
)

// CheckOut returns what is wrong with v as an answer of the type typ, v being
// what encoding/json decodes, with or without UseNumber: a property that the
// type lacks, a value of another form than its type has, an unknown member of an
// enumeration, null where the type has none, an abstract type that no
// @odata.type makes concrete, an @odata.type that is not derived from the
// declared one. Annotations and the Extension pass. An open entity type takes
// undeclared properties only by the name of a schema extension, which has an
// underscore: any other one is a slip of ours.
func (m *Model) CheckOut(typ string, v map[string]any) []string {
	c := checker{model: m, answer: true}
	c.object("", typ, v)
	return c.faults
}

// CheckIn returns what is wrong with v as a request body of the type typ.
// Properties that the type lacks, annotations, read-only properties, null and an
// empty list where an object belongs pass; everything else must be of its type. A fault names the property, its
// value and what would be valid. An object's @odata.type may name any type that
// is derived from the declared one.
func (m *Model) CheckIn(typ string, v map[string]any) []string {
	c := checker{model: m}
	c.object("", typ, v)
	return c.faults
}

// CheckAction returns what is wrong with v as the body of the action called
// name on a typ or on a list of them. A parameter that is not nullable must be there.
func (m *Model) CheckAction(typ, name string, v map[string]any) []string {
	o, ok := m.Operation(typ, name)
	if !ok || !o.Action {
		return []string{fmt.Sprintf("%s: no action of %s", name, short(typ))}
	}
	c := checker{model: m}
	for _, p := range o.Parameters {
		switch value := v[p.Name]; {
		case value != nil:
			c.value(p.Name, p, value)
		case !p.Nullable:
			c.fault(p.Name, "is missing; valid: "+c.valid(p))
		}
	}
	return c.faults
}

// checker collects the faults of one object.
type checker struct {
	model  *Model
	answer bool // ours, and judged strictly
	faults []string
}

func (c *checker) fault(path, text string) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, strings.TrimPrefix(path+": "+text, ": "))
	}
}

// object checks v against what its own @odata.type says, or else against typ.
func (c *checker) object(path, typ string, v map[string]any) {
	kind, ok := c.kind(path, typ, v)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		switch p, ok := c.model.Property(kind.Name, name); {
		case ok && (c.answer || !p.ReadOnly):
			c.property(at, p, v[name])
		case ok, !c.answer, annotation(name), name == Extension:
		case c.model.isOpen(kind.Name) && (kind.Kind == Complex || strings.Contains(name, "_")):
		default:
			c.fault(at, kind.Name+" has no such property")
		}
	}
}

func annotation(name string) bool {
	return strings.Contains(name, "@odata.") || strings.Contains(name, "@"+namespace+".")
}

// kind returns the type that v has where typ is declared.
func (c *checker) kind(path, typ string, v map[string]any) (Type, bool) {
	declared, known := c.model.Type(typ)
	if !known {
		c.fault(path, fmt.Sprintf("there is no type %q", typ))
		return declared, false
	}
	given, said := v["@odata.type"]
	name, isText := given.(string)
	kind, known := c.model.Type(name)
	_, reference := v["@odata.id"]
	switch {
	case !said && (!declared.Abstract || reference && !c.answer):
		return declared, true
	case !said:
		c.fault(path, fmt.Sprintf("%s is abstract and needs an @odata.type; valid: %s", declared.Name, c.kinds(typ)))
	case !isText || !known || kind.Abstract || !c.model.IsA(name, typ) || c.answer && name != qualified(kind.Name):
		at := strings.TrimPrefix(path+".@odata.type", ".")
		c.fault(at, fmt.Sprintf("%s is no kind of %s; valid: %s", shown("", given), declared.Name, c.kinds(typ)))
	default:
		return kind, true
	}
	return kind, false
}

func (c *checker) kinds(typ string) string {
	kinds := c.model.Kinds(typ)
	for i := range kinds {
		kinds[i] = qualified(kinds[i])
	}
	return strings.Join(kinds, ", ")
}

// property checks the value of p, which may be null or a list.
func (c *checker) property(path string, p Property, v any) {
	if v != nil {
		c.value(path, p, v)
	} else if c.answer && (p.Collection || !p.Nullable) {
		c.fault(path, "null is not allowed; valid: "+c.valid(p))
	}
}

// value checks a value that is not null.
func (c *checker) value(path string, p Property, v any) {
	if !p.Collection {
		c.single(path, p, v)
		return
	}
	list, ok := v.([]any)
	if !ok {
		c.wrong(path, p, v)
		return
	}
	p.Collection = false
	for i, element := range list {
		at := path + "[" + strconv.Itoa(i) + "]"
		if element != nil {
			c.single(at, p, element)
		} else if !p.Nullable || p.Navigation {
			c.wrong(at, p, nil)
		}
	}
}

// single checks one value that is no list.
func (c *checker) single(path string, p Property, v any) {
	if f, ok := primitive(p.Type); ok {
		if !f.ok(v) {
			c.wrong(path, p, v)
		}
		return
	}
	t, _ := c.model.Type(p.Type)
	if t.Kind == Enum {
		s, _ := v.(string)
		if member, ok := c.model.Member(p.Type, s); !ok || c.answer && member != strings.ReplaceAll(s, ", ", ",") {
			c.wrong(path, p, v)
		}
		return
	}
	object, ok := v.(map[string]any)
	list, isList := v.([]any)
	switch {
	case ok:
		c.object(path, p.Type, object)
	case isList && len(list) == 0 && !c.answer: // what scripts write for null
	default:
		c.wrong(path, p, v)
	}
}

func (c *checker) wrong(path string, p Property, v any) {
	c.fault(path, fmt.Sprintf("%s is not valid; valid: %s", shown(p.Name, v), c.valid(p)))
}

// valid says what p may be.
func (c *checker) valid(p Property) string {
	if p.Collection {
		p.Collection = false
		return "a list, each element " + c.valid(p)
	}
	if f, ok := primitive(p.Type); ok {
		return f.valid
	}
	t, _ := c.model.Type(p.Type)
	switch {
	case t.Kind != Enum:
		return "an object of " + t.Name
	case t.Flags:
		return "one or more, with commas between, of " + strings.Join(t.Members, ", ")
	}
	return "one of " + strings.Join(t.Members, ", ")
}

// shown is a value as people may read it: short, and never a secret.
func shown(property string, v any) string {
	switch property {
	case "password", "secretText", "key", "proof":
		return "the value"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "the value"
	}
	if len(b) > maxShown {
		return strings.ToValidUTF8(string(b[:maxShown]), "") + "..."
	}
	return string(b)
}
