package odata_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

func TestEverySpellingOfAPathReadsAlike(t *testing.T) {
	name := func(s string) odata.Segment { return odata.Segment{Text: s} }
	key := func(s string) odata.Segment { return odata.Segment{Text: s, Key: true} }
	for path, want := range map[string][]odata.Segment{
		"users/1":                {name("users"), name("1")},
		"/users('1')/memberOf/":  {name("users"), key("1"), name("memberOf")},
		"users(%271%27)":         {name("users"), key("1")},
		"users('o''hara')":       {name("users"), key("o'hara")},
		"users(1)":               {name("users"), key("1")},
		"usage()":                {name("usage")},
		"a(appId='x')":           {name("a"), {Text: "x", Key: true, Property: "appId"}},
		"users('a=b')":           {name("users"), key("a=b")},
		"m/microsoft.graph.user": {name("m"), name("graph.user")},
		"users/a%2Fb":            {name("users"), name("a/b")},
	} {
		got, err := odata.ParsePath(path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v %v, want %v", path, got, err, want)
		}
	}
	for _, path := range []string{"", "a//b", "users('1'", "(1)", "%zz"} {
		if got, err := odata.ParsePath(path); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v %v", path, got, err)
		}
	}
}

func TestDurationsOfOneLengthAreEqual(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"PT12H": 12 * time.Hour, "PT720M": 12 * time.Hour, "P90D": 90 * 24 * time.Hour, "P1W": 7 * 24 * time.Hour, "PT0S": 0, "P0D": 0,
		"P1DT2H3M4S": 26*time.Hour + 3*time.Minute + 4*time.Second, "PT5.000S": 5 * time.Second,
	} {
		got, err := odata.ParseDuration(s)
		if err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
		again, err := odata.ParseDuration(odata.FormatDuration(got))
		if err != nil || again != want {
			t.Errorf("%s prints as %s", s, odata.FormatDuration(got))
		}
	}
	for d, want := range map[time.Duration]string{0: "PT0S", -time.Hour: "PT0S", 48 * time.Hour: "P2D", 25*time.Hour + time.Second: "PT25H1S", 90 * time.Minute: "PT1H30M"} {
		if got := odata.FormatDuration(d); got != want {
			t.Errorf("%v prints as %s, want %s", d, got, want)
		}
	}
	for _, s := range []string{"", "P", "PT", "P1DT", "12h", "P1Y", "P1M", "PT-1H", "PT1.5S", "P999999D"} {
		if d, err := odata.ParseDuration(s); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v %v", s, d, err)
		}
	}
}

