package entra

import (
	"maps"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

type servicePrincipal struct {
	Type                   string    `json:"@odata.type"`
	ID                     string    `json:"id"`
	AccountEnabled         bool      `json:"accountEnabled"`
	AppDisplayName         string    `json:"appDisplayName"`
	AppID                  string    `json:"appId"`
	AppOwnerOrganizationID string    `json:"appOwnerOrganizationId"`
	AppRoles               []appRole `json:"appRoles"`
	DisplayName            string    `json:"displayName"`
	ServicePrincipalNames  []string  `json:"servicePrincipalNames"`
	ServicePrincipalType   string    `json:"servicePrincipalType"`
	Tags                   []string  `json:"tags"`
	// CustomSecurityAttributes are answered to who asks for them alone, as in Graph.
	CustomSecurityAttributes map[string]any `json:"customSecurityAttributes"`
}

type appRole struct {
	AllowedMemberTypes []string `json:"allowedMemberTypes"`
	DisplayName        string   `json:"displayName"`
	IsEnabled          bool     `json:"isEnabled"`
	Value              string   `json:"value"`
}

// principals is the other face of applications: here an application and its
// service principal are one. What is not said of applications is written here.
func (d *Area) principals() graph.Set[directory.App] {
	r := d.apps()
	r.Path, r.Kind = "servicePrincipals", "graph.servicePrincipal"
	r.View = func(_ *graph.Call, a directory.App) (any, error) {
		out := servicePrincipal{
			Type: "#microsoft.graph.servicePrincipal", ID: a.ObjectID, AccountEnabled: true, AppDisplayName: a.DisplayName, AppID: string(a.ID),
			AppOwnerOrganizationID: string(a.Tenant), AppRoles: []appRole{}, DisplayName: a.DisplayName, ServicePrincipalType: "Application",
			ServicePrincipalNames: append([]string{string(a.ID)}, a.IdentifierURIs...), Tags: graph.Texts(a.Tags),
			CustomSecurityAttributes: viewAttributes(a.Attributes),
		}
		if a.ID == directory.GraphAPI {
			for _, p := range directory.Permissions() {
				out.AppRoles = append(out.AppRoles, appRole{[]string{"Application"}, p, true, p})
			}
		}
		return out, nil
	}
	r.Take = func(_ *graph.Call, o *odata.Object, a *directory.App) {
		o.Texts("tags", &a.Tags)
		takeAttributes(o, a)
		o.RefuseRest("of a service principal tags and customSecurityAttributes can be changed; change its application for the rest", "accountEnabled", "appId", "displayName")
	}
	return r
}

const attributeKind = "#microsoft.graph.customSecurityAttributeValue"

// viewAttributes shows attributes by their sets; nil when there are none.
func viewAttributes(attributes map[string]string) map[string]any {
	var out map[string]any
	for name, values := range attributes {
		set, own, _ := strings.Cut(name, "_")
		if out == nil {
			out = map[string]any{}
		}
		of, ok := out[set].(map[string]any)
		if !ok {
			of = map[string]any{"@odata.type": attributeKind}
			out[set] = of
		}
		of[own] = values
		if list := strings.Split(values, "\n"); len(list) > 1 {
			of[own], of[own+"@odata.type"] = list, "#Collection(String)"
		}
	}
	return out
}

// takeAttributes changes the attributes that a body names: null removes one, and
// a set or an attribute that is not named stays (Graph: "Assign custom security
// attributes"). Policies select by text alone.
func takeAttributes(o *odata.Object, a *directory.App) {
	sets := o.Object("customSecurityAttributes")
	if sets == nil {
		return
	}
	a.Attributes = maps.Clone(a.Attributes)
	if a.Attributes == nil {
		a.Attributes = map[string]string{}
	}
	for _, set := range sets.Names() {
		of := sets.Object(set)
		if of == nil {
			maps.DeleteFunc(a.Attributes, func(name, _ string) bool { return strings.HasPrefix(name, set+"_") })
			continue
		}
		for _, own := range of.Names() {
			var values []string
			if text := ""; of.IsText(own) {
				of.Text(own, &text)
				values = append(values, text)
			} else {
				of.Texts(own, &values)
			}
			if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "\n") }) {
				of.Refuse(own, "has a line break in a value; values are lines of text")
			}
			if len(values) == 0 {
				delete(a.Attributes, set+"_"+own)
				continue
			}
			a.Attributes[set+"_"+own] = strings.Join(values, "\n")
		}
	}
}
