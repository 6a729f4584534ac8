package devicefilter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// parser reads one rule by recursive descent: either, both, unary, comparison.
type parser struct {
	text       string
	words      Vocabulary
	now        token
	after      int // where the next token is looked for
	nesting    int
	properties []string
}

func (p *parser) advance() { p.now, p.after = scan(p.text, p.after) }

// fail is an error about the token t.
func (p *parser) fail(t token, format string, args ...any) error {
	place := utf8.RuneCountInString(p.text[:t.at]) + 1
	return SyntaxError(fmt.Sprintf("rule, character %d: %s", place, fmt.Sprintf(format, args...)))
}

// unexpected is an error about the token that is here instead of what is valid.
func (p *parser) unexpected(valid string) error {
	switch p.now.kind {
	case end:
		return p.fail(p.now, "the rule ends here; valid is %s", valid)
	case open:
		return p.fail(p.now, "%s has no closing quote", p.now.show())
	default:
		return p.fail(p.now, "%s is not expected here; valid is %s", p.now.show(), valid)
	}
}

func (p *parser) either() (expression, error) {
	return p.join("or", p.both, func(all []expression) expression { return either(all) })
}

func (p *parser) both() (expression, error) {
	return p.join("and", p.unary, func(all []expression) expression { return both(all) })
}

// join reads one or more operands with a word between them.
func (p *parser) join(between string, operand func() (expression, error), made func([]expression) expression) (expression, error) {
	var all []expression
	for {
		e, err := operand()
		if err != nil {
			return nil, err
		}
		all = append(all, e)
		if !p.now.says(between) {
			break
		}
		p.advance()
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return made(all), nil
}

func (p *parser) unary() (expression, error) {
	negated, bracket := p.now.says("not"), p.now.is("(")
	if !negated && !bracket {
		return p.comparison()
	}
	if p.nesting++; p.nesting > MaxNesting {
		return nil, p.fail(p.now, "the rule nests deeper than %d levels", MaxNesting)
	}
	defer func() { p.nesting-- }()
	p.advance()
	if negated {
		e, err := p.unary()
		return not{e}, err
	}
	e, err := p.either()
	if err != nil {
		return nil, err
	}
	if !p.now.is(")") {
		return nil, p.unexpected("-and, -or or )")
	}
	p.advance()
	return e, nil
}

func (p *parser) comparison() (expression, error) {
	if p.now.kind != word {
		return nil, p.unexpected("-not, ( or one of the properties " + p.words.names())
	}
	property, ok := p.words.find(p.now.text)
	if !ok {
		return nil, p.fail(p.now, "%s is %s", p.now.show(), p.words.advise(p.now.text))
	}
	if !slices.Contains(p.properties, property.Name) {
		p.properties = append(p.properties, property.Name)
	}
	p.advance()
	operator, err := p.operator(property)
	if err != nil {
		return nil, err
	}
	c := &comparison{property: property}
	c.operator, c.negated = operator.positive()
	c.versions = property.Kind == Version || operator.orders()
	if c.operator == In {
		return c, p.list(c)
	}
	return c, p.operand(c)
}

func (p *parser) operator(property Property) (Operator, error) {
	valid := make([]string, len(property.Operators))
	for i, o := range property.Operators {
		if p.now.says(string(o)) {
			p.advance()
			return o, nil
		}
		valid[i] = "-" + string(o)
	}
	if p.now.kind != word {
		return "", p.unexpected("one of " + strings.Join(valid, ", "))
	}
	return "", p.fail(p.now, "%s is not an operator of %s; valid are %s", p.now.show(), property.Name, strings.Join(valid, ", "))
}

// list reads the values of -in and -notIn into c.
func (p *parser) list(c *comparison) error {
	if !p.now.is("[") {
		return p.unexpected(`a list such as ["a", "b"]`)
	}
	for !p.now.is("]") {
		p.advance() // over [ or ,
		if err := p.value(c); err != nil {
			return err
		}
		if !p.now.is(",") && !p.now.is("]") {
			return p.unexpected(", or ]")
		}
	}
	p.advance()
	return nil
}

// operand reads the one value of every other operator into c.
func (p *parser) operand(c *comparison) error {
	if p.now.kind != word || !strings.EqualFold(strings.TrimPrefix(p.now.text, "$"), "null") {
		return p.value(c)
	}
	if c.operator != Equals {
		return p.fail(p.now, "%s goes with -eq and -ne alone", p.now.show())
	}
	c.null = true
	p.advance()
	return nil
}

// value reads one value into c and says when it is none that c can have.
func (p *parser) value(c *comparison) error {
	v := p.now
	if v.kind != word && v.kind != quoted {
		return p.unexpected("a value")
	}
	property := c.property
	switch {
	case c.versions:
		parsed, err := property.read(v.text)
		if err != nil {
			return p.fail(v, "%s: %v", property.Name, err)
		}
		c.version = parsed
	case property.Kind == Boolean:
		if !strings.EqualFold(v.text, "true") && !strings.EqualFold(v.text, "false") {
			return p.fail(v, "%s is %s; valid are True and False", property.Name, v.show())
		}
	case v.kind == word && !plain(v.text):
		return p.fail(v, `%s needs quotes: "%s"`, v.show(), v.show())
	case property.Values != nil && !slices.ContainsFunc(property.Values, func(s string) bool { return strings.EqualFold(s, v.text) }):
		return p.fail(v, "%s is %s; valid are %s", property.Name, v.show(), strings.Join(property.Values, ", "))
	}
	c.values = append(c.values, v.text)
	p.advance()
	return nil
}

// plain reports whether text needs no quotes: numbers and versions.
func plain(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
}
