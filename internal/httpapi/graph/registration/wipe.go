package registration

import (
	"net/http"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/odata"
)

func (d *Area) wipeRoutes() []graph.Route {
	wipe := func(action, property string) graph.Route {
		return route(http.MethodPost, "users/{}/"+action, directory.ManagedAppsWipe, d.wipe(property))
	}
	return append(onBeta(
		wipe("wipeManagedAppRegistrationByDeviceTag", "deviceTag"),
		wipe("wipeManagedAppRegistrationsByAzureAdDeviceId", "azureAdDeviceId"),
		route(http.MethodPost, "users/{}/wipeAndBlockManagedApps", directory.ManagedAppsWipe, d.block),
		route(http.MethodPost, "users/{}/unblockManagedApps", directory.ManagedAppsCancelWipe, d.unblock),
		read("users/{}/isManagedAppUserBlocked", d.isBlocked),
		read("users/getManagedAppBlockedUsers", d.listBlocked),
	), wipe("wipeManagedAppRegistrationsByDeviceTag", "deviceTag"))
}

// reason is why somebody orders a wipe, for the record.
func reason(o *odata.Object) (why string) {
	if more := o.Object("postern"); more != nil {
		more.Text("reason", &why)
	}
	return why
}

// wipe orders a selective wipe of a user's apps on the device that property of
// the body names: organisation data goes, the person's own stays.
func (d *Area) wipe(property string) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		o, err := c.Body("")
		if err != nil {
			return err
		}
		q := mam.WipeRequest{Tenant: c.Tenant(), Reason: reason(o), By: c.Actor()}
		var device string
		o.Text(property, &device)
		if device == "" {
			o.Refuse(property, "is missing; it names the device to wipe")
		}
		if err := o.Err(); err != nil {
			return err
		}
		u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), c.Key(0))
		if err != nil {
			return err
		}
		q.User, q.Device = u.ID, directory.DeviceID(device)
		tags, err := d.tagsOfUser(c, q.User, q.Device)
		if err != nil {
			return err
		}
		if err := d.mayAct(c, directory.ManagedAppsWipe, u.ID, tags...); err != nil {
			return err
		}
		if _, err := d.Registrations.RequestWipe(c.Ctx, q); err != nil {
			return err
		}
		return c.NoContent()
	}
}

// owned finds the user that the path names, if the caller may do action to all
// that the user has.
func (d *Area) owned(c *graph.Call, action string) (directory.User, error) {
	u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return u, err
	}
	tags, err := d.tagsOfUser(c, u.ID, "")
	if err != nil {
		return u, err
	}
	return u, d.mayAct(c, action, u.ID, tags...)
}

// block orders to wipe all that a user has, again and again until unblock.
func (d *Area) block(c *graph.Call) error {
	why := ""
	if c.Request.ContentLength != 0 { // the action has no parameters; the body is ours
		o, err := c.Body("")
		if err != nil {
			return err
		}
		why = reason(o)
		if err := o.Err(); err != nil {
			return err
		}
	}
	u, err := d.owned(c, directory.ManagedAppsWipe)
	if err != nil {
		return err
	}
	if err := d.as(c).WipeUser(c.Ctx, c.Tenant(), u.ID, why); err != nil {
		return err
	}
	return c.NoContent()
}

// unblock removes the order of block. Wipes that are under way go on.
func (d *Area) unblock(c *graph.Call) error {
	u, err := d.owned(c, directory.ManagedAppsCancelWipe)
	if err != nil {
		return err
	}
	if err := d.as(c).UnwipeUser(c.Ctx, c.Tenant(), u.ID); err != nil {
		return err
	}
	return c.NoContent()
}

func (d *Area) isBlocked(c *graph.Call) error {
	u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return err
	}
	return c.Value("Edm.Boolean", u.Wipe != nil)
}

func (d *Area) listBlocked(c *graph.Call) error {
	blocked := []string{}
	err := d.as(c).Users().All(c.Ctx, c.Tenant(), func(u directory.User) bool {
		if u.Wipe != nil {
			blocked = append(blocked, string(u.ID))
		}
		return true
	})
	if err != nil {
		return err
	}
	return c.Value("Collection(Edm.String)", blocked)
}
