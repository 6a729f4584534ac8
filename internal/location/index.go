package location

import "net/netip"

// Index finds the locations that an address lies in. It never changes and may be
// shared by goroutines.
type Index struct {
	locations []Location
}

// NewIndex prepares locations for Find, which names them by their place here.
func NewIndex(locations []Location) *Index { return &Index{locations: locations} }

// Find appends to found the places of all locations that the address or country
// lies in, each once, and returns it. An IPv4 address written as IPv6 counts as
// IPv4. The zero address lies in no range; country "" is an unknown one.
func (x *Index) Find(ip netip.Addr, country string, found []int32) []int32 {
	ip = ip.Unmap().WithZone("")
	for i, l := range x.locations {
		if l.holds(ip, country) {
			found = append(found, int32(i))
		}
	}
	return found
}

func (l Location) holds(ip netip.Addr, country string) bool {
	for _, r := range l.Ranges {
		if r.Contains(ip) {
			return true
		}
	}
	if len(l.Ranges) > 0 {
		return false
	}
	if country == "" {
		return l.UnknownCountries
	}
	for _, c := range l.Countries {
		if c == country {
			return true
		}
	}
	return false
}
