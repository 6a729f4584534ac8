package graph

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/fault"
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
	AuthenticationProtocol           string          `json:"authenticationProtocol"`
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
	NotMatched              []string `json:"conditionsNotSatisfied"`
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
	App          *string `json:"app"`
	Registration *string `json:"registration"`
}

// clientNames is how the log spells client app types.
var clientNames = map[access.ClientAppType]string{
	access.Browser: "Browser", access.MobileAndDesktop: "Mobile Apps and Desktop clients",
	access.ExchangeActiveSync: "Exchange ActiveSync", access.OtherClients: "Other clients",
}

func viewSignIn(r access.Record) signIn {
	out := signIn{
		Type: "#microsoft.graph.signIn", ID: r.ID, CreatedDateTime: stamp(r.At), UserID: string(r.User), UserPrincipalName: r.UserPrincipalName,
		AppID: string(r.Client), AppDisplayName: r.ClientName, ResourceID: string(r.Resource), ResourceDisplayName: r.ResourceName,
		IPAddress: r.IP, ClientAppUsed: clientNames[r.ClientAppType], UserAgent: r.UserAgent, CorrelationID: r.CorrelationID,
		IsInteractive: r.Interactive, AuthenticationProtocol: r.Protocol, ConditionalAccessStatus: standing(r.Applied),
		AppliedConditionalAccessPolicies: []appliedPolicy{},
		DeviceDetail:                     deviceDetail{DeviceID: string(r.Device), OperatingSystem: string(r.Platform)},
		Status:                           signInStatus{ErrorCode: r.Code, FailureReason: text(r.Reason)},
		Postern:                          signInPostern{r.Outcome.String(), text(string(r.App)), text(string(r.Registration))},
	}
	if r.Device != "" {
		out.DeviceDetail.TrustType = text("Workplace")
	}
	for _, a := range r.Applied {
		p := appliedPolicy{
			ID: string(a.Policy), DisplayName: a.DisplayName, EnforcedGrantControls: []string{}, EnforcedSessionControls: []string{},
			Result: string(a.Result), NotMatched: texts(a.NotMatched),
		}
		for _, control := range a.Enforced {
			p.EnforcedGrantControls = append(p.EnforcedGrantControls, capital(string(control)))
		}
		out.AppliedConditionalAccessPolicies = append(out.AppliedConditionalAccessPolicies, p)
	}
	return out
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

func (d *Door) listSignIns(c *call) error {
	if o := c.query.OrderBy; o != "" && o != "createdDateTime desc" {
		return unsupportedQuery(fault.New(fault.Invalid, "$orderby is %q; only createdDateTime desc is supported here", o))
	}
	if err := c.expandable(nil); err != nil {
		return err
	}
	if c.query.Count {
		return unsupportedQuery(fault.New(fault.Invalid, "$count is not supported on the sign-in log"))
	}
	keep, err := signInFilter(c)
	if err != nil {
		return err
	}
	p := page{path: "auditLogs/signIns"}
	if d.SignIns == nil {
		return c.page(p)
	}
	top, after := cmp.Or(c.query.Top, defaultPage), c.query.SkipToken
	for {
		batch, err := d.SignIns.Records(c.ctx, c.tenant(), after, top+1)
		if err != nil {
			return err
		}
		for _, r := range batch {
			if len(p.items) == top && keep(r) {
				p.next = after
				return c.page(p)
			}
			if keep(r) {
				p.items = append(p.items, viewSignIn(r))
			}
			after = r.ID
		}
		if len(batch) <= top {
			return c.page(p)
		}
	}
}

func signInFilter(c *call) (func(access.Record) bool, error) {
	f := c.query.Filter
	if f == nil {
		return func(access.Record) bool { return true }, nil
	}
	props := map[string]func(access.Record) string{
		"id":                      func(r access.Record) string { return r.ID },
		"userId":                  func(r access.Record) string { return string(r.User) },
		"userPrincipalName":       func(r access.Record) string { return r.UserPrincipalName },
		"appId":                   func(r access.Record) string { return string(r.Client) },
		"correlationId":           func(r access.Record) string { return r.CorrelationID },
		"conditionalAccessStatus": func(r access.Record) string { return standing(r.Applied) },
		"status/errorCode":        func(r access.Record) string { return strconv.Itoa(r.Code) },
	}
	prop := props[f.Property]
	if prop == nil {
		return nil, unsupportedQuery(fault.New(fault.Invalid, "$filter by %q is not supported here; supported are "+
			"id, userId, userPrincipalName, appId, correlationId, conditionalAccessStatus, status/errorCode", f.Property))
	}
	return func(r access.Record) bool { return strings.EqualFold(prop(r), f.Value) }, nil
}
