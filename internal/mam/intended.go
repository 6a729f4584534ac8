package mam

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/wire"
)

// Intention is what applies to one user and app, merged from every policy.
type Intention struct {
	Protection    *protection.Effective     // nil: none
	Why           compliance.Reason         // why there is no protection
	Asked         []protection.Contribution // what each policy asks for, Protection's sources among them
	Configuration *configuration.Effective  // nil: none
}

// IntendedFor returns what would apply to a user in an app of the current
// version on Windows, registered or not: for the help desk. Filters that ask for
// more than that find nothing known. fault.NotFound when there is no such user.
func (s *Service) IntendedFor(ctx context.Context, t directory.TenantID, u directory.UserID, app directory.PackageID) (Intention, error) {
	d, err := s.cfg.Store.Candidate(ctx, t, u, app)
	if err != nil {
		return Intention{}, fmt.Errorf("intended policy: %w", err)
	}
	d.Standing.Platform = windows
	return d.explained(), nil
}

// Intended returns what applies to a registration now; fault.NotFound when it is
// unknown.
func (s *Service) Intended(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (Intention, error) {
	d, err := s.cfg.Store.Dossier(ctx, t, id)
	if err != nil {
		return Intention{}, fmt.Errorf("intended policy: %w", err)
	}
	return d.explained(), nil
}

// Effective returns the ETag of the policy of a living registration: whoever
// knows another one has an old policy. fault.NotFound when it has ended.
func (s *Service) Effective(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (string, error) {
	d, err := s.cfg.Store.Dossier(ctx, t, id)
	if err != nil {
		return "", fmt.Errorf("effective policy: %w", err)
	}
	if !d.Registration.EndedAt.IsZero() {
		return "", fault.New(fault.NotFound, "registration %q has ended", id)
	}
	p, err := s.policy(d, d.intends())
	return p.ETag, err
}

// intention merges what the dossier holds, with what was merged of protection.
func (d Dossier) intention(eff *protection.Effective) Intention {
	in := Intention{Protection: eff}
	if eff == nil {
		_, in.Why = compliance.Applies(d.Dossier)
	}
	if _, barred := compliance.Barred(d.Dossier); barred {
		return in
	}
	u, target := d.User, d.Target()
	in.Configuration = configuration.Merge(d.Configurations, configuration.Target{
		App: target.App, Audience: target.Audience,
		Person: configuration.Person{ID: u.ID, Tenant: u.Tenant, UserPrincipalName: u.UserPrincipalName, Mail: u.Mail, DisplayName: u.DisplayName},
	})
	return in
}

// intends is intention of a dossier that was not judged.
func (d Dossier) intends() Intention {
	eff, _ := compliance.Applies(d.Dossier)
	return d.intention(eff)
}

// explained is intends with what each policy asks for.
func (d Dossier) explained() Intention {
	in := d.intends()
	if in.Protection != nil {
		in.Asked = protection.Explain(d.Demands.Policies, d.Target())
	}
	return in
}

// policy is what the installation behind d must enforce.
func (s *Service) policy(d Dossier, in Intention) (wire.Policy, error) {
	p := wire.Policy{
		Settings: map[string]string{}, Checks: []wire.Check{}, Sources: map[string]string{}, Configuration: []wire.Configured{},
		CheckInSeconds: int(in.Why.Retry(s.cfg.CheckInEvery).Seconds()), OrganizationOrigins: []string{},
	}
	for _, host := range d.Sites {
		p.OrganizationOrigins = append(p.OrganizationOrigins, oauth.SiteOrigin(s.cfg.Issuer, host))
	}
	slices.Sort(p.OrganizationOrigins)
	if in.Protection != nil {
		write(&p, in.Protection)
	}
	if in.Configuration != nil {
		for _, c := range in.Configuration.Settings {
			p.Configuration = append(p.Configuration, wire.Configured{Name: c.Name, Value: c.Value, Typed: c.Typed, Source: string(c.Source)})
		}
	}
	var err error
	p.ETag, err = etag(p)
	return p, err
}

// etag covers everything in p, as the device reads it.
func etag(p wire.Policy) (string, error) {
	p.ETag = ""
	doc, err := json.Marshal(p) // members of maps come sorted
	sum := sha256.Sum256(doc)
	return base64.RawURLEncoding.EncodeToString(sum[:12]), err
}

// delivery is the policies that in was made of, under the ETag that names it.
func (d Dossier) delivery(in Intention, etag string, at time.Time) Delivery {
	out, tags := Delivery{ETag: etag, At: at}, map[string]bool{}
	add := func(id string, revision int64, scope []string) {
		out.Policies = append(out.Policies, AppliedPolicy{id, revision})
		if len(scope) == 0 {
			tags[directory.DefaultScopeTag] = true
		}
		for _, tag := range scope {
			tags[tag] = true
		}
	}
	for _, p := range d.Demands.Policies {
		if in.Protection != nil && slices.Contains(in.Protection.Policies, p.ID) {
			add(string(p.ID), p.Revision, p.ScopeTags)
		}
	}
	for _, p := range d.Configurations {
		if in.Configuration != nil && slices.Contains(in.Configuration.Policies, p.ID) {
			add(string(p.ID), p.Revision, p.ScopeTags)
		}
	}
	slices.SortFunc(out.Policies, func(a, b AppliedPolicy) int { return cmp.Compare(a.ID, b.ID) })
	out.ScopeTags = slices.Sorted(maps.Keys(tags))
	return out
}

// intend notes in r what it should apply from now on, and reports whether that
// is news. A policy that was renamed is a new version of the same delivery.
func (r *Registration) intend(next Delivery) bool {
	was := r.Intended
	if was.ETag == next.ETag {
		next.At = was.At
	} else if was.ETag != "" {
		r.Superseded = was
	}
	r.Intended = next
	return was.ETag != next.ETag || !slices.Equal(was.Policies, next.Policies) || !slices.Equal(was.ScopeTags, next.ScopeTags)
}

// acknowledge notes that the app applies the policy that its ETag names. One
// that was never intended, or long ago, acknowledges nothing.
func (r *Registration) acknowledge() {
	switch r.AppliedETag {
	case "":
	case r.Intended.ETag:
		r.Applied = r.Intended
	case r.Superseded.ETag:
		r.Applied = r.Superseded
	}
}
