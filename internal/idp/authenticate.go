package idp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// Authenticate verifies an access token at one of our own doors: signature,
// audience and time, the key it is bound to, and that session, user and client
// live now. The proof is nil for bearer tokens. At the enrolment door it is not
// spent: who changes something there does that in the same transaction. At other
// doors a proof for anything but reading is spent here. The caller compares
// Principal.Tenant with the tenant it serves.
func (s *Service) Authenticate(ctx context.Context, p oauth.Presented) (oauth.Principal, *oauth.Proof, error) {
	scheme, token, err := oneToken(p.Authorization)
	if err != nil {
		return oauth.Principal{}, nil, err
	}
	var c accessClaims
	if err := s.verify(ctx, typeAccess, token, &c); err != nil {
		if !errors.Is(err, errNotOurs) {
			return oauth.Principal{}, nil, err
		}
		return oauth.Principal{}, nil, badToken("the access token is not one of this service")
	}
	if err := s.checkAccess(c, p.Audience); err != nil {
		return oauth.Principal{}, nil, err
	}
	proof, err := s.checkPossession(ctx, c, possession{scheme, token, p})
	if err != nil {
		return oauth.Principal{}, nil, err
	}
	principal, err := s.principal(ctx, c)
	if err == nil && p.Audience == directory.GraphAPI {
		err = s.stillPermitted(ctx, c, p)
	}
	if err == nil && proof != nil && p.Audience != directory.EnrollmentAPI && p.Method != "GET" && p.Method != "HEAD" {
		err = s.explain(ctx, issueOrder{}, s.store.SpendProof(ctx, c.Tenant, *proof))
	}
	if err != nil {
		return oauth.Principal{}, nil, err
	}
	return principal, proof, nil
}

// stillPermitted asks the gate again: what was permitted when a token was issued,
// to a user or to an app as itself, need not be now. The device protocol is not asked here: what it
// takes away must reach those who are shut out, too.
func (s *Service) stillPermitted(ctx context.Context, c accessClaims, p oauth.Presented) error {
	ruling, err := s.gate.Decide(ctx, access.Request{
		Tenant: c.Tenant, Session: c.Session, Workload: c.Session == "", Client: c.ClientID, Resources: []directory.AppID{c.Audience}, Contexts: contexts(c.Contexts),
		UserAgent: p.UserAgent, IP: p.IP, Protocol: "resource", Continues: true, Bound: c.Confirmation != nil, CorrelationID: p.CorrelationID,
	})
	if err != nil || ruling.Decision.Outcome == access.Granted {
		return err
	}
	return s.ended(c, s.now(), nil)
}

func badToken(why string) error { return oauth.Errorf(oauth.InvalidToken, 0, "%s", why) }

// oneToken reads the one token of a request (RFC 6750 section 2, RFC 9449
// section 7.1).
func oneToken(authorization []string) (scheme, token string, err error) {
	if len(authorization) == 0 {
		return "", "", badToken("the access token is missing")
	}
	if len(authorization) > 1 {
		return "", "", badToken("the request has more than one Authorization header")
	}
	scheme, token, _ = strings.Cut(authorization[0], " ")
	scheme, token = strings.ToLower(scheme), strings.TrimSpace(token)
	if scheme != "bearer" && scheme != "dpop" || token == "" || len(token) > maxJWS {
		return "", "", badToken("the Authorization header must be Bearer or DPoP with an access token")
	}
	return scheme, token, nil
}

// checkAccess checks what the token itself says.
func (s *Service) checkAccess(c accessClaims, audience directory.AppID) error {
	now := s.now().Unix()
	switch {
	case c.Issuer != s.issuer(c.Tenant):
		return badToken("the access token is of another issuer")
	case now >= c.ExpiresAt || now < c.NotBefore-int64(oauth.ProofSkew/time.Second):
		return badToken("the access token has expired")
	case c.Audience != audience:
		return oauth.Errorf(oauth.InsufficientScope, 0, "the access token is for resource %s; this is %s", c.Audience, audience)
	}
	return nil
}

