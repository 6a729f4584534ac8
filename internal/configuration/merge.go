package configuration

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/targeting"
)

// Target is whom and what policies are merged for.
type Target struct {
	App      directory.PackageID
	Audience targeting.Audience
	Person   Person
}

// Effective is what applies to one user and app after all policies merged.
type Effective struct {
	Settings  []EffectiveSetting // sorted by name
	Conflicts []Conflict         // sorted by name
	Policies  []PolicyID         // every policy that took part, sorted
	ETag      string             // changes exactly when Settings, their sources apart, or Policies change
}

// EffectiveSetting is one setting as the app gets it, tokens expanded.
type EffectiveSetting struct {
	Name   string
	Value  string
	Source PolicyID // which policy decided
	Typed  bool     // Value is JSON text of a key of the catalogue; otherwise it is what the administrator wrote
}

// Conflict is one name for which policies say different things.
type Conflict struct {
	Name   string
	Claims []Claim // the one that won first
	Winner PolicyID
}

// Claim is what one policy says.
type Claim struct {
	Policy PolicyID
	Value  string // tokens expanded
}

// claim is one setting of one policy with what decides among several.
type claim struct {
	EffectiveSetting
	priority int
}

// Merge returns what applies to a target, or nil when no policy is for it.
//
// Policies that say the same for a name agree. Where they do not, the policy with
// the smallest Priority decides, of several such the one with the smallest
// identifier, and the conflict is reported: always the same one, in whatever order
// policies come. Values are compared as the person gets them, tokens expanded.
//
// A policy counts when it certainly targets the audience. There is no stricter of
// two configurations, so that one in doubt can neither be given nor be kept back
// for safety; what protects data is app protection.
func Merge(policies []Policy, t Target) *Effective {
	var taking []*Policy
	for i := range policies {
		if p := &policies[i]; slices.Contains(p.Apps, t.App) && targeting.Matches(p.Assignments, t.Audience) {
			taking = append(taking, p)
		}
	}
	if len(taking) == 0 {
		return nil
	}
	e := &Effective{}
	var claims []claim
	for _, p := range taking {
		e.Policies = append(e.Policies, p.ID)
		claims = p.claims(claims, t.Person)
	}
	slices.Sort(e.Policies)
	e.Policies = slices.Compact(e.Policies)
	slices.SortFunc(claims, stronger)
	for len(claims) > 0 {
		n := 1
		for n < len(claims) && claims[n].Name == claims[0].Name {
			n++
		}
		e.settle(claims[:n])
		claims = claims[n:]
	}
	e.ETag = e.hash()
	return e
}

// claims appends what p says, as the person gets it, to list.
func (p *Policy) claims(list []claim, person Person) []claim {
	for _, settings := range [...][]Setting{p.Catalog, p.Settings} {
		for _, s := range settings {
			list = append(list, claim{p.effective(s, person), p.Priority})
		}
	}
	return list
}

// effective returns one setting as the person gets it. A value that the catalogue
// refuses, because it became stricter since the policy was saved, stays as it was
// written: the app can tell, and nobody wonders where it went.
func (p *Policy) effective(s Setting, person Person) EffectiveSetting {
	if k := find(s.Name); k != nil {
		if value, err := k.Parse(s.Value); err == nil {
			return EffectiveSetting{Name: k.Name, Value: expandJSON(value, person), Source: p.ID, Typed: true}
		}
		return EffectiveSetting{Name: k.Name, Value: Expand(s.Value, person), Source: p.ID}
	}
	return EffectiveSetting{Name: s.Name, Value: Expand(s.Value, person), Source: p.ID}
}

// stronger sorts claims by name, then by what decides. The value comes last, for
// policies that nobody validated.
func stronger(a, b claim) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.priority, b.priority), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Value, b.Value))
}

// settle takes the first of the claims on one name and reports the others when
// they differ.
func (e *Effective) settle(claims []claim) {
	winner := claims[0].EffectiveSetting
	e.Settings = append(e.Settings, winner)
	if !slices.ContainsFunc(claims, func(c claim) bool { return c.Value != winner.Value }) {
		return
	}
	conflict := Conflict{Name: winner.Name, Winner: winner.Source}
	for _, c := range claims {
		conflict.Claims = append(conflict.Claims, Claim{c.Source, c.Value})
	}
	e.Conflicts = append(e.Conflicts, conflict)
}

func (e *Effective) hash() string {
	var text []byte
	for _, s := range e.Settings {
		text = append(strconv.AppendQuote(text, s.Name), '=')
		text = append(strconv.AppendQuote(text, s.Value), ' ')
		text = append(strconv.AppendBool(text, s.Typed), '\n')
	}
	for _, id := range e.Policies {
		text = append(strconv.AppendQuote(text, string(id)), '\n')
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}
