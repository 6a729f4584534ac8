package intune

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
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

// viewProtection prints a policy. The settings come from the catalogue, so that
// none is forgotten.
func viewProtection(c *graph.Call, p protection.Policy) (any, error) {
	out := map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "id": p.ID, "displayName": p.DisplayName, "description": p.Description,
		"createdDateTime": graph.Stamp(p.CreatedAt), "lastModifiedDateTime": graph.Stamp(p.ModifiedAt), "roleScopeTagIds": graph.Texts(p.ScopeTags),
		"version": graph.ETag(p.Revision), "isAssigned": len(p.Assignments) > 0, "deployedAppCount": len(p.Apps),
	}
	settings := p.Settings.WithDefaults()
	for _, s := range protection.Catalogue() {
		for _, property := range s.Properties {
			out[property.Name] = settingValue(s, property, settings)
		}
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

func (d *Area) protections() policies[protection.Policy] {
	return policies[protection.Policy]{
		Set: graph.Set[protection.Policy]{
			Path: protectionsPath, Kind: "graph.windowsManagedAppProtection", Beta: true, Read: directory.ProtectionRead, Write: directory.ProtectionWrite,
			Actions: managedApps.Actions, Name: "displayName", Patched: http.StatusOK,
			Items:    func(c *graph.Call) admin.Collection[protection.Policy] { return d.as(c).ProtectionPolicies() },
			ID:       func(p protection.Policy) string { return string(p.ID) },
			Revision: func(p protection.Policy) int64 { return p.Revision },
			Tags:     func(p *protection.Policy) *[]string { return &p.ScopeTags },
			View:     viewProtection, Take: readProtection,
		},
		apps:        func(p *protection.Policy) *[]directory.PackageID { return &p.Apps },
		assignments: func(p *protection.Policy) *[]targeting.Assignment { return &p.Assignments },
	}
}

func (d *Area) protectionRoutes() []graph.Route {
	routes := d.protections().routes()
	for _, segment := range []string{"iosManagedAppProtections", "androidManagedAppProtections"} {
		path := "deviceAppManagement/" + segment
		routes = append(routes,
			graph.Route{Method: http.MethodGet, Pattern: path, Needs: directory.ProtectionRead, Action: managedApps.Read, Do: func(c *graph.Call) error {
				return c.Answer(graph.Rows(path, "graph.managedAppProtection", nil))
			}},
			graph.Route{Method: http.MethodPost, Pattern: path, Needs: directory.ProtectionWrite, Action: managedApps.Create, Do: func(*graph.Call) error {
				return otherPlatform(segment)
			}})
	}
	return routes
}

func otherPlatform(kind string) error {
	return fault.New(fault.Invalid, "%s is a policy for %s; only Windows (windowsManagedAppProtection) is protected here", kind, otherPlatforms[kind])
}
