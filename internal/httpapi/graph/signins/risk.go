package signins

import (
	"cmp"
	"net/http"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

const riskyPath = "identityProtection/riskyUsers"

type riskyUser struct {
	Type              string  `json:"@odata.type"`
	ID                string  `json:"id"`
	IsDeleted         bool    `json:"isDeleted"`
	IsProcessing      bool    `json:"isProcessing"`
	RiskDetail        string  `json:"riskDetail"`
	RiskLastUpdated   *string `json:"riskLastUpdatedDateTime"`
	RiskLevel         string  `json:"riskLevel"`
	RiskState         string  `json:"riskState"`
	UserDisplayName   string  `json:"userDisplayName"`
	UserPrincipalName string  `json:"userPrincipalName"`
}

// riskStates are Graph's words (riskState) for what became of a risk.
var riskStates = map[directory.RiskDetail]string{
	directory.RiskConfirmed: "confirmedCompromised", directory.RiskSafe: "confirmedSafe", directory.RiskDismissed: "dismissed",
	directory.RiskRemediated: "remediated",
}

func viewRisk(u directory.User) riskyUser {
	state := "none"
	if u.AtRisk != "" {
		state = "atRisk"
	}
	return riskyUser{
		Type: "#microsoft.graph.riskyUser", ID: string(u.ID), RiskDetail: cmp.Or(string(u.RiskDetail), "none"), RiskLastUpdated: graph.Stamp(u.RiskAt),
		RiskLevel: cmp.Or(u.AtRisk, "none"), RiskState: cmp.Or(riskStates[u.RiskDetail], state), UserDisplayName: u.DisplayName, UserPrincipalName: u.UserPrincipalName,
	}
}

// riskyUsers are the people about whose risk anything was ever said.
func (d *Area) riskyUsers() graph.Set[directory.User] {
	said := func(u directory.User) bool { return u.AtRisk != "" || !u.RiskAt.IsZero() }
	return graph.Set[directory.User]{
		Path: riskyPath, Kind: "graph.riskyUser", Read: directory.RiskRead, Write: directory.RiskWrite,
		Items:    func(c *graph.Call) admin.Collection[directory.User] { return c.Room(d.Admin).Users() },
		ID:       func(u directory.User) string { return string(u.ID) },
		Revision: func(u directory.User) int64 { return u.Revision },
		View:     func(_ *graph.Call, u directory.User) (any, error) { return viewRisk(u), nil },
		Kept:     func(_ *graph.Call, u directory.User) bool { return said(u) },
		Find: func(c *graph.Call, key odata.Segment) (directory.User, error) {
			u, err := d.Admin.Users().Get(c.Ctx, c.Tenant(), key.Text)
			if err == nil && !said(u) {
				err = fault.New(fault.NotFound, "nothing was said of the risk of user %q", key.Text)
			}
			return u, err
		},
	}
}

// riskRoutes serve who is at risk, and what an administrator found out about it.
func (d *Area) riskRoutes() []graph.Route {
	routes := d.riskyUsers().ReadRoutes()
	for action, detail := range map[string]directory.RiskDetail{
		"confirmCompromised": directory.RiskConfirmed, "confirmSafe": directory.RiskSafe, "dismiss": directory.RiskDismissed,
	} {
		routes = append(routes, graph.Route{Method: http.MethodPost, Pattern: riskyPath + "/" + action, Needs: directory.RiskWrite, Do: func(c *graph.Call) error {
			o, err := c.Parameters("graph.riskyUser")
			if err != nil {
				return err
			}
			var ids []string
			o.Texts("userIds", &ids)
			if err := o.Err(); err != nil {
				return err
			}
			if err := c.Room(d.Admin).AssessRisk(c.Ctx, c.Tenant(), graph.Typed[directory.UserID](ids), detail); err != nil {
				return err
			}
			return c.NoContent()
		}})
	}
	return routes
}