func parse(t *testing.T, doc string) *odata.Object {
	t.Helper()
	o, err := odata.ParseObject([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// values are one member of each kind.
type values struct {
	text, secret, word string
	flag               bool
	number             int
	texts, words       []string
	at                 time.Time
	length             time.Duration
}

func (v *values) read(o *odata.Object) {
	o.Text("text", &v.text)
	o.Secret("secret", &v.secret)
	o.Word("word", &v.word, "Red", "Green")
	o.Flag("flag", &v.flag)
	o.Number("number", &v.number)
	o.Texts("texts", &v.texts)
	o.Words("words", &v.words, "Red", "Green")
	o.Time("at", &v.at)
	o.Duration("length", &v.length)
}

func TestAbsentKeepsNullClearsAndValuesAreTaken(t *testing.T) {
	before := values{"t", "s", "Red", true, 1, []string{"a"}, []string{"Red"}, time.Unix(1, 0), time.Hour}
	kept := before
	kept.read(parse(t, `{}`))
	if !reflect.DeepEqual(kept, before) {
		t.Errorf("absent members changed something: %+v", kept)
	}
	cleared := before
	cleared.read(parse(t, `{"text":null,"secret":null,"word":null,"flag":null,"number":null,"texts":null,"words":null,"at":null,"length":null}`))
	if !reflect.DeepEqual(cleared, values{}) {
		t.Errorf("null did not clear: %+v", cleared)
	}
	var taken values
	o := parse(t, `{"text":"x","secret":"y","word":"gREEN","flag":true,"number":7,"texts":["b",null],"words":["RED","blue"],"at":"2026-01-31T00:00:00Z","length":"PT1H"}`)
	taken.read(o)
	want := values{"x", "y", "Green", true, 7, []string{"b", ""}, []string{"Red", "blue"}, time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), time.Hour}
	if !reflect.DeepEqual(taken, want) || o.Err() != nil {
		t.Errorf("%+v %v", taken, o.Err())
	}
}

func TestEveryFaultIsNamedWithItsPlaceItsValueAndWhatIsValid(t *testing.T) {
	o := parse(t, `{"text":1,"secret":2,"word":"Blue","flag":"yes","number":1.5,"texts":"a","words":{},"at":"noon","length":"long","inner":7,"list":[1],
		"deep":{"text":[]},"many":[{"flag":0},{"length":3}],"long":"`+strings.Repeat("x", 500)+`"}`)
	before := values{text: "kept"}
	before.read(o)
	o.Object("inner")
	o.Objects("list")
	o.Object("deep").Text("text", &before.text)
	many := o.Objects("many")
	many[0].Flag("flag", &before.flag)
	many[1].Duration("length", &before.length)
	o.Flag("long", &before.flag)
	err := o.Err()
	if fault.KindOf(err) != fault.Invalid || before.text != "kept" {
		t.Fatalf("%v %+v", err, before)
	}
	for _, want := range []string{
		"text is 1; it must be a string", "secret is no string", `word is "Blue"; valid are Red, Green`, `flag is "yes"; it must be true or false`,
		"number is 1.5; it must be a whole number", `texts is "a"; it must be a list of strings`, "words is {}", `at is "noon"`, `length is "long"`, "PT12H",
		"inner is 7; it must be an object", "list is [1]; it must be a list of objects", "deep.text is []", "many[0].flag is 0", "many[1].length is 3", "…",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret is 2") {
		t.Error("a secret is repeated")
	}
}

func TestWhatIsNoObjectIsRefused(t *testing.T) {
	for _, doc := range []string{"", "null", "[]", `"x"`, "{", `{"a":1} {"b":2}`} {
		if _, err := odata.ParseObject([]byte(doc)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", doc, err)
		}
	}
	if o := parse(t, "\ufeff"+`{"a":null}`); !o.Has("a") || !o.Null("a") || o.Has("b") || o.Null("b") || o.Object("a") != nil || o.Objects("b") != nil {
		t.Error("a byte order mark, or null, was misread")
	}
	if got := parse(t, `{"@odata.type":"#microsoft.graph.user"}`).Type(); got != "user" {
		t.Errorf("type %q", got)
	}
}

func TestAnEmptyListInThePlaceOfAnObjectIsNull(t *testing.T) {
	o := parse(t, `{"none":[],"some":[1],"empty":{"a":[]},"full":{"a":1}}`)
	if o.Object("none") != nil || o.Err() != nil || o.Object("some") != nil || o.Err() == nil {
		t.Errorf("%v", o.Err())
	}
	for name, says := range map[string]bool{"none": false, "some": true, "empty": false, "full": true, "missing": false} {
		if o.Says(name) != says {
			t.Errorf("%s says something: %t", name, !says)
		}
	}
}

func TestTheRestIsRefusedUnlessItSaysNothing(t *testing.T) {
	o := parse(t, `{"read":1,"ignored":{"x":1},"a@odata.type":"x","null":null,"empty":"","no":false,"list":[],"object":{"a":null,"b":{"c":[]},"d@odata.type":"x"},
		"off":{"isEnabled":false,"mode":"always"},"zero":0,"on":{"isEnabled":true},"some":["x"]}`)
	n := 0
	o.Number("read", &n)
	o.RefuseRest("remove it", "ignored")
	err := o.Err()
	if err == nil {
		t.Fatal("nothing was refused")
	}
	if want := `on is {"isEnabled":true}; remove it; some is ["x"]; remove it; zero is 0; remove it`; err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if odata.Empty(json.RawMessage("{")) {
		t.Error("damaged JSON says nothing")
	}
}

func FuzzParsers(f *testing.F) {
	f.Add("users('1')/memberOf", "PT12H", `{"a":{"b":[1]}}`)
	f.Fuzz(func(t *testing.T, path, duration, doc string) {
		if segments, err := odata.ParsePath(path); err == nil && len(segments) == 0 {
			t.Error("a path without segments")
		}
		if d, err := odata.ParseDuration(duration); err == nil {
			if again, err := odata.ParseDuration(odata.FormatDuration(d)); err != nil || again != d || d < 0 {
				t.Errorf("%s: %v, then %v %v", duration, d, again, err)
			}
		}
		if o, err := odata.ParseObject([]byte(doc)); err == nil {
			new(values).read(o)
			o.RefuseRest("no")
			if again := o.Err(); again != nil && fault.KindOf(again) != fault.Invalid {
				t.Error(again)
			}
		}
	})
}
