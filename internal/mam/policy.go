package mam

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/wire"
)

// Policy returns what the app must enforce now, signed for it. Its ETag changes exactly when
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
	p, err := s.policy(f.dossier, f.dossier.intends())
	if err == nil {
		p, err = s.sign(ctx, f.reg, p)
	}
	if err != nil {
		return wire.Policy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil
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
