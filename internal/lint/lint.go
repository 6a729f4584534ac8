// Package lint finds what is valid and yet does not do what an admin meant: what
// elsewhere fails silently, weeks later, on somebody's PC.
//
// A rule looks at objects as Graph shapes them, from files or from a service, and
// never changes or fetches anything. Where an answer needs facts that the
// documents do not hold, the rule is silent unless facts come along: it does not
// guess. docs/operate lists the rules.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

// Severity says how sure a finding is to hurt.
type Severity string

// The severities, worst first.
const (
	Error   Severity = "error"   // it cannot do what it says
	Warning Severity = "warning" // it rarely does what is meant
	Note    Severity = "note"    // it does nothing
)

// Finding is one thing that is wrong with one object.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	ID       string   `json:"id,omitempty"`
	Source   string   `json:"source,omitempty"` // file; empty: the service
	Property string   `json:"property,omitempty"`
	Why      string   `json:"why"`
	Witness  string   `json:"witness,omitempty"` // a sign-in that shows it
	Do       string   `json:"do"`
}

// Rule is one thing to look for.
type Rule struct {
	Name  string
	About string // what it finds, for people
	Asks  bool   // needs the facts of a service

	check func(x *inquiry, d document.Document)
}

// Rules lists every rule.
func Rules() []Rule {
	return slices.Concat(protectionRules(), targetRules(), configurationRules(), accessRules())
}

// Check looks at documents. Without facts it knows only the documents: what they
// refer to may exist elsewhere, unless they hold others of its kind. Findings come
// worst first, then in the order of the documents.
func Check(docs []document.Document, facts *document.Facts) []Finding {
	x := &inquiry{docs: docs, facts: facts, kinds: map[string][]document.Document{}, names: map[string]document.Document{}}
	for _, d := range docs {
		x.kinds[d.Kind.OData] = append(x.kinds[d.Kind.OData], d)
		if id := d.Kind.Identifier(d.Body); id != "" {
			x.names[d.Kind.OData+" "+id] = d
		}
	}
	for _, r := range Rules() {
		if r.Asks && facts == nil {
			continue
		}
		x.rule = r
		for i, d := range docs {
			x.at = i
			if !d.Kind.BuiltIn(d.Body) {
				r.check(x, d)
			}
		}
	}
	severities := []Severity{Error, Warning, Note}
	slices.SortStableFunc(x.found, func(a, b Finding) int {
		return cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity))
	})
	return x.found
}

// inquiry is one run over documents.
type inquiry struct {
	docs   []document.Document
	kinds  map[string][]document.Document // by type
	names  map[string]document.Document   // by type and identifier
	facts  *document.Facts
	rule   Rule
	at     int // of the document that is looked at
	claims []claimant
	found  []Finding
}

// finding is what a rule has to say; the rest is the same for all.
type finding struct {
	severity Severity
	property string
	why, do  string
}

func (x *inquiry) say(d document.Document, f finding) {
	x.found = append(x.found, Finding{
		Rule: x.rule.Name, Severity: f.severity, Kind: d.Kind.Title, Name: d.Name(), ID: document.Text(d.Body, "id"), Source: d.Source,
		Property: f.property, Why: f.why, Do: f.do,
	})
}

// of lists the documents of a kind.
func (x *inquiry) of(odata string) []document.Document { return x.kinds[odata] }

// whole reports whether all that there is of a kind is among the documents.
func (x *inquiry) whole(odata string) bool { return x.facts != nil || len(x.of(odata)) > 0 }

// get finds an object of a kind by what others refer to it by.
func (x *inquiry) get(odata, id string) (document.Document, bool) {
	d, ok := x.names[odata+" "+id]
	return d, ok
}

// called is the name of an object, with its identifier where the name is unknown.
func (x *inquiry) called(odata, id string) string {
	if d, ok := x.get(odata, id); ok {
		return fmt.Sprintf("%q", d.Name())
	}
	return id
}

// forApps reports whether d is a policy for apps.
func forApps(d document.Document) bool {
	return d.Kind.OData == document.Protection || d.Kind.OData == document.Configuration
}

// apps lists the apps of a policy.
func apps(d document.Document) []string {
	list, _ := d.Body["apps"].([]any)
	var out []string
	for _, a := range list {
		out = append(out, document.Text(document.Object(document.Dig(a, "mobileAppIdentifier")), "windowsAppId"))
	}
	return out
}

// texts are the members of a list of texts.
func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func contains(list []string, word string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, word) })
}
