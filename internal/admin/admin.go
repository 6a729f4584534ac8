// Package admin administers: directory, policies, connectors, tenant settings;
// and it says who may.
//
// Everything an admin may keep is a Collection: what goes in is checked against
// the rules of its kind, and every change is announced in the transaction that
// makes it. Identifiers and creation times are given here, never by callers.
//
// # Errors
//
// Every refusal is a fault whose detail names the field, the value and what
// would be valid. A save that raced with another is fault.Conflict.
package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
)

// Hasher turns a password into what verifies it. The hall connects it to
// sign-in, which owns the parameters.
type Hasher interface {
	// HashPassword returns a PHC string.
	HashPassword(ctx context.Context, password string) (string, error)
}

// Config is what the room needs.
type Config struct {
	Store      Store
	Passwords  Hasher
	IssuerHost string           // host of the public URL, without port: no site may use it
	Now        func() time.Time // nil means time.Now
}

// Service administers tenants.
type Service struct {
	store      Store
	passwords  Hasher
	issuerHost string
	clock      func() time.Time
}

// New returns the room, or every missing dependency joined.
func New(c Config) (*Service, error) {
	var errs []error
	if c.Store == nil {
		errs = append(errs, errors.New("admin: no Store"))
	}
	if c.Passwords == nil {
		errs = append(errs, errors.New("admin: no Passwords"))
	}
	if c.IssuerHost == "" {
		errs = append(errs, errors.New("admin: no IssuerHost"))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Service{store: c.Store, passwords: c.Passwords, issuerHost: strings.ToLower(c.IssuerHost), clock: c.Now}, nil
}

func (s *Service) now() time.Time { return s.clock().UTC() }

// Collection administers the objects of one kind.
type Collection[T any] struct {
	objects Objects[T]
	// check completes and judges what is to be saved; old is nil for a new object.
	check func(ctx context.Context, old, v *T) error
	// spare refuses what must not be deleted; nil refuses nothing.
	spare    func(ctx context.Context, v T) error
	announce func(v T) event.Event
	key      func(v T) (t directory.TenantID, id string, revision int64)
}

// Get returns one object, or fault.NotFound.
func (c Collection[T]) Get(ctx context.Context, t directory.TenantID, id string) (T, error) {
	return c.objects.Get(ctx, t, id)
}

// List returns objects in identifier order.
func (c Collection[T]) List(ctx context.Context, t directory.TenantID, q Query) ([]T, error) {
	return c.objects.List(ctx, t, q)
}

// Save creates v (Revision 0) or changes it if it is still at its revision. It
// returns what was stored; fault.Invalid when v breaks a rule, fault.Conflict
// when it moved or a unique name is taken.
func (c Collection[T]) Save(ctx context.Context, v T) (T, error) {
	if err := c.prepare(ctx, &v); err != nil {
		return v, err
	}
	return c.objects.Save(ctx, v, c.announce(v))
}

func (c Collection[T]) prepare(ctx context.Context, v *T) error {
	t, id, revision := c.key(*v)
	if revision == 0 {
		return c.check(ctx, nil, v)
	}
	old, err := c.objects.Get(ctx, t, id)
	if err != nil {
		return err
	}
	return c.check(ctx, &old, v)
}

// Delete removes an object with everything that cannot be without it;
// fault.NotFound when there is none, fault.Invalid when it must stay.
func (c Collection[T]) Delete(ctx context.Context, t directory.TenantID, id string) error {
	v, err := c.objects.Get(ctx, t, id)
	if err != nil {
		return err
	}
	if c.spare != nil {
		if err := c.spare(ctx, v); err != nil {
			return err
		}
	}
	return c.objects.Delete(ctx, t, id, c.announce(v))
}

// All visits every object of a tenant in identifier order until visit returns
// false.
func (c Collection[T]) All(ctx context.Context, t directory.TenantID, visit func(T) bool) error {
	const size = 200
	after := ""
	for {
		batch, err := c.objects.List(ctx, t, Query{After: after, Limit: size})
		if err != nil {
			return err
		}
		for _, v := range batch {
			if !visit(v) {
				return nil
			}
			_, after, _ = c.key(v)
		}
		if len(batch) < size {
			return nil
		}
	}
}

// Groups administers groups.
func (s *Service) Groups() Collection[directory.Group] {
	return Collection[directory.Group]{
		objects: s.store.Groups(),
		check: func(_ context.Context, old, g *directory.Group) error {
			if old == nil {
				g.ID, g.CreatedAt = directory.GroupID(newID()), s.now()
			}
			return together(checkText("displayName", g.DisplayName, 1, 256), checkText("description", g.Description, 0, 1024),
				checkText("mailNickname", g.MailNickname, 0, 64))
		},
		announce: func(g directory.Group) event.Event { return s.changed(g.Tenant, "group") },
		key: func(g directory.Group) (directory.TenantID, string, int64) {
			return g.Tenant, string(g.ID), g.Revision
		},
	}
}

// Devices administers registered devices. Agents create them; an admin may
// disable, enable and delete.
func (s *Service) Devices() Collection[directory.Device] {
	return Collection[directory.Device]{
		objects: s.store.Devices(),
		check: func(_ context.Context, old, d *directory.Device) error {
			if old == nil {
				return fault.New(fault.Invalid, "devices are registered by their agent and cannot be created here")
			}
			changed := *old
			changed.Enabled, changed.DisplayName, changed.Revision = d.Enabled, d.DisplayName, d.Revision
			*d = changed
			return checkText("displayName", d.DisplayName, 0, 256)
		},
		announce: func(d directory.Device) event.Event { return s.changed(d.Tenant, "device") },
		key: func(d directory.Device) (directory.TenantID, string, int64) {
			return d.Tenant, string(d.ID), d.Revision
		},
	}
}

// Tenants administers a tenant's name and settings.
func (s *Service) Tenants() Collection[directory.Tenant] {
	return Collection[directory.Tenant]{
		objects: s.store.Tenants(),
		check: func(_ context.Context, old, v *directory.Tenant) error {
			if old == nil {
				return fault.New(fault.Invalid, "a tenant is founded, not created")
			}
			changed := *old
			changed.DisplayName, changed.Settings, changed.Revision = v.DisplayName, v.Settings, v.Revision
			*v = changed
			if n := v.Settings.MaxUsersPerDevice; n < 0 || n > 100 {
				return fault.New(fault.Invalid, "maxUsersPerDevice is %d; it must be between 0 (meaning 3) and 100", n)
			}
			return checkText("displayName", v.DisplayName, 1, 256)
		},
		spare: func(context.Context, directory.Tenant) error {
			return fault.New(fault.Invalid, "a tenant cannot be deleted here")
		},
		announce: func(v directory.Tenant) event.Event { return s.changed(v.ID, "tenant settings") },
		key:      func(v directory.Tenant) (directory.TenantID, string, int64) { return v.ID, string(v.ID), v.Revision },
	}
}

// Connectors administers threat connectors. Its identifier is the partner's
// application, which must exist: that is who may report.
func (s *Service) Connectors() Collection[threat.Connector] {
	return Collection[threat.Connector]{
		objects: s.store.Connectors(),
		check:   s.checkConnector,
		announce: func(c threat.Connector) event.Event {
			return s.changed(c.Tenant, "threat connector")
		},
		key: func(c threat.Connector) (directory.TenantID, string, int64) {
			return c.Tenant, string(c.ID), c.Revision
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

// AccessPolicies administers Conditional Access policies.
func (s *Service) AccessPolicies() Collection[access.Policy] {
	return Collection[access.Policy]{
		objects:  s.store.AccessPolicies(),
		check:    s.checkAccessPolicy,
		announce: func(p access.Policy) event.Event { return s.changed(p.Tenant, "conditional access policy") },
		key: func(p access.Policy) (directory.TenantID, string, int64) {
			return p.Tenant, string(p.ID), p.Revision
		},
	}
}

// ProtectionPolicies administers app protection policies.
func (s *Service) ProtectionPolicies() Collection[protection.Policy] {
	return Collection[protection.Policy]{
		objects:  s.store.ProtectionPolicies(),
		check:    s.checkProtectionPolicy,
		announce: func(p protection.Policy) event.Event { return s.changed(p.Tenant, "app protection policy") },
		key: func(p protection.Policy) (directory.TenantID, string, int64) {
			return p.Tenant, string(p.ID), p.Revision
		},
	}
}

func (s *Service) changed(t directory.TenantID, what string) event.Event {
	return event.ConfigChanged{Tenant: t, What: what, At: s.now()}
}

// newID returns a random identifier in the form of a version 4 UUID (RFC 9562),
// which is what Graph clients expect.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// checkText judges a line of text by its length in characters.
func checkText(field, value string, least, most int) error {
	n := utf8.RuneCountInString(value)
	switch {
	case !utf8.ValidString(value):
		return fault.New(fault.Invalid, "%s is not valid UTF-8", field)
	case n < least:
		return fault.New(fault.Invalid, "%s is missing; it needs at least %d character(s)", field, least)
	case n > most:
		return fault.New(fault.Invalid, "%s has %d characters; at most %d are allowed", field, n, most)
	}
	return nil
}

// together joins refusals into one that lists them all. Anything else than a
// refusal comes first: it was not the caller's fault.
func together(errs ...error) error {
	var details []string
	for _, err := range errs {
		switch {
		case err == nil:
		case fault.KindOf(err) == fault.Invalid:
			details = append(details, fault.Detail(err))
		default:
			return err
		}
	}
	if len(details) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(details, "; "))
}

// broken turns what a pure rule says about its input into refusals.
func broken(err error) error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		errs := many.Unwrap()
		for i := range errs {
			errs[i] = broken(errs[i])
		}
		return together(errs...)
	}
	if fault.KindOf(err) == fault.Invalid {
		return err
	}
	return fault.New(fault.Invalid, "%s", err.Error())
}

// missing says which reference of a field does not resolve.
func missing(err error, field, kind, id string) error {
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.Invalid, "%s: there is no %s %q in this tenant", field, kind, id)
	}
	return err
}
