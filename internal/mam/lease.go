package mam

import (
	"context"
	"fmt"

	"github.com/postern-mam/postern/wire"
)

// sign adds to p the document by which the device knows, without us, that it is
// ours and for it alone. The ETag does not cover it.
func (s *Service) sign(ctx context.Context, reg Registration, p wire.Policy) (wire.Policy, error) {
	jws, err := s.cfg.Signer.Sign(ctx, wire.TypePolicy, wire.SignedPolicy{Bound: s.bound(reg), Policy: p})
	if err != nil {
		return p, fmt.Errorf("sign policy: %w", err)
	}
	p.Signed = jws
	return p, nil
}

// lease signs what was decided on a check-in.
func (s *Service) lease(ctx context.Context, reg Registration, etag string) (string, error) {
	jws, err := s.cfg.Signer.Sign(ctx, wire.TypeLease, wire.Lease{Bound: s.bound(reg), PolicyETag: etag, Action: reg.Verdict.Action.String()})
	if err != nil {
		return "", fmt.Errorf("sign lease: %w", err)
	}
	return jws, nil
}

func (s *Service) bound(reg Registration) wire.Bound {
	return wire.Bound{
		Issuer: s.cfg.Issuer + "/" + string(reg.Tenant), IssuedAt: s.cfg.Now().Unix(), Tenant: string(reg.Tenant), User: string(reg.User),
		Registration: string(reg.Standing.Registration), Device: string(reg.Device), KeyThumb: reg.KeyThumbprint,
	}
}
