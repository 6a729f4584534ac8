package graph

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/fault"
)

const contentType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// page is one page of a collection, as it goes out.
type page struct {
	path  string // of the collection, for the context
	items []any
	next  string // where the next page starts; "" ends the list
	count int    // of all pages; written when asked for
}

// noContent answers 204.
func (c *call) noContent() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// entity answers one object with its context.
func (c *call) entity(status int, path string, v any) error {
	doc, err := c.project(v)
	if err != nil {
		return err
	}
	context, err := encode(c.context(path) + "/$entity")
	if err != nil {
		return err
	}
	return c.write(status, slices.Concat([]byte(`{"@odata.context":`), context, []byte(","), doc[1:]))
}

// page answers one page of a collection.
func (c *call) page(p page) error {
	body := struct {
		Context string            `json:"@odata.context"`
		Count   *int              `json:"@odata.count,omitempty"`
		Next    string            `json:"@odata.nextLink,omitempty"`
		Value   []json.RawMessage `json:"value"`
	}{Context: c.context(p.path), Value: make([]json.RawMessage, 0, len(p.items))}
	if c.query.Count {
		body.Count = &p.count
	}
	if p.next != "" {
		values := c.r.URL.Query()
		values.Set("$skiptoken", p.next)
		body.Next = c.base + strings.TrimPrefix(c.r.URL.EscapedPath(), "/"+c.version) + "?" + values.Encode()
	}
	for _, v := range p.items {
		doc, err := c.project(v)
		if err != nil {
			return err
		}
		body.Value = append(body.Value, doc)
	}
	doc, err := encode(body)
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, doc)
}

// number answers a $count segment.
func (c *call) number(n int) error {
	c.w.Header().Set("Content-Type", "text/plain")
	_, err := c.w.Write([]byte(strconv.Itoa(n)))
	return ignoreGone(err)
}

func (c *call) write(status int, doc []byte) error {
	c.w.Header().Set("Content-Type", contentType)
	c.w.WriteHeader(status)
	_, err := c.w.Write(doc)
	return ignoreGone(err)
}

// ignoreGone drops the error of a write: the answer has begun, and whoever
// waited for it left.
func ignoreGone(error) error { return nil }

// context names what an answer holds.
func (c *call) context(path string) string {
	parts := slices.Clone(c.query.Select)
	for _, e := range c.query.Expand {
		parts = append(parts, e+"()")
	}
	if len(parts) > 0 {
		path += "(" + strings.Join(parts, ",") + ")"
	}
	return c.base + "/$metadata#" + path
}

// project encodes v with the members that $select asks for. Annotations and
// what $expand asked for always stay.
func (c *call) project(v any) ([]byte, error) {
	doc, err := encode(v)
	if err != nil || len(c.query.Select) == 0 {
		return doc, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, err
	}
	for name := range members {
		if !strings.Contains(name, "@odata.") && !slices.Contains(c.query.Select, name) && !slices.Contains(c.query.Expand, name) {
			delete(members, name)
		}
	}
	return encode(members)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// etag is the version of an object as Graph prints it: quotes are part of it.
func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// ifMatch refuses a change of another version than If-Match names, if it names one.
func (c *call) ifMatch(revision int64) error {
	want := strings.TrimPrefix(strings.TrimSpace(c.r.Header.Get("If-Match")), "W/")
	if want == "" || want == "*" || want == etag(revision) {
		return nil
	}
	return preconditionFailed()
}

// conditional reports whether the caller named the version to change.
func (c *call) conditional() bool {
	want := c.r.Header.Get("If-Match")
	return want != "" && want != "*"
}

// expandable refuses to expand anything else than valid.
func (c *call) expandable(valid []string) error {
	for _, e := range c.query.Expand {
		if slices.Contains(valid, e) {
			continue
		}
		supported := "nothing can be expanded here"
		if len(valid) > 0 {
			supported = "supported are " + strings.Join(valid, ", ")
		}
		return unsupportedQuery(fault.New(fault.Invalid, "$expand=%s is not supported; %s", e, supported))
	}
	return nil
}

func (c *call) expands(name string) bool { return slices.Contains(c.query.Expand, name) }

// stamp prints an instant as Graph does, with seven digits; null for none.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.0000000Z")
	return &s
}

// text prints a string, null for none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// texts prints a list of names, never null.
func texts[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i := range in {
		out[i] = string(in[i])
	}
	return out
}

// typed is the inverse of texts.
func typed[S ~string](in []string) []S {
	var out []S
	for _, s := range in {
		out = append(out, S(s))
	}
	return out
}

// token and position are a place in a list that is read whole.
func token(n int) string { return strconv.Itoa(n) }

func position(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(token)
	if err != nil || n < 0 {
		return 0, unsupportedQuery(fault.New(fault.Invalid, "$skiptoken is not one of this list; follow @odata.nextLink as it is"))
	}
	return n, nil
}
