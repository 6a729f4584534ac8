package intune

import (
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/targeting"
)

const (
	// allUsersGroup is the identifier that Graph prints for the built-in
	// assignment to all licensed users.
	allUsersGroup = "acacacac-9df4-4c7d-9d50-4ef0226f57a9"
	// zeroGUID stands for no filter, as the portal sends it.
	zeroGUID = "00000000-0000-0000-0000-000000000000"
)

// otherApps are identifiers of apps that only exist elsewhere, with their platform.
var otherApps = map[string]string{
	"iosMobileAppIdentifier": "iOS", "androidMobileAppIdentifier": "Android", "macAppIdentifier": "macOS",
}

// trimmed drops what Graph has on beta only from a view for v1.0.
func trimmed(c *graph.Call, view map[string]any, beta ...string) map[string]any {
	if c.Version == graph.V1 {
		for _, name := range beta {
			delete(view, name)
		}
	}
	return view
}

func appIdentifier(app directory.PackageID) map[string]any {
	return map[string]any{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": string(app)}
}

// appID is the identifier that Graph gives an app inside of a policy.
func appID(app directory.PackageID) string { return string(app) + ".windows" }

func viewApp(app directory.PackageID) map[string]any {
	return map[string]any{"id": appID(app), "mobileAppIdentifier": appIdentifier(app), "version": nil}
}

func viewApps(_ *graph.Call, apps []directory.PackageID) []any {
	out := []any{}
	for _, app := range apps {
		out = append(out, viewApp(app))
	}
	return out
}

func viewAssignment(c *graph.Call, a targeting.Assignment) map[string]any {
	id, mode := string(a.Group)+"_incl", "none"
	if a.Mode != targeting.Unfiltered {
		mode = string(a.Mode)
	}
	target := map[string]any{
		"deviceAndAppManagementAssignmentFilterId": graph.Text(string(a.Filter)), "deviceAndAppManagementAssignmentFilterType": mode,
	}
	switch a.Kind {
	case targeting.AllUsers:
		id, target["@odata.type"] = allUsersGroup+"_incl", "#microsoft.graph.allLicensedUsersAssignmentTarget"
	case targeting.ExcludeGroup:
		id, target["@odata.type"], target["groupId"] = string(a.Group)+"_excl", "#microsoft.graph.exclusionGroupAssignmentTarget", string(a.Group)
	case targeting.IncludeGroup:
		target["@odata.type"], target["groupId"] = "#microsoft.graph.groupAssignmentTarget", string(a.Group)
	}
	trimmed(c, target, "deviceAndAppManagementAssignmentFilterId", "deviceAndAppManagementAssignmentFilterType")
	return trimmed(c, map[string]any{"id": id, "source": "direct", "sourceId": nil, "target": target}, "source", "sourceId")
}

func viewAssignments(c *graph.Call, all []targeting.Assignment) []any {
	out := []any{}
	for _, a := range all {
		out = append(out, viewAssignment(c, a))
	}
	return out
}

// readApps replaces the apps of a policy.
func readApps(o *odata.Object, to *[]directory.PackageID) {
	*to = nil
	for _, a := range o.Objects("apps") {
		*to = append(*to, readApp(a))
	}
	readGroupType(o)
}

func readGroupType(o *odata.Object) {
	group := ""
	o.Text("appGroupType", &group)
	if group != "" && !strings.EqualFold(group, selectedApps) {
		o.Refuse("appGroupType", "is %q; groups of apps are not supported, name each app (selectedPublicApps)", group)
	}
}

const selectedApps = "selectedPublicApps"

func readApp(o *odata.Object) directory.PackageID {
	id := o.Object("mobileAppIdentifier")
	if id == nil {
		o.Refuse("mobileAppIdentifier", "is missing")
		return ""
	}
	switch kind := id.Type(); {
	case kind == "" || kind == "windowsAppIdentifier":
	case otherApps[kind] != "":
		id.Refuse("@odata.type", "is %s, an app for %s; only Windows (#microsoft.graph.windowsAppIdentifier) is protected here", kind, otherApps[kind])
		return ""
	default:
		id.Refuse("@odata.type", "is %q; only #microsoft.graph.windowsAppIdentifier is supported", kind)
		return ""
	}
	var app string
	id.Text("windowsAppId", &app)
	if app == "" {
		id.Refuse("windowsAppId", "is missing; it names an app such as com.microsoft.edge")
	}
	return directory.PackageID(app)
}

// readAssignments replaces the assignments of a policy.
func readAssignments(o *odata.Object, to *[]targeting.Assignment) {
	*to = nil
	for _, a := range o.Objects("assignments") {
		*to = append(*to, readAssignment(a))
	}
}

func readAssignment(o *odata.Object) targeting.Assignment {
	target := o.Object("target")
	if target == nil {
		o.Refuse("target", "is missing")
		return targeting.Assignment{}
	}
	a := targeting.Assignment{}
	a.Filter, a.Mode = readFilter(target)
	switch kind := target.Type(); kind {
	case "allLicensedUsersAssignmentTarget":
		a.Kind = targeting.AllUsers
		return a
	case "groupAssignmentTarget":
		a.Kind = targeting.IncludeGroup
	case "exclusionGroupAssignmentTarget":
		a.Kind = targeting.ExcludeGroup
	default:
		target.Refuse("@odata.type", "is %q; valid are #microsoft.graph.groupAssignmentTarget, #microsoft.graph.exclusionGroupAssignmentTarget, #microsoft.graph.allLicensedUsersAssignmentTarget", kind)
	}
	var group string
	target.Text("groupId", &group)
	if group == "" {
		target.Refuse("groupId", "is missing")
	}
	a.Group = directory.GroupID(group)
	return a
}

// readFilter reads how a target is narrowed. A filter without a mode, or a mode
// without a filter, is left for the rules of assignments to refuse.
func readFilter(target *odata.Object) (targeting.FilterID, targeting.FilterMode) {
	var filter, mode string
	target.Text("deviceAndAppManagementAssignmentFilterId", &filter)
	target.Word("deviceAndAppManagementAssignmentFilterType", &mode, "none", "include", "exclude")
	if filter == zeroGUID {
		filter = ""
	}
	if mode == "none" {
		return "", targeting.Unfiltered
	}
	return targeting.FilterID(filter), targeting.FilterMode(mode)
}
