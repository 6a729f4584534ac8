package intune

import (
	"net/http"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/targeting"
)

// policies serves what app protection and app configuration policies have in
// common: apps, assignments, and the actions that replace them.
type policies[T any] struct {
	graph.Set[T]
	apps        func(p *T) *[]directory.PackageID
	assignments func(p *T) *[]targeting.Assignment
}

func (s policies[T]) routes() []graph.Route {
	s.Set.Expands, s.Set.Expand = append(s.Set.Expands, "apps", "assignments"), s.expand(s.Set.Expand)
	one := s.Path + "/{}"
	route := func(method, tail, action string, do func(c *graph.Call) error) graph.Route {
		needs := s.Write
		if method == http.MethodGet {
			needs = s.Read
		}
		return graph.Route{Method: method, Pattern: one + tail, Needs: needs, Action: action, Beta: s.Beta, Do: do}
	}
	apps := func(p T) []any { return viewApps(*s.apps(&p)) }
	assignments := func(p T) []any { return viewAssignments(*s.assignments(&p)) }
	return append(s.Set.Routes(),
		route(http.MethodPost, "/assign", managedApps.assign, s.Act(func(_ *graph.Call, o *odata.Object, p *T) { readAssignments(o, s.assignments(p)) })),
		route(http.MethodPost, "/targetApps", s.Actions.Update, s.Act(func(_ *graph.Call, o *odata.Object, p *T) { readApps(o, s.apps(p)) })),
		route(http.MethodGet, "/apps", s.Actions.Read, s.part("apps", "graph.managedMobileApp", apps, (*graph.Call).Answer)),
		route(http.MethodGet, "/apps/$count", s.Actions.Read, s.part("apps", "graph.managedMobileApp", apps, (*graph.Call).Total)),
		route(http.MethodPost, "/apps", s.Actions.Update, s.addApp),
		route(http.MethodGet, "/apps/{}", s.Actions.Read, s.getApp),
		route(http.MethodDelete, "/apps/{}", s.Actions.Update, s.removeApp),
		route(http.MethodGet, "/assignments", s.Actions.Read, s.part("assignments", "graph.targetedManagedAppPolicyAssignment", assignments, (*graph.Call).Answer)),
		route(http.MethodGet, "/assignments/$count", s.Actions.Read, s.part("assignments", "graph.targetedManagedAppPolicyAssignment", assignments, (*graph.Call).Total)),
		route(http.MethodPost, "/assignments", managedApps.assign, s.addAssignment),
	)
}

// expand adds apps and assignments to what a kind of policies can expand.
func (s policies[T]) expand(more func(c *graph.Call, p T, e odata.Expansion) (any, error)) func(c *graph.Call, p T, e odata.Expansion) (any, error) {
	return func(c *graph.Call, p T, e odata.Expansion) (any, error) {
		switch e.Name {
		case "apps":
			return viewApps(*s.apps(&p)), nil
		case "assignments":
			return viewAssignments(*s.assignments(&p)), nil
		}
		return more(c, p, e)
	}
}

// part serves one list inside a policy.
func (s policies[T]) part(name, kind string, views func(p T) []any, answer func(*graph.Call, graph.List) error) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		p, err := s.One(c)
		if err != nil {
			return err
		}
		return answer(c, graph.Rows(s.Path+"('"+s.ID(p)+"')/"+name, kind, views(p)))
	}
}

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
	return c.Entity(http.StatusCreated, s.Path+"('"+s.ID(p)+"')/apps", viewMobileApp(app))
}

func (s policies[T]) getApp(c *graph.Call) error {
	p, err := s.One(c)
	if err != nil {
		return err
	}
	for _, app := range *s.apps(&p) {
		if v := viewMobileApp(app); v.ID == c.Key(1) {
			return c.Entity(http.StatusOK, s.Path+"('"+s.ID(p)+"')/apps", v)
		}
	}
	return noApp(c.Key(1))
}

func noApp(id string) error { return fault.New(fault.NotFound, "the policy has no app %q", id) }

