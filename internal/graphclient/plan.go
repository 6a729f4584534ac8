package graphclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Action is what a change does.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Keep   Action = "keep"
)

// Change is what one document leads to.
type Change struct {
	Kind        string       `json:"kind"`
	Name        string       `json:"name"`
	Source      string       `json:"source"`
	ID          string       `json:"id,omitempty"` // of the object that exists
	Action      Action       `json:"action"`
	Differences []Difference `json:"differences,omitempty"`

	doc     Document
	changed []string
	add     []string // members of a group that are missing
}

// Plan is what it takes to match the documents, in the order it must be done.
type Plan struct {
	Changes []Change `json:"changes"`

	ids map[string]string // identifiers in the documents -> in the service
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

// Plan compares documents with the service. Nothing is changed. References that
// do not resolve and documents that contradict each other are an InputError.
func (c *Client) Plan(ctx context.Context, docs []Document) (Plan, error) {
	p := planner{client: c, Plan: Plan{ids: map[string]string{}}, existing: map[string][]map[string]any{}, taken: map[string]string{}, promised: map[string]bool{}}
	for _, k := range kinds() {
		for _, d := range docs {
			if d.kind.odata != k.odata {
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
	if len(p.faults) > 0 {
		return Plan{}, InputError{errors.Join(p.faults...)}
	}
	return p.Plan, nil
}

type planner struct {
	Plan
	client   *Client
	existing map[string][]map[string]any // by type
	taken    map[string]string           // object -> the document that describes it
	promised map[string]bool             // identifiers that documents bring along
	faults   []error
}

func (p *planner) fault(d Document, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%s: %s", d, fmt.Sprintf(format, args...)))
}

// objects lists what the service has of a kind.
func (p *planner) objects(ctx context.Context, k kind) ([]map[string]any, error) {
	if found, ok := p.existing[k.odata]; ok {
		return found, nil
	}
	found, err := p.client.list(ctx, k.path+k.query)
	p.existing[k.odata] = found
	return found, err
}

// place finds what a document is about.
func (p *planner) place(ctx context.Context, d Document) error {
	objects, err := p.objects(ctx, d.kind)
	if err != nil {
		return err
	}
	ch := Change{Kind: d.kind.title, Name: d.kind.name(d.body), Source: d.Source, Action: Create, doc: d}
	have, err := find(d, objects)
	if err != nil {
		p.fault(d, "%v", err)
		return nil
	}
	if have == nil && d.kind.odata == "organization" && len(objects) == 1 {
		have = objects[0]
	}
	identity := d.kind.odata + " " + strings.ToLower(ch.Name)
	if have != nil {
		ch.Action, ch.ID = Update, text(have, "id")
		identity = d.kind.odata + " " + ch.ID
	}
	if before, ok := p.taken[identity]; ok {
		p.fault(d, "describes the same object as %s", before)
		return nil
	}
	p.taken[identity] = d.Source
	for _, name := range []string{"id", "appId"} {
		mine := text(d.body, name)
		if mine == "" || name == "appId" && d.kind.odata != "application" {
			continue
		}
		p.promised[mine] = true
		if have != nil {
			p.ids[mine] = text(have, name)
		}
	}
	p.Changes = append(p.Changes, ch)
	return nil
}

// find matches a document by the strongest key it shares with an object.
func find(d Document, objects []map[string]any) (map[string]any, error) {
	for _, key := range d.kind.keys {
		want := text(d.body, key)
		if want == "" {
			continue
		}
		var found []map[string]any
		for _, o := range objects {
			if strings.EqualFold(text(o, key), want) {
				found = append(found, o)
			}
		}
		if len(found) > 1 {
			return nil, fmt.Errorf("the service has %d objects with the %s %q; say which by its id", len(found), key, want)
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return nil, nil
}

// settle checks references and computes differences.
func (p *planner) settle(ctx context.Context, ch *Change) error {
	d := ch.doc
	for _, r := range references(d) {
		if err := p.resolve(ctx, d, r); err != nil {
			return err
		}
	}
	if ch.Action == Create {
		switch {
		case d.kind.odata == "organization":
			p.fault(d, "there is no such organization; a tenant is founded, not applied")
		case d.kind.odata == "user" && text(asObject(d.body["passwordProfile"]), "password") == "":
			p.fault(d, "does not exist yet, and passwordProfile.password is missing to create it")
		}
		return nil
	}
	objects, err := p.objects(ctx, d.kind)
	if err != nil {
		return err
	}
	have := objects[slices.IndexFunc(objects, func(o map[string]any) bool { return text(o, "id") == ch.ID })]
	ch.changed, ch.Differences = d.kind.compare(rewrite(d.body, p.ids), have)
	if d.kind.odata == "group" {
		if err := p.members(ctx, ch); err != nil {
			return err
		}
	}
	if len(ch.Differences) == 0 {
		ch.Action = Keep
	}
	return nil
}

// members finds out which of the members that a document binds are missing.
// Members that it does not name stay: that is what binding means in Graph.
func (p *planner) members(ctx context.Context, ch *Change) error {
	bound := bindings(ch.doc.body)
	if len(bound) == 0 {
		return nil
	}
	have, err := p.client.list(ctx, ch.doc.kind.path+"/"+ch.ID+"/members")
	if err != nil {
		return err
	}
	for _, id := range bound {
		mapped := id
		if to, ok := p.ids[id]; ok {
			mapped = to
		}
		if !slices.ContainsFunc(have, func(o map[string]any) bool { return text(o, "id") == mapped }) {
			ch.add = append(ch.add, id)
			ch.Differences = append(ch.Differences, Difference{Property: "members", To: id})
		}
	}
	return nil
}

// ref is an identifier in a document that names another object.
type ref struct {
	property, id string
	kinds        []string // types it may be of
}

// references lists what a document refers to.
func references(d Document) []ref {
	var out []ref
	take := func(property string, kinds ...string) {
		list, _ := dig(d.body, strings.Split(property, ".")...).([]any)
		for _, v := range list {
			if id, ok := v.(string); ok && !slices.Contains(words, strings.ToLower(id)) {
				out = append(out, ref{property, id, kinds})
			}
		}
	}
	switch d.kind.odata {
	case "conditionalAccessPolicy":
		take("conditions.users.includeUsers", "user")
		take("conditions.users.excludeUsers", "user")
		take("conditions.users.includeGroups", "group")
		take("conditions.users.excludeGroups", "group")
		take("conditions.applications.includeApplications", "application")
		take("conditions.applications.excludeApplications", "application")
	case "windowsManagedAppProtection":
		assignments, _ := d.body["assignments"].([]any)
		for i, a := range assignments {
			if id, ok := dig(a, "target", "groupId").(string); ok && id != "" {
				out = append(out, ref{fmt.Sprintf("assignments[%d].target.groupId", i), id, []string{"group"}})
			}
		}
	case "group":
		for _, id := range bindings(d.body) {
			out = append(out, ref{"members@odata.bind", id, []string{"user", "group"}})
		}
	case "mobileThreatDefenseConnector":
		out = append(out, ref{"id", text(d.body, "id"), []string{"application"}})
	}
	return out
}

// words stand among identifiers and name no object. The service knows which of
// them it takes.
var words = []string{"all", "none", "guestsorexternalusers", "office365", "microsoftadminportals"}

func bindings(o map[string]any) []string {
	list, _ := o["members@odata.bind"].([]any)
	var out []string
	for _, v := range list {
		s, _ := v.(string)
		s = strings.TrimRight(s, "/")
		out = append(out, s[strings.LastIndex(s, "/")+1:])
	}
	return out
}

// resolve reports a reference that names nothing.
func (p *planner) resolve(ctx context.Context, d Document, r ref) error {
	if p.promised[r.id] {
		return nil
	}
	for _, k := range kinds() {
		if !slices.Contains(r.kinds, k.odata) {
			continue
		}
		objects, err := p.objects(ctx, k)
		if err != nil {
			return err
		}
		key := "id"
		if k.odata == "application" {
			key = "appId"
		}
		if slices.ContainsFunc(objects, func(o map[string]any) bool { return text(o, key) == r.id }) {
			return nil
		}
	}
	p.fault(d, "%s is %q; neither the service nor the input has such a %s", r.property, r.id, strings.Join(r.kinds, " or "))
	return nil
}
