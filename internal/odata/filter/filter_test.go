package filter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata/filter"
)

const document = `{
	"@odata.type": "#microsoft.graph.windowsManagedAppProtection",
	"id": "T_1", "userId": "9F0C1C5E-0001-4000-8000-00000000000a", "displayName": "O'Hara ÅÄ Müller", "mail": null, "empty": "",
	"enabled": true, "off": false, "in": "x", "version": 9007199254740993, "price": 1.5, "huge": 1e300, "minus": -3, "exponent": 1e2,
	"createdDateTime": "2026-01-31T23:30:00.1234567Z", "same": "2026-02-01T00:30:00.12345670+01:00", "birthday": "2026-01-31",
	"period": "PT720M", "grace": "P90D", "transfer": "camera, clipboard,print",
	"status": {"errorCode": 0, "kind": {"@odata.type": "#microsoft.graph.leaf"}},
	"groupTypes": ["Unified", "DynamicMembership"], "none": [],
	"targetResources": [{"id": "a", "props": [{"name": "x"}, {"name": "y"}]}, {"id": "b", "props": []}],
	"members": [{"@odata.type": "#microsoft.graph.user", "mail": "ada@contoso.com"}, {"@odata.type": "#microsoft.graph.group"}, {"mail": "typeless"}]
}`

type model struct{}

func (model) IsA(kind, base string) bool {
	return kind == "windowsManagedAppProtection" && base == "managedAppPolicy"
}

