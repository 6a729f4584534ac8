package peers

import (
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// cedarEngine has a forbid for each policy, with its groups as ancestors of the
// principal. The policies that forbid are in the diagnostics.
type cedarEngine struct {
	set      *cedar.PolicySet
	entities []types.EntityMap
	requests []cedar.Request
	byID     map[string]*Policy
	has      [][]string
}

func quoted(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, fmt.Sprintf("%q", w))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func entities(kind string, ids []string) string {
	var out []string
	for _, id := range ids {
		out = append(out, fmt.Sprintf("%s::%q", kind, id))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// forbid is a policy in Cedar's language.
func forbid(p *Policy) string {
	principal, resource := "principal", "resource"
	var when []string
	if len(p.Groups) == 1 {
		principal = fmt.Sprintf("principal in Group::%q", p.Groups[0])
	} else if len(p.Groups) > 1 {
		when = append(when, "principal in "+entities("Group", p.Groups))
	}
	if len(p.Apps) == 1 {
		resource = fmt.Sprintf("resource == App::%q", p.Apps[0])
	} else if len(p.Apps) > 1 {
		when = append([]string{entities("App", p.Apps) + ".contains(resource)"}, when...)
	}
	if len(p.Clients) > 0 {
		when = append(when, quoted(p.Clients)+".contains(context.client)")
	}
	if len(p.Platforms) > 0 {
		when = append(when, quoted(p.Platforms)+".contains(context.platform)")
	}
	if len(p.Risks) > 0 {
		when = append(when, quoted(p.Risks)+".contains(context.risk)")
	}
	if p.NotTrusted {
		when = append(when, "!context.trusted")
	}
	text := fmt.Sprintf("forbid(%s, action, %s)", principal, resource)
	if len(when) > 0 {
		text += " when { " + strings.Join(when, " && ") + " }"
	}
	if len(p.NotGroups) > 0 {
		text += " unless { principal in " + entities("Group", p.NotGroups) + " }"
	}
	all := "containsAll"
	if p.Either {
		all = "containsAny"
	}
	return text + fmt.Sprintf(" unless { context.met.%s(%s) };", all, quoted(p.Controls))
}

// NewCedar returns Cedar.
func NewCedar(policies []Policy, signIns []SignIn) (Engine, error) {
	c := &cedarEngine{set: cedar.NewPolicySet(), byID: map[string]*Policy{}}
	add := func(id, text string) error {
		var p cedar.Policy
		if err := p.UnmarshalCedar([]byte(text)); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		c.set.Add(cedar.PolicyID(id), &p)
		return nil
	}
	if err := add("everybody", "permit(principal, action, resource);"); err != nil {
		return nil, err
	}
	for i := range policies {
		c.byID[policies[i].ID] = &policies[i]
		if err := add(policies[i].ID, forbid(&policies[i])); err != nil {
			return nil, err
		}
	}
	for _, s := range signIns {
		user := types.NewEntityUID("User", types.String(s.User))
		var groups []types.EntityUID
		for _, g := range s.Groups {
			groups = append(groups, types.NewEntityUID("Group", types.String(g)))
		}
		var has []types.Value
		for _, h := range s.Has {
			has = append(has, types.String(h))
		}
		c.entities = append(c.entities, types.EntityMap{user: {UID: user, Parents: types.NewEntityUIDSet(groups...)}})
		c.requests = append(c.requests, cedar.Request{
			Principal: user, Action: types.NewEntityUID("Action", "signIn"), Resource: types.NewEntityUID("App", types.String(s.App)),
			Context: types.NewRecord(types.RecordMap{
				"client": types.String(s.Client), "platform": types.String(s.Platform), "risk": types.String(s.Risk), "trusted": types.Boolean(s.Trusted), "met": types.NewSet(has...),
			}),
		})
		c.has = append(c.has, s.Has)
	}
	return c, nil
}

func (*cedarEngine) Name() string { return "cedar-go" }

func (c *cedarEngine) failing(i int) []*Policy {
	decision, diagnostic := cedar.Authorize(c.set, c.entities[i], c.requests[i])
	if len(diagnostic.Errors) > 0 {
		panic(fmt.Sprint("cedar: ", diagnostic.Errors)) // a policy is wrong
	}
	if decision == cedar.Allow {
		return nil
	}
	var out []*Policy
	for _, r := range diagnostic.Reasons {
		out = append(out, c.byID[string(r.PolicyID)])
	}
	return out
}

func (c *cedarEngine) Decide(i int) { outcome(c.failing(i), c.has[i]) }

func (c *cedarEngine) Answer(i int) Answer { return told(c.failing(i), c.has[i]) }
