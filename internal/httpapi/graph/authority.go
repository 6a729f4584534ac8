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
func (c *Call) admit(rt Route) (err error) {
	c.Authority, err = c.authority(rt.Needs, rt.Action)
	return err
}

// Allows refuses a caller who might not use an operation with this permission
// and role action, "" for none: for what one operation tells of the objects of
// another.
func (c *Call) Allows(needs, action string) error {
	_, err := c.authority(needs, action)
	return err
}

// authority is what the caller may do by a permission and a role action.
func (c *Call) authority(needs, action string) (admin.Authority, error) {
	err := admin.Require(c.Who, needs)
	if err == nil {
		return admin.Authority{All: true}, nil
	}
	if c.Who.User == "" || !slices.Contains(c.Who.Scopes, asUser) && !delegated(c.Who.Scopes, needs) {
		return admin.Authority{}, err
	}
	held, failed := c.roles()
	switch {
	case failed != nil:
		return admin.Authority{}, failed
	case action == "" && len(held.Grants) > 0 && slices.Contains(readable(), needs):
		return held, nil // whoever has a role looks people, groups and devices up
	case action == "":
		return admin.Authority{}, err
	case held.May(action, nil):
		return held, nil
	}
	return admin.Authority{}, fault.New(fault.Forbidden, "insufficient privileges to complete the operation; a role assignment with %s is needed", action)
}

// roles are what the caller holds by roles, read once in a request.
func (c *Call) roles() (admin.Authority, error) {
	if c.held != nil {
		return *c.held, nil
	}
	held, err := c.door.Authority(c.Ctx, c.Who)
	if err == nil {
		c.held = &held
	}
	return held, err
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

// Sees reports whether the caller sees a registration with these scope tags.
// Without any it carries the default one.
func (c *Call) Sees(tags []string) bool {
	if len(tags) == 0 {
		tags = []string{directory.DefaultScopeTag}
	}
	return c.May(directory.ManagedAppsRead, tags)
}
