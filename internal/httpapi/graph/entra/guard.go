package entra

import (
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

// guardUser keeps callers from making themselves, or taking over, someone who
// may do more than they may, be it by directory roles or by roles of groups.
func (d *Area) guardUser(c *graph.Call, o *odata.Object, old, u directory.User) error {
	gained := admin.PowersOf(u.Roles)
	if !slices.Equal(old.Roles, u.Roles) {
		if err := mayAppoint(c, old.Roles, u.Roles); err != nil {
			return err
		}
	}
	if o != nil && !o.Has("passwordProfile") && len(admin.PowersOf(old.Roles)) == len(gained) && old.Enabled == u.Enabled &&
		old.UserPrincipalName == u.UserPrincipalName && old.Guest == u.Guest && old.HomeTenant == u.HomeTenant {
		return nil // neither roles, nor credentials, nor standing change
	}
	if err := admin.MayEmpower(c.Who, gained); err != nil {
		return err
	}
	if err := admin.MayEmpower(c.Who, admin.PowersOf(old.Roles)); err != nil || old.ID == "" {
		return err
	}
	return d.Admin.MayControl(c.Ctx, c.Who, c.Authority, old.ID)
}

// mayAppoint refuses a caller who would give or take a role that gives nothing
// here but that policies may be about, without permission to write policies.
func mayAppoint(c *graph.Call, old, now []directory.Role) error {
	others := func(roles []directory.Role) []directory.Role {
		roles = slices.DeleteFunc(slices.Clone(roles), func(r directory.Role) bool { return r == directory.GlobalAdministrator })
		slices.Sort(roles)
		return roles
	}
	if slices.Equal(others(old), others(now)) {
		return nil
	}
	return c.Allows(directory.AccessWrite, "")
}

// guardGroup keeps callers from giving, or taking, roles that they do not hold
// through the members of a group.
func (d *Area) guardGroup(c *graph.Call, o *odata.Object, old, _ directory.Group) error {
	if old.ID == "" || o != nil && !o.Has(members) {
		return nil // a new group holds nothing yet
	}
	return d.Admin.MayFill(c.Ctx, c.Who, c.Authority, old.ID)
}

// filling is guardGroup for an operation on the members of the group in the path.
func (d *Area) filling(do func(*graph.Call) error) func(*graph.Call) error {
	return func(c *graph.Call) error {
		g, err := d.groups().One(c)
		if err != nil {
			return err
		}
		if err := d.Admin.MayFill(c.Ctx, c.Who, c.Authority, g.ID); err != nil {
			return err
		}
		return do(c)
	}
}

// guardApp keeps callers from making, or taking over, an app that may do more
// than they may.
func (d *Area) guardApp(c *graph.Call, _ *odata.Object, old, a directory.App) error {
	if err := d.Admin.MayRun(c.Ctx, c.Who, old); err != nil {
		return err
	}
	if err := d.Admin.MayRun(c.Ctx, c.Who, a); err != nil {
		return err
	}
	return d.Admin.MayMark(c.Ctx, c.Who, old, a)
}

// permitted is what a caller sees of an object that is related to what they may
// read: all of it, or that it is there (Graph: "Limited information returned for
// inaccessible member objects").
func permitted(c *graph.Call, needs string, view any) any {
	if c.Allows(needs, "") == nil {
		return view
	}
	doc, err := graph.Document(view)
	if err != nil {
		return nil
	}
	return map[string]any{"@odata.type": doc["@odata.type"], "id": doc["id"]}
}
