package idp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// redeem exchanges an authorization code (RFC 6749 section 4.1.3).
func (s *Service) redeem(ctx context.Context, x *exchange) (oauth.Tokens, error) {
	code, err := s.checkCodeOf(ctx, x.client, oauth.Redemption{
		Tenant: x.call.Tenant, Client: x.client.ID, Code: x.request.Code,
		Verifier: x.request.Verifier, RedirectURI: x.request.Redirect,
	})
	if err != nil {
		return oauth.Tokens{}, err
	}
	if err := s.checkBinding(ctx, code.JKT, x.proof); err != nil {
		return oauth.Tokens{}, err
	}
	scope, err := narrowed(code.Scope, x.request.Scope)
	if err != nil {
		return oauth.Tokens{}, err
	}
	return s.spend(ctx, x, code, issueOrder{scope: scope, protocol: "authorizationCode"})
}

// spend issues what a code stands for, in a grant of its own.
func (s *Service) spend(ctx context.Context, x *exchange, code AuthorizationCode, o issueOrder) (oauth.Tokens, error) {
	x.nonce, x.contexts = code.Nonce, code.Contexts
	o.code = code.Hash
	o.grant = Grant{
		ID: rand.Text(), Tenant: x.call.Tenant, Client: x.client.ID, Session: code.Session, User: code.User,
		Scope: code.Scope,
	}
	if x.client.Public && x.proof != nil { // confidential clients bind by authenticating (RFC 9449 section 5)
		o.grant.JKT = x.proof.JKT
	}
	n, err := s.store.Session(ctx, x.call.Tenant, code.Session)
	if err == nil {
		o.grant.ExpiresAt = n.ExpiresAt
	} else if fault.KindOf(err) != fault.NotFound {
		return oauth.Tokens{}, err
	}
	return s.issue(ctx, x, o)
}

// checkCodeOf finds a code and checks everything that must match it. Showing a
// spent code ends what it became (RFC 6749 section 4.1.2).
func (s *Service) checkCodeOf(ctx context.Context, client directory.App, r oauth.Redemption) (AuthorizationCode, error) {
	code, err := s.store.Code(ctx, r.Tenant, oauth.SHA256(r.Code))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return code, err
	}
	switch {
	case err != nil || code.Client != client.ID || code.Device:
		return code, badGrant(oauth.NumberInvalidGrant, "the code is unknown, or another client's")
	case code.Grant != "":
		return code, s.codeReused(ctx, r.Tenant, code.Hash)
	case !s.now().Before(code.ExpiresAt):
		return code, badGrant(oauth.NumberExpiredGrant, "the code has expired")
	case r.RedirectURI != code.RedirectURI:
		return code, badGrant(oauth.NumberRedirectMismatch, "redirect_uri is not the one of the authorization request")
	case !oauth.VerifyPKCE(r.Verifier, code.Challenge):
		return code, badGrant(oauth.NumberPKCEMismatch, "code_verifier does not fit the code_challenge")
	}
	return code, nil
}

// codeReused ends the grant that a code became, and refuses.
func (s *Service) codeReused(ctx context.Context, t directory.TenantID, hash string) error {
	code, err := s.store.Code(ctx, t, hash)
	if err != nil {
		return err
	}
	if code.Grant != "" {
		if err := s.store.RevokeGrant(ctx, t, code.Grant, s.now()); err != nil {
			return err
		}
	}
	return badGrant(oauth.NumberCodeSpent, "the code was redeemed before; what it gave is revoked")
}

// checkBinding checks that a request proves the key it must. jkt is empty when
// any key will do, or none.
func (s *Service) checkBinding(ctx context.Context, jkt string, p *oauth.Proof) error {
	switch {
	case jkt == "":
		return nil
	case p == nil:
		return s.withNonce(ctx, oauth.Errorf(oauth.InvalidDPoPProof, 0, "this grant is bound to a key: send one DPoP proof (RFC 9449)"))
	case p.JKT != jkt:
		return s.withNonce(ctx, oauth.Errorf(oauth.InvalidGrant, oauth.NumberInvalidGrant, "this grant is bound to another key"))
	}
	return nil
}

// narrowed is what a request may ask of a granted scope: that, or less.
func narrowed(granted string, asked oauth.Scope) (oauth.Scope, error) {
	scope, err := oauth.ParseScope(granted)
	if err != nil {
		return scope, err
	}
	if !asked.Within(scope) {
		return scope, oauth.Errorf(oauth.InvalidScope, oauth.NumberInvalidScope, "scope asks for more than was granted (%s)", granted)
	}
	if len(asked.Names) > 0 {
		scope.Names = asked.Names
	}
	return scope, nil
}

