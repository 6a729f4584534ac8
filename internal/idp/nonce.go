package idp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/oauth"
)

const (
	nonceFor  = 5 * time.Minute
	nonceStep = time.Minute // a new nonce is handed out this often; those before stay good
)

var errNotOurs = errors.New("idp: not a document of this service")

// Nonce returns the DPoP nonce to use next (RFC 9449 section 8): a time and its
// HMAC, so that every replica knows it without storing it.
func (s *Service) Nonce(ctx context.Context) (string, error) {
	key, err := s.nonceKey(ctx)
	if err != nil {
		return "", err
	}
	return nonceAt(key, s.now().Truncate(nonceStep)), nil
}

func (s *Service) nonceKey(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nonces != nil {
		return s.nonces, nil
	}
	key, err := s.sharedSecret(ctx, nonceName, func() ([]byte, error) {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw) // never fails (crypto/rand)
		return raw, nil
	})
	if err != nil {
		return nil, err
	}
	s.nonces = key
	return key, nil
}

func nonceAt(key []byte, at time.Time) string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(at.Unix()))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("dpop nonce"))
	mac.Write(stamp)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(stamp))
}

// nonceEnds returns when a nonce stops being good; ok is false when it is not
// ours or not good now. A replica's clock may be a step ahead.
func (s *Service) nonceEnds(ctx context.Context, nonce string) (ends time.Time, ok bool, err error) {
	key, err := s.nonceKey(ctx)
	if err != nil {
		return time.Time{}, false, err
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != 8+sha256.Size {
		return time.Time{}, false, nil
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(raw)), 0).UTC()
	if !hmac.Equal([]byte(nonce), []byte(nonceAt(key, at))) {
		return time.Time{}, false, nil
	}
	age := s.now().Sub(at)
	return at.Add(nonceFor), age <= nonceFor && age >= -nonceStep, nil
}

// withNonce adds the nonce to use next to a refusal.
func (s *Service) withNonce(ctx context.Context, e *oauth.Error) error {
	nonce, err := s.Nonce(ctx)
	if err != nil {
		return err
	}
	e.Nonce = nonce
	return e
}
