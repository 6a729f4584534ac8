// Package intune serves the policies of managed apps at the Graph door: app
// protection and app configuration, their apps, assignments, settings and history.
package intune

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/odata"
)

// Registrations tells how far policies got.
type Registrations interface {
	// List returns registrations in identifier order.
	List(ctx context.Context, t directory.TenantID, f mam.Filter) ([]mam.Registration, error)
}

// Area is the policies of managed apps, as the door serves them.
type Area struct {
	Admin         *admin.Service
	Registrations Registrations
	Now           func() time.Time // nil: time.Now
}

func (d *Area) as(c *graph.Call) *admin.Service { return c.Room(d.Admin) }

func (d *Area) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// rights are the role actions on managed apps (Intune: "Managed apps").
type rights struct {
	graph.Actions
	assign string
}

var managedApps = rights{
	Actions: graph.Actions{
		Read: directory.ManagedAppsRead, Create: directory.ManagedAppsCreate, Update: directory.ManagedAppsUpdate, Delete: directory.ManagedAppsDelete,
	},
	assign: directory.ManagedAppsAssign,
}

// Routes lists what is served, with the permission that each needs.
func (d *Area) Routes() []graph.Route {
	return slices.Concat(d.protections().routes(), d.configurationRoutes(), d.policyRoutes(), elsewhereRoutes(), []graph.Route{{
		Method: http.MethodGet, Pattern: templatesPath, Needs: directory.ProtectionRead, Action: managedApps.Read, Beta: true, Do: listTemplates,
	}})
}

// otherPlatforms are policies that only make sense elsewhere, by the name of
// their type and of their collection.
var otherPlatforms = map[string]string{
	"iosManagedAppProtection":               "iOS",
	"androidManagedAppProtection":           "Android",
	"iosManagedAppProtections":              "iOS",
	"androidManagedAppProtections":          "Android",
	"defaultManagedAppProtection":           "iOS and Android",
	"targetedManagedAppProtection":          "iOS and Android",
	"windowsInformationProtectionPolicy":    "Windows Information Protection, which is retired",
	"mdmWindowsInformationProtectionPolicy": "Windows Information Protection, which is retired",
}

// otherPlatform refuses a body that is a policy for another platform.
func otherPlatform(o *odata.Object) {
	if kind := o.Type(); otherPlatforms[kind] != "" {
		o.Refuse("@odata.type", "is %s, a policy for %s; only Windows (windowsManagedAppProtection) is protected here", kind, otherPlatforms[kind])
	}
}

// elsewhereRoutes answer scripts that look at every platform.
func elsewhereRoutes() (routes []graph.Route) {
	for _, segment := range []string{"iosManagedAppProtections", "androidManagedAppProtections"} {
		path := "deviceAppManagement/" + segment
		routes = append(routes,
			graph.Route{Method: http.MethodGet, Pattern: path, Needs: directory.ProtectionRead, Action: managedApps.Read, Do: func(c *graph.Call) error {
				return c.Answer(graph.Rows(path, "graph.managedAppProtection", nil))
			}},
			graph.Route{Method: http.MethodPost, Pattern: path, Needs: directory.ProtectionWrite, Action: managedApps.Create, Do: func(*graph.Call) error {
				return fault.New(fault.Invalid, "%s is a policy for %s; only Windows (windowsManagedAppProtection) is protected here", segment, otherPlatforms[segment])
			}})
	}
	return routes
}