// decoded is the document in both ways that JSON is decoded in.
func decoded(t testing.TB) [2]any {
	t.Helper()
	var out [2]any
	for i := range out {
		d := json.NewDecoder(strings.NewReader(document))
		if i == 1 {
			d.UseNumber()
		}
		if err := d.Decode(&out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func parse(t testing.TB, text string) filter.Filter {
	t.Helper()
	f, err := filter.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f.Within(model{})
}

// verdicts checks that every filter of a list is true, or every one false.
func verdicts(t *testing.T, want bool, filters ...string) {
	t.Helper()
	for i, v := range decoded(t) {
		for _, text := range filters {
			if got := parse(t, text).Matches(v); got != want {
				t.Errorf("decoded in way %d: %s is %v", i, text, got)
			}
		}
	}
}

func TestNoFilterMatchesEverything(t *testing.T) {
	for _, text := range []string{"", " \t"} {
		f := parse(t, text)
		if !f.IsZero() || !f.Matches(nil) || f.String() != "" || f.Paths() != nil || f.Advanced() {
			t.Errorf("%q is a filter", text)
		}
	}
	if f := parse(t, "abcdef01234567890123456789012345678901234567 eq null"); !f.Matches(nil) {
		t.Error("a long word is a guid")
	}
	if f := parse(t, " id eq '1' "); f.IsZero() || f.String() != "id eq '1'" {
		t.Errorf("%q", f)
	}
}

func TestTextIsComparedWithoutRegardToCase(t *testing.T) {
	verdicts(t, true,
		"displayName eq 'o''HARA åä MÜLLER'", "DISPLAYNAME eq 'O''Hara ÅÄ Müller'", "userId eq 9f0c1c5e-0001-4000-8000-00000000000A",
		"userId in (9f0c1c5e-0001-4000-8000-00000000000a)", "'t_1' eq id", "id EQ 't_1' AND id Eq 'T_1'",
		"id gt 'T_'", "id lt 't_2'", "id ge 'T_1'", "id le 't_1'", "id lt 'ta'", "id lt 'TA'", "empty lt 'a'", "'K' eq 'k'",
		"startsWith(displayName,'o''h')", "endswith(displayName,'ÜLLER')", "contains(displayName,'åä')", "CONTAINS(displayName,'')",
	)
	verdicts(t, false, "displayName eq 'o''hara'", "id ne 't_1'", "id gt 't_1'", "id lt 'T_1'", "startsWith(displayName,'x')", "endsWith(id,'2')", "contains(id,'x')")
}

func TestNumbersAreExact(t *testing.T) {
	verdicts(t, true, "price eq 1.5", "price gt 1", "price lt 1.75e0", "minus eq -3", "minus lt 0", "exponent eq 100", "huge gt 9223372036854775807",
		"status/errorCode eq 0", "status/errorCode in (1,0)", "STATUS/ERRORCODE eq 00")
	exact := decoded(t)[1]
	if parse(t, "version eq 9007199254740992").Matches(exact) || !parse(t, "version eq 9007199254740993").Matches(exact) {
		t.Error("large whole numbers are rounded")
	}
	verdicts(t, false, "price eq '1.5'", "status/errorCode eq false", "price eq 1", "huge eq 1", "id eq 1", "enabled eq 1", "version lt 5")
}

func TestInstantsAreComparedAsInstants(t *testing.T) {
	verdicts(t, true,
		"createdDateTime eq 2026-01-31T23:30:00.123456700Z", "createdDateTime eq 2026-02-01T00:30:00.1234567+01:00", "createdDateTime eq same",
		"createdDateTime ge 2026-01-31T23:30Z", "createdDateTime gt 2026-01-31", "2026-02-01 gt createdDateTime", "birthday eq 2026-01-31",
		"createdDateTime lt '2026-02-01T00:00:00Z'", "createdDateTime eq '2026-01-31T23:30:00.1234567z'", "createdDateTime in (2026-01-31T23:30:00.1234567Z)",
		"date(createdDateTime) eq 2026-01-31", "date(same) eq 2026-01-31", "year(createdDateTime) eq 2026", "month(birthday) eq 1", "day(createdDateTime) eq 31",
		"hour(same) eq 23", "minute(createdDateTime) eq 30", "second(createdDateTime) eq 0", "createdDateTime gt 2026-01-31t23:30:00z",
	)
	verdicts(t, false, "createdDateTime gt 2026-02-01", "id eq 2026-01-31", "id lt 2026-01-31T00:00:00Z", "price gt 2026-01-31", "year(id) eq 2026",
		"year(price) eq 1", "createdDateTime eq 'x'", "tolower(2026-01-31) eq 'x'")
}

func TestDurationsAreComparedByLength(t *testing.T) {
	verdicts(t, true, "period eq duration'PT12H'", "period eq 'PT12H'", "grace gt duration'P89D'", "duration'P1D' gt period", "period in (duration'PT12H')", "duration'PT1H' eq duration'PT60M'", "duration'P1D' ne price")
	verdicts(t, false, "period eq duration'PT11H'", "id eq duration'PT12H'", "price eq duration'PT12H'", "period eq 'PHASE M'", "id eq 'P1D'")
}

func TestNullEqualsOnlyNull(t *testing.T) {
	verdicts(t, true, "mail eq null", "null eq absent", "null eq null", "mail ne 'x'", "id ne null", "mail in ('a',null)", "not (mail ne null)",
		"mail eq absent/deeper", "id/deeper eq null", "null eq null or mail", "not (mail and false)", "mail or true", "has eq null")
	verdicts(t, false, "mail eq ''", "mail ne null", "id eq null", "mail gt null", "null ge null", "mail le 'x'", "mail in ('a')", "mail", "not mail", "null",
		"contains(mail,'a')", "not contains(mail,'a')", "contains(id,mail)", "mail and true", "mail or false", "tolower(mail) ne null", "not (mail has 'x')")
}

func TestConditionsBindAsODataSays(t *testing.T) {
	verdicts(t, true,
		"enabled", "enabled eq true", "not off", "not off and enabled", "true or false and false", "(true or false) and true", "1 eq 1 eq true", "not (true and false)",
		"off eq false and not (id eq 'x') or false", "enabled or off and off", "1 gt 0 eq true", "not id in ('x')", "not (not enabled)", "enabled gt off",
		"transfer has 'print' eq true", "( ( id ) eq ('t_1') )", "id eq'T_1'and(id eq 'T_1')", "in eq 'x'", "'in' eq 'in'",
		"$it/id eq 'T_1'", "not (off eq true)",
	)
	verdicts(t, false, "off", "not enabled", "(true or false) and false", "false and true or off", "id in ('x','y')", "id", "id and true")
}

func TestFunctionsWorkOnText(t *testing.T) {
	verdicts(t, true, "toLower(id) eq 't_1'", "toupper(id) eq 'T_1'", "trim('  a ') eq 'a'", "length(displayName) eq 16", "length(empty) eq 0",
		"concat(concat(id,':'),'x') eq 't_1:x'", "indexof(displayName,'ä') eq 8", "indexof(id,'x') eq -1", "startswith(tolower(id),'T') eq true",
		"transfer has 'Clipboard'", "transfer has microsoft.graph.kind'camera,print'", "id eq graph.kind'T_1'")
	verdicts(t, false, "length(price) eq 3", "transfer has 'camera,x'", "transfer has 1", "groupTypes has 'Unified'", "concat(id,price) eq 'x'", "date(id) ne null")
}

func TestLambdasLookIntoCollections(t *testing.T) {
	verdicts(t, true,
		"groupTypes/any(c:c eq 'unified')", "groupTypes/any()", "groupTypes/all(c:c ne 'x')", "none/all(c:false)", "absent/all(c:false)", "not none/any()",
		"targetResources/any(t:t/id eq 'b')", "targetResources/any(t:t/props/any(p:p/name eq 'y' and t/id eq 'a'))", "targetResources/Any(t:id eq 'T_1')",
		"targetResources/any(t:$it/id eq 'T_1' and t/props/$count eq 2)", "not targetResources/any(t:t/id eq 'c')", "targetResources/any(t:t/props/all(p:p/name ne 'z'))",
		"members/$count eq 3", "none/$count eq 0", "absent/$count lt 1", "members/microsoft.graph.user/$count eq 1", "members/graph.user/any(u:endsWith(u/mail,'contoso.com'))",
		"targetResources/any(t:t/id eq 'a') and targetResources/any(t:t/id eq 'b')",
	)
	verdicts(t, false, "groupTypes/any(c:c eq 'x')", "groupTypes/all(c:c eq 'Unified')", "none/any()", "absent/any()", "id/any()", "groupTypes eq 'Unified'", "groupTypes/all(c:mail)")
}

func TestTypesAreWhatTheModelSays(t *testing.T) {
	verdicts(t, true, "isof('microsoft.graph.windowsManagedAppProtection')", "isof('#microsoft.graph.managedAppPolicy')", "isof(microsoft.graph.WINDOWSManagedAppProtection)",
		"isof(status/kind,'graph.leaf')", "graph.managedAppPolicy/displayName ne null", "microsoft.graph.windowsManagedAppProtection/id eq 'T_1'", "ISOF($it,'managedAppPolicy')",
		"not isof('microsoft.graph.user')", "microsoft.graph.user/id eq null", "members/any(m:isof(m,'microsoft.graph.user'))")
	verdicts(t, false, "isof('x')", "isof(id,'graph.leaf')", "graph.user/id eq 'T_1'", "isof(absent,'microsoft.graph.user')")
	bare, _ := filter.Parse("isof('microsoft.graph.managedAppPolicy')")
	if bare.Matches(decoded(t)[0]) {
		t.Error("a filter without a model knows of a derived type")
	}
}

func TestPathsAreWhatTheFilterReads(t *testing.T) {
	for text, want := range map[string][]string{
		"status/errorCode eq 0 and startsWith(displayName,mail) or id in ('a')": {"displayName", "id", "mail", "status/errorCode"},
		"groupTypes/any(c:c eq 'Unified')":                                      {"groupTypes"},
		"targetResources/any(t:t/id eq 'x' or id eq 'y')":                       {"id", "targetResources/id"},
		"targetResources/any(t:t/props/any(p:p/name eq t/id))":                  {"targetResources/id", "targetResources/props/name"},
		"targetResources/any() and a/any(x:b eq 1)":                             {"a", "b", "targetResources"},
		"not (members/$count eq 0)":                                             {"members"},
		"microsoft.graph.user/mail eq Graph.user/id":                            {"graph.user/id", "graph.user/mail"},
		"isof('microsoft.graph.user') and isof(status/kind,'x')":                {"status/kind"},
		"a/any(x:ab eq 1)":                     {"a", "ab"},
		"id eq 'a' or id eq 'b' or $it eq 'c'": {"id"},
	} {
		if got := parse(t, text).Paths(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads %q, want %q", text, got, want)
		}
	}
}

func TestAConjunctionPinsAPropertyToAText(t *testing.T) {
	for text, want := range map[string]string{
		"userId eq 'a'": "a", "'a' eq USERID": "a", "x eq 1 and (y eq 'b' and userId eq 'a')": "",
		"x eq 1 and userId eq 'a' and y/any()": "a", "userId eq 9f0c1c5e-0001-4000-8000-00000000000a": "9f0c1c5e-0001-4000-8000-00000000000a",
		"userId eq 'a' or true": "", "userId ne 'a'": "", "not (userId eq 'a')": "", "userId eq 1": "", "userId eq null": "", "userId eq x": "", "x eq 'a'": "",
		"userId/$count eq 'a'": "", "a/userId eq 'x'": "", "'a' eq 'a'": "", "x/any(userId:userId eq 'a')": "", "": "", "tolower(userId) eq 'a'": "",
	} {
		if got, ok := parse(t, text).Equals("userId"); got != want || ok != (want != "") {
			t.Errorf("%s pins userId to %q %v, want %q", text, got, ok, want)
		}
	}
}

func TestAdvancedFiltersAreKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"a ne 1": true, "not a": true, "endsWith(a,'x')": true, "members/$count eq 0": true, "x/any(y:y/b ne 1)": true, "a eq 1 and (b eq 2 or endswith(c,'d'))": true,
		"a eq 1": false, "startsWith(a,'b') and c in ('d') and x/any(y:y eq 1) or isof('z') and a ge 1": false,
	} {
		if got := parse(t, text).Advanced(); got != want {
			t.Errorf("%s: advanced is %v", text, got)
		}
	}
}

func TestEveryErrorNamesThePositionWhatIsThereAndWhatIsValid(t *testing.T) {
	for text, want := range map[string]string{
		"id eq 'a":                              "a string without an end at position 7; valid there is a string such as",
		"Ä eq ?":                                "'?' at position 6; valid there is a property, a function, a literal or an operator",
		"id eq 10.0.19":                         `"10.0.19" at position 7; valid there is a number, a guid, a date`,
		"t gt 2026-01-31T00:00:00":              `"2026-01-31T00:00:00" at position 6`,
		"t gt 2026-13-01":                       `"2026-13-01"`,
		"t gt -":                                `"-" at position 6`,
		"t eq 1e999":                            `"1e999"`,
		"t gt 2026-01-31T00:00Z 02:00":          "a + before the offset is written %2B",
		"p eq duration'P1Y'":                    `"duration'P1Y'" at position 6; valid there is a duration such as duration'PT12H'`,
		"p eq duration'P1D":                     "a string without an end at position 14",
		"id eq":                                 "its end at position 6; valid there is a property, a function or a literal",
		"id eq 'a' id":                          `"id" at position 11; valid there is an operator`,
		"id eq 'a')":                            `")" at position 10`,
		"(id eq 'a'":                            `its end at position 11; valid there is ")"`,
		"id eq ,":                               `"," at position 7`,
		"displayName/":                          "its end at position 13; valid there is a property",
		"length(id)":                            `"length" at position 1; valid there is a condition`,
		"'a' and true":                          `'a' at position 1; valid there is a condition`,
		"true and 5":                            `5 at position 10; valid there is a condition`,
		"true or m/$count":                      `"m" at position 9; valid there is a condition`,
		"not 5":                                 "5 at position 5; valid there is a condition",
		"not":                                   "its end",
		"not id eq 'a'":                         `"eq" at position 8; valid there is and, or or the end: not binds to what directly follows it; write not (… eq …)`,
		"not startsWith(id,'a') ge 1":           "write not (",
		"substringof('a',id)":                   "valid there is contains(<property>,'<text>') instead",
		"nosuch(id)":                            `"nosuch" at position 1; valid there is one of the functions startsWith, endsWith`,
		"contains(id)":                          `")" at position 12; valid there is ","`,
		"contains(id,'a','b')":                  `"," at position 16; valid there is ")"`,
		"contains(id,)":                         `")" at position 13`,
		"id in 'a'":                             `'a' at position 7; valid there is "("`,
		"id in ()":                              `")" at position 8; valid there is a literal`,
		"id in ('a' 'b')":                       "'b' at position 12; valid there is , or )",
		"id in (x)":                             `"x" at position 8; valid there is a literal`,
		"$x eq 1":                               `"$x" at position 1; valid there is a property; only $it`,
		"a/$it eq 1":                            `"$it" at position 3`,
		"$count gt 1":                           `"$count"`,
		"any(x:x eq 1)":                         `"(" at position 4`,
		"a/any":                                 "",
		"a/any(":                                "its end at position 7; valid there is the name of a new variable",
		"a/all()":                               `")" at position 7`,
		"a/any(x eq 1)":                         `"eq" at position 9; valid there is ":"`,
		"a/any(x:5)":                            "5 at position 9; valid there is a condition",
		"a/any(x:x eq 1":                        `valid there is ")"`,
		"a/any(x:b/any(x:x eq 1))":              `"x" at position 15`,
		"a/any(x.y:x eq 1)":                     `"x.y" at position 7`,
		"a/any(x:x/b/any(y:y/c/any(z:z eq 1)))": "2 lambdas inside one another are the most",
		"isof()":                                `")" at position 6; valid there is a type`,
		"isof(5)":                               "5 at position 6; valid there is a type",
		"isof('a b')":                           "'a b' at position 6; valid there is a type",
		"isof('x'":                              `its end at position 9; valid there is ")"`,
		"isof(a)":                               `")" at position 7; valid there is ","`,
		"isof(a/,'x')":                          `"," at position 8; valid there is a property`,
		"isof(a/$count,'x')":                    "isof takes a property and a type",
		"isof(a/any(),'x')":                     "isof takes a property and a type",
		"id eq '\xff'":                          "$filter is not UTF-8",
		strings.Repeat("(", 40):                 "32 levels are the most",
		strings.Repeat("not ", 40):              "32 levels are the most",
		strings.Repeat("trim(", 40):             "32 levels are the most",
		"id in (" + strings.Repeat("1,", 100) + "1)": "100 items are the most",
		"id eq '" + strings.Repeat("x", 8192) + "'":  "$filter has 8200 bytes; at most 8192 are valid",
	} {
		f, err := filter.Parse(text)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Detail(err), want) || !strings.Contains(err.Error(), "$filter") || !f.IsZero() {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
	for _, text := range []string{strings.Repeat("(", 32) + "true" + strings.Repeat(")", 32), "id in (" + strings.Repeat("1,", 99) + "1)",
		strings.Repeat("(true) and ", 40) + "true", strings.Repeat("a/any(x:x/b/any(y:y)) and ", 40) + "true"} {
		if _, err := filter.Parse(text); err != nil {
			t.Errorf("at the bound: %v", err)
		}
	}
}

func TestValuesHaveOneOrder(t *testing.T) {
	ascending := []any{
		nil, false, true, json.Number("-1e400"), -2.5, json.Number("-2"), 0.0, json.Number("9007199254740992"), json.Number("9007199254740993"), 1e300,
		"2026-01-31T00:00:00.5Z", "2026-01-31T02:00:00.6+01:00", "PT1H", "P1D", "", "2026-01-31", "a", "B", "bb", "ſt", "T", "Ä", map[string]any{},
	}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := filter.Compare(a, b); got != want {
				t.Errorf("%v to %v is %d, want %d", a, b, got, want)
			}
		}
	}
	for _, same := range [][2]any{
		{"MÜLLER", "müller"}, {"K", "k"}, {"ſ", "S"}, {[]any{1.0}, map[string]any{}}, {5.0, json.Number("5")}, {json.Number("5.0"), json.Number("5")},
		{json.Number("99999999999999999999"), 99999999999999999999.0}, {"PT60M", "PT1H"}, {"2026-01-31T00:00:00Z", "2026-01-31T01:00:00.000+01:00"},
	} {
		if filter.Compare(same[0], same[1]) != 0 {
			t.Errorf("%v and %v differ", same[0], same[1])
		}
	}
}

