package configuration

import (
	"strings"

	"github.com/postern-mam/postern/internal/directory"
)

// Person is what tokens stand for.
type Person struct {
	ID                directory.UserID
	Tenant            directory.TenantID
	UserPrincipalName string
	Mail              string
	DisplayName       string
}

// The tokens, by the Intune documentation of app configuration policies for
// managed apps. PrimarySMTPAddress is the mail address here.
var tokens = [...]struct {
	name string
	of   func(Person) string
}{
	{"userprincipalname", func(p Person) string { return p.UserPrincipalName }},
	{"mail", func(p Person) string { return p.Mail }},
	{"partialupn", func(p Person) string { before, _, _ := strings.Cut(p.UserPrincipalName, "@"); return before }},
	{"accountid", func(p Person) string { return string(p.Tenant) }},
	{"userid", func(p Person) string { return string(p.ID) }},
	{"username", func(p Person) string { return p.DisplayName }},
	{"PrimarySMTPAddress", func(p Person) string { return p.Mail }},
}

// Tokens returns the tokens as an administrator writes them: "{{mail}}".
func Tokens() []string {
	list := make([]string, len(tokens))
	for i := range tokens {
		list[i] = "{{" + tokens[i].name + "}}"
	}
	return list
}

// Expand returns value with every token replaced by the fact it stands for: the
// user principal name, the mail address, the user principal name before its @, the
// tenant, the user identifier, the display name, the mail address again. Letter
// case does not count. A fact that is not known is empty. What a fact contains is
// never a token, and what is no token stays as it is.
func Expand(value string, p Person) string {
	return each(value, func(of func(Person) string) string { return of(p) })
}

// expandJSON is Expand for JSON text: no fact gets out of the string it stands in.
func expandJSON(text string, p Person) string {
	return each(text, func(of func(Person) string) string {
		quoted := encode(of(p))
		return quoted[1 : len(quoted)-1]
	})
}

// fact returns what a token stands for, or nil when there is no such token.
func fact(token string) func(Person) string {
	for i := range tokens {
		if strings.EqualFold(tokens[i].name, token) {
			return tokens[i].of
		}
	}
	return nil
}

// each replaces every token of s by what stands returns for its fact.
func each(s string, stands func(of func(Person) string) string) string {
	var out strings.Builder
	for {
		open := strings.Index(s, "{{")
		if open < 0 {
			out.WriteString(s)
			return out.String()
		}
		name, after, closed := strings.Cut(s[open+2:], "}}")
		if of := fact(name); closed && of != nil {
			out.WriteString(s[:open])
			out.WriteString(stands(of))
			s = after
			continue
		}
		out.WriteString(s[:open+1]) // the second brace may begin a token
		s = s[open+1:]
	}
}

// strange returns the first thing in s that begins like a token and is none, or "".
func strange(s string) string {
	rest := each(s, func(func(Person) string) string { return " " })
	open := strings.Index(rest, "{{")
	if open < 0 {
		return ""
	}
	rest = rest[open:]
	if end := strings.Index(rest, "}}"); end >= 0 {
		rest = rest[:end+2]
	}
	return clip(rest)
}
