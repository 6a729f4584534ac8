package tenantadmin

import (
	"net/http"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

const (
	definitionsPath = "deviceManagement/roleDefinitions"
	assignmentsPath = "deviceManagement/roleAssignments"
	tagsPath        = "deviceManagement/roleScopeTags"
)

func viewRole(c *graph.Call, r directory.RoleDefinition) (any, error) {
	permission := []any{map[string]any{
		"resourceActions": []any{map[string]any{"allowedResourceActions": graph.Texts(r.Actions), "notAllowedResourceActions": []string{}}},
	}}
	out := map[string]any{
		"@odata.type": "#microsoft.graph.deviceAndAppManagementRoleDefinition", "id": r.ID, "displayName": r.DisplayName,
		"description": graph.Text(r.Description), "isBuiltIn": r.BuiltIn, "rolePermissions": permission,
	}
	if c.Version == graph.Beta {
		permission[0].(map[string]any)["actions"] = graph.Texts(r.Actions)
		out["permissions"], out["isBuiltInRoleDefinition"], out["roleScopeTagIds"] = permission, r.BuiltIn, graph.Texts(r.ScopeTags)
	}
	return out, nil
}

// takeRole reads rolePermissions, or permissions, its older name. A role that
// forbids what it allows elsewhere does not exist here.
func takeRole(c *graph.Call, o *odata.Object, r *directory.RoleDefinition) {
	if r.Revision == 0 {
		r.Tenant = c.Tenant()
	}
	o.Text("displayName", &r.DisplayName)
	o.Text("description", &r.Description)
	o.Texts("roleScopeTagIds", &r.ScopeTags)
	for _, name := range []string{"permissions", "rolePermissions"} {
		if !o.Has(name) {
			continue
		}
		r.Actions = nil
		for _, p := range o.Objects(name) {
			for _, a := range p.Objects("resourceActions") {
				var allowed, forbidden []string
				a.Texts("allowedResourceActions", &allowed)
				a.Texts("notAllowedResourceActions", &forbidden)
				if len(forbidden) > 0 {
					a.Refuse("notAllowedResourceActions", "is %q; a role lists what it allows and nothing else, so leave it empty", forbidden)
				}
				r.Actions = append(r.Actions, allowed...)
			}
		}
	}
}

func (d *Area) definitions() graph.Set[directory.RoleDefinition] {
	return graph.Set[directory.RoleDefinition]{
		Path: definitionsPath, Kind: "graph.roleDefinition", Read: directory.RBACRead, Write: directory.RBACWrite, Name: "displayName",
		Patched: http.StatusOK,
		Actions: graph.Actions{Read: directory.RolesRead, Create: directory.RolesCreate, Update: directory.RolesUpdate, Delete: directory.RolesDelete},
		Items:   func(c *graph.Call) admin.Collection[directory.RoleDefinition] { return d.as(c).RoleDefinitions() },
		ID:      func(r directory.RoleDefinition) string { return r.ID }, Revision: func(r directory.RoleDefinition) int64 { return r.Revision },
		Tags: func(r *directory.RoleDefinition) *[]string { return &r.ScopeTags },
		View: viewRole, Take: takeRole,
		Guard: func(c *graph.Call, _ *odata.Object, old, r directory.RoleDefinition) error {
			return d.as(c).MayDefine(c.Ctx, c.Who, c.Authority, old, r)
		},
		Expands: []string{"roleAssignments"}, Expand: func(c *graph.Call, r directory.RoleDefinition, _ odata.Expansion) (any, error) {
			return d.assignmentsOf(c, r.ID)
		},
	}
}

func (d *Area) viewAssignment(c *graph.Call, a directory.RoleAssignment) (any, error) {
	scopeType := "resourceScope"
	if len(a.Scopes) == 0 {
		scopeType = "allDevicesAndLicensedUsers"
	}
	out := map[string]any{
		"@odata.type": "#microsoft.graph.deviceAndAppManagementRoleAssignment", "id": a.ID, "displayName": a.DisplayName,
		"description": graph.Text(a.Description), "resourceScopes": graph.Texts(a.Scopes), "members": graph.Texts(a.Members),
	}
	if c.Version == graph.Beta {
		out["scopeMembers"], out["scopeType"], out["roleScopeTagIds"] = graph.Texts(a.Scopes), scopeType, graph.Texts(a.ScopeTags)
	}
	return out, nil
}

func takeAssignment(c *graph.Call, o *odata.Object, a *directory.RoleAssignment) {
	if a.Revision == 0 {
		a.Tenant = c.Tenant()
	}
	o.Text("displayName", &a.DisplayName)
	o.Text("description", &a.Description)
	scopes, members := graph.Texts(a.Scopes), graph.Texts(a.Members)
	o.Texts("scopeMembers", &scopes)
	o.Texts("resourceScopes", &scopes)
	o.Texts("members", &members)
	a.Scopes, a.Members = graph.Typed[directory.GroupID](scopes), graph.Typed[directory.GroupID](members)
	o.Texts("roleScopeTagIds", &a.ScopeTags)
	role := ""
	o.Text("roleDefinition@odata.bind", &role)
	if role != "" {
		a.Role = graph.LastSegment(role)
	}
	if r := o.Object("roleDefinition"); r != nil {
		r.Text("id", &a.Role)
	}
	if a.Role == "" {
		o.Refuse("roleDefinition@odata.bind", "is missing; it must be the URL of the role that is assigned")
	}
}

func (d *Area) assignments() graph.Set[directory.RoleAssignment] {
	return graph.Set[directory.RoleAssignment]{
		Path: assignmentsPath, Kind: "graph.deviceAndAppManagementRoleAssignment", Read: directory.RBACRead, Write: directory.RBACWrite,
		Name: "displayName", Patched: http.StatusOK,
		Actions: graph.Actions{Read: directory.RolesRead, Create: directory.RolesAssign, Update: directory.RolesAssign, Delete: directory.RolesAssign},
		Items:   func(c *graph.Call) admin.Collection[directory.RoleAssignment] { return d.as(c).RoleAssignments() },
		ID:      func(a directory.RoleAssignment) string { return a.ID }, Revision: func(a directory.RoleAssignment) int64 { return a.Revision },
		View: d.viewAssignment, Take: takeAssignment,
		Guard: func(c *graph.Call, _ *odata.Object, old, a directory.RoleAssignment) error {
			return d.as(c).MayAssign(c.Ctx, c.Who, c.Authority, old, a)
		},
		Expands: []string{"roleDefinition", "roleScopeTags"}, Expand: d.expandAssignment,
	}
}

func (d *Area) expandAssignment(c *graph.Call, a directory.RoleAssignment, e odata.Expansion) (any, error) {
	if e.Name == "roleScopeTags" {
		return d.tagsOf(c, a)
	}
	r, err := d.as(c).RoleDefinitions().Get(c.Ctx, c.Tenant(), a.Role)
	if fault.KindOf(err) == fault.NotFound || err == nil && !c.May(directory.RolesRead, r.ScopeTags) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return viewRole(c, r)
}

func (d *Area) tagsOf(c *graph.Call, a directory.RoleAssignment) ([]any, error) {
	return d.tagsNamed(c, a.ScopeTags)
}

// tagsNamed are the tags with these identifiers, those that exist.
func (d *Area) tagsNamed(c *graph.Call, ids []string) ([]any, error) {
	views := []any{}
	for _, id := range ids {
		t, err := d.as(c).ScopeTags().Get(c.Ctx, c.Tenant(), id)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		views = append(views, viewTag(t))
	}
	return views, nil
}

// maxTags is how many tags may be asked for at once.
const maxTags = 1000

// tagsByID answers those of the tags asked for that exist.
func (d *Area) tagsByID(c *graph.Call) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	var ids []string
	o.Texts("roleScopeTagIds", &ids)
	if len(ids) > maxTags {
		o.Refuse("roleScopeTagIds", "has %d identifiers; up to %d may be asked for at once", len(ids), maxTags)
	}
	if err := o.Err(); err != nil {
		return err
	}
	views, err := d.tagsNamed(c, ids)
	if err != nil {
		return err
	}
	return c.Answer(graph.Rows(tagsPath, "graph.roleScopeTag", views))
}

