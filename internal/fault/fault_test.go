package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/postern-mam/postern/internal/fault"
)

func TestTheOutermostFaultDecides(t *testing.T) {
	inner := fault.New(fault.NotFound, "no user %q", "ada")
	tests := []struct {
		name   string
		err    error
		kind   fault.Kind
		detail string
		text   string
	}{
		{"no error", nil, fault.Internal, "", ""},
		{"a plain error reveals nothing", errors.New("disk on fire"), fault.Internal, "", "disk on fire"},
		{"a fault", inner, fault.NotFound, `no user "ada"`, `no user "ada"`},
		{"a fault inside a plain error", fmt.Errorf("sign in: %w", inner), fault.NotFound, `no user "ada"`, `sign in: no user "ada"`},
		{"a fault around a fault", fault.Wrap(fault.Unavailable, inner, "try again later"), fault.Unavailable, "try again later", `try again later: no user "ada"`},
		{"a fault beside others", errors.Join(io.EOF, inner), fault.NotFound, `no user "ada"`, "EOF\nno user \"ada\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fault.KindOf(tt.err); got != tt.kind {
				t.Errorf("kind %d, want %d", got, tt.kind)
			}
			if got := fault.Detail(tt.err); got != tt.detail {
				t.Errorf("detail %q, want %q", got, tt.detail)
			}
			if tt.err != nil && tt.err.Error() != tt.text {
				t.Errorf("log text %q, want %q", tt.err, tt.text)
			}
		})
	}
}

func TestTheCauseIsFoundButNotShown(t *testing.T) {
	err := fault.Wrap(fault.Invalid, io.ErrUnexpectedEOF, "the body is cut off")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if got := fault.Detail(err); got != "the body is cut off" {
		t.Errorf("detail %q shows the cause", got)
	}
}
