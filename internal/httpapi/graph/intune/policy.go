package intune

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/targeting"
)

// policies serves what app protection and app configuration policies have in
// common: apps, assignments, the actions that replace them, how far a policy got,
// and its history.
type policies[T any] struct {
	graph.Set[T]
	area        *Area
	apps        func(p *T) *[]directory.PackageID
	assignments func(p *T) *[]targeting.Assignment
	named       func(p T) string
	more        []string // what else can be expanded
	expandMore  func(c *graph.Call, p T, name string) any
}

// complete fills in what the set needs of its policies.
func (s policies[T]) complete() policies[T] {
	s.Expands = append([]string{"apps", "assignments", "deploymentSummary"}, s.more...)
	s.Set.Expand, s.Guard, s.First = s.expand, s.mayAssign, otherPlatform
	return s
}

func (s policies[T]) routes() []graph.Route {
	const apps, assignments = "graph.managedMobileApp", "graph.targetedManagedAppPolicyAssignment"
	assigning := s
	assigning.Actions.Update = managedApps.assign
	viewApps := func(c *graph.Call, p T) []any { return viewApps(c, *s.apps(&p)) }
	viewAssignments := func(c *graph.Call, p T) []any { return viewAssignments(c, *s.assignments(&p)) }
	get, post := http.MethodGet, http.MethodPost
	return append(s.Routes(),
		s.route(post, "/assign", managedApps.assign, assigning.Act(func(_ *graph.Call, o *odata.Object, p *T) { readAssignments(o, s.assignments(p)) })),
		s.route(post, "/targetApps", s.Actions.Update, s.targetApps()),
		s.route(get, "/apps", s.Actions.Read, s.part("apps", apps, viewApps, (*graph.Call).Answer)),
		s.route(get, "/apps/$count", s.Actions.Read, s.part("apps", apps, viewApps, (*graph.Call).Total)),
		s.route(post, "/apps", s.Actions.Update, s.addApp),
		s.route(get, "/apps/{}", s.Actions.Read, s.getApp),
		s.route(http.MethodPatch, "/apps/{}", s.Actions.Update, s.changeApp),
		s.route(http.MethodDelete, "/apps/{}", s.Actions.Update, s.removeApp),
		s.route(get, "/assignments", s.Actions.Read, s.part("assignments", assignments, viewAssignments, (*graph.Call).Answer)),
		s.route(get, "/assignments/$count", s.Actions.Read, s.part("assignments", assignments, viewAssignments, (*graph.Call).Total)),
		s.route(post, "/assignments", managedApps.assign, assigning.addAssignment),
		s.route(get, "/deploymentSummary", s.Actions.Read, s.getSummary),
		s.route(get, "/postern.versions", s.Actions.Read, s.versions),
		s.route(post, "/postern.restore", s.Actions.Update, s.restore),
	)
}

// route is an operation on one policy.
func (s policies[T]) route(method, tail, action string, do func(c *graph.Call) error) graph.Route {
	needs := s.Write
	if method == http.MethodGet {
		needs = s.Read
	}
	return graph.Route{Method: method, Pattern: s.Path + "/{}" + tail, Needs: needs, Action: action, Beta: s.Beta, Do: do}
}

func (s policies[T]) targetApps() func(c *graph.Call) error {
	return s.Act(func(_ *graph.Call, o *odata.Object, p *T) { readApps(o, s.apps(p)) })
}

func (s policies[T]) expand(c *graph.Call, p T, e odata.Expansion) (any, error) {
	switch e.Name {
	case "apps":
		return viewApps(c, *s.apps(&p)), nil
	case "assignments":
		return viewAssignments(c, *s.assignments(&p)), nil
	case "deploymentSummary":
		return s.summary(c, p)
	}
	return s.expandMore(c, p, e.Name), nil
}

// mayAssign refuses a change of assignments to who may not assign, or not to
// these people.
func (s policies[T]) mayAssign(c *graph.Call, _ *odata.Object, old, p T) error {
	before, after := *s.assignments(&old), *s.assignments(&p)
	for _, a := range slices.Concat(before, after) {
		if slices.Contains(before, a) == slices.Contains(after, a) {
			continue
		}
		if err := s.area.mayTarget(c, a, *s.Tags(&p)); err != nil {
			return err
		}
	}
	return nil
}

