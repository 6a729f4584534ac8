package edm_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/edm"
	"github.com/postern-mam/postern/internal/edm/served"
)

// zoo is a small model with one of everything.
const zoo = `<?xml version="1.0"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="microsoft.graph" Alias="graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">
 <EnumType Name="colour"><Member Name="red"/><Member Name="green"/><Member Name="blue" Value="7"/><Member Name="grey"/></EnumType>
 <EnumType Name="skills" IsFlags="true"><Member Name="swim" Value="1"/><Member Name="fly" Value="2"/></EnumType>
 <ComplexType Name="place" Abstract="true"><Property Name="size" Type="Edm.Int32" Nullable="false"/></ComplexType>
 <ComplexType Name="cage" BaseType="graph.place"><Property Name="bars" Type="Edm.Int16"/></ComplexType>
 <ComplexType Name="bag" OpenType="true"/>
 <EntityType Name="animal" Abstract="true"><Key><PropertyRef Name="id"/></Key>
  <Property Name="id" Type="Edm.String" Nullable="false"><Annotation Term="Org.OData.Core.V1.Computed"/></Property>
  <Property Name="name" Type="Edm.String" Nullable="false"><Annotation Term="Org.OData.Core.V1.Computed" Bool="false"/></Property>
 </EntityType>
 <EntityType Name="bird" BaseType="microsoft.graph.animal" OpenType="true">
  <Property Name="colour" Type="graph.colour" Nullable="false"/><Property Name="skills" Type="graph.skills"/>
  <Property Name="home" Type="graph.place"/><Property Name="bag" Type="graph.bag"/>
  <Property Name="names" Type="Collection(Edm.String)"/><Property Name="rings" Type="Collection(Edm.Int32)" Nullable="false"/>
  <Property Name="byte" Type="Edm.Byte"/><Property Name="long" Type="Edm.Int64"/><Property Name="weight" Type="Edm.Double"/>
  <Property Name="born" Type="Edm.DateTimeOffset"/><Property Name="day" Type="Edm.Date"/><Property Name="fed" Type="Edm.TimeOfDay"/>
  <Property Name="flight" Type="Edm.Duration"/><Property Name="tag" Type="Edm.Guid"/><Property Name="photo" Type="Edm.Binary"/>
  <Property Name="free" Type="Edm.Untyped"/><Property Name="tame" Type="Edm.Boolean"/><Property Name="password" Type="Edm.Int32"/>
  <NavigationProperty Name="chicks" Type="Collection(graph.bird)" ContainsTarget="true"/><NavigationProperty Name="mate" Type="graph.animal"/>
 </EntityType>
 <EntityType Name="penguin" BaseType="graph.bird"/>
 <Action Name="feed" IsBound="true"><Parameter Name="bindingParameter" Type="graph.animal"/><Parameter Name="grams" Type="Edm.Int32" Nullable="false"/><Parameter Name="note" Type="Edm.String"/></Action>
 <Action Name="open"><Parameter Name="gate" Type="Edm.String"/></Action>
 <Function Name="loudest" IsBound="true"><Parameter Name="bindingParameter" Type="Collection(graph.bird)"/><ReturnType Type="Collection(graph.bird)" Nullable="false"/></Function>
 <EntityContainer Name="GraphService"><EntitySet Name="birds" EntityType="graph.bird"/><Singleton Name="keeper" Type="graph.animal"/></EntityContainer>
</Schema>
<Schema Namespace="microsoft.graph.night" xmlns="http://docs.oasis-open.org/odata/ns/edm"><ComplexType Name="nest" BaseType="graph.place"/><ComplexType Name="lair" BaseType="microsoft.graph.night.nest"/></Schema>
</edmx:DataServices></edmx:Edmx>`

