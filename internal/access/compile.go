package access

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// Engine numbers the meaning of facts and rules: a release that decides anything
// differently counts it up.
const Engine = 2

// Rules are everything that decisions in a tenant are made by. As JSON they are
// what recorded decisions are made anew by.
type Rules struct {
	Engine    int
	Policies  []Policy
	Locations []location.Location `json:",omitempty"`
	Strengths []strength.Strength `json:",omitempty"` // the built-in ones among them
	// DenyUncovered refuses what no enabled policy applies to.
	DenyUncovered bool `json:",omitempty"`
}

// SetID names a set of rules by its content: the same rules have the same name.
type SetID string

// Set is a compiled set of rules. It never changes and may be shared by
// goroutines. The zero value holds no policy; a nil Set denies.
type Set struct {
	id       SetID
	rules    Rules
	policies []compiled // in the order of identifiers
	words    int        // of a bit per policy

	people    targets[directory.UserID]
	groups    targets[directory.GroupID]
	roles     targets[directory.RoleTemplateID]
	workloads targets[directory.AppID]
	apps      targets[directory.AppID]
	appGroups targets[AppGroup]
	actions   targets[UserAction]
	contexts  targets[ContextID]
	guests    []guestMark
	places    targets[int32] // by place of the location in index
	index     *location.Index
	trusted   []bool // by place of the location in index

	live         []uint64 // not disabled
	everyone     []uint64 // includeUsers: All
	forWorkloads []uint64 // all of the tenant
	everyApp     []uint64
	anywhere     []uint64 // without a condition on locations, or for any address
	allTrusted   []uint64
	noTrusted    []uint64
	unfiltered   []uint64 // without a device filter

	clients   [len(clientAppTypes) + 1][]uint64
	platforms [len(platforms) + 1][]uint64
	signIn    [len(risks) + 1][]uint64
	user      [len(risks) + 1][]uint64
	insider   [len(risks) + 1][]uint64
	workload  [len(risks) + 1][]uint64
	transfers [4][]uint64

	deviceRules []ruleMark
	appRules    []ruleMark
}

// compiled is one policy, as decisions read it.
type compiled struct {
	source   *Policy
	demanded Controls // session controls among them
	either   bool     // the operator is Or
	strength strength.Strength
}

// ruleMark is a distinct rule with the policies that use it.
type ruleMark struct {
	rule    devicefilter.Rule
	include []uint64
	exclude []uint64
}

// guestMark is one policy's choice of guests.
type guestMark struct {
	policy  int
	exclude bool
	guests  Guests
}

// ID names the set by its content.
func (s *Set) ID() SetID { return s.id }

// Rules returns what the set was compiled from. It is not to be changed.
func (s *Set) Rules() Rules { return s.rules }

// Len is the number of policies.
func (s *Set) Len() int { return len(s.policies) }

// Policy returns the policy at a place. It is not to be changed.
func (s *Set) Policy(place int) *Policy { return s.policies[place].source }

// Compile prepares rules for evaluation. It keeps the policies, which must not
// change any more.
//
// Validate refuses what is not evaluated, so Compile meets an unknown word only
// in data that a newer version wrote. Such a word never loosens: an unknown
// control blocks, an unknown platform, client app type or risk includes every
// one, a rule that cannot be read takes everybody in and leaves nobody out, an
// unknown state enforces, an unknown operator means And.
func Compile(r Rules) *Set {
	r.Engine = Engine
	r.Policies = slices.Clone(r.Policies)
	slices.SortStableFunc(r.Policies, func(a, b Policy) int { return cmp.Compare(a.ID, b.ID) })
	s := &Set{rules: r, policies: make([]compiled, len(r.Policies)), words: (len(r.Policies) + 63) / 64, index: location.NewIndex(r.Locations)}
	s.id = identify(r)
	s.trusted = make([]bool, len(r.Locations))
	places := map[location.ID]int32{}
	for i, l := range r.Locations {
		s.trusted[i], places[l.ID] = l.Trusted, int32(i)
	}
	s.columns()
	for i := range r.Policies {
		p := &r.Policies[i]
		s.policies[i] = s.compile(p)
		if p.State == Disabled {
			continue
		}
		set(s.live, i)
		s.markUsers(i, p.Conditions.Users)
		s.markWorkloads(i, p.Conditions.Workloads)
		s.markApps(i, p.Conditions.Apps)
		s.markLocations(i, p.Conditions.Locations, places)
		s.markWords(i, p.Conditions)
		s.markDevices(i, p.Conditions.Device)
	}
	return s
}

// identify hashes rules. Instants and revisions that decide nothing are part of
// them: a set is named by what it was, not by what it does.
func identify(r Rules) SetID {
	doc, _ := json.Marshal(r) // plain data
	sum := sha256.Sum256(doc)
	return SetID(hex.EncodeToString(sum[:16]))
}

func (s *Set) bits() []uint64 { return make([]uint64, s.words) }

func set(b []uint64, i int) { b[i/64] |= 1 << (i % 64) }

// columns makes room for the answers that depend on one word of the facts.
func (s *Set) columns() {
	for _, b := range []*[]uint64{
		&s.live, &s.everyone, &s.forWorkloads, &s.everyApp, &s.anywhere, &s.allTrusted, &s.noTrusted, &s.unfiltered,
	} {
		*b = s.bits()
	}
	for _, columns := range [][][]uint64{
		s.clients[:], s.platforms[:], s.signIn[:], s.user[:], s.insider[:], s.workload[:], s.transfers[:],
	} {
		for i := range columns {
			columns[i] = s.bits()
		}
	}
}

func (s *Set) compile(p *Policy) compiled {
	c := compiled{source: p, either: p.Grant.Operator == Or}
	for _, control := range p.Grant.Controls {
		bit := ControlsOf(control)
		if bit == 0 {
			bit = blockBit
		}
		c.demanded |= bit
	}
	if len(p.Grant.Terms) > 0 {
		c.demanded |= termsBit
	}
	if p.Grant.Strength != "" {
		c.demanded |= strengthBit
		if i := slices.IndexFunc(s.rules.Strengths, func(k strength.Strength) bool { return k.ID == p.Grant.Strength }); i >= 0 {
			c.strength = s.rules.Strengths[i]
		}
	}
	if n := p.Session; n != nil {
		if n.Frequency != nil && !n.Frequency.Disabled {
			c.demanded |= freshBit
		}
		if n.TokenProtection == On {
			c.demanded |= boundBit
		}
	}
	return c
}

// atOnce is how fresh a sign-in must be where a policy wants one every time
// (Microsoft documents five minutes, so that nobody is asked twice in a row).
const atOnce = 5 * time.Minute

// putOff is how long the question for a fresh sign-in waits for somebody to be asked.
const putOff = time.Hour

// skew is how far a sign-in may lie in the future: clocks of replicas differ.
const skew = time.Minute
