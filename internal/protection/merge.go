package protection

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/targeting"
)

// WithDefaults returns s with every setting configured: what is not configured
// reads as the catalogue's default, and an offline grace period without a row
// for an action gets the default row (block after 720 minutes, wipe after 90
// days). Checks come in the order of the catalogue, then of severity. s itself
// stays as it is.
func (s Settings) WithDefaults() Settings {
	var out Settings
	for i := range catalogue {
		entry := &catalogue[i]
		if !entry.HealthCheck() {
			_ = entry.Set(&out, entry.Value(s)) // a value of the catalogue is always valid
		}
	}
	out.Checks = make([]Check, 0, len(s.Checks)+2)
	for _, c := range s.Checks {
		out.Checks = append(out.Checks, c.only())
	}
	for i := range catalogue {
		for _, row := range catalogue[i].Rows {
			if !slices.ContainsFunc(s.Checks, func(c Check) bool { return c.Subject == row.Subject && c.Action == row.Action }) {
				out.Checks = append(out.Checks, row)
			}
		}
	}
	slices.SortStableFunc(out.Checks, inOrder)
	return out
}

// inOrder sorts by catalogue, then by severity.
func inOrder(a, b Check) int {
	return cmp.Or(cmp.Compare(place(a.Subject), place(b.Subject)), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Action, b.Action))
}

func place(s Subject) int {
	for i := range catalogue {
		if catalogue[i].Name == string(s) {
			return i
		}
	}
	return len(catalogue)
}

// Target is the app instance that policies are asked about.
type Target struct {
	Platform string // as registered: "windows"
	App      directory.PackageID
	Audience targeting.Audience // its user and what filters read of it
}

// Merge returns what applies to t, or nil when no policy targets it. A policy
// takes only app instances of its own platform.
//
// Per setting the most restrictive value wins, and per health check and action
// the most restrictive limit, whatever the order of policies. Every policy
// speaks with its defaults, so that one more policy never loosens anything. Of
// equal values the policy with the smallest identifier is named as the source.
// A limit keeps its own action: a policy that blocks at low and one that wipes at
// high make "block at low, wipe at high", and nothing is wiped that no admin
// wanted wiped.
//
// A policy that may target t, because its filter cannot be asked, joins those
// that do and protects nobody alone.
func Merge(policies []Policy, t Target) *Effective {
	taking := joining(policies, t)
	if len(taking) == 0 {
		return nil
	}
	e := &Effective{Sources: make(map[string]PolicyID, 2*len(catalogue)), Policies: make([]PolicyID, 0, len(taking))}
	for _, p := range taking {
		e.Policies = append(e.Policies, p.ID)
		e.take(p.ID, p.Settings.WithDefaults())
	}
	e.Policies = slices.Compact(e.Policies)
	e.finish()
	return e
}

// joining returns the policies that join for t, in the order of identifiers, or
// nothing when none targets it for certain.
func joining(policies []Policy, t Target) []*Policy {
	var all []*Policy
	certain := false
	for i := range policies {
		p := &policies[i]
		if cmp.Or(p.Platform, Windows) != t.Platform || !slices.Contains(p.Apps, t.App) {
			continue
		}
		if reach := targeting.Reaches(p.Assignments, t.Audience); reach != targeting.Untargeted {
			all, certain = append(all, p), certain || reach == targeting.Targeted
		}
	}
	if !certain {
		return nil
	}
	slices.SortFunc(all, func(a, b *Policy) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// take merges the settings of one policy, with defaults, into e.
func (e *Effective) take(id PolicyID, s Settings) {
	for i := range catalogue {
		entry := &catalogue[i]
		if entry.HealthCheck() {
			continue
		}
		value := entry.Value(s)
		rank := slices.Index(entry.Values, value)
		if _, decided := e.Sources[entry.Name]; !decided || rank > slices.Index(entry.Values, entry.Value(e.Settings)) {
			_ = entry.Set(&e.Settings, value) // a value of the catalogue is always valid
			e.Sources[entry.Name] = id
		}
	}
	for _, c := range s.Checks {
		i := slices.IndexFunc(e.Settings.Checks, func(d Check) bool { return d.Subject == c.Subject && d.Action == c.Action })
		switch {
		case i < 0:
			e.Settings.Checks = append(e.Settings.Checks, c)
		case c.restricts(e.Settings.Checks[i]) > 0:
			e.Settings.Checks[i] = c
		default:
			continue
		}
		e.Sources[c.Name()] = id
	}
}

// finish drops rows that a severer one makes pointless where only one row makes
// sense, names the sources of subjects, and seals it all with the ETag.
func (e *Effective) finish() {
	all := slices.Clone(e.Settings.Checks)
	e.Settings.Checks = slices.DeleteFunc(e.Settings.Checks, func(c Check) bool {
		s := find(string(c.Subject))
		pointless := s != nil && s.Single && slices.ContainsFunc(all, func(d Check) bool {
			return d.Subject == c.Subject && d.Action > c.Action && d.restricts(c) >= 0
		})
		if pointless {
			delete(e.Sources, c.Name())
		}
		return pointless
	})
	slices.SortFunc(e.Settings.Checks, inOrder)
	for _, c := range e.Settings.Checks { // the severest row of a subject comes last
		e.Sources[string(c.Subject)] = e.Sources[c.Name()]
	}
	e.ETag = e.hash()
}

func (e *Effective) hash() string {
	text := make([]byte, 0, 1024)
	for i := range catalogue {
		if !catalogue[i].HealthCheck() {
			text = append(append(text, catalogue[i].Value(e.Settings)...), '\n')
		}
	}
	for _, c := range e.Settings.Checks {
		text = append(append(text, c.Name()...), '=')
		text = append(append(text, c.Limit()...), '\n')
	}
	for _, id := range e.Policies {
		text = append(strconv.AppendQuote(text, string(id)), '\n')
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}
