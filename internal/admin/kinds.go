package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
)

// Groups administers groups.
func (s *Service) Groups() Collection[directory.Group] {
	return Collection[directory.Group]{
		service: s, kind: audit.Group, objects: s.store.Groups(),
		check: func(_ context.Context, old, g *directory.Group) error {
			if old == nil {
				g.ID, g.CreatedAt = cmp.Or(g.ID, directory.GroupID(newID())), s.now()
			}
			return together(checkText("displayName", g.DisplayName, 1, 256), checkText("description", g.Description, 0, 1024),
				checkText("mailNickname", g.MailNickname, 0, 64), checkUniqueName(old, g))
		},
		announce: func(_, g *directory.Group) event.Event {
			return s.changed(g.Tenant, "group", &event.Reach{Groups: []directory.GroupID{g.ID}})
		},
		bereave: s.left, admits: s.groupAdmits, judged: true,
		describe: func(g *directory.Group) subject {
			return subject{g.Tenant, string(g.ID), g.Revision, g.DisplayName, nil}
		},
	}
}

// checkUniqueName lets a group get a name that others look it up by, once.
func checkUniqueName(old, g *directory.Group) error {
	if old != nil && old.UniqueName != "" && old.UniqueName != g.UniqueName {
		return fault.New(fault.Invalid, "uniqueName is %q; it is %q already and cannot change", g.UniqueName, old.UniqueName)
	}
	return checkText("uniqueName", g.UniqueName, 0, 128)
}

// GroupByUniqueName finds a group by its alternate key; fault.NotFound when there
// is none.
func (s *Service) GroupByUniqueName(ctx context.Context, t directory.TenantID, name string) (directory.Group, error) {
	return s.store.GroupByUniqueName(ctx, t, name)
}

// Devices administers registered devices. Agents create them; an admin may
// disable, enable and delete. What is protected does not depend on it: only who
// is let in.
func (s *Service) Devices() Collection[directory.Device] {
	return Collection[directory.Device]{
		service: s, kind: audit.Device, objects: s.store.Devices(),
		check: func(_ context.Context, old, d *directory.Device) error {
			if old == nil {
				return fault.New(fault.Invalid, "devices are registered by their agent and cannot be created here")
			}
			changed := *old
			changed.Enabled, changed.DisplayName, changed.Revision = d.Enabled, d.DisplayName, d.Revision
			*d = changed
			return checkText("displayName", d.DisplayName, 0, 256)
		},
		announce: func(_, d *directory.Device) event.Event { return s.changed(d.Tenant, "device", &event.Reach{}) },
		describe: func(d *directory.Device) subject {
			return subject{d.Tenant, string(d.ID), d.Revision, d.DisplayName, nil}
		},
	}
}

// Tenants administers a tenant's name and settings.
func (s *Service) Tenants() Collection[directory.Tenant] {
	return Collection[directory.Tenant]{
		service: s, kind: audit.Tenant, objects: s.store.Tenants(),
		check: func(ctx context.Context, old, v *directory.Tenant) error {
			if old == nil {
				return fault.New(fault.Invalid, "a tenant is founded, not created")
			}
			changed := *old
			changed.DisplayName, changed.Settings, changed.Revision = v.DisplayName, v.Settings, v.Revision
			*v = changed
			if n := v.Settings.MaxUsersPerDevice; n < 0 || n > 100 {
				return fault.New(fault.Invalid, "maxUsersPerDevice is %d; it must be between 0 (meaning 3) and 100", n)
			}
			if g := v.Settings.EntitledGroup; g != "" && g != old.Settings.EntitledGroup {
				if _, err := s.store.Groups().Get(ctx, v.ID, string(g)); err != nil {
					return missing(err, "entitledGroup", "group", string(g))
				}
			}
			return checkText("displayName", v.DisplayName, 1, 256)
		},
		spare: func(context.Context, directory.Tenant) error {
			return fault.New(fault.Invalid, "a tenant cannot be deleted here")
		},
		admits:   s.settingsAdmit,
		announce: func(_, v *directory.Tenant) event.Event { return s.changed(v.ID, "tenant settings", nil) },
		describe: func(v *directory.Tenant) subject { return subject{v.ID, string(v.ID), v.Revision, v.DisplayName, nil} },
	}
}

// Connectors administers threat connectors. Its identifier is the partner's
// application, which must exist: that is who may report.
func (s *Service) Connectors() Collection[threat.Connector] {
	return Collection[threat.Connector]{
		service: s, kind: audit.Connector, objects: s.store.Connectors(),
		check:    s.checkConnector,
		announce: func(_, c *threat.Connector) event.Event { return s.changed(c.Tenant, "threat connector", nil) },
		describe: func(c *threat.Connector) subject {
			return subject{c.Tenant, string(c.ID), c.Revision, string(c.ID), nil}
		},
	}
}

