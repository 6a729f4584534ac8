package edm

import (
	"strconv"
	"strings"
)

// Declare reads a model from tables, for one version of the API. Which is an
// error says what Parse would say of the same model as CSDL.
//
// In a table a declaration starts at the margin and its body follows " = " or
// on indented lines. A version and a colon before a line means that version only.
// A property is its name, its type and marks: [] before a type makes a list, !
// after it forbids null, nav leads to another entity, own to one that it
// contains, ro is read-only. Members of an enumeration count up from 0 unless a
// value is given.
func Declare(version string, tables ...string) (*Model, error) {
	var d declared
	for _, table := range tables {
		d.table(version, table)
	}
	return seal(d)
}

// table declares what text says about version.
func (d *declared) table(version, text string) {
	head, body := "", []string{}
	for line := range strings.Lines(text) {
		line, inner := strings.CutPrefix(line, "\t")
		mark, rest, marked := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case !marked || mark != "v1.0" && mark != "beta":
			rest = strings.TrimSpace(line)
		case mark != version && inner:
			continue
		case mark != version:
			rest = ""
		}
		if inner {
			body = append(body, rest)
			continue
		}
		d.declare(head, strings.Join(body, ";"))
		first := ""
		head, first, _ = strings.Cut(rest, " = ")
		body = []string{first}
	}
	d.declare(head, strings.Join(body, ";"))
}

// declare adds one declaration; without a head there is none.
func (d *declared) declare(head, body string) {
	words := strings.Fields(head)
	if len(words) == 0 {
		return
	}
	switch words[0] {
	case "set", "singleton":
		d.sets = append(d.sets, Set{Name: words[1], Type: alias + "." + words[2], Singleton: words[0] == "singleton"})
	case "action", "function":
		o := Operation{Name: words[1], Action: words[0] == "action", Parameters: properties(body)}
		o.Binding = property("bindingParameter " + words[3])
		if len(words) > 4 {
			o.Returns = property(" " + words[5])
		}
		d.operations = append(d.operations, o)
	default:
		d.types = append(d.types, typeOf(words, body))
	}
}

func typeOf(words []string, body string) Type {
	t := Type{Name: words[1]}
	for i, w := range words[2:] {
		switch w {
		case ":":
			t.Base = words[i+3]
		case "abstract":
			t.Abstract = true
		case "open":
			t.Open = true
		}
	}
	switch words[0] {
	case "enum", "flags":
		t.Kind, t.Flags = Enum, words[0] == "flags"
		t.Members, t.Values = members(body)
		return t
	case "complex":
		t.Kind = Complex
	default:
		t.Kind = Entity
	}
	t.Properties = properties(body)
	for _, p := range t.Properties {
		if t.Kind == Entity && p.Name == "id" {
			t.Key = []string{p.Name}
		}
	}
	return t
}

func members(body string) (names []string, values []int64) {
	next := int64(0)
	for _, word := range strings.Fields(strings.ReplaceAll(body, ";", " ")) {
		name, value, given := strings.Cut(word, "=")
		if given {
			next, _ = strconv.ParseInt(value, 10, 64)
		}
		names, values = append(names, name), append(values, next)
		next++
	}
	return names, values
}

func properties(body string) []Property {
	var all []Property
	for item := range strings.SplitSeq(body, ";") {
		if strings.TrimSpace(item) != "" {
			all = append(all, property(strings.TrimSpace(item)))
		}
	}
	return all
}

// property reads "name type marks".
func property(item string) Property {
	name, rest, _ := strings.Cut(item, " ")
	typ, mark, _ := strings.Cut(rest, " ")
	typ, list := strings.CutPrefix(typ, "[]")
	typ, required := strings.CutSuffix(typ, "!")
	return Property{
		Name: name, Type: named(typ), Collection: list, Nullable: !required,
		Navigation: mark == "nav" || mark == "own", Contained: mark == "own", ReadOnly: mark == "ro",
	}
}

// named is the full name of a type of the table.
func named(typ string) string {
	switch typ {
	case "any":
		return "Edm.Untyped"
	case "binary":
		return "Edm.Binary"
	case "bool":
		return "Edm.Boolean"
	case "duration":
		return "Edm.Duration"
	case "double":
		return "Edm.Double"
	case "guid":
		return "Edm.Guid"
	case "instant":
		return "Edm.DateTimeOffset"
	case "int32":
		return "Edm.Int32"
	case "stream":
		return "Edm.Stream"
	case "string":
		return "Edm.String"
	}
	return alias + "." + typ
}
