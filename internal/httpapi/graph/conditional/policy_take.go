package conditional

import (
	"maps"
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/odata"
)

// The words that stand among identifiers.
const (
	wordAll        = "All"
	wordNone       = "None"
	wordGuests     = "GuestsOrExternalUsers"
	wordAllTrusted = "AllTrusted"
	wordWorkloads  = "ServicePrincipalsInMyTenant"
)

// elsewhere are conditions that nothing here can tell, and why.
func elsewhere() map[string]string {
	return map[string]string{
		"times":             "no sign-in is judged by the time of day here, so remove it",
		"deviceStates":      "Microsoft replaced it by devices.deviceFilter, so say it as a filter",
		"agentIdRiskLevels": "there are no agent identities here, so remove it",
		"clients":           "there are no other clients than clientAppTypes names, so remove it",
	}
}

func takeConditions(o *odata.Object, p *access.Policy) {
	to := &p.Conditions
	takeClients(o, to)
	if o.Says("users") {
		takeUsers(o.Object("users"), p)
	}
	if o.Says("applications") {
		takeApps(o.Object("applications"), p)
	}
	if o.Says("platforms") {
		to.Platforms = takePlatforms(o.Object("platforms"))
	}
	if o.Says("locations") {
		takeLocations(o.Object("locations"), p)
	}
	if o.Says("clientApplications") {
		takeWorkloads(o.Object("clientApplications"), p)
	}
	if o.Says("devices") {
		takeDevices(o.Object("devices"), to)
	}
	if o.Says("authenticationFlows") {
		if flow := o.Object("authenticationFlows"); flow != nil {
			to.Transfer = flags(flow, "transferMethods", access.DeviceCodeFlow, access.AuthenticationTransfer)
			flow.RefuseRest(unknown)
		}
	}
	to.SignInRisk, to.UserRisk = takeRisk(o, "signInRiskLevels"), takeRisk(o, "userRiskLevels")
	to.WorkloadRisk = takeRisk(o, "servicePrincipalRiskLevels")
	to.InsiderRisk = flags(o, "insiderRiskLevels", access.InsiderMinor, access.InsiderModerate, access.InsiderElevated)
	empty := slices.Collect(maps.Keys(elsewhere()))
	refuse(o, elsewhere(), append(empty, "users", "applications", "platforms", "locations", "clientApplications", "devices", "authenticationFlows")...)
}

// takeClients reads the client app types. None at all means every one, as in the
// policies that are older than the condition (Microsoft documents it so).
func takeClients(o *odata.Object, to *access.Conditions) {
	var types []string
	o.Words("clientAppTypes", &types, string(access.AllClientApps), string(access.Browser), string(access.MobileAndDesktop),
		string(access.ExchangeActiveSync), string(access.OtherClients))
	if len(types) == 0 {
		types = []string{string(access.AllClientApps)}
	}
	to.ClientAppTypes = graph.Typed[access.ClientAppType](types)
}

func takeRisk(o *odata.Object, name string) []access.Risk {
	var levels []string
	o.Words(name, &levels, string(access.RiskLow), string(access.RiskMedium), string(access.RiskHigh), string(access.RiskHidden), string(access.RiskNone))
	return graph.Typed[access.Risk](levels)
}

func takeUsers(o *odata.Object, p *access.Policy) {
	if o == nil {
		return
	}
	to := &p.Conditions.Users
	include, exclude := takeMixed(o, "includeUsers", wordAll, wordNone, wordGuests), takeMixed(o, "excludeUsers", wordGuests)
	to.All, to.None, to.AnyGuest, to.NoGuest = include.has(wordAll), include.has(wordNone), include.has(wordGuests), exclude.has(wordGuests)
	to.Include, to.Exclude = graph.Typed[directory.UserID](include.ids), graph.Typed[directory.UserID](exclude.ids)
	keep(p, include, includedUsers(*to))
	keep(p, exclude, excludedUsers(*to))
	to.IncludeGroups, to.ExcludeGroups = identifiers[directory.GroupID](o, "includeGroups"), identifiers[directory.GroupID](o, "excludeGroups")
	to.IncludeRoles, to.ExcludeRoles = identifiers[directory.RoleTemplateID](o, "includeRoles"), identifiers[directory.RoleTemplateID](o, "excludeRoles")
	to.IncludeGuests, to.ExcludeGuests = takeGuests(o, "includeGuestsOrExternalUsers"), takeGuests(o, "excludeGuestsOrExternalUsers")
	o.RefuseRest(unknown)
}

func identifiers[ID ~string](o *odata.Object, name string) []ID {
	var ids []string
	o.Texts(name, &ids)
	return graph.Typed[ID](ids)
}

func takeGuests(o *odata.Object, name string) *access.Guests {
	g := o.Object(name)
	if g == nil || !o.Says(name) {
		return nil
	}
	out := &access.Guests{Kinds: flags(g, "guestOrExternalUserTypes", directory.GuestKinds()...)}
	if tenants := g.Object("externalTenants"); tenants != nil {
		kind := ""
		tenants.Word("membershipKind", &kind, "all", "enumerated")
		out.Enumerated = kind == "enumerated" || tenants.Type() == "conditionalAccessEnumeratedExternalTenants"
		out.AnyTenant = !out.Enumerated
		out.Tenants = identifiers[directory.TenantID](tenants, "members")
		tenants.RefuseRest(unknown)
	}
	g.RefuseRest(unknown)
	return out
}

