package filter

import "strings"

// Matches reports whether the filter is true of v, a value as encoding/json
// decodes it into any, with or without UseNumber. What is null is not true.
func (f Filter) Matches(v any) bool {
	if f.root == nil {
		return true
	}
	s := scope{model: f.model}
	s.slots[0] = v
	return s.eval(f.root) == true
}

// scope is what an expression is worked out over: the object and the current
// items of the lambdas around.
type scope struct {
	model Model
	slots [1 + maxNested]any
}

// eval works out n. Conditions are true, false or, for unknown, nil.
func (s *scope) eval(n node) any {
	switch n := n.(type) {
	case constant:
		return n.value
	case path:
		return s.read(n)
	case logic:
		return s.logic(n)
	case negation:
		if b, ok := s.eval(n.of).(bool); ok {
			return !b
		}
	case comparison:
		return compare(n.operator, s.eval(n.left), s.eval(n.right))
	case membership:
		v := s.eval(n.of)
		for _, item := range n.items {
			if order, ok := relate(v, s.eval(item)); ok && order == 0 {
				return true
			}
		}
		return false
	case call:
		return s.call(n)
	case lambda:
		return s.lambda(n)
	case typeTest:
		return s.isA(s.read(n.of), n.kind)
	}
	return nil
}

// logic is unknown unless a term decides, or all agree.
func (s *scope) logic(n logic) any {
	var out any = !n.or
	for _, term := range n.terms {
		switch v, known := s.eval(term).(bool); {
		case !known:
			out = nil
		case v == n.or:
			return v
		}
	}
	return out
}

func (s *scope) lambda(n lambda) any {
	items, _ := s.read(n.over).([]any)
	for _, item := range items {
		s.slots[n.slot] = item
		if n.body == nil || (s.eval(n.body) == true) != n.all {
			return !n.all
		}
	}
	return n.all
}

func (s *scope) read(p path) any {
	v := s.slots[p.slot]
	for _, step := range p.steps {
		if step.cast {
			v = s.cast(v, step.name)
		} else {
			v = Member(v, step.name)
		}
	}
	if p.count {
		items, _ := v.([]any)
		return int64(len(items))
	}
	return v
}

// cast is v if it is of a type, or the items of v that are.
func (s *scope) cast(v any, kind string) any {
	items, many := v.([]any)
	if !many {
		if s.isA(v, kind) {
			return v
		}
		return nil
	}
	var out []any
	for _, item := range items {
		if s.isA(item, kind) {
			out = append(out, item)
		}
	}
	return out
}

func (s *scope) isA(v any, base string) bool {
	kind, _ := Member(v, "@odata.type").(string)
	kind = strip(kind)
	return strings.EqualFold(kind, base) || s.model != nil && s.model.IsA(kind, base)
}

// Member reads a property, whose name Graph takes in any case; nil if v has
// none.
func Member(v any, name string) any {
	object, _ := v.(map[string]any)
	if found, ok := object[name]; ok {
		return found
	}
	for key, found := range object {
		if strings.EqualFold(key, name) {
			return found
		}
	}
	return nil
}

// compare works out one operator.
func compare(operator string, a, b any) any {
	if operator == "has" {
		return has(a, b)
	}
	order, ok := relate(a, b)
	switch operator {
	case "eq":
		return ok && order == 0
	case "ne":
		return !ok || order != 0
	}
	if !ok || a == nil {
		return false
	}
	switch operator {
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	}
	return order <= 0 // le
}

// has reports whether an enumeration of flags holds all that are wanted.
func has(a, b any) any {
	flags, ok1 := a.(string)
	wanted, ok2 := b.(string)
	if !ok1 || !ok2 {
		return nil
	}
	for want := range strings.SplitSeq(wanted, ",") {
		found := false
		for flag := range strings.SplitSeq(flags, ",") {
			found = found || strings.EqualFold(strings.TrimSpace(flag), strings.TrimSpace(want))
		}
		if !found {
			return false
		}
	}
	return true
}
