package document

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

const namespace = "#microsoft.graph."

// The kinds that others need to tell apart, by their Graph type.
const (
	Organization  = "organization"
	User          = "user"
	Group         = "group"
	Application   = "application"
	Connector     = "mobileThreatDefenseConnector"
	ScopeTag      = "roleScopeTag"
	Filter        = "deviceAndAppManagementAssignmentFilter"
	Protection    = "windowsManagedAppProtection"
	Configuration = "targetedManagedAppConfiguration"
	Access        = "conditionalAccessPolicy"
	Location      = "namedLocation"
	Strength      = "authenticationStrengthPolicy"
	Context       = "authenticationContextClassReference"
	Agreement     = "agreement"
	Role          = "deviceAndAppManagementRoleDefinition"
	RoleGrant     = "deviceAndAppManagementRoleAssignment"
)

// Kind is one sort of object that documents may hold.
type Kind struct {
	Title  string   // for people
	OData  string   // type, without the namespace
	Path   string   // of the collection, with the version
	Query  string   // for lists
	Folder string   // for export
	Keys   []string // properties that identify an object, strongest first; the last one names it to people
	// Actions name the segment that replaces a property of an existing object,
	// where changing the object does not.
	Actions map[string]string
	// Kept is never deleted because documents leave it out.
	Kept bool

	also   []string // other names of the type
	skip   []string // properties that are not compared: the service's own, or of other platforms
	drop   []string // properties that are not exported or sent: they repeat others, or are the service's own
	only   []string // when set: the only properties that are compared
	chosen bool     // whoever creates one chooses its identifier
	strict bool     // properties that the service does not know are sent, so that it refuses them
	// looks recognises an object without a type.
	looks func(o map[string]any) bool
}

// readOnly properties come from the service alone.
var readOnly = []string{
	"id", "createdDateTime", "modifiedDateTime", "lastModifiedDateTime", "deletedDateTime", "version", "isAssigned", "deployedAppCount",
}

// Kinds lists what can be applied, in the order in which kinds depend on each other.
func Kinds() []Kind { return slices.Concat(people(), policies(), conditional(), roles()) }

// KindOf returns the kind of a Graph type, without its namespace.
func KindOf(odata string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.OData == odata {
			return k, true
		}
	}
	return Kind{}, false
}

func people() []Kind {
	return []Kind{
		{
			Title: "organization", OData: Organization, Path: "/v1.0/organization", Folder: "organization", Keys: []string{"id", "displayName"}, Kept: true,
			only: []string{"displayName", "postern"}, looks: has("verifiedDomains"),
		},
		{ // its identifier is a small number, which means something else in every tenant
			Title: "scope tag", OData: ScopeTag, Path: "/beta/deviceManagement/roleScopeTags", Folder: "scope-tags", Keys: []string{"displayName"},
			drop: []string{"isBuiltIn"},
		},
		{
			Title: "user", OData: User, Path: "/v1.0/users", Folder: "users", Keys: []string{"id", "userPrincipalName"}, Kept: true,
			skip: []string{"passwordProfile", "mailNickname", "userType"}, looks: has("userPrincipalName"),
		},
		{
			Title: "group", OData: Group, Path: "/v1.0/groups", Folder: "groups", Keys: []string{"id", "displayName"},
			looks: has("securityEnabled", "groupTypes", "members@odata.bind"),
		},
		{
			Title: "application", OData: Application, Path: "/beta/applications", Folder: "applications", Kept: true,
			Keys: []string{"appId", "id", "displayName"}, skip: []string{"appId", "passwordCredentials", "signInAudience"},
			looks: has("appId", "identifierUris", "web", "publicClient", "spa", "keyCredentials", "onPremisesPublishing"),
		},
	}
}

