package conditional

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/strength"
)

// Strengths are served under two paths, as Graph serves them.
const (
	rootPath       = "identity/conditionalAccess/authenticationStrength"
	strengthsPath  = rootPath + "/policies"
	strengthsAlias = "policies/authenticationStrengthPolicies"
)

// narrowing says why combination configurations are refused.
const narrowing = "no method can be narrowed down here, neither to kinds of security keys nor to issuers of certificates: list the methods in allowedCombinations"

type authenticationStrengthPolicy struct {
	Type                      string   `json:"@odata.type"`
	ID                        string   `json:"id"`
	CreatedDateTime           string   `json:"createdDateTime"`
	ModifiedDateTime          string   `json:"modifiedDateTime"`
	DisplayName               string   `json:"displayName"`
	Description               *string  `json:"description"`
	PolicyType                string   `json:"policyType"`
	RequirementsSatisfied     string   `json:"requirementsSatisfied"`
	AllowedCombinations       []string `json:"allowedCombinations"`
	CombinationConfigurations []string `json:"combinationConfigurations"` // Graph shows them unasked; here there are none
}

func viewStrength(s strength.Strength) authenticationStrengthPolicy {
	out := authenticationStrengthPolicy{
		Type: "#microsoft.graph.authenticationStrengthPolicy", ID: string(s.ID), CreatedDateTime: graph.StampOrNever(s.CreatedAt),
		ModifiedDateTime: graph.StampOrNever(s.ModifiedAt), DisplayName: s.DisplayName, Description: graph.Text(s.Description),
		PolicyType: "custom", RequirementsSatisfied: requirement(s), AllowedCombinations: combinations(s.Combinations),
		CombinationConfigurations: []string{},
	}
	if s.BuiltIn {
		out.PolicyType = "builtIn"
	}
	return out
}

// requirement is what a strength stands in for, in Graph's words.
func requirement(s strength.Strength) string {
	if s.SatisfiesMFA() {
		return "mfa"
	}
	return "none"
}

func combinations(all []strength.Methods) []string {
	out := make([]string, len(all))
	for i, m := range all {
		out[i] = m.String()
	}
	return out
}

func (d *Area) strengths(path string) graph.Set[strength.Strength] {
	return graph.Set[strength.Strength]{
		Path: path, Kind: "graph.authenticationStrengthPolicy", Read: directory.AccessRead, Write: directory.AccessWrite, Name: "displayName",
		Patched:  http.StatusNoContent,
		Items:    func(c *graph.Call) admin.Collection[strength.Strength] { return d.as(c).Strengths() },
		ID:       func(s strength.Strength) string { return string(s.ID) },
		Revision: func(s strength.Strength) int64 { return s.Revision },
		View:     func(_ *graph.Call, s strength.Strength) (any, error) { return viewStrength(s), nil },
		Take:     takeStrength,
	}
}

// takeStrength takes over the body of a strength. As in Graph, combinations are
// given at creation and changed by an action.
func takeStrength(c *graph.Call, o *odata.Object, s *strength.Strength) {
	before := s.Combinations
	created := s.Revision == 0
	if created {
		s.Tenant = c.Tenant()
	}
	o.Text("displayName", &s.DisplayName)
	o.Text("description", &s.Description)
	takeCombinations(c, o, s)
	if !created && !slices.Equal(before, s.Combinations) {
		o.Refuse("allowedCombinations", "differs from what it is; it changes by the action updateAllowedCombinations alone")
		s.Combinations = before
	}
	policyType, satisfied := "", ""
	if o.Word("policyType", &policyType, "builtIn", "custom"); policyType == "builtIn" && !s.BuiltIn {
		o.Refuse("policyType", "is builtIn; what is created here is custom")
	}
	o.Text("requirementsSatisfied", &satisfied)
	if satisfied != "" && len(s.Combinations) > 0 && satisfied != requirement(*s) {
		o.Refuse("requirementsSatisfied", "is %q; with these combinations it is %q", satisfied, requirement(*s))
	}
	if len(o.Objects("combinationConfigurations")) > 0 {
		o.Refuse("combinationConfigurations", "is not empty; %s", narrowing)
	}
}

func takeCombinations(_ *graph.Call, o *odata.Object, s *strength.Strength) {
	if !o.Has("allowedCombinations") {
		return
	}
	var words []string
	o.Texts("allowedCombinations", &words)
	s.Combinations = nil
	for _, word := range words {
		m, err := strength.ParseCombination(word)
		if err != nil {
			o.Refuse("allowedCombinations", "holds a %s", err)
			continue
		}
		s.Combinations = append(s.Combinations, m)
	}
}

