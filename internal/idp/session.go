package idp

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// alive reports whether a session may still be used.
func (n Session) alive(now time.Time) bool {
	return n.RevokedAt.IsZero() && now.Before(n.ExpiresAt)
}

// openSession starts a session for a user whose password was right, and returns
// it with the value of its cookie, which is stored nowhere.
func (s *Service) openSession(ctx context.Context, u directory.User) (Session, string, error) {
	now, cookie := s.now(), secret()
	n, err := s.store.SaveSession(ctx, Session{
		ID: directory.SessionID(rand.Text()), Tenant: u.Tenant, User: u.ID, CookieHash: oauth.SHA256(cookie),
		AuthAt: now, Methods: []string{"pwd"}, ExpiresAt: now.Add(sessionFor),
	})
	return n, cookie, err
}

// openDeviceSession starts a session of its own for a device that enrols: it has
// no cookie that anyone knows, and outlives the browser's.
func (s *Service) openDeviceSession(ctx context.Context, browser Session) (Session, error) {
	return s.store.SaveSession(ctx, Session{
		ID: directory.SessionID(rand.Text()), Tenant: browser.Tenant, User: browser.User, CookieHash: oauth.SHA256(secret()),
		AuthAt: browser.AuthAt, MFAAt: browser.MFAAt, Methods: browser.Methods, PasswordAt: browser.PasswordAt, Transfer: browser.Transfer,
		ExpiresAt: s.now().Add(enrolledFor),
	})
}

// openTransferred starts the session of a device that somebody signs in by its
// code. How it began sticks to it.
func (s *Service) openTransferred(ctx context.Context, browser Session) (Session, error) {
	return s.store.SaveSession(ctx, Session{
		ID: directory.SessionID(rand.Text()), Tenant: browser.Tenant, User: browser.User, CookieHash: oauth.SHA256(secret()),
		AuthAt: browser.AuthAt, MFAAt: browser.MFAAt, Methods: browser.Methods, PasswordAt: browser.PasswordAt,
		Transfer: string(access.DeviceCodeFlow), ExpiresAt: s.now().Add(sessionFor),
	})
}

// abandon ends the device's own session of a sign-in that gives the device nothing.
func (s *Service) abandon(ctx context.Context, j *journey) error {
	if j.own == nil {
		return nil
	}
	n := *j.own
	j.own, n.RevokedAt, n.RevokedFor = nil, s.now(), "unused"
	_, err := s.store.SaveSession(ctx, n)
	if fault.KindOf(err) == fault.Conflict {
		return nil // ended already
	}
	return err
}

// livingSession returns the session of id, or ok false when it is gone.
func (s *Service) livingSession(ctx context.Context, t directory.TenantID, id directory.SessionID) (n Session, ok bool, err error) {
	if id == "" {
		return n, false, nil
	}
	n, err = s.store.Session(ctx, t, id)
	return s.ifAlive(n, err)
}

func (s *Service) sessionOf(ctx context.Context, t directory.TenantID, cookie string) (n Session, ok bool, err error) {
	if cookie == "" || len(cookie) > 128 {
		return n, false, nil
	}
	n, err = s.store.SessionByCookie(ctx, t, oauth.SHA256(cookie))
	return s.ifAlive(n, err)
}

func (s *Service) ifAlive(n Session, err error) (Session, bool, error) {
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return Session{}, false, nil
	}
	return n, err == nil && n.alive(s.now()), err
}

// SignedIn returns the living session that a cookie value belongs to, and its
// user; fault.NotFound when there is none.
func (s *Service) SignedIn(ctx context.Context, t directory.TenantID, cookie string) (directory.SessionID, directory.User, error) {
	n, ok, err := s.sessionOf(ctx, t, cookie)
	if err != nil {
		return "", directory.User{}, err
	}
	if !ok {
		return "", directory.User{}, fault.New(fault.NotFound, "nobody is signed in")
	}
	u, err := s.store.User(ctx, t, n.User)
	return n.ID, u, err
}

// Logout ends the session behind a browser's cookie and announces it. Without a
// living session there is nothing to end, which is not an error.
func (s *Service) Logout(ctx context.Context, t directory.TenantID, cookie string) error {
	for range rounds {
		n, ok, err := s.sessionOf(ctx, t, cookie)
		if err != nil || !ok {
			return err
		}
		n.RevokedAt, n.RevokedFor = s.now(), "signedOut"
		_, err = s.store.SaveSession(ctx, n, event.SessionRevoked{
			Tenant: t, User: n.User, Session: n.ID, Reason: n.RevokedFor, At: n.RevokedAt,
		})
		if fault.KindOf(err) != fault.Conflict || err == nil {
			return err
		}
	}
	return errBusy()
}

// OnEvent ends the sessions of users who were disabled or deleted. Handling an
// event twice changes nothing more.
func (s *Service) OnEvent(ctx context.Context, e event.Event) error {
	c, ok := e.(event.UserChanged)
	if !ok {
		return nil
	}
	u, err := s.store.User(ctx, c.Tenant, c.User)
	reason := "userDisabled"
	switch {
	case err == nil && u.Enabled:
		return nil
	case err != nil && fault.KindOf(err) == fault.NotFound:
		reason = "userDeleted"
	case err != nil:
		return err
	}
	_, err = s.store.RevokeSessions(ctx, c.Tenant, c.User, reason, s.now())
	return err
}

// errBusy says that the same things kept changing under our hands.
func errBusy() error {
	return fault.New(fault.Unavailable, "the sign-in is being changed from elsewhere; try again")
}
