package peers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
)

const casbinModel = `
[request_definition]
r = groups, app, client, platform, risk, trusted, has

[policy_definition]
p = users, out, apps, clients, platforms, risks, place, controls, eft

[policy_effect]
e = !some(where (p.eft == deny))

[matchers]
m = one(r.app, p.apps) && one(r.client, p.clients) && one(r.platform, p.platforms) && one(r.risk, p.risks) && (p.place == "*" || !r.trusted) && member(r.groups, p.users) && !member(r.groups, p.out) && !met(r.has, p.controls)
`

// casbinEngine has a row for each policy, which denies whom it applies to and does
// not satisfy it. Lists are columns that functions read, each parsed once. Casbin
// stops at the first denial, and says no more than yes or no.
type casbinEngine struct {
	enforcer *casbin.Enforcer
	requests [][]any
}

// column is a list as a cell; * is everything, and - nothing.
func column(words []string, empty string) string {
	if len(words) == 0 {
		return empty
	}
	return strings.Join(words, " ")
}

// NewCasbin returns Casbin.
func NewCasbin(policies []Policy, signIns []SignIn) (Engine, error) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		return nil, err
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	cells := map[string]map[string]bool{}
	cell := func(text string) map[string]bool {
		set, ok := cells[text]
		if !ok {
			set = map[string]bool{}
			for _, w := range strings.Fields(text) {
				set[w] = true
			}
			cells[text] = set
		}
		return set
	}
	e.AddFunction("one", func(args ...any) (any, error) {
		text := args[1].(string)
		return text == "*" || cell(text)[args[0].(string)], nil
	})
	e.AddFunction("member", func(args ...any) (any, error) {
		text, groups := args[1].(string), args[0].(map[string]bool)
		if text == "*" {
			return true, nil
		}
		for g := range cell(text) {
			if groups[g] {
				return true, nil
			}
		}
		return false, nil
	})
	e.AddFunction("met", func(args ...any) (any, error) {
		text := args[1].(string)
		p := Policy{Either: strings.HasPrefix(text, "OR "), Controls: strings.Fields(text)[1:]}
		return p.satisfied(args[0].([]string)), nil
	})
	for _, p := range policies {
		users, place, operator := "*", "*", "AND "
		if !p.Everybody {
			users = column(p.Groups, "-")
		}
		if p.NotTrusted {
			place = "elsewhere"
		}
		if p.Either {
			operator = "OR "
		}
		_, err := e.AddPolicy(users, column(p.NotGroups, "-"), column(p.Apps, "*"), column(p.Clients, "*"), column(p.Platforms, "*"), column(p.Risks, "*"),
			place, operator+strings.Join(p.Controls, " "), "deny")
		if err != nil {
			return nil, err
		}
	}
	c := &casbinEngine{enforcer: e}
	for _, s := range signIns {
		groups := map[string]bool{}
		for _, g := range s.Groups {
			groups[g] = true
		}
		c.requests = append(c.requests, []any{groups, s.App, s.Client, s.Platform, s.Risk, s.Trusted, slices.Clone(s.Has)})
	}
	return c, nil
}

func (*casbinEngine) Name() string { return "casbin" }

func (c *casbinEngine) allowed(i int) bool {
	ok, err := c.enforcer.Enforce(c.requests[i]...)
	if err != nil {
		panic(fmt.Sprint("casbin: ", err)) // the model is wrong
	}
	return ok
}

func (c *casbinEngine) Decide(i int) { c.allowed(i) }

// Answer knows no more than Granted and Denied, and no policy.
func (c *casbinEngine) Answer(i int) Answer {
	if c.allowed(i) {
		return Answer{Outcome: Granted}
	}
	return Answer{Outcome: Denied}
}
