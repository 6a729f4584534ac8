package audit_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/audit"
)

func TestWhatMovedIsListedAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		before, after string
		want          []audit.Changed
	}{
		{`{"a":1,"b":{"c":"x","d":[1,2]}}`, `{"a":1,"b":{"c":"y","d":[1,2]}}`, []audit.Changed{{"b.c", `"x"`, `"y"`}}},
		{``, `{"name":"n"}`, []audit.Changed{{"name", "", `"n"`}}},
		{`{"name":"n","gone":{"deep":true}}`, ``, []audit.Changed{{"gone.deep", "true", ""}, {"name", `"n"`, ""}}},
		{`{"list":[1, 2]}`, `{"list":[1,2]}`, nil},
		{`{"list":[1]}`, `{"list":[2]}`, []audit.Changed{{"list", "[1]", "[2]"}}},
		{`{"a":null}`, `{"a":{"b":1}}`, []audit.Changed{{"a", "null", ""}, {"a.b", "", "1"}}},
		{`null`, `{"a":1}`, []audit.Changed{{"a", "", "1"}}},
		{`3`, `4`, []audit.Changed{{"value", "3", "4"}}},
		{`{broken`, `{}`, []audit.Changed{{"value", "{broken", ""}}},
		{``, ``, nil},
	} {
		if got := audit.Changes(json.RawMessage(c.before), json.RawMessage(c.after)); !slices.Equal(got, c.want) {
			t.Errorf("%s -> %s: %v, want %v", c.before, c.after, got, c.want)
		}
	}
}

func TestWhatWasNotThereIsNotInAStoredEntry(t *testing.T) {
	doc, err := json.Marshal(audit.Entry{ID: "e", After: json.RawMessage(`{"a":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	var back audit.Entry
	if err := json.Unmarshal(doc, &back); err != nil || back.Before != nil || string(back.After) != `{"a":1}` {
		t.Errorf("%s: %+v %v", doc, back, err)
	}
}

func FuzzChanges(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1]}}`), []byte(`{"a":null}`))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		there, back := audit.Changes(before, after), audit.Changes(after, before)
		if len(there) != len(back) {
			t.Errorf("%d one way, %d the other", len(there), len(back))
		}
		if same := audit.Changes(before, before); len(same) > 0 {
			t.Errorf("it differs from itself: %v", same)
		}
	})
}
