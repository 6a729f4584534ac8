package idp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // RFC 6238's default hash, which authenticator apps expect; HMAC-SHA-1 is not broken
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpSeed   = 20 // bytes (RFC 4226 section 4, R6)
)

// totpName binds a sealed seed to its user.
func totpName(t directory.TenantID, u directory.UserID) string {
	return "totp/" + string(t) + "/" + string(u)
}

func newSeed() []byte {
	seed := make([]byte, totpSeed)
	_, _ = rand.Read(seed) // never fails (crypto/rand)
	return seed
}

// matchTOTP returns the time step whose code was typed (RFC 6238): this step or
// a neighbour, but none up to used, so that no code works twice. It looks at all
// three in constant time.
func matchTOTP(seed []byte, code string, now time.Time, used int64) (step int64, ok bool) {
	code = strings.Join(strings.Fields(code), "")
	current := now.Unix() / int64(totpStep/time.Second)
	for candidate := current - 1; candidate <= current+1; candidate++ {
		same := subtle.ConstantTimeCompare([]byte(code), []byte(totpAt(seed, candidate))) == 1
		if same && candidate > used {
			step, ok = candidate, true
		}
	}
	return step, ok
}

func totpAt(seed []byte, step int64) string {
	mac := hmac.New(sha1.New, seed)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// factor is what an authenticator app needs to know.
func factor(seed []byte, organization, userName string) Factor {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed)
	label := url.PathEscape(organization + ":" + userName)
	query := "secret=" + text + "&issuer=" + url.QueryEscape(organization)
	return Factor{Secret: text, URI: "otpauth://totp/" + label + "?" + strings.ReplaceAll(query, "+", "%20")}
}
