package tenantadmin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

const (
	eventsPath = "deviceManagement/auditEvents"
	auditsPath = "auditLogs/directoryAudits"
)

// kind is how Graph speaks of the kinds of objects: the name of the type, the
// category, and which of the two logs shows it (Intune's or Entra's).
type kind struct{ resource, category, component string }

const (
	intune = "DeviceAppManagement"
	entra  = "Core Directory"
)

// kinds of the record, as Graph names them.
var kinds = map[audit.Kind]kind{
	audit.User: {"User", "UserManagement", entra}, audit.Group: {"Group", "GroupManagement", entra},
	audit.App: {"Application", "ApplicationManagement", entra}, audit.Device: {"Device", "Device", entra},
	audit.Tenant: {"Organization", "DirectoryManagement", entra}, audit.AccessPolicy: {"Policy", "Policy", entra},
	audit.NamedLocation:          {"NamedLocation", "Policy", entra},
	audit.AuthenticationStrength: {"AuthenticationStrengthPolicy", "Policy", entra},
	audit.AuthenticationContext:  {"AuthenticationContextClassReference", "Policy", entra},
	audit.Agreement:              {"Agreement", "Policy", entra},
	audit.ProtectionPolicy:       {"WindowsManagedAppProtection", "Application", intune},
	audit.Configuration:          {"TargetedManagedAppConfiguration", "Application", intune},
	audit.Registration:           {"ManagedAppRegistration", "Application", intune},
	audit.Connector:              {"MobileThreatDefenseConnector", "DeviceConfiguration", intune},
	audit.AssignmentFilter:       {"DeviceAndAppManagementAssignmentFilter", "DeviceConfiguration", intune},
	audit.RoleDefinition:         {"RoleDefinition", "Role", intune}, audit.RoleAssignment: {"RoleAssignment", "Role", intune},
	audit.ScopeTag: {"RoleScopeTag", "Role", intune}, audit.ReportExport: {"DeviceManagementExportJob", "Application", intune},
}

// verbs of operations in activities: "Patch WindowsManagedAppProtection".
var verbs = map[audit.Operation]string{audit.Create: "Create", audit.Change: "Patch", audit.Delete: "Delete", audit.Action: "Action"}

