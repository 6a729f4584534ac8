package registration

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
)

const requestKind = "graph.managedAppLogCollectionRequest"

// uploads are the states of an upload, by those of the operation behind it.
var uploads = map[mam.OperationState]string{
	mam.Pending: "pending", mam.Delivered: "inProgress", mam.Done: "completed", mam.Failed: "failed", mam.Cancelled: "failed",
}

// viewRequests prints the operations that asked for diagnostics.
func (d *Area) viewRequests(c *graph.Call, ops []mam.Operation) []any {
	out := []any{}
	for _, op := range ops {
		if op.Kind == mam.Diagnostics {
			out = append(out, d.viewRequest(c, op))
		}
	}
	return out
}

// viewRequest prints one request. Diagnostics are of the app alone and no log of
// the person's, so that nobody is asked for consent; what came is in the extension.
func (d *Area) viewRequest(c *graph.Call, op mam.Operation) map[string]any {
	extension := map[string]any{"state": string(op.State), "requestedBy": op.RequestedBy, "diagnostics": nil}
	if json.Valid([]byte(op.Answer)) {
		extension["diagnostics"] = json.RawMessage(op.Answer)
	}
	out := map[string]any{
		"@odata.type": "#microsoft.graph.managedAppLogCollectionRequest", "id": op.ID, "managedAppRegistrationId": string(op.Registration),
		"requestedByUserPrincipalName": nil, "requestedDateTime": graph.Stamp(op.RequestedAt), "completedDateTime": nil,
		"userLogUploadConsent": "unknown", "version": graph.ETag(op.Revision), "postern": extension,
		"uploadedLogs": []any{map[string]any{"managedAppComponentDescription": "agent", "referenceId": op.ID, "status": uploads[op.State]}},
	}
	if op.State == mam.Done {
		out["completedDateTime"] = graph.Stamp(op.ModifiedAt)
	}
	if u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), op.RequestedBy); err == nil { // an app has no such name
		out["requestedByUserPrincipalName"] = u.UserPrincipalName
	}
	return out
}

func (d *Area) listDiagnostics(answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		r, err := d.find(c, c.Key(0))
		if err != nil {
			return err
		}
		ops, err := d.Registrations.History(c.Ctx, c.Tenant(), r.Standing.Registration)
		if err != nil {
			return err
		}
		return answer(c, graph.Rows(inside(r, "managedAppLogCollectionRequests"), requestKind, d.viewRequests(c, ops)))
	}
}

func (d *Area) getDiagnostics(c *graph.Call) error {
	r, op, err := d.operation(c)
	if err == nil && op.Kind != mam.Diagnostics {
		err = fault.New(fault.NotFound, "%q asks for no diagnostics, but for a %s", c.Key(1), strings.ToLower(op.DisplayName))
	}
	if err != nil {
		return err
	}
	return c.Entity(http.StatusOK, inside(r, "managedAppLogCollectionRequests"), d.viewRequest(c, op))
}

// requestDiagnostics asks an app for its diagnostics. Who may start a wipe may
// ask: it is the lesser of the two.
func (d *Area) requestDiagnostics(c *graph.Call) error {
	if _, err := c.Body(requestKind); err != nil {
		return err
	}
	r, err := d.find(c, c.Key(0))
	if err != nil {
		return err
	}
	if err := d.mayAct(c, directory.ManagedAppsWipe, r.User, r.Intended.ScopeTags); err != nil {
		return err
	}
	op, err := d.Registrations.RequestDiagnostics(c.Ctx, c.Tenant(), r.Standing.Registration, c.Actor())
	if err != nil {
		return err
	}
	return c.Entity(http.StatusCreated, inside(r, "managedAppLogCollectionRequests"), d.viewRequest(c, op))
}
