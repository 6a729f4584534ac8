package recorded_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// read reads the answer as the client does.
func (c *client) read(t *testing.T, x exchange, a answer) {
	t.Helper()
	if a.status == http.StatusNoContent || len(a.body) == 0 {
		if x.Method == http.MethodGet || x.Status == http.StatusCreated {
			t.Errorf("the client reads an object, and there is none: %v", a)
		}
		return
	}
	there := x.answered()
	if there == nil {
		if x.Status == http.StatusOK && a.header.Get("Content-Type") != "text/plain" {
			t.Errorf("Content-Type is %q, recorded is plain text", a.header.Get("Content-Type"))
		}
		return
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Errorf("Content-Type is %q", a.header.Get("Content-Type"))
	}
	here := a.object()
	switch {
	case here == nil:
		t.Fatalf("the client reads an object: %v", a)
	case x.Status >= http.StatusBadRequest:
		failed(t, here)
		return
	case x.Status == http.StatusCreated:
		c.learn(t, there, here)
	}
	if strings.HasSuffix(x.Path, "/$batch") {
		batched(t, there, here)
		return
	}
	if list, ok := there["value"].([]any); ok {
		c.list(t, x, list, here)
		return
	}
	c.compare(t, x, there, here)
}

// failed reads an error as Kiota and azuread do.
func failed(t *testing.T, body map[string]any) {
	t.Helper()
	e, _ := body["error"].(map[string]any)
	for _, name := range []string{"code", "message"} {
		if s, _ := e[name].(string); s == "" {
			t.Errorf("error.%s is missing: %v", name, body)
		}
	}
}

// batched reads the answers of a batch by the identifiers that the client gave.
func batched(t *testing.T, there, here map[string]any) {
	t.Helper()
	find := func(in map[string]any) map[any]map[string]any {
		out := map[any]map[string]any{}
		list, _ := in["responses"].([]any)
		for _, item := range list {
			part, _ := item.(map[string]any)
			out[part["id"]] = part
		}
		return out
	}
	got := find(here)
	for id, part := range find(there) {
		body, _ := got[id]["body"].(map[string]any)
		if _, ok := body["value"].([]any); got[id]["status"] != part["status"] || !ok {
			t.Errorf("response %v is %v, recorded %v", id, got[id], part)
		}
	}
}

// learn takes the identifier of what was made.
func (c *client) learn(t *testing.T, there, here map[string]any) {
	t.Helper()
	id, _ := here["id"].(string)
	if id == "" {
		t.Fatalf("the client needs the id of what it made: %v", here)
	}
	c.ids[there["id"].(string)] = id
}

func (c *client) compare(t *testing.T, x exchange, there, here map[string]any) {
	t.Helper()
	doc, err := json.Marshal(there)
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := there["id"].(string); ok {
		for _, m := range c.trimmed[id] {
			doc = drop(t, doc, m)
		}
	}
	for _, m := range c.departing {
		if matches(m.request, x) && lookup(doc, m.path) {
			part := pick(there, m.path)
			if len(c.reader.compare("", part, pick(here, m.path))) > 0 {
				m.met = true
			}
			doc = drop(t, doc, m)
		}
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(c.here(string(doc))), &want); err != nil {
		t.Fatal(err)
	}
	if fields := selected(x.Query); fields != nil {
		for name := range want {
			if !slices.Contains(fields, name) {
				delete(want, name)
			}
		}
	}
	for _, fault := range c.reader.compare("", want, here) {
		t.Error(fault)
	}
}

func selected(query string) []string {
	values, err := url.ParseQuery(query)
	if err != nil || values.Get("$select") == "" {
		return nil
	}
	return strings.Split(values.Get("$select"), ",")
}

// list finds every recorded element that was made here, too, and walks to the
// end. A page that the recording server made up holds none.
func (c *client) list(t *testing.T, x exchange, there []any, here map[string]any) {
	t.Helper()
	if _, ok := here["value"].([]any); !ok {
		t.Fatalf("value is no list: %v", here)
	}
	if strings.Contains(x.Query, "$count=true") {
		if n, ok := here["@odata.count"].(float64); !ok || int(n) < len(there) {
			t.Errorf("@odata.count is %v", here["@odata.count"])
		}
	}
	recordedNext, _ := x.answered()["@odata.nextLink"].(string)
	next, _ := here["@odata.nextLink"].(string)
	if recordedNext != "" {
		if next == "" {
			t.Error("the list is longer than a page and has no @odata.nextLink")
		}
		c.ids[token(recordedNext)] = token(next)
	}
	found := c.walk(t, here)
	for _, item := range there {
		want, _ := item.(map[string]any)
		id, ours := c.ids[want["id"].(string)]
		switch {
		case !ours:
		case found[id] == nil:
			t.Errorf("%s is not in the list", id)
		default:
			c.compare(t, x, want, found[id])
		}
	}
}

func token(link string) string {
	_, token, _ := strings.Cut(link, "skiptoken=")
	token, _, _ = strings.Cut(token, "&")
	return token
}

// walk follows the links as they are, with nothing but the token, and returns
// the elements by id.
func (c *client) walk(t *testing.T, page map[string]any) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for {
		items, ok := page["value"].([]any)
		if !ok {
			t.Fatalf("value is no list: %v", page)
		}
		for _, item := range items {
			o, _ := item.(map[string]any)
			id, _ := o["id"].(string)
			if id == "" || all[id] != nil {
				t.Fatalf("an element has no id, or comes twice: %v", o)
			}
			all[id] = o
		}
		next, ok := page["@odata.nextLink"].(string)
		if !ok {
			return all
		}
		if !strings.HasPrefix(next, c.house.GraphEndpoint+"/") {
			t.Fatalf("@odata.nextLink %q leads elsewhere than %s", next, c.house.GraphEndpoint)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, next, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		a := c.do(t, r)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %v", next, a)
		}
		page = a.object()
	}
}

// lookup reports whether doc has a member at path.
func lookup(doc []byte, path []string) bool {
	var o map[string]any
	return json.Unmarshal(doc, &o) == nil && pick(o, path) != nil
}

// pick returns o's member at path as an object of that member alone, nil for none.
func pick(o map[string]any, path []string) map[string]any {
	for _, name := range path[:len(path)-1] {
		o, _ = o[name].(map[string]any)
	}
	last := path[len(path)-1]
	if _, ok := o[last]; !ok {
		return nil
	}
	return map[string]any{last: o[last]}
}

// drop returns doc without a member, or with what m has instead.
func drop(t *testing.T, doc []byte, m *member) []byte {
	t.Helper()
	var whole map[string]any
	if json.Unmarshal(doc, &whole) != nil {
		return doc
	}
	o, last := whole, m.path[len(m.path)-1]
	for _, name := range m.path[:len(m.path)-1] {
		o, _ = o[name].(map[string]any)
	}
	if delete(o, last); m.instead != nil {
		o[last] = m.instead
	}
	out, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
