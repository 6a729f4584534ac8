package conditional

import (
	"cmp"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

type signIn struct {
	Type                             string          `json:"@odata.type"`
	ID                               string          `json:"id"`
	CreatedDateTime                  *string         `json:"createdDateTime"`
	UserID                           string          `json:"userId"`
	UserPrincipalName                string          `json:"userPrincipalName"`
	AppID                            string          `json:"appId"`
	AppDisplayName                   string          `json:"appDisplayName"`
	ResourceID                       string          `json:"resourceId"`
	ResourceDisplayName              string          `json:"resourceDisplayName"`
	IPAddress                        string          `json:"ipAddress"`
	ClientAppUsed                    string          `json:"clientAppUsed"`
	UserAgent                        string          `json:"userAgent"`
	CorrelationID                    string          `json:"correlationId"`
	IsInteractive                    bool            `json:"isInteractive"`
	AuthenticationProtocol           string          `json:"authenticationProtocol,omitempty"` // beta
	ConditionalAccessStatus          string          `json:"conditionalAccessStatus"`
	AppliedConditionalAccessPolicies []appliedPolicy `json:"appliedConditionalAccessPolicies"`
	DeviceDetail                     deviceDetail    `json:"deviceDetail"`
	Location                         *struct{}       `json:"location"`
	Status                           signInStatus    `json:"status"`
	Postern                          signInPostern   `json:"postern"`
}

type appliedPolicy struct {
	ID                      string   `json:"id"`
	DisplayName             string   `json:"displayName"`
	EnforcedGrantControls   []string `json:"enforcedGrantControls"`
	EnforcedSessionControls []string `json:"enforcedSessionControls"`
	Result                  string   `json:"result"`
	NotMatched              string   `json:"conditionsNotSatisfied,omitempty"` // beta
}

type deviceDetail struct {
	DeviceID        string  `json:"deviceId"`
	OperatingSystem string  `json:"operatingSystem"`
	TrustType       *string `json:"trustType"`
}

type signInStatus struct {
	ErrorCode     int     `json:"errorCode"`
	FailureReason *string `json:"failureReason"`
}

type signInPostern struct {
	Outcome      string  `json:"outcome"`
	Protocol     string  `json:"protocol"`
	App          *string `json:"app"`
	Registration *string `json:"registration"`
}

// clientNames is how the log spells client app types.
var clientNames = map[access.ClientAppType]string{
	access.Browser: "Browser", access.MobileAndDesktop: "Mobile Apps and Desktop clients",
	access.ExchangeActiveSync: "Exchange ActiveSync", access.OtherClients: "Other clients",
}

// protocols are Graph's names (protocolType) of ours.
var protocols = map[string]string{
	"authorizationCode": "oAuth2", "refreshToken": "refreshTokenGrant", "clientCredentials": "clientCredentials", "deviceCode": "deviceCode",
}

// conditions are Graph's names (conditionalAccessConditions) of ours.
var conditions = map[access.Condition]string{
	access.OfUsers: "users", access.OfApplications: "application", access.OfClientAppTypes: "clientType", access.OfPlatforms: "devicePlatform",
	access.OfLocations: "location", access.OfSignInRisk: "signInRisk", access.OfUserRisk: "userRisk", access.OfInsiderRisk: "insiderRisk",
	access.OfWorkloads: "servicePrincipals", access.OfWorkloadRisk: "servicePrincipalRisk", access.OfDevices: "deviceState",
	access.OfTransfer: "authenticationFlows",
}

func viewSignIn(c *graph.Call, r access.Record) signIn {
	out := signIn{
		Type: "#microsoft.graph.signIn", ID: r.ID, CreatedDateTime: graph.Stamp(r.At), UserID: string(r.User), UserPrincipalName: r.UserPrincipalName,
		AppID: string(r.Client), AppDisplayName: r.ClientName, ResourceID: string(r.Resource), ResourceDisplayName: r.ResourceName,
		IPAddress: r.IP, ClientAppUsed: clientNames[r.ClientAppType], UserAgent: r.UserAgent, CorrelationID: r.CorrelationID,
		IsInteractive: r.Interactive, ConditionalAccessStatus: standing(r.Applied),
		AppliedConditionalAccessPolicies: []appliedPolicy{},
		DeviceDetail:                     deviceDetail{DeviceID: string(r.Device), OperatingSystem: string(r.Platform)},
		Status:                           signInStatus{ErrorCode: r.Code, FailureReason: graph.Text(r.Reason)},
		Postern:                          signInPostern{r.Outcome.String(), r.Protocol, graph.Text(string(r.App)), graph.Text(string(r.Registration))},
	}
	if c.Version == graph.Beta {
		out.AuthenticationProtocol = cmp.Or(protocols[r.Protocol], "none")
	}
	if r.Device != "" {
		out.DeviceDetail.TrustType = graph.Text("Workplace")
	}
	for _, a := range r.Applied {
		p := appliedPolicy{
			ID: string(a.Policy), DisplayName: a.DisplayName, EnforcedGrantControls: []string{}, EnforcedSessionControls: []string{},
			Result: a.Result.String(),
		}
		if c.Version == graph.Beta {
			p.NotMatched = unmet(a.NotMatched)
		}
		for _, control := range a.Enforced {
			p.EnforcedGrantControls = append(p.EnforcedGrantControls, capital(string(control)))
		}
		out.AppliedConditionalAccessPolicies = append(out.AppliedConditionalAccessPolicies, p)
	}
	return out
}

// unmet spells the conditions that did not match as a flags enumeration.
func unmet(names []access.Condition) string {
	var out []string
	for _, n := range names {
		out = append(out, cmp.Or(conditions[n], "unknownFutureValue"))
	}
	return cmp.Or(strings.Join(out, ","), "none")
}

// capital spells a control as the sign-in log does: "Mfa", "Block".
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// standing sums the enforced policies up; report-only ones never count.
func standing(applied []access.Applied) string {
	status := "notApplied"
	for _, a := range applied {
		switch a.Result {
		case access.Failure:
			return "failure"
		case access.Success:
			status = "success"
		default:
		}
	}
	return status
}

// listSignIns reads the log newest first, page by page.
func (d *Area) listSignIns(c *graph.Call) error {
	return c.Answer(graph.List{
		Path: "auditLogs/signIns", Kind: "graph.signIn", Natural: "createdDateTime desc",
		Page: func(after string, limit int) ([]graph.Row, error) {
			found, err := d.SignIns.Records(c.Ctx, c.Tenant(), after, limit)
			var rows []graph.Row
			for _, r := range found {
				rows = append(rows, graph.Row{ID: r.ID, View: viewSignIn(c, r)})
			}
			return rows, err
		},
	})
}