func (s *Service) checkConnector(ctx context.Context, old, c *threat.Connector) error {
	if old == nil {
		c.CreatedAt, c.HeartbeatAt = s.now(), time.Time{}
		if _, err := s.store.Apps().Get(ctx, c.Tenant, string(c.ID)); err != nil {
			return missing(err, "id", "application", string(c.ID))
		}
	} else {
		c.CreatedAt, c.HeartbeatAt = old.CreatedAt, old.HeartbeatAt
	}
	const day = 24 * time.Hour
	if c.UnresponsiveAfter != 0 && (c.UnresponsiveAfter < day || c.UnresponsiveAfter > 90*day) {
		return fault.New(fault.Invalid, "partnerUnresponsivenessThresholdInDays is %d; it must be between 1 and 90",
			int(c.UnresponsiveAfter/day))
	}
	if !c.EnabledForWindows {
		return nil
	}
	var other directory.AppID
	err := s.Connectors().All(ctx, c.Tenant, func(o threat.Connector) bool {
		if o.ID != c.ID && o.EnabledForWindows {
			other = o.ID
		}
		return other == ""
	})
	if err == nil && other != "" {
		err = fault.New(fault.Invalid, "windowsMobileApplicationManagementEnabled is true, but connector %q is enabled already; only one partner may be", other)
	}
	return err
}

// AccessPolicies administers Conditional Access policies. They say who gets in;
// what protects an app does not change with them.
func (s *Service) AccessPolicies() Collection[access.Policy] {
	return Collection[access.Policy]{
		service: s, kind: audit.AccessPolicy, objects: s.store.AccessPolicies(), restorable: true,
		check: s.checkAccessPolicy, admits: s.policyAdmits, judged: true,
		announce: func(_, p *access.Policy) event.Event {
			return s.changed(p.Tenant, "conditional access policy", &event.Reach{})
		},
		describe: func(p *access.Policy) subject { return subject{p.Tenant, string(p.ID), p.Revision, p.DisplayName, nil} },
		renew:    func(p *access.Policy, revision int64) { p.Revision = revision },
		created:  func(p *access.Policy) *time.Time { return &p.CreatedAt },
	}
}

// ProtectionPolicies administers app protection policies.
func (s *Service) ProtectionPolicies() Collection[protection.Policy] {
	return Collection[protection.Policy]{
		service: s, kind: audit.ProtectionPolicy, objects: s.store.ProtectionPolicies(), restorable: true,
		check: s.checkProtectionPolicy,
		announce: func(old, p *protection.Policy) event.Event {
			reach := reaching(p.Assignments, p.Apps)
			if old != nil {
				reach = both(reach, reaching(old.Assignments, old.Apps))
			}
			return s.changed(p.Tenant, "app protection policy", reach)
		},
		describe: func(p *protection.Policy) subject {
			return subject{p.Tenant, string(p.ID), p.Revision, p.DisplayName, p.ScopeTags}
		},
		renew: func(p *protection.Policy, revision int64) { p.Revision = revision },
	}
}

// Configurations administers app configuration policies.
func (s *Service) Configurations() Collection[configuration.Policy] {
	return Collection[configuration.Policy]{
		service: s, kind: audit.Configuration, objects: s.store.Configurations(), restorable: true,
		check: s.checkConfiguration,
		announce: func(old, p *configuration.Policy) event.Event {
			reach := reaching(p.Assignments, p.Apps)
			if old != nil {
				reach = both(reach, reaching(old.Assignments, old.Apps))
			}
			return s.changed(p.Tenant, "app configuration policy", reach)
		},
		describe: func(p *configuration.Policy) subject {
			return subject{p.Tenant, string(p.ID), p.Revision, p.DisplayName, p.ScopeTags}
		},
		renew: func(p *configuration.Policy, revision int64) { p.Revision = revision },
	}
}

// both is whom either of two changes can affect. No apps are none: nil would be
// every app.
func both(a, b *event.Reach) *event.Reach {
	return &event.Reach{
		AllUsers: a.AllUsers || b.AllUsers, Groups: unique(slices.Concat(a.Groups, b.Groups)), Apps: append([]directory.PackageID{}, unique(slices.Concat(a.Apps, b.Apps))...),
	}
}

func (s *Service) changed(t directory.TenantID, what string, reach *event.Reach) event.Event {
	return event.ConfigChanged{Tenant: t, What: what, Reach: reach, At: s.now()}
}
