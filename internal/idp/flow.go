package idp

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// errAgain says that a decision must be made again; it stays inside the room.
var errAgain = errors.New("idp: decide again")

// advance picks the next step of a sign-in from what is established now.
func (s *Service) advance(ctx context.Context, j *journey) (Step, error) {
	for range rounds {
		st, err := s.round(ctx, j)
		if errors.Is(err, errAgain) || errors.Is(err, ErrMoved) {
			continue
		}
		return st, err
	}
	return Step{}, errBusy()
}

func (s *Service) round(ctx context.Context, j *journey) (Step, error) {
	var err error
	var ok bool
	j.session, ok, err = s.livingSession(ctx, j.tenant.ID, j.flow.Session)
	if err != nil {
		return Step{}, err
	}
	if !ok {
		return s.askPassword(ctx, j)
	}
	j.user, err = s.store.User(ctx, j.tenant.ID, j.session.User)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return s.askPassword(ctx, j)
	}
	if err != nil {
		return Step{}, err
	}
	if !j.user.Enabled {
		return Step{}, errDisabled()
	}
	c, err := s.store.Credential(ctx, j.tenant.ID, j.user.ID)
	if err != nil && fault.KindOf(err) != fault.NotFound { // a user without a password may live on federation some day
		return Step{}, err
	}
	if c.MustChange {
		return s.askNewPassword(ctx, j)
	}
	return s.decide(ctx, j, c)
}

// decide asks the gate and does what it rules.
func (s *Service) decide(ctx context.Context, j *journey, c Credential) (Step, error) {
	n := j.session
	if j.own != nil {
		n = *j.own
	}
	ruling, err := s.gate.Decide(ctx, j.ask(n.ID))
	if err != nil {
		return Step{}, err
	}
	if moved(ruling.Basis, j.user, n) {
		return Step{}, errAgain
	}
	if ruling.Decision.Outcome == access.Granted {
		return s.finish(ctx, j, ruling)
	}
	if err := s.abandon(ctx, j); err != nil {
		return Step{}, err
	}
	switch ruling.Decision.Outcome {
	case access.Challenge:
		return s.challenge(ctx, j, ruling, c)
	case access.Granted, access.Denied:
	}
	return s.deny(ctx, j, ruling)
}

// moved reports whether the gate saw another user or session than we did.
func moved(basis directory.Revisions, u directory.User, n Session) bool {
	return basis.User != 0 && basis.User != u.Revision || basis.Session != 0 && basis.Session != n.Revision
}

func (s *Service) askPassword(ctx context.Context, j *journey) (Step, error) {
	j.flow.Session, j.user = "", directory.User{}
	if j.request.Prompt.None {
		return j.refuse(s.issuer(j.tenant.ID), oauth.Errorf(oauth.LoginRequired, oauth.NumberLoginNeeded, "nobody is signed in, and the request forbids asking")), nil
	}
	return s.show(ctx, j, AskPassword)
}

func (s *Service) askNewPassword(ctx context.Context, j *journey) (Step, error) {
	if s.now().Sub(j.session.AuthAt) > recently {
		return s.askPassword(ctx, j)
	}
	if j.request.Prompt.None {
		return j.refuse(s.issuer(j.tenant.ID), oauth.Errorf(oauth.InteractionRequired, 0, "the password must be changed, and the request forbids asking")), nil
	}
	st, err := s.show(ctx, j, AskNewPassword)
	st.Rules = passwordRules()
	return st, err
}

// nextStep is the one step that a sign-in asks for now, or "" when it asks for
// none. An answer to any other comes too early.
func nextStep(r access.Ruling) access.Step {
	if r.Decision.Outcome != access.Challenge || len(r.Steps) == 0 {
		return ""
	}
	return r.Steps[0]
}

// challenge asks for the first of the steps that lead in.
func (s *Service) challenge(ctx context.Context, j *journey, r access.Ruling, c Credential) (Step, error) {
	switch step := nextStep(r); {
	case step == access.Step(access.MFA) || step == access.Step(access.AuthenticationStrength):
	case step == access.Step(access.SignInFrequency), step == access.Step(access.PasswordChange), step == access.Step(access.TermsOfUse) && len(r.Terms) > 0:
	default:
		return s.deny(ctx, j, r)
	}
	if err := s.store.RecordSignIn(ctx, r.Record); err != nil {
		return Step{}, err
	}
	if j.request.Prompt.None {
		return j.refuse(s.issuer(j.tenant.ID), silentRefusal(r)), nil
	}
	switch nextStep(r) {
	case access.Step(access.SignInFrequency):
		j.problem = cmp.Or(j.problem, "Your organization wants you to sign in again before you go on.")
		return s.show(ctx, j, AskPassword) // the session stays: only its age is wrong
	case access.Step(access.PasswordChange):
		j.problem = cmp.Or(j.problem, "Your account may be known to somebody else. Choose a new password.")
		return s.askNewPassword(ctx, j)
	case access.Step(access.TermsOfUse):
		return s.askTerms(ctx, j, r.Terms)
	}
	return s.askSecondFactor(ctx, j, c)
}

