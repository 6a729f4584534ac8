package edm

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// nameForm is an identifier of OData; a type of an inner namespace has dots.
var nameForm = regexp.MustCompile(`^[\pL_][\pL\p{Nd}_]*(\.[\pL_][\pL\p{Nd}_]*)*$`)

// declared is a model that nobody has looked at yet.
type declared struct {
	types      []Type
	operations []Operation
	sets       []Set
}

// seal makes a model of what was declared, or says what is wrong with it:
// every name must be declared once, every reference lead to something.
func seal(d declared) (*Model, error) {
	m := &Model{types: map[string]Type{}, properties: map[string]map[string]Property{}, operations: d.operations, sets: d.sets}
	for _, t := range d.types {
		if _, twice := m.types[t.Name]; twice || !nameForm.MatchString(t.Name) || short(t.Name) != t.Name {
			return nil, fmt.Errorf("type %q: every type needs a name of its own, of letters, digits and underscores", t.Name)
		}
		m.types[t.Name] = t
		m.names = append(m.names, t.Name)
	}
	slices.Sort(m.names)
	if err := m.checkBases(); err != nil {
		return nil, err
	}
	for _, t := range d.types {
		own := make(map[string]Property, len(t.Properties))
		for _, p := range t.Properties {
			if _, twice := own[p.Name]; twice || !nameForm.MatchString(p.Name) {
				return nil, fmt.Errorf("type %s, property %q: every property needs a name of its own, of letters, digits and underscores", t.Name, p.Name)
			}
			if !m.known(p.Type) {
				return nil, fmt.Errorf("type %s, property %s: there is no type %q", t.Name, p.Name, p.Type)
			}
			own[p.Name] = p
		}
		m.properties[t.Name] = own
	}
	if err := m.checkDoors(); err != nil {
		return nil, err
	}
	return m, nil
}

// checkBases refuses a base that is unknown, of another kind, or its own heir.
func (m *Model) checkBases() error {
	sound := map[string]bool{"": true}
	for _, name := range m.names {
		var path []string
		for at := name; !sound[at]; at = m.types[at].Base {
			t, ok := m.types[at]
			if !ok || t.Kind != m.types[name].Kind {
				return fmt.Errorf("type %s: its base %q is no type of its kind", name, at)
			}
			if len(path) > len(m.names) {
				return fmt.Errorf("type %s: it is its own base", name)
			}
			path = append(path, at)
		}
		for _, at := range path {
			sound[at] = true
		}
	}
	return nil
}

// checkDoors refuses operations and sets whose types do not exist.
func (m *Model) checkDoors() error {
	for _, o := range m.operations {
		for _, p := range append([]Property{o.Binding, o.Returns}, o.Parameters...) {
			if p.Type != "" && !m.known(p.Type) {
				return fmt.Errorf("operation %s: there is no type %q", o.Name, p.Type)
			}
		}
	}
	for _, s := range m.sets {
		if !m.known(s.Type) {
			return fmt.Errorf("set %s: there is no type %q", s.Name, s.Type)
		}
	}
	return nil
}

// known reports whether a property may have that type.
func (m *Model) known(typ string) bool {
	if strings.HasPrefix(typ, "Edm.") {
		_, ok := primitive(typ)
		return ok
	}
	_, ok := m.types[short(typ)]
	return ok
}
