package idp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

const (
	// deviceCodeFor is how long somebody has to type a code elsewhere.
	deviceCodeFor = 15 * time.Minute
	// pollEvery is how often a device may ask, and slower by how much it lengthens
	// that when it asked too soon (RFC 8628 section 3.5).
	pollEvery      = 5 * time.Second
	slower         = 5 * time.Second
	deviceProtocol = "deviceCode"
)

// BeginDevice answers a device authorization request (RFC 8628 section 3.1).
// Refusals are *oauth.Error.
func (s *Service) BeginDevice(ctx context.Context, c Call) (oauth.DeviceAuthorization, error) {
	var none oauth.DeviceAuthorization
	r, err := oauth.ParseDevice(c.Form, c.Authorization)
	if err != nil {
		return none, err
	}
	if err := s.allowDevices(ctx, c.Tenant); err != nil {
		return none, err
	}
	client, _, err := s.authenticateClient(ctx, c.Tenant, r.TokenRequest)
	if err != nil {
		return none, err
	}
	target, err := s.resolve(ctx, c.Tenant, r.Scope)
	if err != nil {
		return none, err
	}
	if target.id.Bootstrap() || target.id == directory.ThreatAPI {
		return none, oauth.Errorf(oauth.InvalidScope, oauth.NumberInvalidScope, "a device enrols where its person signs in; it is not enrolled by a code")
	}
	for range rounds {
		code, user := secret(), newUserCode()
		err = s.store.SaveDeviceCode(ctx, DeviceCode{
			Hash: oauth.SHA256(code), UserHash: oauth.SHA256(user), Tenant: c.Tenant, Client: client.ID, Scope: r.Scope.String(),
			Contexts: r.Claims.Contexts, ExpiresAt: s.now().Add(deviceCodeFor),
		})
		if fault.KindOf(err) == fault.Conflict {
			continue // somebody has that user code
		}
		if err != nil {
			return none, err
		}
		page, shown := oauth.EndpointsOf(s.base, c.Tenant).DevicePage, oauth.ShowUserCode(user)
		return oauth.DeviceAuthorization{
			DeviceCode: code, UserCode: shown, VerificationURI: page, Complete: page + "?user_code=" + url.QueryEscape(shown),
			ExpiresIn: int(deviceCodeFor / time.Second), Interval: int(pollEvery / time.Second),
			Message: fmt.Sprintf("To sign in, open %s in a browser and enter the code %s.", page, shown),
		}, nil
	}
	return none, errBusy()
}

// allowDevices refuses where an administrator did not allow device codes.
func (s *Service) allowDevices(ctx context.Context, t directory.TenantID) error {
	tenant, err := s.tenant(ctx, t)
	if err == nil && !tenant.Settings.AllowDeviceCode {
		err = oauth.Errorf(oauth.UnauthorizedClient, oauth.NumberUnauthorizedClient,
			"signing in by device code is off in this organization; an administrator can allow it (allowDeviceCode)")
	}
	return err
}

// newUserCode returns a random user code.
func newUserCode() string {
	code := make([]byte, oauth.UserCodeLength)
	for i := range code {
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(oauth.UserCodeLetters)))) // never fails (crypto/rand)
		code[i] = oauth.UserCodeLetters[n.Int64()]
	}
	return string(code)
}

// TypeUserCode takes the code that a device shows, as somebody typed it, and
// starts the sign-in that approves it. Without a code it asks for one.
func (s *Service) TypeUserCode(ctx context.Context, v Visit, typed string) (Step, error) {
	if err := s.allowDevices(ctx, v.Tenant); err != nil {
		return Step{}, err
	}
	j := &journey{visit: v}
	var err error
	if j.tenant, err = s.tenant(ctx, v.Tenant); err != nil {
		return Step{}, err
	}
	ask := Step{Kind: AskUserCode, Organization: j.tenant.DisplayName}
	if typed == "" {
		return ask, nil
	}
	ask.Problem = "That code is not right, was used already, or has expired. Look at your device and type the code that it shows now."
	d, err := s.store.DeviceCodeByUser(ctx, v.Tenant, oauth.SHA256(oauth.UserCode(typed)))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return Step{}, err
	}
	if err != nil || !s.waiting(d) {
		return ask, nil
	}
	if answered, err := s.answered(ctx, d); err != nil || answered {
		return ask, err
	}
	j.flow.Device = d.Hash
	scope, err := oauth.ParseScope(d.Scope)
	if err != nil {
		return Step{}, err
	}
	j.request = oauth.Authorize{Client: d.Client, Mode: oauth.Query, Scope: scope, Claims: oauth.ClaimsRequest{Contexts: d.Contexts}}
	if err := s.findClient(ctx, j); err != nil {
		return Step{}, err
	}
	if j.target, err = s.resolve(ctx, v.Tenant, scope); err != nil {
		return Step{}, err
	}
	if err := s.startFlow(ctx, j); err != nil {
		return Step{}, err
	}
	return s.advance(ctx, j)
}

func (s *Service) waiting(d DeviceCode) bool {
	return d.DeniedAt.IsZero() && s.now().Before(d.ExpiresAt)
}

