package entra

import (
	"context"
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

func (d *Area) groupRoutes() []graph.Route {
	groups := d.groups()
	routes := append(groups.Routes(), d.memberships("groups", directory.GroupRead, groups.Path, func(c *graph.Call) (string, error) {
		g, err := groups.One(c)
		return string(g.ID), err
	})...)
	for i := range routes {
		if routes[i].Method == http.MethodPatch && routes[i].Pattern == "groups/{}" {
			routes[i].Do = d.patchGroup
		}
	}
	for _, r := range []relation{{"members", d.members}, {"transitiveMembers", d.transitiveMembers}, {"owners", d.owners}} {
		routes = append(routes, d.relationRoutes(r)...)
	}
	return append(routes,
		post("groups/{}/members/$ref", directory.GroupWrite, d.filling(d.enter("members", func(room *admin.Service) change { return room.AddMember }))),
		remove("groups/{}/members/{}/$ref", directory.GroupWrite, d.filling(d.leave(func(room *admin.Service) change { return room.RemoveMember }))),
		post("groups/{}/owners/$ref", directory.GroupWrite, d.enter("owners", func(room *admin.Service) change { return room.AddOwner })),
		remove("groups/{}/owners/{}/$ref", directory.GroupWrite, d.leave(func(room *admin.Service) change { return room.RemoveOwner })),
	)
}

// change adds to a relation of a group, or takes out of it.
type change func(ctx context.Context, t directory.TenantID, g directory.GroupID, id string) error

// relation is a way in which directory objects are related to a group.
type relation struct {
	name string
	list func(c *graph.Call, g directory.GroupID, q admin.Query) ([]directory.Member, error)
}

func (d *Area) members(c *graph.Call, g directory.GroupID, q admin.Query) ([]directory.Member, error) {
	return d.as(c).Members(c.Ctx, c.Tenant(), g, q)
}

func (d *Area) transitiveMembers(c *graph.Call, g directory.GroupID, q admin.Query) ([]directory.Member, error) {
	return d.as(c).TransitiveMembers(c.Ctx, c.Tenant(), g, q)
}

func (d *Area) owners(c *graph.Call, g directory.GroupID, q admin.Query) ([]directory.Member, error) {
	return d.as(c).Owners(c.Ctx, c.Tenant(), g, q)
}

func (d *Area) relationRoutes(r relation) []graph.Route {
	path := "groups/{}/" + r.name
	of := func(c *graph.Call, kind directory.MemberKind) (graph.List, error) {
		g, err := d.groups().One(c)
		return d.related(c, g.ID, r, kind), err
	}
	answer := func(kind directory.MemberKind) func(c *graph.Call) error {
		return func(c *graph.Call) error {
			l, err := of(c, kind)
			if err != nil {
				return err
			}
			return c.Answer(l)
		}
	}
	return []graph.Route{
		get(path, directory.GroupRead, answer("")),
		get(path+"/$count", directory.GroupRead, func(c *graph.Call) error {
			l, err := of(c, "")
			if err != nil {
				return err
			}
			return c.Total(l)
		}),
		get(path+"/$ref", directory.GroupRead, answer(onlyReference)),
		get(path+"/graph.user", directory.GroupRead, answer(directory.MemberUser)),
		get(path+"/graph.group", directory.GroupRead, answer(directory.MemberGroup)),
		get(path+"/graph.device", directory.GroupRead, answer("device")),
		get(path+"/graph.servicePrincipal", directory.GroupRead, answer(directory.MemberApp)),
	}
}

// onlyReference asks for the URLs of members instead of the members.
const onlyReference directory.MemberKind = "$ref"

// related is a relation of a group as a list, of one kind of objects or, with "",
// of all.
func (d *Area) related(c *graph.Call, g directory.GroupID, r relation, kind directory.MemberKind) graph.List {
	declared, path := "graph.directoryObject", "groups/"+string(g)+"/"+r.name
	switch kind {
	case "":
	case onlyReference:
		path = "Collection($ref)"
	default:
		declared = "graph." + string(kind)
	}
	return graph.List{Path: path, Kind: declared, Directory: true, Page: func(after string, limit int) ([]graph.Row, error) {
		q := admin.Query{After: after, Limit: limit}
		var rows []graph.Row
		for {
			found, err := r.list(c, g, q)
			if err != nil {
				return nil, err
			}
			for _, m := range found {
				q.After = m.ID
				if kind != "" && kind != onlyReference && m.Kind != kind {
					continue
				}
				v, err := d.member(c, m, kind == onlyReference)
				if fault.KindOf(err) == fault.NotFound {
					continue // deleted since
				}
				if err != nil {
					return nil, err
				}
				if rows = append(rows, graph.Row{ID: m.ID, View: v}); len(rows) == limit {
					return rows, nil
				}
			}
			if len(found) < limit {
				return rows, nil
			}
		}
	}}
}

func (d *Area) member(c *graph.Call, m directory.Member, reference bool) (any, error) {
	if reference {
		return map[string]any{"@odata.id": c.Base() + "/directoryObjects/" + m.ID}, nil
	}
	return d.object(c, m)
}

// object is a directory object as it appears among others.
func (d *Area) object(c *graph.Call, m directory.Member) (any, error) {
	switch m.Kind {
	case directory.MemberUser:
		u, err := d.as(c).Users().Get(c.Ctx, c.Tenant(), m.ID)
		return permitted(c, directory.UserRead, viewUser(u)), err
	case directory.MemberApp:
		return d.principal(c, m.ID)
	}
	g, err := d.as(c).Groups().Get(c.Ctx, c.Tenant(), m.ID)
	return permitted(c, directory.GroupRead, viewGroup(g)), err
}

// principal is the service principal with an object identifier.
func (d *Area) principal(c *graph.Call, id string) (any, error) {
	a, err := d.as(c).AppByObjectID(c.Ctx, c.Tenant(), id)
	if err != nil {
		return nil, err
	}
	v, err := d.principals().View(c, a)
	return permitted(c, directory.ApplicationRead, v), err
}

// expandGroup lists members or owners inside a group: at most a hundred, as
// Graph does.
func (d *Area) expandGroup(c *graph.Call, g directory.Group, e odata.Expansion) (any, error) {
	list := d.members
	if e.Name == "owners" {
		list = d.owners
	}
	found, err := list(c, g.ID, admin.Query{Limit: 100})
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, m := range found {
		v, err := d.object(c, m)
		if fault.KindOf(err) == fault.NotFound {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// enter adds what the body refers to to a relation of the group in the path.
func (d *Area) enter(property string, add func(room *admin.Service) change) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		id, err := reference(c)
		if err != nil {
			return err
		}
		g, err := d.groups().One(c)
		if err != nil {
			return err
		}
		if err := add(d.as(c))(c.Ctx, c.Tenant(), g.ID, id); err != nil {
			return unresolved(notTwice(err, property), id)
		}
		return c.NoContent()
	}
}

// leave takes what the path names out of a relation of the group.
func (d *Area) leave(remove func(room *admin.Service) change) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		g, err := d.groups().One(c)
		if err != nil {
			return err
		}
		if err := remove(d.as(c))(c.Ctx, c.Tenant(), g.ID, c.Key(1)); err != nil {
			return unresolved(err, c.Key(1))
		}
		return c.NoContent()
	}
}

