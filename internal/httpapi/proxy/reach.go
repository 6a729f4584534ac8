package proxy

import (
	"net/url"
	"strings"
)

// climbs reports whether a decoded path would leave the folder that an upstream
// publishes, as any server in use may read it: with backslashes for slashes,
// with a parameter behind the dots ("..;x"), or decoded a second time.
func climbs(p string) bool {
	readings := []string{p}
	if again, err := url.PathUnescape(p); err == nil {
		readings = append(readings, again)
	}
	for _, reading := range readings {
		for segment := range strings.FieldsFuncSeq(reading, func(r rune) bool { return r == '/' || r == '\\' }) {
			if name, _, _ := strings.Cut(segment, ";"); name == ".." {
				return true
			}
		}
	}
	return false
}
