package graphclient

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// rewrite replaces identifiers everywhere in a document.
func rewrite(body map[string]any, ids map[string]string) map[string]any {
	out, _ := replace(body, ids).(map[string]any)
	return out
}

func replace(v any, ids map[string]string) any {
	switch v := v.(type) {
	case string:
		if to, ok := ids[v]; ok {
			return to
		}
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = replace(out[i], ids)
		}
		return out
	case map[string]any:
		out := maps.Clone(v)
		for name := range out {
			out[name] = replace(out[name], ids)
		}
		return out
	}
	return v
}

// Apply carries a plan out and calls done after each change that was made. When
// one fails, the error says which, and that those after it were not tried.
func (c *Client) Apply(ctx context.Context, p Plan, done func(Change)) error {
	left := p.Count(Create) + p.Count(Update)
	for _, ch := range p.Changes {
		if ch.Action == Keep {
			continue
		}
		if err := c.carryOut(ctx, p, &ch); err != nil {
			return fmt.Errorf("%s: %w; %d of %d changes were made before it, %d were not tried",
				ch.doc, err, p.Count(Create)+p.Count(Update)-left, p.Count(Create)+p.Count(Update), left-1)
		}
		left--
		done(ch)
	}
	return nil
}

func (c *Client) carryOut(ctx context.Context, p Plan, ch *Change) error {
	k, body := ch.doc.kind, rewrite(ch.doc.body, p.ids)
	if ch.Action == Create {
		return c.create(ctx, p, ch, outgoing(k, body, nil))
	}
	one := k.path + "/" + ch.ID
	for _, name := range []string{"apps", "assignments"} {
		if i := slices.Index(ch.changed, name); i >= 0 && k.odata == "windowsManagedAppProtection" {
			action := map[string]string{"apps": "/targetApps", "assignments": "/assign"}[name]
			if err := c.do(ctx, http.MethodPost, one+action, map[string]any{name: list(body[name])}, nil); err != nil {
				return err
			}
			ch.changed = slices.Delete(slices.Clone(ch.changed), i, i+1)
		}
	}
	if len(ch.changed) > 0 {
		if err := c.do(ctx, http.MethodPatch, one, outgoing(k, body, ch.changed), nil); err != nil {
			return err
		}
	}
	for _, id := range ch.add {
		if to, ok := p.ids[id]; ok {
			id = to
		}
		reference := map[string]any{"@odata.id": c.cfg.Endpoint + "/v1.0/directoryObjects/" + id}
		if err := c.do(ctx, http.MethodPost, one+"/members/$ref", reference, nil); err != nil {
			return err
		}
	}
	return nil
}

// create posts a new object and remembers which identifiers it got.
func (c *Client) create(ctx context.Context, p Plan, ch *Change, body map[string]any) error {
	if bound := bindings(body); len(bound) > 0 {
		urls := make([]any, len(bound))
		for i, id := range bound {
			if to, ok := p.ids[id]; ok {
				id = to
			}
			urls[i] = c.cfg.Endpoint + "/v1.0/directoryObjects/" + id
		}
		body["members@odata.bind"] = urls
	}
	var made map[string]any
	if err := c.do(ctx, http.MethodPost, ch.doc.kind.path, body, &made); err != nil {
		return err
	}
	ch.ID = text(made, "id")
	for _, name := range []string{"id", "appId"} {
		if mine := text(ch.doc.body, name); mine != "" && text(made, name) != "" {
			p.ids[mine] = text(made, name)
		}
	}
	return nil
}

func list(v any) any {
	if v == nil {
		return []any{}
	}
	return v
}

// outgoing is the part of a document that is sent: the properties in only, or
// all but the service's own.
func outgoing(k kind, body map[string]any, only []string) map[string]any {
	out := map[string]any{"@odata.type": namespace + k.odata}
	for name, v := range body {
		switch {
		case only != nil && !slices.Contains(only, name):
		case name == "id" && k.odata == "mobileThreatDefenseConnector" && only == nil:
			out[name] = v
		case slices.Contains(readOnly, name), name == "appId":
		case strings.Contains(name, "@odata.") && name != "members@odata.bind":
		default:
			out[name] = v
		}
	}
	return out
}
