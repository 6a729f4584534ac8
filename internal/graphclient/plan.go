package graphclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

// Action is what a change does.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Keep   Action = "keep"
	Delete Action = "delete"
)

// Change is what one document leads to, or, for Delete, one object that no
// document describes.
type Change struct {
	Kind        string                `json:"kind"`
	Name        string                `json:"name"`
	Source      string                `json:"source,omitempty"`
	ID          string                `json:"id,omitempty"` // of the object that exists
	Action      Action                `json:"action"`
	Why         string                `json:"why,omitempty"` // an object that no document describes is kept
	Differences []document.Difference `json:"differences,omitempty"`

	doc     document.Document
	changed []string
	add     []string // members of a group that are missing
}

// Plan is what it takes to match the documents, in the order it must be done.
type Plan struct {
	Changes []Change `json:"changes"`

	ids document.Identifiers // in the documents -> in the service
}

// Count returns how many changes do what a says.
func (p Plan) Count(a Action) int {
	n := 0
	for _, c := range p.Changes {
		if c.Action == a {
			n++
		}
	}
	return n
}

// Wish is what a service shall be like.
type Wish struct {
	Documents []document.Document
	Prune     bool // what the documents do not hold goes, for the kinds that they hold
}

// Plan compares documents with the service. Nothing is changed. References that
// do not resolve and documents that contradict each other are a
// document.InputError.
func (c *Client) Plan(ctx context.Context, w Wish) (Plan, error) {
	p := planner{
		client: c, Plan: Plan{ids: document.NewIdentifiers()}, existing: map[string][]map[string]any{}, taken: map[string]string{}, promised: map[string]bool{},
	}
	for _, k := range document.Kinds() {
		for _, d := range w.Documents {
			if d.Kind.OData != k.OData {
				continue
			}
			if err := p.place(ctx, d); err != nil {
				return Plan{}, err
			}
		}
	}
	for i := range p.Changes {
		if err := p.settle(ctx, &p.Changes[i]); err != nil {
			return Plan{}, err
		}
	}
	if w.Prune {
		if err := p.prune(ctx); err != nil {
			return Plan{}, err
		}
	}
	if len(p.faults) > 0 {
		return Plan{}, document.InputError{Err: errors.Join(p.faults...)}
	}
	return p.Plan, nil
}

type planner struct {
	Plan
	client   *Client
	existing map[string][]map[string]any // by type
	taken    map[string]string           // object -> the document that describes it
	promised map[string]bool             // type and identifier that documents bring along
	faults   []error
}

func (p *planner) fault(d document.Document, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%s: %s", d, fmt.Sprintf(format, args...)))
}

// objects lists what the service has of a kind.
func (p *planner) objects(ctx context.Context, k document.Kind) ([]map[string]any, error) {
	if found, ok := p.existing[k.OData]; ok {
		return found, nil
	}
	found, err := p.client.objects(ctx, k)
	p.existing[k.OData] = found
	return found, err
}

// place finds what a document is about.
func (p *planner) place(ctx context.Context, d document.Document) error {
	objects, err := p.objects(ctx, d.Kind)
	if err != nil {
		return err
	}
	ch := Change{Kind: d.Kind.Title, Name: d.Name(), Source: d.Source, Action: Create, doc: d}
	have, err := d.Kind.Find(d.Body, objects)
	if err != nil {
		p.fault(d, "%v", err)
		return nil
	}
	if have == nil && d.Kind.OData == document.Organization && len(objects) == 1 {
		have = objects[0]
	}
	identity := d.Kind.OData + " " + strings.ToLower(ch.Name)
	if have != nil {
		ch.Action, ch.ID = Update, document.Text(have, "id")
		identity = d.Kind.OData + " " + ch.ID
	}
	if before, ok := p.taken[identity]; ok {
		p.fault(d, "describes the same object as %s", before)
		return nil
	}
	p.taken[identity] = d.Source
	for _, name := range []string{"id", "appId"} {
		mine := document.Text(d.Body, name)
		if mine == "" || name == "appId" && d.Kind.OData != document.Application {
			continue
		}
		p.promised[d.Kind.OData+" "+mine] = true
		if have != nil {
			p.ids.Put(d.Kind, mine, document.Text(have, name))
		}
	}
	p.Changes = append(p.Changes, ch)
	return nil
}

// settle checks references and computes differences.
func (p *planner) settle(ctx context.Context, ch *Change) error {
	d := ch.doc
	for _, r := range document.References(d) {
		if err := p.resolve(ctx, d, r); err != nil {
			return err
		}
	}
	if ch.Action == Create {
		switch {
		case d.Kind.OData == document.Organization:
			p.fault(d, "there is no such organization; a tenant is founded, not applied")
		case d.Kind.OData == document.User && document.Text(document.Object(d.Body["passwordProfile"]), "password") == "":
			p.fault(d, "does not exist yet, and passwordProfile.password is missing to create it")
		}
		ch.Differences = d.Kind.Wanted(d.Body)
		return nil
	}
	objects, err := p.objects(ctx, d.Kind)
	if err != nil {
		return err
	}
	have := objects[slices.IndexFunc(objects, func(o map[string]any) bool { return document.Text(o, "id") == ch.ID })]
	ch.changed, ch.Differences = d.Kind.Compare(p.ids.Rewrite(d.Body), have)
	if d.Kind.OData == document.Group {
		if err := p.members(ctx, ch); err != nil {
			return err
		}
	}
	switch {
	case len(ch.Differences) == 0:
		ch.Action = Keep
	case d.Kind.BuiltIn(have) && slices.Contains([]string{document.Role, document.ScopeTag, document.Strength}, d.Kind.OData):
		p.fault(d, "is built in and has another %s; it cannot be changed: give yours another name and id, or leave it out", ch.Differences[0].Property)
	}
	return nil
}

// members finds out which of the members that a document binds are missing.
// Members that it does not name stay: that is what binding means in Graph.
func (p *planner) members(ctx context.Context, ch *Change) error {
	bound := document.Members(ch.doc.Body)
	if len(bound) == 0 {
		return nil
	}
	have, err := p.client.list(ctx, ch.doc.Kind.Path+"/"+ch.ID+"/members")
	if err != nil {
		return err
	}
	for _, id := range bound {
		mapped := p.ids.Of(id)
		if !slices.ContainsFunc(have, func(o map[string]any) bool { return document.Text(o, "id") == mapped }) {
			ch.add = append(ch.add, id)
			ch.Differences = append(ch.Differences, document.Difference{Property: "members", To: id})
		}
	}
	return nil
}

// resolve reports a reference that names nothing. A name is no identifier: two
// objects may bear it, and it may change.
func (p *planner) resolve(ctx context.Context, d document.Document, r document.Reference) error {
	hint := ""
	for _, odata := range r.Kinds {
		if p.promised[odata+" "+r.ID] {
			return nil
		}
		k, _ := document.KindOf(odata)
		objects, err := p.objects(ctx, k)
		if err != nil {
			return err
		}
		for _, o := range objects {
			switch {
			case k.Identifies(o, r.ID):
				return nil
			case r.ID != "" && k.Name(o) == r.ID:
				hint = fmt.Sprintf("; the %s of that name has the id %s", k.Title, k.Identifier(o))
			}
		}
	}
	var titles []string
	for _, odata := range r.Kinds {
		k, _ := document.KindOf(odata)
		titles = append(titles, k.Title)
	}
	p.fault(d, "%s is %q; neither the service nor the input has such a %s%s", r.Property, r.ID, strings.Join(titles, " or "), hint)
	return nil
}
