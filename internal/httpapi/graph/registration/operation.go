package registration

import (
	"maps"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
)

func (d *Area) listOperations(answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		r, err := d.find(c, c.Key(0))
		if err != nil {
			return err
		}
		ops, err := d.Registrations.History(c.Ctx, c.Tenant(), r.Standing.Registration)
		if err != nil {
			return err
		}
		return answer(c, graph.Rows(inside(r, "operations"), "graph.managedAppOperation", viewOperations(ops)))
	}
}

// operation finds the operation that the path names, with its registration.
func (d *Area) operation(c *graph.Call) (mam.Registration, mam.Operation, error) {
	r, err := d.find(c, c.Key(0))
	if err != nil {
		return r, mam.Operation{}, err
	}
	ops, err := d.Registrations.History(c.Ctx, c.Tenant(), r.Standing.Registration)
	if err != nil {
		return r, mam.Operation{}, err
	}
	for _, op := range ops {
		if strings.EqualFold(op.ID, c.Key(1)) {
			return r, op, nil
		}
	}
	return r, mam.Operation{}, fault.New(fault.NotFound, "there is no operation %q", c.Key(1))
}

func (d *Area) getOperation(c *graph.Call) error {
	r, op, err := d.operation(c)
	if err != nil {
		return err
	}
	return c.Entity(http.StatusOK, inside(r, "operations"), viewOperation(op))
}

// cancel takes a pending operation back.
func (d *Area) cancel(c *graph.Call) error {
	r, op, err := d.operation(c)
	if err != nil {
		return err
	}
	if err := d.mayAct(c, directory.ManagedAppsCancelWipe, r.User, r.Intended.ScopeTags); err != nil {
		return err
	}
	if _, err := d.Registrations.Cancel(c.Ctx, c.Tenant(), r.Standing.Registration, op.ID, c.Actor()); err != nil {
		return err
	}
	return c.NoContent()
}

// ledger lists the operations over all registrations, newest first: what became
// of every wipe, and where. The parameters user, device, state and kind narrow it.
func (d *Area) ledger(answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		query := c.Request.URL.Query()
		f := mam.OperationFilter{
			Device: directory.DeviceID(query.Get("device")), State: mam.OperationState(query.Get("state")), Kind: mam.OperationKind(query.Get("kind")),
		}
		if state, ok := c.Options.Filter.Equals("state"); ok && f.State == "" {
			f.State = mam.OperationState(state)
		}
		if who := query.Get("user"); who != "" {
			u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), who)
			if err != nil {
				return err
			}
			f.User = u.ID
		}
		return answer(c, graph.List{
			Path: "Collection(graph.managedAppOperation)", Kind: "graph.managedAppOperation", Natural: "postern/requestedDateTime desc",
			Page: func(after string, limit int) ([]graph.Row, error) { return d.tracked(c, f, after, limit) },
		})
	}
}

// tracked reads on until it has limit operations that the caller sees.
func (d *Area) tracked(c *graph.Call, f mam.OperationFilter, after string, limit int) ([]graph.Row, error) {
	f.After, f.Limit = after, limit
	var rows []graph.Row
	for {
		found, err := d.Registrations.Operations(c.Ctx, c.Tenant(), f)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			f.After = t.Cursor()
			if !sees(c, t.Registration.Intended.ScopeTags) {
				continue
			}
			if rows = append(rows, graph.Row{ID: f.After, View: viewTracked(t)}); len(rows) == limit {
				return rows, nil
			}
		}
		if len(found) < limit {
			return rows, nil
		}
	}
}

func viewTracked(t mam.Tracked) map[string]any {
	r, out := t.Registration, viewOperation(t.Operation)
	maps.Copy(out["postern"].(map[string]any), map[string]any{
		"registrationId": string(r.Standing.Registration), "userId": string(r.User), "deviceId": string(r.Device), "deviceName": r.DeviceName,
		"windowsAppId": string(r.App), "lastSyncDateTime": graph.Stamp(r.LastSyncAt), "endedDateTime": graph.Stamp(r.EndedAt), "endedFor": graph.Text(r.EndedFor),
	})
	return out
}
