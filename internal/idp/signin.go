package idp

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// What a person reads when a try failed. One sentence serves for unknown users,
// wrong passwords and locked accounts alike: nobody may learn which it was.
const (
	wrongPassword = "The user name and the password do not match, or the account is locked for a while after too many tries."
	wrongCode     = "That code is not right, was used already, or the account is locked for a while after too many tries."
)

// Resume picks up a sign-in under way, for example after a remedy, and decides
// on live facts again.
func (s *Service) Resume(ctx context.Context, v Visit) (Step, error) {
	j, err := s.resumeFlow(ctx, v)
	if err != nil {
		return Step{}, err
	}
	return s.advance(ctx, j)
}

// Password takes a user name and a password.
func (s *Service) Password(ctx context.Context, v Visit, userName, password string) (Step, error) {
	j, err := s.resumeFlow(ctx, v)
	if err != nil {
		return Step{}, err
	}
	userName = strings.TrimSpace(userName)
	if len(userName) > maxPassword {
		userName = ""
	}
	u, _, err := s.identify(ctx, j, userName, password)
	switch {
	case errors.Is(err, errWrong), errors.Is(err, errLocked):
		if err := s.recordFailure(ctx, j, u, err); err != nil {
			return Step{}, err
		}
		j.request.LoginHint, j.problem = userName, wrongPassword
		return s.show(ctx, j, AskPassword) // a session that only is too old stays
	case err != nil:
		return Step{}, err
	case !u.Enabled: // only whoever knows the password learns this
		return Step{}, errDisabled()
	}
	if err := s.reenter(ctx, j, u); err != nil {
		return Step{}, err
	}
	return s.advance(ctx, j)
}

// reenter renews the session of a person who signs in anew on it, or opens one.
// What a device proved in it holds on; the second factor must be shown again.
func (s *Service) reenter(ctx context.Context, j *journey, u directory.User) error {
	n, ok, err := s.livingSession(ctx, j.tenant.ID, j.flow.Session)
	if err != nil {
		return err
	}
	if !ok || n.User != u.ID {
		return s.enter(ctx, j, u)
	}
	n.AuthAt, n.MFAAt, n.Methods = s.now(), time.Time{}, []string{"pwd"}
	j.session, err = s.store.SaveSession(ctx, n)
	return raced(err)
}

// identify finds the user and verifies the password. An unknown user and a
// locked one take as many writes and hashes as a known one.
func (s *Service) identify(ctx context.Context, j *journey, userName, password string) (directory.User, Credential, error) {
	u, err := s.store.UserByName(ctx, j.tenant.ID, userName)
	if err == nil {
		var c Credential
		c, err = s.checkPassword(ctx, u, password)
		if err == nil || !errors.Is(err, errLocked) && fault.KindOf(err) != fault.NotFound {
			return u, c, err
		}
	}
	locked := errors.Is(err, errLocked)
	if !locked && fault.KindOf(err) != fault.NotFound {
		return directory.User{}, Credential{}, err
	}
	if j.flow, err = s.store.SaveFlow(ctx, j.flow); err != nil {
		return directory.User{}, Credential{}, err
	}
	if locked {
		return u, Credential{}, errLocked
	}
	if _, err := s.verifyPassword(ctx, password, ""); err != nil {
		return directory.User{}, Credential{}, err
	}
	return directory.User{}, Credential{}, errWrong
}

// enter opens a session and puts the flow on it.
func (s *Service) enter(ctx context.Context, j *journey, u directory.User) error {
	n, cookie, err := s.openSession(ctx, u)
	if err != nil {
		return err
	}
	j.session, j.cookie, j.user, j.flow.Approved = n, cookie, u, false
	j.flow.Session, j.flow.TOTPSealed, j.flow.Viewed = n.ID, nil, nil // what another person was shown counts for nobody else
	return nil
}

// recordFailure logs a wrong password. The name of an unknown user is not
// logged: people type passwords there.
func (s *Service) recordFailure(ctx context.Context, j *journey, u directory.User, why error) error {
	code, reason := oauth.NumberWrongPassword, "the password was wrong, or the user is unknown"
	if errors.Is(why, errLocked) {
		code, reason = oauth.NumberLocked, "the account is locked after too many failures"
	}
	return s.recordRefusal(ctx, j, u, code, reason)
}

// recordRefusal logs what ended a sign-in before a policy was asked.
func (s *Service) recordRefusal(ctx context.Context, j *journey, u directory.User, code int, reason string) error {
	ask := j.ask("")
	return s.store.RecordSignIn(ctx, access.Record{
		ID: rand.Text(), Tenant: j.tenant.ID, CorrelationID: ask.CorrelationID, User: u.ID, UserPrincipalName: u.UserPrincipalName,
		Client: j.client.ID, ClientName: j.client.DisplayName, Resource: ask.Resources[0], ResourceName: j.target.name,
		IP: ask.IP, UserAgent: ask.UserAgent, ClientAppType: ask.ClientAppType, Platform: access.PlatformOf(ask.UserAgent),
		Protocol: ask.Protocol, Interactive: true, Outcome: access.Denied, Code: code, Reason: reason, At: s.now(),
	})
}

