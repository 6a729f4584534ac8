package graph

import (
	"context"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
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
}

func viewGroup(g directory.Group) group {
	return group{
		Type: "#microsoft.graph.group", ID: string(g.ID), CreatedDateTime: stamp(g.CreatedAt), Description: text(g.Description),
		DisplayName: g.DisplayName, GroupTypes: []string{}, MailNickname: text(g.MailNickname), SecurityEnabled: true,
	}
}

func (d *Door) groups() resource[directory.Group] {
	return resource[directory.Group]{
		path: "groups", items: d.Admin.Groups(), name: "displayName", patched: http.StatusNoContent,
		id:       func(g directory.Group) string { return string(g.ID) },
		revision: func(g directory.Group) int64 { return g.Revision },
		view:     func(_ *call, g directory.Group) (any, error) { return viewGroup(g), nil },
		read:     readGroup, save: d.saveGroup,
		props: map[string]func(directory.Group) string{
			"id":           func(g directory.Group) string { return string(g.ID) },
			"displayName":  func(g directory.Group) string { return g.DisplayName },
			"mailNickname": func(g directory.Group) string { return g.MailNickname },
		},
	}
}

const members = "members@odata.bind"

func readGroup(c *call, o *odata.Object, g *directory.Group) {
	if g.Revision == 0 {
		g.Tenant = c.tenant()
	}
	o.Text("displayName", &g.DisplayName)
	o.Text("description", &g.Description)
	o.Text("mailNickname", &g.MailNickname)
	var types, bound []string
	mail, security, rule := false, true, ""
	o.Texts("groupTypes", &types)
	o.Flag("mailEnabled", &mail)
	o.Flag("securityEnabled", &security)
	o.Text("membershipRule", &rule)
	o.Texts(members, &bound)
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

// saveGroup saves a group and adds the members that the body binds. All of them
// are looked up first, and a new group that cannot get them does not stay.
func (d *Door) saveGroup(c *call, o *odata.Object, g directory.Group) (directory.Group, error) {
	var bound []string
	o.Texts(members, &bound)
	for i := range bound {
		bound[i] = lastSegment(bound[i])
		if _, err := d.Admin.Member(c.ctx, c.tenant(), bound[i]); err != nil {
			return g, unresolved(err, bound[i])
		}
	}
	created := g.Revision == 0
	g, err := d.Admin.Groups().Save(c.ctx, g)
	if err != nil {
		return g, err
	}
	for _, id := range bound {
		err := d.Admin.AddMember(c.ctx, c.tenant(), g.ID, id)
		if err == nil {
			continue
		}
		if created {
			_ = d.Admin.Groups().Delete(context.WithoutCancel(c.ctx), c.tenant(), string(g.ID)) // the first error says more
		}
		return g, notTwice(err)
	}
	return g, nil
}

// lastSegment is the identifier at the end of a reference; the host in it is
// whatever the client calls us.
func lastSegment(reference string) string {
	path, err := odata.ParsePath(strings.TrimRight(reference[strings.LastIndex(reference, "/")+1:], "/"))
	if err != nil || len(path) == 0 {
		return reference
	}
	return path[len(path)-1].Text
}

func unresolved(err error, id string) error {
	if fault.KindOf(err) == fault.NotFound {
		return unresolvedReference(id)
	}
	return err
}

func notTwice(err error) error {
	if fault.KindOf(err) == fault.Conflict {
		return alreadyReferenced()
	}
	return err
}

func (d *Door) listMembers(c *call) error {
	return d.membersOf(c, "")
}

// membersOf lists the members of a kind; "" lists all.
func (d *Door) membersOf(c *call, kind directory.MemberKind) error {
	items, err := d.memberViews(c, kind)
	if err != nil {
		return err
	}
	return c.small("groups/"+c.key(0)+"/members", items)
}

func (d *Door) countMembers(c *call) error {
	found, err := d.Admin.Members(c.ctx, c.tenant(), directory.GroupID(c.key(0)))
	if err != nil {
		return err
	}
	return c.number(len(found))
}

func (d *Door) memberViews(c *call, kind directory.MemberKind) ([]any, error) {
	found, err := d.Admin.Members(c.ctx, c.tenant(), directory.GroupID(c.key(0)))
	if err != nil {
		return nil, err
	}
	var out []any
	for _, m := range found {
		if kind != "" && m.Kind != kind {
			continue
		}
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

// object is a directory object as it appears among others.
func (d *Door) object(c *call, m directory.Member) (any, error) {
	if m.Kind == directory.MemberUser {
		u, err := d.Admin.Users().Get(c.ctx, c.tenant(), m.ID)
		return viewUser(u), err
	}
	g, err := d.Admin.Groups().Get(c.ctx, c.tenant(), m.ID)
	return viewGroup(g), err
}

func (d *Door) addMember(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	var reference string
	o.Text("@odata.id", &reference)
	if reference == "" {
		o.Refuse("@odata.id", "is missing; it must be the URL of a user or group")
	}
	if err := o.Err(); err != nil {
		return err
	}
	id := lastSegment(reference)
	if err := d.Admin.AddMember(c.ctx, c.tenant(), directory.GroupID(c.key(0)), id); err != nil {
		return unresolved(notTwice(err), id)
	}
	return c.noContent()
}

func (d *Door) removeMember(c *call) error {
	if err := d.Admin.RemoveMember(c.ctx, c.tenant(), directory.GroupID(c.key(0)), c.key(1)); err != nil {
		return unresolved(err, c.key(1))
	}
	return c.noContent()
}

func (d *Door) groupMemberOf(c *call) error {
	if _, err := d.Admin.Groups().Get(c.ctx, c.tenant(), c.key(0)); err != nil {
		return err
	}
	return d.memberOf(c, "groups/"+c.key(0)+"/memberOf", c.key(0))
}

func (d *Door) memberOf(c *call, path, id string) error {
	found, err := d.Admin.GroupsOf(c.ctx, c.tenant(), id)
	if err != nil {
		return err
	}
	var items []any
	for _, g := range found {
		items = append(items, viewGroup(g))
	}
	return c.small(path, items)
}

// owners answers that a group has none: owners are not kept.
func (d *Door) owners(c *call) error {
	if _, err := d.Admin.Groups().Get(c.ctx, c.tenant(), c.key(0)); err != nil {
		return err
	}
	return c.small("groups/"+c.key(0)+"/owners", nil)
}

// small answers a collection that is read whole: paged by position, without
// filter.
func (c *call) small(path string, items []any) error {
	if c.query.Filter != nil || c.query.OrderBy != "" {
		return unsupportedQuery(fault.New(fault.Invalid, "$filter and $orderby are not supported on %s", path))
	}
	if err := c.expandable(nil); err != nil {
		return err
	}
	p := page{path: path, count: len(items)}
	start, err := position(c.query.SkipToken)
	if err != nil {
		return err
	}
	items = items[min(start, len(items)):]
	if top := c.query.Top; top > 0 && len(items) > top {
		items, p.next = items[:top], token(start+top)
	}
	p.items = items
	return c.page(p)
}
