package access_test

import (
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
)

// The log is in the order of whole milliseconds, whatever the clock can tell apart.
func TestAnEntryStandsAtAMillisecond(t *testing.T) {
	at := time.Date(2026, 1, 5, 10, 0, 0, 1_999_999, time.FixedZone("CET", 3600))
	want := access.Mark{At: time.Date(2026, 1, 5, 9, 0, 0, 1_000_000, time.UTC), ID: "r"}
	if got := (access.Record{ID: "r", At: at}).Mark(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
