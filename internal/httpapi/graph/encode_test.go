package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/httpapi/graph"
)

// standard is what encoding/json prints without escapes for HTML.
func standard(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func FuzzViewsArePrintedAsEncodingJSONDoes(f *testing.F) {
	for _, doc := range []string{
		`null`, `{}`, `[]`, `"<&>\u2028"`, `{"b":[1,{"z":null,"a":[]}],"a":{"":true}}`, `{"a\"b\\":"\u0000","é":1.5e300,"\t":[[[]]],"\u007f":{}}`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var v any
		if json.Unmarshal(doc, &v) != nil {
			return
		}
		got, err := graph.Encode(v)
		if err != nil || string(got) != standard(t, v) {
			t.Errorf("%s, %v; want %s", got, err, standard(t, v))
		}
	})
}

func TestViewsOfOtherTypesArePrintedAsEncodingJSONDoes(t *testing.T) {
	var none map[string]any
	var nothing []any
	for _, v := range []any{
		none, nothing, map[string]any{"at": time.Unix(1, 0).UTC(), "raw": json.RawMessage(`{"b": 1}`), "list": []string{"<"}, "none": none, "nothing": nothing},
		struct {
			A map[string]any `json:"a"`
		}{map[string]any{"x": &none}},
	} {
		got, err := graph.Encode(v)
		if err != nil || string(got) != standard(t, v) {
			t.Errorf("%s, %v; want %s", got, err, standard(t, v))
		}
	}
	for _, bad := range []any{make(chan int), map[string]any{"a": func() {}}, []any{map[string]any{"b": make(chan int)}}} {
		if _, err := graph.Encode(bad); err == nil {
			t.Errorf("%T was printed", bad)
		}
	}
}

// BenchmarkPage prints a page of 999 views as registrations are.
func BenchmarkPage(b *testing.B) {
	views := make([]any, 999)
	for i := range views {
		views[i] = map[string]any{
			"@odata.type": "#microsoft.graph.windowsManagedAppRegistration", "id": fmt.Sprint("r-", i), "appIdentifier": map[string]any{"windowsAppId": "com.microsoft.edge"},
			"applicationVersion": "130.0", "createdDateTime": "2026-01-01T00:00:00Z", "deviceName": "PC", "flaggedReasons": []string{}, "version": `"1"`,
			"postern": map[string]any{"complianceState": "compliant", "reasons": []any{}, "wipePending": false, "endedDateTime": nil},
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, v := range views {
			if _, err := graph.Encode(v); err != nil {
				b.Fatal(err)
			}
		}
	}
}
