package edm

import (
	"encoding/json"
	"math"
	"regexp"
	"time"
)

// form is what the JSON value of a primitive type looks like.
type form struct {
	valid string // for people, with an example where that helps
	ok    func(any) bool
}

// The forms of OData ABNF, as far as an expression tells them.
var (
	instantForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)$`)
	timeForm     = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,12})?)?$`)
	durationForm = regexp.MustCompile(`^-?P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$`)
	emptyPart    = regexp.MustCompile(`[PT]$`)
	guidForm     = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	binaryForm   = regexp.MustCompile(`^[A-Za-z0-9+/_-]*={0,2}$`)
)

// primitive returns the form of a type of the Edm namespace.
func primitive(typ string) (form, bool) {
	switch typ {
	case "Edm.String", "Edm.Stream":
		return text("a string", func(string) bool { return true })
	case "Edm.Boolean":
		return form{"true or false", func(v any) bool { _, ok := v.(bool); return ok }}, true
	case "Edm.Byte":
		return form{"a whole number from 0 to 255", func(v any) bool { return whole(v, 0, math.MaxUint8) }}, true
	case "Edm.Int16":
		return form{"a whole number of 16 bits", func(v any) bool { return whole(v, math.MinInt16, math.MaxInt16) }}, true
	case "Edm.Int32":
		return form{"a whole number of 32 bits", func(v any) bool { return whole(v, math.MinInt32, math.MaxInt32) }}, true
	case "Edm.Int64":
		return form{"a whole number of 64 bits", func(v any) bool { return whole(v, math.MinInt64, math.MaxInt64) }}, true
	case "Edm.Double", "Edm.Single", "Edm.Decimal":
		return form{"a number", number}, true
	case "Edm.DateTimeOffset":
		return text("a date and time with a zone, for example 2026-01-31T12:00:00Z", func(s string) bool {
			_, err := time.Parse(time.RFC3339, s)
			return err == nil && instantForm.MatchString(s)
		})
	case "Edm.Date":
		return text("a date, for example 2026-01-31", func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil })
	case "Edm.TimeOfDay":
		return text("a time of day, for example 12:00:00", timeForm.MatchString)
	case "Edm.Duration":
		return text("an ISO 8601 duration, for example PT12H, PT720M or P90D", func(s string) bool {
			return durationForm.MatchString(s) && !emptyPart.MatchString(s)
		})
	case "Edm.Guid":
		return text("a GUID, for example 01234567-89ab-cdef-0123-456789abcdef", guidForm.MatchString)
	case "Edm.Binary":
		return text("a base64 string", binaryForm.MatchString)
	case "Edm.Untyped":
		return form{"any JSON", func(any) bool { return true }}, true
	}
	return form{}, false
}

// text is the form of a type whose values are strings.
func text(valid string, ok func(string) bool) (form, bool) {
	return form{valid, func(v any) bool { s, is := v.(string); return is && ok(s) }}, true
}

// whole reports whether v is an integer between two limits, decoded as
// float64 or as json.Number.
func whole(v any, from, to int64) bool {
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return i >= from && i <= to
		}
		f, err := n.Float64() // 1e3 is whole, too
		if err != nil {
			return false
		}
		v = f
	}
	f, ok := v.(float64)
	return ok && f == math.Trunc(f) && f >= float64(from) && f < float64(to)+1
}

// number reports whether v is a number or one of the three that JSON lacks.
func number(v any) bool {
	switch n := v.(type) {
	case float64:
		return true
	case json.Number:
		_, err := n.Float64()
		return err == nil
	case string:
		return n == "INF" || n == "-INF" || n == "NaN"
	}
	return false
}
