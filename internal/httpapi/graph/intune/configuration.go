package intune

import (
	"net/http"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/targeting"
)

const (
	configurationsPath = "deviceAppManagement/targetedManagedAppConfigurations"
	configurationKind  = "targetedManagedAppConfiguration"
	configurationType  = "#microsoft.graph." + configurationKind
	settingKind        = "graph.deviceManagementConfigurationSetting"
)

// managementLevels of an app that can be here: only unmanaged PCs have app
// protection, so that both say the same.
var managementLevels = []string{"unspecified", "unmanaged"}

func (d *Area) configurations() policies[configuration.Policy] {
	return policies[configuration.Policy]{
		Set: graph.Set[configuration.Policy]{
			Path: configurationsPath, Kind: "graph." + configurationKind, Read: directory.ProtectionRead, Write: directory.ProtectionWrite,
			Actions: managedApps.Actions, Name: "displayName", Patched: http.StatusOK,
			Items:    func(c *graph.Call) admin.Collection[configuration.Policy] { return d.as(c).Configurations() },
			ID:       func(p configuration.Policy) string { return string(p.ID) },
			Revision: func(p configuration.Policy) int64 { return p.Revision },
			Tags:     func(p *configuration.Policy) *[]string { return &p.ScopeTags },
			View:     viewConfiguration, Take: readConfiguration,
		},
		area:        d,
		apps:        func(p *configuration.Policy) *[]directory.PackageID { return &p.Apps },
		assignments: func(p *configuration.Policy) *[]targeting.Assignment { return &p.Assignments },
		named:       func(p configuration.Policy) string { return p.DisplayName },
		more:        []string{"settings"},
		expandMore:  func(_ *graph.Call, p configuration.Policy, _ string) any { return viewSettings(p.Catalog) },
	}.complete()
}

func (d *Area) configurationRoutes() []graph.Route {
	s := d.configurations()
	settings := func(_ *graph.Call, p configuration.Policy) []any { return viewSettings(p.Catalog) }
	onBeta := []graph.Route{
		s.route(http.MethodGet, "/settings", s.Actions.Read, s.part("settings", settingKind, settings, (*graph.Call).Answer)),
		s.route(http.MethodGet, "/settings/$count", s.Actions.Read, s.part("settings", settingKind, settings, (*graph.Call).Total)),
		s.route(http.MethodPost, "/settings", s.Actions.Update, d.addSetting),
		s.route(http.MethodPost, "/changeSettings", s.Actions.Update, s.Act(func(_ *graph.Call, o *odata.Object, p *configuration.Policy) {
			p.Catalog = readSettings(o)
		})),
	}
	for i := range onBeta {
		onBeta[i].Beta = true
	}
	return append(s.routes(), onBeta...)
}

// viewConfiguration prints a policy without its typed settings, which are expanded.
func viewConfiguration(c *graph.Call, p configuration.Policy) (any, error) {
	pairs := []any{}
	for _, s := range p.Settings {
		pairs = append(pairs, map[string]any{"name": s.Name, "value": s.Value})
	}
	level := p.ManagementLevel
	if level == "" {
		level = managementLevels[0]
	}
	return trimmed(c, map[string]any{
		"@odata.type": configurationType, "id": string(p.ID), "displayName": p.DisplayName, "description": p.Description,
		"createdDateTime": graph.StampOrNever(p.CreatedAt), "lastModifiedDateTime": graph.StampOrNever(p.ModifiedAt),
		"roleScopeTagIds": graph.Texts(p.ScopeTags), "version": graph.ETag(p.Revision), "isAssigned": len(p.Assignments) > 0, "deployedAppCount": len(p.Apps),
		"customSettings": pairs, "appGroupType": selectedApps, "targetedAppManagementLevels": level,
		"postern": map[string]any{"priority": p.Priority},
	}, "roleScopeTagIds", "appGroupType", "targetedAppManagementLevels"), nil
}

func readConfiguration(c *graph.Call, o *odata.Object, p *configuration.Policy) {
	if p.Revision == 0 {
		p.Tenant, p.Priority = c.Tenant(), configuration.DefaultPriority
	}
	if kind := o.Type(); kind != "" && kind != configurationKind {
		o.Refuse("@odata.type", "is %q; it must be %s", kind, configurationType)
		return
	}
	o.Text("displayName", &p.DisplayName)
	o.Text("description", &p.Description)
	o.Texts("roleScopeTagIds", &p.ScopeTags)
	if o.Has("customSettings") {
		p.Settings = readPairs(o)
	}
	if o.Has("settings") {
		p.Catalog = readSettings(o)
	}
	readGroupType(o)
	readLevel(o, &p.ManagementLevel)
	if more := o.Object("postern"); more != nil {
		more.Number("priority", &p.Priority)
	}
	if o.Has("apps") {
		readApps(o, &p.Apps)
	}
	if o.Has("assignments") {
		readAssignments(o, &p.Assignments)
	}
}

func readPairs(o *odata.Object) []configuration.Setting {
	var out []configuration.Setting
	for _, pair := range o.Objects("customSettings") {
		var s configuration.Setting
		pair.Text("name", &s.Name)
		pair.Text("value", &s.Value)
		out = append(out, s)
	}
	return out
}

// readLevel refuses a policy that would silently reach nobody.
func readLevel(o *odata.Object, to *string) {
	level := *to
	o.Text("targetedAppManagementLevels", &level)
	for part := range strings.SplitSeq(level, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(managementLevels, part) {
			o.Refuse("targetedAppManagementLevels", "is %q; apps on managed devices have no app protection, so valid are %s", level, strings.Join(managementLevels, ", "))
		}
	}
	*to = level
}

// addSetting adds one typed setting.
func (d *Area) addSetting(c *graph.Call) error {
	o, err := c.Body(settingKind)
	if err != nil {
		return err
	}
	added, s := readTyped(o), d.configurations()
	s.Take = func(_ *graph.Call, _ *odata.Object, p *configuration.Policy) {
		p.Catalog = append(slices.Clone(p.Catalog), added)
	}
	p, err := s.Change(c, o)
	if err != nil {
		return err
	}
	return c.Entity(http.StatusCreated, s.inside(p, "settings"), viewSetting(len(p.Catalog)-1, added))
}
