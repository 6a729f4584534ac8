package gate

import (
	"context"
	"net/netip"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/strength"
)

// WhatIf is a sign-in that somebody asks about. What is empty is not known, and a
// condition on it does not hold.
type WhatIf struct {
	Tenant       directory.TenantID
	User         directory.UserID // empty with a Workload or a Guest who is not here
	Workload     directory.AppID
	Guest        directory.GuestKind // of somebody without an account here
	HomeTenant   directory.TenantID
	Apps         []directory.AppID
	Actions      []access.UserAction
	Contexts     []access.ContextID
	Client       access.ClientAppType
	Platform     access.Platform
	IP           netip.Addr
	Country      string // empty: where IP lies
	SignInRisk   access.Risk
	UserRisk     access.Risk
	InsiderRisk  access.Risk
	WorkloadRisk access.Risk
	Transfer     access.TransferMethod
	Device       *access.Device
	Done         access.Controls // what the person has done, or has, besides a password
}

// WhatIfAnswer is what would be decided.
type WhatIfAnswer struct {
	Facts       access.Facts
	Decision    access.Decision
	Set         *access.Set
	Explanation access.Explanation
}

// WhatIf decides a sign-in that never was, by the evaluator that decides those
// that are. Who and what is asked about is read as it is now: groups, roles, risk
// of the account, tags and attributes of apps. Somebody or something unknown is
// fault.NotFound. Nothing is recorded.
func (s *Service) WhatIf(ctx context.Context, w WhatIf) (WhatIfAnswer, error) {
	config, err := s.store.Config(ctx, w.Tenant)
	if err != nil {
		return WhatIfAnswer{}, err
	}
	now := s.now()
	a := access.Facts{
		User: w.User, Workload: w.Workload, Guest: w.Guest, HomeTenant: w.HomeTenant, Actions: w.Actions, Contexts: w.Contexts,
		ClientAppType: w.Client, Platform: w.Platform, IP: w.IP, Country: w.Country, SignInRisk: w.SignInRisk, UserRisk: w.UserRisk,
		InsiderRisk: w.InsiderRisk, WorkloadRisk: w.WorkloadRisk, Transfer: w.Transfer, OriginalTransfer: w.Transfer, Device: w.Device,
		Bootstrap: bootstrap(w.Apps), Methods: strength.Password, Offers: strength.Password | strength.SoftwareOath, AuthAt: now, Now: now,
	}
	if a.Country == "" && a.IP.IsValid() {
		a.Country = s.country(a.IP.Unmap().WithZone(""))
	}
	if err := s.who(ctx, w, &a, config); err != nil {
		return WhatIfAnswer{}, err
	}
	for _, id := range w.Apps {
		app, err := s.store.Resource(ctx, w.Tenant, id)
		if err != nil {
			return WhatIfAnswer{}, err
		}
		a.Resources = append(a.Resources, access.ResourceOf(app))
	}
	done(&a, w.Done)
	out := WhatIfAnswer{Facts: a, Set: access.Compile(rules(config))}
	out.Decision = out.Set.Evaluate(&out.Facts)
	if out.Decision.Outcome != access.Granted {
		out.Explanation = out.Set.Explain(&out.Facts, possible[:])
	}
	return out, nil
}

// who fills in what is known of the person.
func (s *Service) who(ctx context.Context, w WhatIf, a *access.Facts, config Config) error {
	switch {
	case w.Workload != "":
		a.User = ""
		return nil
	case w.User == "" && w.Guest != "":
		a.User = "somebody without an account here"
		return nil
	case w.User == "":
		return fault.New(fault.Invalid, "nobody is asked about; name a user, a guest or a service principal")
	}
	p, err := s.store.Person(ctx, w.Tenant, w.User)
	if err != nil {
		return err
	}
	a.Groups, a.Guest, a.HomeTenant = p.Groups, p.User.Guest, p.User.HomeTenant
	if w.Guest != "" {
		a.Guest, a.HomeTenant = w.Guest, w.HomeTenant
	}
	for _, role := range p.User.Roles {
		if id := role.Template(); id != "" {
			a.Roles = append(a.Roles, id)
		}
	}
	if a.UserRisk == "" && p.User.AtRisk != "" {
		a.UserRisk = access.Risk(p.User.AtRisk)
	}
	a.Terms = accepted(config.Agreements, Facts{Acceptances: p.Acceptances}, a.Now)
	return nil
}

// done notes what the person has done.
func done(a *access.Facts, c access.Controls) {
	if c.Has(access.MFA) {
		a.MFAAt, a.Methods = a.Now, a.Methods|strength.SoftwareOath
	}
	if c.Has(access.CompliantApplication) {
		a.CompliantApplication = true
	}
	if c.Has(access.CompliantDevice) {
		if a.Device == nil {
			a.Device = &access.Device{}
		}
		a.Device.Compliant = true
	}
	a.Bound = c.Has(access.TokenProtection)
}