// answered reports whether somebody approved a device code already.
func (s *Service) answered(ctx context.Context, d DeviceCode) (bool, error) {
	_, err := s.store.Code(ctx, d.Tenant, d.Hash)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// AnswerDevice takes the answer to the question whether the device is the person's own.
func (s *Service) AnswerDevice(ctx context.Context, v Visit, approve bool) (Step, error) {
	j, _, err := s.signedIn(ctx, v)
	if err != nil {
		return Step{}, err
	}
	if j.flow.Device == "" {
		return s.advance(ctx, j)
	}
	if approve {
		if err := s.allowDevices(ctx, v.Tenant); err != nil { // turned off meanwhile
			return Step{}, err
		}
		j.flow.Approved = true
		return s.advance(ctx, j)
	}
	if err := s.declineDevice(ctx, j.tenant.ID, j.flow.Device); err != nil {
		return Step{}, err
	}
	// Whoever types a code that somebody sent them, and thinks better of it, has seen an attack.
	if err := s.recordRefusal(ctx, j, j.user, oauth.NumberDeclined, "the person said that the device is not theirs"); err != nil {
		return Step{}, err
	}
	st := j.step(DeviceDone)
	st.Problem = "The device was not signed in."
	return st, s.endFlow(ctx, j)
}

// declineDevice makes a device code worthless, also while the device asks.
func (s *Service) declineDevice(ctx context.Context, t directory.TenantID, hash string) error {
	for range rounds {
		d, err := s.store.DeviceCode(ctx, t, hash)
		if err != nil {
			return err
		}
		d.DeniedAt = s.now()
		if err := s.store.SaveDeviceCode(ctx, d); fault.KindOf(err) != fault.Conflict {
			return err
		}
	}
	return errBusy()
}

// finishDevice hands the device what was approved.
func (s *Service) finishDevice(ctx context.Context, j *journey, r access.Ruling) (Step, error) {
	d, err := s.store.DeviceCode(ctx, j.tenant.ID, j.flow.Device)
	if err != nil {
		return Step{}, err
	}
	over := fault.New(fault.NotFound, "the code has expired, or was answered already; start again on your device")
	if answered, err := s.answered(ctx, d); err != nil || answered || !s.waiting(d) {
		return Step{}, errors.Join(cmp.Or(err, over), s.abandon(ctx, j))
	}
	err = s.store.SaveCode(ctx, AuthorizationCode{
		Hash: d.Hash, Tenant: j.tenant.ID, Client: j.client.ID, Session: j.own.ID, User: j.user.ID, Scope: d.Scope,
		Contexts: d.Contexts, Device: true, ExpiresAt: d.ExpiresAt,
	}, r.Basis, r.Record)
	if fault.KindOf(err) == fault.Conflict { // somebody answered at the same moment
		return Step{}, errors.Join(over, s.abandon(ctx, j))
	}
	if err != nil {
		return Step{}, err
	}
	return j.step(DeviceDone), s.endFlow(ctx, j)
}

// redeemDevice exchanges a device code that somebody approved (RFC 8628 section 3.4).
func (s *Service) redeemDevice(ctx context.Context, x *exchange) (oauth.Tokens, error) {
	if err := s.allowDevices(ctx, x.call.Tenant); err != nil {
		return oauth.Tokens{}, err
	}
	d, err := s.store.DeviceCode(ctx, x.call.Tenant, oauth.SHA256(x.request.Device))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return oauth.Tokens{}, err
	}
	switch {
	case err != nil || d.Client != x.client.ID:
		return oauth.Tokens{}, badGrant(oauth.NumberBadCode, "the device code is unknown, or another client's")
	case !d.DeniedAt.IsZero():
		return oauth.Tokens{}, oauth.Errorf(oauth.AccessDenied, oauth.NumberDeclined, "the person declined")
	}
	code, err := s.store.Code(ctx, x.call.Tenant, d.Hash)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return oauth.Tokens{}, err
	}
	switch {
	case err == nil && code.Grant != "":
		return oauth.Tokens{}, s.codeReused(ctx, x.call.Tenant, code.Hash)
	case !s.now().Before(d.ExpiresAt):
		return oauth.Tokens{}, oauth.Errorf(oauth.ExpiredToken, oauth.NumberExpiredCode, "the device code has expired: begin again")
	case err != nil:
		return oauth.Tokens{}, s.wait(ctx, d)
	}
	scope, err := narrowed(code.Scope, x.request.Scope)
	if err != nil {
		return oauth.Tokens{}, err
	}
	return s.spend(ctx, x, code, issueOrder{scope: scope, protocol: deviceProtocol})
}

// wait tells a device to ask again, and to ask less often if it asked too soon.
// That is not written down: a stranger with a code could keep the database busy.
func (s *Service) wait(ctx context.Context, d DeviceCode) error {
	now := s.now()
	soon := now.Sub(d.PolledAt) < pollEvery
	if !soon {
		d.PolledAt = now
		err := s.store.SaveDeviceCode(ctx, d)
		if soon = fault.KindOf(err) == fault.Conflict; err != nil && !soon {
			return err
		}
	}
	if soon {
		return oauth.Errorf(oauth.SlowDown, oauth.NumberPending, "ask every %d seconds, not more often", int((pollEvery+slower)/time.Second))
	}
	return oauth.Errorf(oauth.AuthorizationPending, oauth.NumberPending, "nobody has typed the code yet")
}