func parsed(t testing.TB, csdl string) *edm.Model {
	t.Helper()
	m, err := edm.Parse([]byte(csdl))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestATypeIsFoundUnderEveryNameThatGraphGivesIt(t *testing.T) {
	m := parsed(t, zoo)
	for _, name := range []string{"bird", "graph.bird", "microsoft.graph.bird", "#microsoft.graph.bird", "#graph.bird"} {
		if typ, ok := m.Type(name); !ok || typ.Name != "bird" || typ.Base != "animal" || typ.Kind != edm.Entity || !typ.Open {
			t.Errorf("%s is %+v, %v", name, typ, ok)
		}
	}
	if nest, ok := m.Type("#microsoft.graph.night.nest"); !ok || nest.Name != "night.nest" || nest.Base != "place" {
		t.Errorf("a type of another namespace is %+v, %v", nest, ok)
	}
	if typ, ok := m.Type("fish"); ok {
		t.Errorf("there is a fish: %+v", typ)
	}
}

func TestAPropertyIsInheritedAndKeepsItsFacts(t *testing.T) {
	m := parsed(t, zoo)
	for want, got := range map[edm.Property]edm.Property{
		{Name: "id", Type: "Edm.String", ReadOnly: true}: find(t, m, "penguin", "id"),
		{Name: "name", Type: "Edm.String"}:               find(t, m, "#microsoft.graph.bird", "name"),
		{Name: "colour", Type: "graph.colour"}:           find(t, m, "bird", "colour"),
		{Name: "chicks", Type: "graph.bird", Collection: true, Nullable: true, Navigation: true, Contained: true}: find(t, m, "bird", "chicks"),
	} {
		if want != got {
			t.Errorf("want %+v, got %+v", want, got)
		}
	}
	for typ, name := range map[string]string{"animal": "colour", "fish": "id", "bird": "Name"} {
		if p, ok := m.Property(typ, name); ok {
			t.Errorf("%s has %+v", typ, p)
		}
	}
}

func find(t *testing.T, m *edm.Model, typ, name string) edm.Property {
	t.Helper()
	p, ok := m.Property(typ, name)
	if !ok {
		t.Errorf("%s has no %s", typ, name)
	}
	return p
}

func TestAKindIsWhatItIsAndWhatItDerivesFrom(t *testing.T) {
	m := parsed(t, zoo)
	for _, c := range []struct {
		kind, base string
		want       bool
	}{
		{"penguin", "graph.animal", true}, {"#microsoft.graph.penguin", "bird", true}, {"bird", "bird", true},
		{"animal", "bird", false}, {"cage", "animal", false}, {"fish", "fish", false}, {"", "", false},
	} {
		if got := m.IsA(c.kind, c.base); got != c.want {
			t.Errorf("%s is a %s: %v", c.kind, c.base, got)
		}
	}
	if kinds := m.Kinds("place"); !slices.Equal(kinds, []string{"cage", "night.lair", "night.nest"}) {
		t.Errorf("a place may be %v", kinds)
	}
}

func TestMembersCountUpAndAreFoundWhateverTheirCase(t *testing.T) {
	m := parsed(t, zoo)
	if colour, _ := m.Type("colour"); !slices.Equal(colour.Values, []int64{0, 1, 7, 8}) {
		t.Errorf("the values are %v", colour.Values)
	}
	for value, want := range map[string]string{"RED": "red", "grey": "grey", "pink": "", "red,green": "", "": ""} {
		if got, ok := m.Member("graph.colour", value); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", value, got, ok)
		}
	}
	for value, want := range map[string]string{"Fly, SWIM": "fly,swim", "swim": "swim", "swim,": "", "swim;fly": ""} {
		if got, ok := m.Member("skills", value); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", value, got, ok)
		}
	}
	if got, ok := m.Member("animal", "x"); ok {
		t.Errorf("an animal is no enumeration, and yet %q", got)
	}
}

func TestWhatCanBeCalledIsFoundOnDerivedTypes(t *testing.T) {
	m := parsed(t, zoo)
	if o, ok := m.Operation("penguin", "feed"); !ok || !o.Action || o.Binding.Type != "graph.animal" || len(o.Parameters) != 2 {
		t.Errorf("feed is %+v, %v", o, ok)
	}
	if o, ok := m.Operation("bird", "loudest"); !ok || o.Action || !o.Binding.Collection || !o.Returns.Collection || o.Returns.Nullable {
		t.Errorf("loudest is %+v, %v", o, ok)
	}
	if o, ok := m.Operation("animal", "loudest"); ok {
		t.Errorf("an animal has %+v", o)
	}
}

func TestAModelTellsWhatItHoldsAndStaysAsItIs(t *testing.T) {
	m := parsed(t, zoo)
	names, calls, sets := m.Names(), m.Operations(), m.Sets()
	if !slices.IsSorted(names) || len(names) != 10 || len(calls) != 3 || len(sets) != 2 || sets[0] != (edm.Set{Name: "birds", Type: "graph.bird"}) {
		t.Errorf("it holds %v, %v, %v", names, calls, sets)
	}
	names[0], calls[0].Name, sets[0].Name = "x", "x", "x"
	if m.Names()[0] == "x" || m.Operations()[0].Name == "x" || m.Sets()[0].Name == "x" {
		t.Error("a caller can change it")
	}
}