func takeApps(o *odata.Object, p *access.Policy) {
	if o == nil {
		return
	}
	to := &p.Conditions.Apps
	groups := []string{string(access.Office365), string(access.MicrosoftAdminPortals)}
	include, exclude := takeMixed(o, "includeApplications", append([]string{wordAll, wordNone}, groups...)...), takeMixed(o, "excludeApplications", groups...)
	to.All, to.None = include.has(wordAll), include.has(wordNone)
	to.Include, to.IncludeGroups = apart(include)
	to.Exclude, to.ExcludeGroups = apart(exclude)
	keep(p, include, includedApps(*to))
	keep(p, exclude, excludedApps(*to))
	to.Filter = takeFilter(o, "applicationFilter")
	var actions []string
	o.Words("includeUserActions", &actions, string(access.RegisterSecurityInfo), string(access.RegisterDevice))
	to.Actions = graph.Typed[access.UserAction](actions)
	to.Contexts = identifiers[access.ContextID](o, "includeAuthenticationContextClassReferences")
	traffic := "there is no network of Global Secure Access here, so target applications"
	refuse(o, map[string]string{"globalSecureAccess": traffic, "networkAccess": traffic})
}

// apart tells identifiers of apps from names of groups of apps: whatever is no
// identifier is a name.
func apart(l *mixed) (apps []directory.AppID, groups []access.AppGroup) {
	for _, word := range l.found {
		if word != wordAll && word != wordNone {
			groups = append(groups, access.AppGroup(word))
		}
	}
	for _, id := range l.ids {
		if guid.MatchString(id) {
			apps = append(apps, directory.AppID(id))
		} else {
			groups = append(groups, access.AppGroup(id))
		}
	}
	return apps, groups
}

func takePlatforms(o *odata.Object) *access.Platforms {
	if o == nil {
		return nil
	}
	var include, exclude []string
	names := []string{
		string(access.AllPlatforms), string(access.Android), string(access.IOS), string(access.Windows),
		string(access.WindowsPhone), string(access.MacOS), string(access.Linux),
	}
	o.Words("includePlatforms", &include, names...)
	o.Words("excludePlatforms", &exclude, names...)
	o.RefuseRest(unknown)
	return &access.Platforms{Include: graph.Typed[access.Platform](include), Exclude: graph.Typed[access.Platform](exclude)}
}

func takeLocations(o *odata.Object, p *access.Policy) {
	if o == nil {
		return
	}
	include, exclude := takeMixed(o, "includeLocations", wordAll, wordAllTrusted), takeMixed(o, "excludeLocations", wordAllTrusted)
	to := &access.Locations{
		All: include.has(wordAll), AllTrusted: include.has(wordAllTrusted), Include: graph.Typed[location.ID](include.ids),
		ExcludeTrusted: exclude.has(wordAllTrusted), Exclude: graph.Typed[location.ID](exclude.ids),
	}
	p.Conditions.Locations = to
	keep(p, include, includedLocations(*to))
	keep(p, exclude, excludedLocations(*to))
	o.RefuseRest(unknown)
}

func takeWorkloads(o *odata.Object, p *access.Policy) {
	if o == nil {
		return
	}
	include := takeMixed(o, "includeServicePrincipals", wordWorkloads)
	to := &access.Workloads{
		All: include.has(wordWorkloads), Include: graph.Typed[directory.AppID](include.ids),
		Exclude: identifiers[directory.AppID](o, "excludeServicePrincipals"),
	}
	p.Conditions.Workloads = to
	agents := "there are no agent identities here, so remove it"
	refuse(o, map[string]string{
		"servicePrincipalFilter":          "service principals are not filtered by attributes here, so name them",
		"includeAgentIdServicePrincipals": agents, "excludeAgentIdServicePrincipals": agents, "agentIdServicePrincipalFilter": agents,
	})
}

func takeDevices(o *odata.Object, to *access.Conditions) {
	if o == nil {
		return
	}
	to.Device = takeFilter(o, "deviceFilter")
	dead := "Microsoft replaced it by deviceFilter, so say it as a filter"
	refuse(o, map[string]string{"includeDevices": dead, "excludeDevices": dead, "includeDeviceStates": dead, "excludeDeviceStates": dead})
}

func takeFilter(o *odata.Object, name string) *access.Filter {
	f := o.Object(name)
	if f == nil || !o.Says(name) {
		return nil
	}
	mode, out := "", &access.Filter{}
	f.Word("mode", &mode, "include", "exclude")
	if mode == "" {
		f.Refuse("mode", "is missing; valid are include, exclude")
	}
	f.Text("rule", &out.Rule)
	out.Exclude = mode == "exclude"
	f.RefuseRest(unknown)
	return out
}
