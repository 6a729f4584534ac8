package conditional

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

const policiesPath = "identity/conditionalAccess/policies"

func (d *Area) accessPolicies() graph.Set[access.Policy] {
	return graph.Set[access.Policy]{
		Path:  policiesPath,
		Items: func(c *graph.Call) admin.Collection[access.Policy] { return d.as(c).AccessPolicies() },
		Kind:  "graph.conditionalAccessPolicy", Read: directory.AccessRead, Write: directory.AccessWrite, Name: "displayName",
		Patched:  http.StatusNoContent,
		ID:       func(p access.Policy) string { return string(p.ID) },
		Revision: func(p access.Policy) int64 { return p.Revision },
		View:     d.viewPolicy, Take: takePolicy,
	}
}

// unknown says why a member is refused that Graph does not have, or that is
// newer than this: a condition that is ignored would let in whom the policy
// keeps out, or the other way round.
const unknown = "it is not known here and is never ignored, so remove it"

// refuse refuses members that say something, each with the reason why it cannot
// be kept, and then everything that was not read.
func refuse(o *odata.Object, reasons map[string]string, ignored ...string) {
	for name, why := range reasons {
		ignored = append(ignored, name)
		if o.Says(name) {
			o.Refuse(name, "is set; %s", why)
		}
	}
	o.RefuseRest(unknown, ignored...)
}

// takePolicy takes over the body of a policy. "conditions", "grantControls" and
// "sessionControls" are replaced as sent.
func takePolicy(c *graph.Call, o *odata.Object, p *access.Policy) {
	if p.Revision == 0 {
		p.Tenant, p.NoGrant = c.Tenant(), true
	}
	readPolicy(o, p, unseen(c, p.Session))
	if slices.Contains(p.Grant.Controls, access.ApprovedApplication) && o.Err() == nil {
		c.Writer().Header().Set("Warning", retired)
	}
}

// ReadPolicy reads a policy that no request brings, as Graph's beta writes it:
// v1.0 is a part of that. Its error is one fault.Invalid that names every property
// that cannot be kept; whether the policy may be saved is access.Validate's to say.
func ReadPolicy(doc []byte) (access.Policy, error) {
	o, err := odata.ParseObject(doc)
	if err != nil {
		return access.Policy{}, err
	}
	id, p := "", access.Policy{NoGrant: true}
	o.Text("id", &id)
	readPolicy(o, &p, access.SessionControls{})
	p.ID = access.PolicyID(id)
	return p, o.Err()
}

// readPolicy reads a body over p. Of the session controls, kept is what the body
// cannot speak of.
func readPolicy(o *odata.Object, p *access.Policy, kept access.SessionControls) {
	if kind := o.Type(); kind != "" && kind != "conditionalAccessPolicy" {
		o.Refuse("@odata.type", "is %q; it must be #microsoft.graph.conditionalAccessPolicy", kind)
	}
	o.Text("displayName", &p.DisplayName)
	o.Text("description", &p.Description)
	o.Text("templateId", &p.Template)
	takeState(o, p)
	if o.Has("conditions") {
		p.Conditions, p.Order = access.Conditions{}, nil
		if conditions := o.Object("conditions"); conditions != nil {
			takeConditions(conditions, p)
		}
	}
	if o.Has("grantControls") {
		p.Grant, p.NoGrant = access.Grant{}, true
		if g := o.Object("grantControls"); g != nil {
			p.NoGrant = false
			takeGrant(g, &p.Grant)
		}
	}
	if o.Has("sessionControls") {
		p.Session = takeSession(o.Object("sessionControls"), kept)
	}
	o.RefuseRest(unknown, "id", "createdDateTime", "modifiedDateTime", "deletedDateTime", "version")
}

// retired warns of a control that Microsoft no longer has (RFC 9110 leaves the
// field to RFC 7234: 299 is a warning that may be shown to a person).
const retired = `299 postern "grantControls.builtInControls holds approvedApplication, which is retired; compliantApplication satisfies it, so write that"`

// unseen is what whoever speaks v1.0 does not see of session controls, and so
// cannot mean to take away.
func unseen(c *graph.Call, s *access.SessionControls) access.SessionControls {
	if s == nil || c.Version == graph.Beta {
		return access.SessionControls{}
	}
	return access.SessionControls{Continuous: s.Continuous}
}

func takeState(o *odata.Object, p *access.Policy) {
	const valid = "valid are enabled, disabled, enabledForReportingButNotEnforced"
	if !o.Has("state") {
		if p.Revision == 0 {
			o.Refuse("state", "is missing; "+valid)
		}
		return
	}
	state := ""
	if o.Word("state", &state, access.Enabled.String(), access.Disabled.String(), access.ReportOnly.String()); o.Null("state") {
		o.Refuse("state", "is null; "+valid)
	} else if parsed, err := access.ParseState(state); err == nil {
		p.State = parsed
	}
}

// mixed is a list in which words of Graph stand among identifiers.
type mixed struct {
	name  string
	words []string // as Graph spells them
	ids   []string
	found []string // which of words the list holds
	all   []string // the list, its words as Graph spells them
}

func takeMixed(o *odata.Object, name string, words ...string) *mixed {
	l := &mixed{name: name, words: words}
	o.Words(name, &l.all, words...)
	for _, s := range l.all {
		if !slices.Contains(words, s) {
			l.ids = append(l.ids, s)
		} else if !slices.Contains(l.found, s) {
			l.found = append(l.found, s)
		}
	}
	return l
}

func (l *mixed) has(word string) bool { return slices.Contains(l.found, word) }

// ordered puts names into the order in which they were written: clients compare
// lists as they are.
func ordered(p *access.Policy, name string, names []string) []string {
	written := p.Order[name]
	a, b := slices.Sorted(slices.Values(written)), slices.Sorted(slices.Values(names))
	if slices.Equal(a, b) {
		return append([]string{}, written...)
	}
	return names
}

// keep remembers how a list was written that would be shown in another order.
func keep(p *access.Policy, l *mixed, shown []string) {
	if slices.Equal(l.all, shown) {
		return
	}
	if p.Order == nil {
		p.Order = map[string][]string{}
	}
	p.Order[l.name] = l.all
}

// guid is the shape of the identifiers that Graph gives.
var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// flags reads the members of an enumeration that stand in one text, in the order
// of valid.
func flags[W ~string](o *odata.Object, name string, valid ...W) []W {
	text := ""
	o.Text(name, &text)
	chosen := map[string]bool{}
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.ToLower(strings.TrimSpace(word)); word != "" && word != "none" {
			chosen[word] = true
		}
	}
	var out []W
	for _, w := range valid {
		if lower := strings.ToLower(string(w)); chosen[lower] {
			out = append(out, w)
			delete(chosen, lower)
		}
	}
	if len(chosen) > 0 {
		o.Refuse(name, "is %q; it must hold, with commas between, one or more of %s", text, strings.Join(graph.Texts(valid), ", "))
	}
	return out
}

// joined is the inverse of flags; null for none.
func joined[W ~string](words []W) *string {
	return graph.Text(strings.Join(graph.Texts(words), ","))
}
