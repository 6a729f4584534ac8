package idp

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// Call is one request to the token endpoint.
type Call struct {
	Tenant        directory.TenantID
	Form          url.Values
	Authorization []string // every Authorization header
	DPoP          []string // every DPoP header
	UserAgent     string
	IP            string
	CorrelationID string
}

// exchange is a token request whose client is known.
type exchange struct {
	call     Call
	request  oauth.TokenRequest
	client   directory.App
	asserted bool         // by private_key_jwt
	proof    *oauth.Proof // nil: tokens will be bearer tokens
	nonce    string       // for the ID token
	contexts []string     // authentication contexts that must be met
}

// facts are what a user's tokens are made from, read live.
type facts struct {
	session Session
	user    directory.User
	scope   oauth.Scope
	target  target
}

// Token exchanges a grant for tokens. Refusals are *oauth.Error, with Nonce set
// when the client must use another DPoP nonce.
func (s *Service) Token(ctx context.Context, c Call) (oauth.Tokens, error) {
	if _, err := s.tenant(ctx, c.Tenant); err != nil {
		return oauth.Tokens{}, err
	}
	x := &exchange{call: c}
	var err error
	if x.request, err = oauth.ParseToken(c.Form, c.Authorization); err != nil {
		return oauth.Tokens{}, err
	}
	if len(c.DPoP) > 0 { // before the client's assertion is spent: a missing nonce must cost nothing
		p, err := s.proof(ctx, c.DPoP, oauth.ProofDemand{Method: "POST", URL: oauth.EndpointsOf(s.base, c.Tenant).Token})
		if err != nil {
			return oauth.Tokens{}, err
		}
		x.proof = &p
	}
	if x.client, x.asserted, err = s.authenticateClient(ctx, c.Tenant, x.request); err != nil {
		return oauth.Tokens{}, err
	}
	switch x.request.Grant {
	case oauth.CodeGrant:
		return s.redeem(ctx, x)
	case oauth.RefreshGrant:
		return s.refresh(ctx, x)
	case oauth.ClientGrant:
		return s.clientCredentials(ctx, x)
	case oauth.DeviceGrant:
		return s.redeemDevice(ctx, x)
	}
	return oauth.Tokens{}, oauth.Errorf(oauth.UnsupportedGrantType, oauth.NumberUnsupportedGrant, "grant_type %q is not supported", x.request.Grant)
}

// ask is what the gate is asked for an exchange.
func (x *exchange) ask(n directory.SessionID, resources []directory.AppID, protocol string) access.Request {
	kind := access.Browser
	if x.client.Public {
		kind = access.MobileAndDesktop
	}
	var handed access.TransferMethod
	if protocol == deviceProtocol {
		handed = access.DeviceCodeFlow
	}
	return access.Request{
		Tenant: x.call.Tenant, Transfer: handed, Session: n, Client: x.client.ID, Resources: resources, ClientAppType: kind,
		Contexts: contexts(x.contexts), Bound: x.proof != nil,
		UserAgent: x.call.UserAgent, IP: x.call.IP, Protocol: protocol, CorrelationID: x.call.CorrelationID,
	}
}

// issueOrder says what a user's issuance changes.
type issueOrder struct {
	grant    Grant
	code     string // hash of the code to spend
	scope    oauth.Scope
	protocol string
	next     string // the refresh token to give; empty: one at random
}

// issue decides and issues to a user, again when a fact moved meanwhile.
func (s *Service) issue(ctx context.Context, x *exchange, o issueOrder) (oauth.Tokens, error) {
	for range rounds {
		out, err := s.issueOnce(ctx, x, o)
		if errors.Is(err, ErrMoved) || errors.Is(err, errAgain) {
			continue
		}
		return out, s.explain(ctx, o, err)
	}
	return oauth.Tokens{}, errBusy()
}

func (s *Service) issueOnce(ctx context.Context, x *exchange, o issueOrder) (oauth.Tokens, error) {
	f, err := s.gather(ctx, x, o)
	if err != nil {
		return oauth.Tokens{}, err
	}
	ruling, err := s.gate.Decide(ctx, x.ask(f.session.ID, audiences(x.client, f.scope, f.target), o.protocol))
	if err != nil {
		return oauth.Tokens{}, err
	}
	if moved(ruling.Basis, f.user, f.session) {
		return oauth.Tokens{}, errAgain
	}
	if ruling.Decision.Outcome != access.Granted {
		if err := s.store.RecordSignIn(ctx, ruling.Record); err != nil {
			return oauth.Tokens{}, err
		}
		return oauth.Tokens{}, refusal(ruling)
	}
	out, err := s.userTokens(ctx, x, f)
	if err != nil {
		return oauth.Tokens{}, err
	}
	if o.scope.Offline || o.scope.OpenID {
		out.RefreshToken = o.grant.renew(x.request.Refresh, o.next)
	}
	return out, s.store.SaveIssue(ctx, Issue{
		Tenant: x.call.Tenant, Grant: &o.grant, Code: o.code, Proof: x.proof, Basis: ruling.Basis, Record: ruling.Record,
	})
}

