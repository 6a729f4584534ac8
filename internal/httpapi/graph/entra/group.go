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

type group struct {
	Type            string   `json:"@odata.type"`
	ID              string   `json:"id"`
	CreatedDateTime *string  `json:"createdDateTime"`
	Description     *string  `json:"description"`
	DisplayName     string   `json:"displayName"`
	GroupTypes      []string `json:"groupTypes"`
	MailEnabled     bool     `json:"mailEnabled"`
	MailNickname    *string  `json:"mailNickname"`
	MembershipRule  *string  `json:"membershipRule"`
	SecurityEnabled bool     `json:"securityEnabled"`
	UniqueName      *string  `json:"uniqueName"`
}

func viewGroup(g directory.Group) group {
	return group{
		Type: "#microsoft.graph.group", ID: string(g.ID), CreatedDateTime: graph.Stamp(g.CreatedAt), Description: graph.Text(g.Description),
		DisplayName: g.DisplayName, GroupTypes: []string{}, MailNickname: graph.Text(g.MailNickname), SecurityEnabled: true,
		UniqueName: graph.Text(g.UniqueName),
	}
}

func (d *Area) groups() graph.Set[directory.Group] {
	return graph.Set[directory.Group]{
		Path:  "groups",
		Items: func(c *graph.Call) admin.Collection[directory.Group] { return d.as(c).Groups() },
		Kind:  "graph.group", Read: directory.GroupRead, Write: directory.GroupWrite, Directory: true, Name: "displayName",
		Patched: http.StatusNoContent, Expands: []string{"members", "owners"}, Expand: d.expandGroup,
		ID:       func(g directory.Group) string { return string(g.ID) },
		Revision: func(g directory.Group) int64 { return g.Revision },
		View:     func(_ *graph.Call, g directory.Group) (any, error) { return viewGroup(g), nil },
		Take:     readGroup, Save: d.saveGroup, Find: d.findGroup, Guard: d.guardGroup,
	}
}

func (d *Area) findGroup(c *graph.Call, key odata.Segment) (directory.Group, error) {
	switch key.Property {
	case "", "id":
		return d.as(c).Groups().Get(c.Ctx, c.Tenant(), key.Text)
	case "uniqueName":
		return d.as(c).GroupByUniqueName(c.Ctx, c.Tenant(), key.Text)
	}
	return directory.Group{}, fault.New(fault.Invalid, "key property %q is not supported on groups; use the id or uniqueName", key.Property)
}

const (
	members = "members@odata.bind"
	owners  = "owners@odata.bind"
)

func readGroup(c *graph.Call, o *odata.Object, g *directory.Group) {
	if g.Revision == 0 {
		g.Tenant = c.Tenant()
	}
	o.Text("displayName", &g.DisplayName)
	o.Text("description", &g.Description)
	o.Text("mailNickname", &g.MailNickname)
	o.Text("uniqueName", &g.UniqueName)
	var types, bound []string
	mail, security, rule := false, true, ""
	o.Texts("groupTypes", &types)
	o.Flag("mailEnabled", &mail)
	o.Flag("securityEnabled", &security)
	o.Text("membershipRule", &rule)
	o.Texts(members, &bound)
	o.Texts(owners, &bound)
	if len(types) > 0 {
		o.Refuse("groupTypes", "is %q; only assigned security groups exist here, so it must be empty", types)
	}
	if mail {
		o.Refuse("mailEnabled", "is true; only security groups exist here, so it must be false")
	}
	if !security {
		o.Refuse("securityEnabled", "is false; only security groups exist here, so it must be true")
	}
	if rule != "" {
		o.Refuse("membershipRule", "is %q; membership by rule is not supported", rule)
	}
}

// bound is what a body binds to a group.
func bound(o *odata.Object, property string) []string {
	var urls []string
	o.Texts(property, &urls)
	for i := range urls {
		urls[i] = graph.LastSegment(urls[i])
	}
	return urls
}

// saveGroup saves a group and adds the members and owners that the body binds.
// All of them are looked up first, and a new group that cannot get them does not
// stay.
func (d *Area) saveGroup(c *graph.Call, o *odata.Object, g directory.Group) (directory.Group, error) {
	room := d.as(c)
	enter, own := bound(o, members), bound(o, owners)
	if err := first(d.resolve(c, "members", enter, room.Member), d.resolve(c, "owners", own, room.Owner)); err != nil {
		return g, err
	}
	created := g.Revision == 0
	g, err := room.Groups().Save(c.Ctx, g)
	if err != nil {
		return g, err
	}
	for i, id := range slices.Concat(enter, own) {
		property, add := "members", room.AddMember
		if i >= len(enter) {
			property, add = "owners", room.AddOwner
		}
		if err := add(c.Ctx, c.Tenant(), g.ID, id); err != nil {
			if created {
				_ = room.Groups().Delete(context.WithoutCancel(c.Ctx), c.Tenant(), string(g.ID)) // the first error says more
			}
			return g, notTwice(err, property)
		}
	}
	return g, nil
}

// resolve wants references that name something, each once.
func (d *Area) resolve(c *graph.Call, property string, ids []string, look func(context.Context, directory.TenantID, string) (directory.Member, error)) error {
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return alreadyReferenced(property)
		}
		if _, err := look(c.Ctx, c.Tenant(), id); err != nil {
			return unresolved(err, id)
		}
	}
	return nil
}

// patchGroup changes a group. One that is named by a unique name is made when it
// is not there and the caller wants that (Graph: upsert).
func (d *Area) patchGroup(c *graph.Call) error {
	groups := d.groups()
	key := c.Keys[0]
	if key.Property != "uniqueName" || !c.Prefers("create-if-missing") {
		return groups.Patch(c)
	}
	_, err := groups.One(c)
	if fault.KindOf(err) != fault.NotFound {
		return groups.Patch(c)
	}
	o, err := c.Body(groups.Kind)
	if err != nil {
		return err
	}
	groups.Take = func(c *graph.Call, o *odata.Object, g *directory.Group) {
		readGroup(c, o, g)
		g.UniqueName = key.Text
	}
	return groups.Create(c, o)
}
