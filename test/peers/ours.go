package peers

import (
	"net/netip"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// ours is Postern's evaluator: every reason of every policy, and the network
// address looked up.
type ours struct {
	set   *access.Set
	facts []access.Facts
	d     access.Decision
}

func typed[S ~string](in []string) []S {
	var out []S
	for _, v := range in {
		out = append(out, S(v))
	}
	return out
}

// NewOurs returns Postern's evaluator.
func NewOurs(policies []Policy, signIns []SignIn) (Engine, error) {
	rules := access.Rules{Strengths: strength.BuiltIns(), Locations: []location.Location{
		{ID: "office", DisplayName: "Office", Trusted: true, Ranges: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
	}}
	for _, p := range policies {
		v := access.Policy{ID: access.PolicyID(p.ID), DisplayName: p.ID, State: access.Enabled, Grant: access.Grant{Operator: access.And, Controls: typed[access.Control](p.Controls)}}
		v.Conditions = access.Conditions{
			Users: access.Users{All: p.Everybody, IncludeGroups: typed[directory.GroupID](p.Groups), ExcludeGroups: typed[directory.GroupID](p.NotGroups)},
			Apps:  access.Apps{All: p.AllApps, Include: typed[directory.AppID](p.Apps)}, ClientAppTypes: typed[access.ClientAppType](p.Clients),
			SignInRisk: typed[access.Risk](p.Risks),
		}
		if p.Either {
			v.Grant.Operator = access.Or
		}
		if len(p.Clients) == 0 {
			v.Conditions.ClientAppTypes = []access.ClientAppType{access.AllClientApps}
		}
		if len(p.Platforms) > 0 {
			v.Conditions.Platforms = &access.Platforms{Include: typed[access.Platform](p.Platforms)}
		}
		if p.NotTrusted {
			v.Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true}
		}
		rules.Policies = append(rules.Policies, v)
	}
	o := &ours{set: access.Compile(rules)}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, s := range signIns {
		f := access.Facts{
			User: directory.UserID(s.User), Groups: typed[directory.GroupID](s.Groups), Resources: []access.Resource{{ID: directory.AppID(s.App)}},
			ClientAppType: access.ClientAppType(s.Client), Platform: access.Platform(s.Platform), IP: netip.MustParseAddr(s.IP), SignInRisk: access.Risk(s.Risk),
			Methods: strength.Password, Offers: strength.Password | strength.SoftwareOath, AuthAt: now, Now: now,
			CompliantApplication: slices.Contains(s.Has, protected),
		}
		if slices.Contains(s.Has, mfa) {
			f.MFAAt, f.Methods = now, f.Methods|strength.SoftwareOath
		}
		if slices.Contains(s.Has, device) {
			f.Device = &access.Device{ID: "d", Compliant: true}
		}
		o.facts = append(o.facts, f)
	}
	return o, nil
}

func (*ours) Name() string { return "postern" }

func (o *ours) Decide(i int) { o.set.EvaluateInto(&o.d, &o.facts[i]) }

func (o *ours) Answer(i int) Answer {
	o.Decide(i)
	a := Answer{Outcome: map[access.Outcome]Outcome{access.Granted: Granted, access.Challenge: Challenge, access.Denied: Denied}[o.d.Outcome], Failing: []string{}}
	for _, m := range o.d.Matched() {
		if m.Result == access.Failure {
			a.Failing = append(a.Failing, string(m.Policy))
		}
	}
	return a
}