// memberships serves the groups that an object of a collection is in, direct
// and nested, as lists and as the actions that answer identifiers.
func (d *Area) memberships(path, needs, context string, of func(c *graph.Call) (string, error)) []graph.Route {
	direct := func(c *graph.Call, id string, q admin.Query) ([]directory.Group, error) {
		return d.as(c).MemberOf(c.Ctx, c.Tenant(), id, q)
	}
	nested := func(c *graph.Call, id string, q admin.Query) ([]directory.Group, error) {
		return d.as(c).TransitiveMemberOf(c.Ctx, c.Tenant(), id, q)
	}
	var routes []graph.Route
	for relation, list := range map[string]func(*graph.Call, string, admin.Query) ([]directory.Group, error){"memberOf": direct, "transitiveMemberOf": nested} {
		whole := func(c *graph.Call) (graph.List, error) {
			id, err := of(c)
			return graph.List{Path: context + "/" + id + "/" + relation, Kind: "graph.directoryObject", Directory: true, Page: func(after string, limit int) ([]graph.Row, error) {
				found, err := list(c, id, admin.Query{After: after, Limit: limit})
				var rows []graph.Row
				for _, g := range found {
					rows = append(rows, graph.Row{ID: string(g.ID), View: permitted(c, directory.GroupRead, viewGroup(g))})
				}
				return rows, err
			}}, err
		}
		answer := func(do func(*graph.Call, graph.List) error) func(c *graph.Call) error {
			return func(c *graph.Call) error {
				l, err := whole(c)
				if err != nil {
					return err
				}
				return do(c, l)
			}
		}
		routes = append(routes,
			get(path+"/{}/"+relation, needs, answer((*graph.Call).Answer)),
			get(path+"/{}/"+relation+"/graph.group", needs, answer((*graph.Call).Answer)),
			get(path+"/{}/"+relation+"/$count", needs, answer((*graph.Call).Total)))
	}
	for _, action := range []string{"getMemberGroups", "getMemberObjects", "checkMemberGroups", "checkMemberObjects"} {
		routes = append(routes, post(path+"/{}/"+action, needs, func(c *graph.Call) error { return d.memberIDs(c, action, of) }))
	}
	return routes
}

