// Package fault is the one error vocabulary that crosses room boundaries.
//
// A fault says what kind of thing went wrong (for the door to pick a status
// code), what the caller may be told (Detail), and what only the operator may
// see (Err). Errors that need no decision by a caller stay plain errors: the
// doors render every unknown error as Internal and show none of its text.
//
// A Detail about input names the field, the value and what would be valid.
package fault

import (
	"errors"
	"fmt"
)

// Kind classifies a fault. The zero value is the least revealing one.
type Kind uint8

// The kinds, from the least revealing on.
const (
	Internal        Kind = iota // a bug or an outage; details go to the log only
	Invalid                     // the request is malformed or breaks a rule
	Unauthenticated             // who are you?
	Forbidden                   // we know you, and no
	NotFound                    // no such thing, or not yours to see
	Conflict                    // true a moment ago, not now
	Throttled                   // slow down
	Unavailable                 // try again later
	TooLarge                    // the body is above the door's limit
	Unsupported                 // a media type or encoding the door does not read
)

// Error carries a Kind across rooms.
type Error struct {
	Kind   Kind
	Detail string // safe to show to the caller
	Err    error  // cause, for the log only; may be nil
}

// Error returns the detail and the cause, for logs.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Detail
	}
	return e.Detail + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns a fault whose formatted text is safe to show to the caller.
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// Wrap returns a fault that shows detail to the caller and keeps err for the log.
func Wrap(k Kind, err error, detail string) error {
	return &Error{Kind: k, Detail: detail, Err: err}
}

// KindOf returns the kind of the outermost fault in err's chain, or Internal.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Kind
	}
	return Internal
}

// Detail returns what the caller may be told about err: the detail of its
// outermost fault, or "" when there is none.
func Detail(err error) string {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Detail
	}
	return ""
}
