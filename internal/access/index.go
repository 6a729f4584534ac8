package access

import (
	"slices"

	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
)

// mark says that something is included in, or excluded from, a policy.
type mark struct {
	word    int32
	exclude bool
	bit     uint64
}

// targets finds the policies that name something.
type targets[ID comparable] map[ID][]mark

func (t *targets[ID]) put(ids []ID, policy int, exclude bool) {
	if len(ids) > 0 && *t == nil {
		*t = targets[ID]{}
	}
	for _, id := range ids {
		(*t)[id] = append((*t)[id], mark{int32(policy / 64), exclude, 1 << (policy % 64)})
	}
}

// gather adds what the policies say that name id.
func (t targets[ID]) gather(id ID, include, exclude []uint64) {
	for _, m := range t[id] {
		if m.exclude {
			exclude[m.word] |= m.bit
		} else {
			include[m.word] |= m.bit
		}
	}
}

func (s *Set) markUsers(i int, u Users) {
	if u.None {
		return
	}
	if u.All {
		set(s.everyone, i)
	}
	s.people.put(u.Include, i, false)
	s.people.put(u.Exclude, i, true)
	s.groups.put(u.IncludeGroups, i, false)
	s.groups.put(u.ExcludeGroups, i, true)
	s.roles.put(u.IncludeRoles, i, false)
	s.roles.put(u.ExcludeRoles, i, true)
	every := Guests{Kinds: directory.GuestKinds()}
	if u.AnyGuest {
		s.guests = append(s.guests, guestMark{i, false, every})
	}
	if u.NoGuest {
		s.guests = append(s.guests, guestMark{i, true, every})
	}
	if u.IncludeGuests != nil {
		s.guests = append(s.guests, guestMark{i, false, *u.IncludeGuests})
	}
	if u.ExcludeGuests != nil {
		s.guests = append(s.guests, guestMark{i, true, *u.ExcludeGuests})
	}
}

// match reports whether g means an external person. A guest who belongs here has
// no other home, so that a choice of home tenants does not concern him.
func (g Guests) match(kind directory.GuestKind, home directory.TenantID) bool {
	return kind != "" && slices.Contains(g.Kinds, kind) &&
		(!g.Enumerated || kind == directory.InternalGuest || slices.Contains(g.Tenants, home))
}

func (s *Set) markWorkloads(i int, w *Workloads) {
	if w == nil {
		return
	}
	if w.All {
		set(s.forWorkloads, i)
	}
	s.workloads.put(w.Include, i, false)
	s.workloads.put(w.Exclude, i, true)
}

func (s *Set) markApps(i int, a Apps) {
	if a.All {
		set(s.everyApp, i)
	}
	s.apps.put(a.Include, i, false)
	s.apps.put(a.Exclude, i, true)
	s.appGroups.put(a.IncludeGroups, i, false)
	s.appGroups.put(a.ExcludeGroups, i, true)
	s.actions.put(a.Actions, i, false)
	s.contexts.put(a.Contexts, i, false)
	if a.Filter != nil && !s.markRule(&s.appRules, i, *a.Filter, devicefilter.AppAttributes()) {
		set(s.everyApp, i)
	}
}

func (s *Set) markDevices(i int, f *Filter) {
	if f == nil || !s.markRule(&s.deviceRules, i, *f, devicefilter.ConditionalAccess()) {
		set(s.unfiltered, i)
	}
}

// markRule notes a rule, once however many policies share it, or returns false
// when it cannot be read.
func (s *Set) markRule(rules *[]ruleMark, i int, f Filter, words devicefilter.Vocabulary) bool {
	rule, err := devicefilter.Parse(f.Rule, words)
	if err != nil {
		return false
	}
	at := slices.IndexFunc(*rules, func(m ruleMark) bool { return m.rule.String() == f.Rule })
	if at < 0 {
		at = len(*rules)
		*rules = append(*rules, ruleMark{rule: rule, include: s.bits(), exclude: s.bits()})
	}
	if f.Exclude {
		set((*rules)[at].exclude, i)
	} else {
		set((*rules)[at].include, i)
	}
	return true
}

func (s *Set) markLocations(i int, l *Locations, places map[location.ID]int32) {
	if l == nil || l.All || !l.AllTrusted && len(l.Include) == 0 {
		set(s.anywhere, i)
	}
	if l == nil {
		return
	}
	if l.AllTrusted {
		set(s.allTrusted, i)
	}
	if l.ExcludeTrusted {
		set(s.noTrusted, i)
	}
	for _, id := range l.Include {
		if place, ok := places[id]; ok { // one that was deleted holds no address
			s.places.put([]int32{place}, i, false)
		}
	}
	for _, id := range l.Exclude {
		if place, ok := places[id]; ok {
			s.places.put([]int32{place}, i, true)
		}
	}
}

// What facts choose one of. Place 0 of a column is for what nobody knows, and
// word i has place i+1.
var (
	clientAppTypes = [...]ClientAppType{Browser, MobileAndDesktop, ExchangeActiveSync, OtherClients}
	platforms      = [...]Platform{Android, IOS, Windows, WindowsPhone, MacOS, Linux}
	risks          = [...]Risk{RiskNone, RiskLow, RiskMedium, RiskHigh, RiskHidden, InsiderMinor, InsiderModerate, InsiderElevated}
)

// column returns the place of a word in its columns: 0 when it is not known.
func column[W ~string](known []W, word W) int { return slices.Index(known, word) + 1 }

// markWords notes a policy in every column whose word it lets through.
func (s *Set) markWords(i int, c Conditions) {
	into(s.clients[:], i, chosen(clientAppTypes[:], c.ClientAppTypes))
	included := everyPlace
	if c.Platforms != nil {
		included = chosen(platforms[:], c.Platforms.Include)
		for _, x := range c.Platforms.Exclude {
			if x == AllPlatforms {
				included = 0
			} else if place := column(platforms[:], x); place > 0 {
				included &^= 1 << place
			}
		}
	}
	into(s.platforms[:], i, included)
	into(s.signIn[:], i, chosen(risks[:], c.SignInRisk))
	into(s.user[:], i, chosen(risks[:], c.UserRisk))
	into(s.insider[:], i, chosen(risks[:], c.InsiderRisk))
	into(s.workload[:], i, chosen(risks[:], c.WorkloadRisk))
	for mask := range s.transfers {
		if len(c.Transfer) == 0 || slices.ContainsFunc(c.Transfer, func(m TransferMethod) bool { return mask&transferBit(m) != 0 }) {
			set(s.transfers[mask], i)
		}
	}
}

const everyPlace = ^uint32(0)

// chosen returns the places of words among known. No words, "all" and a word
// that is not known stand for every place, the unknown one included.
func chosen[W ~string](known, words []W) uint32 {
	var places uint32
	for _, w := range words {
		place := column(known, w)
		if place == 0 {
			return everyPlace
		}
		places |= 1 << place
	}
	if places == 0 {
		return everyPlace
	}
	return places
}

func into(columns [][]uint64, i int, places uint32) {
	for place := range columns {
		if places&(1<<place) != 0 {
			set(columns[place], i)
		}
	}
}

// transferBit is 0 for an ordinary sign-in. A method that is not known counts as
// both: whoever blocks one of them meant it.
func transferBit(m TransferMethod) int {
	switch m {
	case "":
		return 0
	case DeviceCodeFlow:
		return 1
	case AuthenticationTransfer:
		return 2
	default:
		return 3
	}
}
