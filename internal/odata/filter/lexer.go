package filter

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/fault"
)

type tokenKind uint8

const (
	atEnd   tokenKind = iota
	word              // a name, an operator, a path step, a qualified type
	literal           // a value
	mark              // one of ( ) , / :
)

// token is one word of a $filter.
type token struct {
	kind  tokenKind
	text  string // as written
	value any    // of a literal: string, bool, nil, int64, float64, time.Time or time.Duration
	start int    // byte offset
}

// source is the text of an option, for messages.
type source struct{ option, text string }

// complain is the one shape of a syntax error. Positions count characters
// from 1.
func (s source) complain(at int, found, valid string) error {
	return fault.New(fault.Invalid, "%s has %s at position %d; valid there is %s", s.option, found, utf8.RuneCountInString(s.text[:at])+1, valid)
}

// lexer cuts a $filter into tokens.
type lexer struct {
	source
	tokens []token
}

// lex returns the tokens of text, the last of which is atEnd.
func lex(text string) ([]token, error) {
	l := lexer{source: source{"$filter", text}}
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		var err error
		switch {
		case unicode.IsSpace(r):
			at += size
		case strings.ContainsRune("(),/:", r):
			l.add(mark, at, at+size, nil)
			at += size
		case r == '\'':
			at, err = l.quoted(at, at)
		case len(text)-at >= guidLength && isGUID(text[at:at+guidLength]):
			l.add(literal, at, at+guidLength, text[at:at+guidLength])
			at += guidLength
		case r == '-' || '0' <= r && r <= '9':
			at, err = l.bare(at)
		case isWordRune(r) || r == '$':
			at, err = l.word(at)
		default:
			err = l.complain(at, strconv.QuoteRune(r), "a property, a function, a literal or an operator")
		}
		if err != nil {
			return nil, err
		}
	}
	l.add(atEnd, len(text), len(text), nil)
	return l.tokens, nil
}

func (l *lexer) add(kind tokenKind, start, end int, value any) {
	l.tokens = append(l.tokens, token{kind, l.text[start:end], value, start})
}

// quoted reads the string literal whose quote is at quote and whose token
// begins at start, and returns the offset after it.
func (l *lexer) quoted(start, quote int) (int, error) {
	for end := quote + 1; end < len(l.text); end++ {
		if l.text[end] != '\'' {
			continue
		}
		if end++; end < len(l.text) && l.text[end] == '\'' {
			continue // a doubled quote stands for one
		}
		l.add(literal, start, end, strings.ReplaceAll(l.text[quote+1:end-1], "''", "'"))
		return end, nil
	}
	return 0, l.complain(quote, "a string without an end", "a string such as 'o''hara', with quotes inside it doubled")
}

// bare reads a number, a date or a date-time.
func (l *lexer) bare(start int) (int, error) {
	end := start + span(l.text[start:], func(r rune) bool { return isWordRune(r) || strings.ContainsRune("+-:", r) })
	text := l.text[start:end]
	value, ok := bareValue(text)
	if !ok {
		return 0, l.complain(start, strconv.Quote(text),
			"a number, a guid, a date such as 2026-01-31 or an instant such as 2026-01-31T08:00:00Z (a + before the offset is written %2B)")
	}
	l.add(literal, start, end, value)
	return end, nil
}

func bareValue(text string) (any, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	if json.Valid([]byte(text)) { // what begins with a digit and is JSON is a number
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, strings.ToUpper(text)); err == nil {
			return t, true
		}
	}
	return nil, false
}

// word reads a name, or a literal that a name introduces: duration'PT1H' or
// microsoft.graph.kind'value'.
func (l *lexer) word(start int) (int, error) {
	end := start
	if l.text[end] == '$' {
		end++
	}
	end += span(l.text[end:], isWordRune)
	name := l.text[start:end]
	duration := strings.EqualFold(name, "duration")
	if end == len(l.text) || l.text[end] != '\'' || !duration && !strings.Contains(name, ".") {
		l.add(word, start, end, nil)
		return end, nil
	}
	end, err := l.quoted(start, end)
	if err != nil || !duration {
		return end, err
	}
	last := &l.tokens[len(l.tokens)-1]
	d, err := ParseDuration(last.value.(string))
	if err != nil {
		return 0, l.complain(start, strconv.Quote(last.text), "a duration such as duration'PT12H' or duration'P90D'")
	}
	last.value = d
	return end, nil
}

// span is how many bytes of text, from its start, are runes that in accepts.
func span(text string, in func(rune) bool) int {
	if n := strings.IndexFunc(text, func(r rune) bool { return !in(r) }); n >= 0 {
		return n
	}
	return len(text)
}

func isWordRune(r rune) bool {
	return r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

const guidLength = 36

func isGUID(s string) bool {
	for i, r := range s {
		switch i {
		case 8, 13, 18, 23:
			if r != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
				return false
			}
		}
	}
	return true
}

// IsPath reports whether s is a property path such as "status/errorCode" or
// "microsoft.graph.user/mail".
func IsPath(s string) bool {
	for step := range strings.SplitSeq(s, "/") {
		if step == "" || span(step, isWordRune) < len(step) {
			return false
		}
	}
	return true
}
