// Package agreement holds terms of use: what people must read and accept before
// a policy lets them in (Graph: agreement, agreementAcceptance).
package agreement

import (
	"strings"
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

// Acceptance is one person's answer to one version of an agreement. It is
// evidence: it outlives agreement, person and device, and says what they were
// called.
type Acceptance struct {
	ID         string
	Tenant     directory.TenantID
	Agreement  ID
	Version    int64
	User       directory.UserID
	Device     directory.DeviceID // empty: none was known
	AcceptedAt time.Time

	Text              string // identifier of the text that was shown; may be empty
	UserPrincipalName string
	UserName          string // for people
	DeviceName        string
	DevicePlatform    string
	DeviceOSVersion   string
}

// InForce reports whether a is a valid acceptance of g at now, on device. An
// acceptance is of one version; it lasts for ReacceptFor, and until the terms
// expire the next time for everybody, whichever comes first. What was accepted at
// the very moment of an expiry belongs to what follows it.
func (g Agreement) InForce(a Acceptance, device directory.DeviceID, now time.Time) bool {
	if a.Agreement != g.ID || a.Version != g.Version || g.PerDevice && (device == "" || a.Device != device) || a.AcceptedAt.IsZero() {
		return false
	}
	if end := g.Ends(a); !end.IsZero() && !now.Before(end) {
		return false
	}
	return true
}

// Ends is when an acceptance stops to be in force by itself, without a new
// version; zero: never.
func (g Agreement) Ends(a Acceptance) time.Time {
	var end time.Time
	if g.ReacceptFor > 0 {
		end = a.AcceptedAt.Add(g.ReacceptFor)
	}
	if g.ExpiresFrom.IsZero() {
		return end
	}
	expiry := g.ExpiresFrom
	if !a.AcceptedAt.Before(expiry) {
		if g.ExpiresEvery <= 0 {
			return end
		}
		expiry = expiry.Add(a.AcceptedAt.Sub(expiry).Truncate(g.ExpiresEvery) + g.ExpiresEvery)
	}
	if end.IsZero() || expiry.Before(end) {
		return expiry
	}
	return end
}

// Text returns the text to show to a person who reads a language, given as a BCP
// 47 tag: that language, else any of the same primary one, else the default, else
// the first; the zero value of an agreement without any.
func (g Agreement) Text(language string) Text {
	var best Text
	rank := 0
	for _, t := range g.Texts {
		fit := 1
		switch {
		case language != "" && strings.EqualFold(t.Language, language):
			fit = 4
		case language != "" && strings.EqualFold(primary(t.Language), primary(language)):
			fit = 3
		case t.Default:
			fit = 2
		}
		if fit > rank {
			best, rank = t, fit
		}
	}
	return best
}

func primary(language string) string {
	first, _, _ := strings.Cut(language, "-")
	return first
}
