package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// Challenge256 returns the S256 code challenge of a verifier (RFC 7636 section 4.2).
func Challenge256(verifier string) string { return SHA256(verifier) }

// VerifyPKCE reports whether verifier is well formed and hashes to challenge.
// It compares in constant time.
func VerifyPKCE(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || strings.Trim(verifier, unreserved) != "" {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(SHA256(verifier)), []byte(challenge)) == 1
}

// SHA256 returns the base64url SHA-256 of text, without padding: how codes,
// refresh tokens and cookies are stored, and what ath and S256 are.
func SHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// isSHA256 reports whether text has the form of SHA256's result.
func isSHA256(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == sha256.Size && len(text) == 43
}
