package mam

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/wire"
)

// Policy returns what the app must enforce now. Its ETag changes exactly when
// anything in it does; it is an opaque word without quotes.
//
// A user whom no policy targets gets one without settings and checks: there is
// nothing to enforce, and access that wants a protected app stays closed.
func (s *Service) Policy(ctx context.Context, c Caller, id directory.RegistrationID) (wire.Policy, error) {
	f, err := s.read(ctx, c.Tenant, id)
	if err != nil {
		return wire.Policy{}, fmt.Errorf("policy: %w", err)
	}
	if err := c.opens(f.reg); err != nil {
		return wire.Policy{}, fmt.Errorf("policy: %w", err)
	}
	p, err := s.policy(ctx, f.dossier)
	if err != nil {
		return wire.Policy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

// policy is what the installation behind d must enforce.
func (s *Service) policy(ctx context.Context, d Dossier) (wire.Policy, error) {
	origins, err := s.cfg.Origins(ctx, d.Standing.Tenant)
	if err != nil {
		return wire.Policy{}, err
	}
	eff, none := compliance.Applies(d.Dossier)
	p := wire.Policy{
		Settings: map[string]string{}, Checks: []wire.Check{}, Sources: map[string]string{}, Configuration: []wire.Configured{},
		CheckInSeconds: int(none.Retry(s.cfg.CheckInEvery).Seconds()), OrganizationOrigins: slices.Sorted(slices.Values(origins)),
	}
	if p.OrganizationOrigins == nil {
		p.OrganizationOrigins = []string{}
	}
	if eff != nil {
		write(&p, eff)
	}
	p.ETag, err = etag(p)
	return p, err
}

// write spells eff as the protocol does.
func write(p *wire.Policy, eff *protection.Effective) {
	for _, setting := range protection.Catalogue() {
		if !setting.HealthCheck() {
			p.Settings[setting.Name] = setting.Value(eff.Settings)
		}
	}
	for _, c := range eff.Settings.Checks {
		p.Checks = append(p.Checks, wire.Check{Subject: string(c.Subject), Action: c.Action.String(), Value: c.Limit()})
	}
	for name, id := range eff.Sources {
		p.Sources[name] = string(id)
	}
}

// etag covers everything in p, as the device reads it.
func etag(p wire.Policy) (string, error) {
	p.ETag = ""
	doc, err := json.Marshal(p) // members of maps come sorted
	sum := sha256.Sum256(doc)
	return base64.RawURLEncoding.EncodeToString(sum[:12]), err
}

// orderKeys returns the JWK set as JSON that is known to be JSON.
func (s *Service) orderKeys(ctx context.Context) (json.RawMessage, error) {
	keys, err := s.cfg.OrderKeys(ctx)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, keys); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}

// subjects reads the names of health checks and refuses one that does not exist.
func subjects(names []string) ([]protection.Subject, error) {
	var all []protection.Subject
	for _, name := range names {
		subject, err := protection.ParseSubject(name)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "failedChecks: "+fault.Detail(err))
		}
		if !slices.Contains(all, subject) {
			all = append(all, subject)
		}
	}
	return all, nil
}
