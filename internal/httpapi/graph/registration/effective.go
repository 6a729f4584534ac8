package registration

import (
	"cmp"
	"slices"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/mam"
)

// edge is the app that is asked about when a user has none yet.
const edge directory.PackageID = "com.microsoft.edge"

// effectivePolicy answers what would apply to a user in an app, and why: every
// setting with the policy that decided and those that it overruled.
func (d *Area) effectivePolicy(c *graph.Call) error {
	who, _ := c.Keys[0].Argument("user")
	app, _ := c.Keys[0].Argument("app")
	if who == "" || app == "" {
		return fault.New(fault.Invalid, "postern.effectivePolicy needs a user and an app: postern.effectivePolicy(user='ada@example.com',app='%s')", edge)
	}
	u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), who)
	if err != nil {
		return err
	}
	in, err := d.Registrations.IntendedFor(c.Ctx, c.Tenant(), u.ID, directory.PackageID(app))
	if err != nil {
		return err
	}
	names := naming{area: d, call: c, known: map[string]any{}}
	out := map[string]any{
		"userId": string(u.ID), "userPrincipalName": u.UserPrincipalName, "windowsAppId": app, "protected": in.Protection != nil,
		"why": nil, "settings": names.settings(in), "policies": []any{}, "configuration": nil,
	}
	if in.Protection == nil {
		out["why"] = map[string]any{"code": in.Why.Code, "text": in.Why.Text, "steps": append([]string{}, in.Why.Steps...)}
	} else {
		out["policies"] = named(&names, in.Protection.Policies)
	}
	if in.Configuration != nil {
		out["configuration"] = names.configuration(in.Configuration)
	}
	if names.err != nil {
		return names.err
	}
	return c.Value("Edm.Untyped", out)
}

// naming looks the names of policies up, each once.
type naming struct {
	area  *Area
	call  *graph.Call
	known map[string]any
	err   error
}

// policy is a policy by identifier and name; the name is empty to who may not see it.
func (n *naming) policy(id string) map[string]any {
	name, ok := n.known[id]
	if !ok {
		view, err := n.area.Policy(n.call, id, 0)
		if n.err = cmp.Or(n.err, err); err == nil {
			doc, err := graph.Document(view)
			n.err = cmp.Or(n.err, err)
			name = doc["displayName"]
		}
		n.known[id] = name
	}
	return map[string]any{"id": id, "displayName": name}
}

// told is what a policy says, to who may see it; null to others.
func (n *naming) told(id, value string) any {
	if n.policy(id)["displayName"] == "" {
		return nil
	}
	return value
}

func named[ID ~string](n *naming, ids []ID) []any {
	out := []any{}
	for _, id := range ids {
		out = append(out, n.policy(string(id)))
	}
	return out
}

// settings lists what each policy asks, the one that decided first.
func (n *naming) settings(in mam.Intention) []any {
	byName, decided, order := map[string]map[string]any{}, map[string]string{}, []any{}
	for _, a := range in.Asked {
		s := byName[a.Setting]
		if s == nil {
			s = map[string]any{"name": a.Setting, "value": nil, "source": nil, "overruled": []any{}, "agreeing": []any{}}
			byName[a.Setting] = s
			order = append(order, s)
		}
		if a.Decisive {
			decided[a.Setting] = a.Value
			s["value"], s["source"] = n.told(string(a.Policy), a.Value), n.policy(string(a.Policy))
		}
	}
	for _, a := range in.Asked {
		if s := byName[a.Setting]; !a.Decisive {
			also, list := n.policy(string(a.Policy)), "overruled"
			also["value"] = n.told(string(a.Policy), a.Value)
			if decided[a.Setting] == a.Value {
				list = "agreeing"
			}
			s[list] = append(s[list].([]any), also)
		}
	}
	return order
}

func (n *naming) configuration(e *configuration.Effective) map[string]any {
	settings, conflicts := []any{}, []any{}
	for _, s := range e.Settings {
		settings = append(settings, map[string]any{"name": s.Name, "value": n.told(string(s.Source), s.Value), "typed": s.Typed, "source": n.policy(string(s.Source))})
	}
	for _, k := range e.Conflicts {
		claims := []any{}
		for _, claim := range k.Claims {
			says := n.policy(string(claim.Policy))
			says["value"] = n.told(string(claim.Policy), claim.Value)
			claims = append(claims, says)
		}
		conflicts = append(conflicts, map[string]any{"name": k.Name, "winner": n.policy(string(k.Winner)), "claims": claims})
	}
	return map[string]any{"settings": settings, "conflicts": conflicts, "policies": named(n, e.Policies)}
}

// policiesOfUser lists the policies that apply to a user now: in each app that
// the user has, or in Edge when there is none.
func (d *Area) policiesOfUser(c *graph.Call) error {
	u, err := d.as(c).FindUser(c.Ctx, c.Tenant(), c.Key(0))
	if err != nil {
		return err
	}
	var apps []directory.RegistrationID
	if err := d.each(c, mam.Filter{User: u.ID}, func(r mam.Registration) { apps = append(apps, r.Standing.Registration) }); err != nil {
		return err
	}
	var ids []string
	add := func(in mam.Intention) {
		if in.Protection != nil {
			ids = append(ids, graph.Texts(in.Protection.Policies)...)
		}
		if in.Configuration != nil {
			ids = append(ids, graph.Texts(in.Configuration.Policies)...)
		}
	}
	for _, id := range apps {
		in, err := d.Registrations.Intended(c.Ctx, c.Tenant(), id)
		if err != nil {
			return err
		}
		add(in)
	}
	if len(apps) == 0 {
		in, err := d.Registrations.IntendedFor(c.Ctx, c.Tenant(), u.ID, edge)
		if err != nil {
			return err
		}
		add(in)
	}
	slices.Sort(ids)
	var views []any
	for _, id := range slices.Compact(ids) {
		v, err := d.Policy(c, id, 0)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	return c.Answer(graph.Rows("Collection(graph.managedAppPolicy)", "graph.managedAppPolicy", views))
}