func policies() []Kind {
	actions := map[string]string{"apps": "targetApps", "assignments": "assign"}
	configuring := maps.Clone(actions)
	configuring["settings"] = "changeSettings"
	return []Kind{
		{
			Title: "threat connector", OData: Connector, Path: "/beta/deviceManagement/mobileThreatDefenseConnectors",
			Folder: "connectors", Keys: []string{"id"}, chosen: true,
			only:  []string{"windowsMobileApplicationManagementEnabled", "windowsDeviceBlockedOnMissingPartnerData", "partnerUnresponsivenessThresholdInDays"},
			looks: has("windowsMobileApplicationManagementEnabled", "partnerState", "lastHeartbeatDateTime"),
		},
		{
			Title: "assignment filter", OData: Filter, Path: "/beta/deviceManagement/assignmentFilters", Folder: "assignment-filters",
			Keys: []string{"id", "displayName"}, drop: []string{"payloads"}, looks: has("rule", "assignmentFilterManagementType"),
		},
		{
			Title: "app protection policy", OData: Protection, Path: "/beta/deviceAppManagement/windowsManagedAppProtections",
			Query: "?$expand=apps,assignments", Folder: "app-protection", Keys: []string{"id", "displayName"}, Actions: actions,
			looks: func(o map[string]any) bool { return onlyWindowsApps(o) && !has("customSettings", "settings")(o) },
		},
		{
			Title: "app configuration policy", OData: Configuration, Path: "/beta/deviceAppManagement/targetedManagedAppConfigurations",
			Query: "?$expand=apps,assignments,settings", Folder: "app-configuration", Keys: []string{"id", "displayName"}, Actions: configuring,
			looks: has("customSettings"),
		},
	}
}

// conditional are the kinds of Conditional Access: what policies refer to comes
// before them.
func conditional() []Kind {
	return []Kind{
		{
			Title: "named location", OData: Location, Path: "/v1.0/identity/conditionalAccess/namedLocations", Folder: "named-locations",
			Keys: []string{"id", "displayName"}, strict: true, also: []string{"ipNamedLocation", "countryNamedLocation", "compliantNetworkNamedLocation"},
			looks: has("ipRanges", "countriesAndRegions"),
		},
		{
			Title: "authentication strength", OData: Strength, Path: "/v1.0/identity/conditionalAccess/authenticationStrength/policies",
			Folder: "authentication-strengths", Keys: []string{"id", "displayName"}, strict: true,
			Actions: map[string]string{"allowedCombinations": "updateAllowedCombinations"},
			drop:    []string{"policyType", "requirementsSatisfied", "combinationConfigurations"}, looks: has("allowedCombinations"),
		},
		{ // its identifier is what apps ask for
			Title: "authentication context", OData: Context, Path: "/v1.0/identity/conditionalAccess/authenticationContextClassReferences",
			Folder: "authentication-contexts", Keys: []string{"id"}, chosen: true, looks: has("isAvailable"),
		},
		{
			Title: "terms of use", OData: Agreement, Path: "/v1.0/identityGovernance/termsOfUse/agreements", Query: "?$expand=files",
			Folder: "terms-of-use", Keys: []string{"id", "displayName"}, looks: has("isViewingBeforeAcceptanceRequired", "termsExpiration"),
		},
		{ // beta shows every property but the template, which decides nothing
			Title: "conditional access policy", OData: Access, Path: "/beta/identity/conditionalAccess/policies",
			Folder: "conditional-access", Keys: []string{"id", "displayName"}, strict: true, skip: []string{"templateId"},
			looks: has("grantControls", "sessionControls", "conditions"),
		},
	}
}

func roles() []Kind {
	return []Kind{
		{
			Title: "role definition", OData: Role, Path: "/beta/deviceManagement/roleDefinitions", Folder: "role-definitions",
			Keys: []string{"id", "displayName"}, also: []string{"roleDefinition"},
			drop: []string{"permissions", "isBuiltIn", "isBuiltInRoleDefinition"}, looks: has("rolePermissions", "permissions"),
		},
		{
			Title: "role assignment", OData: RoleGrant, Path: "/beta/deviceManagement/roleAssignments", Query: "?$expand=roleDefinition",
			Folder: "role-assignments", Keys: []string{"id", "displayName"}, also: []string{"roleAssignment"},
			drop: []string{"scopeMembers", "scopeType"}, looks: has("resourceScopes", "scopeMembers", "roleDefinition@odata.bind"),
		},
	}
}

func has(names ...string) func(map[string]any) bool {
	return func(o map[string]any) bool {
		return slices.ContainsFunc(names, func(n string) bool { _, ok := o[n]; return ok })
	}
}

// onlyWindowsApps reports whether o targets apps, all of them on Windows.
func onlyWindowsApps(o map[string]any) bool {
	apps, _ := o["apps"].([]any)
	for _, a := range apps {
		if _, ok := Object(Dig(a, "mobileAppIdentifier"))["windowsAppId"]; !ok {
			return false
		}
	}
	return len(apps) > 0
}

