package pipe_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/agent/pipe"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/sdk/vault"
	"github.com/postern-mam/postern/wire"
)

// client stands for a protected app.
type client struct {
	vault   *sdk.Vault
	wipe    func(context.Context) []wire.WipeItem
	changed chan struct{}
	mu      sync.Mutex
	action  string
}

func (c *client) Protection() sdk.Protection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return sdk.Protection{Enrolled: true, Decision: sdk.Decision{Action: c.action}}
}
func (c *client) Changed() <-chan struct{} { return c.changed }
func (c *client) May(t sdk.Transfer) (bool, string) {
	return t != sdk.Send, map[bool]string{true: "Your organization does not allow it."}[t == sdk.Send]
}
func (c *client) Enroll(context.Context) error  { return errors.New("nobody signed in") }
func (c *client) SignOut(context.Context) error { return nil }
func (c *client) CheckIn(context.Context) (wire.CheckInResult, error) {
	return wire.CheckInResult{}, nil
}

// Orders has an order to wipe.
func (c *client) Orders(ctx context.Context) (bool, error) {
	items, err := json.Marshal(c.wipe(ctx))
	return true, errors.Join(err, errors.New(string(items)))
}
func (c *client) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (c *client) Vault() *sdk.Vault             { return c.vault }

type plain struct{}

func (plain) Seal(_ string, b []byte) ([]byte, error) { return b, nil }
func (plain) Open(_ string, b []byte) ([]byte, error) { return b, nil }

// desk serves one person's apps.
type desk struct {
	*testing.T
	server *pipe.Server
	mu     sync.Mutex
	opened []*client
}

