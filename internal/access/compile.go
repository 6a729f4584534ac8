package access

import (
	"cmp"
	"slices"

	"github.com/postern-mam/postern/internal/directory"
)

// A mask is a set of controls, client app types or platforms.
type mask uint8

const (
	blockBit mask = 1 << iota
	mfaBit
	deviceBit
	applicationBit
)

// controls are in prompt order: the bit of controls[i] is 1<<i.
var controls = [...]Control{Block, MFA, CompliantDevice, CompliantApplication}

// conditions are what a policy may fail to match; the bit of conditions[i] is 1<<i.
var conditions = [...]string{"users", "applications", "clientAppTypes", "platforms"}

const (
	usersBit mask = 1 << iota
	applicationsBit
	clientsBit
	platformsBit
)

// clientAppTypes and platforms have bit 1<<(i+1); bit 0 is what nobody knows.
var (
	clientAppTypes = [...]ClientAppType{Browser, MobileAndDesktop, ExchangeActiveSync, OtherClients}
	platforms      = [...]Platform{Android, IOS, Windows, WindowsPhone, MacOS, Linux}
)

const everything mask = 0xff

// Set is a compiled set of policies. It never changes and may be shared by
// goroutines. The zero value holds no policy; a nil Set denies.
type Set struct {
	policies []compiled // in identifier order
	users    map[directory.UserID][]mark
	groups   map[directory.GroupID][]mark
	apps     map[directory.AppID][]mark

	// Every subset of controls and of conditions, so that Evaluate shares them
	// instead of allocating.
	subsets    [1 << len(controls)][]Control
	mismatches [1 << len(conditions)][]string
}

// compiled is one policy without the lists that the indexes hold.
type compiled struct {
	id          PolicyID
	displayName string
	state       State
	allUsers    bool
	noUsers     bool
	allApps     bool
	noApps      bool
	clients     mask
	platforms   mask
	demanded    mask
	either      bool // the operator is Or
	enforced    []Control
}

// mark says that an identifier is included in, or excluded from, a policy.
type mark struct {
	policy  int
	exclude bool
}

// Compile prepares policies for evaluation. It keeps no reference to them.
//
// Validate refuses what is not evaluated, so Compile meets an unknown word only
// in data that a newer version wrote. Such a word never loosens: an unknown
// control blocks, an unknown platform or client app type includes every one,
// an unknown state enforces, an unknown operator means And.
func Compile(policies []Policy) *Set {
	sorted := slices.Clone(policies)
	slices.SortStableFunc(sorted, func(a, b Policy) int { return cmp.Compare(a.ID, b.ID) })
	s := &Set{
		policies: make([]compiled, len(sorted)),
		users:    map[directory.UserID][]mark{},
		groups:   map[directory.GroupID][]mark{},
		apps:     map[directory.AppID][]mark{},
	}
	for i := range s.subsets {
		s.subsets[i] = subset(controls[:], i)
	}
	for i := range s.mismatches {
		s.mismatches[i] = subset(conditions[:], i)
	}
	for i, p := range sorted {
		s.policies[i] = compile(p)
		if p.State != Disabled {
			s.index(i, p.Conditions)
		}
	}
	return s
}

func compile(p Policy) compiled {
	c := compiled{
		id: p.ID, displayName: p.DisplayName, state: p.State,
		allUsers: p.Conditions.Users.All, noUsers: p.Conditions.Users.None,
		allApps: p.Conditions.Apps.All, noApps: p.Conditions.Apps.None,
		clients:   everything,
		platforms: everything,
		either:    p.Grant.Operator == Or,
	}
	if types := p.Conditions.ClientAppTypes; len(types) > 0 {
		c.clients = included(clientAppTypes[:], types)
	}
	if on := p.Conditions.Platforms; on != nil {
		if len(on.Include) > 0 {
			c.platforms = included(platforms[:], on.Include)
		}
		for _, x := range on.Exclude {
			if x == AllPlatforms {
				c.platforms = 0
			} else if i := slices.Index(platforms[:], x); i >= 0 {
				c.platforms &^= bit(i + 1)
			}
		}
	}
	for _, control := range p.Grant.Controls {
		c.demanded |= bit(max(0, slices.Index(controls[:], control))) // index 0 is block
	}
	c.enforced = slices.Clone(p.Grant.Controls)
	slices.SortStableFunc(c.enforced, func(a, b Control) int {
		return cmp.Compare(slices.Index(controls[:], a), slices.Index(controls[:], b))
	})
	c.enforced = slices.Clip(slices.Compact(c.enforced))
	return c
}

// index notes who and what policy i names. An app that is both included and
// excluded is excluded here already; a repeated name counts once.
func (s *Set) index(i int, c Conditions) {
	put(s.users, c.Users.Include, mark{policy: i})
	put(s.users, c.Users.Exclude, mark{policy: i, exclude: true})
	put(s.groups, c.Users.IncludeGroups, mark{policy: i})
	put(s.groups, c.Users.ExcludeGroups, mark{policy: i, exclude: true})
	if c.Apps.All {
		put(s.apps, c.Apps.Exclude, mark{policy: i, exclude: true})
		return
	}
	put(s.apps, slices.DeleteFunc(slices.Clone(c.Apps.Include), func(app directory.AppID) bool {
		return slices.Contains(c.Apps.Exclude, app)
	}), mark{policy: i})
}

func put[ID comparable](index map[ID][]mark, ids []ID, m mark) {
	for _, id := range ids {
		if !slices.Contains(index[id], m) {
			index[id] = append(index[id], m)
		}
	}
}

// included returns the bits of words among known. "all", and a word that is not
// known, stand for everything.
func included[W ~string](known, words []W) mask {
	var m mask
	for _, w := range words {
		i := slices.Index(known, w)
		if i < 0 {
			return everything
		}
		m |= bit(i + 1)
	}
	return m
}

// subset returns the words whose bits are in m, without room to append.
func subset[W any](words []W, m int) []W {
	var out []W
	for i, w := range words {
		if m&(1<<i) != 0 {
			out = append(out, w)
		}
	}
	return slices.Clip(out)
}

func bit(i int) mask { return 1 << i }
