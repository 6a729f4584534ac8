package graph

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

const (
	protectionsPath = "deviceAppManagement/windowsManagedAppProtections"
	policiesPath    = "deviceAppManagement/managedAppPolicies"

	// allUsersGroup is the identifier that Graph prints for the built-in
	// assignment to all licensed users.
	allUsersGroup = "acacacac-9df4-4c7d-9d50-4ef0226f57a9"

	notConfigured = "notConfigured"
)

// otherPlatforms are policies that only make sense elsewhere, by the name of
// their type.
var otherPlatforms = map[string]string{
	"iosManagedAppProtection":               "iOS",
	"androidManagedAppProtection":           "Android",
	"iosManagedAppProtections":              "iOS",
	"androidManagedAppProtections":          "Android",
	"defaultManagedAppProtection":           "iOS and Android",
	"targetedManagedAppProtection":          "iOS and Android",
	"windowsInformationProtectionPolicy":    "Windows Information Protection, which is retired",
	"mdmWindowsInformationProtectionPolicy": "Windows Information Protection, which is retired",
	"targetedManagedAppConfiguration":       "app configuration",
	"iosManagedAppRegistration":             "iOS",
	"androidManagedAppRegistration":         "Android",
}

type managedMobileApp struct {
	ID                  string               `json:"id"`
	MobileAppIdentifier windowsAppIdentifier `json:"mobileAppIdentifier"`
	Version             *string              `json:"version"`
}

type managedAppPolicyAssignment struct {
	ID       string           `json:"id"`
	Source   string           `json:"source"`
	SourceID *string          `json:"sourceId"`
	Target   assignmentTarget `json:"target"`
}

type assignmentTarget struct {
	Type       string  `json:"@odata.type"`
	FilterID   *string `json:"deviceAndAppManagementAssignmentFilterId"`
	FilterType string  `json:"deviceAndAppManagementAssignmentFilterType"`
	GroupID    string  `json:"groupId,omitempty"`
}

func viewMobileApp(app directory.PackageID) managedMobileApp {
	return managedMobileApp{ID: string(app) + ".windows", MobileAppIdentifier: appIdentifier(app)}
}

func viewAssignment(a targeting.Assignment) managedAppPolicyAssignment {
	out := managedAppPolicyAssignment{ID: string(a.Group) + "_incl", Source: "direct", Target: assignmentTarget{FilterType: "none", GroupID: string(a.Group)}}
	switch a.Kind {
	case targeting.ExcludeGroup:
		out.ID, out.Target.Type = string(a.Group)+"_excl", "#microsoft.graph.exclusionGroupAssignmentTarget"
	case targeting.AllUsers:
		out.ID, out.Target.Type = allUsersGroup+"_incl", "#microsoft.graph.allLicensedUsersAssignmentTarget"
	case targeting.IncludeGroup:
		out.Target.Type = "#microsoft.graph.groupAssignmentTarget"
	}
	return out
}

// viewProtection prints a policy. The settings come from the catalogue, so that
// none is forgotten.
func viewProtection(c *call, p protection.Policy) (any, error) {
	out := map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "id": p.ID, "displayName": p.DisplayName, "description": p.Description,
		"createdDateTime": stamp(p.CreatedAt), "lastModifiedDateTime": stamp(p.ModifiedAt), "roleScopeTagIds": texts(p.ScopeTags),
		"version": etag(p.Revision), "isAssigned": len(p.Assignments) > 0, "deployedAppCount": len(p.Apps),
	}
	settings := p.Settings.WithDefaults()
	for _, s := range protection.Catalogue() {
		for _, property := range s.Properties {
			out[property.Name] = settingValue(s, property, settings)
		}
	}
	if c.expands("apps") {
		apps := []managedMobileApp{}
		for _, app := range p.Apps {
			apps = append(apps, viewMobileApp(app))
		}
		out["apps"], out["apps@odata.context"] = apps, c.base+"/$metadata#"+protectionsPath+"('"+string(p.ID)+"')/apps"
	}
	if c.expands("assignments") {
		assignments := []managedAppPolicyAssignment{}
		for _, a := range p.Assignments {
			assignments = append(assignments, viewAssignment(a))
		}
		out["assignments"], out["assignments@odata.context"] = assignments, c.base+"/$metadata#"+protectionsPath+"('"+string(p.ID)+"')/assignments"
	}
	return out, nil
}

// settingValue is what a property of Graph says about settings.
func settingValue(s protection.Setting, property protection.Property, settings protection.Settings) any {
	if !s.HealthCheck() {
		if v := s.Value(settings); s.Kind != protection.KindSwitch {
			return v
		} else {
			return v == s.Values[1]
		}
	}
	i := slices.IndexFunc(settings.Checks, func(k protection.Check) bool {
		return string(k.Subject) == s.Name && (property.Action == protection.Allow || k.Action == property.Action)
	})
	switch {
	case i < 0 && s.Kind == protection.KindLevel && property.Holds == protection.HoldsAction:
		return protection.Block.String() // Graph has no null here
	case i < 0 && s.Kind == protection.KindLevel:
		return notConfigured
	case i < 0:
		return nil
	case property.Holds == protection.HoldsAction:
		return settings.Checks[i].Action.String()
	case s.Kind == protection.KindDuration:
		return odata.FormatDuration(settings.Checks[i].After)
	}
	return settings.Checks[i].Limit()
}

