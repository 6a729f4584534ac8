// Package peers decides the same sign-ins by Postern's evaluator and by four
// policy engines that anybody could use instead, so that they can be compared.
//
// It is a module of its own: none of its dependencies is one of the product's.
package peers

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// The controls that policies demand.
const (
	block     = "block"
	mfa       = "mfa"
	device    = "compliantDevice"
	protected = "compliantApplication"
)

// Policy is a Conditional Access policy, with what every engine here can say.
// Empty lists restrict nothing, but one: a policy that is not for everybody is for
// its groups.
type Policy struct {
	ID         string
	Everybody  bool
	Groups     []string // one of them
	NotGroups  []string // none of them
	AllApps    bool
	Apps       []string
	Clients    []string
	Platforms  []string
	Risks      []string
	NotTrusted bool // not from the office
	Either     bool // one of the controls is enough
	Controls   []string
}

// SignIn is somebody on the way in.
type SignIn struct {
	User     string
	Groups   []string
	App      string
	Client   string
	Platform string
	IP       string
	Trusted  bool // IP lies in the office
	Risk     string
	Has      []string // the controls that are met
}

// Outcome is what becomes of a sign-in.
type Outcome uint8

// The outcomes.
const (
	Granted   Outcome = iota
	Challenge         // a second factor is missing, and nothing else
	Denied
)

const (
	groupCount = 500
	appCount   = 40
	perUser    = 50
)

func pick(r *rand.Rand, prefix string, of, n int) []string {
	var out []string
	for len(out) < n {
		if v := fmt.Sprintf("%s%03d", prefix, r.IntN(of)); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func some(r *rand.Rand, from ...string) []string {
	out := []string{from[r.IntN(len(from))]}
	for _, v := range from {
		if r.IntN(3) == 0 && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// Policies are n policies, the same every time.
func Policies(n int) []Policy {
	r := rand.New(rand.NewPCG(7, 7))
	var out []Policy
	for i := range n {
		p := Policy{ID: fmt.Sprintf("p%04d", i)}
		if p.Everybody = r.IntN(10) < 3; p.Everybody {
			p.NotGroups = pick(r, "g", groupCount, 1+r.IntN(3))
		} else if p.Groups = pick(r, "g", groupCount, 1+r.IntN(3)); r.IntN(2) == 0 {
			p.NotGroups = pick(r, "g", groupCount, 1)
		}
		if p.AllApps = r.IntN(10) < 2; !p.AllApps {
			p.Apps = pick(r, "a", appCount, 1+r.IntN(4))
		}
		if r.IntN(2) == 0 {
			p.Clients = some(r, "browser", "mobileAppsAndDesktopClients", "other")
		}
		if r.IntN(3) == 0 {
			p.Platforms = some(r, "windows", "macOS", "linux", "iOS", "android")
		}
		if r.IntN(5) == 0 {
			p.Risks = some(r, "medium", "high")
		}
		p.NotTrusted = r.IntN(4) == 0
		switch r.IntN(12) {
		case 0:
			p.Controls, p.Risks = []string{block}, []string{"high"}
		case 1, 2:
			p.Controls, p.Either = []string{protected, device}, true
		case 3:
			p.Controls = []string{mfa, device}
		case 4:
			p.Controls, p.Either = []string{mfa, protected}, true
		default:
			p.Controls = []string{mfa}
		}
		out = append(out, p)
	}
	return out
}

// Padded adds policies that apply to nobody here, so that the same few apply.
func Padded(policies []Policy, n int) []Policy {
	out := slices.Clone(policies)
	for i := len(out); i < n; i++ {
		p := policies[i%len(policies)]
		p.ID, p.Everybody, p.Groups = fmt.Sprintf("p%04d", i), false, []string{fmt.Sprintf("other%04d", i)}
		out = append(out, p)
	}
	return out
}

// SignIns are n sign-ins, the same every time.
func SignIns(n int) []SignIn {
	r := rand.New(rand.NewPCG(11, 11))
	var out []SignIn
	for i := range n {
		s := SignIn{
			User: fmt.Sprintf("u%05d", i), Groups: pick(r, "g", groupCount, perUser), App: fmt.Sprintf("a%03d", r.IntN(appCount)),
			Client:   []string{"browser", "browser", "mobileAppsAndDesktopClients"}[r.IntN(3)],
			Platform: []string{"windows", "windows", "macOS", "linux", "iOS", "android"}[r.IntN(6)],
			Risk:     []string{"none", "none", "none", "none", "low", "medium", "high"}[r.IntN(7)], Trusted: r.IntN(3) == 0,
		}
		s.IP = fmt.Sprintf("203.0.113.%d", r.IntN(256))
		if s.Trusted {
			s.IP = fmt.Sprintf("198.51.100.%d", r.IntN(256))
		}
		if r.IntN(3) > 0 {
			s.Has = append(s.Has, mfa)
		}
		if r.IntN(3) > 0 {
			s.Has = append(s.Has, protected)
		}
		if r.IntN(3) > 0 {
			s.Has = append(s.Has, device)
		}
		out = append(out, s)
	}
	return out
}

// satisfied reports whether the controls of a policy are met by those that hold.
func (p *Policy) satisfied(has []string) bool {
	for _, c := range p.Controls {
		if slices.Contains(has, c) == p.Either {
			return p.Either
		}
	}
	return !p.Either
}

// outcome follows from the policies that are not satisfied: a second factor can be
// shown, the rest cannot be had inside of a sign-in.
func outcome(failing []*Policy, has []string) Outcome {
	o := Granted
	for _, p := range failing {
		if !p.satisfied(append(slices.Clone(has), mfa)) {
			return Denied
		}
		o = Challenge
	}
	return o
}

// Answer is what an engine says about a sign-in.
type Answer struct {
	Outcome Outcome
	Failing []string // the policies that are not satisfied, in order; nil from an engine that does not tell
}

// Engine decides sign-ins. Whatever can be made ready is ready.
type Engine interface {
	Name() string
	// Decide decides the sign-in with a number, and keeps nothing but a verdict.
	Decide(i int)
	// Answer decides it and says everything.
	Answer(i int) Answer
}
