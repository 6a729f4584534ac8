package conditional

import (
	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/strength"
)

// conditionalAccessPolicy keeps apart what Graph keeps apart: null is not
// configured, an empty list is a list. Members that beta alone has are left out
// of v1.0.
type conditionalAccessPolicy struct {
	Type             string  `json:"@odata.type"`
	ID               string  `json:"id"`
	DisplayName      string  `json:"displayName"`
	Description      *string `json:"description"`
	CreatedDateTime  *string `json:"createdDateTime"`
	ModifiedDateTime *string `json:"modifiedDateTime"`
	State            string  `json:"state"`
	policyDetail
}

// published is a policy as v1.0 shows it: beta knows no template.
type published struct {
	conditionalAccessPolicy
	TemplateID *string `json:"templateId"`
}

// policyDetail is what a policy and a template for one have in common.
type policyDetail struct {
	Conditions      map[string]any `json:"conditions"`
	GrantControls   map[string]any `json:"grantControls"`
	SessionControls map[string]any `json:"sessionControls"`
}

// viewPolicy shows a policy with the authentication strength that it demands.
func (d *Area) viewPolicy(c *graph.Call, p access.Policy) (any, error) {
	detail, err := d.detail(c, p)
	if err != nil {
		return nil, err
	}
	out := conditionalAccessPolicy{
		Type: "#microsoft.graph.conditionalAccessPolicy", ID: string(p.ID), DisplayName: p.DisplayName, Description: graph.Text(p.Description),
		CreatedDateTime: graph.Stamp(p.CreatedAt), State: p.State.String(), policyDetail: detail,
	}
	if !p.ModifiedAt.Equal(p.CreatedAt) {
		out.ModifiedDateTime = graph.Stamp(p.ModifiedAt)
	}
	if c.Version == graph.V1 {
		return published{conditionalAccessPolicy: out, TemplateID: graph.Text(p.Template)}, nil
	}
	return out, nil
}

func (d *Area) detail(c *graph.Call, p access.Policy) (out policyDetail, err error) {
	beta := c.Version == graph.Beta
	out.Conditions = viewConditions(&p, beta)
	if w := p.Conditions.Workloads; w != nil {
		if out.Conditions["clientApplications"], err = d.viewWorkloads(c, &p); err != nil {
			return out, err
		}
	}
	if n := p.Session; n != nil && (beta || *n != (access.SessionControls{Continuous: n.Continuous})) {
		out.SessionControls = viewSession(*n, beta)
	}
	if p.NoGrant {
		return out, nil
	}
	out.GrantControls = map[string]any{
		"operator": p.Grant.Operator.String(), "builtInControls": graph.Texts(p.Grant.Controls), "customAuthenticationFactors": []string{},
		"termsOfUse": graph.Texts(p.Grant.Terms), "authenticationStrength": nil,
	}
	if id := p.Grant.Strength; id != "" {
		out.GrantControls["authenticationStrength"], err = d.viewStrengthOf(c, id)
	}
	return out, err
}

// viewStrengthOf shows a strength as Graph does inside of a policy: as a whole.
// One that is gone has an identifier only.
func (d *Area) viewStrengthOf(c *graph.Call, id strength.ID) (any, error) {
	s, err := d.as(c).Strengths().Get(c.Ctx, c.Tenant(), string(id))
	if fault.KindOf(err) == fault.NotFound {
		return map[string]any{"id": string(id)}, nil
	}
	return viewStrength(s), err
}

func viewConditions(p *access.Policy, beta bool) map[string]any {
	on := p.Conditions
	out := map[string]any{
		"userRiskLevels": graph.Texts(on.UserRisk), "signInRiskLevels": graph.Texts(on.SignInRisk), "servicePrincipalRiskLevels": graph.Texts(on.WorkloadRisk),
		"insiderRiskLevels": joined(on.InsiderRisk), "clientAppTypes": graph.Texts(on.ClientAppTypes), "users": viewUsers(p), "applications": viewApps(p, beta),
		"platforms": nil, "locations": nil, "devices": nil, "clientApplications": nil, "authenticationFlows": nil,
	}
	if beta {
		out["agentIdRiskLevels"], out["deviceStates"] = nil, nil
	}
	if l := on.Platforms; l != nil {
		out["platforms"] = map[string]any{"includePlatforms": graph.Texts(l.Include), "excludePlatforms": graph.Texts(l.Exclude)}
	}
	if l := on.Locations; l != nil {
		out["locations"] = map[string]any{
			"includeLocations": ordered(p, "includeLocations", includedLocations(*l)), "excludeLocations": ordered(p, "excludeLocations", excludedLocations(*l)),
		}
	}
	if on.Device != nil {
		devices := map[string]any{"deviceFilter": viewFilter(on.Device)}
		for _, dead := range []string{"includeDevices", "excludeDevices", "includeDeviceStates", "excludeDeviceStates"} {
			if beta {
				devices[dead] = []string{}
			}
		}
		out["devices"] = devices
	}
	if len(on.Transfer) > 0 {
		out["authenticationFlows"] = map[string]any{"transferMethods": joined(on.Transfer)}
	}
	return out
}

func viewUsers(p *access.Policy) map[string]any {
	u := p.Conditions.Users
	return map[string]any{
		"includeUsers": ordered(p, "includeUsers", includedUsers(u)), "excludeUsers": ordered(p, "excludeUsers", excludedUsers(u)),
		"includeGroups": graph.Texts(u.IncludeGroups), "excludeGroups": graph.Texts(u.ExcludeGroups),
		"includeRoles": graph.Texts(u.IncludeRoles), "excludeRoles": graph.Texts(u.ExcludeRoles),
		"includeGuestsOrExternalUsers": viewGuests(u.IncludeGuests), "excludeGuestsOrExternalUsers": viewGuests(u.ExcludeGuests),
	}
}

