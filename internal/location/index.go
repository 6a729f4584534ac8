package location

import (
	"cmp"
	"net/netip"
	"slices"
)

// Index finds the locations that an address lies in. It never changes and may be
// shared by goroutines.
//
// Of two prefixes either one encloses the other or they have nothing in common,
// so the ranges of all locations form trees. They are kept in the order of their
// first addresses: the last that begins at an address or before it encloses that
// address, or one of those that enclose it does.
type Index struct {
	nodes     []node
	places    []int32 // of locations, a run of them for each node
	countries map[string][]int32
	unknown   []int32 // where the address of no known country lies, too
}

// node is a range, once, however many locations have it.
type node struct {
	prefix   netip.Prefix
	parent   int32 // the smallest range around it; -1: none
	from, to int32 // the places of the locations that no range around it has
}

// NewIndex prepares locations for Find, which names them by their place here.
func NewIndex(locations []Location) *Index {
	x := &Index{countries: map[string][]int32{}}
	var all []entry
	for i, l := range locations {
		place := int32(i)
		for _, r := range l.Ranges {
			if r.IsValid() {
				all = append(all, entry{r.Masked(), place})
			}
		}
		if len(l.Ranges) > 0 {
			continue
		}
		if l.UnknownCountries {
			x.unknown = append(x.unknown, place)
		}
		for _, c := range l.Countries {
			if in := x.countries[c]; c != "" && !slices.Contains(in, place) {
				x.countries[c] = append(in, place)
			}
		}
	}
	x.plant(all, len(locations))
	return x
}

// entry is one range of one location.
type entry struct {
	prefix netip.Prefix
	place  int32
}

// plant grows the trees. A location is named once on the way from a range to the
// outermost around it, so that Find meets it once.
func (x *Index) plant(all []entry, locations int) {
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()), cmp.Compare(a.place, b.place))
	})
	named := make([]bool, locations)
	top := int32(-1) // the innermost range that is still open
	for _, e := range all {
		for top >= 0 && !x.nodes[top].prefix.Contains(e.prefix.Addr()) {
			for _, place := range x.places[x.nodes[top].from:x.nodes[top].to] {
				named[place] = false
			}
			top = x.nodes[top].parent
		}
		if named[e.place] {
			continue // its own wider range says so
		}
		named[e.place] = true
		x.places = append(x.places, e.place)
		end := int32(len(x.places))
		if top >= 0 && x.nodes[top].prefix == e.prefix {
			x.nodes[top].to = end
			continue
		}
		x.nodes = append(x.nodes, node{prefix: e.prefix, parent: top, from: end - 1, to: end})
		top = int32(len(x.nodes) - 1)
	}
}

// Find appends to found the places of all locations that the address or country
// lies in, each once, in no particular order, and returns it. An IPv4 address
// written as IPv6 counts as IPv4; a zone does not count. The zero address lies in
// no range; country "" is an unknown one. It allocates only where found is too
// short.
func (x *Index) Find(ip netip.Addr, country string, found []int32) []int32 {
	ip = ip.Unmap().WithZone("")
	at := x.last(ip)
	for at >= 0 && !x.nodes[at].prefix.Contains(ip) {
		at = x.nodes[at].parent
	}
	for ; at >= 0; at = x.nodes[at].parent {
		found = append(found, x.places[x.nodes[at].from:x.nodes[at].to]...)
	}
	if country == "" {
		return append(found, x.unknown...)
	}
	return append(found, x.countries[country]...)
}

// last is the last range that begins at ip or before it; -1: none does.
func (x *Index) last(ip netip.Addr) int32 {
	low, high := 0, len(x.nodes)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if x.nodes[middle].prefix.Addr().Compare(ip) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return int32(low) - 1
}
