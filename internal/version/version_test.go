package version_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/version"
)

func TestEverySpellingOfAVersionIsUnderstood(t *testing.T) {
	tests := []struct {
		text    string
		parse   version.Version
		windows version.Version
		prints  string // of what ParseWindows understood
	}{
		{"10.0.22631.3155", version.Version{10, 0, 22631, 3155}, version.Version{10, 0, 22631, 3155}, "10.0.22631.3155"},
		{"22631.3155", version.Version{22631, 3155}, version.Version{10, 0, 22631, 3155}, "10.0.22631.3155"},
		{"22631", version.Version{22631}, version.Version{10, 0, 22631}, "10.0.22631"},
		{"10", version.Version{10}, version.Version{10}, "10.0"},
		{"10.0", version.Version{10}, version.Version{10}, "10.0"},
		{"6.3.9600", version.Version{6, 3, 9600}, version.Version{6, 3, 9600}, "6.3.9600"},
		{"9999.1", version.Version{9999, 1}, version.Version{9999, 1}, "9999.1"},
		{"0010.00.1", version.Version{10, 0, 1}, version.Version{10, 0, 1}, "10.0.1"},
		{"1.0.0.4", version.Version{1, 0, 0, 4}, version.Version{1, 0, 0, 4}, "1.0.0.4"},
		{"0.0.0.0", version.Version{}, version.Version{}, ""},
		{"1.4294967295", version.Version{1, 4294967295}, version.Version{1, 4294967295}, "1.4294967295"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got, err := version.Parse(tt.text); err != nil || got != tt.parse {
				t.Errorf("Parse = %v, %v; want %v", [4]uint32(got), err, [4]uint32(tt.parse))
			}
			got, err := version.ParseWindows(tt.text)
			if err != nil || got != tt.windows {
				t.Errorf("ParseWindows = %v, %v; want %v", [4]uint32(got), err, [4]uint32(tt.windows))
			}
			if got.String() != tt.prints {
				t.Errorf("String = %q, want %q", got, tt.prints)
			}
		})
	}
}

func TestWhatIsNoVersionIsAnErrorThatSaysWhatWouldBe(t *testing.T) {
	tests := map[string]string{ // text -> must be in the error
		"":                      `"" is no number; valid is one to four numbers`,
		"10.":                   `"10.": "" is no number`,
		".1":                    `"" is no number`,
		"10..1":                 `"" is no number`,
		"1.2.3.4.5":             "has 5 numbers; valid is one to four",
		"-1":                    `"-1" is no number`,
		"+1.0":                  `"+1" is no number`,
		" 10.0":                 `" 10" is no number`,
		"10.0\n":                `"0\n" is no number`,
		"1_0":                   `"1_0" is no number`,
		"0x10":                  `"0x10" is no number`,
		"v1.2":                  `"v1" is no number`,
		"١٠.٠":                  "is no number",
		"10.4294967296":         `"4294967296" is too big; valid is at most 4294967295`,
		"99999999999999999999":  "is too big",
		strings.Repeat("1", 99): `11"... is too big`,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			for name, parse := range map[string]func(string) (version.Version, error){"Parse": version.Parse, "ParseWindows": version.ParseWindows} {
				v, err := parse(text)
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s = %v, %v; want an error with %s", name, v, err, want)
				}
				if !v.IsZero() {
					t.Errorf("%s returned %v beside an error", name, v)
				}
			}
		})
	}
}

func TestABuildInFrontTakesNoMoreThanARevision(t *testing.T) {
	v, err := version.ParseWindows("22631.3155.1")
	if err == nil || !strings.Contains(err.Error(), "10.0.22631 or 22631.3155") || !v.IsZero() {
		t.Errorf("ParseWindows = %v, %v", v, err)
	}
}

func TestTextSurvivesJSONAndUnknownIsEmpty(t *testing.T) {
	type doc struct{ V version.Version }
	for _, text := range []string{`{"V":"10.0.22631.3155"}`, `{"V":""}`} {
		var d doc
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		back, err := json.Marshal(d)
		if err != nil || string(back) != text {
			t.Errorf("%s became %s, %v", text, back, err)
		}
	}
	v := version.Version{1, 2}
	if err := v.UnmarshalText([]byte("x")); err == nil || v != (version.Version{1, 2}) {
		t.Errorf("a bad text gave %v and changed the value to %v", err, v)
	}
	if err := v.UnmarshalText(nil); err != nil || !v.IsZero() {
		t.Errorf("an empty text gave %v, %v", v, err)
	}
}

func anyVersion() *rapid.Generator[version.Version] {
	return rapid.Custom(func(t *rapid.T) version.Version {
		number := rapid.OneOf(rapid.Uint32Range(0, 2), rapid.Uint32())
		return version.Version{number.Draw(t, "a"), number.Draw(t, "b"), number.Draw(t, "c"), number.Draw(t, "d")}
	})
}

func TestCompareIsATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyVersion().Draw(t, "v"), anyVersion().Draw(t, "w"), anyVersion().Draw(t, "x")
		if a.Compare(b) != -b.Compare(a) {
			t.Fatalf("%v and %v compare differently from either side", a, b)
		}
		if (a.Compare(b) == 0) != (a == b) {
			t.Fatalf("%v and %v: equal and same disagree", a, b)
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatalf("%v <= %v <= %v, but not the first and the last", a, b, c)
		}
		if (version.Version{}).Compare(a) > 0 {
			t.Fatalf("unknown is above %v", a)
		}
	})
}

func TestEveryNumberCountsInItsPlace(t *testing.T) {
	var got []version.Version
	want := []string{"1.9.9.9", "2.0", "2.0.0.1", "2.0.1", "2.1", "10.0"}
	for _, text := range []string{"10", "2.1", "2.0.0.1", "1.9.9.9", "2.0.1", "2"} {
		v, err := version.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	slices.SortFunc(got, version.Version.Compare)
	for i := range want {
		if got[i].String() != want[i] {
			t.Errorf("place %d is %s, want %s", i, got[i], want[i])
		}
	}
}

func TestStringAndParseAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyVersion().Filter(func(v version.Version) bool { return !v.IsZero() }).Draw(t, "v")
		back, err := version.Parse(v.String())
		if err != nil || back != v {
			t.Fatalf("%v printed as %q and came back as %v, %v", [4]uint32(v), v, [4]uint32(back), err)
		}
	})
}

// FuzzParse: no text breaks a parser; what is accepted prints to what is
// accepted again, and Windows differs from the rest only by the missing 10.0.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"10.0.22631.3155", "22631.3155", "22631", "", "1.2.3.4.5", "4294967296", "10..0", "0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := version.Parse(text)
		w, errWindows := version.ParseWindows(text)
		if err != nil {
			if errWindows == nil || !v.IsZero() || !w.IsZero() {
				t.Fatalf("%q: Parse says %v, ParseWindows %v with %v", text, err, errWindows, w)
			}
			return
		}
		if errWindows == nil && w != v && w != (version.Version{10, 0, v[0], v[1]}) {
			t.Fatalf("%q is %v to Parse and %v to ParseWindows", text, v, w)
		}
		var back version.Version
		if err := back.UnmarshalText([]byte(v.String())); err != nil || back != v {
			t.Fatalf("%q printed as %q and came back as %v, %v", text, v, back, err)
		}
	})
}
