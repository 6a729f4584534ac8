package filter

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/fault"
)

// The bounds of a $filter. Each keeps the work for one object
// small; real queries stay far below.
const (
	maxText   = 8 << 10 // bytes
	maxDepth  = 32      // parentheses, functions and lambdas inside one another
	maxNested = 2       // lambdas inside one another
	maxItems  = 100     // of one "in"
)

// Parse reads a $filter (OData 4.01 Part 2, section 5.1.1). A blank text
// is no filter. A "not" binds tighter than a comparison in OData, so that
// "not a eq b" never means what it says: it is refused.
func Parse(text string) (Filter, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Filter{}, nil
	}
	if err := Bounded("$filter", text); err != nil {
		return Filter{}, err
	}
	tokens, err := lex(text)
	if err != nil {
		return Filter{}, err
	}
	p := &parser{source: source{"$filter", text}, tokens: tokens}
	root, err := p.condition()
	if err == nil && p.peek().kind != atEnd {
		err = p.unexpected("an operator such as and, or, eq, ne, gt, ge, lt, le, in, has")
	}
	if err != nil {
		return Filter{}, err
	}
	return Filter{root: root, text: text}, nil
}

// Bounded refuses the text of an option that is too long or not UTF-8.
func Bounded(option, text string) error {
	if len(text) > maxText {
		return fault.New(fault.Invalid, "%s has %d bytes; at most %d are valid", option, len(text), maxText)
	}
	if !utf8.ValidString(text) {
		return fault.New(fault.Invalid, "%s is not UTF-8; every text must be", option)
	}
	return nil
}

// parser reads the tokens of one $filter.
type parser struct {
	source
	tokens    []token
	next      int
	depth     int
	variables []string // of the lambdas around, the outermost first
}

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) unexpected(valid string) error { return p.refuse(p.peek(), valid) }

func (p *parser) refuse(t token, valid string) error {
	found := strconv.Quote(t.text)
	if t.kind == atEnd {
		found = "its end"
	} else if t.kind == literal {
		found = t.text
	}
	return p.complain(t.start, found, valid)
}

// take passes over a mark or a word if it is next.
func (p *parser) take(text string) bool {
	t := p.peek()
	if t.kind != mark && t.kind != word || !strings.EqualFold(t.text, text) {
		return false
	}
	p.next++
	return true
}

func (p *parser) expect(text string) error {
	if !p.take(text) {
		return p.unexpected(strconv.Quote(text))
	}
	return nil
}

// condition is an expression that is true or false, one level deeper.
func (p *parser) condition() (node, error) {
	start := p.peek()
	n, err := p.nested(lowest)
	if err == nil {
		err = p.mustDecide(n, start)
	}
	return n, err
}

// nested is an expression one level deeper.
func (p *parser) nested(least int) (node, error) {
	if p.depth > maxDepth {
		return nil, p.unexpected("nothing: " + strconv.Itoa(maxDepth) + " levels are the most")
	}
	p.depth++
	n, err := p.expression(least)
	p.depth--
	return n, err
}

// The operators by how tightly they bind.
const (
	lowest     = iota + 1 // or
	joining               // and
	equality              // eq, ne
	relational            // gt, ge, lt, le
	primary               // in, has
)

// binding is how tightly the next token binds as an operator; 0: it is none.
func (p *parser) binding() (operator string, level int) {
	t := p.peek()
	if t.kind != word {
		return "", 0
	}
	switch operator = strings.ToLower(t.text); operator {
	case "or":
		level = lowest
	case "and":
		level = joining
	case "eq", "ne":
		level = equality
	case "gt", "ge", "lt", "le":
		level = relational
	case "in", "has":
		level = primary
	}
	return operator, level
}

// expression reads operands and the operators that bind at least so tightly.
func (p *parser) expression(least int) (node, error) {
	start := p.peek()
	left, err := p.operand()
	for err == nil {
		operator, level := p.binding()
		if level < least || level == 0 {
			return left, nil
		}
		p.next++
		switch {
		case operator == "in":
			left, err = p.membership(left)
		case level > joining:
			c := comparison{operator: operator, left: left}
			c.right, err = p.expression(level + 1)
			left = c
		default:
			if err = p.mustDecide(left, start); err == nil {
				left, err = p.join(left, level)
			}
		}
	}
	return nil, err
}

// join adds the next term to left.
func (p *parser) join(left node, level int) (node, error) {
	start := p.peek()
	term, err := p.expression(level + 1)
	if err == nil {
		err = p.mustDecide(term, start)
	}
	l, same := left.(logic)
	if !same || l.or != (level == lowest) {
		l = logic{or: level == lowest, terms: []node{left}}
	}
	l.terms = append(l.terms, term)
	return l, err
}

