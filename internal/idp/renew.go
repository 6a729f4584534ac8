package idp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// renewWithin is how long a device has to answer a challenge to prove itself again.
const renewWithin = time.Minute

// errNoDevice says that there is nothing to renew: no cookie of a living session
// came, or no device proved itself in it. It tells neither from the other.
func errNoDevice() error {
	return fault.New(fault.Unauthenticated, "no device proved itself in a sign-in of this browser; sign in first")
}

// ProofDue is when a device is to prove itself again.
type ProofDue struct {
	Nonce string        // to be answered within a minute, in this session alone
	In    time.Duration // from now until the last proof counts no longer; 0: it does not any more
	Renew time.Duration // from now until it should be renewed: half of its time; 0: now
}

// Challenge returns the challenge by which the device behind a browser's session
// proves itself again, while the person does something else. cookie is the value
// of the session cookie; without a session in which a device proved itself the
// error is fault.Unauthenticated.
func (s *Service) Challenge(ctx context.Context, t directory.TenantID, cookie string) (ProofDue, error) {
	n, err := s.proven(ctx, t, cookie)
	if err != nil {
		return ProofDue{}, err
	}
	key, err := s.nonceKey(ctx)
	if err != nil {
		return ProofDue{}, err
	}
	due := s.due(n)
	due.Nonce = renewalNonce(key, n.ID, s.now())
	return due, nil
}

// ProveAgain takes the answer to a Challenge: a proof by the same installation
// that proved itself when the session was signed in. It counts once, and for
// access.ProofFor. What does not hold is fault.Forbidden, with why; the session
// goes on as it was.
func (s *Service) ProveAgain(ctx context.Context, v Visit, proof string) (ProofDue, error) {
	for range rounds {
		due, err := s.proveAgain(ctx, v, proof)
		if fault.KindOf(err) != fault.Conflict || err == nil {
			return due, err
		}
	}
	return ProofDue{}, errBusy()
}

func (s *Service) proveAgain(ctx context.Context, v Visit, proof string) (ProofDue, error) {
	n, err := s.proven(ctx, v.Tenant, v.Session)
	if err != nil {
		return ProofDue{}, err
	}
	user, err := s.store.User(ctx, v.Tenant, n.User)
	if err != nil {
		return ProofDue{}, err
	}
	c, device, why, err := s.readProof(ctx, v.Tenant, proof)
	if err != nil {
		return ProofDue{}, err
	}
	if why == "" {
		why, err = s.freshNonce(ctx, n, c.Nonce)
	}
	if err == nil && why == "" {
		why = s.deviceClaims(c, c.Nonce)
	}
	var id directory.RegistrationID
	if err == nil && why == "" {
		id, why, err = s.installed(ctx, user, c, device)
	}
	if err == nil && why == "" && id != n.Registration {
		why = "The proof is of another installation than the one that this browser signed in with; sign in again."
	}
	if err != nil {
		return ProofDue{}, err
	}
	if why != "" {
		return ProofDue{}, fault.New(fault.Forbidden, "%s", why)
	}
	n.ProvedAt = s.now()
	if n, err = s.store.SaveSession(ctx, n); err != nil {
		return ProofDue{}, err
	}
	return s.due(n), nil
}

// proven returns the living session of a cookie in which a device proved itself.
func (s *Service) proven(ctx context.Context, t directory.TenantID, cookie string) (Session, error) {
	n, ok, err := s.sessionOf(ctx, t, cookie)
	if err != nil {
		return Session{}, err
	}
	if !ok || n.Registration == "" {
		return Session{}, errNoDevice()
	}
	return n, nil
}

// due is when the last proof in a session counts no longer, and when it should
// be renewed.
func (s *Service) due(n Session) ProofDue {
	left := s.proofFor - s.now().Sub(n.ProvedAt)
	return ProofDue{In: max(0, left), Renew: max(0, left-s.proofFor/2)}
}

// freshNonce says what is wrong with a nonce that answers a challenge. It was made
// for this session and after its last proof, so that no proof counts twice.
func (s *Service) freshNonce(ctx context.Context, n Session, nonce string) (why string, err error) {
	key, err := s.nonceKey(ctx)
	if err != nil {
		return "", err
	}
	const other = "The proof answers another page, or answers a second time."
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != 8+sha256.Size {
		return other, nil
	}
	at := time.Unix(0, int64(binary.BigEndian.Uint64(raw))).UTC()
	if !hmac.Equal([]byte(nonce), []byte(renewalNonce(key, n.ID, at))) || !at.After(n.ProvedAt) {
		return other, nil
	}
	if age := s.now().Sub(at); age > renewWithin || age < -nonceStep {
		return "The proof came too late.", nil
	}
	return "", nil
}

// renewalNonce is a time and its HMAC, like the nonces of DPoP, but good in one
// session alone.
func renewalNonce(key []byte, id directory.SessionID, at time.Time) string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano()))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("device proof\x00"))
	mac.Write([]byte(id))
	mac.Write([]byte{0})
	mac.Write(stamp)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(stamp))
}
