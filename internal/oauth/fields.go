package oauth

import (
	"net/url"
	"unicode/utf8"
)

// Limits of single parameters, in bytes.
const (
	maxShort  = 256
	maxLong   = 2048
	maxSecret = 512
	maxJWT    = 8192
)

// fields reads parameters one by one and remembers the first fault.
type fields struct {
	values url.Values
	err    *Error
}

// one returns the only value of name, or "" when it is absent or at fault: a
// repeated parameter is refused (RFC 6749 section 3.1) because two readers may
// pick different ones.
func (f *fields) one(name string, limit int) string {
	all := f.values[name]
	switch {
	case len(all) == 0:
		return ""
	case len(all) > 1:
		f.fail(Errorf(InvalidRequest, NumberMalformed, "%s is given %d times; give it once", name, len(all)))
		return ""
	case len(all[0]) > limit:
		f.fail(Errorf(InvalidRequest, NumberMalformed, "%s has %d bytes; at most %d are allowed", name, len(all[0]), limit))
		return ""
	case !utf8.ValidString(all[0]):
		f.fail(Errorf(InvalidRequest, NumberMalformed, "%s is not valid UTF-8", name))
		return ""
	}
	return all[0]
}

// need is one for a parameter that must be there.
func (f *fields) need(name string, limit int) string {
	v := f.one(name, limit)
	if v == "" {
		f.fail(Errorf(InvalidRequest, NumberMissingParameter, "%s is missing", name))
	}
	return v
}

func (f *fields) fail(e *Error) {
	if f.err == nil {
		f.err = e
	}
}

// result returns the first fault as an error, so that none is a nil error.
func (f *fields) result() error {
	if f.err == nil {
		return nil
	}
	return f.err
}

// check records err, which a parser of this package returned.
func (f *fields) check(err error) {
	if e, ok := err.(*Error); ok {
		f.fail(e)
	}
}
