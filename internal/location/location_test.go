package location_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
)

func office(ranges ...string) location.Location {
	l := location.Location{DisplayName: "Office"}
	for _, r := range ranges {
		l.Ranges = append(l.Ranges, netip.MustParsePrefix(r))
	}
	return l
}

func lands(codes ...string) location.Location {
	return location.Location{DisplayName: "Lands", Countries: codes}
}

func found(locations []location.Location, ip, country string) []int32 {
	var a netip.Addr
	if ip != "" {
		a = netip.MustParseAddr(ip)
	}
	places := location.NewIndex(locations).Find(a, country, nil)
	slices.Sort(places)
	return places
}

func TestAnAddressLiesInEveryRangeThatHoldsIt(t *testing.T) {
	all := []location.Location{
		0: office("203.0.113.0/24"),
		1: office("203.0.112.0/23", "198.51.100.0/24"),
		2: office("203.0.113.7/32", "203.0.113.0/24"), // nested in itself: once
		3: office("203.0.113.9/16"),                   // bits behind the mask mean nothing
		4: office("2001:db8::/32"),
		5: office("2001:db8:1::/48", "2001:db8::/32"),
		6: office("::/9"), // holds everything that looks like IPv4 in IPv6, and yet no IPv4
		7: office("255.255.255.255/32"),
	}
	for _, c := range []struct {
		ip   string
		want []int32
	}{
		{"203.0.113.7", []int32{0, 1, 2, 3}},
		{"203.0.113.8", []int32{0, 1, 2, 3}},
		{"203.0.112.0", []int32{1, 3}},
		{"203.0.0.1", []int32{3}},
		{"203.1.0.0", nil},
		{"198.51.100.255", []int32{1}},
		{"198.51.101.0", nil},
		{"0.0.0.0", nil},
		{"255.255.255.255", []int32{7}},
		{"255.255.255.254", nil},
		{"::ffff:203.0.113.7", []int32{0, 1, 2, 3}}, // how a dual-stack listener shows IPv4
		{"::ffff:cb00:7107", []int32{0, 1, 2, 3}},
		{"::203.0.113.7", []int32{6}},           // IPv4-compatible (RFC 4291, deprecated) is no IPv4 address
		{"64:ff9b::203.0.113.7", []int32{6}},    // neither is one behind NAT64 (RFC 6052)
		{"2002:cb00:7107::", nil},               // nor 6to4 (RFC 3056)
		{"2001:db8:1::1", []int32{4, 5}},        //
		{"2001:db8:1::1%eth0", []int32{4, 5}},   // a zone is no part of the address
		{"2001:db8:ffff:ffff::", []int32{4, 5}}, //
		{"2001:db9::", nil},
		{"", nil},
	} {
		if got := found(all, c.ip, "DE"); !slices.Equal(got, c.want) {
			t.Errorf("%s lies in %v, not %v", c.ip, got, c.want)
		}
	}
}

func TestACountryIsAskedOnlyOfLocationsWithoutRanges(t *testing.T) {
	unknown := lands("FR")
	unknown.UnknownCountries = true
	both := office("203.0.113.0/24")
	both.Countries, both.UnknownCountries = []string{"DE"}, true // no valid one
	all := []location.Location{0: lands("DE", "AT", "DE"), 1: lands("DE"), 2: unknown, 3: both, 4: lands("")}
	for _, c := range []struct {
		ip, country string
		want        []int32
	}{
		{"198.51.100.1", "DE", []int32{0, 1}},
		{"203.0.113.1", "DE", []int32{0, 1, 3}},
		{"198.51.100.1", "AT", []int32{0}},
		{"198.51.100.1", "FR", []int32{2}},
		{"198.51.100.1", "", []int32{2}},
		{"", "", []int32{2}},
		{"198.51.100.1", "de", nil},
		{"198.51.100.1", "US", nil},
	} {
		if got := found(all, c.ip, c.country); !slices.Equal(got, c.want) {
			t.Errorf("%s in %q lies in %v, not %v", c.ip, c.country, got, c.want)
		}
	}
}

