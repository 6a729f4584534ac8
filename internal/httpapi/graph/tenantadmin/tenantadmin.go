// Package tenantadmin serves the administration of a tenant at the Graph door:
// threat connectors, assignment filters, roles, scope tags, the record of
// changes, and reports (Graph: deviceManagement, auditLogs/directoryAudits).
package tenantadmin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/report"
)

// Registrations lists app instances, for previews of filters.
type Registrations interface {
	// List returns registrations in identifier order.
	List(ctx context.Context, t directory.TenantID, f mam.Filter) ([]mam.Registration, error)
}

// Config is what the area needs.
type Config struct {
	Admin         *admin.Service
	Registrations Registrations
	Reports       *report.Service
	Sealer        Sealer
	BaseURL       string // public URL; addresses of reports start with it
	Now           func() time.Time
	Log           *slog.Logger
}

// Area is tenant administration, as the door serves it.
type Area struct{ Config }

// New returns the area, or every missing dependency joined.
func New(c Config) (*Area, error) {
	var errs []error
	for name, absent := range map[string]bool{
		"Admin": c.Admin == nil, "Registrations": c.Registrations == nil, "Reports": c.Reports == nil, "Sealer": c.Sealer == nil,
		"BaseURL": c.BaseURL == "", "Log": c.Log == nil,
	} {
		if absent {
			errs = append(errs, fmt.Errorf("tenantadmin: no %s", name))
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Area{c}, errors.Join(errs...)
}

func (d *Area) as(c *graph.Call) *admin.Service { return c.Room(d.Admin) }

// Routes lists what is served, with the permission that each needs.
func (d *Area) Routes() []graph.Route {
	return slices.Concat(d.connectors().Routes(), d.filterRoutes(), d.roleRoutes(), d.auditRoutes(), []graph.Route{
		{Method: http.MethodPost, Pattern: exportsPath, Needs: directory.ProtectionRead, Action: directory.ManagedAppsRead, Do: d.startExport},
		{Method: http.MethodGet, Pattern: exportsPath + "/{}", Needs: directory.ProtectionRead, Action: directory.ManagedAppsRead, Do: d.getExport},
		{Method: http.MethodGet, Pattern: "users/{}/postern.state", Needs: directory.ProtectionRead, Action: directory.ManagedAppsRead, Do: d.state},
	})
}