// Dig walks down nested objects; nil when a member is missing.
func Dig(v any, names ...string) any {
	for _, n := range names {
		v = Object(v)[n]
	}
	return v
}

// Text is a member that is a string, or "".
func Text(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return s
}

// Object is v as an object; nil when it is none.
func Object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

// Name says which object o is, for people.
func (k Kind) Name(o map[string]any) string {
	for _, key := range slices.Backward(k.Keys) {
		if s := Text(o, key); s != "" {
			return s
		}
	}
	return ""
}

// Identifier is what others refer to o by.
func (k Kind) Identifier(o map[string]any) string {
	if k.OData == Application {
		return Text(o, "appId")
	}
	return Text(o, "id")
}

// Identifies reports whether others may refer to o by id: an application has two
// identifiers, and tags that name it with others.
func (k Kind) Identifies(o map[string]any, id string) bool {
	if k.OData != Application {
		return k.Identifier(o) == id
	}
	tags, _ := o["tags"].([]any)
	return id != "" && (Text(o, "appId") == id || Text(o, "id") == id || slices.Contains(tags, any(id)))
}

// BuiltIn reports whether o is a part of the product.
func (k Kind) BuiltIn(o map[string]any) bool {
	return o["isBuiltIn"] == true || o["isBuiltInRoleDefinition"] == true || o["policyType"] == "builtIn" || Dig(o, "postern", "builtIn") == true
}

// Find matches a body by the strongest key that it shares with one of objects;
// nil when there is none.
func (k Kind) Find(body map[string]any, objects []map[string]any) (map[string]any, error) {
	for _, key := range k.Keys {
		want := Text(body, key)
		if want == "" {
			continue
		}
		var found []map[string]any
		for _, o := range objects {
			if strings.EqualFold(Text(o, key), want) {
				found = append(found, o)
			}
		}
		if len(found) > 1 {
			return nil, fmt.Errorf("the service has %d objects with the %s %q; say which by its id", len(found), key, want)
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return nil, nil
}

// Outgoing is the part of a body that is sent: the properties in only, or all
// but the service's own.
func (k Kind) Outgoing(body map[string]any, only []string) map[string]any {
	out := map[string]any{"@odata.type": k.typeOf(body)}
	for name, v := range body {
		switch {
		case only != nil && !slices.Contains(only, name):
		case name == "id" && k.chosen && only == nil:
			out[name] = v
		case slices.Contains(readOnly, name), slices.Contains(k.drop, name), name == "appId":
		case annotation(name) && name != "members@odata.bind":
		default:
			out[name] = v
		}
	}
	return out
}

// typeOf is how a body says what it is. There are kinds of named locations.
func (k Kind) typeOf(body map[string]any) string {
	switch t := Text(body, "@odata.type"); {
	case k.OData != Location:
		return namespace + k.OData
	case t != "":
		return t
	case body["ipRanges"] != nil:
		return namespace + "ipNamedLocation"
	}
	return namespace + "countryNamedLocation"
}

// annotation reports whether a member is about others: odata.type, an action
// that the service advertises.
func annotation(name string) bool {
	return strings.Contains(name, "@odata.") || strings.HasPrefix(name, "#")
}

// Exported is o without what is the service's own, all but the identifier.
func (k Kind) Exported(o map[string]any) map[string]any {
	out := maps.Clone(o)
	maps.DeleteFunc(out, func(name string, _ any) bool {
		return name != "id" && slices.Contains(readOnly, name) || slices.Contains(k.drop, name) || name == "passwordCredentials" ||
			strings.HasSuffix(name, "@odata.context") || strings.HasPrefix(name, "#")
	})
	out["@odata.type"] = k.typeOf(o)
	settle(k, out)
	if site := Object(out["onPremisesPublishing"]); site != nil {
		out["onPremisesPublishing"] = portless(site)
	}
	return out
}

// portless is a published site without the port, which is that of the service
// that publishes it and not of another.
func portless(site map[string]any) map[string]any {
	u, err := url.Parse(Text(site, "externalUrl"))
	if err != nil || u.Port() == "" {
		return site
	}
	u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	site = maps.Clone(site)
	site["externalUrl"] = u.String()
	return site
}
