// Package intune serves managed apps at the Graph door: app protection and app
// configuration policies, registrations with their operations, selective wipes.
package intune

import (
	"context"
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
)

// Registrations is what the area asks of the MAM room.
type Registrations interface {
	// Get returns fault.NotFound when id is unknown.
	Get(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (mam.Registration, error)
	// List returns registrations in identifier order.
	List(ctx context.Context, t directory.TenantID, f mam.Filter) ([]mam.Registration, error)
	// History lists the operations of a registration, newest first.
	History(ctx context.Context, t directory.TenantID, id directory.RegistrationID) ([]mam.Operation, error)
	// RequestWipe returns one operation per living registration.
	RequestWipe(ctx context.Context, q mam.WipeRequest) ([]mam.Operation, error)
}

// Area is managed apps, as the door serves them.
type Area struct {
	Admin         *admin.Service
	Registrations Registrations
}

func (d *Area) as(c *graph.Call) *admin.Service { return d.Admin.As(c.Actor()) }

// rights are the role actions on managed apps (Intune: "Managed apps").
type rights struct {
	graph.Actions
	assign, wipe string
}

var managedApps = rights{
	Actions: graph.Actions{
		Read: directory.ManagedAppsRead, Create: directory.ManagedAppsCreate, Update: directory.ManagedAppsUpdate, Delete: directory.ManagedAppsDelete,
	},
	assign: directory.ManagedAppsAssign, wipe: directory.ManagedAppsWipe,
}

// Routes lists what is served, with the permission that each needs.
func (d *Area) Routes() []graph.Route {
	return slices.Concat(d.protectionRoutes(), d.registrationRoutes())
}

func (d *Area) registrationRoutes() []graph.Route {
	read := func(pattern string, do func(*graph.Call) error) graph.Route {
		return graph.Route{Method: http.MethodGet, Pattern: pattern, Needs: directory.ProtectionRead, Action: managedApps.Read, Do: do}
	}
	wipe := func(action, property string, beta bool) graph.Route {
		return graph.Route{Method: http.MethodPost, Pattern: "users/{}/" + action, Needs: directory.ProtectionWrite, Action: managedApps.wipe, Beta: beta, Do: d.wipe(property)}
	}
	return []graph.Route{
		read(registrationsPath, d.listRegistrations),
		read(registrationsPath+"/$count", d.countRegistrations),
		read(registrationsPath+"/{}", d.getRegistration),
		read(registrationsPath+"/{}/operations", d.listOperations),
		read(registrationsPath+"/{}/operations/{}", d.getOperation),
		read("users/{}/managedAppRegistrations", d.ofUser((*graph.Call).Answer)),
		read("users/{}/managedAppRegistrations/$count", d.ofUser((*graph.Call).Total)),
		wipe("wipeManagedAppRegistrationsByDeviceTag", "deviceTag", false),
		wipe("wipeManagedAppRegistrationByDeviceTag", "deviceTag", true),
		wipe("wipeManagedAppRegistrationsByAzureAdDeviceId", "azureAdDeviceId", true),
	}
}
