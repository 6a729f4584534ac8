package conditional

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/strength"
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

// signInBeta is what beta says besides.
type signInBeta struct {
	Protocol       string   `json:"authenticationProtocol"`
	Requirement    string   `json:"authenticationRequirement"`
	Methods        []string `json:"authenticationMethodsUsed"`
	SessionID      *string  `json:"sessionId"`
	ProcessingTime int64    `json:"processingTimeInMilliseconds"`
	UserType       *string  `json:"userType,omitempty"`
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
	NotMatched              string   `json:"conditionsNotSatisfied,omitempty"` // beta
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

func viewSignIn(c *graph.Call, r access.Record, applied []access.Applied) signIn {
	out := signIn{
		Type: "#microsoft.graph.signIn", ID: r.ID, CreatedDateTime: graph.Stamp(r.At), UserID: string(r.User), UserPrincipalName: r.UserPrincipalName,
		AppID: string(r.Client), AppDisplayName: r.ClientName, ResourceID: string(r.Resource), ResourceDisplayName: r.ResourceName,
		IPAddress: r.IP, ClientAppUsed: clientNames[r.ClientAppType], UserAgent: r.UserAgent, CorrelationID: r.CorrelationID,
		UserDisplayName: r.UserDisplayName, RiskDuringSignIn: "none", RiskAggregated: "none", RiskState: "none",
		IsInteractive: r.Interactive, ConditionalAccessStatus: standing(applied),
		AppliedConditionalAccessPolicies: []appliedPolicy{},
		DeviceDetail:                     deviceDetail{DeviceID: string(r.Device), DisplayName: r.DeviceName, OperatingSystem: string(r.Platform)},
		Status:                           signInStatus{ErrorCode: r.Code, FailureReason: graph.Text(r.Reason)},
		Postern:                          signInPostern{r.Outcome.String(), r.Protocol, graph.Text(string(r.App)), graph.Text(string(r.Registration))},
	}
	if c.Version == graph.Beta {
		out.signInBeta = &signInBeta{
			Protocol: cmp.Or(protocols[r.Protocol], "none"), Requirement: "singleFactorAuthentication", Methods: []string{},
			SessionID: graph.Text(string(r.Session)), ProcessingTime: r.Took.Milliseconds(),
		}
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
			p.NotMatched = unmet(a.NotMatched)
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
	if s.signInBeta == nil {
		return
	}
	if !f.MFAAt.IsZero() {
		s.Requirement = "multiFactorAuthentication"
	}
	for _, m := range strength.Modes() {
		if f.Methods&m.Method != 0 {
			s.Methods = append(s.Methods, m.Name)
		}
	}
	if f.User != "" {
		kind := "member"
		if f.Guest != "" {
			kind = "guest"
		}
		s.UserType = &kind
	}
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
			if err != nil {
				return nil, err
			}
			views, err := d.viewSignIns(c, found)
			var rows []graph.Row
			for i, v := range views {
				rows = append(rows, graph.Row{ID: found[i].ID, View: v})
			}
			return rows, err
		},
	})
}

func (d *Area) oneSignIn(c *graph.Call) error {
	r, err := d.SignIns.Record(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return err
	}
	views, err := d.viewSignIns(c, []access.Record{r})
	if err != nil {
		return err
	}
	return c.Entity(http.StatusOK, "auditLogs/signIns", views[0])
}

// viewSignIns shows entries with every policy of the rules that they were decided by.
func (d *Area) viewSignIns(c *graph.Call, records []access.Record) ([]signIn, error) {
	applied := make([][]access.Applied, len(records))
	for i, r := range records {
		applied[i] = r.Applied
	}
	if d.Gate != nil {
		var err error
		if applied, err = d.Gate.Reasons(c.Ctx, c.Tenant(), records); err != nil {
			return nil, err
		}
	}
	var out []signIn
	for i, r := range records {
		out = append(out, viewSignIn(c, r, applied[i]))
	}
	return out, nil
}
