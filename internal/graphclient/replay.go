package graphclient

import (
	"context"
	"net/http"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

// Rehearsal is a draft of Conditional Access policies, and the sign-ins that it is
// held against.
type Rehearsal struct {
	Documents []document.Document // policies, with what they refer to
	Without   []string            // identifiers of policies to leave out
	Days      int
	Enforce   bool // report-only drafts count as enabled
}

// Impact is what a draft would have done. Counts are by effect: unchanged, letIn,
// eased, prompted, blocked.
type Impact struct {
	Days          int            `json:"days"`
	SignIns       int            `json:"signIns"`
	Reproduced    int            `json:"reproduced"`
	NotReproduced []Stray        `json:"notReproduced"`
	Effects       map[string]int `json:"effects"`
	Users         map[string]int `json:"users"`
	Applications  []Tally        `json:"applications"`
	Groups        []Tally        `json:"groups"`
	Examples      []Example      `json:"examples"`
}

// Stray is a sign-in that does not come out as it was recorded.
type Stray struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Tally counts the effects on one app or group.
type Tally struct {
	ID      string         `json:"id"`
	Name    string         `json:"displayName"`
	Effects map[string]int `json:"effects"`
}

// Example is a sign-in that a draft would have changed.
type Example struct {
	ID                string `json:"id"`
	CreatedDateTime   string `json:"createdDateTime"`
	UserPrincipalName string `json:"userPrincipalName"`
	Resource          string `json:"resourceDisplayName"`
	Effect            string `json:"effect"`
	ErrorCode         int    `json:"errorCode"`
	Policies          []struct {
		Name  string   `json:"displayName"`
		Unmet []string `json:"unmetControls"`
	} `json:"policies"`
}

// Replay holds a draft against past sign-ins. Policies of the documents stand in
// for those of the service that they would update; nothing is changed.
func (c *Client) Replay(ctx context.Context, r Rehearsal) (Impact, error) {
	plan, err := c.Plan(ctx, Wish{Documents: r.Documents})
	if err != nil {
		return Impact{}, err
	}
	policies := []any{}
	for _, ch := range plan.Changes {
		if ch.doc.Kind.OData != "conditionalAccessPolicy" {
			continue
		}
		body := ch.doc.Kind.Outgoing(plan.ids.Rewrite(ch.doc.Body), nil)
		if delete(body, "id"); ch.ID != "" {
			body["id"] = ch.ID
		}
		policies = append(policies, body)
	}
	without := []any{}
	for _, id := range r.Without {
		without = append(without, id)
	}
	var found Impact
	err = c.do(ctx, http.MethodPost, "/beta/identity/conditionalAccess/postern.replay",
		map[string]any{"days": r.Days, "enforce": r.Enforce, "policies": policies, "withoutPolicies": without}, &found)
	return found, err
}
