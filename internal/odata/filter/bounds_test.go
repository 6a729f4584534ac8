package filter_test

import (
	"testing"
	"time"
)

func TestSomeMemberOfACollectionIsPinnedToAText(t *testing.T) {
	for text, want := range map[string]string{
		"things/any(t:t/id eq 'a')": "a", "x eq 1 and things/any(t:t/kind eq 'k' and 'a' eq t/ID)": "a", "Things/any(t:t/id eq 'a')": "a",
		"things/all(t:t/id eq 'a')": "", "things/any(t:t/id ne 'a')": "", "things/any(t:t/id eq 'a' or true)": "", "things/any()": "", "things/any(t:t/id eq 1)": "",
		"not things/any(t:t/id eq 'a')": "", "others/any(t:t/id eq 'a')": "", "things/any(t:x eq 'a')": "", "things/id eq 'a'": "", "": "",
		"things/any(t:t/id/$count eq 'a')": "", "things/any(t:contains(t/id,'a'))": "",
	} {
		if got, ok := parse(t, text).Some("things/id"); got != want || ok != (want != "") {
			t.Errorf("%s pins things/id to %q %v, want %q", text, got, ok, want)
		}
	}
}

func TestAConjunctionBoundsAnInstant(t *testing.T) {
	day := func(n int) string { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) }
	for text, want := range map[string][2]string{
		"at ge 2026-01-02": {day(2), ""}, "at gt 2026-01-02T00:00:00Z": {day(2), ""}, "at le 2026-01-05": {"", day(5)}, "at lt '2026-01-05T00:00:00Z'": {"", day(5)},
		"2026-01-02 le at and x eq 1 and 2026-01-05 gt at": {day(2), day(5)}, "at eq 2026-01-03": {day(3), day(3)},
		"at gt 2026-01-02 and at gt 2026-01-04 and at gt 2026-01-03": {day(4), ""}, "at lt 2026-01-04 and at lt 2026-01-02 and at lt 2026-01-03": {"", day(2)},
		"at ne 2026-01-02": {}, "at gt 2026-01-02 or x eq 1": {}, "not (at gt 2026-01-02)": {}, "x gt 2026-01-02": {}, "at gt 7": {}, "at gt y": {}, "7 gt 8": {}, "": {},
		"at in (2026-01-02)": {}, "2026-01-02 eq at": {day(2), day(2)},
	} {
		from, to := parse(t, text).Between("at")
		for i, got := range []time.Time{from, to} {
			shown := ""
			if !got.IsZero() {
				shown = got.UTC().Format(time.DateOnly)
			}
			if shown != want[i] {
				t.Errorf("%s: bound %d is %q, want %q", text, i, shown, want[i])
			}
		}
	}
}

func TestAConjunctionDemandsANumberOtherThanZero(t *testing.T) {
	for text, want := range map[string]bool{
		"n ne 0": true, "0 ne n": true, "n eq 5": true, "x eq 1 and n gt 0": true, "n gt 3.5": true, "0 lt n": true, "n ge 1": true, "n lt 0": true, "n le -1": true,
		"n eq 0": false, "n ne 1": false, "n ge 0": false, "n gt -1": false, "n lt 1": false, "n le 0": false, "x ne 0": false, "n ne 0 or x eq 1": false,
		"not (n eq 0)": false, "n ne null": false, "n ne '0'": false, "n in (5)": false, "": false,
	} {
		if got := parse(t, text).Nonzero("n"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
