package document

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
)

// Reference is an identifier in a document that names another object.
type Reference struct {
	Property string
	ID       string
	Kinds    []string // types it may be of
}

// words stand among identifiers and name no object. The service knows which of
// them it takes.
var words = []string{"all", "none", "guestsorexternalusers", "office365", "microsoftadminportals", "alltrusted", "serviceprincipalsinmytenant"}

// References lists what a document refers to.
func References(d Document) []Reference {
	var out []Reference
	take := func(property string, kinds ...string) {
		list, _ := Dig(d.Body, strings.Split(property, ".")...).([]any)
		for _, v := range list {
			if id, ok := v.(string); ok && !slices.Contains(words, strings.ToLower(id)) {
				out = append(out, Reference{property, id, kinds})
			}
		}
	}
	switch d.Kind.OData {
	case Access:
		take("conditions.users.includeUsers", User)
		take("conditions.users.excludeUsers", User)
		take("conditions.users.includeGroups", Group)
		take("conditions.users.excludeGroups", Group)
		take("conditions.applications.includeApplications", Application)
		take("conditions.applications.excludeApplications", Application)
		take("conditions.applications.includeAuthenticationContextClassReferences", Context)
		take("conditions.clientApplications.includeServicePrincipals", Application)
		take("conditions.clientApplications.excludeServicePrincipals", Application)
		take("conditions.locations.includeLocations", Location)
		take("conditions.locations.excludeLocations", Location)
		take("grantControls.termsOfUse", Agreement)
		if id := Text(Object(Dig(d.Body, "grantControls", "authenticationStrength")), "id"); id != "" {
			out = append(out, Reference{"grantControls.authenticationStrength", id, []string{Strength}})
		}
	case Protection, Configuration:
		out = assigned(d)
		take("roleScopeTagIds", ScopeTag)
	case Filter:
		take("roleScopeTags", ScopeTag)
	case Role:
		take("roleScopeTagIds", ScopeTag)
	case RoleGrant:
		take("members", Group)
		take("resourceScopes", Group)
		take("roleScopeTagIds", ScopeTag)
		out = append(out, Reference{"roleDefinition", Text(Object(d.Body["roleDefinition"]), "id"), []string{Role}})
	case Group:
		for _, id := range Members(d.Body) {
			out = append(out, Reference{"members@odata.bind", id, []string{User, Group}})
		}
	case Connector:
		out = append(out, Reference{"id", Text(d.Body, "id"), []string{Application}})
	}
	return slices.DeleteFunc(out, func(r Reference) bool { return r.ID == directory.DefaultScopeTag && r.Kinds[0] == ScopeTag })
}

func assigned(d Document) (out []Reference) {
	for i, a := range Assignments(d.Body) {
		at := fmt.Sprintf("assignments[%d].target.", i)
		if a.Group != "" {
			out = append(out, Reference{at + "groupId", a.Group, []string{Group}})
		}
		if a.Filter != "" {
			out = append(out, Reference{at + "deviceAndAppManagementAssignmentFilterId", a.Filter, []string{Filter}})
		}
	}
	return out
}

// Assignment is one assignment of a policy.
type Assignment struct {
	Type   string // of the target, without the namespace
	Group  string // "": all users
	Filter string // "": none
}

// Assignments reads the assignments of a policy.
func Assignments(o map[string]any) []Assignment {
	list, _ := o["assignments"].([]any)
	out := make([]Assignment, 0, len(list))
	for _, a := range list {
		target := Object(Dig(a, "target"))
		filter := Text(target, "deviceAndAppManagementAssignmentFilterId")
		mode := strings.ToLower(Text(target, "deviceAndAppManagementAssignmentFilterType"))
		if filter == zeroGUID || mode == "none" {
			filter = ""
		}
		out = append(out, Assignment{strings.TrimPrefix(Text(target, "@odata.type"), namespace), Text(target, "groupId"), filter})
	}
	return out
}

// Members lists the identifiers that a group binds as its members.
func Members(o map[string]any) []string {
	list, _ := o["members@odata.bind"].([]any)
	var out []string
	for _, v := range list {
		s, _ := v.(string)
		out = append(out, lastSegment(s))
	}
	return out
}

// Identifiers says which identifier of a service stands for one in documents.
// Those of scope tags are small numbers: they count only where a scope tag is named.
type Identifiers struct{ all, tags map[string]string }

// NewIdentifiers returns an empty set.
func NewIdentifiers() Identifiers { return Identifiers{map[string]string{}, map[string]string{}} }

// Put says that from, in documents, is to in the service, for an object of a kind.
func (ids Identifiers) Put(k Kind, from, to string) {
	if k.OData == ScopeTag {
		ids.tags[from] = to
		return
	}
	ids.all[from] = to
}

// Of is the identifier in the service; id itself where nothing else was said.
func (ids Identifiers) Of(id string) string {
	if to, ok := ids.all[id]; ok {
		return to
	}
	return id
}

// Rewrite replaces identifiers everywhere in a document.
func (ids Identifiers) Rewrite(body map[string]any) map[string]any {
	return Object(ids.replace("", body))
}

func (ids Identifiers) replace(property string, v any) any {
	switch v := v.(type) {
	case string:
		if property == "roleScopeTagIds" || property == "roleScopeTags" {
			if to, ok := ids.tags[v]; ok {
				return to
			}
			return v
		}
		return ids.Of(v)
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = ids.replace(property, out[i])
		}
		return out
	case map[string]any:
		out := maps.Clone(v)
		for name := range out {
			out[name] = ids.replace(name, out[name])
		}
		return out
	}
	return v
}
