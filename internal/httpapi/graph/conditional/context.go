package conditional

import (
	"net/http"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/strength"
)

type authenticationContext struct {
	Type        string  `json:"@odata.type"`
	ID          string  `json:"id"`
	DisplayName *string `json:"displayName"`
	Description *string `json:"description"`
	IsAvailable bool    `json:"isAvailable"`
}

func (d *Area) contexts() graph.Set[strength.Context] {
	return graph.Set[strength.Context]{
		Path: "identity/conditionalAccess/authenticationContextClassReferences", Kind: "graph.authenticationContextClassReference",
		Read: directory.AccessRead, Write: directory.AccessWrite, Name: "displayName", Patched: http.StatusNoContent,
		Items:    func(c *graph.Call) admin.Collection[strength.Context] { return d.as(c).Contexts() },
		ID:       func(v strength.Context) string { return v.ID },
		Revision: func(v strength.Context) int64 { return v.Revision },
		View: func(_ *graph.Call, v strength.Context) (any, error) {
			return authenticationContext{
				"#microsoft.graph.authenticationContextClassReference", v.ID, graph.Text(v.DisplayName), graph.Text(v.Description), v.Available,
			}, nil
		},
		Take: takeContext,
	}
}

// takeContext takes over the body of a context. Its number is in the path of a
// PATCH and in the body of a POST.
func takeContext(c *graph.Call, o *odata.Object, v *strength.Context) {
	v.Tenant = c.Tenant()
	id := v.ID
	if o.Text("id", &id); v.ID != "" && id != v.ID {
		o.Refuse("id", "is %q and the path names %q; an authentication context keeps its number", id, v.ID)
	} else {
		v.ID = id
	}
	o.Text("displayName", &v.DisplayName)
	o.Text("description", &v.Description)
	o.Flag("isAvailable", &v.Available)
}

// patchContext changes a context, or creates it under a number that is free.
func (d *Area) patchContext(c *graph.Call) error {
	set := d.contexts()
	set.Find = func(c *graph.Call, key odata.Segment) (strength.Context, error) {
		v, err := set.Items(c).Get(c.Ctx, c.Tenant(), key.Text)
		if fault.KindOf(err) == fault.NotFound {
			return strength.Context{ID: key.Text}, nil // what is no number is refused when it is saved
		}
		return v, err
	}
	return set.Patch(c)
}

func (d *Area) contextRoutes() []graph.Route {
	routes := d.contexts().Routes()
	for i := range routes {
		if routes[i].Method == http.MethodPatch {
			routes[i].Do = d.patchContext
		}
	}
	return routes
}