func (s policies[T]) removeApp(c *graph.Call) error {
	found := false
	s.Take = func(_ *graph.Call, _ *odata.Object, p *T) {
		apps := s.apps(p)
		left := slices.DeleteFunc(slices.Clone(*apps), func(app directory.PackageID) bool { return viewMobileApp(app).ID == c.Key(1) })
		found = len(left) < len(*apps)
		*apps = left
	}
	if p, err := s.One(c); err != nil {
		return err
	} else if s.Take(c, nil, &p); !found {
		return noApp(c.Key(1))
	}
	nothing, err := odata.ParseObject([]byte("{}"))
	if err != nil {
		return err
	}
	if _, err := s.Change(c, nothing); err != nil {
		return err
	}
	return c.NoContent()
}

// addAssignment adds one assignment.
func (s policies[T]) addAssignment(c *graph.Call) error {
	o, err := c.Body("graph.targetedManagedAppPolicyAssignment")
	if err != nil {
		return err
	}
	var added targeting.Assignment
	if target := o.Object("target"); target != nil {
		added = readTarget(target)
	} else {
		o.Refuse("target", "is missing")
	}
	s.Take = func(_ *graph.Call, _ *odata.Object, p *T) {
		assignments := s.assignments(p)
		*assignments = append(slices.Clone(*assignments), added)
	}
	p, err := s.Change(c, o)
	if err != nil {
		return err
	}
	return c.Entity(http.StatusCreated, s.Path+"('"+s.ID(p)+"')/assignments", viewAssignment(added))
}

func viewApps(apps []directory.PackageID) []any {
	out := []any{}
	for _, app := range apps {
		out = append(out, viewMobileApp(app))
	}
	return out
}

func viewAssignments(all []targeting.Assignment) []any {
	out := []any{}
	for _, a := range all {
		out = append(out, viewAssignment(a))
	}
	return out
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

func readApps(o *odata.Object, to *[]directory.PackageID) {
	*to = nil
	for _, a := range o.Objects("apps") {
		*to = append(*to, readApp(a))
	}
	group := ""
	o.Text("appGroupType", &group)
	if group != "" && !strings.EqualFold(group, "selectedPublicApps") {
		o.Refuse("appGroupType", "is %q; groups of apps are not supported, name each app (selectedPublicApps)", group)
	}
}

func readApp(o *odata.Object) directory.PackageID {
	id := o.Object("mobileAppIdentifier")
	if id == nil {
		o.Refuse("mobileAppIdentifier", "is missing")
		return ""
	}
	if kind := id.Type(); kind != "" && kind != "windowsAppIdentifier" {
		id.Refuse("@odata.type", "is %q; only #microsoft.graph.windowsAppIdentifier is supported", kind)
	}
	var app string
	id.Text("windowsAppId", &app)
	if app == "" {
		id.Refuse("windowsAppId", "is missing; it names an app such as com.microsoft.edge")
	}
	return directory.PackageID(app)
}

func readAssignments(o *odata.Object, to *[]targeting.Assignment) {
	*to = nil
	for _, a := range o.Objects("assignments") {
		target := a.Object("target")
		if target == nil {
			a.Refuse("target", "is missing")
			continue
		}
		*to = append(*to, readTarget(target))
	}
}

func readTarget(target *odata.Object) targeting.Assignment {
	var a targeting.Assignment
	var group, filter, mode string
	target.Text("groupId", &group)
	target.Text("deviceAndAppManagementAssignmentFilterId", &filter)
	target.Text("deviceAndAppManagementAssignmentFilterType", &mode)
	if filter != "" && mode != "" && !strings.EqualFold(mode, "none") {
		target.Refuse("deviceAndAppManagementAssignmentFilterId", "is %q; assignment filters are not evaluated yet, so leave it out", filter)
	}
	a.Group = directory.GroupID(group)
	switch kind := target.Type(); kind {
	case "groupAssignmentTarget":
		a.Kind = targeting.IncludeGroup
	case "exclusionGroupAssignmentTarget":
		a.Kind = targeting.ExcludeGroup
	case "allLicensedUsersAssignmentTarget":
		return targeting.Assignment{Kind: targeting.AllUsers}
	default:
		target.Refuse("@odata.type", "is %q; valid are #microsoft.graph.groupAssignmentTarget, #microsoft.graph.exclusionGroupAssignmentTarget, #microsoft.graph.allLicensedUsersAssignmentTarget", kind)
	}
	if group == "" {
		target.Refuse("groupId", "is missing")
	}
	return a
}
