package conditional

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/proof"
)

// proofRoutes serve what Graph has nothing like: questions about all policies
// together.
func (d *Area) proofRoutes() []graph.Route {
	return []graph.Route{
		{Method: http.MethodPost, Pattern: "identity/conditionalAccess/postern.prove", Needs: directory.AccessRead, Do: d.prove},
		{Method: http.MethodPost, Pattern: "identity/conditionalAccess/postern.lint", Needs: directory.AccessRead, Do: d.lint},
	}
}

func (d *Area) prove(c *graph.Call) error {
	if d.Prover == nil {
		return fault.New(fault.Unavailable, "nothing proves here")
	}
	o, err := c.Body("")
	if err != nil {
		return err
	}
	q := readQuestion(o)
	if err := o.Err(); err != nil {
		return err
	}
	a, err := d.Prover.Prove(c.Ctx, c.Tenant(), q)
	if err != nil {
		return err
	}
	return c.Value(extensionKind, map[string]any{
		"answer": a.Verdict.String(), "witnessExists": a.Exists, "reason": graph.Text(a.Why), "statesSearched": a.States, "witness": viewWitness(a.Witness),
	})
}

// lint says what the policies fail to do, the worst first.
func (d *Area) lint(c *graph.Call) error {
	if d.Prover == nil {
		return fault.New(fault.Unavailable, "nothing proves here")
	}
	found, err := d.Prover.Lint(c.Ctx, c.Tenant())
	if err != nil {
		return err
	}
	findings := []any{}
	for _, f := range found {
		policies := []any{}
		for i, id := range f.Policies {
			policies = append(policies, map[string]any{"id": string(id), "displayName": f.Names[i]})
		}
		findings = append(findings, map[string]any{
			"rule": string(f.Rule), "severity": f.Severity.String(), "policies": policies, "why": f.Why, "do": f.Do, "witness": viewWitness(f.Witness),
		})
	}
	return c.Value(extensionKind, map[string]any{"findings": findings})
}

// readQuestion reads whether there is a sign-in; what is not said restricts nothing.
func readQuestion(o *odata.Object) proof.Question {
	list := func(name string) (out []string) {
		o.Texts(name, &out)
		return out
	}
	q := proof.Question{
		Users: graph.Typed[directory.UserID](list("users")), NotUsers: graph.Typed[directory.UserID](list("notUsers")),
		Groups: graph.Typed[directory.GroupID](list("groups")), NotGroups: graph.Typed[directory.GroupID](list("notGroups")),
		Roles: graph.Typed[directory.RoleTemplateID](list("roles")), NotRoles: graph.Typed[directory.RoleTemplateID](list("notRoles")),
		Apps: graph.Typed[directory.AppID](list("applications")), Actions: graph.Typed[access.UserAction](list("userActions")),
		Contexts:       graph.Typed[access.ContextID](list("authenticationContexts")),
		ClientAppTypes: graph.Typed[access.ClientAppType](list("clientAppTypes")), Platforms: readPlatforms(list("platforms")),
		Locations: graph.Typed[location.ID](list("locations")), NotLocations: graph.Typed[location.ID](list("notLocations")),
		SignInRisk: graph.Typed[access.Risk](list("signInRiskLevels")), UserRisk: graph.Typed[access.Risk](list("userRiskLevels")),
		InsiderRisk: graph.Typed[access.Risk](list("insiderRiskLevels")),
	}
	q.Without = readControls(o, "withoutControls", access.MFA, access.AuthenticationStrength, access.CompliantDevice, access.DomainJoinedDevice,
		access.CompliantApplication, access.PasswordChange, access.TermsOfUse, access.TokenProtection)
	if q.Without.Has(access.CompliantApplication) {
		q.Without |= access.ControlsOf(access.ApprovedApplication) // the same thing, by its retired name
	}
	o.Flag("refused", &q.Refused)
	o.RefuseRest("a question has users, groups, roles, locations (each also with not before it), applications, userActions, authenticationContexts, " +
		"clientAppTypes, platforms, signInRiskLevels, userRiskLevels, insiderRiskLevels, withoutControls and refused")
	return q
}

// readControls reads controls of which valid are known; no other is ignored.
func readControls(o *odata.Object, name string, valid ...access.Control) access.Controls {
	var words []string
	o.Words(name, &words, graph.Texts(valid)...)
	for i, w := range words {
		if !slices.Contains(valid, access.Control(w)) {
			o.Refuse(fmt.Sprintf("%s[%d]", name, i), "is %q; valid are %s", w, strings.Join(graph.Texts(valid), ", "))
		}
	}
	return access.ControlsOf(graph.Typed[access.Control](words)...)
}

// readPlatforms takes "unknown" for a platform that nobody knows.
func readPlatforms(names []string) (out []access.Platform) {
	for _, n := range names {
		if n == "unknown" {
			n = ""
		}
		out = append(out, access.Platform(n))
	}
	return out
}

// viewWitness is a sign-in that shows the answer; nil without one.
func viewWitness(w *proof.Witness) any {
	if w == nil {
		return nil
	}
	policies := []any{}
	for _, a := range w.Applied {
		policies = append(policies, map[string]any{
			"id": string(a.Policy), "displayName": a.DisplayName, "result": a.Result.String(), "unmetControls": graph.Texts(a.Unmet),
		})
	}
	return map[string]any{"who": w.Who, "how": w.How, "outcome": w.Decision.String(), "signIn": w.Facts, "policies": policies}
}
