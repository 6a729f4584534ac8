package idp

import (
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

const (
	freeFailures = 10 // wrong passwords or codes in a row before a lock-out
	firstLock    = time.Minute
	longestLock  = time.Hour
	// forgetAfter is when old failures stop counting: people who are never asked
	// for a code would otherwise collect them for years.
	forgetAfter = 24 * time.Hour
)

// errLocked and errWrong never reach a person as two different answers: that
// would tell which accounts exist.
var (
	errLocked = errors.New("idp: the account is locked")
	errWrong  = errors.New("idp: the password or code is wrong")
)

// lockFor is how long the n-th failure in a row locks an account.
func lockFor(n int) time.Duration {
	if n < freeFailures {
		return 0
	}
	return min(firstLock<<min(n-freeFailures, 10), longestLock)
}

// attempt counts a try as failed before it is looked at, so that many tries at
// once get no more chances than one after the other. LockedUntil of an account
// that is not locked is the instant of its last failure. It returns the
// credential as it is now stored, and as it was.
func (s *Service) attempt(ctx context.Context, t directory.TenantID, u directory.UserID) (counted, before Credential, err error) {
	for range rounds {
		before, err = s.store.Credential(ctx, t, u)
		if err != nil {
			return counted, before, err
		}
		now := s.now()
		if now.Before(before.LockedUntil) {
			return before, before, errLocked
		}
		if now.Sub(before.LockedUntil) > forgetAfter {
			before.Failures = 0
		}
		counted = before
		counted.Failures++
		counted.LockedUntil = now.Add(lockFor(counted.Failures))
		err = s.store.SaveCredential(ctx, counted)
		if err == nil {
			counted, err = s.store.Credential(ctx, t, u)
			return counted, before, err
		}
		if fault.KindOf(err) != fault.Conflict {
			return counted, before, err
		}
	}
	return counted, before, errBusy()
}

// checkPassword verifies a user's password. The errors errWrong and errLocked
// look alike from outside and take alike long.
func (s *Service) checkPassword(ctx context.Context, u directory.User, password string) (Credential, error) {
	counted, before, err := s.attempt(ctx, u.Tenant, u.ID)
	if err != nil && !errors.Is(err, errLocked) {
		return counted, err
	}
	locked := err != nil
	ok, err := s.verifyPassword(ctx, password, counted.PasswordHash)
	switch {
	case err != nil:
		return counted, err
	case locked:
		return counted, errLocked
	case !ok:
		return counted, errWrong
	}
	counted.Failures, counted.LockedUntil = 0, time.Time{}
	if counted.TOTPSealed != nil { // only the second factor clears: else a stolen password buys endless guesses at codes
		counted.Failures, counted.LockedUntil = before.Failures, before.LockedUntil
	}
	return counted, s.settle(ctx, counted)
}

// checkCode verifies a code of the second factor and spends its time step.
func (s *Service) checkCode(ctx context.Context, u directory.User, code string) error {
	counted, _, err := s.attempt(ctx, u.Tenant, u.ID)
	if err != nil {
		return err
	}
	if counted.TOTPSealed == nil {
		return errWrong
	}
	seed, err := s.sealer.Open(totpName(u.Tenant, u.ID), counted.TOTPSealed)
	if err != nil {
		return err
	}
	step, ok := matchTOTP(seed, code, s.now(), counted.TOTPStep)
	if !ok {
		return errWrong
	}
	counted.TOTPStep, counted.Failures, counted.LockedUntil = step, 0, time.Time{}
	return s.settle(ctx, counted)
}

// settle saves the outcome of a counted try. Losing a race is a refusal: another
// try is being judged, and a code must not pass twice.
func (s *Service) settle(ctx context.Context, c Credential) error {
	err := s.store.SaveCredential(ctx, c)
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return errBusy()
	}
	return err
}