// assignmentsOf lists the assignments of a role.
func (d *Area) assignmentsOf(c *graph.Call, role string) ([]any, error) {
	views := []any{}
	var failed error
	err := d.as(c).RoleAssignments().All(c.Ctx, c.Tenant(), func(a directory.RoleAssignment) bool {
		if a.Role != role {
			return true
		}
		v, err := d.viewAssignment(c, a)
		views, failed = append(views, v), err
		return err == nil
	})
	if err == nil {
		err = failed
	}
	return views, err
}

func viewTag(t directory.ScopeTag) any {
	return map[string]any{
		"@odata.type": "#microsoft.graph.roleScopeTag", "id": t.ID, "displayName": t.DisplayName, "description": graph.Text(t.Description), "isBuiltIn": t.BuiltIn,
	}
}

func (d *Area) tags() graph.Set[directory.ScopeTag] {
	return graph.Set[directory.ScopeTag]{
		Path: tagsPath, Kind: "graph.roleScopeTag", Beta: true, Read: directory.RBACRead, Write: directory.RBACWrite, Name: "displayName",
		Patched: http.StatusOK,
		Actions: graph.Actions{Read: directory.RolesRead, Create: directory.RolesCreate, Update: directory.RolesUpdate, Delete: directory.RolesDelete},
		Items:   func(c *graph.Call) admin.Collection[directory.ScopeTag] { return d.as(c).ScopeTags() },
		ID:      func(t directory.ScopeTag) string { return t.ID }, Revision: func(t directory.ScopeTag) int64 { return t.Revision },
		View: func(_ *graph.Call, t directory.ScopeTag) (any, error) { return viewTag(t), nil },
		Take: func(c *graph.Call, o *odata.Object, t *directory.ScopeTag) {
			if t.Revision == 0 {
				t.Tenant = c.Tenant()
			}
			o.Text("displayName", &t.DisplayName)
			o.Text("description", &t.Description)
		},
	}
}