// gather reads what tokens are made from.
func (s *Service) gather(ctx context.Context, x *exchange, o issueOrder) (facts, error) {
	f := facts{scope: o.scope}
	var ok bool
	var err error
	if f.session, ok, err = s.livingSession(ctx, x.call.Tenant, o.grant.Session); err != nil {
		return f, err
	}
	if !ok {
		e := oauth.Errorf(oauth.InvalidGrant, oauth.NumberSessionRevoked, "the sign-in behind this grant has ended: sign in again")
		e.Suberror, e.Claims = oauth.BadToken, oauth.NewerThan(s.now())
		return f, e
	}
	f.user, err = s.store.User(ctx, x.call.Tenant, f.session.User)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return f, err
	}
	if err != nil || !f.user.Enabled {
		e := oauth.Errorf(oauth.InvalidGrant, oauth.NumberUserDisabled, "the account is disabled")
		e.Suberror = oauth.MessageOnly
		return f, e
	}
	if f.target, err = s.resolve(ctx, x.call.Tenant, o.scope); err != nil {
		return f, err
	}
	switch f.target.id {
	case directory.ThreatAPI:
		return f, oauth.Errorf(oauth.UnauthorizedClient, oauth.NumberUnauthorizedClient, "threat reports come from connectors, not from users")
	case directory.EnrollmentAPI:
		if x.proof == nil {
			return f, s.withNonce(ctx, oauth.Errorf(oauth.InvalidDPoPProof, 0, "tokens for enrolment are bound to the device's key: send one DPoP proof (RFC 9449)"))
		}
	}
	return f, nil
}

// explain turns what SaveIssue can say into what a client may hear.
func (s *Service) explain(ctx context.Context, o issueOrder, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrCodeSpent):
		return s.codeReused(ctx, o.grant.Tenant, o.code)
	case errors.Is(err, ErrReplayed):
		return s.withNonce(ctx, oauth.Errorf(oauth.InvalidDPoPProof, 0, "the DPoP proof was used before; make a new one for every request"))
	case fault.KindOf(err) == fault.Conflict:
		return badGrant(oauth.NumberInvalidGrant, "the refresh token was used at the same time elsewhere; use the newest one")
	}
	return err
}

func badGrant(number int, why string) error {
	e := oauth.Errorf(oauth.InvalidGrant, number, "%s", why)
	e.Suberror = oauth.BadToken
	return e
}

// clientCredentials issues to a client that acts for itself (RFC 6749 section 4.4).
func (s *Service) clientCredentials(ctx context.Context, x *exchange) (oauth.Tokens, error) {
	if x.client.Public {
		return oauth.Tokens{}, oauth.Errorf(oauth.UnauthorizedClient, oauth.NumberUnauthorizedClient, "a public client cannot act for itself")
	}
	scope := oauth.Scope{Resource: x.request.Scope.Resource, Names: x.request.Scope.Names} // MSAL repeats OpenID's scopes here
	if !slices.Equal(scope.Names, []string{oauth.DefaultScope}) {
		return oauth.Tokens{}, oauth.Errorf(oauth.InvalidScope, oauth.NumberInvalidScope, "a client that acts for itself asks for <resource>/%s", oauth.DefaultScope)
	}
	r, err := s.resolve(ctx, x.call.Tenant, scope)
	if err != nil {
		return oauth.Tokens{}, err
	}
	roles, err := s.appPermissions(ctx, x.client, r.id)
	if err != nil {
		return oauth.Tokens{}, err
	}
	switch {
	case r.id == directory.ThreatAPI && (!x.asserted || len(roles) == 0):
		return oauth.Tokens{}, oauth.Errorf(oauth.UnauthorizedClient, oauth.NumberUnauthorizedClient, "threat reports are for connectors of the tenant that authenticate with a client assertion")
	case r.id.Bootstrap():
		return oauth.Tokens{}, oauth.Errorf(oauth.UnauthorizedClient, oauth.NumberUnauthorizedClient, "enrolment is for users")
	}
	c := x.base(s, r, s.now().Add(accessTokenFor))
	c.Subject, c.Object, c.IDType, c.Roles = string(x.client.ID), x.client.ObjectID, "app", roles
	for range rounds {
		out, err := s.issueApp(ctx, x, c)
		if errors.Is(err, ErrMoved) {
			continue
		}
		return out, s.explain(ctx, issueOrder{}, err)
	}
	return oauth.Tokens{}, errBusy()
}

func (s *Service) issueApp(ctx context.Context, x *exchange, c accessClaims) (oauth.Tokens, error) {
	itself := x.ask("", []directory.AppID{c.Audience}, "clientCredentials")
	itself.Workload = true
	ruling, err := s.gate.Decide(ctx, itself)
	if err != nil {
		return oauth.Tokens{}, err
	}
	if ruling.Decision.Outcome != access.Granted {
		if err := s.store.RecordSignIn(ctx, ruling.Record); err != nil {
			return oauth.Tokens{}, err
		}
		return oauth.Tokens{}, refusal(ruling)
	}
	out, err := s.access(ctx, c)
	if err != nil {
		return oauth.Tokens{}, err
	}
	return out, s.store.SaveIssue(ctx, Issue{Tenant: x.call.Tenant, Proof: x.proof, Basis: ruling.Basis, Record: ruling.Record})
}
