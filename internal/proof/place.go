package proof

import (
	"net/netip"
	"slices"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/location"
)

// places are the addresses and countries that named locations tell apart. An
// address and its country are chosen apart: where an address lies is a claim of
// whoever made the file.
func (x *search) places() dimension {
	all := x.set.Rules().Locations
	index := location.NewIndex(all)
	wanted := func(ip netip.Addr, country string) bool {
		in := index.Find(ip, country, nil)
		is := func(some []location.ID) bool {
			return slices.ContainsFunc(in, func(place int32) bool { return slices.Contains(some, all[place].ID) })
		}
		return (len(x.q.Locations) == 0 || is(x.q.Locations)) && !is(x.q.NotLocations)
	}
	var out dimension
	for _, country := range countries(all, index) {
		for _, ip := range addresses(all, index) {
			if wanted(ip, country) {
				out = append(out, x.lets(access.OfLocations, func(f *access.Facts) { f.IP, f.Country = ip, country }))
			}
		}
	}
	return out
}

// addresses are one for every set of locations that has any. Between the ends of
// two ranges nothing changes, so that the beginnings, and what comes after the
// last of a range, are all there is.
func addresses(all []location.Location, index *location.Index) []netip.Addr {
	some := []netip.Addr{
		netip.AddrFrom4([4]byte{203, 0, 113, 7}), // of no network (RFC 5737)
		{}, netip.IPv4Unspecified(), netip.IPv6Unspecified(),
	}
	for _, l := range all {
		for _, r := range l.Ranges {
			if r = r.Masked(); r.IsValid() {
				some = append(some, r.Addr())
				if after := last(r).Next(); after.IsValid() {
					some = append(some, after)
				}
			}
		}
	}
	return apiece(some, func(ip netip.Addr) []int32 { return index.Find(ip, "-", nil) })
}

// apiece keeps the first of those that lie in the same locations.
func apiece[T any](some []T, find func(T) []int32) []T {
	seen := map[string]bool{}
	return slices.DeleteFunc(some, func(v T) bool {
		k := policies{}
		for _, place := range slices.Sorted(slices.Values(find(v))) {
			k = append(k, uint64(place))
		}
		known := seen[key(0, k)]
		seen[key(0, k)] = true
		return known
	})
}

// last is the last address of a range.
func last(r netip.Prefix) netip.Addr {
	b := r.Addr().AsSlice()
	for bit := r.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	ip, _ := netip.AddrFromSlice(b)
	return ip
}

// countries are the ones that locations name, one that none names, and none.
func countries(all []location.Location, index *location.Index) []string {
	var named []string
	for _, l := range all {
		for _, c := range l.Countries {
			if !slices.Contains(named, c) {
				named = append(named, c)
			}
		}
	}
	out := []string{""}
	if len(named) == 0 {
		return out
	}
	for a := 'A'; a <= 'Z' && len(out) == 1; a++ {
		for b := 'A'; b <= 'Z' && len(out) == 1; b++ {
			if c := string(a) + string(b); location.Country(c) && !slices.Contains(named, c) {
				out = append(out, c)
			}
		}
	}
	return apiece(append(out, named...), func(c string) []int32 { return index.Find(netip.Addr{}, c, nil) })
}
