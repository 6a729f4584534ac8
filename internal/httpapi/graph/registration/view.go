package registration

import (
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/report"
)

func appIdentifier(app directory.PackageID) map[string]any {
	return map[string]any{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": string(app)}
}

// view prints a registration with the type of beta on v1.0, too: Graph has no
// other there, and clients of v1.0 read it as its base.
func (d *Area) view(c *graph.Call, r mam.Registration) map[string]any {
	out := map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppRegistration", "id": string(r.Standing.Registration), "appIdentifier": appIdentifier(r.App),
		"applicationVersion": r.AppVersion, "azureADDeviceId": string(r.Device), "createdDateTime": graph.StampOrNever(r.EnrolledAt),
		"deviceManufacturer": graph.Text(r.Manufacturer), "deviceModel": graph.Text(r.DeviceModel), "deviceName": r.DeviceName, "deviceTag": string(r.Device),
		"deviceType": "Windows", "flaggedReasons": []string{}, "lastSyncDateTime": graph.StampOrNever(r.LastSyncAt), "managedDeviceId": nil,
		"managementSdkVersion": r.SDKVersion, "platformVersion": r.OSVersion, "userId": string(r.User), "version": graph.ETag(r.Revision),
		"postern": d.extension(r),
	}
	if c.Version == graph.V1 {
		for _, name := range []string{"azureADDeviceId", "deviceManufacturer", "deviceModel", "managedDeviceId"} {
			delete(out, name)
		}
	}
	return out
}

// extension is the newest verdict, for display. Access is decided afresh each
// time and never reads it. Graph's flagged reasons know none of Windows.
func (d *Area) extension(r mam.Registration) map[string]any {
	flags := []any{}
	if r.EndedAt.IsZero() {
		for _, f := range report.Flags(report.Installation{Verdict: r.Verdict, LastSyncAt: r.LastSyncAt}, d.now()) {
			flags = append(flags, map[string]any{"reason": f.Reason, "detail": f.Detail})
		}
	}
	return map[string]any{
		"complianceState": r.Verdict.State.String(), "action": r.Verdict.Action.String(), "reasons": viewReasons(r.Verdict.Reasons),
		"flaggedReasons": flags, "wipePending": r.WipePending, "diagnosticsPending": r.DiagnosticsPending, "developmentHealth": r.Development,
		"policyIsApplied": r.Intended.ETag != "" && r.Intended.ETag == r.Applied.ETag, "roleScopeTagIds": tagsOf(r.Intended.ScopeTags),
		"endedDateTime": graph.Stamp(r.EndedAt), "endedFor": graph.Text(r.EndedFor), "controls": viewControls(r.Controls),
	}
}

// viewControls is what the app says of how far it enforces its policy; null: it
// never said.
func viewControls(all []enforcement.Control) []any {
	var out []any
	for _, c := range all {
		gaps := []any{}
		for _, word := range c.Gaps {
			gaps = append(gaps, map[string]any{"gap": word, "text": enforcement.Text(word)})
		}
		out = append(out, map[string]any{"control": c.Control, "state": string(c.State), "by": c.By, "gaps": gaps})
	}
	return out
}

func viewReasons(reasons []compliance.Reason) []any {
	out := []any{}
	for _, why := range reasons {
		out = append(out, map[string]any{"code": why.Code, "action": why.Action.String(), "have": why.Have, "want": why.Want, "text": why.Text})
	}
	return out
}

func viewOperation(op mam.Operation) map[string]any {
	kind := op.Kind
	if kind == "" {
		kind = mam.Wipe
	}
	return map[string]any{
		"@odata.type": "#microsoft.graph.managedAppOperation", "id": op.ID, "displayName": op.DisplayName,
		"lastModifiedDateTime": graph.StampOrNever(op.ModifiedAt), "state": string(op.State), "version": graph.ETag(op.Revision),
		"postern": map[string]any{
			"kind": string(kind), "requestedBy": op.RequestedBy, "requestedDateTime": graph.Stamp(op.RequestedAt), "reason": graph.Text(op.Reason),
			"receipt": graph.Text(op.Receipt),
		},
	}
}

func viewOperations(ops []mam.Operation) []any {
	out := []any{}
	for _, op := range ops {
		out = append(out, viewOperation(op))
	}
	return out
}
