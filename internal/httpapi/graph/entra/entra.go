// Package entra serves the directory at the Graph door: users, groups with
// members and owners, devices, applications, service principals, the
// organization and directory objects.
//
// Here an application and its service principal are one object with two faces,
// and a device's identifier is also its deviceId and the deviceTag of what is
// registered on it.
package entra

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

// Area is the directory, as the door serves it.
type Area struct {
	Admin *admin.Service
	port  string // of the public URL, with its colon; "" for the default port
}

// New returns the area. baseURL is the public URL, under which sites are published.
func New(room *admin.Service, baseURL string) *Area {
	a := &Area{Admin: room}
	if u, err := url.Parse(baseURL); err == nil && u.Port() != "" && u.Port() != "443" {
		a.port = ":" + u.Port()
	}
	return a
}

// as is the room with the caller's name on what it records.
func (d *Area) as(c *graph.Call) *admin.Service { return c.Room(d.Admin) }

// Routes lists what is served, with the permission that each needs.
func (d *Area) Routes() []graph.Route {
	return slices.Concat(d.userRoutes(), d.groupRoutes(), d.deviceRoutes(), d.appRoutes(), d.objectRoutes(), []graph.Route{
		{Method: http.MethodGet, Pattern: "organization", Needs: directory.OrganizationRead, Do: d.listTenants},
	}, slices.DeleteFunc(d.tenants().Routes(), func(rt graph.Route) bool {
		return rt.Pattern != "organization/{}" || rt.Method == http.MethodDelete
	}))
}

func get(pattern, needs string, do func(*graph.Call) error) graph.Route {
	return graph.Route{Method: http.MethodGet, Pattern: pattern, Needs: needs, Do: do}
}

func post(pattern, needs string, do func(*graph.Call) error) graph.Route {
	return graph.Route{Method: http.MethodPost, Pattern: pattern, Needs: needs, Do: do}
}

func remove(pattern, needs string, do func(*graph.Call) error) graph.Route {
	return graph.Route{Method: http.MethodDelete, Pattern: pattern, Needs: needs, Do: do}
}
