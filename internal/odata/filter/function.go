package filter

import (
	"strings"
	"time"
	"unicode/utf8"
)

const functions = "startsWith, endsWith, contains, tolower, toupper, trim, concat, length, indexof, " +
	"date, year, month, day, hour, minute, second, isof"

// signature is how many arguments a function takes, and whether it is a
// condition; 0: there is no such function.
func signature(name string) (args int, decides bool) {
	switch name {
	case "contains", "startswith", "endswith":
		return 2, true
	case "concat", "indexof":
		return 2, false
	case "tolower", "toupper", "trim", "length", "date", "year", "month", "day", "hour", "minute", "second":
		return 1, false
	}
	return 0, false
}

func (p *parser) call() (node, error) {
	t := p.peek()
	c := call{name: strings.ToLower(t.text)}
	want, _ := signature(c.name)
	switch {
	case c.name == "isof":
		p.next += 2
		return p.typeTest()
	case c.name == "substringof":
		return nil, p.unexpected("contains(<property>,'<text>') instead")
	case want == 0:
		return nil, p.unexpected("one of the functions " + functions)
	}
	p.next++
	for separator := "("; len(c.args) < want; separator = "," {
		if err := p.expect(separator); err != nil {
			return nil, err
		}
		arg, err := p.nested(lowest)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, arg)
	}
	return c, p.expect(")")
}

// typeTest reads isof('type') or isof(path,'type') after the parenthesis.
func (p *parser) typeTest() (node, error) {
	var out typeTest
	if p.peek().kind == word && !strings.Contains(p.peek().text, ".") {
		n, err := p.path()
		if err != nil {
			return nil, err
		}
		of, ok := n.(path)
		if !ok || of.count {
			return nil, p.unexpected("nothing: isof takes a property and a type")
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
		out.of = of
	}
	t := p.peek()
	kind, ok := t.value.(string)
	if t.kind == word {
		kind, ok = t.text, true
	}
	out.kind = strip(kind)
	if !ok || out.kind == "" || span(out.kind, isWordRune) < len(out.kind) {
		return nil, p.unexpected("a type, for example 'microsoft.graph.user'")
	}
	p.next++
	return out, p.expect(")")
}

// call works out a function. Of null, or of what it does not take, it is null.
func (s *scope) call(n call) any {
	first := s.eval(n.args[0])
	if len(n.args) == 1 {
		if t, ok := instant(first); ok {
			if part, ok := datePart(n.name, t.UTC()); ok {
				return part
			}
		}
	}
	text, ok := first.(string)
	if !ok {
		return nil
	}
	switch n.name {
	case "tolower":
		return strings.ToLower(text)
	case "toupper":
		return strings.ToUpper(text)
	case "trim":
		return strings.TrimSpace(text)
	case "length":
		return int64(utf8.RuneCountInString(text))
	}
	if len(n.args) < 2 {
		return nil // a part of what is no date
	}
	other, ok := s.eval(n.args[1]).(string)
	if !ok {
		return nil
	}
	return ofTwo(n.name, text, other)
}

func ofTwo(name, text, other string) any {
	if name == "concat" {
		return text + other
	}
	text, other = Folded(text), Folded(other)
	switch name {
	case "startswith":
		return strings.HasPrefix(text, other)
	case "endswith":
		return strings.HasSuffix(text, other)
	case "contains":
		return strings.Contains(text, other)
	}
	at := strings.Index(text, other) // indexof
	if at < 0 {
		return int64(at)
	}
	return int64(utf8.RuneCountInString(text[:at]))
}

func datePart(name string, t time.Time) (any, bool) {
	switch name {
	case "date":
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), true
	case "year":
		return int64(t.Year()), true
	case "month":
		return int64(t.Month()), true
	case "day":
		return int64(t.Day()), true
	case "hour":
		return int64(t.Hour()), true
	case "minute":
		return int64(t.Minute()), true
	case "second":
		return int64(t.Second()), true
	}
	return nil, false
}