type possession struct {
	scheme, token string
	presented     oauth.Presented
}

// checkPossession checks that a bound token is shown with a proof of its key,
// and that no bound token passes as a bearer token (RFC 9449 section 7.2).
func (s *Service) checkPossession(ctx context.Context, c accessClaims, p possession) (*oauth.Proof, error) {
	switch {
	case c.Confirmation == nil && p.scheme == "bearer":
		return nil, nil
	case c.Confirmation == nil:
		return nil, badToken("the access token is bound to no key; present it as Bearer")
	case p.scheme != "dpop":
		return nil, badToken("the access token is bound to a key; present it as DPoP with a proof")
	}
	proof, err := s.proof(ctx, p.presented.DPoP, oauth.ProofDemand{Method: p.presented.Method, URL: p.presented.URL, Token: p.token})
	if err != nil {
		return nil, err
	}
	if proof.JKT != c.Confirmation.JKT {
		return nil, s.withNonce(ctx, oauth.Errorf(oauth.InvalidDPoPProof, 0, "the DPoP proof is by another key than the access token's"))
	}
	return &proof, nil
}

// principal reads who the token stands for, as things are now. Roles shrink with
// what their holder may do, and never grow.
func (s *Service) principal(ctx context.Context, c accessClaims) (oauth.Principal, error) {
	p := oauth.Principal{
		Tenant: c.Tenant, Client: c.ClientID, Session: c.Session, Audience: c.Audience,
		Scopes: strings.Fields(c.Scope), ExpiresAt: time.Unix(c.ExpiresAt, 0).UTC(),
	}
	if c.Confirmation != nil {
		p.JKT = c.Confirmation.JKT
	}
	var live []string
	var err error
	if c.Session == "" {
		live, err = s.clientPermissions(ctx, c)
	} else {
		var u directory.User
		if u, err = s.livingUser(ctx, c); err == nil {
			p.User, live = u.ID, userPermissions(u, c.Audience, p.Scopes)
		}
	}
	if err != nil {
		return oauth.Principal{}, err
	}
	for _, r := range c.Roles {
		if slices.Contains(live, r) {
			p.Permissions = append(p.Permissions, r)
		}
	}
	return p, nil
}

func (s *Service) clientPermissions(ctx context.Context, c accessClaims) ([]string, error) {
	client, err := s.store.App(ctx, c.Tenant, c.ClientID)
	if err != nil {
		return nil, s.ended(c, time.Time{}, err)
	}
	return s.appPermissions(ctx, client, c.Audience)
}

// livingUser is the user behind a token whose session and client are there still.
func (s *Service) livingUser(ctx context.Context, c accessClaims) (directory.User, error) {
	n, u, err := s.store.Behind(ctx, c.Tenant, c.Session, c.ClientID)
	switch {
	case err != nil:
		return u, s.ended(c, time.Time{}, err)
	case !n.alive(s.now()) || string(n.User) != c.Object:
		return u, s.ended(c, n.RevokedAt, nil)
	case !u.Enabled:
		return u, s.ended(c, time.Time{}, nil)
	}
	return u, nil
}

// ended is the refusal of a token whose session, user or client is gone since
// at (zero: just now): a claims challenge for clients that understand one, a
// plain 401 for others. An err other than fault.NotFound is an outage.
func (s *Service) ended(c accessClaims, at time.Time, err error) error {
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if !slices.Contains(c.Capabilities, oauth.CapabilityCP1) {
		return badToken("the sign-in behind the access token has ended, or is not permitted any more")
	}
	if at.IsZero() {
		at = s.now()
	}
	e := oauth.Errorf(oauth.InsufficientClaims, 0, "the sign-in behind the access token has ended, or is not permitted any more: get a newer token")
	e.Claims, e.Authorize = oauth.NewerThan(at), oauth.EndpointsOf(s.base, c.Tenant).Authorize
	return e
}
