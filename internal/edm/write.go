package edm

import "strings"

// schemas is the model as one schema per namespace, Graph's own first.
func (m *Model) schemas() []xmlSchema {
	own := xmlSchema{Namespace: namespace, Alias: alias, XMLNS: "http://docs.oasis-open.org/odata/ns/edm"}
	schemas := []xmlSchema{own}
	for _, name := range m.names { // sorted
		within, local := namespace, name
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			within, local = namespace+"."+name[:dot], name[dot+1:]
		}
		at := 0
		for at < len(schemas) && schemas[at].Namespace != within {
			at++
		}
		if at == len(schemas) {
			schemas = append(schemas, xmlSchema{Namespace: within, XMLNS: own.XMLNS})
		}
		t := m.types[name]
		x := write(t)
		x.Name = local
		switch s := &schemas[at]; t.Kind {
		case Enum:
			s.Enums = append(s.Enums, x)
		case Complex:
			s.Complex = append(s.Complex, x)
		default:
			s.Entities = append(s.Entities, x)
		}
	}
	m.writeDoors(&schemas[0])
	return schemas
}

// writeDoors adds what can be called and where one comes in.
func (m *Model) writeDoors(s *xmlSchema) {
	for _, o := range m.operations {
		x := xmlOperation{Name: o.Name}
		parameters := o.Parameters
		if o.Binding.Type != "" {
			x.Bound = true
			parameters = append([]Property{o.Binding}, parameters...)
		}
		for _, p := range parameters {
			x.Parameters = append(x.Parameters, writeProperty(p))
		}
		if o.Returns.Type != "" {
			r := writeProperty(o.Returns)
			x.Returns = &r
		}
		if o.Action {
			s.Actions = append(s.Actions, x)
		} else {
			s.Functions = append(s.Functions, x)
		}
	}
	if len(m.sets) == 0 {
		return
	}
	s.Container = &xmlContainer{Name: "GraphService"}
	for _, set := range m.sets {
		if set.Singleton {
			s.Container.Singletons = append(s.Container.Singletons, xmlSet{Name: set.Name, Type: set.Type})
		} else {
			s.Container.Sets = append(s.Container.Sets, xmlSet{Name: set.Name, EntityType: set.Type})
		}
	}
}

func write(t Type) xmlType {
	x := xmlType{Base: spelled(t.Base), Abstract: t.Abstract, Open: t.Open, Flags: t.Flags}
	for _, k := range t.Key {
		x.Key = append(x.Key, xmlName{k})
	}
	for i, member := range t.Members {
		x.Members = append(x.Members, xmlMember{member, &t.Values[i]})
	}
	for _, p := range t.Properties {
		if p.Navigation {
			x.Navigations = append(x.Navigations, writeProperty(p))
		} else {
			x.Properties = append(x.Properties, writeProperty(p))
		}
	}
	return x
}

func writeProperty(p Property) xmlProperty {
	x := xmlProperty{Name: p.Name, Type: p.Type, Contained: p.Contained}
	if p.Collection {
		x.Type = "Collection(" + p.Type + ")"
	}
	if !p.Nullable {
		x.Nullable = &p.Nullable
	}
	if p.ReadOnly {
		x.Annotations = []xmlAnnotation{{Term: computed, Bool: "true"}}
	}
	return x
}
