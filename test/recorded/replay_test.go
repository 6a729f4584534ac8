package recorded_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/test/csdl"
	"github.com/postern-mam/postern/test/play"
)

// answer is what our server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) object() map[string]any {
	var o map[string]any
	if json.Unmarshal(a.body, &o) != nil {
		return nil
	}
	return o
}

func (a answer) String() string { return fmt.Sprintf("%d %.700s", a.status, a.body) }

// client replays what one client sent.
type client struct {
	house     *play.House
	reference *csdl.Reference
	reader    reader
	statuses  func(x exchange, status int) bool // whether the client goes on after status
	token     string
	ids       map[string]string // recorded, and what stands for it here
	hosts     []string          // the recording server by its names
	later     []*later
	unread    []*member
	departing []*member
	unmade    map[string]bool      // recorded identifiers of what could not be made here
	trimmed   map[string][]*member // what was taken out of an object, by its recorded identifier
}

// later is a request that is not served yet.
type later struct {
	request string // pattern of "METHOD /path"
	why     string
	met     bool
}

// member is a member of a body that is treated apart. As an entry of unread the
// server refuses it by name, and the request is replayed without it, or with
// something else instead. As an entry of departing the server answers otherwise
// than the recording server did, on purpose.
type member struct {
	request string // pattern of "METHOD /path"
	path    []string
	why     string
	instead any
	met     bool
}

func matches(pattern string, x exchange) bool {
	return regexp.MustCompile("^" + pattern + "$").MatchString(x.request())
}

// replay plays the Graph requests among all, in their order.
func (c *client) replay(t *testing.T, all []exchange) {
	t.Helper()
	for _, x := range all {
		if !strings.HasPrefix(x.Path, "/v1.0/") && !strings.HasPrefix(x.Path, "/beta/") {
			continue
		}
		t.Run(fmt.Sprintf("%03d %s", x.Line, x.request()), func(t *testing.T) { c.play(t, x) })
	}
	c.exact(t)
}

// exact fails for entries of the tables that nothing recorded needs.
func (c *client) exact(t *testing.T) {
	t.Helper()
	for _, l := range c.later {
		if !l.met {
			t.Errorf("no request is %q any more; remove it from the table", l.request)
		}
	}
	for _, m := range slices.Concat(c.unread, c.departing) {
		if !m.met {
			t.Errorf("%q of %q is nothing special any more; remove it from the table", strings.Join(m.path, "."), m.request)
		}
	}
}

func (c *client) play(t *testing.T, x exchange) {
	for _, l := range c.later {
		if matches(l.request, x) {
			l.met = true
			c.unserved(t, x)
			return
		}
	}
	for id := range c.unmade {
		if strings.Contains(x.Path, id) {
			t.Skip("what this asks for could not be made, which failed already")
		}
	}
	x = c.without(t, x)
	a := c.send(t, x, x.sent())
	if !c.statuses(x, a.status) {
		if id, ok := x.answered()["id"].(string); ok && x.Status == http.StatusCreated {
			c.unmade[id] = true
		}
		t.Fatalf("the client does not go on after %v; recorded is %d", a, x.Status)
	}
	c.trace(t, x, a)
	c.reference.Check(t, csdl.Answer{Method: x.Method, URL: c.local(x), Status: a.status, ContentType: a.header.Get("Content-Type"), Body: a.body})
	c.read(t, x, a)
}

// unserved expects what Graph says to a segment that it does not know. When the
// request begins to work, its entry must go.
func (c *client) unserved(t *testing.T, x exchange) {
	a := c.send(t, x, x.sent())
	e, _ := a.object()["error"].(map[string]any)
	message, _ := e["message"].(string)
	if a.status != http.StatusBadRequest || e["code"] != "BadRequest" || !strings.HasPrefix(message, "Resource not found for the segment '") {
		t.Errorf("%v; if it is served now, remove it from the table", a)
	}
}

// without takes out of a body what the server refuses, and sees it refuse.
func (c *client) without(t *testing.T, x exchange) exchange {
	var here []*member
	for _, m := range c.unread {
		if matches(m.request, x) && lookup(x.Body, m.path) {
			here = append(here, m)
		}
	}
	whole := x
	if id, ok := x.answered()["id"].(string); ok && len(x.sent()) > 0 {
		c.trimmed[id] = here
	}
	for _, m := range here {
		x.Body, x.Response = drop(t, x.Body, m), drop(t, x.Response, m)
	}
	for _, m := range here {
		m.met = true
		alone := whole.Body
		for _, other := range here {
			if other != m {
				alone = drop(t, alone, other)
			}
		}
		a := c.send(t, x, alone)
		if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), m.path[len(m.path)-1]) {
			t.Errorf("%s: %v; if it is evaluated now, remove it from the table", strings.Join(m.path, "."), a)
		}
	}
	return x
}

// send sends a request as the client did, to our server.
func (c *client) send(t *testing.T, x exchange, body []byte) answer {
	t.Helper()
	body = []byte(c.here(string(body)))
	if x.zipped() {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body) // into memory
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		body = b.Bytes()
	}
	r, err := http.NewRequestWithContext(t.Context(), x.Method, c.house.GraphEndpoint+c.local(x), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range x.Headers {
		if name != "Authorization" && name != "Content-Length" {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	return c.do(t, r)
}

func (c *client) do(t *testing.T, r *http.Request) answer {
	t.Helper()
	resp, err := c.house.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	from := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if from, err = gzip.NewReader(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, doc}
}

// local is the path and query of x here.
func (c *client) local(x exchange) string {
	address := x.Path
	if x.Query != "" {
		address += "?" + x.Query
	}
	return c.here(address)
}

// here puts what is here for what was there.
func (c *client) here(text string) string {
	var pairs []string
	for there, here := range c.ids {
		pairs = append(pairs, there, here)
	}
	for _, host := range c.hosts {
		pairs = append(pairs, host, c.house.GraphEndpoint)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// trace checks the headers by which a caller and an operator find a request again.
func (c *client) trace(t *testing.T, x exchange, a answer) {
	t.Helper()
	if a.header.Get("request-id") == "" {
		t.Error("the answer has no request-id")
	}
	if id := x.Headers["Client-Request-Id"]; len(id) == 1 && a.header.Get("client-request-id") != id[0] {
		t.Errorf("client-request-id is %q, not the client's %q", a.header.Get("client-request-id"), id[0])
	}
}
