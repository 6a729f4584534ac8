package location

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/fault"
)

const (
	// MaxLocations is how many named locations a tenant may have.
	MaxLocations = 10_000
	// MaxRanges is how many ranges one location may have.
	MaxRanges = 100_000

	maxDisplayName = 256
	// widest is the longest mask that is still too wide, of either family
	// (Microsoft's documentation of named locations: longer than /8).
	widest = 8
	shown  = 5 // faults of a list that are told one by one
)

// Validate judges a location by itself and returns fault.Invalid, whose detail
// names every broken rule by the field in Graph's spelling, its value and what
// would be valid; nil when there is none.
func Validate(l Location) error {
	var v violations
	n := utf8.RuneCountInString(l.DisplayName)
	v.add(strings.TrimSpace(l.DisplayName) == "" || n > maxDisplayName || !utf8.ValidString(l.DisplayName),
		"displayName is %q; it must have 1 to %d characters", clip(l.DisplayName), maxDisplayName)
	switch {
	case len(l.Ranges) > 0 && (len(l.Countries) > 0 || l.UnknownCountries):
		v.add(true, "ipRanges has %d ranges beside countriesAndRegions; a named location holds either ranges or countries", len(l.Ranges))
	case len(l.Ranges) > 0:
		v.ranges(l)
	case len(l.Countries) > 0:
		v.countries(l)
	default:
		v.add(true, "ipRanges and countriesAndRegions are empty; a named location needs at least one range or one country")
	}
	return v.fault()
}

// ParseRange reads a range as CIDR, for example 203.0.113.0/24 or 2001:db8::/32.
// Bits behind the mask are kept as they are written and mean nothing.
func ParseRange(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fault.New(fault.Invalid, "cidrAddress is %q; valid is a range of addresses as CIDR, for example 203.0.113.0/24 or 2001:db8::/32", clip(text))
	}
	return p, nil
}

func (v *violations) ranges(l Location) {
	v.add(len(l.Ranges) > MaxRanges, "ipRanges has %d ranges; a named location may have %d", len(l.Ranges), MaxRanges)
	v.each("ipRanges", len(l.Ranges), func(i int) string {
		switch r := l.Ranges[i]; {
		case !r.IsValid():
			return "ipRanges holds something that is no range; valid is CIDR, for example 203.0.113.0/24"
		case r.Addr().Is4In6():
			return fmt.Sprintf("ipRanges holds %q, an IPv4 range written as IPv6; write it as IPv4, for example 203.0.113.0/24", r)
		case r.Bits() <= widest:
			return fmt.Sprintf("ipRanges holds %q, which is too wide; a mask must be longer than /%d", r, widest)
		case len(l.Written) > 0 && !spells(l.Written, i, r):
			return fmt.Sprintf("ipRanges holds %q, which is not what was written", r)
		}
		return ""
	})
	v.add(len(l.Written) > 0 && len(l.Written) != len(l.Ranges), "ipRanges has %d ranges and %d spellings; each range has one", len(l.Ranges), len(l.Written))
}

// spells reports whether the i-th text is how r was written.
func spells(texts []string, i int, r netip.Prefix) bool {
	if i >= len(texts) {
		return true // told apart
	}
	p, err := ParseRange(texts[i])
	return err == nil && p == r
}

func (v *violations) countries(l Location) {
	v.add(l.Trusted, "isTrusted is true; only a named location of ipRanges can be trusted, because a country is no network of yours")
	v.add(len(l.Written) > 0, "ipRanges has %d spellings and no range", len(l.Written))
	v.each("countriesAndRegions", len(l.Countries), func(i int) string {
		if !Country(l.Countries[i]) {
			return fmt.Sprintf("countriesAndRegions holds %q; valid are the two capitals of ISO 3166-1, for example DE or US", clip(l.Countries[i]))
		}
		return ""
	})
}

// violations collects broken rules.
type violations []string

func (v *violations) add(broken bool, format string, args ...any) {
	if broken {
		*v = append(*v, fmt.Sprintf(format, args...))
	}
}

// each adds what judge says about the items of a list; of many faults, a few and
// how many there are.
func (v *violations) each(field string, items int, judge func(i int) string) {
	n := 0
	for i := range items {
		if wrong := judge(i); wrong != "" {
			if n++; n <= shown {
				*v = append(*v, wrong)
			}
		}
	}
	v.add(n > shown, "%s has %d faults like these", field, n)
}

func (v violations) fault() error {
	if len(v) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(v, "; also: "))
}

// clip shortens what an error quotes.
func clip(s string) string {
	const most = 64
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
