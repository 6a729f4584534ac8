package tenantadmin

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/targeting"
)

const filtersPath = "deviceManagement/assignmentFilters"

type assignmentFilter struct {
	Type                 string            `json:"@odata.type"`
	ID                   string            `json:"id"`
	ManagementType       string            `json:"assignmentFilterManagementType"`
	CreatedDateTime      string            `json:"createdDateTime"`
	Description          *string           `json:"description"`
	DisplayName          string            `json:"displayName"`
	LastModifiedDateTime string            `json:"lastModifiedDateTime"`
	Payloads             []payloadByFilter `json:"payloads"`
	Platform             string            `json:"platform"`
	RoleScopeTags        []string          `json:"roleScopeTags"`
	Rule                 string            `json:"rule"`
}

// payloadByFilter is where a filter is used ("associated assignments").
type payloadByFilter struct {
	FilterType  string  `json:"assignmentFilterType"`
	GroupID     *string `json:"groupId"`
	PayloadID   string  `json:"payloadId"`
	PayloadType string  `json:"payloadType"`
}

func (d *Area) filters() graph.Set[targeting.Filter] {
	return graph.Set[targeting.Filter]{
		Path: filtersPath, Kind: "graph.deviceAndAppManagementAssignmentFilter", Beta: true, Read: directory.ConfigurationRead,
		Write: directory.ConfigurationWrite, Name: "displayName", Patched: http.StatusOK,
		Actions: graph.Actions{
			Read: directory.FiltersRead, Create: directory.FiltersCreate, Update: directory.FiltersUpdate, Delete: directory.FiltersDelete,
		},
		Items:    func(c *graph.Call) admin.Collection[targeting.Filter] { return d.as(c).Filters() },
		ID:       func(f targeting.Filter) string { return string(f.ID) },
		Revision: func(f targeting.Filter) int64 { return f.Revision },
		Tags:     func(f *targeting.Filter) *[]string { return &f.ScopeTags },
		View:     d.viewFilter, Take: takeFilter,
	}
}

func (d *Area) viewFilter(c *graph.Call, f targeting.Filter) (any, error) {
	out := assignmentFilter{
		Type: "#microsoft.graph.deviceAndAppManagementAssignmentFilter", ID: string(f.ID), ManagementType: "devices",
		CreatedDateTime: graph.StampOrNever(f.CreatedAt), Description: graph.Text(f.Description), DisplayName: f.DisplayName,
		LastModifiedDateTime: graph.StampOrNever(f.ModifiedAt), Payloads: []payloadByFilter{}, Platform: f.Platform,
		RoleScopeTags: graph.Texts(f.ScopeTags), Rule: f.Rule.String(),
	}
	if f.ForApps {
		out.ManagementType = "apps"
	}
	return out, nil
}

// takeFilter takes over the body of a filter. A rule is written for a platform,
// so the platform is read first.
func takeFilter(c *graph.Call, o *odata.Object, f *targeting.Filter) {
	if f.Revision == 0 {
		f.Tenant = c.Tenant()
	}
	o.Text("displayName", &f.DisplayName)
	o.Text("description", &f.Description)
	o.Texts("roleScopeTags", &f.ScopeTags)
	kind := "devices"
	if f.ForApps {
		kind = "apps"
	}
	o.Word("platform", &f.Platform, targeting.WindowsDevices, targeting.WindowsApps)
	if f.Platform == targeting.WindowsApps && !o.Has("assignmentFilterManagementType") {
		kind = "apps"
	}
	o.Word("assignmentFilterManagementType", &kind, "devices", "apps")
	f.ForApps = kind == "apps"
	if !o.Has("rule") {
		return
	}
	var text string
	o.Text("rule", &text)
	rule, err := targeting.ParseRule(f.Platform, text)
	if err != nil {
		o.Refuse("rule", "is not valid: %s", fault.Detail(err))
		return
	}
	f.Rule = rule
}

func (d *Area) filterRoutes() []graph.Route {
	route := func(method, tail string, do func(*graph.Call) error) graph.Route {
		return graph.Route{Method: method, Pattern: filtersPath + tail, Needs: directory.ConfigurationRead, Action: directory.FiltersRead, Beta: true, Do: do}
	}
	enabled := func(c *graph.Call) error {
		return c.Value("microsoft.graph.assignmentFilterState", map[string]any{"enabled": true})
	}
	return append(d.filters().Routes(),
		route(http.MethodPost, "/validateFilter", d.validateFilter),
		route(http.MethodPost, "/enable", (*graph.Call).NoContent),
		route(http.MethodGet, "/getState", enabled),
		route(http.MethodGet, "/getPlatformSupportedProperties/{}", func(c *graph.Call) error { return supported(c, c.Key(0)) }),
		route(http.MethodGet, "/{}/getSupportedProperties", func(c *graph.Call) error {
			f, err := d.filters().One(c)
			if err != nil {
				return err
			}
			return supported(c, f.Platform)
		}),
		route(http.MethodGet, "/{}/payloads", d.payloads),
		route(http.MethodPost, "/postern.preview", d.previewRule),
		route(http.MethodGet, "/{}/postern.preview", d.preview),
	)
}