func open(t *testing.T) *desk {
	d := &desk{T: t}
	d.server = &pipe.Server{Open: func(a pipe.App) (pipe.Client, error) {
		if a.ID == "com.example.broken" {
			return nil, errors.New("its state cannot be read")
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		dir, err := os.MkdirTemp("", "pipe-")
		c := &client{vault: vault.New(dir, plain{}, func() error { return nil }), wipe: a.Wipe, changed: make(chan struct{}, 1), action: "allow"}
		t.Cleanup(func() { _ = c.vault.Wipe(); _ = os.Remove(dir + "/vault.lock"); _ = os.Remove(dir) })
		d.opened = append(d.opened, c)
		return c, err
	}}
	return d
}

// caller is a program that connects.
type caller struct {
	*testing.T
	net.Conn
	lines *bufio.Scanner
}

func (d *desk) call(hello string) *caller {
	d.Helper()
	here, there := net.Pipe()
	ctx, cancel := context.WithCancel(d.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.server.ServeConn(ctx, there) }()
	d.Cleanup(func() { cancel(); _ = here.Close(); <-done })
	c := &caller{d.T, here, bufio.NewScanner(here)}
	c.lines.Buffer(nil, pipe.MaxMessage+2)
	c.say(hello)
	return c
}

func (c *caller) say(doc string) {
	c.Helper()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write([]byte(doc + "\n")); err != nil {
		c.Fatal(err)
	}
}

func (c *caller) hear(kind string) map[string]any {
	c.Helper()
	var m map[string]any
	if !c.lines.Scan() || json.Unmarshal(c.lines.Bytes(), &m) != nil || m["type"] != kind {
		c.Fatalf("heard %q, %v; want %s", c.lines.Text(), c.lines.Err(), kind)
	}
	return m
}

const hello = `{"type":"hello","app":"com.example.notes","version":"1.0","library":"test"}`

func TestAnAppIsToldWhatHoldsAtOnceAndWhenItChanges(t *testing.T) {
	d := open(t)
	one, other := d.call(hello), (*caller)(nil)
	one.hear("state")
	other = d.call(strings.Replace(hello, "com.example.notes", "Com.Example.Notes", 1))
	other.hear("state")
	if len(d.opened) != 1 {
		t.Fatalf("%d clients for one app", len(d.opened))
	}
	app := d.opened[0]
	app.mu.Lock()
	app.action = "block"
	app.mu.Unlock()
	app.changed <- struct{}{}
	for _, c := range []*caller{one, other} { // in any order
		if m := c.hear("state"); fmt.Sprint(m["state"].(map[string]any)["decision"]) != "map[action:block]" {
			t.Errorf("told %v", m)
		}
	}
	d.call(strings.Replace(hello, "1.0", "2.0", 1)).hear("error")
	d.call(strings.Replace(hello, "notes", "broken", 1)).hear("error")
	third := d.call(strings.Replace(hello, "notes", "other", 1))
	if third.hear("state"); len(d.opened) != 2 {
		t.Errorf("%d clients for two apps", len(d.opened))
	}
}

func TestQuestionsHaveAnswers(t *testing.T) {
	c := open(t).call(hello)
	c.hear("state")
	for question, want := range map[string]string{
		`{"type":"may","id":"1","transfer":"send"}`:           `"allowed":false,"reason":"Your organization does not allow it."`,
		`{"type":"may","id":"1","transfer":"print"}`:          `"allowed":true`,
		`{"type":"may","id":"1","transfer":"fax"}`:            "want receive, send, copy, paste or print",
		`{"type":"enroll","id":"1"}`:                          "nobody signed in",
		`{"type":"sign-out","id":"1"}`:                        `"done"`,
		`{"type":"fly","id":"1"}`:                             "want one of hello, may, enroll, sign-out, sync, save, load, list, remove, wiped",
		`{"type":"hello","id":"1","app":"a.b","version":"1"}`: "said already",
		`{"type":"list"}`:                                     "id is missing",
		`{"type":"wiped","id":"1"}`:                           "nobody asked",
		`{"type":"load","id":"1","name":"a"}`:                 "nothing is saved as",
		`{"type":"load","id":"1","name":"a\n"}`:               "control characters",
		`{"type":"save","id":"1","name":"a","at":-1}`:         "not negative",
		`{"type":"save","id":"1","name":"a","at":7}`:          "begin at 0",
		`{"type":"remove","id":"1","name":"a"}`:               "nothing is saved as",
	} {
		c.say(question)
		if !c.lines.Scan() || !strings.Contains(c.lines.Text(), want) || !strings.Contains(c.lines.Text(), `"id":"1"`) && !strings.Contains(want, "id") {
			t.Errorf("%s: %q does not say %q", question, c.lines.Text(), want)
		}
	}
}

func TestFilesAreSavedAndLoadedByChunks(t *testing.T) {
	c := open(t).call(hello)
	c.hear("state")
	data := strings.Repeat("0123456789abcdef", pipe.MaxChunk/16) + "the end"
	chunk := func(id string, at, end int, more bool) {
		c.say(fmt.Sprintf(`{"type":"save","id":%q,"name":"plan","at":%d,"more":%v,"data":%q}`, id, at, more, base64.StdEncoding.EncodeToString([]byte(data[at:end]))))
	}
	chunk("s", 0, pipe.MaxChunk, true)
	c.hear("done")
	c.say(`{"type":"list","id":"l"}`)
	if m := c.hear("names"); m["names"] != nil {
		t.Errorf("half a file is listed: %v", m)
	}
	chunk("s", pipe.MaxChunk, len(data), false)
	c.hear("done")
	c.say(`{"type":"load","id":"o","name":"plan"}`)
	first := c.hear("data")
	c.say(fmt.Sprintf(`{"type":"load","id":"o","name":"plan","at":%d}`, pipe.MaxChunk))
	second := c.hear("data")
	a, _ := base64.StdEncoding.DecodeString(first["data"].(string))
	b, _ := base64.StdEncoding.DecodeString(second["data"].(string))
	if string(a)+string(b) != data || first["more"] != true || second["more"] != nil || int(first["size"].(float64)) != len(data) {
		t.Errorf("loaded %d and %d bytes", len(a), len(b))
	}
	c.say(fmt.Sprintf(`{"type":"load","id":"o","name":"plan","at":%d}`, len(data)+1))
	c.hear("error")

	// A chunk in the wrong place ends the file: the rest of it is no file.
	chunk("x", 0, 10, true)
	c.hear("done")
	chunk("x", 20, 30, true)
	c.hear("error")
	chunk("x", 10, 20, false)
	c.hear("error")

	c.say(`{"type":"list","id":"l"}`)
	if m := c.hear("names"); fmt.Sprint(m["names"]) != "[plan]" {
		t.Errorf("listed %v", m)
	}
	c.say(`{"type":"list","id":"l","after":"plan"}`)
	if m := c.hear("names"); m["names"] != nil {
		t.Errorf("listed %v after the last", m)
	}
	c.say(`{"type":"remove","id":"r","name":"plan"}`)
	c.hear("done")
}

func TestAWipeAsksEveryProgramAndAGoneOneFails(t *testing.T) {
	d := open(t)
	one := d.call(hello)
	one.hear("state")
	other := d.call(hello)
	other.hear("state")
	one.say(`{"type":"sync","id":"s"}`)
	id := one.hear("wipe")["id"]
	other.hear("wipe")
	one.say(fmt.Sprintf(`{"type":"wiped","id":%q,"items":[{"name":"cache","removed":true}]}`, id))
	_ = other.Close()
	why := fmt.Sprint(one.hear("error")["error"])
	if !strings.Contains(why, `{"name":"cache","removed":true}`) || !strings.Contains(why, "the app has gone") {
		t.Errorf("the receipt has %s", why)
	}
}

func TestWhatIsNoMessageEndsTheConnection(t *testing.T) {
	for doc, want := range map[string]string{
		"[]": "one JSON object", "{": "one JSON object", "null": "one JSON object",
		`{"type":"save","id":"1","name":"a","data":"` + strings.Repeat("A", pipe.MaxMessage) + `"}`: fmt.Sprint(pipe.MaxMessage),
	} {
		c := open(t).call(hello)
		c.hear("state")
		go func() { _, _ = c.Write([]byte(doc + "\n")) }() // it is not read to its end
		if m := c.hear("error"); !strings.Contains(fmt.Sprint(m["error"]), want) {
			t.Errorf("%.20s: %v does not say %q", doc, m, want)
		}
		if c.lines.Scan() {
			t.Errorf("%.20s: the connection goes on", doc)
		}
	}
	for _, first := range []string{`{"type":"list","id":"1"}`, `{"type":"hello","app":"../x","version":"1"}`, `{"type":"hello","app":"a.b"}`} {
		open(t).call(first).hear("error")
	}
}

// Whatever a program says is a message that is within all limits, or an error.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		hello, `{"type":"may","id":"1","transfer":"send"}`, `{"type":"save","id":"1","name":"a","data":"AAAA","more":true}`, `{"type":"load","id":"1","name":"a","at":9}`,
		`{"type":"wiped","id":"w","items":[{"name":"cache","removed":true}]}`, `{"type":"list","id":"1","after":"a"}`, `{`, `null`, `[]`, `{"type":7}`, "{\"id\":\"\\u0000\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := pipe.Parse(line)
		if err != nil {
			if len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if len(m.Data) > pipe.MaxChunk || m.At < 0 || len(m.Name) > 1024 || m.Type != "hello" && m.ID == "" || m.Type == "hello" && !pipe.ValidApp(m.App) {
			t.Errorf("taken: %+v", m)
		}
	})
}
