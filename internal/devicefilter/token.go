package devicefilter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	end    kind = iota
	symbol      // one of ( ) [ ] ,
	word        // a property, an operator, or a value without quotes
	quoted      // text in quotes, its escapes resolved
	open        // text whose closing quote is missing
)

// token is one word of a rule.
type token struct {
	kind kind
	text string
	at   int // where it begins, in bytes
}

func (t token) is(s string) bool { return t.kind == symbol && t.text == s }

// says reports whether the token is the word s, in any case, with or without a
// hyphen.
func (t token) says(s string) bool { return t.kind == word && strings.EqualFold(undash(t.text), s) }

// undash removes the hyphen of an operator, or the dash that a word processor
// made of it.
func undash(s string) string {
	for _, dash := range []string{"-", "\u2013", "\u2014"} {
		if rest, ok := strings.CutPrefix(s, dash); ok {
			return rest
		}
	}
	return s
}

const symbols = "()[],"

// scan returns the token that begins at or after at, and where it ends.
func scan(text string, at int) (token, int) {
	at = len(text) - len(strings.TrimLeftFunc(text[at:], unicode.IsSpace))
	if at == len(text) {
		return token{kind: end, at: at}, at
	}
	switch c := text[at]; {
	case strings.IndexByte(symbols, c) >= 0:
		return token{symbol, text[at : at+1], at}, at + 1
	case c == '"' || c == '\'':
		return scanQuoted(text, at)
	}
	length := strings.IndexFunc(text[at:], func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(symbols+`"'`, r)
	})
	if length < 0 {
		length = len(text) - at
	}
	return token{word, text[at : at+length], at}, at + length
}

// scanQuoted reads text in quotes. Inside double quotes a backtick keeps a quote
// or a backtick; inside single quotes a quote is doubled. A backslash is one.
func scanQuoted(text string, at int) (token, int) {
	quote, escape := text[at], byte('`')
	if quote == '\'' {
		escape = '\''
	}
	var value strings.Builder
	for i := at + 1; i < len(text); i++ {
		c := text[i]
		if c == escape && i+1 < len(text) && (text[i+1] == quote || text[i+1] == escape) {
			i++
			c = text[i]
		} else if c == quote {
			return token{quoted, value.String(), at}, i + 1
		}
		value.WriteByte(c)
	}
	return token{open, text[at:], at}, len(text)
}

// show prints a token for an error, not more of it than helps.
func (t token) show() string {
	const most = 64
	s := t.text
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "..."
	}
	if t.kind == quoted {
		return `"` + s + `"`
	}
	return s
}
