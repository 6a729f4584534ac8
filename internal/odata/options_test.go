package odata_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

func filterOf(t testing.TB, text string) odata.Filter {
	t.Helper()
	f, err := odata.ParseFilter(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func searchOf(t testing.TB, text string) odata.Search {
	t.Helper()
	s, err := odata.ParseSearch(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func TestOptionsAreReadAsClientsWriteThem(t *testing.T) {
	for raw, want := range map[string]odata.Options{
		"":                            {},
		"?&custom=1&&=x&":             {},
		"?&$filter=a%20eq%20%27b%27":  {Filter: filterOf(t, "a eq 'b'")},
		"%24top=5&$skipToken=x%3D%3D": {Top: 5, SkipToken: "x=="},
		"top=999&filter=a+eq+1&Count=TRUE&skip=10":   {Top: 999, Skip: 10, Count: true, Filter: filterOf(t, "a eq 1")},
		"$select=id,%20name,,id&$expand=apps,a":      {Select: []string{"id", "name"}, Expand: []odata.Expansion{{Name: "apps"}, {Name: "a"}}},
		"$select=id,*":                               {},
		"$select=status/errorCode":                   {Select: []string{"status/errorCode"}},
		"$count=true&$format=application/json;x=y":   {Count: true},
		"$count=false&$format=JSON":                  {},
		"$orderBy=name%20asc,+status/x%20%20DESC,id": {OrderBy: []odata.Order{{Path: "name"}, {Path: "status/x", Descending: true}, {Path: "id"}}},
		"$filter=&$search=&$expand=&$select=":        {},
		"$search=%22displayName%3ABYOD%22":           {Search: searchOf(t, `"displayName:BYOD"`)},
		"$expand=members($select=id,mail;$top=5),microsoft.graph.group/owners": {Expand: []odata.Expansion{
			{Name: "members", Options: odata.Options{Top: 5, Select: []string{"id", "mail"}}}, {Name: "graph.group/owners"},
		}},
		"$expand=a( $filter=x%20eq%20';),('; expand=b($expand=c($orderby=d)) ;;),e()": {Expand: []odata.Expansion{
			{Name: "a", Options: odata.Options{
				Filter: filterOf(t, "x eq ';),('"),
				Expand: []odata.Expansion{{Name: "b", Options: odata.Options{Expand: []odata.Expansion{{Name: "c", Options: odata.Options{OrderBy: []odata.Order{{Path: "d"}}}}}}}},
			}},
			{Name: "e"},
		}},
	} {
		got, err := odata.ParseOptions(raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v, want %+v", raw, got, err, want)
		}
	}
}

func TestWhatIsNoOptionIsRefusedByName(t *testing.T) {
	for raw, want := range map[string]string{
		"$top=0": `$top is "0"; it must be between 1 and 999`, "$top=1000": "$top", "$top=x": "$top", "$top=": "$top", "$skip=-1": `$skip is "-1"`,
		"$top=1&top=2": "$top is given more than once", "$filter=&$Filter=": "$filter is given more than once",
		"$count=maybe": `$count is "maybe"; it must be true or false`, "$format=xml": "only json", "$apply=x": `"$apply" is not supported; $top, $skip`, "$=1": `"$"`,
		"%zz": `"%zz" is not escaped correctly`, "$top=%z": "not escaped",
		"$filter=a": "", "$filter=a+eq": "its end at position 5", "$search=AND": "$search", "$select=a(b)": `$select has "a(b)"`, "$select=a+b": "$select",
		"$orderby=a+up": `$orderby has "a up"`, "$orderby=a+desc+x": "$orderby", "$orderby=tolower(a)": "$orderby",
		"$expand=*": "name the relationships", "$expand=a(": "do not pair", "$expand=a)(": "do not pair", "$expand=a('": "do not pair", "$expand=a()b": `$expand has "a()b"`,
		"$expand=a b": "$expand", "$expand=(a)": "$expand", "$expand=a,A": `names "A" more than once`, "$expand=members/$ref": "$expand",
		"$expand=a($top=x)": "$top", "$expand=a($levels=max)": `option "$levels" inside $expand is not supported`, "$expand=a(x=1)": `option "x" inside $expand`,
		"$expand=a($skiptoken=x)": `"$skiptoken" inside`, "$expand=a($format=json)": `"$format" inside`, "$expand=a($top=1;$top=2)": "more than once",
		"$expand=a($filter=b eq ')": "do not pair", "$expand=a($expand=a($expand=a($expand=a($expand=a))))": "more than 4 levels",
		"$expand=a($select=b;')": "do not pair", "$filter=" + strings.Repeat("x", 9000): "at most 8192", "$search=" + strings.Repeat("x", 9000): "at most 8192", "$search=%ff": "not UTF-8",
	} {
		got, err := odata.ParseOptions(raw)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", raw, err)
			}
			continue
		}
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(got, odata.Options{}) {
			t.Errorf("%s: %+v %v, want %s", raw, got, err, want)
		}
	}
}

func object(t testing.TB, doc string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestListsAreSortedByTheFirstKeyThatDiffers(t *testing.T) {
	var items []any
	for _, doc := range []string{
		`{"n":1,"name":"b","s":{"at":"2026-01-01T00:00:00Z"}}`, `{"n":2,"name":"B","s":{"at":"2026-01-01T00:30:00+01:00"}}`, `{"n":3,"name":"a"}`, `{"n":4}`, `{"n":5,"name":"b"}`,
	} {
		items = append(items, object(t, doc))
	}
	for orderby, want := range map[string][]float64{
		"name": {4, 3, 1, 2, 5}, "name desc,n desc": {5, 2, 1, 3, 4}, "NAME,graph.x/s/at": {4, 3, 5, 2, 1}, "n desc": {5, 4, 3, 2, 1}, "none": {1, 2, 3, 4, 5},
	} {
		o, err := odata.ParseOptions("$orderby=" + strings.ReplaceAll(orderby, " ", "+"))
		if err != nil {
			t.Fatal(err)
		}
		sorted := slices.Clone(items)
		slices.SortStableFunc(sorted, odata.SortFunc(o.OrderBy))
		var got []float64
		for _, v := range sorted {
			got = append(got, v.(map[string]any)["n"].(float64))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", orderby, got, want)
		}
	}
	if odata.Compare("a", "B") != -1 {
		t.Error("case decides")
	}
}

func TestSelectionKeepsWhatIsNamedAndTheAnnotations(t *testing.T) {
	v := object(t, `{"@odata.type":"x","@odata.id":"y","id":"1","DisplayName":"n","displayName@odata.type":"z","status":{"a":1,"b":2},"other":1,"other@odata.context":"c","members@odata.nextLink":"l"}`)
	for names, want := range map[string]string{
		"ID,displayname":             `{"@odata.type":"x","@odata.id":"y","id":"1","DisplayName":"n","displayName@odata.type":"z"}`,
		"status/a":                   `{"@odata.type":"x","@odata.id":"y","status":{"a":1,"b":2}}`,
		"graph.user/other,nothing,x": `{"@odata.type":"x","@odata.id":"y","other":1,"other@odata.context":"c"}`,
	} {
		if got := odata.Select(v, strings.Split(names, ",")); !reflect.DeepEqual(got, object(t, want)) {
			t.Errorf("%s: %v", names, got)
		}
	}
	if got := odata.Select(v, nil); !reflect.DeepEqual(got, v) || len(v) != 9 {
		t.Errorf("no selection: %v", got)
	}
}

func TestSearchFindsWordsByTheirBeginnings(t *testing.T) {
	v := object(t, `{"displayName":"OneVideo BYOD-Pilot 2024team","description":"Zürich office","mail":"ada.lovelace@contoso.com","userPrincipalName":null,
		"proxyAddresses":["SMTP:ada@contoso.com",5,"smtp:countess@fabrikam.com"],"size":7}`)
	for text, want := range map[string]bool{
		`"displayName:BYOD"`: true, `"displayName:byod pi"`: true, `"displayName:pilot one"`: true, `"displayName:video"`: true, `"displayName:onevid"`: true,
		`"displayName:byo-d"`: true, `"displayName:byodpil"`: true, `"displayName:team"`: true, `"displayName:2024"`: true, `"displayName:2024te"`: true, `"DISPLAYNAME:VIDEO"`: true, `displayName:BYOD`: true,
		`"displayName:ideo"`: false, `"displayName:byod x"`: false, `"displayName:zürich"`: false, `"nothing:a"`: false, `"size:7"`: false, `"userPrincipalName:a"`: false,
		`"ZÜRICH"`: true, `office`: true, `lovelace`: true, `"ada.love"`: true, `"countess"`: false, `"proxyAddresses:countess"`: true, `"mail:ada@contoso"`: true,
		`"mail:lovelace" AND "displayName:x"`: false, `"mail:lovelace" OR "displayName:x"`: true, `"displayName:x" or "mail:x" Or office`: true,
		`"displayName:x" OR "mail:ada" AND "mail:x"`: false, `"mail:ada" OR "mail:x" AND "mail:y"`: true, `zürich office`: true, `zürich "x"`: false,
		`"displayName:\"BYOD\\"`: true, `"AND" OR office`: true, `"displayName:byod !!"`: true, "": true, "  ": true, `"mail:ada"OR"mail:x"`: true, `"a b:ada"`: false,
	} {
		s := searchOf(t, text)
		if got := s.Matches(v); got != want || s.String() != strings.TrimSpace(text) {
			t.Errorf("%s: %v", text, got)
		}
	}
	s := searchOf(t, `"mail:a" AND "displayName:x" OR "mail:y" OR z`)
	if got := s.Properties(); s.IsZero() || !slices.Equal(got, []string{"displayName", "mail"}) {
		t.Errorf("%q", got)
	}
	if s := searchOf(t, " "); !s.IsZero() || s.Properties() != nil {
		t.Error("a blank search is one")
	}
}

func TestASearchThatCannotBeReadNamesItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		`"displayName:a`: `"\"displayName:a" at position 1`, `a AND`: "its end at position 6", `OR a`: `"OR" at position 1`, `a OR OR b`: `"OR" at position 6`,
		`NOT a`: `"NOT" at position 1`, `a AND NOT b`: `"NOT" at position 7`, `("a")`: `"(" at position 1`, `ä ")"`: `at position 3`, `"displayName:"`: "at position 1",
		`""`: "at position 1", `"a\`: "at position 1", `a)`: `")" at position 2`, `AND`: `"AND"`,
	} {
		s, err := odata.ParseSearch(text)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `valid there is a clause such as "displayName:value"`) || !s.IsZero() {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestFunctionsAndKeysCarryNamedValues(t *testing.T) {
	type s = odata.Segment
	for path, want := range map[string][]s{
		"getPlatformSupportedProperties(platform='windows')": {{Text: "getPlatformSupportedProperties"}, {Text: "windows", Key: true, Property: "platform"}},
		"f(a='1',%20b%20=%20'x,=('')y',c=3)/$count": {{Text: "f"},
			{Text: "1", Key: true, Property: "a", More: []s{{Text: "x,=(')y", Key: true, Property: "b"}, {Text: "3", Key: true, Property: "c"}}}, {Text: "$count"}},
		"groups/1/members/2/%24ref":                      {{Text: "groups"}, {Text: "1"}, {Text: "members"}, {Text: "2"}, {Text: "$ref"}},
		"users/ada%40contoso.com/photo/$value":           {{Text: "users"}, {Text: "ada@contoso.com"}, {Text: "photo"}, {Text: "$value"}},
		"users/microsoft.graph.delta(%20)":               {{Text: "users"}, {Text: "graph.delta"}},
		"groups(uniqueName='o''hara')/transitiveMembers": {{Text: "groups"}, {Text: "o'hara", Key: true, Property: "uniqueName"}, {Text: "transitiveMembers"}},
	} {
		got, err := odata.ParsePath(path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", path, got, err)
		}
	}
	for _, path := range []string{"f('a','b')", "f('a',b='c')", "f('a)", "f(,)", "f(a='b)"} {
		if got, err := odata.ParsePath(path); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", path, got)
		}
	}
	both := s{Text: "1", Key: true, Property: "a", More: []s{{Text: "2", Key: true, Property: "b"}}}
	for name, want := range map[string]string{"a": "1", "B": "2"} {
		if got, ok := both.Argument(name); !ok || got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if _, ok := (s{Text: "1", Key: true}).Argument(""); ok {
		t.Error("an identifier is an argument")
	}
}

func FuzzParseOptions(f *testing.F) {
	for _, seed := range []string{
		"?&$filter=a%20eq%20'b'&$top=5&", "$expand=members($select=id;$top=5),apps&$count=true", "$orderby=a%20desc,b&$select=x/y", `$search="mail:a" OR b`, "$expand=a($filter=b eq 'x;y')",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		o, err := odata.ParseOptions(raw)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if o.Top < 0 || o.Top > odata.MaxTop || o.Skip < 0 {
			t.Errorf("%+v", o)
		}
		o.Filter.Matches(nil)
		odata.SortFunc(o.OrderBy)(nil, nil)
		odata.Select(map[string]any{"a": 1.0}, o.Select)
	})
}

func FuzzParseSearch(f *testing.F) {
	for _, seed := range []string{`"displayName:BYOD"`, `"a:b c" AND "d\"" OR e`, `a"b"OR`, "ǅx1!"} {
		f.Add(seed, "OneVideo 2024")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		s, err := odata.ParseSearch(text)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		v := map[string]any{"displayName": name}
		again, err := odata.ParseSearch(s.String())
		if err != nil || again.Matches(v) != s.Matches(v) || again.IsZero() != s.IsZero() {
			t.Errorf("%q: %v", text, err)
		}
		if len(strings.Fields(name)) == 1 && strings.IndexFunc(name, func(r rune) bool { return r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a' }) < 0 {
			if own := searchOf(t, `"displayName:`+name+`"`); !own.Matches(v) {
				t.Errorf("%q does not find itself", name)
			}
		}
	})
}
