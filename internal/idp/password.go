package idp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/postern-mam/postern/internal/fault"
)

// argon2id with 19 MiB, two passes, one lane (OWASP Password Storage Cheat
// Sheet, second option).
const (
	hashMemory = 19 * 1024 // KiB
	hashTime   = 2
	hashLanes  = 1
	hashSalt   = 16
	hashSize   = 32

	minPassword = 12
	maxPassword = 256
)

// HashPassword returns the argon2id hash of a password as a PHC string. It
// waits while too many hashes are under way.
func (s *Service) HashPassword(ctx context.Context, password string) (string, error) {
	if len(password) > maxPassword {
		return "", fault.New(fault.Invalid, "the password has %d bytes; at most %d are allowed", len(password), maxPassword)
	}
	salt := make([]byte, hashSalt)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	sum, err := s.argon(ctx, password, phc{memory: hashMemory, time: hashTime, lanes: hashLanes, salt: salt, sum: make([]byte, hashSize)})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum)), nil
}

// verifyPassword reports whether password hashes to stored. An empty or
// unreadable stored hash costs the same time and never matches, so that an
// unknown user takes as long as a known one.
func (s *Service) verifyPassword(ctx context.Context, password, stored string) (bool, error) {
	want, err := parsePHC(stored)
	known := err == nil
	if !known {
		want = phc{memory: hashMemory, time: hashTime, lanes: hashLanes, salt: make([]byte, hashSalt), sum: make([]byte, hashSize)}
	}
	if len(password) > maxPassword {
		password, known = password[:maxPassword], false
	}
	sum, err := s.argon(ctx, password, want)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, want.sum) == 1 && known, nil
}

func (s *Service) argon(ctx context.Context, password string, p phc) ([]byte, error) {
	if err := s.hashes.Acquire(ctx, 1); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "too many sign-ins at once; try again")
	}
	defer s.hashes.Release(1)
	return argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.lanes, uint32(len(p.sum))), nil
}

// phc is a parsed PHC string of argon2id.
type phc struct {
	memory, time uint32
	lanes        uint8
	salt, sum    []byte
}

var errPHC = errors.New("idp: not an argon2id PHC string within bounds")

// parsePHC reads a PHC string. Costs are bounded: a stored hash must not be able
// to ask for all memory there is.
func parsePHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(text) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errPHC
	}
	var p phc
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.lanes); err != nil || n != 3 {
		return phc{}, errPHC
	}
	var err1, err2 error
	p.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	p.sum, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case err1 != nil || err2 != nil || len(p.salt) < 8 || len(p.sum) < 16 || len(p.sum) > 64,
		p.memory < 8 || p.memory > 64*1024, p.time < 1 || p.time > 10, p.lanes < 1 || p.lanes > 4:
		return phc{}, errPHC
	}
	return p, nil
}

// passwordRules says what a new password must be, for people.
func passwordRules() []string {
	return []string{
		fmt.Sprintf("At least %d characters.", minPassword),
		"Not the old password.",
		"Without your user name in it.",
	}
}

// weakness returns why a new password is not good enough, or "".
func weakness(password, userName string) string {
	local, _, _ := strings.Cut(userName, "@")
	switch {
	case !utf8.ValidString(password) || utf8.RuneCountInString(password) < minPassword:
		return fmt.Sprintf("The password is too short: it needs at least %d characters.", minPassword)
	case len(password) > maxPassword:
		return fmt.Sprintf("The password is too long: at most %d bytes are kept.", maxPassword)
	case len(local) > 2 && strings.Contains(strings.ToLower(password), strings.ToLower(local)):
		return "The password contains your user name."
	}
	return ""
}
