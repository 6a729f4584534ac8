package intune

import (
	"maps"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

const policiesPath = "deviceAppManagement/managedAppPolicies"

// kind is a kind of policies as the list of all policies serves it.
type kind struct {
	typ                        string
	list                       func(c *graph.Call) graph.List
	get, patch, delete, target func(c *graph.Call) error
	create                     func(c *graph.Call, o *odata.Object) error
	delivered                  func(c *graph.Call, id string, revision int64) (map[string]any, error)
}

func kindOf[T any](s policies[T]) kind {
	typ := strings.TrimPrefix(s.Kind, "graph.")
	s.Path = policiesPath
	return kind{
		typ: typ, list: s.List, get: s.Get, patch: s.Patch, delete: s.Delete, target: s.targetApps(), create: s.Create,
		delivered: s.delivered,
	}
}

// ofID is the kind of the policy that an identifier names.
func (d *Area) ofID(id string) kind {
	if strings.HasPrefix(id, "A_") {
		return kindOf(d.configurations())
	}
	return kindOf(d.protections())
}

// kinds are those that a version has: Graph knows app protection of Windows on
// beta only.
func (d *Area) kinds(c *graph.Call) []kind {
	kinds := []kind{kindOf(d.configurations())}
	if c.Version == graph.Beta {
		kinds = append(kinds, kindOf(d.protections()))
	}
	return kinds
}

// policyRoutes serve all kinds of policies as one collection.
func (d *Area) policyRoutes() []graph.Route {
	route := func(method, tail, action string, do func(c *graph.Call) error) graph.Route {
		needs := directory.ProtectionWrite
		if method == http.MethodGet {
			needs = directory.ProtectionRead
		}
		return graph.Route{Method: method, Pattern: policiesPath + tail, Needs: needs, Action: action, Do: do}
	}
	one := func(do func(kind) func(c *graph.Call) error) func(c *graph.Call) error {
		return func(c *graph.Call) error {
			if k := d.ofID(c.Key(0)); c.Version == graph.Beta || k.typ == configurationKind {
				return do(k)(c)
			}
			return fault.New(fault.NotFound, "there is no %q in %s on v1.0; app protection of Windows is on beta", c.Key(0), policiesPath)
		}
	}
	return []graph.Route{
		route(http.MethodGet, "", managedApps.Read, func(c *graph.Call) error { return c.Answer(d.all(c)) }),
		route(http.MethodGet, "/$count", managedApps.Read, func(c *graph.Call) error { return c.Total(d.all(c)) }),
		route(http.MethodPost, "", managedApps.Create, d.createPolicy),
		route(http.MethodGet, "/{}", managedApps.Read, one(func(k kind) func(*graph.Call) error { return k.get })),
		route(http.MethodPatch, "/{}", managedApps.Update, one(func(k kind) func(*graph.Call) error { return k.patch })),
		route(http.MethodDelete, "/{}", managedApps.Delete, one(func(k kind) func(*graph.Call) error { return k.delete })),
		route(http.MethodPost, "/{}/targetApps", managedApps.Update, one(func(k kind) func(*graph.Call) error { return k.target })),
	}
}

// all lists the kinds one after the other. The digit before a row's identifier
// says which kind the list is in.
func (d *Area) all(c *graph.Call) graph.List {
	var lists []graph.List
	for _, k := range d.kinds(c) {
		lists = append(lists, k.list(c))
	}
	return graph.List{Path: policiesPath, Kind: "graph.managedAppPolicy", Page: func(after string, limit int) ([]graph.Row, error) {
		at, after := 0, after
		if after != "" {
			at, after = int(after[0]-'0'), after[1:]
		}
		var rows []graph.Row
		for ; at >= 0 && at < len(lists) && len(rows) < limit; at, after = at+1, "" {
			found, err := lists[at].Page(after, limit-len(rows))
			if err != nil {
				return nil, err
			}
			for _, r := range found {
				r.ID = string(rune('0'+at)) + r.ID
				rows = append(rows, r)
			}
		}
		return rows, nil
	}}
}

func (d *Area) createPolicy(c *graph.Call) error {
	o, err := c.Body("graph.managedAppPolicy", otherPlatform)
	if err != nil {
		return err
	}
	for _, k := range d.kinds(c) {
		if o.Type() == k.typ {
			return k.create(c, o)
		}
	}
	return fault.New(fault.Invalid, "@odata.type is %q; valid are %s and, on beta, %s", o.Type(), configurationType, protectionType)
}

// Delivered prints a policy, app protection or app configuration, that was
// delivered at a revision: as it is now, with the version of then in the
// extension. Revision 0 says nothing of then. Of a policy that is gone, or that
// the caller may not see, little is told.
func (d *Area) Delivered(c *graph.Call, id string, revision int64) (any, error) {
	return d.ofID(id).delivered(c, id, revision)
}

// delivered is Delivered for one kind.
func (s policies[T]) delivered(c *graph.Call, id string, revision int64) (map[string]any, error) {
	out := map[string]any{"@odata.type": "#microsoft." + s.Kind, "id": id, "displayName": "", "version": graph.ETag(revision)}
	extension := map[string]any{}
	if revision > 0 {
		extension["deliveredVersion"] = graph.ETag(revision)
	}
	p, err := s.Items(c).Get(c.Ctx, c.Tenant(), id)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		extension["deleted"], out["postern"] = true, extension
		entries, err := s.Items(c).History(c.Ctx, c.Tenant(), id, admin.EntryQuery{Limit: 1})
		if err == nil && len(entries) > 0 && c.May(managedApps.Read, entries[0].ScopeTags) {
			out["displayName"] = entries[0].Name
		}
		return out, err
	case err != nil || !c.May(managedApps.Read, *s.Tags(&p)):
		return out, err
	}
	view, err := s.View(c, p)
	if err != nil {
		return nil, err
	}
	if out, err = graph.Document(view); err != nil {
		return nil, err
	}
	if own, ok := out["postern"].(map[string]any); ok {
		maps.Copy(extension, own)
	}
	if len(extension) > 0 {
		out["postern"] = extension
	}
	return out, nil
}
