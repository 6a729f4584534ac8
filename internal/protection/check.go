package protection

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// MaxOffline is the longest offline grace period that a policy may grant.
const MaxOffline = 3650 * 24 * time.Hour

// ParseSubject returns the subject of that name; letter case counts.
func ParseSubject(s string) (Subject, error) {
	if found := find(s); found != nil && found.HealthCheck() {
		return Subject(s), nil
	}
	var valid []string
	for i := range catalogue {
		if catalogue[i].HealthCheck() {
			valid = append(valid, catalogue[i].Name)
		}
	}
	return "", fault.New(fault.Invalid, "health check %q is unknown; valid are %s", clip(s), strings.Join(valid, ", "))
}

// Name tells the row apart from the others of a policy: "minOsVersion:block".
func (c Check) Name() string { return string(c.Subject) + ":" + c.Action.String() }

// Limit prints the limit that counts for the subject: a version, whole seconds,
// a threat level, or "" for DisabledAccount. ParseCheck reads it back.
func (c Check) Limit() string {
	switch c.Subject {
	case OfflineGrace:
		return strconv.FormatInt(int64(c.After/time.Second), 10)
	case MinAppVersion, MinSDKVersion, MinOSVersion, MaxOSVersion:
		return c.Version.String()
	case MaxThreatLevel:
		return c.Level.String()
	case DisabledAccount:
	}
	return ""
}

// ParseCheck reads a health check as the device protocol spells it and refuses
// what no policy may contain. Versions of Windows may be spelled as winver does.
func ParseCheck(subject, action, value string) (Check, error) {
	s, err := ParseSubject(subject)
	if err != nil {
		return Check{}, err
	}
	a, err := ParseAction(action)
	if err != nil {
		return Check{}, err
	}
	c := Check{Subject: s, Action: a}
	if err := c.setLimit(value); err != nil {
		return Check{}, err
	}
	if problem := c.problem(); problem != "" {
		return Check{}, fault.New(fault.Invalid, "%s", problem)
	}
	return c, nil
}

func (c *Check) setLimit(value string) (err error) {
	switch c.Subject {
	case OfflineGrace:
		seconds, err := strconv.ParseUint(value, 10, 63)
		if err != nil || seconds > uint64(MaxOffline/time.Second) {
			return fault.New(fault.Invalid, "%s is %q; valid are whole seconds from 0 to %d", c.Subject, clip(value), int64(MaxOffline/time.Second))
		}
		c.After = time.Duration(seconds) * time.Second
	case MinAppVersion, MinSDKVersion:
		c.Version, err = version.Parse(value)
	case MinOSVersion, MaxOSVersion:
		c.Version, err = version.ParseWindows(value)
	case MaxThreatLevel:
		c.Level, err = threat.ParseLevel(value)
	case DisabledAccount:
		if value != "" {
			return fault.New(fault.Invalid, "%s is %q; it takes no value", c.Subject, clip(value))
		}
	}
	if err != nil {
		return fault.Wrap(fault.Invalid, err, string(c.Subject)+": "+err.Error())
	}
	return nil
}

// problem says why no policy may contain c, or "".
func (c Check) problem() string {
	s := find(string(c.Subject))
	if s == nil || !s.HealthCheck() {
		_, err := ParseSubject(string(c.Subject))
		return fault.Detail(err)
	}
	if !slices.Contains(s.Actions, c.Action) {
		names := make([]string, len(s.Actions))
		for i, a := range s.Actions {
			names[i] = a.String()
		}
		return string(c.Subject) + " has the action " + c.Action.String() + "; valid are " + strings.Join(names, ", ")
	}
	switch {
	case s.Kind == KindDuration && (c.After < 0 || c.After > MaxOffline || c.After%time.Second != 0):
		return c.field(s) + " is " + c.After.String() + "; valid are whole seconds from 0 to 3650 days"
	case s.Kind == KindVersion && c.Version.IsZero():
		return c.field(s) + " is 0.0; valid is a version above that, such as 10.0.22631.3155"
	case s.Kind == KindLevel && !slices.Contains(s.Values, c.Level.String()):
		return c.field(s) + " is " + c.Level.String() + "; valid are " + strings.Join(s.Values, ", ")
	}
	return ""
}

// field names what an admin typed: the Graph property, and ours.
func (c Check) field(s *Setting) string {
	name := s.Properties[0].Name
	for _, p := range s.Properties {
		if p.Action == c.Action {
			name = p.Name
		}
	}
	return name + " (" + c.Name() + ")"
}

// restricts compares two limits of one subject and action: above 0 when c
// restricts more than d.
func (c Check) restricts(d Check) int {
	s := find(string(c.Subject))
	switch {
	case s == nil || s.Kind == KindNone:
		return 0
	case s.Kind == KindDuration:
		return cmp.Compare(d.waits(), c.waits())
	case s.Kind == KindLevel:
		return cmp.Compare(d.Level, c.Level)
	case s.Order == Higher:
		return c.Version.Compare(d.Version)
	}
	return d.Version.Compare(c.Version)
}

// waits is After, except that a wipe after 0 never comes.
func (c Check) waits() time.Duration {
	if c.Action == Wipe && c.After == 0 {
		return MaxOffline + 1
	}
	return c.After
}

// only returns c without limits that do not count for its subject, so that equal
// checks are equal values.
func (c Check) only() Check {
	out := Check{Subject: c.Subject, Action: c.Action}
	if s := find(string(c.Subject)); s != nil {
		switch s.Kind {
		case KindDuration:
			out.After = c.After
		case KindVersion:
			out.Version = c.Version
		case KindLevel:
			out.Level = c.Level
		case KindNone, KindChoice, KindSwitch:
		}
	}
	return out
}
