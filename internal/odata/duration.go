package odata

import (
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/odata/filter"
)

const day = 24 * time.Hour

// ParseDuration reads an ISO 8601 duration of weeks, days, hours, minutes and
// whole seconds, in bodies just as in filters.
func ParseDuration(s string) (time.Duration, error) { return filter.ParseDuration(s) }

// FormatDuration is the inverse of ParseDuration in one spelling: whole days
// as days, everything else in hours, minutes and seconds.
func FormatDuration(d time.Duration) string {
	if d <= 0 {
		return "PT0S"
	}
	if d%day == 0 {
		return "P" + strconv.Itoa(int(d/day)) + "D"
	}
	b := new(strings.Builder)
	b.WriteString("PT")
	for _, u := range []struct {
		length time.Duration
		letter string
	}{{time.Hour, "H"}, {time.Minute, "M"}, {time.Second, "S"}} {
		if n := d / u.length; n > 0 {
			b.WriteString(strconv.Itoa(int(n)) + u.letter)
			d -= n * u.length
		}
	}
	return b.String()
}
