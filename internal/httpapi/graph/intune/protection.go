package intune

import (
	"maps"
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

const (
	protectionsPath = "deviceAppManagement/windowsManagedAppProtections"
	protectionKind  = "windowsManagedAppProtection"
	protectionType  = "#microsoft.graph." + protectionKind

	notConfigured = "notConfigured"
)

// viewProtection prints a policy. The settings come from the catalogue, so that
// none is forgotten.
func viewProtection(c *graph.Call, p protection.Policy) (any, error) {
	out := settingsOf(p.Settings)
	maps.Copy(out, map[string]any{
		"@odata.type": protectionType, "id": string(p.ID), "displayName": p.DisplayName, "description": p.Description,
		"createdDateTime": graph.StampOrNever(p.CreatedAt), "lastModifiedDateTime": graph.StampOrNever(p.ModifiedAt),
		"roleScopeTagIds": graph.Texts(p.ScopeTags), "version": graph.ETag(p.Revision), "isAssigned": len(p.Assignments) > 0, "deployedAppCount": len(p.Apps),
	})
	return trimmed(c, out, "roleScopeTagIds"), nil
}

// settingsOf prints settings as properties of Graph.
func settingsOf(s protection.Settings) map[string]any {
	out := map[string]any{}
	settings := s.WithDefaults()
	for _, entry := range protection.Catalogue() {
		for _, property := range entry.Properties {
			out[property.Name] = settingValue(entry, property, settings)
		}
	}
	return out
}

// settingValue is what a property of Graph says about settings.
func settingValue(s protection.Setting, property protection.Property, settings protection.Settings) any {
	if !s.HealthCheck() {
		if v := s.Value(settings); s.Kind != protection.KindSwitch {
			return v
		} else {
			return v == s.Values[1]
		}
	}
	i := slices.IndexFunc(settings.Checks, func(k protection.Check) bool {
		return string(k.Subject) == s.Name && (property.Action == protection.Allow || k.Action == property.Action)
	})
	switch {
	case i < 0 && s.Kind == protection.KindLevel && property.Holds == protection.HoldsAction:
		return protection.Block.String() // Graph has no null here
	case i < 0 && s.Kind == protection.KindLevel:
		return notConfigured
	case i < 0:
		return nil
	case property.Holds == protection.HoldsAction:
		return settings.Checks[i].Action.String()
	case s.Kind == protection.KindDuration:
		return odata.FormatDuration(settings.Checks[i].After)
	}
	return settings.Checks[i].Limit()
}

func (d *Area) protections() policies[protection.Policy] {
	return policies[protection.Policy]{
		Set: graph.Set[protection.Policy]{
			Path: protectionsPath, Kind: "graph." + protectionKind, Beta: true, Read: directory.ProtectionRead, Write: directory.ProtectionWrite,
			Actions: managedApps.Actions, Name: "displayName", Patched: http.StatusOK,
			Items:    func(c *graph.Call) admin.Collection[protection.Policy] { return d.as(c).ProtectionPolicies() },
			ID:       func(p protection.Policy) string { return string(p.ID) },
			Revision: func(p protection.Policy) int64 { return p.Revision },
			Tags:     func(p *protection.Policy) *[]string { return &p.ScopeTags },
			View:     viewProtection, Take: readProtection,
		},
		area:        d,
		apps:        func(p *protection.Policy) *[]directory.PackageID { return &p.Apps },
		assignments: func(p *protection.Policy) *[]targeting.Assignment { return &p.Assignments },
		named:       func(p protection.Policy) string { return p.DisplayName },
	}.complete()
}
