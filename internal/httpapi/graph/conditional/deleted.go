package conditional

import (
	"net/http"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/location"
)

const deletedPath = "identity/conditionalAccess/deletedItems/"

// bin serves what was deleted of one kind and can come back.
type bin[T any] struct {
	set  graph.Set[T] // of what is there
	path string
}

func (d *Area) deletedRoutes() []graph.Route {
	policies := bin[access.Policy]{d.accessPolicies(), deletedPath + "policies"}
	locations := bin[location.Location]{d.locations(), deletedPath + "namedLocations"}
	return append(policies.routes(), locations.routes()...)
}

func (b bin[T]) routes() []graph.Route {
	one := b.path + "/{}"
	return []graph.Route{
		{Method: http.MethodGet, Pattern: b.path, Needs: directory.AccessRead, Do: func(c *graph.Call) error { return c.Answer(b.list(c)) }},
		{Method: http.MethodGet, Pattern: b.path + "/$count", Needs: directory.AccessRead, Do: func(c *graph.Call) error { return c.Total(b.list(c)) }},
		{Method: http.MethodGet, Pattern: one, Needs: directory.AccessRead, Do: b.get},
		{Method: http.MethodDelete, Pattern: one, Needs: directory.AccessWrite, Do: b.purge},
		{Method: http.MethodPost, Pattern: one + "/restore", Needs: directory.AccessWrite, Do: b.restore},
		// Graph's documentation has it here, too: what was deleted still has its address.
		{Method: http.MethodPost, Pattern: b.set.Path + "/{}/restore", Needs: directory.AccessWrite, Do: b.restore},
	}
}

// view is an object as it was, and when that ended.
func (b bin[T]) view(c *graph.Call, v admin.Deleted[T]) (graph.Row, error) {
	row := graph.Row{ID: b.set.ID(v.Object)}
	seen, err := b.set.View(c, v.Object)
	if err != nil {
		return row, err
	}
	doc, err := graph.Document(seen)
	if err == nil {
		doc["deletedDateTime"] = *graph.Stamp(v.At)
	}
	row.View = doc
	return row, err
}

func (b bin[T]) list(c *graph.Call) graph.List {
	return graph.List{Path: b.path, Kind: b.set.Kind, Page: func(after string, limit int) ([]graph.Row, error) {
		found, err := b.set.Items(c).Deleted(c.Ctx, c.Tenant(), admin.Query{After: after, Limit: limit})
		if err != nil {
			return nil, err
		}
		rows := make([]graph.Row, len(found))
		for i, v := range found {
			if rows[i], err = b.view(c, v); err != nil {
				return nil, err
			}
		}
		return rows, nil
	}}
}

func (b bin[T]) get(c *graph.Call) error {
	v, err := b.set.Items(c).GetDeleted(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return err
	}
	row, err := b.view(c, v)
	if err != nil {
		return err
	}
	return c.One(http.StatusOK, b.path, row)
}

func (b bin[T]) purge(c *graph.Call) error {
	if err := b.set.Items(c).Purge(c.Ctx, c.Tenant(), c.Key(0)); err != nil {
		return err
	}
	return c.NoContent()
}

// restore answers what came back. A body says nothing that matters.
func (b bin[T]) restore(c *graph.Call) error {
	v, err := b.set.Items(c).Undelete(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return err
	}
	return b.set.Answer(c, http.StatusOK, v)
}
