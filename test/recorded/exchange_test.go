package recorded_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// exchange is one line of the recording: what a client sent, and what the
// recording server, which stored and echoed whatever came, answered.
type exchange struct {
	Line      int
	Client    string
	Method    string
	Path      string
	Query     string
	Headers   map[string][]string
	Body      json.RawMessage // an object; a string when it was a form; "" for none
	Status    int
	Response  json.RawMessage
	WireBytes int // length of the body as sent, compressed or not
}

// sent is the body as the client wrote it, before compression.
func (x exchange) sent() []byte {
	var text string
	if json.Unmarshal(x.Body, &text) == nil {
		return []byte(text)
	}
	return x.Body
}

// zipped reports whether the client compressed the body.
func (x exchange) zipped() bool {
	return len(x.Headers["Content-Encoding"]) == 1 && x.Headers["Content-Encoding"][0] == "gzip"
}

// answered is the recorded answer as an object, nil when it was none.
func (x exchange) answered() map[string]any {
	var o map[string]any
	if json.Unmarshal(x.Response, &o) != nil {
		return nil
	}
	return o
}

// request names an exchange in messages and tables.
func (x exchange) request() string { return x.Method + " " + x.Path }

// recording returns the exchanges of the clients whose name starts with prefix,
// in their order.
func recording(t *testing.T, prefix string) []exchange {
	t.Helper()
	doc, err := os.ReadFile("testdata/recorded.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	lines := bufio.NewScanner(bytes.NewReader(doc))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		x := exchange{Line: n}
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		if strings.HasPrefix(x.Client, prefix) {
			all = append(all, x)
		}
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		t.Fatalf("nothing of %s is recorded (%v)", prefix, err)
	}
	return all
}

// Every line of the recording belongs to a client that one of the tests replays.
func TestNothingRecordedIsLeftOut(t *testing.T) {
	total := len(recording(t, ""))
	replayed := 0
	for _, client := range []string{betaSDK, v1SDK, azuread, microsoft365, msal} {
		replayed += len(recording(t, client))
	}
	if replayed != total {
		t.Errorf("%d exchanges are recorded, %d are replayed", total, replayed)
	}
}
