package graphclient

import (
	"context"
	"net/http"
	"net/url"
)

// Question is a sign-in that somebody asks about. Empty fields are not known.
type Question struct {
	User         string // identifier or user principal name
	App          string // appId
	UserAction   string // registerSecurityInformation or registerOrJoinDevices
	Context      string // c1 to c99
	Platform     string
	ClientApp    string
	Address      string
	Country      string
	SignInRisk   string
	UserRisk     string
	DeviceFilter map[string]any // deviceInfo
	Satisfied    []string       // controls that the person meets already
}

// Verdict is what would be decided, with every policy that was looked at.
type Verdict struct {
	Policies []WhatIfPolicy `json:"value"`
	Outcome  struct {
		Outcome         string   `json:"outcome"`
		ErrorCode       int      `json:"errorCode"`
		MissingControls []string `json:"missingControls"`
		Steps           []string `json:"steps"`
	} `json:"postern"`
}

// WhatIfPolicy is one policy's part in a Verdict.
type WhatIfPolicy struct {
	Name    string `json:"displayName"`
	State   string `json:"state"`
	Applies bool   `json:"policyApplies"`
	Reasons string `json:"analysisReasons"`
	Postern struct {
		Result string   `json:"result"`
		Unmet  []string `json:"unmetControls"`
	} `json:"postern"`
}

// WhatIf asks which policies would apply to a sign-in, and what would come of it.
func (c *Client) WhatIf(ctx context.Context, q Question) (Verdict, error) {
	var user struct{ ID string }
	if err := c.do(ctx, http.MethodGet, "/v1.0/users/"+url.PathEscape(q.User)+"?$select=id", nil, &user); err != nil {
		return Verdict{}, err
	}
	conditions := map[string]any{}
	for name, value := range map[string]string{
		"devicePlatform": q.Platform, "clientAppType": q.ClientApp, "ipAddress": q.Address, "country": q.Country,
		"signInRiskLevel": q.SignInRisk, "userRiskLevel": q.UserRisk,
	} {
		if value != "" {
			conditions[name] = value
		}
	}
	if len(q.DeviceFilter) > 0 {
		conditions["deviceInfo"] = q.DeviceFilter
	}
	body := map[string]any{
		"signInIdentity":   map[string]any{"@odata.type": "#microsoft.graph.userSignIn", "userId": user.ID},
		"signInConditions": conditions, "postern": map[string]any{"satisfiedControls": q.Satisfied},
	}
	switch {
	case q.App != "":
		body["signInContext"] = map[string]any{"@odata.type": "#microsoft.graph.applicationContext", "includeApplications": []string{q.App}}
	case q.UserAction != "":
		body["signInContext"] = map[string]any{"@odata.type": "#microsoft.graph.userActionContext", "userAction": q.UserAction}
	case q.Context != "":
		body["signInContext"] = map[string]any{"@odata.type": "#microsoft.graph.authContext", "authenticationContextValue": q.Context}
	}
	var v Verdict
	return v, c.do(ctx, http.MethodPost, "/v1.0/identity/conditionalAccess/evaluate", body, &v)
}
