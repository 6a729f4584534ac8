package graph

import (
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// asUser is the delegated scope that stands for all of them.
const asUser = "Directory.AccessAsUser.All"

// admit asks whether the caller may use the route at all. What it may see there
// is asked object by object.
func (c *Call) admit(rt Route) error {
	err := admin.Require(c.Who, rt.Needs)
	if err == nil {
		c.Authority = admin.Authority{All: true}
		return nil
	}
	if c.Who.User == "" || !slices.Contains(c.Who.Scopes, asUser) && !delegated(c.Who.Scopes, rt.Needs) {
		return err
	}
	authority, failed := c.door.Authority(c.Ctx, c.Who)
	if failed != nil {
		return failed
	}
	c.Authority = authority
	if rt.Action == "" {
		if len(authority.Grants) > 0 && slices.Contains(readable(), rt.Needs) {
			return nil // whoever has a role looks people, groups and devices up
		}
		return err
	}
	if authority.May(rt.Action, nil) {
		return nil
	}
	return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; a role assignment with %s is needed", rt.Action)
}

func delegated(scopes []string, needs string) bool {
	return admin.Require(oauth.Principal{Audience: directory.GraphAPI, Permissions: scopes}, needs) == nil
}

func readable() []string {
	return []string{directory.UserRead, directory.GroupRead, directory.DeviceRead, directory.OrganizationRead}
}

// May reports whether the caller may do action to what carries tags.
func (c *Call) May(action string, tags []string) bool {
	return c.Authority.All || c.Authority.May(action, tags)
}