func viewGuests(g *access.Guests) any {
	if g == nil {
		return nil
	}
	out := map[string]any{"guestOrExternalUserTypes": joined(inOrder(g.Kinds)), "externalTenants": nil}
	switch {
	case g.Enumerated:
		out["externalTenants"] = map[string]any{
			"@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants", "membershipKind": "enumerated", "members": graph.Texts(g.Tenants),
		}
	case g.AnyTenant:
		out["externalTenants"] = map[string]any{"@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants", "membershipKind": "all"}
	}
	return out
}

func viewApps(p *access.Policy, beta bool) map[string]any {
	a := p.Conditions.Apps
	out := map[string]any{
		"includeApplications": ordered(p, "includeApplications", includedApps(a)), "excludeApplications": ordered(p, "excludeApplications", excludedApps(a)),
		"includeUserActions": graph.Texts(a.Actions), "includeAuthenticationContextClassReferences": graph.Texts(a.Contexts),
		"applicationFilter": viewFilter(a.Filter),
	}
	if beta {
		out["globalSecureAccess"], out["networkAccess"] = nil, nil
	}
	return out
}

func viewFilter(f *access.Filter) any {
	if f == nil {
		return nil
	}
	mode := "include"
	if f.Exclude {
		mode = "exclude"
	}
	return map[string]any{"mode": mode, "rule": f.Rule}
}

// viewWorkloads names apps as Graph does here, by their service principals.
func (d *Area) viewWorkloads(c *graph.Call, p *access.Policy) (map[string]any, error) {
	w := p.Conditions.Workloads
	include, err := d.principals(c, w.Include)
	if err != nil {
		return nil, err
	}
	exclude, err := d.principals(c, w.Exclude)
	if err != nil {
		return nil, err
	}
	if w.All {
		include = append([]string{wordWorkloads}, include...)
	}
	out := map[string]any{"includeServicePrincipals": include, "excludeServicePrincipals": exclude, "servicePrincipalFilter": nil}
	if c.Version == graph.Beta {
		out["includeAgentIdServicePrincipals"], out["excludeAgentIdServicePrincipals"] = []string{}, []string{}
		out["agentIdServicePrincipalFilter"] = nil
	}
	return out, nil
}

// principals are the identifiers of the service principals of apps. An app that
// is gone is shown by its own.
func (d *Area) principals(c *graph.Call, apps []directory.AppID) ([]string, error) {
	out := graph.Texts(apps)
	for i, id := range out {
		a, err := d.as(c).Apps().Get(c.Ctx, c.Tenant(), id)
		if err == nil {
			out[i] = a.ObjectID
		} else if fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
	}
	return out, nil
}

func viewSession(s access.SessionControls, beta bool) map[string]any {
	out := map[string]any{
		"applicationEnforcedRestrictions": viewSwitch("applicationEnforcedRestrictions", s.AppRestrictions),
		"secureSignInSession":             viewSwitch("secureSignIn", s.TokenProtection),
		"disableResilienceDefaults":       nil, "signInFrequency": nil, "persistentBrowser": nil, "cloudAppSecurity": nil,
	}
	if s.ResilienceDisabled != access.Unset {
		out["disableResilienceDefaults"] = s.ResilienceDisabled == access.On
	}
	if s.Frequency != nil {
		out["signInFrequency"] = viewFrequency(*s.Frequency)
	}
	if s.Persistent != "" || s.PersistentOff {
		out["persistentBrowser"] = control("persistentBrowser", !s.PersistentOff, "mode", graph.Text(string(s.Persistent)))
	}
	if s.CloudApps != "" || s.CloudAppsOff {
		out["cloudAppSecurity"] = control("cloudAppSecurity", !s.CloudAppsOff, "cloudAppSecurityType", graph.Text(string(s.CloudApps)))
	}
	if beta {
		out["globalSecureAccessFilteringProfile"], out["continuousAccessEvaluation"] = nil, nil
		if s.Continuous != "" {
			out["continuousAccessEvaluation"] = map[string]any{"mode": string(s.Continuous)}
		}
	}
	return out
}

// control is a session control with what it has beside being on or off.
func control(kind string, on bool, name string, value any) map[string]any {
	return map[string]any{"@odata.type": "#microsoft.graph." + kind + "SessionControl", "isEnabled": on, name: value}
}

func viewSwitch(kind string, s access.Switch) any {
	if s == access.Unset {
		return nil
	}
	return map[string]any{"@odata.type": "#microsoft.graph." + kind + "SessionControl", "isEnabled": s == access.On}
}

func viewFrequency(f access.Frequency) map[string]any {
	out := control("signInFrequency", !f.Disabled, "authenticationType", "primaryAndSecondaryAuthentication")
	out["frequencyInterval"], out["value"], out["type"] = "timeBased", nil, nil
	if f.Secondary {
		out["authenticationType"] = "secondaryAuthentication"
	}
	switch {
	case f.EveryTime:
		out["frequencyInterval"] = "everyTime"
	case f.After != 0 && f.InDays:
		out["value"], out["type"] = int(f.After.Hours())/24, "days"
	case f.After != 0:
		out["value"], out["type"] = int(f.After.Hours()), "hours"
	}
	return out
}