// mayTarget refuses an assignment that reaches beyond the people of the caller's
// roles. All users are reached by roles for everyone alone.
func (d *Area) mayTarget(c *graph.Call, a targeting.Assignment, tags []string) error {
	if c.Authority.All {
		return nil
	}
	if !c.May(managedApps.assign, tags) {
		return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; to change assignments, a role assignment with %s is needed", managedApps.assign)
	}
	var people []directory.GroupID
	if a.Kind != targeting.AllUsers {
		var err error
		if people, err = d.Admin.Around(c.Ctx, c.Tenant(), a.Group); err != nil {
			return err
		}
	}
	if !c.Authority.MayActOn(managedApps.assign, tags, people) {
		return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; your role does not give %s over the people of this assignment", managedApps.assign)
	}
	return nil
}

// part serves one list inside a policy.
func (s policies[T]) part(name, kind string, views func(c *graph.Call, p T) []any, answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		p, err := s.One(c)
		if err != nil {
			return err
		}
		return answer(c, graph.Rows(s.inside(p, name), kind, views(c, p)))
	}
}

// inside is the path of a list inside a policy.
func (s policies[T]) inside(p T, name string) string { return s.Path + "('" + s.ID(p) + "')/" + name }

// addApp adds one app, which is how Terraform fills a policy.
func (s policies[T]) addApp(c *graph.Call) error {
	o, err := c.Body("graph.managedMobileApp")
	if err != nil {
		return err
	}
	app := readApp(o)
	s.Take = func(_ *graph.Call, _ *odata.Object, p *T) {
		if apps := s.apps(p); !slices.Contains(*apps, app) {
			*apps = append(slices.Clone(*apps), app)
		}
	}
	p, err := s.Change(c, o)
	if err != nil {
		return err
	}
	return c.Entity(http.StatusCreated, s.inside(p, "apps"), viewApp(app))
}

func (s policies[T]) getApp(c *graph.Call) error {
	p, err := s.One(c)
	if err != nil {
		return err
	}
	i := s.indexApp(c, &p)
	if i < 0 {
		return noApp(c.Key(1))
	}
	return c.Entity(http.StatusOK, s.inside(p, "apps"), viewApp((*s.apps(&p))[i]))
}

func (s policies[T]) indexApp(c *graph.Call, p *T) int {
	return slices.IndexFunc(*s.apps(p), func(app directory.PackageID) bool { return appID(app) == c.Key(1) })
}

func noApp(id string) error { return fault.New(fault.NotFound, "the policy has no app %q", id) }

// changeApp puts another app in the place of one.
func (s policies[T]) changeApp(c *graph.Call) error {
	o, err := c.Body("graph.managedMobileApp")
	if err != nil {
		return err
	}
	app := readApp(o)
	p, err := s.replaceApp(c, o, app)
	if err != nil {
		return err
	}
	return c.Entity(http.StatusOK, s.inside(p, "apps"), viewApp(app))
}

func (s policies[T]) removeApp(c *graph.Call) error {
	nothing, err := odata.ParseObject([]byte("{}"))
	if err != nil {
		return err
	}
	if _, err := s.replaceApp(c, nothing); err != nil {
		return err
	}
	return c.NoContent()
}

// replaceApp puts others in the place of the app that the path names.
func (s policies[T]) replaceApp(c *graph.Call, o *odata.Object, others ...directory.PackageID) (T, error) {
	found := true
	s.Take = func(_ *graph.Call, _ *odata.Object, p *T) {
		i := s.indexApp(c, p)
		if found = i >= 0; found {
			apps := s.apps(p)
			*apps = slices.Replace(slices.Clone(*apps), i, i+1, others...)
		}
	}
	if p, err := s.One(c); err != nil {
		return p, err
	} else if s.Take(c, nil, &p); !found {
		return p, noApp(c.Key(1))
	}
	return s.Change(c, o)
}

// addAssignment adds one assignment.
func (s policies[T]) addAssignment(c *graph.Call) error {
	o, err := c.Body("graph.targetedManagedAppPolicyAssignment")
	if err != nil {
		return err
	}
	added := readAssignment(o)
	s.Take = func(_ *graph.Call, _ *odata.Object, p *T) {
		assignments := s.assignments(p)
		*assignments = append(slices.Clone(*assignments), added)
	}
	p, err := s.Change(c, o)
	if err != nil {
		return err
	}
	return c.Entity(http.StatusCreated, s.inside(p, "assignments"), viewAssignment(c, added))
}
