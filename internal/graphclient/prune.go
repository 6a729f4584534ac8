package graphclient

import (
	"context"
	"fmt"
	"slices"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

// prune adds the deletion of what no document describes, for the kinds that the
// documents hold, last kinds first: what depends on others goes before them. What
// is built in stays, and so do users, applications, among them the one that asks,
// and the organization. What anything that stays refers to stays as well, and the
// plan says so: half of a policy's meaning would go with it.
func (p *planner) prune(ctx context.Context) error {
	going := map[string]*Change{} // type and identifier
	var order []*Change
	kinds := document.Kinds()
	for _, k := range slices.Backward(kinds) {
		if k.Kept || !slices.ContainsFunc(p.Changes, func(ch Change) bool { return ch.doc.Kind.OData == k.OData }) {
			continue
		}
		objects, err := p.objects(ctx, k)
		if err != nil {
			return err
		}
		for _, o := range objects {
			id := k.OData + " " + document.Text(o, "id")
			if _, described := p.taken[id]; described || k.BuiltIn(o) {
				continue
			}
			going[id] = &Change{Kind: k.Title, Name: k.Name(o), ID: document.Text(o, "id"), Action: Delete, doc: document.Document{Kind: k, Body: k.Exported(o)}}
			order = append(order, going[id])
		}
	}
	if len(going) == 0 {
		return nil
	}
	staying, err := p.staying(ctx, going)
	if err != nil {
		return err
	}
	keep(staying, going)
	for _, ch := range order {
		p.Changes = append(p.Changes, *ch)
	}
	return nil
}

// staying lists everything that will be there: the documents, and the objects
// that neither they nor the prune touch.
func (p *planner) staying(ctx context.Context, going map[string]*Change) ([]document.Document, error) {
	var out []document.Document
	for _, ch := range p.Changes {
		out = append(out, document.Document{Source: ch.Source, Kind: ch.doc.Kind, Body: p.ids.Rewrite(ch.doc.Body)})
	}
	for _, k := range document.Kinds() {
		objects, err := p.objects(ctx, k)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			id := k.OData + " " + document.Text(o, "id")
			if _, described := p.taken[id]; !described && going[id] == nil {
				out = append(out, document.Document{Kind: k, Body: k.Exported(o)})
			}
		}
	}
	return out, nil
}

// keep spares what staying refers to, and then what that refers to.
func keep(staying []document.Document, going map[string]*Change) {
	for len(staying) > 0 {
		d := staying[0]
		staying = staying[1:]
		for _, r := range document.References(d) {
			for _, odata := range r.Kinds {
				ch := going[odata+" "+r.ID]
				if ch == nil || ch.Action == Keep {
					continue
				}
				ch.Action, ch.Why = Keep, fmt.Sprintf("%s %q refers to it", d.Kind.Title, d.Name())
				staying = append(staying, ch.doc)
			}
		}
	}
}
