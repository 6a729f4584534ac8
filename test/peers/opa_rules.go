package peers

import (
	"context"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/rego"
)

// NewOPARules returns Open Policy Agent with policies that a generator wrote as
// rules, so that its rule index finds them.
func NewOPARules(policies []Policy, signIns []SignIn) (Engine, error) {
	o, err := NewOPA(policies, signIns)
	if err != nil {
		return nil, err
	}
	e := o.(*opa)
	text := "package access\n"
	for i := range policies {
		text += rules(&policies[i])
	}
	e.name = "opa, generated rules"
	e.query, err = rego.New(rego.Query("data.access.failing"), rego.Module("access.rego", text)).PrepareForEval(context.Background())
	return e, err
}

// rules is a policy as rules, one for each app, which OPA finds by its index.
func rules(p *Policy) string {
	set := func(words []string) string { return "{" + strings.Trim(quoted(words), "[]") + "}" }
	var body []string
	among := func(words []string, what string) {
		if len(words) == 1 {
			body = append(body, "input."+what+" == "+strings.Trim(quoted(words), "[]"))
		} else if len(words) > 1 {
			body = append(body, "input."+what+" in "+set(words))
		}
	}
	among(p.Clients, "client")
	among(p.Platforms, "platform")
	among(p.Risks, "risk")
	if p.NotTrusted {
		body = append(body, "input.trusted == false")
	}
	for _, g := range p.NotGroups {
		body = append(body, fmt.Sprintf("not input.groups[%q]", g))
	}
	if p.Either {
		for _, c := range p.Controls {
			body = append(body, fmt.Sprintf("not input.has[%q]", c))
		}
	}
	apps, groups, lacks := []string{""}, []string{""}, []string{""}
	if len(p.Apps) > 0 {
		apps = p.Apps
	}
	if !p.Everybody {
		groups = p.Groups
	}
	if !p.Either {
		lacks = p.Controls
	}
	out := ""
	for _, a := range apps {
		for _, g := range groups {
			for _, l := range lacks {
				var lines []string
				if a != "" {
					lines = append(lines, fmt.Sprintf("input.app == %q", a))
				}
				if g != "" {
					lines = append(lines, fmt.Sprintf("input.groups[%q]", g))
				}
				lines = append(lines, body...)
				if l != "" {
					lines = append(lines, fmt.Sprintf("not input.has[%q]", l))
				}
				out += fmt.Sprintf("failing contains %q if {\n\t%s\n}\n", p.ID, strings.Join(lines, "\n\t"))
			}
		}
	}
	return out
}
