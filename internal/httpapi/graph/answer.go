package graph

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/odata"
)

const contentType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// NoContent answers 204.
func (c *Call) NoContent() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// Entity answers one object of the collection at path with its context.
func (c *Call) Entity(status int, path string, v any) error {
	doc, err := c.project(v)
	if err != nil {
		return err
	}
	return c.withContext(status, c.context(path)+"/$entity", doc)
}

// Value answers what an action or function returns: an object of a complex type,
// or a single value, named as the metadata names it ("Edm.Boolean").
func (c *Call) Value(kind string, v any) error {
	if _, ok := v.(map[string]any); !ok {
		v = map[string]any{"value": v}
	}
	doc, err := encode(v)
	if err != nil {
		return err
	}
	return c.withContext(http.StatusOK, c.Base()+"/$metadata#"+kind, doc)
}

func (c *Call) withContext(status int, context string, doc []byte) error {
	quoted, err := encode(context)
	if err != nil {
		return err
	}
	if string(doc) == "{}" {
		return c.write(status, slices.Concat([]byte(`{"@odata.context":`), quoted, []byte("}")))
	}
	return c.write(status, slices.Concat([]byte(`{"@odata.context":`), quoted, []byte(","), doc[1:]))
}

// page is one page of a collection, as it goes out.
type page struct {
	path  string // of the collection, for the context
	items []any
	next  string // where the next page starts; "" ends the list
	count int    // of all pages; written when asked for
}

func (c *Call) page(p page) error {
	items := make([]any, 0, len(p.items))
	for _, v := range p.items {
		item, err := c.projected(v)
		if err != nil {
			return err
		}
		items = append(items, item)
	}
	body := map[string]any{"@odata.context": c.context(p.path), "value": items}
	if c.Options.Count {
		body["@odata.count"] = p.count
	}
	if p.next != "" {
		values := c.Request.URL.Query()
		values.Del("$skip")
		values.Set("$skiptoken", p.next)
		body["@odata.nextLink"] = c.Base() + "/" + c.path() + "?" + values.Encode()
	}
	doc, err := encode(body)
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, doc)
}

// Number answers a $count segment.
func (c *Call) Number(n int) error {
	return c.Content("text/plain", []byte(strconv.Itoa(n)))
}

// Content answers a document that is no JSON.
func (c *Call) Content(kind string, doc []byte) error {
	c.w.Header().Set("Content-Type", kind)
	_, err := c.w.Write(doc)
	return ignoreGone(err)
}

// Writer is where an answer goes that is written piece by piece.
func (c *Call) Writer() http.ResponseWriter { return c.w }

func (c *Call) write(status int, doc []byte) error {
	c.w.Header().Set("Content-Type", contentType)
	c.w.WriteHeader(status)
	_, err := c.w.Write(doc)
	return ignoreGone(err)
}

// ignoreGone drops the error of a write: the answer has begun, and whoever
// waited for it left.
func ignoreGone(error) error { return nil }

// context names what an answer holds.
func (c *Call) context(path string) string {
	if strings.HasPrefix(path, "Collection(") {
		return c.Base() + "/$metadata#" + path // what has no set is named by its type alone
	}
	parts := slices.Clone(c.Options.Select)
	for _, e := range c.Options.Expand {
		parts = append(parts, e.Name+"()")
	}
	if len(parts) > 0 {
		path += "(" + strings.Join(parts, ",") + ")"
	}
	return c.Base() + "/$metadata#" + path
}

// project encodes v with the members that $select asks for. Annotations and
// what $expand asked for always stay.
func (c *Call) project(v any) ([]byte, error) {
	item, err := c.projected(v)
	if err != nil {
		return nil, err
	}
	return encode(item)
}

func (c *Call) projected(v any) (any, error) {
	if len(c.Options.Select) == 0 {
		return v, nil
	}
	members, err := Document(v)
	return selected(members, c.Options), err
}

func selected(members map[string]any, o odata.Options) map[string]any {
	if len(o.Select) == 0 {
		return members
	}
	for name := range members {
		if !strings.Contains(name, "@odata.") && !asked(o.Select, name) &&
			!slices.ContainsFunc(o.Expand, func(e odata.Expansion) bool { return e.Name == name }) {
			delete(members, name)
		}
	}
	return members
}

// asked reports whether $select names a member; a path selects its first segment.
func asked(names []string, member string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		first, _, _ := strings.Cut(name, "/")
		return first == "*" || strings.EqualFold(first, member)
	})
}

// Document turns a view into the JSON object that it stands for.
func Document(v any) (map[string]any, error) {
	if m, ok := v.(map[string]any); ok && decoded(m) {
		return m, nil
	}
	doc, err := encode(v)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	err = d.Decode(&members)
	return members, err
}

// decoded reports whether v is made of what JSON is decoded into: only that can be
// filtered and sorted.
func decoded(v any) bool {
	switch v := v.(type) {
	case nil, string, bool, float64, json.Number:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !decoded(item) })
	case map[string]any:
		for _, member := range v {
			if !decoded(member) {
				return false
			}
		}
		return true
	}
	return false
}

// ETag is the version of an object as Graph prints it: quotes are part of it.
func ETag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// ifMatch refuses a change of another version than If-Match names, if it names one.
func (c *Call) ifMatch(revision int64) error {
	want := strings.TrimPrefix(strings.TrimSpace(c.Request.Header.Get("If-Match")), "W/")
	if want == "" || want == "*" || want == ETag(revision) {
		return nil
	}
	return preconditionFailed()
}

// conditional reports whether the caller named the version to change.
func (c *Call) conditional() bool {
	want := c.Request.Header.Get("If-Match")
	return want != "" && want != "*"
}

// Stamp prints an instant as Graph does, with seven digits; null for none.
func Stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.0000000Z")
	return &s
}

// Never is the instant that Graph prints where null is not allowed and nothing happened.
const Never = "0001-01-01T00:00:00Z"

// StampOrNever is Stamp for properties that may not be null.
func StampOrNever(t time.Time) string {
	if s := Stamp(t); s != nil {
		return *s
	}
	return Never
}

// Text prints a string, null for none.
func Text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Texts prints a list of names, never null.
func Texts[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i := range in {
		out[i] = string(in[i])
	}
	return out
}

// Typed is the inverse of Texts.
func Typed[S ~string](in []string) []S {
	var out []S
	for _, s := range in {
		out = append(out, S(s))
	}
	return out
}
