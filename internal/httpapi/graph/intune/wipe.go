package intune

import (
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
)

// wipe orders a selective wipe of a user's apps on the device that property of
// the body names: organisation data goes, the person's own stays.
func (d *Area) wipe(property string) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		o, err := c.Body("")
		if err != nil {
			return err
		}
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
		_, err = d.Registrations.RequestWipe(c.Ctx, mam.WipeRequest{
			Tenant: c.Tenant(), User: u.ID, Device: directory.DeviceID(device), RequestedBy: c.ActorID(),
		})
		if err != nil {
			return err
		}
		return c.NoContent()
	}
}
