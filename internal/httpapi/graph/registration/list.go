package registration

import (
	"net/http"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/odata"
)

const registrationsPath = "deviceAppManagement/managedAppRegistrations"

// list is registrations as clients query them. A user or a device in $filter is
// looked up by an index. Ended registrations stay findable by their identifier;
// lists show living ones.
func (d *Area) list(c *graph.Call, path string, f mam.Filter) graph.List {
	narrowed := f
	if user, ok := c.Options.Filter.Equals("userId"); ok && f.User == "" {
		narrowed.User = directory.UserID(user)
	}
	for _, property := range []string{"deviceTag", "azureADDeviceId"} {
		if device, ok := c.Options.Filter.Equals(property); ok {
			narrowed.Device = directory.DeviceID(device)
		}
	}
	l := graph.List{Path: path, Kind: "graph.managedAppRegistration", Expands: expands(c), Page: func(after string, limit int) ([]graph.Row, error) {
		return d.page(c, narrowed, after, limit)
	}}
	if seesAll(c) {
		l.Count = func() (int, error) { return d.Registrations.Count(c.Ctx, c.Tenant(), f) }
	}
	return l
}

// page reads on until it has limit rows that the caller sees.
func (d *Area) page(c *graph.Call, f mam.Filter, after string, limit int) ([]graph.Row, error) {
	f.After, f.Limit = directory.RegistrationID(after), limit
	var rows []graph.Row
	for {
		found, err := d.Registrations.List(c.Ctx, c.Tenant(), f)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			f.After = r.Standing.Registration
			if !sees(c, r.Intended.ScopeTags) {
				continue
			}
			if rows = append(rows, d.row(c, r)); len(rows) == limit {
				return rows, nil
			}
		}
		if len(found) < limit {
			return rows, nil
		}
	}
}

func expands(c *graph.Call) []string {
	all := []string{"operations", "appliedPolicies", "intendedPolicies"}
	if c.Version == graph.Beta {
		all = append(all, "managedAppLogCollectionRequests")
	}
	return all
}

func (d *Area) row(c *graph.Call, r mam.Registration) graph.Row {
	return graph.Row{ID: string(r.Standing.Registration), View: d.view(c, r), Expand: func(e odata.Expansion) (any, error) {
		switch e.Name {
		case "appliedPolicies":
			return d.policies(c, applied(r))
		case "intendedPolicies":
			return d.policies(c, intended(r))
		}
		ops, err := d.Registrations.History(c.Ctx, c.Tenant(), r.Standing.Registration)
		if e.Name == "managedAppLogCollectionRequests" {
			return d.viewRequests(c, ops), err
		}
		return viewOperations(ops), err
	}}
}

func (d *Area) everyone(answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error { return answer(c, d.list(c, registrationsPath, mam.Filter{})) }
}

func (d *Area) ofUser(answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), c.Key(0))
		if err != nil {
			return err
		}
		return answer(c, d.list(c, "users('"+string(u.ID)+"')/managedAppRegistrations", mam.Filter{User: u.ID}))
	}
}

// find returns a registration that the caller sees.
func (d *Area) find(c *graph.Call, id string) (mam.Registration, error) {
	r, err := d.Registrations.Get(c.Ctx, c.Tenant(), directory.RegistrationID(id))
	if err == nil && !sees(c, r.Intended.ScopeTags) {
		err = fault.New(fault.NotFound, "there is no registration %q that you may see", id)
	}
	return r, err
}

func (d *Area) getRegistration(c *graph.Call) error {
	r, err := d.find(c, c.Key(0))
	if err != nil {
		return err
	}
	return d.answer(c, registrationsPath, r)
}

func (d *Area) getOfUser(c *graph.Call) error {
	u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return err
	}
	r, err := d.find(c, c.Key(1))
	if err == nil && r.User != u.ID {
		err = fault.New(fault.NotFound, "user %q has no registration %q", u.UserPrincipalName, c.Key(1))
	}
	if err != nil {
		return err
	}
	return d.answer(c, "users('"+string(u.ID)+"')/managedAppRegistrations", r)
}

func (d *Area) answer(c *graph.Call, path string, r mam.Registration) error {
	if err := c.Expandable(expands(c)); err != nil {
		return err
	}
	return c.One(http.StatusOK, path, d.row(c, r))
}

// inside is the path of a list inside a registration.
func inside(r mam.Registration, name string) string {
	return registrationsPath + "('" + string(r.Standing.Registration) + "')/" + name
}

func applied(r mam.Registration) mam.Delivery  { return r.Applied }
func intended(r mam.Registration) mam.Delivery { return r.Intended }

// listPolicies lists the policies of a delivery.
func (d *Area) listPolicies(name string, of func(mam.Registration) mam.Delivery, answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		r, err := d.find(c, c.Key(0))
		if err != nil {
			return err
		}
		views, err := d.policies(c, of(r))
		if err != nil {
			return err
		}
		return answer(c, graph.Rows(inside(r, name), "graph.managedAppPolicy", views))
	}
}

func (d *Area) policies(c *graph.Call, of mam.Delivery) ([]any, error) {
	out := []any{}
	for _, p := range of.Policies {
		v, err := d.Policy(c, p.ID, p.Revision)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
