package sdk

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/wire"
)

// grant is what the service signed for this installation: the policy to apply, and
// the lease on it. Nothing else of what is kept says what is allowed.
type grant struct {
	policy *wire.SignedPolicy // nil: none yet
	lease  *wire.Lease        // nil: not judged yet

	from string // what it was read from, so that an unchanged one is verified once
}

// errForged says that what is kept is not what the service signed.
var errForged = errors.New("the policy that this app keeps is not as your organization signed it")

// unseal verifies what s keeps. An older policy than the one that the lease was
// given under is no policy: somebody put it back.
func (c *Client) unseal(s state) (grant, error) {
	from := strings.Join([]string{s.SignedPolicy, s.Lease, s.Registration, s.Device, s.User, s.Tenant, string(s.OrderKeys)}, "\n")
	if c.granted.from == from {
		return c.granted, nil
	}
	g := grant{from: from}
	if s.SignedPolicy != "" {
		g.policy = new(wire.SignedPolicy)
		if c.opens(s, wire.TypePolicy, s.SignedPolicy, g.policy) != nil || g.policy.Bound != c.bound(s, g.policy.IssuedAt) {
			return grant{}, errForged
		}
	}
	if s.Lease != "" {
		g.lease = new(wire.Lease)
		if c.opens(s, wire.TypeLease, s.Lease, g.lease) != nil || g.lease.Bound != c.bound(s, g.lease.IssuedAt) {
			return grant{}, errForged
		}
	}
	if g.policy != nil && g.lease != nil && g.lease.PolicyETag != g.policy.Policy.ETag && g.policy.IssuedAt < g.lease.IssuedAt {
		return grant{}, errForged
	}
	c.granted = g
	return g, nil
}

// bound is what a document for this installation says whom it is for.
func (c *Client) bound(s state, at int64) wire.Bound {
	return wire.Bound{
		Issuer: c.cfg.Authority, IssuedAt: at, Tenant: s.Tenant, User: s.User, Registration: s.Registration, Device: s.Device, KeyThumb: c.key.JKT,
	}
}

// opens reads a JWS of the service that this app enrolled with.
func (c *Client) opens(s state, typ, text string, into any) error {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(s.OrderKeys, &keys); err != nil {
		return errors.New("the keys that verify orders are damaged")
	}
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return errors.New("it is no JWS signed with ES256")
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typ {
		return errors.New("it is not a " + typ)
	}
	for _, k := range keys.Key(header.KeyID) {
		if payload, err := jws.Verify(k); err == nil {
			return json.Unmarshal(payload, into)
		}
	}
	return errors.New("it is not signed by the service that this app enrolled with")
}