// askSecondFactor asks for a code, or lets the person set up a second factor when
// there is none, the password was shown just now, and policies allow it here.
func (s *Service) askSecondFactor(ctx context.Context, j *journey, c Credential) (Step, error) {
	if c.TOTPSealed != nil {
		return s.show(ctx, j, AskCode)
	}
	if s.now().Sub(j.session.AuthAt) > recently {
		j.problem = "Sign in again to set up your second factor."
		return s.askPassword(ctx, j)
	}
	registering, err := s.mayRegister(ctx, j)
	if err != nil {
		return Step{}, err
	}
	if registering.Decision.Outcome != access.Granted {
		return s.deny(ctx, j, registering)
	}
	name := totpName(j.tenant.ID, j.user.ID)
	if j.flow.TOTPSealed == nil {
		sealed, err := s.sealer.Seal(name, newSeed())
		if err != nil {
			return Step{}, err
		}
		j.flow.TOTPSealed = sealed
	}
	seed, err := s.sealer.Open(name, j.flow.TOTPSealed)
	if err != nil { // offered to another user of this browser
		j.flow.TOTPSealed = nil
		return Step{}, errAgain
	}
	st, err := s.show(ctx, j, RegisterFactor)
	st.Factor = factor(seed, j.tenant.DisplayName, j.user.UserPrincipalName)
	return st, err
}

// mayRegister asks whether a second factor may be set up now. Of an account at
// risk others may know the password, and who knows no more than that must not
// become its owner.
func (s *Service) mayRegister(ctx context.Context, j *journey) (access.Ruling, error) {
	r, err := s.gate.Decide(ctx, j.registering())
	if err == nil && r.Decision.Outcome == access.Granted && j.user.AtRisk != "" {
		r.Decision = access.Decision{Outcome: access.Denied, Code: oauth.NumberMFA}
		r.Remedies = []access.Remedy{{
			Code: "atRiskWithoutSecondFactor", Title: "Ask your administrator to look at your account",
			Why:   "Somebody else may know your password, and your account has no second factor yet by which you could show that it is you.",
			Steps: []string{"Call your help desk. They make sure that it is you, end the risk, and let you sign in and set up the second factor."},
		}}
		r.Record.Outcome, r.Record.Code, r.Record.Reason = access.Denied, oauth.NumberMFA, "the account is at risk and has no second factor"
		r.Record.Set, r.Record.Facts = "", nil // no policy said so
	}
	return r, err
}

// deny shows what is missing, with a fresh nonce that the device may prove itself by.
func (s *Service) deny(ctx context.Context, j *journey, r access.Ruling) (Step, error) {
	if err := s.store.RecordSignIn(ctx, r.Record); err != nil {
		return Step{}, err
	}
	if j.request.Prompt.None {
		return j.refuse(s.issuer(j.tenant.ID), silentRefusal(r)), nil
	}
	j.flow.Nonce = secret()
	st, err := s.show(ctx, j, Denied)
	st.Ruling, st.Nonce = r, j.flow.Nonce
	return st, err
}

// show stores the flow, so that the answer to the page finds it.
func (s *Service) show(ctx context.Context, j *journey, k Kind) (Step, error) {
	stored, err := s.store.SaveFlow(ctx, j.flow)
	if err != nil {
		if fault.KindOf(err) == fault.Conflict {
			return Step{}, errBusy()
		}
		return Step{}, err
	}
	j.flow = stored
	return j.step(k), nil
}

// finish hands out a code for what was granted. ErrMoved means: decide again.
func (s *Service) finish(ctx context.Context, j *journey, r access.Ruling) (Step, error) {
	n := j.session.ID
	switch {
	case j.own != nil:
		n = j.own.ID
	case j.flow.Device != "" && !j.flow.Approved:
		st, err := s.show(ctx, j, AskDevice)
		j.forgetful(&st, r)
		return st, err
	case j.flow.Device != "":
		own, err := s.openTransferred(ctx, j.session)
		if err != nil {
			return Step{}, err
		}
		j.own = &own
		return Step{}, errAgain // the device's tokens hang on that session: decide on it
	case j.client.Public && j.request.JKT != "" && j.target.id.Bootstrap():
		own, err := s.openDeviceSession(ctx, j.session)
		if err != nil {
			return Step{}, err
		}
		j.own = &own
		return Step{}, errAgain // the code hangs on that session: decide on it
	}
	if j.flow.Device != "" {
		return s.finishDevice(ctx, j, r)
	}
	code := secret()
	err := s.store.SaveCode(ctx, AuthorizationCode{
		Hash: oauth.SHA256(code), Tenant: j.tenant.ID, Client: j.client.ID, Session: n, User: j.user.ID,
		RedirectURI: j.request.RedirectURI, Challenge: j.request.Challenge, Scope: j.request.Scope.String(),
		Nonce: j.request.Nonce, JKT: j.request.JKT, Contexts: j.request.Claims.Contexts, ExpiresAt: s.now().Add(codeFor),
	}, r.Basis, r.Record)
	if err != nil {
		return Step{}, err
	}
	if err := s.endFlow(ctx, j); err != nil {
		return Step{}, err
	}
	st := j.step(Answer)
	if j.own == nil {
		j.forgetful(&st, r)
	}
	st.Response = j.request.Granted(s.issuer(j.tenant.ID), code)
	return st, nil
}

// forgetful lets the sign-in go with the browser, where a policy wants that.
func (j *journey) forgetful(st *Step, r access.Ruling) {
	if r.Decision.Session.Persistent == access.PersistNever {
		st.SetSession, st.SessionExpiresAt = cmp.Or(j.cookie, j.visit.Session), time.Time{}
	}
}

// endFlow makes the pages of a sign-in of no more use.
func (s *Service) endFlow(ctx context.Context, j *journey) error {
	if j.flow.Revision == 0 {
		return nil // no page was shown
	}
	j.flow.ExpiresAt, j.flow.TOTPSealed, j.flow.Nonce = s.now(), nil, ""
	_, err := s.store.SaveFlow(ctx, j.flow)
	if fault.KindOf(err) == fault.Conflict {
		return nil
	}
	return err
}

func errDisabled() error {
	return oauth.Errorf(oauth.AccessDenied, oauth.NumberUserDisabled, "this account is disabled; ask your administrator")
}