// signedIn resumes a sign-in whose person is known already.
func (s *Service) signedIn(ctx context.Context, v Visit) (*journey, Credential, error) {
	j, err := s.resumeFlow(ctx, v)
	if err != nil {
		return nil, Credential{}, err
	}
	var ok bool
	j.session, ok, err = s.livingSession(ctx, j.tenant.ID, j.flow.Session)
	if err != nil {
		return nil, Credential{}, err
	}
	if !ok {
		return nil, Credential{}, fault.New(fault.NotFound, "your sign-in has ended; go back to the app and start again")
	}
	if j.user, err = s.store.User(ctx, j.tenant.ID, j.session.User); err != nil {
		return nil, Credential{}, err
	}
	if !j.user.Enabled {
		return nil, Credential{}, errDisabled()
	}
	c, err := s.store.Credential(ctx, j.tenant.ID, j.user.ID)
	return j, c, err
}

// NewPassword takes the password that replaces one which must be changed. It
// ends every other session of the user.
func (s *Service) NewPassword(ctx context.Context, v Visit, password string) (Step, error) {
	j, c, err := s.signedIn(ctx, v)
	if err != nil {
		return Step{}, err
	}
	if s.now().Sub(j.session.AuthAt) > recently {
		return s.advance(ctx, j)
	}
	if !c.MustChange {
		wanted, err := s.wantsPassword(ctx, j)
		if err != nil || !wanted {
			return s.advance(ctx, j)
		}
	}
	if j.problem = weakness(password, j.user.UserPrincipalName); j.problem != "" {
		return s.advance(ctx, j)
	}
	same, err := s.verifyPassword(ctx, password, c.PasswordHash)
	if err != nil {
		return Step{}, err
	}
	if same {
		j.problem = "The new password is the old one."
		return s.advance(ctx, j)
	}
	if c.PasswordHash, err = s.HashPassword(ctx, password); err != nil {
		return Step{}, err
	}
	c.MustChange = false
	if err := s.settle(ctx, c); err != nil {
		return Step{}, err
	}
	if _, err := s.store.RevokeSessions(ctx, j.tenant.ID, j.user.ID, "passwordChanged", s.now()); err != nil {
		return Step{}, err
	}
	before := j.session
	if err := s.enter(ctx, j, j.user); err != nil {
		return Step{}, err
	}
	if err := s.afterChange(ctx, j, before); err != nil {
		return Step{}, err
	}
	return s.advance(ctx, j)
}

// wantsPassword reports whether a policy wants the password changed now. While
// something else comes first it does not: whoever only knows the password of an
// account at risk must not choose the next one.
func (s *Service) wantsPassword(ctx context.Context, j *journey) (bool, error) {
	ruling, err := s.gate.Decide(ctx, j.ask(j.session.ID))
	return nextStep(ruling) == access.Step(access.PasswordChange), err
}

// afterChange gives the new session what was shown in the one before it, and ends
// the risk of an account whose owner showed the second factor.
func (s *Service) afterChange(ctx context.Context, j *journey, before Session) error {
	n := j.session
	n.PasswordAt, n.MFAAt, n.Methods = s.now(), before.MFAAt, before.Methods
	n.Registration, n.ProvedAt, n.Transfer = before.Registration, before.ProvedAt, before.Transfer
	var err error
	if j.session, err = s.store.SaveSession(ctx, n); err != nil {
		return raced(err)
	}
	if n.MFAAt.IsZero() {
		return nil
	}
	return s.store.Heal(ctx, j.tenant.ID, j.user.ID)
}

// SecondFactor takes a code of the registered authenticator app.
func (s *Service) SecondFactor(ctx context.Context, v Visit, code string) (Step, error) {
	j, _, err := s.signedIn(ctx, v)
	if err != nil {
		return Step{}, err
	}
	err = s.checkCode(ctx, j.user, code)
	if errors.Is(err, errWrong) || errors.Is(err, errLocked) {
		j.problem = wrongCode
		return s.advance(ctx, j)
	}
	if err != nil {
		return Step{}, err
	}
	return s.elevate(ctx, j)
}

// RegisterFactor takes the first code of an authenticator app that was set up
// with the offered seed. Only a user without a second factor registers one here,
// only just after the password, and only where policies still allow it.
func (s *Service) RegisterFactor(ctx context.Context, v Visit, code string) (Step, error) {
	j, c, err := s.signedIn(ctx, v)
	if err != nil {
		return Step{}, err
	}
	if c.MustChange || c.TOTPSealed != nil || j.flow.TOTPSealed == nil || s.now().Sub(j.session.AuthAt) > recently {
		return s.advance(ctx, j)
	}
	registering, err := s.mayRegister(ctx, j)
	if err != nil {
		return Step{}, err
	}
	if registering.Decision.Outcome != access.Granted {
		return s.advance(ctx, j)
	}
	seed, err := s.sealer.Open(totpName(j.tenant.ID, j.user.ID), j.flow.TOTPSealed)
	if err != nil {
		return s.advance(ctx, j)
	}
	step, ok := matchTOTP(seed, code, s.now(), 0)
	if !ok {
		j.problem = "That code is not right; check that the clock of your phone is."
		return s.advance(ctx, j)
	}
	c.TOTPSealed, c.TOTPStep, j.flow.TOTPSealed = j.flow.TOTPSealed, step, nil
	if err := s.settle(ctx, c); err != nil {
		return Step{}, err
	}
	return s.elevate(ctx, j)
}

// elevate notes that the second factor was shown.
func (s *Service) elevate(ctx context.Context, j *journey) (Step, error) {
	j.session.MFAAt = s.now()
	j.session.Methods = []string{"pwd", "otp"}
	var err error
	if j.session, err = s.store.SaveSession(ctx, j.session); err != nil {
		return Step{}, raced(err)
	}
	return s.advance(ctx, j)
}

// raced turns a lost race into a request to try again.
func raced(err error) error {
	if fault.KindOf(err) == fault.Conflict {
		return errBusy()
	}
	return err
}
