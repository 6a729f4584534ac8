package edm

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

const computed = "Org.OData.Core.V1.Computed" // the OData vocabulary's word for read-only

// The elements of CSDL XML, sections 3 to 13, as far as a Model holds them.
type (
	xmlSchema struct {
		XMLNS     string         `xml:"xmlns,attr,omitempty"`
		Namespace string         `xml:"Namespace,attr"`
		Alias     string         `xml:"Alias,attr,omitempty"`
		Enums     []xmlType      `xml:"EnumType"`
		Complex   []xmlType      `xml:"ComplexType"`
		Entities  []xmlType      `xml:"EntityType"`
		Actions   []xmlOperation `xml:"Action"`
		Functions []xmlOperation `xml:"Function"`
		Container *xmlContainer  `xml:"EntityContainer"`
	}
	xmlType struct {
		Name        string        `xml:"Name,attr"`
		Base        string        `xml:"BaseType,attr,omitempty"`
		Abstract    bool          `xml:"Abstract,attr,omitempty"`
		Open        bool          `xml:"OpenType,attr,omitempty"`
		Flags       bool          `xml:"IsFlags,attr,omitempty"`
		Key         []xmlName     `xml:"Key>PropertyRef"`
		Members     []xmlMember   `xml:"Member"`
		Properties  []xmlProperty `xml:"Property"`
		Navigations []xmlProperty `xml:"NavigationProperty"`
	}
	xmlName struct {
		Name string `xml:"Name,attr"`
	}
	xmlMember struct {
		Name  string `xml:"Name,attr"`
		Value *int64 `xml:"Value,attr"`
	}
	xmlProperty struct {
		Name        string          `xml:"Name,attr,omitempty"`
		Type        string          `xml:"Type,attr"`
		Nullable    *bool           `xml:"Nullable,attr"`
		Contained   bool            `xml:"ContainsTarget,attr,omitempty"`
		Annotations []xmlAnnotation `xml:"Annotation"`
	}
	xmlAnnotation struct {
		Term string `xml:"Term,attr"`
		Bool string `xml:"Bool,attr,omitempty"`
	}
	xmlOperation struct {
		Name       string        `xml:"Name,attr"`
		Bound      bool          `xml:"IsBound,attr,omitempty"`
		Parameters []xmlProperty `xml:"Parameter"`
		Returns    *xmlProperty  `xml:"ReturnType"`
	}
	xmlContainer struct {
		Name       string   `xml:"Name,attr"`
		Sets       []xmlSet `xml:"EntitySet"`
		Singletons []xmlSet `xml:"Singleton"`
	}
	xmlSet struct {
		Name       string `xml:"Name,attr"`
		EntityType string `xml:"EntityType,attr,omitempty"`
		Type       string `xml:"Type,attr,omitempty"`
	}
)

// Parse reads a model from CSDL XML as Microsoft Graph publishes it. Every type
// that it refers to must be in it.
func Parse(csdl []byte) (*Model, error) {
	var doc struct {
		Schemas []xmlSchema `xml:"DataServices>Schema"`
	}
	if err := xml.Unmarshal(csdl, &doc); err != nil {
		return nil, fmt.Errorf("CSDL: %w", err)
	}
	var d declared
	for _, s := range doc.Schemas {
		d.schema(s)
	}
	if len(d.types) == 0 {
		return nil, fmt.Errorf("CSDL: no Schema in edmx:DataServices declares a type")
	}
	return seal(d)
}

func (d *declared) schema(s xmlSchema) {
	within := strings.TrimPrefix(strings.TrimPrefix(s.Namespace, namespace), ".")
	if within != "" {
		within += "."
	}
	for _, group := range []struct {
		kind  TypeKind
		types []xmlType
	}{{Enum, s.Enums}, {Complex, s.Complex}, {Entity, s.Entities}} {
		for _, x := range group.types {
			t := x.read(group.kind)
			t.Name = within + t.Name
			d.types = append(d.types, t)
		}
	}
	for _, x := range s.Actions {
		d.operations = append(d.operations, x.read(true))
	}
	for _, x := range s.Functions {
		d.operations = append(d.operations, x.read(false))
	}
	if s.Container != nil {
		for _, x := range append(s.Container.Sets, s.Container.Singletons...) {
			d.sets = append(d.sets, Set{Name: x.Name, Type: spelled(x.EntityType + x.Type), Singleton: x.Type != ""})
		}
	}
}

func (x xmlType) read(kind TypeKind) Type {
	t := Type{Name: x.Name, Base: short(x.Base), Abstract: x.Abstract, Open: x.Open, Kind: kind, Flags: x.Flags}
	for _, k := range x.Key {
		t.Key = append(t.Key, k.Name)
	}
	next := int64(0)
	for _, member := range x.Members {
		if member.Value != nil {
			next = *member.Value
		}
		t.Members, t.Values = append(t.Members, member.Name), append(t.Values, next)
		next++
	}
	for _, p := range x.Properties {
		t.Properties = append(t.Properties, p.read())
	}
	for _, n := range x.Navigations {
		p := n.read()
		p.Navigation = true
		t.Properties = append(t.Properties, p)
	}
	return t
}

func (x xmlProperty) read() Property {
	typ, list := strings.CutPrefix(x.Type, "Collection(")
	p := Property{
		Name: x.Name, Type: spelled(strings.TrimSuffix(typ, ")")), Collection: list,
		Nullable: x.Nullable == nil || *x.Nullable, Contained: x.Contained,
	}
	for _, a := range x.Annotations {
		p.ReadOnly = p.ReadOnly || a.Term == computed && a.Bool != "false"
	}
	return p
}

func (x xmlOperation) read(action bool) Operation {
	o := Operation{Name: x.Name, Action: action}
	for _, p := range x.Parameters {
		o.Parameters = append(o.Parameters, p.read())
	}
	if x.Bound && len(o.Parameters) > 0 {
		o.Binding, o.Parameters = o.Parameters[0], o.Parameters[1:]
	}
	if x.Returns != nil {
		o.Returns = x.Returns.read()
	}
	return o
}

// spelled is a reference to a type as a Property holds it.
func spelled(typ string) string {
	if typ == "" || strings.HasPrefix(typ, "Edm.") {
		return typ
	}
	return alias + "." + short(typ)
}

// Write writes the model as CSDL XML, the same bytes for the same model.
func (m *Model) Write(w io.Writer) error {
	var doc struct {
		XMLName xml.Name    `xml:"edmx:Edmx"`
		Version string      `xml:"Version,attr"`
		XMLNS   string      `xml:"xmlns:edmx,attr"`
		Schemas []xmlSchema `xml:"edmx:DataServices>Schema"`
	}
	doc.Version, doc.XMLNS = "4.0", "http://docs.oasis-open.org/odata/ns/edmx"
	doc.Schemas = m.schemas()
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	return e.Encode(doc)
}
