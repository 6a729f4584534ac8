package conditional

import (
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/access/template"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

const templatesPath = "identity/conditionalAccess/templates"

func (d *Area) viewTemplate(c *graph.Call, v template.Template) (map[string]any, error) {
	detail, err := d.detail(c, v.Policy)
	return map[string]any{
		"@odata.type": "#microsoft.graph.conditionalAccessTemplate", "id": v.ID, "name": v.Name, "description": v.Description,
		"scenarios": strings.Join(graph.Texts(v.Scenarios), ","), "details": detail,
	}, err
}

func (d *Area) templates(c *graph.Call) (graph.List, error) {
	var views []any
	for _, v := range template.Templates() {
		view, err := d.viewTemplate(c, v)
		if err != nil {
			return graph.List{}, err
		}
		views = append(views, view)
	}
	return graph.Rows(templatesPath, "graph.conditionalAccessTemplate", views), nil
}

func (d *Area) oneTemplate(c *graph.Call) error {
	for _, v := range template.Templates() {
		if strings.EqualFold(v.ID, c.Key(0)) {
			view, err := d.viewTemplate(c, v)
			if err != nil {
				return err
			}
			return c.Entity(http.StatusOK, templatesPath, view)
		}
	}
	return fault.New(fault.NotFound, "there is no template %q", c.Key(0))
}

func (d *Area) templateRoutes() []graph.Route {
	get := func(pattern string, do func(c *graph.Call) error) graph.Route {
		return graph.Route{Method: http.MethodGet, Pattern: pattern, Needs: directory.AccessRead, Do: do}
	}
	list := func(answer func(c *graph.Call, l graph.List) error) func(c *graph.Call) error {
		return func(c *graph.Call) error {
			l, err := d.templates(c)
			if err != nil {
				return err
			}
			return answer(c, l)
		}
	}
	return []graph.Route{
		get(templatesPath, list(func(c *graph.Call, l graph.List) error { return c.Answer(l) })),
		get(templatesPath+"/$count", list(func(c *graph.Call, l graph.List) error { return c.Total(l) })),
		get(templatesPath+"/{}", d.oneTemplate),
	}
}
