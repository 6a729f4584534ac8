package peers

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
)

// celEngine has a program for each policy, which says whether it is not satisfied.
// Constant lists are sets, by the optimizer; groups are a map.
type celEngine struct {
	programs []cel.Program
	policies []Policy
	inputs   []map[string]any
	has      [][]string
}

func anyOf(words []string, in string) string {
	var out []string
	for _, w := range words {
		out = append(out, fmt.Sprintf("%q in %s", w, in))
	}
	return "(" + strings.Join(out, " || ") + ")"
}

// failure is a policy in the language of CEL.
func failure(p *Policy) string {
	var all []string
	among := func(words []string, what string) {
		if len(words) > 0 {
			all = append(all, what+" in "+quoted(words))
		}
	}
	among(p.Apps, "app")
	among(p.Clients, "client")
	among(p.Platforms, "platform")
	among(p.Risks, "risk")
	if p.NotTrusted {
		all = append(all, "!trusted")
	}
	if !p.Everybody {
		all = append(all, anyOf(p.Groups, "groups"))
	}
	if len(p.NotGroups) > 0 {
		all = append(all, "!"+anyOf(p.NotGroups, "groups"))
	}
	met := anyOf(p.Controls, "has")
	if !p.Either {
		met = strings.ReplaceAll(met, " || ", " && ")
	}
	return strings.Join(append(all, "!"+met), " && ")
}

// NewCEL returns the Common Expression Language.
func NewCEL(policies []Policy, signIns []SignIn) (Engine, error) {
	set := cel.MapType(cel.StringType, cel.BoolType)
	env, err := cel.NewEnv(cel.Variable("app", cel.StringType), cel.Variable("client", cel.StringType), cel.Variable("platform", cel.StringType),
		cel.Variable("risk", cel.StringType), cel.Variable("trusted", cel.BoolType), cel.Variable("groups", set), cel.Variable("has", set))
	if err != nil {
		return nil, err
	}
	e := &celEngine{policies: policies}
	for i := range policies {
		text := failure(&policies[i])
		ast, issues := env.Compile(text)
		if issues.Err() != nil {
			return nil, fmt.Errorf("%s: %w", text, issues.Err())
		}
		p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			return nil, err
		}
		e.programs = append(e.programs, p)
	}
	flags := func(words []string) map[string]bool {
		out := map[string]bool{}
		for _, w := range words {
			out[w] = true
		}
		return out
	}
	for _, s := range signIns {
		e.inputs = append(e.inputs, map[string]any{
			"app": s.App, "client": s.Client, "platform": s.Platform, "risk": s.Risk, "trusted": s.Trusted, "groups": flags(s.Groups), "has": flags(s.Has),
		})
		e.has = append(e.has, s.Has)
	}
	return e, nil
}

func (*celEngine) Name() string { return "cel-go" }

func (e *celEngine) failing(i int) []*Policy {
	var out []*Policy
	for j, p := range e.programs {
		v, _, err := p.Eval(e.inputs[i])
		if err != nil {
			panic(fmt.Sprint("cel: ", err)) // a program is wrong
		}
		if v.Value().(bool) {
			out = append(out, &e.policies[j])
		}
	}
	return out
}

func (e *celEngine) Decide(i int) { outcome(e.failing(i), e.has[i]) }

func (e *celEngine) Answer(i int) Answer { return told(e.failing(i), e.has[i]) }