// mustDecide refuses what can be neither true nor false.
func (p *parser) mustDecide(n node, start token) error {
	decides := true
	switch n := n.(type) {
	case constant:
		_, isBool := n.value.(bool)
		decides = isBool || n.value == nil
	case path:
		decides = !n.count
	case call:
		_, decides = signature(n.name)
	}
	if !decides {
		return p.refuse(start, "a condition, for example <property> eq '<value>'")
	}
	return nil
}

func (p *parser) membership(of node) (node, error) {
	m := membership{of: of}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for {
		item, ok := p.constant()
		if !ok {
			return nil, p.unexpected("a literal")
		}
		if m.items = append(m.items, item); len(m.items) > maxItems {
			return nil, p.unexpected("a closing parenthesis: " + strconv.Itoa(maxItems) + " items are the most")
		}
		if p.take(")") {
			return m, nil
		}
		if err := p.expect(","); err != nil {
			return nil, p.unexpected(", or )")
		}
	}
}

func (p *parser) operand() (node, error) {
	if c, ok := p.constant(); ok {
		return c, nil
	}
	t := p.peek()
	switch {
	case p.take("("):
		n, err := p.nested(lowest)
		if err == nil {
			err = p.expect(")")
		}
		return n, err
	case p.take("not"):
		return p.negation()
	case t.kind != word:
		return nil, p.unexpected("a property, a function or a literal")
	case p.tokens[p.next+1].text == "(" && !isQuantifier(t.text):
		return p.call()
	}
	return p.path()
}

func (p *parser) constant() (constant, bool) {
	t := p.peek()
	if t.kind == literal {
		p.next++
		return constant{t.value}, true
	}
	switch {
	case p.take("true"):
		return constant{true}, true
	case p.take("false"):
		return constant{false}, true
	}
	return constant{nil}, p.take("null")
}

func (p *parser) negation() (node, error) {
	start := p.peek()
	n, err := p.nested(primary)
	if err != nil {
		return nil, err
	}
	if _, level := p.binding(); level == equality || level == relational {
		return nil, p.unexpected("and, or or the end: not binds to what directly follows it; write not (… eq …)")
	}
	return negation{n}, p.mustDecide(n, start)
}

func isQuantifier(s string) bool { return strings.EqualFold(s, "any") || strings.EqualFold(s, "all") }

func (p *parser) path() (node, error) {
	var out path
	for first := true; ; first = false {
		t := p.peek()
		switch {
		case t.kind != word:
			return nil, p.unexpected("a property")
		case isQuantifier(t.text) && p.tokens[p.next+1].text == "(" && len(out.steps) > 0:
			p.next++
			return p.lambda(out, strings.EqualFold(t.text, "all"))
		case first && t.text == "$it":
		case first && slices.Contains(p.variables, t.text):
			out.slot = slices.Index(p.variables, t.text) + 1
		case !first && t.text == "$count":
			out.count = true
			p.next++
			return out, nil
		case strings.HasPrefix(t.text, "$"):
			return nil, p.unexpected("a property; only $it may begin a path, and only $count end it")
		default:
			out.steps = append(out.steps, step{strip(t.text), strings.Contains(t.text, ".")})
		}
		p.next++
		if !p.take("/") {
			return out, nil
		}
	}
}

// strip takes the namespace, in any spelling, off a type.
func strip(kind string) string {
	kind = strings.TrimPrefix(kind, "#")
	for _, prefix := range []string{"microsoft.graph.", "graph."} {
		if len(kind) > len(prefix) && strings.EqualFold(kind[:len(prefix)], prefix) {
			return kind[len(prefix):]
		}
	}
	return kind
}

// lambda reads what follows "any" or "all".
func (p *parser) lambda(over path, all bool) (node, error) {
	out := lambda{all: all, over: over, slot: len(p.variables) + 1}
	p.next++ // the parenthesis
	if !all && p.take(")") {
		return out, nil
	}
	t := p.peek()
	switch {
	case t.kind != word || strings.ContainsAny(t.text, "$.") || slices.Contains(p.variables, t.text):
		return nil, p.unexpected("the name of a new variable, for example any(x:x/id eq '1')")
	case len(p.variables) == maxNested:
		return nil, p.unexpected("nothing: " + strconv.Itoa(maxNested) + " lambdas inside one another are the most")
	}
	p.next++
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	p.variables = append(p.variables, t.text)
	var err error
	if out.body, err = p.condition(); err != nil {
		return nil, err
	}
	p.variables = p.variables[:len(p.variables)-1]
	return out, p.expect(")")
}