// refresh exchanges a refresh token for new tokens and a new refresh token (RFC
// 6749 section 6, RFC 9700 section 4.14.2). Everything is decided again.
func (s *Service) refresh(ctx context.Context, x *exchange) (oauth.Tokens, error) {
	hash := oauth.SHA256(x.request.Refresh)
	g, err := s.store.GrantByRefresh(ctx, x.call.Tenant, hash)
	if family, _, ok := strings.Cut(x.request.Refresh, "."); ok && err != nil && fault.KindOf(err) == fault.NotFound {
		g, err = s.store.GrantByRefresh(ctx, x.call.Tenant, oauth.SHA256(family)) // an old one, however old
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return oauth.Tokens{}, err
	}
	switch {
	case err != nil || g.Client != x.client.ID:
		return oauth.Tokens{}, badGrant(oauth.NumberInvalidGrant, "the refresh token is unknown, or another client's")
	case !g.RevokedAt.IsZero():
		return oauth.Tokens{}, badGrant(oauth.NumberSessionRevoked, "the grant was revoked: sign in again")
	case !s.now().Before(g.ExpiresAt):
		return oauth.Tokens{}, badGrant(oauth.NumberExpiredGrant, "the refresh token has expired: sign in again")
	}
	// The key comes before the reuse check: whoever lacks it can neither use an old
	// token nor end the family with it.
	if err := s.checkBinding(ctx, g.JKT, x.proof); err != nil {
		return oauth.Tokens{}, err
	}
	next, err := s.successor(ctx, g, x.request.Refresh)
	if err != nil {
		return oauth.Tokens{}, err
	}
	if hash != g.RefreshHash && oauth.SHA256(next) != g.RefreshHash {
		if err := s.store.RevokeGrant(ctx, x.call.Tenant, g.ID, s.now()); err != nil {
			return oauth.Tokens{}, err
		}
		return oauth.Tokens{}, badGrant(oauth.NumberInvalidGrant, "the refresh token was used before; the whole grant is revoked: sign in again")
	}
	scope, err := narrowed(g.Scope, x.request.Scope)
	if err != nil {
		return oauth.Tokens{}, err
	}
	x.contexts = x.request.Claims.Contexts
	return s.issue(ctx, x, issueOrder{grant: g, scope: scope, protocol: "refreshToken", next: next})
}

// successor is the refresh token that comes after shown where a key must be proven
// beside it, and "" where tokens follow one another at random. Who lost the answer,
// because the line or the power went, asks again and gets the same: a token counts
// as used once its successor is. Whoever could abuse that holds the key, and with it
// the grant anyway (RFC 9700 section 4.14.2 asks for a bound token or for rotation).
func (s *Service) successor(ctx context.Context, g Grant, shown string) (string, error) {
	family, _, _ := strings.Cut(shown, ".")
	if g.JKT == "" || oauth.SHA256(family) != g.FamilyHash {
		return "", nil
	}
	key, err := s.nonceKey(ctx)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("refresh token after " + shown))
	return family + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// renew gives g its next refresh token in place of the one shown (empty: none)
// and returns it: next, unless that is empty. All tokens of a family begin with the
// same secret, by which even the oldest is known again.
func (g *Grant) renew(shown, next string) string {
	if next != "" {
		g.RefreshHash = oauth.SHA256(next)
		return next
	}
	family, _, _ := strings.Cut(shown, ".")
	if shown == "" || oauth.SHA256(family) != g.FamilyHash {
		family = secret()
	}
	token := family + "." + secret()
	g.FamilyHash, g.RefreshHash = oauth.SHA256(family), oauth.SHA256(token)
	return token
}

// RedeemForSite redeems the code that a published site got back, and returns the
// session and user behind it. The client is the site itself, inside this
// process: it needs no secret. Nothing is decided here, because the proxy asks
// the gate at every request of the session.
func (s *Service) RedeemForSite(ctx context.Context, r oauth.Redemption) (directory.SessionID, directory.User, error) {
	client, err := s.store.App(ctx, r.Tenant, r.Client)
	if err != nil {
		return "", directory.User{}, err
	}
	if client.Site == nil {
		return "", directory.User{}, fault.New(fault.Forbidden, "application %q publishes no site", string(r.Client))
	}
	code, err := s.checkCodeOf(ctx, client, r)
	if err != nil {
		return "", directory.User{}, err
	}
	for range rounds {
		n, u, err := s.redeemSite(ctx, client, code)
		if errors.Is(err, ErrMoved) {
			continue
		}
		return n.ID, u, s.explain(ctx, issueOrder{grant: Grant{Tenant: r.Tenant}, code: code.Hash}, err)
	}
	return "", directory.User{}, errBusy()
}

func (s *Service) redeemSite(ctx context.Context, client directory.App, code AuthorizationCode) (Session, directory.User, error) {
	ended := badGrant(oauth.NumberSessionRevoked, "the sign-in has ended: sign in again")
	n, ok, err := s.livingSession(ctx, code.Tenant, code.Session)
	if err != nil || !ok {
		return Session{}, directory.User{}, errors.Join(err, ended)
	}
	u, err := s.store.User(ctx, code.Tenant, n.User)
	if err != nil || !u.Enabled {
		return Session{}, directory.User{}, errors.Join(err, ended)
	}
	now := s.now()
	return n, u, s.store.SaveIssue(ctx, Issue{
		Tenant: code.Tenant, Code: code.Hash,
		Grant: &Grant{
			ID: rand.Text(), Tenant: code.Tenant, Client: client.ID, Session: n.ID, User: u.ID, Scope: code.Scope, ExpiresAt: n.ExpiresAt,
		},
		Basis: directory.Revisions{User: u.Revision, Session: n.Revision},
		Record: access.Record{
			ID: rand.Text(), Tenant: code.Tenant, User: u.ID, UserPrincipalName: u.UserPrincipalName,
			Client: client.ID, ClientName: client.DisplayName, Resource: client.ID, ResourceName: client.DisplayName,
			ClientAppType: access.Browser, Registration: n.Registration, Protocol: "siteCode",
			Outcome: access.Granted, Reason: "the site redeemed the code of a sign-in that was decided before", At: now,
		},
	})
}
