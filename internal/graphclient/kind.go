package graphclient

import (
	"slices"
	"strings"
)

const namespace = "#microsoft.graph."

// kind is one sort of object that documents may hold. Kinds are listed in the
// order in which they depend on each other.
type kind struct {
	title  string   // for people
	odata  string   // type, without the namespace
	path   string   // of the collection, with the version
	query  string   // for lists
	folder string   // for export
	keys   []string // properties that identify an object, strongest first; the last one names it to people
	skip   []string // properties that are the service's own, or of other platforms
	only   []string // when set: the only properties that are compared
	strict bool     // properties that the service does not know are sent, so that it refuses them
	// looks recognises an object without a type.
	looks func(o map[string]any) bool
}

// readOnly properties come from the service alone.
var readOnly = []string{
	"id", "createdDateTime", "modifiedDateTime", "lastModifiedDateTime", "deletedDateTime", "version", "templateId", "isAssigned", "deployedAppCount",
}

func has(names ...string) func(map[string]any) bool {
	return func(o map[string]any) bool {
		return slices.ContainsFunc(names, func(n string) bool { _, ok := o[n]; return ok })
	}
}

// kinds lists what can be applied.
func kinds() []kind {
	return []kind{
		{
			title: "organization", odata: "organization", path: "/v1.0/organization", folder: "organization", keys: []string{"id", "displayName"},
			only: []string{"displayName", "postern"}, looks: has("verifiedDomains"),
		},
		{
			title: "user", odata: "user", path: "/v1.0/users", folder: "users", keys: []string{"id", "userPrincipalName"},
			skip: []string{"passwordProfile", "mailNickname", "userType"}, looks: has("userPrincipalName"),
		},
		{
			title: "group", odata: "group", path: "/v1.0/groups", folder: "groups", keys: []string{"id", "displayName"},
			looks: has("securityEnabled", "groupTypes", "members@odata.bind"),
		},
		{
			title: "application", odata: "application", path: "/beta/applications", folder: "applications",
			keys: []string{"appId", "id", "displayName"}, skip: []string{"appId", "passwordCredentials", "signInAudience"},
			looks: has("appId", "identifierUris", "web", "publicClient", "spa", "keyCredentials", "onPremisesPublishing"),
		},
		{
			title: "threat connector", odata: "mobileThreatDefenseConnector", path: "/beta/deviceManagement/mobileThreatDefenseConnectors",
			folder: "connectors", keys: []string{"id"},
			only:  []string{"windowsMobileApplicationManagementEnabled", "windowsDeviceBlockedOnMissingPartnerData", "partnerUnresponsivenessThresholdInDays"},
			looks: has("windowsMobileApplicationManagementEnabled", "partnerState", "lastHeartbeatDateTime"),
		},
		{
			title: "app protection policy", odata: "windowsManagedAppProtection", path: "/beta/deviceAppManagement/windowsManagedAppProtections",
			query: "?$expand=apps,assignments", folder: "app-protection", keys: []string{"id", "displayName"},
			looks: func(o map[string]any) bool {
				context, _ := o["@odata.context"].(string)
				return strings.Contains(context, "windowsManagedAppProtections") || onlyWindowsApps(o)
			},
		},
		{
			title: "conditional access policy", odata: "conditionalAccessPolicy", path: "/v1.0/identity/conditionalAccess/policies",
			folder: "conditional-access", keys: []string{"id", "displayName"}, strict: true,
			looks: has("grantControls", "sessionControls", "conditions"),
		},
	}
}

// otherPlatforms are kinds of policies that are for other platforms.
var otherPlatforms = map[string]string{
	"iosManagedAppProtection": "iOS", "androidManagedAppProtection": "Android", "targetedManagedAppProtection": "iOS and Android",
	"defaultManagedAppProtection": "iOS and Android",
}

// onlyWindowsApps reports whether o targets apps, all of them on Windows.
func onlyWindowsApps(o map[string]any) bool {
	apps, _ := o["apps"].([]any)
	for _, a := range apps {
		identifier, _ := dig(a, "mobileAppIdentifier").(map[string]any)
		if _, ok := identifier["windowsAppId"]; !ok {
			return false
		}
	}
	return len(apps) > 0
}

// dig walks down nested objects; nil when a member is missing.
func dig(v any, names ...string) any {
	for _, n := range names {
		o, _ := v.(map[string]any)
		v = o[n]
	}
	return v
}

// text is a member that is a string, or "".
func text(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return s
}

// name says which object o is, for people.
func (k kind) name(o map[string]any) string {
	for _, key := range slices.Backward(k.keys) {
		if s := text(o, key); s != "" {
			return s
		}
	}
	return ""
}
