package conditional

import (
	"net/http"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

// conditionalAccessPolicy keeps apart what Graph keeps apart: null is not
// configured, an empty list is a list.
type conditionalAccessPolicy struct {
	Type             string       `json:"@odata.type"`
	ID               string       `json:"id"`
	DisplayName      string       `json:"displayName"`
	Description      *string      `json:"description"`
	CreatedDateTime  *string      `json:"createdDateTime"`
	ModifiedDateTime *string      `json:"modifiedDateTime"`
	State            string       `json:"state"`
	SessionControls  *struct{}    `json:"sessionControls"`
	Conditions       conditionSet `json:"conditions"`
	GrantControls    grants       `json:"grantControls"`
}

// published is a policy as v1.0 shows it: beta knows no template.
type published struct {
	conditionalAccessPolicy
	TemplateID *string `json:"templateId"`
}

type conditionSet struct {
	UserRiskLevels             []string        `json:"userRiskLevels"`
	SignInRiskLevels           []string        `json:"signInRiskLevels"`
	ServicePrincipalRiskLevels []string        `json:"servicePrincipalRiskLevels"`
	ClientAppTypes             []string        `json:"clientAppTypes"`
	InsiderRiskLevels          *struct{}       `json:"insiderRiskLevels"`
	Platforms                  *platformSet    `json:"platforms"`
	Locations                  *struct{}       `json:"locations"`
	Devices                    *struct{}       `json:"devices"`
	ClientApplications         *struct{}       `json:"clientApplications"`
	AuthenticationFlows        *struct{}       `json:"authenticationFlows"`
	Applications               applicationsSet `json:"applications"`
	Users                      userSet         `json:"users"`
}

type platformSet struct {
	IncludePlatforms []string `json:"includePlatforms"`
	ExcludePlatforms []string `json:"excludePlatforms"`
}

type applicationsSet struct {
	IncludeApplications                         []string  `json:"includeApplications"`
	ExcludeApplications                         []string  `json:"excludeApplications"`
	IncludeUserActions                          []string  `json:"includeUserActions"`
	IncludeAuthenticationContextClassReferences []string  `json:"includeAuthenticationContextClassReferences"`
	ApplicationFilter                           *struct{} `json:"applicationFilter"`
}

type userSet struct {
	IncludeUsers                 []string  `json:"includeUsers"`
	ExcludeUsers                 []string  `json:"excludeUsers"`
	IncludeGroups                []string  `json:"includeGroups"`
	ExcludeGroups                []string  `json:"excludeGroups"`
	IncludeRoles                 []string  `json:"includeRoles"`
	ExcludeRoles                 []string  `json:"excludeRoles"`
	IncludeGuestsOrExternalUsers *struct{} `json:"includeGuestsOrExternalUsers"`
	ExcludeGuestsOrExternalUsers *struct{} `json:"excludeGuestsOrExternalUsers"`
}

type grants struct {
	Operator                    string    `json:"operator"`
	BuiltInControls             []string  `json:"builtInControls"`
	CustomAuthenticationFactors []string  `json:"customAuthenticationFactors"`
	TermsOfUse                  []string  `json:"termsOfUse"`
	AuthenticationStrength      *struct{} `json:"authenticationStrength"`
}

func viewAccessPolicy(c *graph.Call, p access.Policy) (any, error) {
	none := []string{}
	out := conditionalAccessPolicy{
		Type: "#microsoft.graph.conditionalAccessPolicy", ID: string(p.ID), DisplayName: p.DisplayName, Description: graph.Text(p.Description),
		CreatedDateTime: graph.Stamp(p.CreatedAt),
		State:           p.State.String(),
		Conditions: conditionSet{
			UserRiskLevels: none, SignInRiskLevels: none, ServicePrincipalRiskLevels: none, ClientAppTypes: graph.Texts(p.Conditions.ClientAppTypes),
			Applications: applicationsSet{
				IncludeApplications: everyOr(p.Conditions.Apps.All, p.Conditions.Apps.None, p.Conditions.Apps.Include),
				ExcludeApplications: graph.Texts(p.Conditions.Apps.Exclude), IncludeUserActions: none, IncludeAuthenticationContextClassReferences: none,
			},
			Users: userSet{
				IncludeUsers: everyOr(p.Conditions.Users.All, p.Conditions.Users.None, p.Conditions.Users.Include),
				ExcludeUsers: graph.Texts(p.Conditions.Users.Exclude), IncludeGroups: graph.Texts(p.Conditions.Users.IncludeGroups),
				ExcludeGroups: graph.Texts(p.Conditions.Users.ExcludeGroups), IncludeRoles: none, ExcludeRoles: none,
			},
		},
		GrantControls: grants{
			Operator: p.Grant.Operator.String(), BuiltInControls: graph.Texts(p.Grant.Controls), CustomAuthenticationFactors: none, TermsOfUse: none,
		},
	}
	if !p.ModifiedAt.Equal(p.CreatedAt) {
		out.ModifiedDateTime = graph.Stamp(p.ModifiedAt)
	}
	if on := p.Conditions.Platforms; on != nil {
		out.Conditions.Platforms = &platformSet{graph.Texts(on.Include), graph.Texts(on.Exclude)}
	}
	if c.Version == graph.V1 {
		return published{conditionalAccessPolicy: out}, nil
	}
	return out, nil
}

// everyOr spells a selection as Graph does, where the words All and None stand
// among identifiers.
func everyOr[ID ~string](all, none bool, ids []ID) []string {
	out := graph.Texts(ids)
	if none {
		out = append([]string{"None"}, out...)
	}
	if all {
		out = append([]string{"All"}, out...)
	}
	return out
}

// orEvery is the inverse of everyOr.
func orEvery[ID ~string](names []string) (all, none bool, ids []ID) {
	for _, name := range names {
		switch {
		case strings.EqualFold(name, "All"):
			all = true
		case strings.EqualFold(name, "None"):
			none = true
		default:
			ids = append(ids, ID(name))
		}
	}
	return all, none, ids
}

func (d *Area) accessPolicies() graph.Set[access.Policy] {
	return graph.Set[access.Policy]{
		Path:  "identity/conditionalAccess/policies",
		Items: func(c *graph.Call) admin.Collection[access.Policy] { return d.as(c).AccessPolicies() },
		Kind:  "graph.conditionalAccessPolicy", Read: directory.AccessRead, Write: directory.AccessWrite, Name: "displayName",
		Patched:  http.StatusNoContent,
		ID:       func(p access.Policy) string { return string(p.ID) },
		Revision: func(p access.Policy) int64 { return p.Revision },
		View:     viewAccessPolicy, Take: readAccessPolicy,
	}
}

// notYet says why a property is refused: a condition that is ignored would let
// in whom the policy keeps out, or the other way round.
const notYet = "it is not evaluated yet and is never ignored, so remove it"

// readAccessPolicy takes over the body of a policy. "conditions" and
// "grantControls" are replaced as sent.
func readAccessPolicy(c *graph.Call, o *odata.Object, p *access.Policy) {
	if p.Revision == 0 {
		p.Tenant = c.Tenant()
		if !o.Has("state") {
			o.Refuse("state", "is missing; valid are enabled, disabled, enabledForReportingButNotEnforced")
		}
	}
	if kind := o.Type(); kind != "" && kind != "conditionalAccessPolicy" {
		o.Refuse("@odata.type", "is %q; it must be #microsoft.graph.conditionalAccessPolicy", kind)
	}
	o.Text("displayName", &p.DisplayName)
	o.Text("description", &p.Description)
	state := p.State.String()
	if o.Word("state", &state, access.Enabled.String(), access.Disabled.String(), access.ReportOnly.String()); o.Null("state") {
		o.Refuse("state", "is null; valid are enabled, disabled, enabledForReportingButNotEnforced")
	} else if parsed, err := access.ParseState(state); err == nil {
		p.State = parsed
	}
	if o.Has("conditions") {
		p.Conditions = access.Conditions{}
		if conditions := o.Object("conditions"); conditions != nil {
			readConditions(conditions, &p.Conditions)
		}
	}
	if o.Has("grantControls") {
		p.Grant = access.Grant{}
		if g := o.Object("grantControls"); g != nil {
			readGrant(g, &p.Grant)
		}
	}
	if s := o.Object("sessionControls"); s != nil {
		s.RefuseRest(notYet)
	}
	o.RefuseRest(notYet, "id", "templateId", "createdDateTime", "modifiedDateTime", "deletedDateTime", "version")
}

func readConditions(o *odata.Object, to *access.Conditions) {
	var types []string
	o.Words("clientAppTypes", &types, string(access.AllClientApps), string(access.Browser), string(access.MobileAndDesktop),
		string(access.ExchangeActiveSync), string(access.OtherClients))
	to.ClientAppTypes = graph.Typed[access.ClientAppType](types)
	if users := o.Object("users"); users != nil {
		var include, exclude, includeGroups, excludeGroups []string
		users.Texts("includeUsers", &include)
		users.Texts("excludeUsers", &exclude)
		users.Texts("includeGroups", &includeGroups)
		users.Texts("excludeGroups", &excludeGroups)
		to.Users.All, to.Users.None, to.Users.Include = orEvery[directory.UserID](include)
		to.Users.Exclude = graph.Typed[directory.UserID](exclude)
		to.Users.IncludeGroups, to.Users.ExcludeGroups = graph.Typed[directory.GroupID](includeGroups), graph.Typed[directory.GroupID](excludeGroups)
		users.RefuseRest(notYet)
	}
	if apps := o.Object("applications"); apps != nil {
		var include, exclude []string
		apps.Texts("includeApplications", &include)
		apps.Texts("excludeApplications", &exclude)
		to.Apps.All, to.Apps.None, to.Apps.Include = orEvery[directory.AppID](include)
		to.Apps.Exclude = graph.Typed[directory.AppID](exclude)
		apps.RefuseRest(notYet)
	}
	if on := o.Object("platforms"); on != nil {
		var include, exclude []string
		names := []string{
			string(access.AllPlatforms), string(access.Android), string(access.IOS), string(access.Windows),
			string(access.WindowsPhone), string(access.MacOS), string(access.Linux),
		}
		on.Words("includePlatforms", &include, names...)
		on.Words("excludePlatforms", &exclude, names...)
		to.Platforms = &access.Platforms{Include: graph.Typed[access.Platform](include), Exclude: graph.Typed[access.Platform](exclude)}
		on.RefuseRest(notYet)
	}
	for _, name := range []string{"locations", "devices", "deviceStates", "clientApplications", "authenticationFlows", "times"} {
		if inner := o.Object(name); inner != nil {
			inner.RefuseRest(notYet)
		}
	}
	o.RefuseRest(notYet)
}

func readGrant(o *odata.Object, to *access.Grant) {
	operator, controls := "", []string{}
	o.Word("operator", &operator, access.And.String(), access.Or.String())
	if parsed, err := access.ParseOperator(operator); err == nil {
		to.Operator = parsed
	}
	o.Words("builtInControls", &controls, string(access.Block), string(access.MFA), string(access.CompliantDevice), string(access.CompliantApplication))
	to.Controls = graph.Typed[access.Control](controls)
	if slices.Contains(controls, "") {
		o.Refuse("builtInControls", "holds an empty name")
	}
	o.RefuseRest(notYet)
}
