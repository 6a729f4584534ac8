package graphclient

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

// Changing returns how many changes are to be made.
func (p Plan) Changing() int { return len(p.Changes) - p.Count(Keep) }

// Apply carries a plan out and calls done after each change that was made. When
// one fails, the error says which, and that those after it were not tried.
func (c *Client) Apply(ctx context.Context, p Plan, done func(Change)) error {
	all := p.Changing()
	made := 0
	for _, ch := range p.Changes {
		if ch.Action == Keep {
			continue
		}
		if err := c.carryOut(ctx, p, &ch); err != nil {
			return fmt.Errorf("%s: %w; %d of %d changes were made before it, %d were not tried", ch.doc, err, made, all, all-made-1)
		}
		made++
		done(ch)
	}
	return nil
}

func (c *Client) carryOut(ctx context.Context, p Plan, ch *Change) error {
	k, body := ch.doc.Kind, p.ids.Rewrite(ch.doc.Body)
	one := k.Path + "/" + ch.ID
	switch ch.Action {
	case Create:
		return c.create(ctx, p, ch, k.Outgoing(body, nil))
	case Delete:
		return c.do(ctx, http.MethodDelete, one, nil, nil)
	case Update, Keep:
	}
	plain := slices.Clone(ch.changed)
	for _, name := range slices.Sorted(maps.Keys(k.Actions)) {
		i := slices.Index(plain, name)
		if i < 0 {
			continue
		}
		plain = slices.Delete(plain, i, i+1)
		if err := c.do(ctx, http.MethodPost, one+"/"+k.Actions[name], map[string]any{name: list(body[name])}, nil); err != nil {
			return err
		}
	}
	if len(plain) > 0 {
		if err := c.do(ctx, http.MethodPatch, one, c.bound(k.Outgoing(body, plain)), nil); err != nil {
			return err
		}
	}
	for _, id := range ch.add {
		reference := map[string]any{"@odata.id": c.cfg.Endpoint + "/v1.0/directoryObjects/" + p.ids.Of(id)}
		if err := c.do(ctx, http.MethodPost, one+"/members/$ref", reference, nil); err != nil {
			return err
		}
	}
	return nil
}

// create posts a new object and remembers which identifiers it got.
func (c *Client) create(ctx context.Context, p Plan, ch *Change, body map[string]any) error {
	if members := document.Members(body); len(members) > 0 {
		urls := make([]any, len(members))
		for i, id := range members {
			urls[i] = c.cfg.Endpoint + "/v1.0/directoryObjects/" + p.ids.Of(id)
		}
		body["members@odata.bind"] = urls
	}
	var made map[string]any
	if err := c.do(ctx, http.MethodPost, ch.doc.Kind.Path, c.bound(body), &made); err != nil {
		return err
	}
	ch.ID = document.Text(made, "id")
	for _, name := range []string{"id", "appId"} {
		if mine := document.Text(ch.doc.Body, name); mine != "" && document.Text(made, name) != "" {
			p.ids.Put(ch.doc.Kind, mine, document.Text(made, name))
		}
	}
	return nil
}

// bound says which role is assigned as Graph takes it: by its address.
func (c *Client) bound(body map[string]any) map[string]any {
	if role := document.Text(document.Object(body["roleDefinition"]), "id"); role != "" {
		delete(body, "roleDefinition")
		body["roleDefinition@odata.bind"] = c.cfg.Endpoint + "/beta/deviceManagement/roleDefinitions/" + role
	}
	return body
}

func list(v any) any {
	if v == nil {
		return []any{}
	}
	return v
}