func (d *Door) protections() resource[protection.Policy] {
	return resource[protection.Policy]{
		path: protectionsPath, items: d.Admin.ProtectionPolicies(), name: "displayName", patched: http.StatusOK,
		id:       func(p protection.Policy) string { return string(p.ID) },
		revision: func(p protection.Policy) int64 { return p.Revision },
		view:     viewProtection, read: readProtection, expands: []string{"apps", "assignments"},
		props: map[string]func(protection.Policy) string{
			"id":                   func(p protection.Policy) string { return string(p.ID) },
			"displayName":          func(p protection.Policy) string { return p.DisplayName },
			"createdDateTime":      func(p protection.Policy) string { return *orEmpty(stamp(p.CreatedAt)) },
			"lastModifiedDateTime": func(p protection.Policy) string { return *orEmpty(stamp(p.ModifiedAt)) },
		},
	}
}

func orEmpty(s *string) *string {
	if s == nil {
		return new(string)
	}
	return s
}

func (d *Door) protectionRoutes() []route {
	r := d.protections()
	all := r
	all.path = policiesPath
	routes := all.routes(directory.ProtectionRead, directory.ProtectionWrite)
	routes = append(routes, route{http.MethodPost, policiesPath + "/{}/targetApps", directory.ProtectionWrite, false, d.part(readApps)})
	for _, rt := range r.routes(directory.ProtectionRead, directory.ProtectionWrite) {
		rt.beta = true
		routes = append(routes, rt)
	}
	const one = protectionsPath + "/{}"
	routes = append(routes,
		route{http.MethodPost, one + "/assign", directory.ProtectionWrite, true, d.part(readAssignments)},
		route{http.MethodPost, one + "/targetApps", directory.ProtectionWrite, true, d.part(readApps)},
		route{http.MethodGet, one + "/apps", directory.ProtectionRead, true, d.listApps},
		route{http.MethodPost, one + "/apps", directory.ProtectionWrite, true, d.addApp},
		route{http.MethodGet, one + "/apps/{}", directory.ProtectionRead, true, d.getApp},
		route{http.MethodDelete, one + "/apps/{}", directory.ProtectionWrite, true, d.removeApp},
		route{http.MethodGet, one + "/assignments", directory.ProtectionRead, true, d.listAssignments},
	)
	for _, segment := range []string{"iosManagedAppProtections", "androidManagedAppProtections"} {
		path := "deviceAppManagement/" + segment
		routes = append(routes,
			route{http.MethodGet, path, directory.ProtectionRead, false, func(c *call) error { return c.small(path, nil) }},
			route{http.MethodPost, path, directory.ProtectionWrite, false, func(*call) error { return otherPlatform(segment) }})
	}
	return routes
}

func otherPlatform(kind string) error {
	return fault.New(fault.Invalid, "%s is a policy for %s; only Windows (windowsManagedAppProtection) is protected here", kind, otherPlatforms[kind])
}

// part serves an action that replaces one part of a policy.
func (d *Door) part(read func(*odata.Object, *protection.Policy)) func(c *call) error {
	r := d.protections()
	r.read = func(_ *call, o *odata.Object, p *protection.Policy) { read(o, p) }
	return func(c *call) error {
		o, err := c.body()
		if err != nil {
			return err
		}
		if _, err := r.change(c, o); err != nil {
			return err
		}
		return c.noContent()
	}
}

func (d *Door) listApps(c *call) error {
	p, err := d.protections().one(c)
	if err != nil {
		return err
	}
	var items []any
	for _, app := range p.Apps {
		items = append(items, viewMobileApp(app))
	}
	return c.small(protectionsPath+"('"+string(p.ID)+"')/apps", items)
}

func (d *Door) listAssignments(c *call) error {
	p, err := d.protections().one(c)
	if err != nil {
		return err
	}
	var items []any
	for _, a := range p.Assignments {
		items = append(items, viewAssignment(a))
	}
	return c.small(protectionsPath+"('"+string(p.ID)+"')/assignments", items)
}

// addApp adds one app, which is how Terraform fills a policy.
func (d *Door) addApp(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	app := readApp(o)
	r := d.protections()
	r.read = func(_ *call, _ *odata.Object, p *protection.Policy) { p.Apps = append(slices.Clone(p.Apps), app) }
	p, err := r.change(c, o)
	if err != nil {
		return err
	}
	return c.entity(http.StatusCreated, protectionsPath+"('"+string(p.ID)+"')/apps", viewMobileApp(app))
}

func (d *Door) getApp(c *call) error {
	p, err := d.protections().one(c)
	if err != nil {
		return err
	}
	for _, app := range p.Apps {
		if v := viewMobileApp(app); v.ID == c.key(1) {
			return c.entity(http.StatusOK, protectionsPath+"('"+string(p.ID)+"')/apps", v)
		}
	}
	return fault.New(fault.NotFound, "the policy has no app %q", c.key(1))
}

func (d *Door) removeApp(c *call) error {
	r := d.protections()
	p, err := r.one(c)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(p.Apps), func(app directory.PackageID) bool { return viewMobileApp(app).ID == c.key(1) })
	if len(left) == len(p.Apps) {
		return fault.New(fault.NotFound, "the policy has no app %q", c.key(1))
	}
	p.Apps = left
	if _, err := r.items.Save(c.ctx, p); err != nil {
		return err
	}
	return c.noContent()
}