func (d *Area) roleRoutes() []graph.Route {
	read := func(pattern string, beta bool, do func(*graph.Call) error) graph.Route {
		return graph.Route{Method: http.MethodGet, Pattern: pattern, Needs: directory.RBACRead, Action: directory.RolesRead, Beta: beta, Do: do}
	}
	routes := append(d.definitions().Routes(), d.assignments().Routes()...)
	routes = append(routes, d.tags().Routes()...)
	return append(routes,
		read(definitionsPath+"/{}/roleAssignments", false, func(c *graph.Call) error {
			r, err := d.definitions().One(c)
			if err != nil {
				return err
			}
			views, err := d.assignmentsOf(c, r.ID)
			if err != nil {
				return err
			}
			return c.Answer(graph.Rows(definitionsPath+"/"+r.ID+"/roleAssignments", "graph.roleAssignment", views))
		}),
		read(assignmentsPath+"/{}/roleDefinition", false, func(c *graph.Call) error {
			a, err := d.assignments().One(c)
			if err != nil {
				return err
			}
			v, err := d.expandAssignment(c, a, odata.Expansion{Name: "roleDefinition"})
			if err == nil && v == nil {
				err = fault.New(fault.NotFound, "there is no role of this assignment that you may see")
			}
			if err != nil {
				return err
			}
			return c.Entity(http.StatusOK, definitionsPath, v)
		}),
		read(assignmentsPath+"/{}/roleScopeTags", true, func(c *graph.Call) error {
			a, err := d.assignments().One(c)
			if err != nil {
				return err
			}
			views, err := d.tagsOf(c, a)
			if err != nil {
				return err
			}
			return c.Answer(graph.Rows(assignmentsPath+"/"+a.ID+"/roleScopeTags", "graph.roleScopeTag", views))
		}),
		graph.Route{Method: http.MethodPost, Pattern: tagsPath + "/getRoleScopeTagsById", Needs: directory.RBACRead, Action: directory.RolesRead, Beta: true, Do: d.tagsByID},
		read(tagsPath+"/hasCustomRoleScopeTag", true, func(c *graph.Call) error {
			n, err := d.as(c).ScopeTags().Count(c.Ctx, c.Tenant())
			if err != nil {
				return err
			}
			return c.Value("Edm.Boolean", n > 1)
		}),
		read(tagsPath+"/{}/assignments", true, func(c *graph.Call) error {
			return c.Answer(graph.Rows(tagsPath+"/"+c.Key(0)+"/assignments", "graph.roleScopeTagAutoAssignment", nil))
		}),
	)
}