func TestARangeThatIsNoneHoldsNothing(t *testing.T) {
	all := []location.Location{{Ranges: []netip.Prefix{{}}}, {Ranges: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:203.0.113.0"), 120)}}}
	for _, ip := range []string{"203.0.113.1", "::ffff:203.0.113.1", "::", ""} {
		if got := found(all, ip, ""); got != nil {
			t.Errorf("%q lies in %v", ip, got)
		}
	}
}

func TestFindAppendsAndAllocatesNothing(t *testing.T) {
	x := location.NewIndex(many(50, 50))
	ip := netip.MustParseAddr("::ffff:10.3.3.3").WithZone("")
	buffer := make([]int32, 0, 64)
	if allocs := testing.AllocsPerRun(100, func() { buffer = x.Find(ip, "DE", buffer[:0]) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
	if got := x.Find(netip.MustParseAddr("192.0.2.1"), "ZZ", []int32{9}); !slices.Equal(got, []int32{9}) {
		t.Errorf("what was there is now %v", got)
	}
}

func TestWhatCountsAsACountry(t *testing.T) {
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if location.Country(string([]rune{a, b})) {
				n++
			}
		}
	}
	if n != 249+1 {
		t.Errorf("%d codes; ISO 3166-1 has 249, and there is Kosovo", n)
	}
	for _, code := range []string{"", "D", "de", "DEU", "ZZ", "EU", "UK", "  ", " A", "A ", "Ä"} {
		if location.Country(code) {
			t.Errorf("%q is no country", code)
		}
	}
}

func TestAValidLocationHasRangesOrCountries(t *testing.T) {
	trusted := office("203.0.113.5/24", "10.0.0.0/9", "2001:db8::/32", "2001::/9", "203.0.113.5/24")
	trusted.Trusted = true
	written := office("203.0.113.0/24", "2001:db8::/32")
	written.Written = []string{"203.0.113.0/24", "2001:0DB8:0:0::/32"}
	unknown := lands("DE", "XK", "DE")
	unknown.UnknownCountries = true
	long := office("203.0.113.0/24")
	long.DisplayName = strings.Repeat("ü", 256)
	for i, l := range []location.Location{trusted, written, unknown, lands("US"), long} {
		if err := location.Validate(l); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestEveryBrokenRuleIsNamed(t *testing.T) {
	change := func(l location.Location, how func(*location.Location)) location.Location {
		how(&l)
		return l
	}
	for name, c := range map[string]struct {
		l    location.Location
		want []string
	}{
		"empty":           {location.Location{}, []string{"displayName is \"\"", "ipRanges and countriesAndRegions are empty"}},
		"blank":           {change(lands("DE"), func(l *location.Location) { l.DisplayName = " \t" }), []string{"displayName is"}},
		"long":            {change(lands("DE"), func(l *location.Location) { l.DisplayName = strings.Repeat("x", 257) }), []string{"1 to 256 characters", "x…"}},
		"no text":         {change(lands("DE"), func(l *location.Location) { l.DisplayName = "\xff" }), []string{"displayName is"}},
		"both":            {change(office("203.0.113.0/24"), func(l *location.Location) { l.Countries = []string{"DE"} }), []string{"either ranges or countries"}},
		"unknown beside":  {change(office("203.0.113.0/24"), func(l *location.Location) { l.UnknownCountries = true }), []string{"either ranges or countries"}},
		"only unknown":    {location.Location{DisplayName: "x", UnknownCountries: true}, []string{"at least one range or one country"}},
		"/8":              {office("10.0.0.0/8"), []string{`"10.0.0.0/8"`, "longer than /8"}},
		"/0":              {office("0.0.0.0/0", "::/0"), []string{`"0.0.0.0/0"`, `"::/0"`}},
		"v6 /8":           {office("2000::/8"), []string{`"2000::/8"`, "longer than /8"}},
		"mapped":          {location.Location{DisplayName: "x", Ranges: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 104)}}, []string{"write it as IPv4"}},
		"none":            {location.Location{DisplayName: "x", Ranges: []netip.Prefix{{}}}, []string{"no range"}},
		"trusted country": {change(lands("DE"), func(l *location.Location) { l.Trusted = true }), []string{"isTrusted is true"}},
		"country":         {lands("DE", "de", "Germany", strings.Repeat("Z", 99)), []string{`"de"`, `"Germany"`, "ZZ…", "ISO 3166-1"}},
		"many countries":  {lands("a", "b", "c", "d", "e", "f"), []string{`"e"`, "countriesAndRegions has 6 faults like these"}},
		"spelling":        {change(office("203.0.113.0/24"), func(l *location.Location) { l.Written = []string{"203.0.112.0/24"} }), []string{"not what was written"}},
		"no spelling":     {change(office("203.0.113.0/24"), func(l *location.Location) { l.Written = []string{"x"} }), []string{"not what was written"}},
		"few spellings": {change(office("203.0.113.0/24", "192.0.2.0/24"), func(l *location.Location) { l.Written = []string{"203.0.113.0/24"} }),
			[]string{"2 ranges and 1 spellings"}},
		"spelling of none": {change(lands("DE"), func(l *location.Location) { l.Written = []string{"x"} }), []string{"1 spellings and no range"}},
		"too many":         {location.Location{DisplayName: "x", Ranges: slices.Repeat([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, location.MaxRanges+1)}, []string{"100001 ranges", "may have 100000"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := location.Validate(c.l)
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(fault.Detail(err), want) {
					t.Errorf("%q does not say %q", fault.Detail(err), want)
				}
			}
		})
	}
}

func TestARangeIsCIDR(t *testing.T) {
	for _, text := range []string{"203.0.113.0/24", "12.34.221.11/22", "2001:0:9d38:90d6:0:0:0:0/63", "2001:DB8::/32"} {
		if p, err := location.ParseRange(text); err != nil || !p.IsValid() {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "203.0.113.0", "203.0.113.0/33", "203.0.113.0-203.0.113.9", "010.0.0.0/9", "fe80::1%eth0/64", "203.0.113.0/024", strings.Repeat("1", 99)} {
		if _, err := location.ParseRange(text); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "CIDR") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// naive is what an index must agree with.
func naive(locations []location.Location, ip netip.Addr, country string) []int32 {
	ip = ip.Unmap().WithZone("")
	var out []int32
	for i, l := range locations {
		in := slices.ContainsFunc(l.Ranges, func(r netip.Prefix) bool { return r.Contains(ip) })
		if len(l.Ranges) == 0 {
			in = slices.Contains(l.Countries, country) && country != "" || country == "" && l.UnknownCountries
		}
		if in {
			out = append(out, int32(i))
		}
	}
	return out
}

// FuzzIndex makes locations out of bytes, few enough that ranges nest and repeat.
func FuzzIndex(f *testing.F) {
	f.Add([]byte("\x00\x0a\x00\x0c\x00\x0a\x10\x10\x01\x0a\x00\x0c"), uint32(0x0a100001), uint8(0))
	f.Add([]byte("\x00\x0a\x00\x20\x00\x0a\x00\x09\x00\x0a\x00\x10"), uint32(0x0a000000), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, word uint32, kind uint8) {
		locations := make([]location.Location, 4)
		for ; len(b) >= 4; b = b[4:] {
			l := &locations[b[0]%4]
			switch b[0] / 4 % 4 {
			case 0, 1:
				l.Ranges = append(l.Ranges, netip.PrefixFrom(netip.AddrFrom4([4]byte{b[1], b[2]}), int(b[3]%34)-1))
			case 2:
				l.Ranges = append(l.Ranges, netip.PrefixFrom(netip.AddrFrom16([16]byte{b[1], b[2]}), int(b[3]%130)-1))
			case 3:
				l.Countries, l.UnknownCountries = append(l.Countries, string(b[1:2])), b[3]&1 == 1
			}
		}
		ip := netip.AddrFrom4([4]byte{byte(word >> 24), byte(word >> 16), byte(word >> 8), byte(word)})
		switch kind % 4 {
		case 1:
			ip = netip.AddrFrom16([16]byte{byte(word >> 24), byte(word >> 16), 15: byte(word)}).WithZone("z")
		case 2:
			ip = netip.AddrFrom16(ip.As16())
		case 3:
			ip = netip.Addr{}
		}
		x := location.NewIndex(locations)
		for _, country := range []string{"", "A", "B"} {
			got := x.Find(ip, country, nil)
			slices.Sort(got)
			if want := naive(locations, ip, country); !slices.Equal(got, want) {
				t.Errorf("%v in %q of %v: %v, not %v", ip, country, locations, got, want)
			}
		}
	})
}

func FuzzParseRange(f *testing.F) {
	f.Add("203.0.113.0/24")
	f.Add("2001:0:9d38:90d6:0:0:0:0/63")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := location.ParseRange(text)
		if err != nil {
			return
		}
		if again, err := location.ParseRange(p.String()); err != nil || again != p {
			t.Errorf("%q is %v and then %v, %v", text, p, again, err)
		}
		_ = location.Validate(location.Location{DisplayName: "x", Ranges: []netip.Prefix{p}, Written: []string{text}})
	})
}

func TestTheIndexAgreesWithTheNaiveOneOnAnOrganisation(t *testing.T) {
	locations := many(40, 60)
	x := location.NewIndex(locations)
	random := rand.New(rand.NewPCG(1, 2))
	hits := 0
	for range 5000 {
		ip := netip.AddrFrom4([4]byte{10, byte(random.IntN(48)), byte(random.IntN(64)), byte(random.IntN(256))})
		got := x.Find(ip, "DE", nil)
		slices.Sort(got)
		if want := naive(locations, ip, "DE"); !slices.Equal(got, want) {
			t.Fatalf("%v lies in %v, not %v", ip, got, want)
		}
		hits += len(got)
	}
	if hits == 0 {
		t.Error("nothing was found: the test tests nothing")
	}
}

// many are n locations of m ranges each that overlap, some of countries.
func many(n, m int) []location.Location {
	var all []location.Location
	for i := range n {
		l := location.Location{DisplayName: fmt.Sprint(i)}
		if i%10 == 9 {
			l.Countries = []string{"DE", "AT"}
			all = append(all, l)
			continue
		}
		for j := range m {
			l.Ranges = append(l.Ranges, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(j), byte(j)}), 16+(i+j)%16))
		}
		all = append(all, l)
	}
	return all
}

func BenchmarkFind(b *testing.B) {
	x := location.NewIndex(many(200, 200))
	ips := []netip.Addr{
		netip.MustParseAddr("10.33.33.33"), netip.MustParseAddr("::ffff:10.120.7.7"), netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("2001:db8::1"),
	}
	buffer := make([]int32, 0, 256)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		buffer = x.Find(ips[i&3], "FR", buffer[:0])
		i++
	}
}

func BenchmarkNewIndex(b *testing.B) {
	all := many(200, 200)
	b.ReportAllocs()
	for b.Loop() {
		location.NewIndex(all)
	}
}
