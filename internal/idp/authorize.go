package idp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// journey is a sign-in under way with what its request needs.
type journey struct {
	visit      Visit
	tenant     directory.Tenant
	request    oauth.Authorize
	client     directory.App
	target     target
	flow       Flow
	setBrowser string // a new flow cookie
	cookie     string // a new session cookie
	session    Session
	user       directory.User
	own        *Session // the device's own session, once opened
	problem    string   // what was wrong with the last post
}

// Authorize starts a sign-in with an authorization request. Errors before the
// redirect URI is known to be the client's are returned, to be shown on a page
// (RFC 6749 section 4.1.2.1); later ones are an Answer to the client.
func (s *Service) Authorize(ctx context.Context, v Visit, params url.Values) (Step, error) {
	j := &journey{visit: v}
	var err error
	if j.tenant, err = s.tenant(ctx, v.Tenant); err != nil {
		return Step{}, err
	}
	var flawed error
	j.request, flawed = oauth.ParseAuthorize(params)
	if j.request.Client == "" || j.request.RedirectURI == "" {
		return Step{}, flawed
	}
	if err := s.findClient(ctx, j); err != nil {
		return Step{}, err
	}
	if flawed == nil {
		j.target, flawed = s.resolve(ctx, v.Tenant, j.request.Scope)
	}
	if e, ok := errors.AsType[*oauth.Error](flawed); ok {
		return j.refuse(s.issuer(v.Tenant), e), nil
	}
	if flawed != nil {
		return Step{}, flawed
	}
	if err := s.startFlow(ctx, j); err != nil {
		return Step{}, err
	}
	return s.advance(ctx, j)
}

func (s *Service) issuer(t directory.TenantID) string { return oauth.EndpointsOf(s.base, t).Issuer }

// findClient reads the client and checks that the answer may go where the
// request says.
func (s *Service) findClient(ctx context.Context, j *journey) error {
	var err error
	j.client, err = s.store.App(ctx, j.tenant.ID, j.request.Client)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return oauth.Errorf(oauth.UnauthorizedClient, oauth.NumberUnknownClient, "there is no application %q in this tenant", string(j.request.Client))
	}
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if j.flow.Device != "" {
		return nil // nothing goes back to a redirect URI
	}
	own := j.client.Site != nil && j.request.RedirectURI == oauth.SiteCallback(s.base, j.client.Site.Host)
	if !own && !oauth.MatchRedirect(j.client, j.request.RedirectURI) {
		return oauth.Errorf(oauth.InvalidRequest, oauth.NumberRedirectMismatch, "redirect_uri %q is not one that the application registered", j.request.RedirectURI)
	}
	return nil
}

// startFlow makes a flow for this browser, signed in already when its session
// serves the request. The flow is stored once a page needs it.
func (s *Service) startFlow(ctx context.Context, j *journey) error {
	doc, err := j.request.Encode()
	if err != nil {
		return err
	}
	browser := j.visit.Browser
	if len(browser) != len(secret()) {
		browser = secret()
		j.setBrowser = browser
	}
	j.flow = Flow{
		ID: rand.Text(), Tenant: j.tenant.ID, Request: doc, Device: j.flow.Device,
		Browser: oauth.SHA256(browser), ExpiresAt: s.now().Add(flowFor),
	}
	n, ok, err := s.sessionOf(ctx, j.tenant.ID, j.visit.Session)
	if err != nil {
		return err
	}
	if ok && j.request.Fresh(n.AuthAt, s.now()) {
		j.flow.Session = n.ID
	}
	return nil
}

// resumeFlow reads the sign-in under way that a post belongs to. A flow of
// another browser is not found: whoever lures a person into continuing his
// sign-in would get that person's code.
func (s *Service) resumeFlow(ctx context.Context, v Visit) (*journey, error) {
	j := &journey{visit: v}
	var err error
	if j.tenant, err = s.tenant(ctx, v.Tenant); err != nil {
		return nil, err
	}
	gone := fault.New(fault.NotFound, "this sign-in has ended or took too long; go back to the app and start again")
	if v.Flow == "" || len(v.Flow) > 64 {
		return nil, gone
	}
	j.flow, err = s.store.Flow(ctx, v.Tenant, v.Flow, s.now())
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return nil, gone
		}
		return nil, fmt.Errorf("flow: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(j.flow.Browser), []byte(oauth.SHA256(v.Browser))) != 1 {
		return nil, gone
	}
	if j.request, err = oauth.DecodeAuthorize(j.flow.Request); err != nil {
		return nil, fmt.Errorf("flow: %w", err)
	}
	if err := s.findClient(ctx, j); err != nil {
		return nil, err
	}
	j.target, err = s.resolve(ctx, v.Tenant, j.request.Scope)
	return j, err
}

// step is what every step tells.
func (j *journey) step(k Kind) Step {
	site := j.target.name
	if site == "" || j.client.Site != nil {
		site = j.client.DisplayName
	}
	st := Step{
		Kind: k, Flow: j.flow.ID, Organization: j.tenant.DisplayName, Client: j.client.DisplayName, Site: site,
		UserName: j.user.UserPrincipalName, Problem: j.problem, Redirect: j.request.RedirectURI,
		SetBrowser: j.setBrowser, SetSession: j.cookie,
	}
	if st.UserName == "" {
		st.UserName = j.request.LoginHint
	}
	if j.cookie != "" {
		st.SessionExpiresAt = j.session.ExpiresAt
	}
	return st
}

// refuse answers the client with an error.
func (j *journey) refuse(issuer string, e *oauth.Error) Step {
	st := j.step(Answer)
	st.Response = j.request.Refused(issuer, e)
	return st
}

// ask is what the gate is asked for session n.
func (j *journey) ask(n directory.SessionID) access.Request {
	kind := access.Browser
	if j.client.Public {
		kind = access.MobileAndDesktop
	}
	r := access.Request{
		Tenant: j.tenant.ID, Session: n, Client: j.client.ID,
		Resources: audiences(j.client, j.request.Scope, j.target), ClientAppType: kind,
		UserAgent: j.visit.UserAgent, IP: j.visit.IP, Protocol: "authorizationCode",
		Contexts: contexts(j.request.Claims.Contexts), Bound: j.client.Public && j.request.JKT != "",
		Interactive: !j.request.Prompt.None, CorrelationID: j.visit.CorrelationID,
	}
	if j.flow.Device != "" {
		r.Transfer, r.Protocol = access.DeviceCodeFlow, deviceProtocol
	}
	if j.target.id == directory.EnrollmentAPI {
		r.Actions = []access.UserAction{access.RegisterDevice}
	}
	return r
}

// registering is what the gate is asked before a second factor is set up.
func (j *journey) registering() access.Request {
	r := j.ask(j.session.ID)
	r.Resources, r.Contexts, r.Actions = nil, nil, []access.UserAction{access.RegisterSecurityInfo}
	return r
}

// contexts are the authentication contexts that a request must meet.
func contexts(names []string) []access.ContextID {
	var out []access.ContextID
	for _, id := range names {
		out = append(out, access.ContextID(id))
	}
	return out
}