func of(component string) []audit.Kind {
	var out []audit.Kind
	for k, v := range kinds {
		if v.component == component {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func activity(e audit.Entry) string {
	if e.Activity != "" {
		return strings.ToUpper(e.Activity[:1]) + e.Activity[1:]
	}
	return verbs[e.Operation] + " " + kinds[e.Kind].resource
}

func modified(e audit.Entry) []any {
	out := []any{}
	for _, c := range audit.Changes(e.Before, e.After) {
		out = append(out, map[string]any{"displayName": c.Property, "oldValue": graph.Text(c.Old), "newValue": graph.Text(c.New)})
	}
	return out
}

// viewEvent is an entry as Intune shows it, with before and after.
func viewEvent(c *graph.Call, e audit.Entry) any {
	k := kinds[e.Kind]
	actor := map[string]any{
		"auditActorType": "ItPro", "userPermissions": []string{}, "applicationId": graph.Text(string(e.Actor.Client)),
		"applicationDisplayName": nil, "userPrincipalName": nil, "servicePrincipalName": nil, "ipAddress": graph.Text(e.Actor.Address),
		"userId": graph.Text(string(e.Actor.User)),
	}
	switch {
	case e.Actor.User != "":
		actor["userPrincipalName"] = graph.Text(e.Actor.Name)
	case e.Actor.Client != "":
		actor["auditActorType"], actor["applicationDisplayName"] = "Application", graph.Text(e.Actor.Name)
	default:
		actor["auditActorType"], actor["applicationDisplayName"] = "Application", "Postern"
	}
	resource := map[string]any{
		"displayName": graph.Text(e.Name), "auditResourceType": k.resource, "resourceId": graph.Text(e.Target), "modifiedProperties": modified(e),
	}
	if c.Version == graph.Beta {
		actor["type"], resource["type"] = actor["auditActorType"], k.resource
	}
	return map[string]any{
		"@odata.type": "#microsoft.graph.auditEvent", "id": e.ID, "displayName": activity(e), "componentName": k.component, "actor": actor,
		"activity": activity(e), "activityDateTime": graph.StampOrNever(e.At), "activityType": activity(e),
		"activityOperationType": verbs[e.Operation], "activityResult": "Success", "correlationId": correlation(e), "category": k.category,
		"resources": []any{resource},
	}
}

// correlation is the request that made a change; the service's own have none.
func correlation(e audit.Entry) string {
	if e.Actor.CorrelationID == "" {
		return "00000000-0000-0000-0000-000000000000"
	}
	return e.Actor.CorrelationID
}

// viewAudit is an entry as Entra shows it.
func viewAudit(_ *graph.Call, e audit.Entry) any {
	k := kinds[e.Kind]
	by := map[string]any{"user": nil, "app": nil}
	if e.Actor.User != "" {
		by["user"] = map[string]any{"id": string(e.Actor.User), "userPrincipalName": graph.Text(e.Actor.Name), "displayName": nil, "ipAddress": graph.Text(e.Actor.Address)}
	} else {
		by["app"] = map[string]any{"appId": graph.Text(string(e.Actor.Client)), "displayName": graph.Text(e.Actor.Name), "servicePrincipalId": nil, "servicePrincipalName": nil}
	}
	operation := map[audit.Operation]string{audit.Create: "Add", audit.Change: "Update", audit.Delete: "Delete", audit.Action: "Update"}[e.Operation]
	target := map[string]any{
		"id": graph.Text(e.Target), "displayName": graph.Text(e.Name), "type": k.resource, "userPrincipalName": nil, "groupType": nil, "modifiedProperties": modified(e),
	}
	if e.Kind == audit.User {
		target["userPrincipalName"] = graph.Text(e.Name)
	}
	return map[string]any{
		"@odata.type": "#microsoft.graph.directoryAudit", "id": e.ID, "category": k.category, "correlationId": correlation(e), "result": "success",
		"resultReason": "", "activityDisplayName": activity(e), "activityDateTime": graph.StampOrNever(e.At), "loggedByService": entra,
		"operationType": operation, "initiatedBy": by, "targetResources": []any{target}, "additionalDetails": []any{},
	}
}

// narrowed is what of a log can answer the call at all: $filter may name times, a
// category and an object, and the rest need not be read.
func narrowed(c *graph.Call, component string) admin.EntryQuery {
	q := admin.EntryQuery{}
	f := c.Options.Filter
	category, categorized := f.Equals("category")
	for _, k := range of(component) {
		if !categorized || strings.EqualFold(kinds[k].category, category) {
			q.Kinds = append(q.Kinds, k)
		}
	}
	for _, property := range []string{"resources/resourceId", "targetResources/id"} {
		if id, ok := f.Some(property); ok {
			q.Target = id
		}
	}
	q.From, q.To = f.Between("activityDateTime")
	if !q.To.IsZero() {
		q.To = q.To.Add(time.Microsecond) // instants are shown shorter than they are kept
	}
	return q
}

// log is a part of the record as a list.
func (d *Area) log(c *graph.Call, path, component string, view func(*graph.Call, audit.Entry) any) graph.List {
	q := narrowed(c, component)
	return graph.List{
		Path: path, Kind: map[string]string{intune: "graph.auditEvent", entra: "graph.directoryAudit"}[component],
		Natural: "activityDateTime desc",
		Page: func(after string, limit int) ([]graph.Row, error) {
			if len(q.Kinds) == 0 {
				return nil, nil // no such category
			}
			q.After, q.Limit = after, limit
			var rows []graph.Row
			for {
				found, err := d.as(c).Entries(c.Ctx, c.Tenant(), q)
				if err != nil {
					return nil, err
				}
				for _, e := range found {
					q.After = e.ID
					if !d.shows(c, e) {
						continue
					}
					if rows = append(rows, graph.Row{ID: e.ID, View: view(c, e)}); len(rows) == limit {
						return rows, nil
					}
				}
				if len(found) < limit {
					return rows, nil
				}
			}
		},
	}
}

// shows reports whether the caller's role sees an entry.
func (d *Area) shows(c *graph.Call, e audit.Entry) bool {
	if len(e.ScopeTags) == 0 && e.Kind == audit.Registration {
		return c.May(directory.AuditDataRead, []string{directory.DefaultScopeTag})
	}
	return len(e.ScopeTags) == 0 || c.May(directory.AuditDataRead, e.ScopeTags)
}

func (d *Area) auditRoutes() []graph.Route {
	events := func(do func(*graph.Call, graph.List) error) func(*graph.Call) error {
		return func(c *graph.Call) error { return do(c, d.log(c, eventsPath, intune, viewEvent)) }
	}
	audits := func(do func(*graph.Call, graph.List) error) func(*graph.Call) error {
		return func(c *graph.Call) error { return do(c, d.log(c, auditsPath, entra, viewAudit)) }
	}
	route := func(pattern, needs, action string, do func(*graph.Call) error) graph.Route {
		return graph.Route{Method: http.MethodGet, Pattern: pattern, Needs: needs, Action: action, Do: do}
	}
	apps, data := directory.ProtectionRead, directory.AuditDataRead
	return []graph.Route{
		route(eventsPath, apps, data, events((*graph.Call).Answer)),
		route(eventsPath+"/$count", apps, data, events((*graph.Call).Total)),
		route(eventsPath+"/{}", apps, data, d.one(eventsPath, intune, viewEvent)),
		route(eventsPath+"/getAuditCategories", apps, data, func(c *graph.Call) error {
			return c.Value("Collection(Edm.String)", map[string]any{"value": categories(intune)})
		}),
		route(eventsPath+"/getAuditActivityTypes/{}", apps, data, func(c *graph.Call) error {
			return c.Value("Collection(Edm.String)", map[string]any{"value": activityTypes(c.Key(0))})
		}),
		route(auditsPath, directory.AuditRead, "", audits((*graph.Call).Answer)),
		route(auditsPath+"/$count", directory.AuditRead, "", audits((*graph.Call).Total)),
		route(auditsPath+"/{}", directory.AuditRead, "", d.one(auditsPath, entra, viewAudit)),
	}
}

func (d *Area) one(path, component string, view func(*graph.Call, audit.Entry) any) func(*graph.Call) error {
	return func(c *graph.Call) error {
		e, err := d.as(c).Entry(c.Ctx, c.Tenant(), c.Key(0))
		if err != nil {
			return err
		}
		if kinds[e.Kind].component != component || !d.shows(c, e) {
			return fault.New(fault.NotFound, "there is no audit entry %q", c.Key(0))
		}
		return c.Entity(http.StatusOK, path, view(c, e))
	}
}

func categories(component string) []string {
	var out []string
	for _, k := range of(component) {
		if !slices.Contains(out, kinds[k].category) {
			out = append(out, kinds[k].category)
		}
	}
	slices.Sort(out)
	return out
}

func activityTypes(category string) []string {
	out := []string{}
	for _, k := range of(intune) {
		if kinds[k].category == category {
			for _, o := range []audit.Operation{audit.Create, audit.Change, audit.Delete} {
				out = append(out, verbs[o]+" "+kinds[k].resource)
			}
		}
	}
	return out
}
