package conditional

import (
	"net/http"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/httpapi/graph"
)

// extensionKind is what actions answer that Graph has nothing like.
const extensionKind = "graph.posternExtension"

// mostDays is how far back sign-ins are decided again: longer than they are kept.
const mostDays = 366

// replayRoute serves what Graph has nothing like: a draft, held against the
// sign-ins of the last days.
func (d *Area) replayRoute() graph.Route {
	return graph.Route{Method: http.MethodPost, Pattern: "identity/conditionalAccess/postern.replay", Needs: directory.AccessRead, Do: d.replay}
}

func (d *Area) replay(c *graph.Call) error {
	if d.Gate == nil {
		return fault.New(fault.Unavailable, "nothing decides here")
	}
	if err := c.Allows(directory.AuditRead, ""); err != nil {
		return err // its examples are entries of the log
	}
	o, err := c.Body("")
	if err != nil {
		return err
	}
	draft, days := gate.Draft{}, 30
	var drop []string
	o.Number("days", &days)
	o.Flag("enforce", &draft.Enforce)
	o.Texts("withoutPolicies", &drop)
	if days < 1 || days > mostDays {
		o.Refuse("days", "is %d; it must be 1 to %d", days, mostDays)
	}
	set := d.accessPolicies()
	for _, each := range o.Objects("policies") {
		p := access.Policy{}
		id := ""
		each.Text("id", &id)
		set.Take(c, each, &p)
		p.ID, p.Tenant = access.PolicyID(id), c.Tenant()
		draft.Put = append(draft.Put, p)
	}
	o.RefuseRest("a replay takes days, enforce, policies and withoutPolicies")
	if err := o.Err(); err != nil {
		return err
	}
	draft.Drop, draft.Since = graph.Typed[access.PolicyID](drop), time.Now().UTC().AddDate(0, 0, -days)
	found, err := d.Gate.Replay(c.Ctx, c.Tenant(), draft)
	if err != nil {
		return err
	}
	return c.Value(extensionKind, viewImpact(found, days))
}

func viewImpact(i gate.Impact, days int) map[string]any {
	examples, strayed := []any{}, []any{}
	for _, e := range i.Examples {
		policies := []any{}
		for _, a := range e.Policies {
			policies = append(policies, map[string]any{"id": string(a.Policy), "displayName": a.DisplayName, "unmetControls": graph.Texts(a.Unmet)})
		}
		examples = append(examples, map[string]any{
			"id": e.Record.ID, "createdDateTime": graph.Stamp(e.Record.At), "userPrincipalName": e.Record.UserPrincipalName,
			"resourceDisplayName": e.Record.ResourceName, "effect": e.Effect.String(), "errorCode": e.Code, "policies": policies,
		})
	}
	for _, s := range i.Strayed {
		strayed = append(strayed, map[string]any{"id": s.ID, "reason": s.Why})
	}
	return map[string]any{
		"days": days, "signIns": i.SignIns, "reproduced": i.Reproduced, "notReproduced": strayed,
		"policySet": string(i.Now), "draftPolicySet": string(i.Draft),
		"effects": effects(i.Effects), "users": effects(i.People), "applications": tallies(i.Apps), "groups": tallies(i.Groups), "examples": examples,
	}
}

// effects spells counts by effect.
func effects(counts [access.EffectCount]int) map[string]any {
	out := map[string]any{}
	for e, n := range counts {
		out[access.Effect(e).String()] = n
	}
	return out
}

func tallies(all []gate.Tally) []any {
	out := []any{}
	for _, t := range all {
		out = append(out, map[string]any{"id": t.ID, "displayName": graph.Text(t.Name), "effects": effects(t.Effects)})
	}
	return out
}
