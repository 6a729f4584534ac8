package signins

import (
	"cmp"
	"fmt"
	"slices"
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
	ConditionalAccessStatus          string          `json:"conditionalAccessStatus"`
	AppliedConditionalAccessPolicies []appliedPolicy `json:"appliedConditionalAccessPolicies"`
	DeviceDetail                     deviceDetail    `json:"deviceDetail"`
	Location                         *signInPlace    `json:"location"`
	UserDisplayName                  string          `json:"userDisplayName"`
	RiskDuringSignIn                 string          `json:"riskLevelDuringSignIn"`
	RiskAggregated                   string          `json:"riskLevelAggregated"`
	RiskState                        string          `json:"riskState"`
	Status                           signInStatus    `json:"status"`
	Postern                          signInPostern   `json:"postern"`
	*signInBeta
}

type signInPlace struct {
	Country string `json:"countryOrRegion"`
}

type appliedPolicy struct {
	ID                      string   `json:"id"`
	DisplayName             string   `json:"displayName"`
	EnforcedGrantControls   []string `json:"enforcedGrantControls"`
	EnforcedSessionControls []string `json:"enforcedSessionControls"`
	Result                  string   `json:"result"`
	Matched                 string   `json:"conditionsSatisfied,omitempty"` // beta, as the next
	NotMatched              string   `json:"conditionsNotSatisfied,omitempty"`
}

type deviceDetail struct {
	DeviceID        string  `json:"deviceId"`
	DisplayName     string  `json:"displayName"`
	OperatingSystem string  `json:"operatingSystem"`
	TrustType       *string `json:"trustType"`
	IsCompliant     bool    `json:"isCompliant"`
	IsManaged       bool    `json:"isManaged"`
}

type signInStatus struct {
	ErrorCode         int     `json:"errorCode"`
	FailureReason     *string `json:"failureReason"`
	AdditionalDetails *string `json:"additionalDetails"`
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

// conditions are Graph's names (conditionalAccessConditions) of ours.
var conditions = map[access.Condition]string{
	access.OfUsers: "users", access.OfApplications: "application", access.OfClientAppTypes: "clientType", access.OfPlatforms: "devicePlatform",
	access.OfLocations: "location", access.OfSignInRisk: "signInRisk", access.OfUserRisk: "userRisk", access.OfInsiderRisk: "insiderRisk",
	access.OfWorkloads: "servicePrincipals", access.OfWorkloadRisk: "servicePrincipalRisk", access.OfDevices: "deviceState",
	access.OfTransfer: "authenticationFlows",
}

func viewSignIn(c *graph.Call, r access.Record, applied []access.Applied) signIn {
	out := signIn{
		Type: "#microsoft.graph.signIn", ID: r.ID, CreatedDateTime: graph.Stamp(r.At), UserID: string(r.User), UserPrincipalName: r.UserPrincipalName,
		AppID: string(r.Client), AppDisplayName: r.ClientName, ResourceID: string(r.Resource), ResourceDisplayName: r.ResourceName,
		IPAddress: r.IP, ClientAppUsed: clientNames[r.ClientAppType], UserAgent: r.UserAgent, CorrelationID: r.CorrelationID,
		UserDisplayName: r.UserDisplayName, RiskDuringSignIn: "none", RiskAggregated: "none", RiskState: "none",
		IsInteractive: r.Interactive, ConditionalAccessStatus: standing(applied),
		AppliedConditionalAccessPolicies: []appliedPolicy{},
		DeviceDetail:                     deviceDetail{DeviceID: string(r.Device), DisplayName: r.DeviceName, OperatingSystem: string(r.Platform)},
		Status:                           signInStatus{ErrorCode: r.Code, FailureReason: graph.Text(r.Reason), AdditionalDetails: graph.Text(intended(applied))},
		Postern:                          signInPostern{r.Outcome.String(), r.Protocol, graph.Text(string(r.App)), graph.Text(string(r.Registration))},
	}
	if c.Version == graph.Beta {
		out.signInBeta = viewBeta(r)
	}
	if r.Facts != nil {
		out.known(*r.Facts)
	}
	if r.Device != "" {
		out.DeviceDetail.TrustType = graph.Text("Workplace")
	}
	for _, a := range applied {
		p := appliedPolicy{
			ID: string(a.Policy), DisplayName: a.DisplayName, EnforcedGrantControls: []string{}, EnforcedSessionControls: []string{},
			Result: a.Result.String(),
		}
		if c.Version == graph.Beta {
			p.Matched, p.NotMatched = flags(a.Satisfied), flags(a.NotMatched)
		}
		for _, control := range a.Enforced {
			p.EnforcedGrantControls = append(p.EnforcedGrantControls, capital(string(control)))
		}
		p.EnforcedSessionControls = append(p.EnforcedSessionControls, a.Sessions...)
		out.AppliedConditionalAccessPolicies = append(out.AppliedConditionalAccessPolicies, p)
	}
	return out
}

// known adds what the facts of a decision say.
func (s *signIn) known(f access.Facts) {
	if f.Country != "" {
		s.Location = &signInPlace{f.Country}
	}
	s.RiskDuringSignIn, s.RiskAggregated = cmp.Or(string(f.SignInRisk), "none"), cmp.Or(string(f.UserRisk), "none")
	if s.RiskAggregated != "none" {
		s.RiskState = "atRisk"
	}
	if f.Device != nil {
		s.DeviceDetail.IsCompliant, s.DeviceDetail.IsManaged = f.Device.Compliant, f.Device.Managed
	}
}

// flags spells conditions as a flags enumeration.
func flags(names []access.Condition) string {
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

// intended names the policies that block: that nobody got in is what they are
// for, and no failure of anything.
func intended(applied []access.Applied) string {
	var names []string
	for _, a := range applied {
		if a.Result == access.Failure && slices.Contains(a.Enforced, access.Block) {
			names = append(names, fmt.Sprintf("%q", a.DisplayName))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "Blocked as intended by " + strings.Join(names, ", ")
}
