package tenantadmin

import (
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/report"
)

// userState is all that a help desk needs to know of one user, on one page. Graph
// has no word for it.
type userState struct {
	UserID            string           `json:"userId"`
	DisplayName       string           `json:"displayName"`
	UserPrincipalName string           `json:"userPrincipalName"`
	AccountEnabled    bool             `json:"accountEnabled"`
	Onboarded         bool             `json:"onboarded"`
	Entitled          bool             `json:"entitled"`
	UserWipe          *userWipe        `json:"userWipe"`
	Groups            []named          `json:"groups"`
	Installations     []installation   `json:"installations"`
	Operations        []operationState `json:"operations"`
	NextSteps         []string         `json:"nextSteps"`
}

type userWipe struct {
	RequestedBy       string  `json:"requestedBy"`
	Reason            *string `json:"reason"`
	RequestedDateTime *string `json:"requestedDateTime"`
}

type named struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

type installation struct {
	ID               string        `json:"id"`
	App              string        `json:"app"`
	AppVersion       *string       `json:"applicationVersion"`
	DeviceID         string        `json:"deviceId"`
	DeviceName       string        `json:"deviceName"`
	PlatformVersion  *string       `json:"platformVersion"`
	EnrolledDateTime *string       `json:"enrolledDateTime"`
	LastSyncDateTime *string       `json:"lastSyncDateTime"`
	EndedDateTime    *string       `json:"endedDateTime"`
	EndedFor         *string       `json:"endedFor"`
	WipePending      bool          `json:"wipePending"`
	ComplianceState  string        `json:"complianceState"`
	Reasons          []reason      `json:"reasons"`
	UpToDate         bool          `json:"upToDate"`
	IntendedPolicies []policyState `json:"intendedPolicies"`
	AppliedPolicies  []policyState `json:"appliedPolicies"`
	Controls         []control     `json:"controls"` // null: the app never said how far it enforces
}

type control struct {
	Control string `json:"control"`
	State   string `json:"state"`
	By      string `json:"by"`
	Gaps    []gap  `json:"gaps"`
}

type gap struct {
	Gap  string `json:"gap"`
	Text string `json:"text"`
}

type reason struct {
	Code  string   `json:"code"`
	Text  string   `json:"text"`
	Steps []string `json:"steps"`
}

type policyState struct {
	ID          string  `json:"id"`
	DisplayName *string `json:"displayName"` // null: deleted since
	Version     int64   `json:"version"`
}

type operationState struct {
	ID                   string  `json:"id"`
	Kind                 string  `json:"kind"`
	State                string  `json:"state"`
	App                  string  `json:"app"`
	DeviceName           string  `json:"deviceName"`
	RequestedBy          string  `json:"requestedBy"`
	Reason               *string `json:"reason"`
	RequestedDateTime    *string `json:"requestedDateTime"`
	LastModifiedDateTime *string `json:"lastModifiedDateTime"`
}

// state serves all that is known of one user, as far as the caller's role sees it.
func (d *Area) state(c *graph.Call) error {
	u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return err
	}
	s, err := d.Reports.User(c.Ctx, c.Tenant(), u.ID, c.Sees)
	if err != nil {
		return err
	}
	doc, err := graph.Document(viewState(s))
	if err != nil {
		return err
	}
	return c.Value("Edm.Untyped", doc)
}

func viewState(s report.UserState) userState {
	out := userState{
		UserID: string(s.User.ID), DisplayName: s.User.DisplayName, UserPrincipalName: s.User.UserPrincipalName, AccountEnabled: s.User.Enabled,
		Onboarded: s.Onboarded, Entitled: s.Entitled, Groups: []named{}, Installations: []installation{}, Operations: []operationState{},
		NextSteps: graph.Texts(s.Next),
	}
	if w := s.User.Wipe; w != nil {
		out.UserWipe = &userWipe{w.RequestedBy, graph.Text(w.Reason), graph.Stamp(w.RequestedAt)}
	}
	for _, g := range s.Groups {
		out.Groups = append(out.Groups, named{string(g.ID), g.DisplayName})
	}
	for _, i := range s.Installations {
		out.Installations = append(out.Installations, viewInstallation(i))
	}
	for _, o := range s.Orders {
		out.Operations = append(out.Operations, operationState{
			ID: o.ID, Kind: o.Kind, State: o.State, App: string(o.Installation.App), DeviceName: o.Installation.DeviceName, RequestedBy: o.RequestedBy,
			Reason: graph.Text(o.Reason), RequestedDateTime: graph.Stamp(o.RequestedAt), LastModifiedDateTime: graph.Stamp(o.ModifiedAt),
		})
	}
	return out
}

func viewInstallation(i report.Installation) installation {
	return installation{
		ID: string(i.Registration), App: string(i.App), AppVersion: graph.Text(i.AppVersion), DeviceID: string(i.Device), DeviceName: i.DeviceName,
		PlatformVersion: graph.Text(i.OSVersion), EnrolledDateTime: graph.Stamp(i.EnrolledAt), LastSyncDateTime: graph.Stamp(i.LastSyncAt),
		EndedDateTime: graph.Stamp(i.EndedAt), EndedFor: graph.Text(i.EndedFor), WipePending: i.WipePending, ComplianceState: i.Verdict.State.String(),
		Reasons: viewReasons(i.Verdict.Reasons), UpToDate: i.UpToDate, IntendedPolicies: viewPolicies(i.Intended), AppliedPolicies: viewPolicies(i.Applied),
		Controls: viewControls(i.Controls),
	}
}

func viewControls(all []enforcement.Control) []control {
	var out []control
	for _, c := range all {
		one := control{Control: c.Control, State: string(c.State), By: c.By, Gaps: []gap{}}
		for _, word := range c.Gaps {
			one.Gaps = append(one.Gaps, gap{word, enforcement.Text(word)})
		}
		out = append(out, one)
	}
	return out
}

func viewReasons(all []compliance.Reason) []reason {
	out := []reason{}
	for _, r := range all {
		out = append(out, reason{r.Code, r.Text, graph.Texts(r.Steps)})
	}
	return out
}

func viewPolicies(all []report.Policy) []policyState {
	out := []policyState{}
	for _, p := range all {
		out = append(out, policyState{p.ID, graph.Text(p.Name), p.Revision})
	}
	return out
}
