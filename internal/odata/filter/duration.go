package filter

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/fault"
)

const day = 24 * time.Hour

// durationForm limits digits so that no sum overflows.
var durationForm = regexp.MustCompile(`^P(?:(\d{1,3})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})(?:\.0*)?S)?)?$`)

// ParseDuration reads an ISO 8601 duration of weeks, days, hours, minutes and
// whole seconds. Years and months are refused: they have no fixed length.
func ParseDuration(s string) (time.Duration, error) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil || s == "P" || strings.HasSuffix(s, "T") {
		return 0, fault.New(fault.Invalid, "%q is no ISO 8601 duration; write for example PT12H, PT720M or P90D", s)
	}
	var d time.Duration
	for i, unit := range []time.Duration{7 * day, day, time.Hour, time.Minute, time.Second} {
		if m[i+1] != "" {
			n, _ := strconv.Atoi(m[i+1]) // digits, and few of them
			d += time.Duration(n) * unit
		}
	}
	return d, nil
}
