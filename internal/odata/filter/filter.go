package filter

import (
	"slices"
	"strings"
)

// Filter is a parsed $filter. It never changes; its zero value is no filter and
// matches everything.
//
// Comparisons follow Graph's directory: text is compared without regard to
// case, instants as instants however they are written, durations by their
// length. null equals null only; an order comparison with null is false, and a
// function of null is null (OData 4.01 Part 2, section 5.1.1). Properties that
// an object lacks are null, collections that it lacks are empty. Values of
// different kinds are never equal.
type Filter struct {
	root  node
	text  string
	model Model
}

// Model knows the types that isof and casts ask about. Types come without
// "microsoft.graph.", in the client's spelling.
type Model interface {
	// IsA reports whether kind is base or derived from it.
	IsA(kind, base string) bool
}

// Within returns the filter with a model. Without one, isof and casts hold only
// for the very type that "@odata.type" names.
func (f Filter) Within(m Model) Filter {
	f.model = m
	return f
}

// IsZero reports whether there is no filter.
func (f Filter) IsZero() bool { return f.root == nil }

// String returns the filter as the client wrote it, without the space around it.
func (f Filter) String() string { return f.text }

// Paths returns the properties that the filter reads, each once, in order:
// "status/errorCode", "graph.user/mail" with the cast before a property of a
// derived type, "targetResources/id" out of a lambda. "@odata.type", which isof
// reads, is not among them.
func (f Filter) Paths() []string {
	var out []string
	collect(f.root, []string{""}, &out)
	slices.Sort(out)
	return slices.Compact(out)
}

// collect appends the paths in n. prefixes are what each slot stands for.
func collect(n node, prefixes []string, out *[]string) {
	if p, ok := n.(path); ok {
		if full := p.under(prefixes); full != "" {
			*out = append(*out, full)
		}
	}
	l, ok := n.(lambda)
	if !ok {
		for _, child := range children(n) {
			collect(child, prefixes, out)
		}
		return
	}
	before, over := len(*out), l.over.under(prefixes)
	collect(l.body, append(slices.Clone(prefixes), over), out)
	read := func(p string) bool { return p == over || strings.HasPrefix(p, over+"/") }
	if !slices.ContainsFunc((*out)[before:], read) {
		*out = append(*out, over)
	}
}

// Advanced reports whether Graph wants "ConsistencyLevel: eventual" with this
// filter on directory objects: it holds ne, not, endsWith or $count (Graph,
// "Advanced query capabilities on Microsoft Entra ID objects").
func (f Filter) Advanced() bool { return advanced(f.root) }

func advanced(n node) bool {
	switch n := n.(type) {
	case negation:
		return true
	case comparison:
		if n.operator == "ne" {
			return true
		}
	case call:
		if n.name == "endswith" {
			return true
		}
	case path:
		return n.count
	}
	return slices.ContainsFunc(children(n), advanced)
}

// node is one part of an expression: constant, path, logic, negation,
// comparison, membership, call, lambda or typeTest.
type node any

type (
	// constant is a literal.
	constant struct{ value any }

	// path reads a value, from the object itself or a variable of a lambda.
	path struct {
		slot  int // 0: the object; 1 and up: the variables
		steps []step
		count bool // its number of members
	}

	// logic joins terms by or, else by and.
	logic struct {
		or    bool
		terms []node
	}

	negation struct{ of node }

	// comparison has one of eq, ne, gt, ge, lt, le, has.
	comparison struct {
		operator    string
		left, right node
	}

	// membership is the operator in.
	membership struct {
		of    node
		items []node
	}

	// call has a function's name in lower case.
	call struct {
		name string
		args []node
	}

	// lambda is any, or all; body is nil in "any()".
	lambda struct {
		all  bool
		over path
		slot int
		body node
	}

	// typeTest is isof.
	typeTest struct {
		of   path
		kind string
	}
)

// step is a property, or a cast to a type.
type step struct {
	name string
	cast bool
}

// under spells p out below what its slot stands for.
func (p path) under(prefixes []string) string {
	names := []string{prefixes[p.slot]}
	for _, s := range p.steps {
		if s.cast {
			s.name = "graph." + s.name
		}
		names = append(names, s.name)
	}
	return strings.TrimPrefix(strings.Join(names, "/"), "/")
}

// children are the parts of n.
func children(n node) []node {
	switch n := n.(type) {
	case logic:
		return n.terms
	case negation:
		return []node{n.of}
	case comparison:
		return []node{n.left, n.right}
	case membership:
		return append([]node{n.of}, n.items...)
	case call:
		return n.args
	case lambda:
		return []node{n.over, n.body}
	case typeTest:
		return []node{n.of}
	}
	return nil
}
