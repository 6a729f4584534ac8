// Package version parses and compares dotted versions of Windows, apps and SDKs.
//
// A version is one to four numbers; missing ones count as zero. Windows prints
// two spellings of the same build: "10.0.22631.3155" and, in winver,
// "22631.3155". ParseWindows accepts both. The zero Version means "unknown".
//
// # Errors
//
// Only the parsers fail. Their errors name the text and what would be valid.
package version

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Version is up to four numbers, most significant first. It is comparable.
type Version [4]uint32

// firstBuild separates builds from major versions: every Windows 10 and 11 build
// is above it, and no major version comes near it.
const firstBuild = 10000

// Parse reads one to four numbers joined by dots: "117", "2.4", "10.0.22631.3155".
// Signs, spaces, letters and numbers above 4294967295 are errors.
func Parse(s string) (Version, error) {
	v, _, err := parse(s)
	return v, err
}

// ParseWindows reads a version of Windows. It accepts what the command prompt
// prints ("10.0.22631.3155") and what winver prints ("22631.3155", "22631"),
// which means the same and becomes 10.0.22631.3155.
func ParseWindows(s string) (Version, error) {
	v, parts, err := parse(s)
	if err != nil || v[0] < firstBuild {
		return v, err
	}
	if parts > 2 {
		return Version{}, fmt.Errorf("version %s starts with a build but has %d numbers; valid is 10.0.%d or %d.%d", quote(s), parts, v[0], v[0], v[1])
	}
	return Version{10, 0, v[0], v[1]}, nil
}

func parse(s string) (Version, int, error) {
	parts := strings.Split(s, ".")
	if len(parts) > len(Version{}) {
		return Version{}, 0, fmt.Errorf("version %s has %d numbers; valid is one to four, such as 10.0.22631.3155", quote(s), len(parts))
	}
	var v Version
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if errors.Is(err, strconv.ErrRange) {
			return Version{}, 0, fmt.Errorf("version %s: number %s is too big; valid is at most 4294967295", quote(s), quote(part))
		}
		if err != nil {
			return Version{}, 0, fmt.Errorf("version %s: %s is no number; valid is one to four numbers joined by dots, such as 10.0.22631.3155", quote(s), quote(part))
		}
		v[i] = uint32(n)
	}
	return v, len(parts), nil
}

// quote keeps an error readable when someone sends a megabyte as a version.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}

// Compare returns -1 when v is older than w, 0 when they are the same, 1 when it
// is newer.
func (v Version) Compare(w Version) int { return slices.Compare(v[:], w[:]) }

// IsZero reports whether the version is unknown.
func (v Version) IsZero() bool { return v == Version{} }

// String prints the version with at least two numbers and no needless zeros
// behind: "10.0", "117.0", "10.0.22631". An unknown version prints as "".
// Parse is its inverse for every version that is known.
func (v Version) String() string {
	text, _ := v.MarshalText() // never fails
	return string(text)
}

// MarshalText returns String.
func (v Version) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return []byte{}, nil
	}
	last := len(v)
	for last > 2 && v[last-1] == 0 {
		last--
	}
	text := strconv.AppendUint(make([]byte, 0, 24), uint64(v[0]), 10)
	for _, n := range v[1:last] {
		text = strconv.AppendUint(append(text, '.'), uint64(n), 10)
	}
	return text, nil
}

// UnmarshalText is Parse, except that "" is the unknown version.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}