// updateCombinations serves the action updateAllowedCombinations.
func (d *Area) updateCombinations(path string) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		set := d.strengths(path)
		var previous []strength.Methods
		set.Take = func(c *graph.Call, o *odata.Object, s *strength.Strength) {
			previous = s.Combinations
			if takeCombinations(c, o, s); !o.Has("allowedCombinations") {
				o.Refuse("allowedCombinations", "is missing; name the combinations that are allowed from now on")
			}
		}
		o, err := c.Parameters(set.Kind)
		if err != nil {
			return err
		}
		s, err := set.Change(c, o)
		if err != nil {
			return err
		}
		uses, err := d.as(c).StrengthUses(c.Ctx, c.Tenant(), s.ID)
		if err != nil {
			return err
		}
		policies, note := []string{}, ""
		for _, p := range uses {
			policies = append(policies, string(p.ID))
			note = "Conditional Access policies demand this authentication strength and decide by it from now on: see conditionalAccessReferences."
		}
		return c.Value("microsoft.graph.updateAllowedCombinationsResult", map[string]any{
			"@odata.type": "#microsoft.graph.updateAllowedCombinationsResult", "additionalInformation": graph.Text(note),
			"conditionalAccessReferences": policies, "currentCombinations": combinations(s.Combinations), "previousCombinations": combinations(previous),
		})
	}
}

// usage lists the policies that demand a strength, by what it stands in for.
func (d *Area) usage(path string) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		s, err := d.strengths(path).One(c)
		if err != nil {
			return err
		}
		uses, err := d.as(c).StrengthUses(c.Ctx, c.Tenant(), s.ID)
		if err != nil {
			return err
		}
		views := []any{}
		for _, p := range uses {
			v, err := d.accessPolicies().View(c, p)
			if err != nil {
				return err
			}
			views = append(views, v)
		}
		out := map[string]any{"mfa": []any{}, "none": []any{}}
		out[requirement(s)] = views
		return c.Value("microsoft.graph.authenticationStrengthUsage", out)
	}
}

// configurations lists the combination configurations of a strength: none.
func (d *Area) configurations(path string) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		s, err := d.strengths(path).One(c)
		if err != nil {
			return err
		}
		return c.Answer(graph.Rows(path+"('"+string(s.ID)+"')/combinationConfigurations", "graph.authenticationCombinationConfiguration", nil))
	}
}

func refuseConfiguration(*graph.Call) error {
	return fault.New(fault.Invalid, "combinationConfigurations: %s", narrowing)
}

// methodModes describes every method that a combination can have.
func (d *Area) methodModes(c *graph.Call) error {
	var views []any
	for _, m := range strength.Modes() {
		views = append(views, map[string]any{
			"@odata.type": "#microsoft.graph.authenticationMethodModeDetail", "id": m.Name, "displayName": m.DisplayName, "authenticationMethod": m.Base,
		})
	}
	return c.Answer(graph.Rows(rootPath+"/authenticationMethodModes", "graph.authenticationMethodModeDetail", views))
}

func (d *Area) strengthRoutes() []graph.Route {
	read := func(pattern string, do func(c *graph.Call) error) graph.Route {
		return graph.Route{Method: http.MethodGet, Pattern: pattern, Needs: directory.AccessRead, Do: do}
	}
	write := func(pattern string, do func(c *graph.Call) error) graph.Route {
		return graph.Route{Method: http.MethodPost, Pattern: pattern, Needs: directory.AccessWrite, Do: do}
	}
	var all []graph.Route
	for _, path := range []string{strengthsPath, strengthsAlias} {
		all = append(all, d.strengths(path).Routes()...)
		all = append(all,
			write(path+"/{}/updateAllowedCombinations", d.updateCombinations(path)), read(path+"/{}/usage", d.usage(path)),
			read(path+"/{}/combinationConfigurations", d.configurations(path)), write(path+"/{}/combinationConfigurations", refuseConfiguration))
	}
	return append(all,
		read(rootPath+"/authenticationMethodModes", d.methodModes),
		read(rootPath+"/combinations", func(c *graph.Call) error {
			return c.Value(rootPath+"/combinations", combinations(strength.Combinations()))
		}))
}
