package graphclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

// Claim asks whether a sign-in can be let in. Empty fields restrict nothing.
// Users, groups, apps and locations are named by identifier or by name.
type Claim struct {
	Users, NotUsers, Groups, NotGroups []string
	Apps                               []string
	Actions, Contexts                  []string
	ClientApps, Platforms              []string
	Locations, NotLocations            []string
	SignInRisks, UserRisks             []string
	Without                            []string // grant controls that the sign-in does not have
	Refused                            bool     // ask for one that is not let in instead
}

// Proof is what a claim came to: yes with a witness, no, or unknown with the reason.
type Proof struct {
	Answer  string `json:"answer"`
	Exists  bool   `json:"witnessExists"` // the witness has an account now
	Reason  string `json:"reason,omitempty"`
	States  int    `json:"statesSearched"`
	Witness *struct {
		Who      string         `json:"who"`
		How      string         `json:"how"`
		Outcome  string         `json:"outcome"`
		SignIn   map[string]any `json:"signIn"`
		Policies []struct {
			Name   string   `json:"displayName"`
			Result string   `json:"result"`
			Unmet  []string `json:"unmetControls"`
		} `json:"policies"`
	} `json:"witness"`
}

// Prove asks the service to exhaust its policies. A name that nothing has is a
// document.InputError.
func (c *Client) Prove(ctx context.Context, q Claim) (Proof, error) {
	body := map[string]any{"refused": q.Refused}
	for field, words := range map[string][]string{
		"userActions": q.Actions, "authenticationContexts": q.Contexts, "clientAppTypes": q.ClientApps, "platforms": q.Platforms,
		"signInRiskLevels": q.SignInRisks, "userRiskLevels": q.UserRisks, "withoutControls": q.Without,
	} {
		if len(words) > 0 {
			body[field] = words
		}
	}
	for _, f := range []struct {
		field, path, id, name string
		names                 []string
	}{
		{"users", "users", "id", "userPrincipalName", q.Users}, {"notUsers", "users", "id", "userPrincipalName", q.NotUsers},
		{"groups", "groups", "id", "displayName", q.Groups}, {"notGroups", "groups", "id", "displayName", q.NotGroups},
		{"applications", "applications", "appId", "displayName", q.Apps},
		{"locations", "identity/conditionalAccess/namedLocations", "id", "displayName", q.Locations},
		{"notLocations", "identity/conditionalAccess/namedLocations", "id", "displayName", q.NotLocations},
	} {
		for _, name := range f.names {
			id, err := c.find(ctx, f.path, f.id, f.name, name)
			if err != nil {
				return Proof{}, err
			}
			ids, _ := body[f.field].([]string)
			body[f.field] = append(ids, id)
		}
	}
	var p Proof
	return p, c.do(ctx, http.MethodPost, "/beta/identity/conditionalAccess/postern.prove", body, &p)
}

// find returns the identifier of what has a name, or that identifier.
func (c *Client) find(ctx context.Context, path, id, property, name string) (string, error) {
	quoted := "'" + strings.ReplaceAll(name, "'", "''") + "'"
	query := url.Values{"$filter": {property + " eq " + quoted}}
	all, err := c.list(ctx, "/v1.0/"+path+"?"+query.Encode())
	if err != nil {
		return "", err
	}
	switch len(all) {
	case 0:
		return name, nil // the service says whether there is such an identifier
	case 1:
		return document.Text(all[0], id), nil
	default:
		return "", document.InputError{Err: fmt.Errorf("%d %s are called %q; say which by %s", len(all), path, name, id)}
	}
}

// Flaw is what Conditional Access policies fail to do together.
type Flaw struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"` // error, warning or note
	Policies []struct {
		ID   string `json:"id"`
		Name string `json:"displayName"`
	} `json:"policies"` // the first is the one to change; none: all together
	Why     string `json:"why"`
	Do      string `json:"do"`
	Witness *struct {
		Who string `json:"who"`
		How string `json:"how"`
	} `json:"witness"` // a sign-in that shows it
}

// Flaws asks the service what its Conditional Access policies fail to do, the
// worst first.
func (c *Client) Flaws(ctx context.Context) ([]Flaw, error) {
	var answer struct {
		Findings []Flaw `json:"findings"`
	}
	err := c.do(ctx, http.MethodPost, "/beta/identity/conditionalAccess/postern.lint", map[string]any{}, &answer)
	return answer.Findings, err
}
