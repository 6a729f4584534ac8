package intune

import (
	"maps"

	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/protection"
)

const templatesPath = "deviceAppManagement/postern.protectionTemplates"

// listTemplates lists the protection levels as bodies: what is posted to
// windowsManagedAppProtections becomes a policy.
func listTemplates(c *graph.Call) error {
	var views []any
	for _, t := range protection.Templates() {
		v := settingsOf(t.Settings)
		maps.Copy(v, map[string]any{
			"@odata.type": protectionType, "displayName": t.Name, "description": t.Description,
			"postern": map[string]any{"templateId": t.ID, "level": t.Level},
		})
		views = append(views, v)
	}
	return c.Answer(graph.Rows("Collection(graph."+protectionKind+")", "graph."+protectionKind, views))
}
