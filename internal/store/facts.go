package store

import (
	"context"
	"errors"
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/threat"
)

func (v gateView) Facts(ctx context.Context, r access.Request) (gate.Facts, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (gate.Facts, error) {
		var f gate.Facts
		if r.Workload {
			err := tx.Row("SELECT revision FROM tenants WHERE id = $1", []any{string(r.Tenant)}, &f.Revisions.Config)
			if errors.Is(err, sqldb.ErrNone) {
				return f, fault.New(fault.NotFound, "there is no tenant %q", r.Tenant)
			}
			if err != nil {
				return f, err
			}
		} else if err := v.sessionFacts(tx, r, &f); err != nil {
			return f, err
		}
		var err error
		if f.Client, err = v.app(tx, r.Tenant, r.Client, f.Revisions.Config); err != nil {
			return f, err
		}
		for _, id := range r.Resources {
			app, err := v.app(tx, r.Tenant, id, f.Revisions.Config)
			if err != nil {
				return f, err
			}
			f.Resources = append(f.Resources, app)
		}
		f.Bound, err = v.bound(tx, r.Tenant, f)
		return f, err
	})
}

// bound returns the resources that the client and the resources bind early, each
// once. One that does not exist any more binds nothing.
func (v gateView) bound(tx *sqldb.Tx, t directory.TenantID, f gate.Facts) ([]directory.App, error) {
	var out []directory.App
	seen := func(id directory.AppID) bool {
		same := func(a directory.App) bool { return a.ID == id }
		return slices.ContainsFunc(f.Resources, same) || slices.ContainsFunc(out, same)
	}
	for _, app := range append([]directory.App{f.Client}, f.Resources...) {
		for _, id := range app.EarlyBound {
			if seen(id) {
				continue
			}
			other, err := v.app(tx, t, id, f.Revisions.Config)
			if fault.KindOf(err) == fault.NotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			out = append(out, other)
		}
	}
	return out, nil
}

// app returns an application as it is at a revision of the configuration.
func (v gateView) app(tx *sqldb.Tx, t directory.TenantID, id directory.AppID, config int64) (directory.App, error) {
	k := shelfKey{string(t), string(id)}
	if a, ok := v.recall.apps.get(k, config); ok {
		return a, nil
	}
	a, err := appTable.get(tx, string(t), string(id))
	if err == nil {
		v.recall.apps.keep(k, config, a)
	}
	return a, err
}

// revisionsOf reads a session with the revisions of all that hangs on it, in
// one query. A registration that went with its device has revision 0; the
// tenant's revision moved then.
const revisionsOf = `SELECT s.doc, s.revision, t.revision, u.revision, COALESCE(g.revision, 0) FROM sessions s
	JOIN tenants t ON t.id = s.tenant
	JOIN users u ON u.tenant = s.tenant AND u.id = s.user_id
	LEFT JOIN registrations g ON g.tenant = s.tenant AND g.id = s.registration_id
	WHERE s.tenant = $1 AND s.id = $2`

// sessionFacts adds the session and what hangs on it. An installation that has
// ended gives neither device nor dossier: it proves nothing any more. Its
// revision still takes part.
func (v gateView) sessionFacts(tx *sqldb.Tx, r access.Request, f *gate.Facts) error {
	var doc []byte
	at := directory.Revisions{}
	err := tx.Row(revisionsOf, []any{string(r.Tenant), string(r.Session)}, &doc, &at.Session, &at.Config, &at.User, &at.Registration)
	if errors.Is(err, sqldb.ErrNone) {
		return fault.New(fault.NotFound, "there is no session %q", r.Session)
	}
	if err != nil {
		return err
	}
	s, err := sessionTable.decode(doc, at.Session)
	if err != nil {
		return err
	}
	f.Session = gate.SessionFacts{
		ID: s.ID, AuthAt: s.AuthAt, MFAAt: s.MFAAt, Methods: s.Methods, PasswordAt: s.PasswordAt, Transfer: s.Transfer,
		ExpiresAt: s.ExpiresAt, RevokedAt: s.RevokedAt, Registration: s.Registration, ProvedAt: s.ProvedAt,
	}
	f.Revisions = at
	at.Session = 0
	p, err := v.person(tx, personKey{r.Tenant, s.User, s.Registration}, at)
	f.User, f.Groups, f.Device, f.Dossier, f.Acceptances = p.user, p.groups, p.device, p.dossier, p.acceptances
	return err
}

// person returns a user with what stands behind a registration, as they are at
// the revisions that this transaction sees.
func (v gateView) person(tx *sqldb.Tx, k personKey, at directory.Revisions) (person, error) {
	now := v.now()
	if p, ok := v.recall.person(k, at, now); ok {
		return p, nil
	}
	p := person{revisions: at, readAt: now}
	var err error
	if p.user, err = userTable.get(tx, string(k.tenant), string(k.user)); err != nil {
		return p, err
	}
	if p.groups, err = groups(tx, k.tenant, k.user); err != nil {
		return p, err
	}
	if p.acceptances, err = acceptancesOf(tx, k.tenant, k.user); err != nil {
		return p, err
	}
	if at.Registration != 0 {
		if err := v.installed(tx, k, &p); err != nil {
			return p, err
		}
	}
	v.recall.keepPerson(k, p)
	return p, nil
}

