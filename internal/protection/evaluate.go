package protection

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// clockSkew is how far ahead of now a check-in may lie before the clocks are
// doubted: setting a PC's clock back must not lengthen its grace.
const clockSkew = 5 * time.Minute

// Evaluate returns every health check of s that fails at now, severest action
// first; equal actions in the order account, SDK, app, Windows, threat, offline,
// of which SDK, app, Windows is the documented precedence.
//
// Limits themselves pass: a minimum fails below it, a maximum above it, an
// offline grace period after it. A block after 0 comes as soon as time passes, a
// wipe after 0 never. What is not known fails (see the package comment), apart
// from threat data that does not count and an account not confirmed as disabled.
func Evaluate(s Settings, h Health, now time.Time) []Finding {
	var found []Finding
	for _, c := range s.Checks {
		if c.Action == Allow {
			continue
		}
		if f, failed := c.evaluate(h, now); failed {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Check.Action, a.Check.Action), cmp.Compare(precedence(a.Check.Subject), precedence(b.Check.Subject)),
			cmp.Compare(a.Check.Subject, b.Check.Subject))
	})
	return slices.CompactFunc(found, func(a, b Finding) bool { // a block, and a wipe that doubt made a block
		return a.Doubt && b.Doubt && a.Check.Subject == b.Check.Subject && a.Check.Action == b.Check.Action
	})
}

func precedence(s Subject) int {
	order := [...]Subject{DisabledAccount, MinSDKVersion, MinAppVersion, MinOSVersion, MaxOSVersion, MaxThreatLevel, OfflineGrace}
	for i, subject := range order {
		if subject == s {
			return i
		}
	}
	return len(order)
}

func (c Check) evaluate(h Health, now time.Time) (Finding, bool) {
	switch c.Subject {
	case OfflineGrace:
		return c.offline(h.LastSyncAt, now)
	case MinAppVersion:
		return c.compare(h.AppVersion, -1)
	case MinSDKVersion:
		return c.compare(h.SDKVersion, -1)
	case MinOSVersion:
		return c.compare(h.OSVersion, -1)
	case MaxOSVersion:
		return c.compare(h.OSVersion, 1)
	case DisabledAccount:
		return Finding{Check: c, Have: "the account is disabled or deleted", Want: "an enabled account"}, h.AccountDisabled
	case MaxThreatLevel:
		return c.threat(h)
	}
	return c.doubt("a health check that this version does not know", string(c.Subject)), true
}

// doubt is the finding when a fact is not known.
func (c Check) doubt(have, want string) Finding {
	c.Action = min(c.Action, Block)
	return Finding{Check: c, Have: have, Want: want, Doubt: true}
}

// compare fails when have lies on the bad side of the limit: -1 below, 1 above.
func (c Check) compare(have version.Version, bad int) (Finding, bool) {
	want := c.Version.String() + " or later"
	if bad > 0 {
		want = c.Version.String() + " or earlier"
	}
	if have.IsZero() {
		return c.doubt("unknown", want), true
	}
	return Finding{Check: c, Have: have.String(), Want: want}, have.Compare(c.Version) == bad
}

func (c Check) offline(lastSync, now time.Time) (Finding, bool) {
	want := "a check-in within " + Words(c.After)
	if c.After == 0 {
		want = "a check-in right now"
	}
	age := now.Sub(lastSync)
	switch {
	case c.Action == Wipe && c.After == 0:
		return Finding{}, false
	case lastSync.IsZero():
		return c.doubt("no check-in yet", want), true
	case age < -clockSkew:
		return c.doubt("a check-in in the future", want), true
	}
	return Finding{Check: c, Have: "the last check-in was " + Words(age) + " ago", Want: want}, age > c.After
}

func (c Check) threat(h Health) (Finding, bool) {
	want := "at most " + c.Level.String()
	switch {
	case !h.ThreatCounted:
		return Finding{}, false
	case h.ThreatLevel == threat.Unknown:
		return c.doubt(h.ThreatLevel.String(), want), true
	}
	return Finding{Check: c, Have: h.ThreatLevel.String(), Want: want}, h.ThreatLevel > c.Level
}

// Words prints a duration for people, in its two largest units and rounded up:
// "12 hours", "1 day 3 hours", "45 seconds". Negative ones print as "0 seconds".
func Words(d time.Duration) string {
	units := [...]struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}}
	last := len(units) - 1 // the smallest unit that is printed
	for i, u := range units[:len(units)-1] {
		if d >= u.size {
			last = i + 1
			break
		}
	}
	if rest := d % units[last].size; rest > 0 {
		d += units[last].size - rest
	}
	var parts []string
	for _, u := range units[:last+1] {
		if n := d / u.size; n > 0 {
			d -= n * u.size
			parts = append(parts, plural(int64(n), u.name))
		}
	}
	if len(parts) == 0 {
		return plural(0, units[last].name)
	}
	return strings.Join(parts, " ")
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