// validateFilter reads the rule of a filter that is not saved.
func (d *Area) validateFilter(c *graph.Call) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	in := o.Object("deviceAndAppManagementAssignmentFilter")
	if in == nil {
		in = o
	}
	var f targeting.Filter
	takeFilter(c, in, &f)
	if err := o.Err(); err != nil {
		return err
	}
	return c.Value("microsoft.graph.assignmentFilterValidationResult", map[string]any{"isValidRule": !f.Rule.IsZero()})
}

// operators are Graph's names (assignmentFilterOperator).
var operators = map[devicefilter.Operator]string{
	devicefilter.Equals: "equals", devicefilter.NotEquals: "notEquals", devicefilter.StartsWith: "startsWith", devicefilter.Contains: "contains",
	devicefilter.NotContains: "notContains", devicefilter.In: "in", devicefilter.NotIn: "notIn", devicefilter.GreaterThan: "greaterThan",
	devicefilter.GreaterOrEqual: "greaterThanOrEquals", devicefilter.LessThan: "lessThan", devicefilter.LessThanOrEquals: "lessThanOrEquals",
}

// supported answers what rules for a platform may ask for.
func supported(c *graph.Call, platform string) error {
	v, err := targeting.Vocabulary(platform)
	if err != nil {
		return err
	}
	var views []any
	for _, p := range v.Properties() {
		names := []string{}
		for _, o := range p.Operators {
			names = append(names, cmp.Or(operators[o], string(o)))
		}
		_, short, _ := strings.Cut(p.Name, ".")
		views = append(views, map[string]any{
			"name": short, "dataType": "String", "isCollection": false, "propertyRegexConstraint": nil,
			"supportedOperators": names, "supportedValues": graph.Texts(p.Values),
		})
	}
	return c.Answer(graph.Rows("Collection(microsoft.graph.assignmentFilterSupportedProperty)", "graph.assignmentFilterSupportedProperty", views))
}

// payloads lists the assignments that use a filter.
func (d *Area) payloads(c *graph.Call) error {
	f, err := d.filters().One(c)
	if err != nil {
		return err
	}
	uses, err := d.as(c).FilterUses(c.Ctx, c.Tenant(), f.ID)
	if err != nil {
		return err
	}
	var views []any
	for _, u := range uses {
		if !c.Sees(u.Tags) {
			continue
		}
		views = append(views, payloadByFilter{
			FilterType: string(u.Mode), GroupID: graph.Text(string(u.Group)), PayloadID: u.Policy, PayloadType: "application",
		})
	}
	return c.Answer(graph.Rows(filtersPath+"/"+c.Key(0)+"/payloads", "graph.payloadByFilter", views))
}

// preview lists the app instances that pass a filter: what the filter is for,
// other than Intune's list of enrolled devices.
func (d *Area) preview(c *graph.Call) error {
	f, err := d.filters().One(c)
	if err != nil {
		return err
	}
	return d.passing(c, f)
}

func (d *Area) previewRule(c *graph.Call) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	f := targeting.Filter{Platform: targeting.WindowsApps, ForApps: true}
	takeFilter(c, o, &f)
	if err := o.Err(); err != nil {
		return err
	}
	return d.passing(c, f)
}

func (d *Area) passing(c *graph.Call, f targeting.Filter) error {
	if !f.ForApps {
		return fault.New(fault.Invalid, "platform is %q; only filters for managed apps (%s) have app instances to preview", f.Platform, targeting.WindowsApps)
	}
	if err := c.Allows(directory.ProtectionRead, directory.ManagedAppsRead); err != nil {
		return err
	}
	return c.Answer(graph.List{Path: "deviceAppManagement/managedAppRegistrations", Kind: "graph.managedAppRegistration", Page: func(after string, limit int) ([]graph.Row, error) {
		q := mam.Filter{After: directory.RegistrationID(after), Limit: limit}
		var rows []graph.Row
		for {
			found, err := d.Registrations.List(c.Ctx, c.Tenant(), q)
			if err != nil {
				return nil, err
			}
			for _, r := range found {
				q.After = r.Standing.Registration
				a := targeting.App{AppVersion: r.AppVersion, OSVersion: r.OSVersion, Manufacturer: r.Manufacturer, Model: r.DeviceModel}
				if !f.Passes(a) || !c.Sees(r.Intended.ScopeTags) {
					continue
				}
				if rows = append(rows, graph.Row{ID: string(r.Standing.Registration), View: viewInstance(r)}); len(rows) == limit {
					return rows, nil
				}
			}
			if len(found) < limit {
				return rows, nil
			}
		}
	}})
}

func viewInstance(r mam.Registration) map[string]any {
	return map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppRegistration",
		"id":          string(r.Standing.Registration), "userId": string(r.User), "deviceName": r.DeviceName, "applicationVersion": r.AppVersion,
		"platformVersion": r.OSVersion, "deviceManufacturer": graph.Text(r.Manufacturer), "deviceModel": graph.Text(r.DeviceModel),
		"lastSyncDateTime": graph.StampOrNever(r.LastSyncAt),
	}
}