func TestAModelIsWrittenTheSameWayEveryTime(t *testing.T) {
	first := written(t, parsed(t, zoo))
	if second := written(t, parsed(t, string(first))); string(first) != string(second) {
		t.Errorf("written\n%s\nread back and written\n%s", first, second)
	}
	for _, want := range []string{
		`<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="microsoft.graph" Alias="graph">`, `Namespace="microsoft.graph.night">`,
		`<ComplexType Name="nest" BaseType="graph.place">`, `<Member Name="blue" Value="7">`, `<PropertyRef Name="id">`,
		`<ComplexType Name="lair" BaseType="graph.night.nest">`,
		`<Property Name="id" Type="Edm.String" Nullable="false">`, `<Annotation Term="Org.OData.Core.V1.Computed" Bool="true">`,
		`<NavigationProperty Name="chicks" Type="Collection(graph.bird)" ContainsTarget="true">`, `<Action Name="feed" IsBound="true">`,
		`<Action Name="open">`, `<ReturnType Type="Collection(graph.bird)" Nullable="false">`, `<EntitySet Name="birds" EntityType="graph.bird">`,
	} {
		if !strings.Contains(string(first), want) {
			t.Errorf("%s is missing in\n%s", want, first)
		}
	}
}

func TestAModelWithoutAWayInHasNoContainer(t *testing.T) {
	m := parsed(t, `<Edmx><DataServices><Schema Namespace="microsoft.graph"><ComplexType Name="place"/></Schema></DataServices></Edmx>`)
	if text := written(t, m); strings.Contains(string(text), "EntityContainer") || !strings.Contains(string(text), `<ComplexType Name="place">`) {
		t.Errorf("written as %s", text)
	}
}

func TestAWriterThatFailsIsHeard(t *testing.T) {
	if err := parsed(t, zoo).Write(full{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("the disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAModelWithAHoleIsRefusedByName(t *testing.T) {
	wrap := func(inner string) string {
		return `<Edmx><DataServices><Schema Namespace="microsoft.graph"><ComplexType Name="place"/>` + inner + `</Schema></DataServices></Edmx>`
	}
	if _, err := edm.Parse([]byte(wrap(""))); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"<Edmx>":                                              "CSDL: ",
		"<Edmx/>":                                             "declares a type",
		wrap(`<EntityType/>`):                                 `type ""`,
		wrap(`<EntityType Name="#a"/>`):                       `type "#a"`,
		wrap(`<EntityType Name="graph.a"/>`):                  `type "graph.a"`,
		wrap(`<EnumType Name="place"/>`):                      `type "place"`,
		wrap(`<ComplexType Name="a" BaseType="b"/>`):          `type a: its base "b"`,
		wrap(`<EntityType Name="a" BaseType="graph.place"/>`): `type a: its base "place"`,
		wrap(`<EntityType Name="a" BaseType="b"/><EntityType Name="b" BaseType="a"/>`):                                     "its own base",
		wrap(`<EntityType Name="a"><Property Type="Edm.String"/></EntityType>`):                                            `property ""`,
		wrap(`<EntityType Name="a"><Property Name="p" Type="graph.b"/></EntityType>`):                                      `type a, property p: there is no type "graph.b"`,
		wrap(`<EntityType Name="a"><Property Name="p" Type="Edm.Strin"/></EntityType>`):                                    `no type "Edm.Strin"`,
		wrap(`<EntityType Name="a"><Property Name="p"/></EntityType>`):                                                     `no type ""`,
		wrap(`<Action Name="f"><Parameter Name="p" Type="graph.b"/></Action>`):                                             `operation f: there is no type "graph.b"`,
		wrap(`<EntityContainer Name="c"><EntitySet Name="bs" EntityType="graph.b"/></EntityContainer>`):                    `set bs: there is no type "graph.b"`,
		wrap(`<EntityType Name="a"><Property Name="p" Type="Edm.Guid" Nullable="perhaps"/></EntityType>`):                  "perhaps",
		wrap(`<EntityType Name="a"><Property Name="p" Type="Edm.Guid"/><Property Name="p" Type="Edm.Guid"/></EntityType>`): `property "p"`,
	} {
		if m, err := edm.Parse([]byte(text)); err == nil || m != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nwant %s, got %v", text, want, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(zoo))
	f.Add([]byte("<Edmx><DataServices><Schema><EntityType Name='a' BaseType='a'/></Schema></DataServices></Edmx>"))
	f.Add([]byte("<Edmx><DataServices><Schema><EntityType Name='#a'/></Schema></DataServices></Edmx>"))
	f.Add(written(f, served.Model("v1.0"))[:2000])
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := edm.Parse(text)
		if err != nil {
			return
		}
		for _, name := range m.Names() {
			if !m.IsA(name, name) {
				t.Errorf("%q is not itself", name)
			}
			m.CheckOut(name, map[string]any{"@odata.type": name, "x": nil})
		}
		first := written(t, m)
		if second := written(t, parsed(t, string(first))); !bytes.Equal(first, second) {
			t.Errorf("written\n%s\nread back and written\n%s", first, second)
		}
	})
}

func written(t testing.TB, m *edm.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
