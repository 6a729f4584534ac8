package idp

import (
	"context"
	"errors"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// Introspect says whether a token is alive (RFC 7662): to the resource that it is
// for, and to the client that it was issued to. Alive is more than unexpired: the
// session, user and client live, and policies still permit it, decided anew. So a
// resource that asks here obeys within the same moment as our own doors. About
// everything else the answer is that it is not active, and nothing more. Whoever
// does not authenticate is refused with *oauth.Error.
func (s *Service) Introspect(ctx context.Context, c Call) (oauth.Introspected, error) {
	if _, err := s.tenant(ctx, c.Tenant); err != nil {
		return oauth.Introspected{}, err
	}
	r, err := oauth.ParseIntrospect(c.Form, c.Authorization)
	if err != nil {
		return oauth.Introspected{}, err
	}
	asker, _, err := s.authenticateClient(ctx, c.Tenant, r.TokenRequest)
	if err != nil {
		return oauth.Introspected{}, err
	}
	if asker.Public {
		return oauth.Introspected{}, oauth.Errorf(oauth.InvalidClient, oauth.NumberNoClientAuth, "only a client that authenticates may ask about tokens")
	}
	var claims accessClaims
	var out oauth.Introspected
	switch err := s.verify(ctx, typeAccess, r.Token, &claims); {
	case err == nil:
		out, err = s.lookInto(ctx, asker, claims)
		return alive(out, err)
	case !errors.Is(err, errNotOurs):
		return oauth.Introspected{}, err
	}
	out, err = s.lookIntoRefresh(ctx, asker, r.Token)
	return alive(out, err)
}

// alive turns a refusal into the answer that a token is not active; an outage
// stays one.
func alive(out oauth.Introspected, err error) (oauth.Introspected, error) {
	if _, refused := errors.AsType[*oauth.Error](err); refused || err != nil && fault.KindOf(err) == fault.NotFound {
		return oauth.Introspected{}, nil
	}
	if err != nil {
		return oauth.Introspected{}, err
	}
	return out, nil
}

// lookInto answers about an access token.
func (s *Service) lookInto(ctx context.Context, asker directory.App, c accessClaims) (oauth.Introspected, error) {
	if c.Tenant != asker.Tenant || c.Audience != asker.ID && c.ClientID != asker.ID {
		return oauth.Introspected{}, nil
	}
	if err := s.checkAccess(c, c.Audience); err != nil {
		return oauth.Introspected{}, err
	}
	p, err := s.principal(ctx, c)
	if err != nil {
		return oauth.Introspected{}, err
	}
	out := oauth.Introspected{
		Active: true, Scope: c.Scope, Client: c.ClientID, TokenType: "Bearer", ExpiresAt: c.ExpiresAt, IssuedAt: c.IssuedAt, NotBefore: c.NotBefore,
		Subject: c.Subject, Audience: c.Audience, Issuer: c.Issuer, ID: c.ID, Tenant: c.Tenant, Object: c.Object, Roles: p.Permissions, Contexts: c.Contexts,
	}
	if c.Confirmation != nil {
		out.TokenType = "DPoP"
		out.Confirmation = &struct {
			JKT string `json:"jkt"`
		}{c.Confirmation.JKT}
	}
	if p.User == "" {
		return out, s.permits(ctx, access.Request{Tenant: c.Tenant, Client: c.ClientID, Workload: true, Resources: []directory.AppID{c.Audience}})
	}
	if err := s.describe(ctx, &out, p.Session, p.User); err != nil {
		return oauth.Introspected{}, err
	}
	return out, s.permits(ctx, access.Request{
		Tenant: c.Tenant, Session: c.Session, Client: c.ClientID, Resources: []directory.AppID{c.Audience}, Contexts: contexts(c.Contexts), Bound: c.Confirmation != nil,
	})
}

// lookIntoRefresh answers a client about a refresh token of its own.
func (s *Service) lookIntoRefresh(ctx context.Context, asker directory.App, token string) (oauth.Introspected, error) {
	hash := oauth.SHA256(token)
	g, err := s.store.GrantByRefresh(ctx, asker.Tenant, hash)
	if err != nil {
		return oauth.Introspected{}, err
	}
	if g.Client != asker.ID || g.RefreshHash != hash || !g.RevokedAt.IsZero() || !s.now().Before(g.ExpiresAt) {
		return oauth.Introspected{}, nil
	}
	scope, err := oauth.ParseScope(g.Scope)
	if err != nil {
		return oauth.Introspected{}, err
	}
	to, err := s.resolve(ctx, asker.Tenant, scope)
	if err != nil {
		return oauth.Introspected{}, err
	}
	out := oauth.Introspected{
		Active: true, Scope: g.Scope, Client: g.Client, ExpiresAt: g.ExpiresAt.Unix(), Subject: string(g.User), Object: string(g.User),
		Audience: to.id, Issuer: s.issuer(asker.Tenant), Tenant: asker.Tenant,
	}
	if err := s.describe(ctx, &out, g.Session, g.User); err != nil {
		return oauth.Introspected{}, err
	}
	return out, s.permits(ctx, access.Request{
		Tenant: asker.Tenant, Session: g.Session, Client: g.Client, Resources: audiences(asker, scope, to), Bound: g.JKT != "",
	})
}

// describe adds who is behind a token, or fails when nobody is any more.
func (s *Service) describe(ctx context.Context, out *oauth.Introspected, n directory.SessionID, id directory.UserID) error {
	session, u, err := s.store.Behind(ctx, out.Tenant, n, out.Client)
	if err != nil {
		return err
	}
	if !session.alive(s.now()) || u.ID != id || !u.Enabled {
		return badToken("the sign-in has ended")
	}
	out.UserName, out.AuthTime, out.Methods = u.UserPrincipalName, session.AuthAt.Unix(), session.Methods
	return nil
}

// permits asks the gate whether what was issued would be permitted now. It leaves
// no trace in the sign-in log: nobody signs in.
func (s *Service) permits(ctx context.Context, r access.Request) error {
	r.Protocol, r.Continues, r.Background = "introspection", true, true
	ruling, err := s.gate.Decide(ctx, r)
	if err == nil && ruling.Decision.Outcome != access.Granted {
		err = badToken(strings.ToLower(ruling.Decision.Outcome.String()))
	}
	return err
}
