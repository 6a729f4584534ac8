package peers

import (
	"context"
	_ "embed"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

//go:embed access.rego
var module string

// opa holds the policies as data and asks one prepared query which are not
// satisfied. Lists are objects, so that membership is one lookup; the input is
// parsed before.
type opa struct {
	name   string
	query  rego.PreparedEvalQuery
	inputs []ast.Value
	byID   map[string]*Policy
	has    [][]string
}

func object(keys []string) map[string]any {
	out := map[string]any{}
	for _, k := range keys {
		out[k] = true
	}
	return out
}

// NewOPA returns Open Policy Agent.
func NewOPA(policies []Policy, signIns []SignIn) (Engine, error) {
	o := &opa{name: "opa", byID: map[string]*Policy{}}
	var data []any
	for i := range policies {
		p := &policies[i]
		o.byID[p.ID] = p
		data = append(data, map[string]any{
			"id": p.ID, "everybody": p.Everybody, "groups": object(p.Groups), "notGroups": object(p.NotGroups), "allApps": p.AllApps, "apps": object(p.Apps),
			"anyClient": len(p.Clients) == 0, "clients": object(p.Clients), "anyPlatform": len(p.Platforms) == 0, "platforms": object(p.Platforms),
			"anyRisk": len(p.Risks) == 0, "risks": object(p.Risks), "notTrusted": p.NotTrusted, "either": p.Either, "controls": p.Controls,
		})
	}
	var err error
	o.query, err = rego.New(rego.Query("data.access.failing"), rego.Module("access.rego", module),
		rego.Store(inmem.NewFromObject(map[string]any{"policies": data}))).PrepareForEval(context.Background())
	if err != nil {
		return nil, err
	}
	for _, s := range signIns {
		v, err := ast.InterfaceToValue(map[string]any{
			"groups": object(s.Groups), "app": s.App, "client": s.Client, "platform": s.Platform, "risk": s.Risk, "trusted": s.Trusted, "has": object(s.Has),
		})
		if err != nil {
			return nil, err
		}
		o.inputs, o.has = append(o.inputs, v), append(o.has, s.Has)
	}
	return o, nil
}

func (o *opa) Name() string { return o.name }

func (o *opa) failing(i int) []*Policy {
	found, err := o.query.Eval(context.Background(), rego.EvalParsedInput(o.inputs[i]))
	if err != nil || len(found) != 1 {
		panic(fmt.Sprint("opa: ", found, err)) // the module is wrong
	}
	var out []*Policy
	for _, id := range found[0].Expressions[0].Value.([]any) {
		out = append(out, o.byID[id.(string)])
	}
	return out
}

func (o *opa) Decide(i int) { outcome(o.failing(i), o.has[i]) }

func (o *opa) Answer(i int) Answer { return told(o.failing(i), o.has[i]) }

// told is the answer that follows from the policies that are not satisfied.
func told(failing []*Policy, has []string) Answer {
	a := Answer{Outcome: outcome(failing, has), Failing: []string{}}
	for _, p := range failing {
		a.Failing = append(a.Failing, p.ID)
	}
	slices.Sort(a.Failing)
	return a
}