// installed adds a living registration's device and dossier.
func (v gateView) installed(tx *sqldb.Tx, k personKey, p *person) error {
	reg, err := registrationTable.get(tx, string(k.tenant), string(k.registration))
	if err != nil || !reg.EndedAt.IsZero() {
		return err
	}
	if reg.User != k.user { // the session is one person's, the installation another's
		return fault.New(fault.NotFound, "the user %q has no registration %q", k.user, k.registration)
	}
	device, err := deviceTable.get(tx, string(k.tenant), string(reg.Device))
	if err != nil {
		return err
	}
	d := compliance.Dossier{Standing: reg.Standing, Manufacturer: reg.Manufacturer, Model: reg.DeviceModel, User: p.user, Groups: p.groups}
	if err := threats(tx, &d); err != nil {
		return err
	}
	q, err := v.question(tx, reg.Installation, p.groups)
	if err != nil {
		return err
	}
	if d.Demands, err = q.demands(); err != nil {
		return err
	}
	p.device, p.dossier = &device, &d
	return nil
}

// threats adds the signals about the installation and the tenant's connector.
// Of several connectors the one of Windows Security Center counts.
func threats(tx *sqldb.Tx, d *compliance.Dossier) error {
	tenant := string(d.Standing.Tenant)
	err := tx.Rows("SELECT doc FROM signals WHERE tenant = $1 AND registration_id = $2 ORDER BY source, partner",
		[]any{tenant, string(d.Standing.Registration)}, func(scan func(...any) error) error {
			var doc []byte
			if err := scan(&doc); err != nil {
				return err
			}
			s, err := decode[threat.Signal](doc)
			d.Signals = append(d.Signals, s)
			return err
		})
	if err != nil {
		return err
	}
	c, err := connectorTable.list(tx, "WHERE tenant = $1 ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END, id LIMIT 1", tenant, string(directory.WindowsSecurityCenter))
	if len(c) > 0 {
		d.Connector = &c[0]
	}
	return err
}

func (v gateView) Config(ctx context.Context, t directory.TenantID) (gate.Config, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (gate.Config, error) {
		tenant, err := tenantTable.get(tx, string(t), string(t))
		if err != nil {
			return gate.Config{}, err
		}
		c := gate.Config{Tenant: tenant}
		if c.Access, err = accessTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t)); err != nil {
			return c, err
		}
		if c.Locations, err = locations(tx, t); err != nil {
			return c, err
		}
		if c.Strengths, err = strengths(tx, t); err != nil {
			return c, err
		}
		c.Agreements, err = agreements(tx, t)
		return c, err
	})
}

func (v mamView) Candidate(ctx context.Context, t directory.TenantID, u directory.UserID, app directory.PackageID) (mam.Dossier, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (mam.Dossier, error) {
		var d mam.Dossier
		d.Standing.Installation = directory.Installation{Tenant: t, User: u, App: app}
		return d, v.asked(tx, &d)
	})
}

// asked adds the user of d and what is asked of the user in the app.
func (v mamView) asked(tx *sqldb.Tx, d *mam.Dossier) (err error) {
	in := d.Standing.Installation
	if d.User, err = userTable.get(tx, string(in.Tenant), string(in.User)); err != nil {
		return err
	}
	if d.Groups, err = groups(tx, in.Tenant, in.User); err != nil {
		return err
	}
	q, err := v.question(tx, in, d.Groups)
	if err != nil {
		return err
	}
	if d.Demands, err = q.demands(); err != nil {
		return err
	}
	if d.Configurations, err = q.configurations(&d.Demands); err != nil {
		return err
	}
	d.Sites, err = q.sites()
	return err
}

func (v mamView) Policies(ctx context.Context, t directory.TenantID) ([]protection.Policy, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]protection.Policy, error) {
		if _, err := tenantTable.get(tx, string(t), string(t)); err != nil {
			return nil, err
		}
		return protectionTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t))
	})
}

// unmoved returns idp.ErrMoved unless every fact of basis is what it was. It
// holds the rows until commit, so that whoever moves one is answered after what
// was permitted before it, never in between.
func unmoved(tx *sqldb.Tx, t directory.TenantID, id directory.SessionID, basis directory.Revisions) error {
	if err := same(tx, "tenants", t, string(t), basis.Config); err != nil {
		return err
	}
	if basis.User == 0 && basis.Session == 0 && basis.Registration == 0 {
		return nil
	}
	// Rows are held in the order in which others change them: user, session, registration.
	s, err := sessionTable.get(tx, string(t), string(id))
	if fault.KindOf(err) == fault.NotFound {
		return idp.ErrMoved
	}
	if err != nil {
		return err
	}
	if err := same(tx, "users", t, string(s.User), basis.User); err != nil {
		return err
	}
	if err := same(tx, "sessions", t, string(id), basis.Session); err != nil {
		return err
	}
	return same(tx, "registrations", t, string(s.Registration), basis.Registration)
}

func same(tx *sqldb.Tx, table string, t directory.TenantID, id string, want int64) error {
	if want == 0 {
		return nil
	}
	var have int64
	err := tx.Row("SELECT revision FROM "+table+" WHERE tenant = $1 AND id = $2"+tx.ForShare(), []any{string(t), id}, &have)
	if errors.Is(err, sqldb.ErrNone) || err == nil && have != want {
		return idp.ErrMoved
	}
	return err
}
