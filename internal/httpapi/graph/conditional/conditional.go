// Package conditional serves Conditional Access at the Graph door: policies and
// what they are made of, and questions about them.
package conditional

import (
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/prover"
)

// Area is Conditional Access, as the door serves it.
type Area struct {
	Admin  *admin.Service
	Gate   *gate.Service   // decides drafts and what-ifs; nil: they are not served
	Prover *prover.Service // answers questions about all policies; nil: it is not served
}

func (d *Area) as(c *graph.Call) *admin.Service { return c.Room(d.Admin) }

// Routes lists what is served, with the permission that each needs.
func (d *Area) Routes() []graph.Route {
	return append(slices.Concat(d.accessPolicies().Routes(), d.strengthRoutes(), d.contextRoutes(), d.agreementRoutes(),
		d.locationRoutes(), d.deletedRoutes(), d.templateRoutes(), d.proofRoutes()),
		d.replayRoute(), d.whatIfRoute())
}
