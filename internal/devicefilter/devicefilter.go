// Package devicefilter reads and evaluates the rules of assignment filters
// (Intune) and of device filters (Conditional Access):
//
//	(app.deviceManufacturer -eq "Contoso") and not (app.appVersion -startsWith "119.")
//
// A rule compares properties with values and joins comparisons by not, and, or,
// which bind in that order, and parentheses. Names, operators and values are the
// same in any case; the hyphen before an operator may be left out, and a dash
// that a word processor made of it is one too. Text goes in double quotes (a
// backtick before a quote keeps it) or single ones (a quote inside is doubled);
// numbers, versions, True, False and $null need none. Which properties there
// are, with which operators, is a Vocabulary: data, not code.
//
// # Absent values
//
// A value that nobody reported, or an empty one, is $null. It equals $null and
// nothing else, so -eq, -in, -startsWith, -contains and every order are false,
// and the negative operators (-ne, -notIn, -notContains and so on) are true:
// each is exactly the negation of its positive twin, as Microsoft documents for
// devices that are not registered. A filter in exclude mode with a negative
// operator therefore lets out everyone who reports nothing. The same goes for a
// value that should be a version and is none, except that it is not $null.
//
// # Limits and errors
//
// A rule has at most MaxLength characters and MaxNesting levels. What Parse
// answers names the place, the word and what would be valid. It is a SyntaxError,
// not a fault: this language stands below everything that knows faults.
package devicefilter

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// SyntaxError says why a rule cannot be read, for the person who wrote it.
type SyntaxError string

// Error returns the sentence.
func (e SyntaxError) Error() string { return string(e) }

// The limits of a rule (Microsoft Graph limits the length; the nesting is ours).
const (
	MaxLength  = 3072 // characters
	MaxNesting = 32   // levels of parentheses and not
)

// Rule is a rule that was read. It never changes. The zero Rule matches nothing.
type Rule struct {
	text       string
	root       expression
	properties []string
}

// Parse reads a rule in the words of v. Errors are SyntaxErrors and begin with
// "rule".
func Parse(text string, v Vocabulary) (Rule, error) {
	if !utf8.ValidString(text) {
		return Rule{}, SyntaxError("rule is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(text); n > MaxLength {
		return Rule{}, SyntaxError(fmt.Sprintf("rule has %d characters; valid are 1 to %d", n, MaxLength))
	}
	p := parser{text: text, words: v}
	p.advance()
	root, err := p.either()
	if err != nil {
		return Rule{}, err
	}
	if p.now.kind != end {
		return Rule{}, p.unexpected("-and, -or or the end of the rule")
	}
	return Rule{text: text, root: root, properties: p.properties}, nil
}

// Unread keeps the text of a rule that cannot be read any more, so that it can be
// shown and repaired. It is zero, and matches nothing.
func Unread(text string) Rule { return Rule{text: text} }

// IsZero reports whether there is no rule to match by: none was given, or it was
// not read.
func (r Rule) IsZero() bool { return r.root == nil }

// String returns the text of the rule as it was given, to the byte.
func (r Rule) String() string { return r.text }

// MarshalText returns String. There is no way back without a Vocabulary: Parse.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.text), nil }

// Properties returns what the rule reads, each once, in the vocabulary's spelling
// and in the order of the text.
func (r Rule) Properties() []string { return slices.Clone(r.properties) }

// Facts is what a rule is held against.
type Facts interface {
	// Fact returns the value of a property, named in the vocabulary's spelling
	// ("app.appVersion"), and whether it is known; the elements of a collection
	// come one per line.
	Fact(property string) (value string, known bool)
}

// FactFunc is a function as Facts.
type FactFunc func(property string) (value string, known bool)

// Fact calls f.
func (f FactFunc) Fact(property string) (value string, known bool) { return f(property) }

// Nothing is what is known of a device that was not identified: every property
// is $null.
func Nothing() Facts { return FactFunc(func(string) (string, bool) { return "", false }) }

// Matches reports whether the rule holds. It allocates nothing of its own.
func (r Rule) Matches(on Facts) bool { return r.root != nil && r.root.holds(on) }
