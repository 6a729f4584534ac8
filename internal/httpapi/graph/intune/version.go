package intune

import (
	"net/http"
	"strconv"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

// untyped is the context of a list that Graph has no word for.
const untyped = "Collection(Edm.Untyped)"

// versions lists what happened to a policy, newest first. It outlives the policy.
func (s policies[T]) versions(c *graph.Call) error {
	if err := s.reachable(c); err != nil {
		return err
	}
	return c.Answer(graph.List{Path: untyped, Kind: untyped, Natural: "dateTime desc", Page: func(after string, limit int) ([]graph.Row, error) {
		entries, err := s.Items(c).History(c.Ctx, c.Tenant(), c.Key(0), admin.EntryQuery{After: after, Limit: limit})
		var rows []graph.Row
		for _, e := range entries {
			rows = append(rows, graph.Row{ID: e.ID, View: viewVersion(e)})
		}
		return rows, err
	}})
}

// reachable refuses a policy, be it there or in the record alone, that the caller
// may not see.
func (s policies[T]) reachable(c *graph.Call) error {
	tags, err := s.tagsOf(c)
	if err == nil && !c.May(s.Actions.Read, tags) {
		err = fault.New(fault.NotFound, "there is no %q in %s that you may see", c.Key(0), s.Path)
	}
	return err
}

// tagsOf are the scope tags of a policy, or those that a deleted one had.
func (s policies[T]) tagsOf(c *graph.Call) ([]string, error) {
	p, err := s.Items(c).Get(c.Ctx, c.Tenant(), c.Key(0))
	if err == nil {
		return *s.Tags(&p), nil
	}
	if fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	entries, failed := s.Items(c).History(c.Ctx, c.Tenant(), c.Key(0), admin.EntryQuery{Limit: 1})
	switch {
	case failed != nil:
		return nil, failed
	case len(entries) == 0:
		return nil, err
	}
	return entries[0].ScopeTags, nil
}

func viewVersion(e audit.Entry) map[string]any {
	changed := []any{}
	for _, m := range audit.Changes(e.Before, e.After) {
		changed = append(changed, map[string]any{"property": m.Property, "oldValue": graph.Text(m.Old), "newValue": graph.Text(m.New)})
	}
	return map[string]any{
		"id": e.ID, "revision": e.Revision, "version": graph.ETag(e.Revision), "dateTime": graph.StampOrNever(e.At), "operation": string(e.Operation),
		"displayName": e.Name, "correlationId": graph.Text(e.Actor.CorrelationID), "changes": changed,
		"actor": map[string]any{
			"userId": graph.Text(string(e.Actor.User)), "applicationId": graph.Text(string(e.Actor.Client)),
			"name": graph.Text(e.Actor.Name), "ipAddress": graph.Text(e.Actor.Address),
		},
	}
}

// restore makes a policy again what it was at a revision, assignments included.
func (s policies[T]) restore(c *graph.Call) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	revision := 0
	o.Number("revision", &revision)
	if revision < 1 {
		o.Refuse("revision", "is %s; it must be one that postern.versions lists", strconv.Itoa(revision))
	}
	if err := o.Err(); err != nil {
		return err
	}
	if err := s.reachable(c); err != nil {
		return err
	}
	p, err := s.Restore(c, c.Key(0), int64(revision))
	if err != nil {
		return err
	}
	return s.Answer(c, http.StatusOK, p)
}
