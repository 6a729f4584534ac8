package filter_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/odata/filter"
	"pgregory.net/rapid"
)

// expression is a filter's text together with what it must mean, worked out
// without any parsing. unknown is the third truth value.
type expression struct {
	text string
	mean func(doc map[string]any) truth
}

type truth int

const (
	no truth = iota
	unknown
	yes
)

func holds(b bool) truth {
	if b {
		return yes
	}
	return no
}

// In the order of no, unknown and yes, "and" is the least, "or" the greatest
// and "not" the mirror.
func expressions(depth int) *rapid.Generator[expression] {
	return rapid.Custom(func(t *rapid.T) expression {
		kind := "leaf"
		if depth > 0 {
			kind = rapid.SampledFrom([]string{"leaf", "and", "or", "not"}).Draw(t, "kind")
		}
		if kind == "leaf" {
			return leaf(t)
		}
		a := expressions(depth-1).Draw(t, "a")
		if kind == "not" {
			return expression{"not (" + a.text + ")", func(d map[string]any) truth { return yes - a.mean(d) }}
		}
		b := expressions(depth-1).Draw(t, "b")
		if kind == "and" {
			return expression{wrapped(a, " or ") + " and " + wrapped(b, " or "), func(d map[string]any) truth { return min(a.mean(d), b.mean(d)) }}
		}
		return expression{a.text + " or " + b.text, func(d map[string]any) truth { return max(a.mean(d), b.mean(d)) }}
	})
}

// wrapped puts parentheses around what binds looser, and nothing else.
func wrapped(e expression, looser string) string {
	depth := 0
	for i, r := range e.text {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0 && strings.HasPrefix(e.text[i:], looser):
			return "(" + e.text + ")"
		}
	}
	return e.text
}

func leaf(t *rapid.T) expression {
	name := rapid.SampledFrom([]string{"a", "b", "missing"}).Draw(t, "name")
	n := rapid.IntRange(-1, 2).Draw(t, "number")
	number := func(d map[string]any) (int, bool) {
		v, ok := d[name].(json.Number)
		i, _ := strconv.Atoi(string(v))
		return i, ok
	}
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		return expression{fmt.Sprintf("%s eq %d", name, n), func(d map[string]any) truth { v, ok := number(d); return holds(ok && v == n) }}
	case 1:
		return expression{fmt.Sprintf("%s ne %d", name, n), func(d map[string]any) truth { v, ok := number(d); return holds(!ok || v != n) }}
	case 2:
		return expression{fmt.Sprintf("%s gt %d", name, n), func(d map[string]any) truth { v, ok := number(d); return holds(ok && v > n) }}
	case 3:
		return expression{fmt.Sprintf("%s in (%d,7)", name, n), func(d map[string]any) truth { v, ok := number(d); return holds(ok && v == n) }}
	case 4:
		return expression{fmt.Sprintf("list/any(x:x le %d)", n), func(d map[string]any) truth {
			for _, v := range d["list"].([]any) {
				if i, _ := strconv.Atoi(string(v.(json.Number))); i <= n {
					return yes
				}
			}
			return no
		}}
	}
	return expression{"flag", func(d map[string]any) truth {
		switch d["flag"] {
		case true:
			return yes
		case false:
			return no
		}
		return unknown
	}}
}

func TestFiltersMeanWhatTheyAreMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Custom(func(t *rapid.T) any {
			return json.Number(strconv.Itoa(rapid.IntRange(-2, 3).Draw(t, "n")))
		})
		doc := map[string]any{"list": rapid.SliceOfN(number, 0, 3).Draw(t, "list")}
		for _, name := range []string{"a", "b"} {
			doc[name] = rapid.OneOf(number, rapid.Just[any](nil)).Draw(t, name)
		}
		doc["flag"] = rapid.SampledFrom([]any{true, false, nil}).Draw(t, "flag")
		e := expressions(4).Draw(t, "expression")
		f, err := filter.Parse(e.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := f.Matches(doc), e.mean(doc) == yes; got != want {
			t.Fatalf("%s of %v is %v", e.text, doc, got)
		}
	})
}
