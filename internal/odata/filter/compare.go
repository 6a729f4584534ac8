package filter

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Compare orders two JSON values, as $orderby does: null first, then booleans,
// numbers, instants, durations and other text; text without regard to case.
// Objects and lists are last and equal. It returns -1, 0 or 1.
func Compare(a, b any) int {
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	order, _ := relate(a, b)
	return order
}

// rank keeps apart what relate orders by different rules: mixed, the order of
// instants and that of text would contradict each other.
func rank(v any) int {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		return 1
	case string:
		if _, ok := written(v); ok {
			return 3
		}
		if _, ok := length(v); ok {
			return 4
		}
		return 5
	}
	if _, ok := toNumber(v); ok {
		return 2
	}
	return 6
}

// relate orders a and b, or reports that nothing does. null equals null only.
func relate(a, b any) (int, bool) {
	switch x := a.(type) {
	case nil:
		return 0, b == nil
	case bool:
		y, ok := b.(bool)
		return truth(x) - truth(y), ok
	case time.Time:
		y, ok := instant(b)
		return x.Compare(y), ok
	case time.Duration:
		y, ok := length(b)
		return cmp.Compare(x, y), ok
	case string:
		switch y := b.(type) {
		case string:
			return relateText(x, y), true
		case time.Time, time.Duration:
			order, ok := relate(y, a)
			return -order, ok
		}
		return 0, false
	}
	x, ok1 := toNumber(a)
	y, ok2 := toNumber(b)
	if x.whole && y.whole {
		return cmp.Compare(x.n, y.n), ok1 && ok2
	}
	return cmp.Compare(x.f, y.f), ok1 && ok2
}

func relateText(a, b string) int {
	if x, ok := written(a); ok {
		if y, ok := written(b); ok {
			return x.Compare(y)
		}
	}
	if x, ok := length(a); ok {
		if y, ok := length(b); ok {
			return cmp.Compare(x, y)
		}
	}
	return compareFold(a, b)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// number is exact for whole numbers of 64 bits.
type number struct {
	n     int64
	f     float64
	whole bool
}

func toNumber(v any) (number, bool) {
	switch v := v.(type) {
	case int64:
		return number{v, float64(v), true}, true
	case float64:
		if v > -1<<62 && v < 1<<62 && v == float64(int64(v)) {
			return number{int64(v), v, true}, true
		}
		return number{f: v}, true
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			if n, err := v.Int64(); err == nil {
				return toNumber(n)
			}
		}
		f, _ := strconv.ParseFloat(string(v), 64) // what is too large is infinite
		return toNumber(f)
	}
	return number{}, false
}

// instant reads an instant, or a date as its midnight in UTC.
func instant(v any) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, true
	case string:
		if t, ok := written(v); ok || len(v) != len(time.DateOnly) {
			return t, ok
		}
		t, err := time.Parse(time.DateOnly, v)
		return t, err == nil
	}
	return time.Time{}, false
}

// written reads an RFC 3339 instant out of text. Nearly no text is one, so it
// looks before it parses.
func written(text string) (time.Time, bool) {
	if len(text) < len("2006-01-02T15:04:05Z") || text[4] != '-' || text[10] != 'T' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

// length reads a duration.
func length(v any) (time.Duration, bool) {
	switch v := v.(type) {
	case time.Duration:
		return v, true
	case string:
		if len(v) < len("P1D") || v[0] != 'P' || strings.IndexByte("WDHMS", v[len(v)-1]) < 0 {
			return 0, false
		}
		d, err := ParseDuration(v)
		return d, err == nil
	}
	return 0, false
}

// Folded is text in one case. It is text itself where nothing changes.
func Folded(text string) string { return strings.Map(fold, text) }

// fold is one and the same rune for all that strings.EqualFold takes as equal.
func fold(r rune) rune {
	if r >= utf8.RuneSelf {
		start := r
		for next := unicode.SimpleFold(start); next != start; next = unicode.SimpleFold(next) {
			r = min(r, next)
		}
	}
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

// compareFold orders texts by their folded runes, without making them.
func compareFold(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if c := cmp.Compare(fold(x), fold(y)); c != 0 {
			return c
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}
