package odata

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata/filter"
)

// Search is a parsed $search. It never changes; its zero value is no search and
// matches everything.
//
// A clause such as "displayName:one video" holds when each of its words begins
// some word of the property, in any order and case. Words end at spaces, at
// symbols, between digits and letters, and where a capital follows a small
// letter; what only spaces bound is a word, too (Graph, "Use the $search query
// parameter"). A clause without a property is about the display name, the
// description, the user principal name and the mail address.
type Search struct {
	either [][]clause // one of these, and all in it
	text   string
}

// clause is one condition of a $search.
type clause struct {
	properties []string
	named      bool // the client named the property
	words      []searchWord
}

// searchWord is what only spaces bound.
type searchWord struct {
	whole string   // without symbols
	parts []string // the words in it
}

// ParseSearch reads a $search: clauses in double quotes, or single words,
// joined by AND and OR. AND binds tighter, and may be left out. A blank text is
// no search.
func ParseSearch(text string) (Search, error) {
	s := Search{text: strings.TrimSpace(text)}
	if s.text == "" {
		return Search{}, nil
	}
	if err := filter.Bounded("$search", s.text); err != nil {
		return Search{}, err
	}
	var all []clause
	wanted := true // a clause must follow
	for at := 0; at < len(s.text); at += span(s.text[at:], unicode.IsSpace) {
		start := at
		value, quoted, next := searchToken(s.text, at)
		at = next
		switch operator := strings.ToUpper(value); {
		case !quoted && !wanted && operator == "OR":
			s.either, all, wanted = append(s.either, all), nil, true
		case !quoted && !wanted && operator == "AND":
			wanted = true
		default:
			c, ok := parseClause(value)
			if !ok || !quoted && slices.Contains([]string{"OR", "AND", "NOT"}, operator) {
				return Search{}, refuseSearch(s.text, start, strconv.Quote(s.text[start:at]))
			}
			all, wanted = append(all, c), false
		}
	}
	if wanted {
		return Search{}, refuseSearch(s.text, len(s.text), "its end")
	}
	s.either = append(s.either, all)
	return s, nil
}

func refuseSearch(text string, at int, found string) error {
	return fault.New(fault.Invalid, `$search has %s at position %d; valid there is a clause such as "displayName:value" in double quotes; AND and OR join clauses`,
		found, utf8.RuneCountInString(text[:at])+1)
}

// searchToken reads a clause in quotes, or a bare word, and returns the offset
// after it. In quotes a backslash takes the next character as it is. A clause
// that does not end is empty.
func searchToken(text string, at int) (value string, quoted bool, next int) {
	if text[at] != '"' {
		next = at + span(text[at:], func(r rune) bool { return !unicode.IsSpace(r) && !strings.ContainsRune(`()"`, r) })
		return text[at:next], false, max(next, at+1)
	}
	var b []byte
	for next = at + 1; next < len(text) && text[next] != '"'; next++ {
		if text[next] == '\\' && next+1 < len(text) {
			next++
		}
		b = append(b, text[next])
	}
	if next == len(text) {
		return "", true, next
	}
	return string(b), true, next + 1
}

// parseClause reads "property:value" or "value", which must have letters or
// digits.
func parseClause(text string) (clause, bool) {
	c := clause{properties: []string{"displayName", "description", "userPrincipalName", "mail"}}
	if property, value, ok := strings.Cut(text, ":"); ok && filter.IsPath(strings.TrimSpace(property)) {
		c.properties, c.named, text = []string{strings.TrimSpace(property)}, true, value
	}
	c.words = searchWords(text)
	return c, len(c.words) > 0
}

// IsZero reports whether there is no search.
func (s Search) IsZero() bool { return len(s.either) == 0 }

// String returns the search as the client wrote it, without the space around it.
func (s Search) String() string { return s.text }

// Properties returns those that the clauses name, each once, in order.
func (s Search) Properties() []string {
	var out []string
	for _, c := range slices.Concat(s.either...) {
		if c.named {
			out = append(out, c.properties...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Matches reports whether v, a value as encoding/json decodes it, is found.
func (s Search) Matches(v any) bool {
	matches := func(c clause) bool {
		return slices.ContainsFunc(c.properties, func(name string) bool { return c.in(filter.Member(v, name)) })
	}
	return s.IsZero() || slices.ContainsFunc(s.either, func(all []clause) bool {
		return !slices.ContainsFunc(all, func(c clause) bool { return !matches(c) })
	})
}

// in reports whether a text, or one of a list of texts, has every word.
func (c clause) in(v any) bool {
	if items, ok := v.([]any); ok {
		return slices.ContainsFunc(items, c.in)
	}
	text, _ := v.(string)
	there := searchWords(text)
	begins := func(word string) bool {
		return slices.ContainsFunc(there, func(t searchWord) bool {
			return strings.HasPrefix(t.whole, word) || slices.ContainsFunc(t.parts, func(part string) bool { return strings.HasPrefix(part, word) })
		})
	}
	return !slices.ContainsFunc(c.words, func(w searchWord) bool {
		return !begins(w.whole) && slices.ContainsFunc(w.parts, func(part string) bool { return !begins(part) })
	})
}

// searchWords cuts text into words. What holds symbols only is none.
func searchWords(text string) (out []searchWord) {
	for piece := range strings.FieldsSeq(text) {
		var w searchWord
		start, before := -1, ' '
		end := func(at int) {
			if start >= 0 {
				w.parts = append(w.parts, filter.Folded(piece[start:at]))
			}
			start = -1
		}
		for at, r := range piece {
			letter := unicode.In(r, unicode.Letter, unicode.Digit, unicode.Mark)
			if !letter || unicode.IsDigit(r) != unicode.IsDigit(before) || unicode.IsLower(before) && unicode.IsUpper(r) {
				end(at)
			}
			if letter && start < 0 {
				start = at
			}
			before = r
		}
		if end(len(piece)); len(w.parts) > 0 {
			w.whole = strings.Join(w.parts, "")
			out = append(out, w)
		}
	}
	return out
}

// span is how many bytes of text, from its start, are runes that in accepts.
func span(text string, in func(rune) bool) int {
	if n := strings.IndexFunc(text, func(r rune) bool { return !in(r) }); n >= 0 {
		return n
	}
	return len(text)
}
