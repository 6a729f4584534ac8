package recorded_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// reader is how a client reads an answer.
//
// A Kiota SDK, and a provider of Terraform's plugin framework on top of one, has
// nil for what is absent and for null, and tells an empty list from both. A
// provider on Terraform's plugin SDK has one zero value of each type in its
// state: null, absent, "", false, 0, an empty list and an object of nothing but
// those are the same to it, except that an object where it expects none is a
// block that its configuration lacks, and so drift.
//
// Both compare texts as they are: a duration or a version that comes back in
// another spelling is drift, too. What the recording lacks is not compared: the
// recording server had no defaults.
type reader struct {
	zeros bool
}

// free are the dates that a server assigns as it likes. The recording server
// dated everything, Graph does not.
var free = []string{"createdDateTime", "lastModifiedDateTime", "modifiedDateTime"}

// echoed are the properties of recorded answers that no Graph sends: the
// recording server made "version" up for everything and sent back whatever it
// was sent. Graph has a version on managed app policies only, where it is free.
var echoed = []string{"version", "vendorExtra"}

// compare returns where got is not what the client expects, which is want.
func (r reader) compare(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		inner, ok := got.(map[string]any)
		if !ok {
			if r.zeros && got == nil && zero(want) {
				return nil
			}
			return mismatch(path, want, got)
		}
		return r.object(path, want, inner)
	case []any:
		inner, ok := got.([]any)
		if r.zeros && len(want) == 0 && got == nil {
			return nil
		}
		if !ok || len(inner) != len(want) {
			return mismatch(path, want, got)
		}
		var faults []string
		for i := range want {
			faults = append(faults, r.compare(fmt.Sprintf("%s[%d]", path, i), want[i], inner[i])...)
		}
		return faults
	}
	if _, isObject := got.(map[string]any); reflect.DeepEqual(want, got) || r.zeros && zero(want) && zero(got) && !isObject {
		return nil
	}
	return mismatch(path, want, got)
}

func (r reader) object(path string, want, got map[string]any) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case name == "@odata.context", strings.HasSuffix(name, "@odata.bind"), slices.Contains(echoed, name):
		case slices.Contains(free, name):
			text, _ := got[name].(string)
			if _, err := time.Parse(time.RFC3339, text); err != nil && got[name] != nil {
				faults = append(faults, fmt.Sprintf("%s is no date: %v", at, got[name]))
			}
		default:
			faults = append(faults, r.compare(at, want[name], got[name])...)
		}
	}
	return faults
}

// zero reports whether v says nothing.
func zero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		for name, inner := range v {
			if name != "@odata.type" && !zero(inner) {
				return false
			}
		}
		return true
	}
	return v == "" || v == false || v == 0.0
}

func mismatch(path string, want, got any) []string {
	show := func(v any) string {
		doc, _ := json.Marshal(v)
		return string(doc)
	}
	return []string{path + " is " + show(got) + ", the client expects " + show(want)}
}

func TestAClientSeesWhatIsNotWhatItSent(t *testing.T) {
	kiota, terraform := reader{}, reader{zeros: true}
	for _, c := range []struct {
		by        reader
		want, got string
		faults    int
	}{
		{kiota, `{"a":1,"b":null}`, `{"a":1,"more":true}`, 0},
		{kiota, `{"a":1}`, `{"a":2}`, 1},
		{kiota, `{"a":"PT12H"}`, `{"a":"PT720M"}`, 1},
		{kiota, `{"a":[]}`, `{"a":null}`, 1},
		{kiota, `{"a":null}`, `{"a":"x"}`, 1},
		{kiota, `{"a":["x","y"]}`, `{"a":["x"]}`, 1},
		{kiota, `{"createdDateTime":"2026-01-01T00:00:00Z"}`, `{"createdDateTime":"2027-01-01T00:00:00.1234567Z"}`, 0},
		{kiota, `{"createdDateTime":"2026-01-01T00:00:00Z"}`, `{}`, 0},
		{kiota, `{"createdDateTime":"2026-01-01T00:00:00Z"}`, `{"createdDateTime":"today"}`, 1},
		{kiota, `{"version":"x","o@odata.bind":["x"],"@odata.context":"x"}`, `{}`, 0},
		{terraform, `{"a":[],"b":"","c":false,"d":null}`, `{}`, 0},
		{terraform, `{"a":null}`, `{"a":[]}`, 0},
		{terraform, `{"a":null}`, `{"a":{"b":[]}}`, 1},
		{terraform, `{"a":{"@odata.type":"x","b":false}}`, `{"a":null}`, 0},
		{terraform, `{"a":{"b":true}}`, `{"a":null}`, 1},
		{terraform, `{"a":[]}`, `{"a":["x"]}`, 1},
	} {
		var want, got any
		for text, into := range map[string]*any{c.want: &want, c.got: &got} {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatal(err)
			}
		}
		if faults := c.by.compare("", want, got); len(faults) != c.faults {
			t.Errorf("%+v: want %s, got %s: %v", c.by, c.want, c.got, faults)
		}
	}
}
