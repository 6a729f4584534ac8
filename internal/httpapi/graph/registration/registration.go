// Package registration serves what became of managed apps at the Graph door:
// their registrations with the policies they should and do apply, operations,
// selective wipes, and all that a help desk asks about one user.
//
// A registration carries the scope tags of the policies that it should apply,
// and the default one without any. A role sees, and acts on, those that have one
// of its tags.
package registration

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/report"
)

// Registrations is what the area asks of the MAM room.
type Registrations interface {
	// Get returns fault.NotFound when id is unknown.
	Get(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (mam.Registration, error)
	// List returns registrations in identifier order.
	List(ctx context.Context, t directory.TenantID, f mam.Filter) ([]mam.Registration, error)
	// Count counts registrations of a user, device and app.
	Count(ctx context.Context, t directory.TenantID, f mam.Filter) (int, error)
	// History lists the operations of a registration, newest first.
	History(ctx context.Context, t directory.TenantID, id directory.RegistrationID) ([]mam.Operation, error)
	// Operations lists operations over all registrations, newest first.
	Operations(ctx context.Context, t directory.TenantID, f mam.OperationFilter) ([]mam.Tracked, error)
	// RequestWipe returns one operation per living registration.
	RequestWipe(ctx context.Context, q mam.WipeRequest) ([]mam.Operation, error)
	// Cancel takes a pending operation back.
	Cancel(ctx context.Context, t directory.TenantID, id directory.RegistrationID, operation string, by audit.Actor) (mam.Operation, error)
	// RequestDiagnostics asks a living registration for its diagnostics.
	RequestDiagnostics(ctx context.Context, t directory.TenantID, id directory.RegistrationID, by audit.Actor) (mam.Operation, error)
	// IntendedFor returns what would apply to a user in an app.
	IntendedFor(ctx context.Context, t directory.TenantID, u directory.UserID, app directory.PackageID) (mam.Intention, error)
	// Intended returns what applies to a registration now.
	Intended(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (mam.Intention, error)
}

// Reports is what the area asks of the report room.
type Reports interface {
	// Flagged lists users with an installation that wants attention, sorted.
	Flagged(ctx context.Context, t directory.TenantID, q report.Query) ([]directory.UserID, error)
	// User tells the whole state of one user.
	User(ctx context.Context, t directory.TenantID, u directory.UserID, sees func(tags []string) bool) (report.UserState, error)
}

// Area is managed app registrations, as the door serves them.
type Area struct {
	Admin         *admin.Service
	Registrations Registrations
	Reports       Reports
	// Policy prints a policy that was delivered at a revision; 0: that applies now.
	Policy func(c *graph.Call, id string, revision int64) (any, error)
	Now    func() time.Time // nil: time.Now
}

func (d *Area) as(c *graph.Call) *admin.Service { return c.Room(d.Admin) }

func (d *Area) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// route is an operation of the area. What changes something needs more.
func route(method, pattern, action string, do func(*graph.Call) error) graph.Route {
	needs := directory.ProtectionWrite
	if method == http.MethodGet {
		needs = directory.ProtectionRead
	}
	return graph.Route{Method: method, Pattern: pattern, Needs: needs, Action: action, Do: do}
}

func read(pattern string, do func(*graph.Call) error) graph.Route {
	return route(http.MethodGet, pattern, directory.ManagedAppsRead, do)
}

// Routes lists what is served, with the permission that each needs.
func (d *Area) Routes() []graph.Route {
	const one = registrationsPath + "/{}"
	answer, total := (*graph.Call).Answer, (*graph.Call).Total
	return slices.Concat(d.wipeRoutes(), d.statusRoutes(), onBeta(
		read(one+"/managedAppLogCollectionRequests", d.listDiagnostics(answer)),
		read(one+"/managedAppLogCollectionRequests/$count", d.listDiagnostics(total)),
		read(one+"/managedAppLogCollectionRequests/{}", d.getDiagnostics),
		route(http.MethodPost, one+"/managedAppLogCollectionRequests", directory.ManagedAppsWipe, d.requestDiagnostics),
	), []graph.Route{
		read(registrationsPath, d.everyone(answer)),
		read(registrationsPath+"/$count", d.everyone(total)),
		read(one, d.getRegistration),
		read(one+"/operations", d.listOperations(answer)),
		read(one+"/operations/$count", d.listOperations(total)),
		read(one+"/operations/{}", d.getOperation),
		route(http.MethodDelete, one+"/operations/{}", directory.ManagedAppsCancelWipe, d.cancel),
		read(one+"/appliedPolicies", d.listPolicies("appliedPolicies", applied, answer)),
		read(one+"/appliedPolicies/$count", d.listPolicies("appliedPolicies", applied, total)),
		read(one+"/intendedPolicies", d.listPolicies("intendedPolicies", intended, answer)),
		read(one+"/intendedPolicies/$count", d.listPolicies("intendedPolicies", intended, total)),
		read("users/{}/managedAppRegistrations", d.ofUser(answer)),
		read("users/{}/managedAppRegistrations/$count", d.ofUser(total)),
		read("users/{}/managedAppRegistrations/{}", d.getOfUser),
		read("users/{}/getManagedAppPolicies", d.policiesOfUser),
		read("deviceAppManagement/postern.operations", d.ledger(answer)),
		read("deviceAppManagement/postern.operations/$count", d.ledger(total)),
		read("deviceAppManagement/postern.effectivePolicy/{}", d.effectivePolicy),
	})
}

func onBeta(routes ...graph.Route) []graph.Route {
	for i := range routes {
		routes[i].Beta = true
	}
	return routes
}

// tagsOf are the scope tags of a registration.
func tagsOf(tags []string) []string {
	if len(tags) == 0 {
		return []string{directory.DefaultScopeTag}
	}
	return tags
}

// sees reports whether the caller's role sees what has these tags.
func sees(c *graph.Call, tags []string) bool { return c.May(directory.ManagedAppsRead, tagsOf(tags)) }

// seesAll reports whether there is nothing that the caller does not see.
func seesAll(c *graph.Call) bool {
	_, all := c.Authority.Tags(directory.ManagedAppsRead)
	return all
}

// mayAct refuses an action on registrations of a user, given by their tags, or
// on the user alone.
func (d *Area) mayAct(c *graph.Call, action string, u directory.UserID, registrations ...[]string) error {
	if c.Authority.All {
		return nil
	}
	groups, err := d.groups(c, u)
	if err != nil {
		return err
	}
	if !c.Authority.MayActOn(action, nil, groups) {
		return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; your role does not give %s over this user", action)
	}
	for _, tags := range registrations {
		if !c.Authority.MayActOn(action, tagsOf(tags), groups) {
			return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; your role does not give %s over this user and the scope tags %v", action, tagsOf(tags))
		}
	}
	return nil
}

// groups of a user, direct and nested.
func (d *Area) groups(c *graph.Call, u directory.UserID) (out []directory.GroupID, err error) {
	q := admin.Query{Limit: 500}
	for {
		page, err := d.Admin.TransitiveMemberOf(c.Ctx, c.Tenant(), string(u), q)
		if err != nil {
			return nil, err
		}
		for _, g := range page {
			out = append(out, g.ID)
			q.After = string(g.ID)
		}
		if len(page) < q.Limit {
			return out, nil
		}
	}
}

// tagsOfUser are the scope tags of each living registration of a user, on one
// device or, without one, on all.
func (d *Area) tagsOfUser(c *graph.Call, u directory.UserID, device directory.DeviceID) (tags [][]string, err error) {
	err = d.each(c, mam.Filter{User: u, Device: device}, func(r mam.Registration) { tags = append(tags, r.Intended.ScopeTags) })
	return tags, err
}

func (d *Area) each(c *graph.Call, f mam.Filter, visit func(mam.Registration)) error {
	f.Limit = 200
	for {
		page, err := d.Registrations.List(c.Ctx, c.Tenant(), f)
		if err != nil {
			return err
		}
		for _, r := range page {
			visit(r)
			f.After = r.Standing.Registration
		}
		if len(page) < f.Limit {
			return nil
		}
	}
}
