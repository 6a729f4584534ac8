// Package agreement holds terms of use: what people must read and accept before
// a policy lets them in (Graph: agreement, agreementAcceptance).
package agreement

import (
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// ID names an agreement.
type ID string

// Agreement is terms of use, with the text that is in force.
type Agreement struct {
	ID           ID
	Tenant       directory.TenantID
	DisplayName  string
	MustView     bool          // the text must have been opened before it can be accepted
	PerDevice    bool          // every device needs an acceptance of its own
	ReacceptFor  time.Duration // an acceptance lasts this long; 0: for ever (Graph: userReacceptRequiredFrequency)
	ExpiresFrom  time.Time     // Graph: termsExpiration.startDateTime; zero: never
	ExpiresEvery time.Duration // Graph: termsExpiration.frequency
	Version      int64         // moves with every new text: who accepted an older one must accept again
	Texts        []Text
	CreatedAt    time.Time
	ModifiedAt   time.Time
	Revision     int64
}

// Text is an agreement in one language.
type Text struct {
	ID       string
	Language string // BCP 47; for example "en"
	Name     string // file name
	Default  bool
	Body     string // plain text
}

// Acceptance is one person's answer to one version of an agreement.
type Acceptance struct {
	ID         string
	Tenant     directory.TenantID
	Agreement  ID
	Version    int64
	User       directory.UserID
	Device     directory.DeviceID // empty: none was known
	AcceptedAt time.Time
}

// InForce reports whether a is a valid acceptance of g at now, on device.
func (g Agreement) InForce(a Acceptance, device directory.DeviceID, now time.Time) bool {
	if a.Agreement != g.ID || a.Version != g.Version || g.PerDevice && (device == "" || a.Device != device) {
		return false
	}
	if g.ReacceptFor > 0 && !now.Before(a.AcceptedAt.Add(g.ReacceptFor)) {
		return false
	}
	if g.ExpiresFrom.IsZero() || now.Before(g.ExpiresFrom) {
		return true
	}
	ended := g.ExpiresFrom
	if g.ExpiresEvery > 0 {
		ended = ended.Add(now.Sub(ended).Truncate(g.ExpiresEvery))
	}
	return a.AcceptedAt.After(ended)
}
