package signins

import (
	"cmp"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/strength"
)

// signInBeta is what beta says besides.
type signInBeta struct {
	Protocol        string             `json:"authenticationProtocol"`
	Requirement     string             `json:"authenticationRequirement"`
	Methods         []string           `json:"authenticationMethodsUsed"`
	Details         []methodDetail     `json:"authenticationDetails"`
	Transfer        string             `json:"originalTransferMethod"`
	IncomingToken   string             `json:"incomingTokenType"`
	EventTypes      []string           `json:"signInEventTypes"`
	Lifetimes       []lifetime         `json:"sessionLifetimePolicies"`
	Audiences       []string           `json:"conditionalAccessAudiences"`
	Contexts        []contextReference `json:"authenticationContextClassReferences"`
	TokenProtection string             `json:"signInTokenProtectionStatus"`
	CrossTenant     string             `json:"crossTenantAccessType"`
	HomeTenantID    string             `json:"homeTenantId"`
	SessionID       *string            `json:"sessionId"`
	ProcessingTime  int64              `json:"processingTimeInMilliseconds"`
	UserType        *string            `json:"userType,omitempty"`
}

// methodDetail is one thing that the person proved in the session
// (authenticationDetail).
type methodDetail struct {
	Method      string  `json:"authenticationMethod"`
	At          *string `json:"authenticationStepDateTime"`
	Requirement string  `json:"authenticationStepRequirement"`
	Result      *string `json:"authenticationStepResultDetail"`
	Succeeded   bool    `json:"succeeded"`
}

type lifetime struct {
	Detail      string `json:"detail"`
	Requirement string `json:"expirationRequirement"`
}

type contextReference struct {
	ID     string `json:"id"`
	Detail string `json:"detail"`
}

// protocols are Graph's names (protocolType) of ours.
var protocols = map[string]string{
	"authorizationCode": "oAuth2", "refreshToken": "refreshTokenGrant", "clientCredentials": "clientCredentials", "deviceCode": "deviceCode",
}

// crossings are Graph's names (signInAccessType) for how guests come in. Who
// belongs to the tenant crosses nothing.
var crossings = map[directory.GuestKind]string{
	directory.B2BCollaborationGuest: "b2bCollaboration", directory.B2BCollaborationMember: "b2bCollaboration",
	directory.B2BDirectConnectUser: "b2bDirectConnect", directory.ServiceProvider: "serviceProvider",
}

func viewBeta(r access.Record) *signInBeta {
	b := &signInBeta{
		Protocol: cmp.Or(protocols[r.Protocol], "none"), Requirement: "singleFactorAuthentication", Methods: []string{}, Details: []methodDetail{},
		Transfer: "none", IncomingToken: "none", EventTypes: []string{eventType(r)}, Lifetimes: lifetimes(r.Controls), Audiences: []string{},
		Contexts: []contextReference{}, TokenProtection: "none", CrossTenant: "none", HomeTenantID: string(r.Tenant),
		SessionID: graph.Text(string(r.Session)), ProcessingTime: r.Took.Milliseconds(),
	}
	if r.Protocol == "refreshToken" {
		b.IncomingToken = "refreshToken"
	}
	if r.Facts != nil {
		b.known(*r.Facts)
	}
	return b
}

// eventType is what kind of sign-in it was, as the log's tabs call it.
func eventType(r access.Record) string {
	switch {
	case r.User == "":
		return "servicePrincipal"
	case r.Interactive:
		return "interactiveUser"
	default:
		return "nonInteractiveUser"
	}
}

// known adds what the facts of a decision say.
func (b *signInBeta) known(f access.Facts) {
	if !f.MFAAt.IsZero() {
		b.Requirement = "multiFactorAuthentication"
	}
	for _, m := range strength.Modes() {
		if f.Methods&m.Method != 0 {
			b.Methods = append(b.Methods, m.Name)
			b.Details = append(b.Details, proved(m.Name, m.Method, f))
		}
	}
	b.Transfer = cmp.Or(string(f.Transfer), string(f.OriginalTransfer), b.Transfer)
	for _, r := range f.Resources {
		b.Audiences = append(b.Audiences, string(r.ID))
	}
	for _, id := range f.Contexts {
		b.Contexts = append(b.Contexts, contextReference{ID: string(id), Detail: "required"})
	}
	b.TokenProtection = "unbound"
	if f.Bound {
		b.TokenProtection = "bound"
	}
	if f.User == "" {
		return
	}
	b.CrossTenant, b.HomeTenantID = cmp.Or(crossings[f.Guest], b.CrossTenant), cmp.Or(string(f.HomeTenant), b.HomeTenantID)
	kind := "member"
	if f.Guest != "" && f.Guest != directory.B2BCollaborationMember {
		kind = "guest"
	}
	b.UserType = &kind
}

// proved says when somebody showed a method. What was shown before this request
// began is claimed by the session.
func proved(name string, m strength.Methods, f access.Facts) methodDetail {
	at, requirement := f.AuthAt, "Primary authentication"
	if m != strength.Password && !f.MFAAt.IsZero() {
		at, requirement = f.MFAAt, "Multifactor authentication"
	}
	d := methodDetail{Method: name, At: graph.Stamp(at), Requirement: requirement, Succeeded: true}
	if f.Now.Sub(at) > time.Minute {
		d.Result = graph.Text("MFA requirement satisfied by claim in the token")
		if m == strength.Password {
			d.Result = graph.Text("First factor requirement satisfied by claim in the token")
		}
	}
	return d
}

// lifetimes are how long the session was granted for.
func lifetimes(n *access.Session) []lifetime {
	switch {
	case n == nil:
	case n.ReauthEveryTime:
		return []lifetime{{"Sign in every time", "signInFrequencyEveryTime"}}
	case n.ReauthAfter > 0:
		return []lifetime{{"Sign in again after " + odata.FormatDuration(n.ReauthAfter), "signInFrequencyPeriodicReauthentication"}}
	}
	return []lifetime{}
}