// memberIDs answers the identifiers of the groups that an object is in, direct
// and nested; the check actions answer those of the ones asked for.
func (d *Area) memberIDs(c *graph.Call, action string, of func(c *graph.Call) (string, error)) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	var asked []string
	o.Texts("groupIds", &asked)
	o.Texts("ids", &asked)
	id, wrong := of(c)
	if err := first(o.Err(), wrong); err != nil {
		return err
	}
	checks := action == "checkMemberGroups" || action == "checkMemberObjects"
	ids := []string{}
	q := admin.Query{Limit: 500}
	for {
		found, err := d.as(c).TransitiveMemberOf(c.Ctx, c.Tenant(), id, q)
		if err != nil {
			return err
		}
		for _, g := range found {
			q.After = string(g.ID)
			if !checks || slices.Contains(asked, q.After) {
				ids = append(ids, q.After)
			}
		}
		if len(found) < q.Limit {
			return c.Value("Collection(Edm.String)", map[string]any{"value": ids})
		}
	}
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Area) objectRoutes() []graph.Route {
	return []graph.Route{
		get("directoryObjects/{}", directory.UserRead, d.getObject),
		post("directoryObjects/getByIds", directory.UserRead, d.getByIDs),
		post("users/getByIds", directory.UserRead, d.getByIDs),
		post("groups/getByIds", directory.GroupRead, d.getByIDs),
	}
}

func (d *Area) getObject(c *graph.Call) error {
	v, err := d.anyObject(c, c.Key(0))
	if err != nil {
		return err
	}
	return c.Entity(http.StatusOK, "directoryObjects", v)
}

// anyObject finds a directory object of any kind by its identifier.
func (d *Area) anyObject(c *graph.Call, id string) (any, error) {
	m, err := d.as(c).Member(c.Ctx, c.Tenant(), id)
	if err == nil {
		return d.object(c, m)
	}
	if fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	if v, err := d.as(c).Devices().Get(c.Ctx, c.Tenant(), id); err == nil {
		return permitted(c, directory.DeviceRead, viewDevice(v)), nil
	}
	v, err := d.principal(c, id)
	if err != nil {
		return nil, fault.New(fault.NotFound, "Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)
	}
	return v, nil
}

// getByIDs answers those of the objects asked for that exist.
func (d *Area) getByIDs(c *graph.Call) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	var ids, kinds []string
	o.Texts("ids", &ids)
	o.Texts("types", &kinds)
	if len(ids) == 0 || len(ids) > 1000 {
		o.Refuse("ids", "has %d identifiers; 1 to 1000 may be asked for at once", len(ids))
	}
	if err := o.Err(); err != nil {
		return err
	}
	views := []any{}
	for _, id := range ids {
		v, err := d.anyObject(c, id)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		doc, err := graph.Document(v)
		if err != nil {
			return err
		}
		kind, _ := doc["@odata.type"].(string)
		if len(kinds) == 0 || slices.Contains(kinds, kind[len("#microsoft.graph."):]) || slices.Contains(kinds, "directoryObject") {
			views = append(views, doc)
		}
	}
	return c.Answer(graph.Rows("directoryObjects", "graph.directoryObject", views))
}