// Folding must agree with the standard library wherever a rune has cases.
func TestFoldingAgreesWithTheStandardLibrary(t *testing.T) {
	for r := rune(0); r < 0x20000; r++ {
		if a, b := string(r), strings.ToUpper(string(r)); strings.EqualFold(a, b) != (filter.Folded(a) == filter.Folded(b)) {
			t.Fatalf("%q and %q", a, b)
		}
	}
}

func TestMatchingAllocatesNothing(t *testing.T) {
	v := decoded(t)[1]
	for _, text := range []string{
		"displayName eq 'o''hara'", "status/errorCode eq 0 and enabled eq true", "createdDateTime ge 2026-01-31T00:00:00Z", "groupTypes/any(c:c eq 'x')",
		"id in ('a','b','c') or not (id eq 'x')", "members/$count gt 1",
	} {
		f := parse(t, text)
		if n := testing.AllocsPerRun(100, func() { f.Matches(v) }); n > 0 {
			t.Errorf("%s allocates %v times", text, n)
		}
	}
}

func BenchmarkMatches(b *testing.B) {
	v := decoded(b)[0]
	for _, text := range []string{"displayName eq 'x'", "createdDateTime ge 2026-01-31T00:00:00Z", "startsWith(displayName,'o') and targetResources/any(t:t/id eq 'b')"} {
		f := parse(b, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Matches(v)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"displayName eq 'o''hara' and not (id in ('a',null,5))", "groupTypes/any(c:c eq 'Unified') or isof('microsoft.graph.user')", "t ge 2026-01-31T00:00:00Z",
		"a/b/$count ne -1.5e3", "startsWith(toLower(x),'y') eq true", "p has graph.kind'a,b' or d gt duration'P1D'", "x/all(y:y/z/any(w:w eq $it/q))",
	} {
		f.Add(seed, document)
	}
	f.Fuzz(func(t *testing.T, text, doc string) {
		parsed, err := filter.Parse(text)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := filter.Parse(parsed.String())
		if err != nil || again.Advanced() != parsed.Advanced() || !slices.Equal(again.Paths(), parsed.Paths()) {
			t.Fatalf("%q reads as %q: %v", text, parsed, err)
		}
		var v any
		d := json.NewDecoder(bytes.NewReader([]byte(doc)))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return
		}
		yes := parsed.Matches(v)
		if again.Matches(v) != yes {
			t.Fatalf("%q changes its verdict", text)
		}
		not, err := filter.Parse(fmt.Sprintf("not (%s)", text))
		if err == nil && yes && not.Matches(v) {
			t.Fatalf("%q and its opposite are both true", text)
		}
	})
}

func TestPathsAreStepsOfLettersDigitsDotsAndUnderscores(t *testing.T) {
	for text, want := range map[string]bool{
		"id": true, "status/errorCode": true, "microsoft.graph.user/mail": true, "extension_1a/ä": true,
		"": false, "/a": false, "a/": false, "a b": false, "a(b)": false, "$it": false, "@odata.type": false,
	} {
		if filter.IsPath(text) != want {
			t.Errorf("%q", text)
		}
	}
}
