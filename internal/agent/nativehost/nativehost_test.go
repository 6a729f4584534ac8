package nativehost_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// app stands for the protected app that the browser is.
type app struct {
	changed chan struct{}
	state   chan sdk.Protection // the newest
	acts    chan string
	wipe    chan func(context.Context) []wire.WipeItem // run once, as an order would
}

func (a *app) Protection() sdk.Protection {
	p := <-a.state
	a.state <- p
	return p
}
func (a *app) Changed() <-chan struct{} { return a.changed }
func (a *app) ProveDevice(nonce, origin string) (string, error) {
	if origin != "https://id.example" {
		return "", errors.New("another page asked")
	}
	return "proof of " + nonce, nil
}
func (a *app) Enroll(context.Context) error {
	a.acts <- "enroll"
	return errors.New("nobody signed in")
}
func (a *app) SignOut(context.Context) error { a.acts <- "sign-out"; return nil }
func (a *app) Run(ctx context.Context) error {
	select {
	case wipe := <-a.wipe:
		items, _ := json.Marshal(wipe(ctx))
		a.acts <- string(items)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *app) Report(_ context.Context, controls []wire.Control) error {
	doc, _ := json.Marshal(controls)
	a.acts <- string(doc)
	return errors.New("the service does not answer")
}
func (a *app) Status() sdk.Status {
	return sdk.Status{
		Sent:     []sdk.Sent{{Message: "Enroll", Count: 1, Body: json.RawMessage(`{"app":"x"}`)}},
		Controls: []wire.Control{{Control: "wipe", State: "partly", By: "extension", Gaps: []string{"savedPasswords"}}},
	}
}

// browser speaks as a browser does.
type browser struct {
	*testing.T
	app  *app
	to   *io.PipeWriter
	from *io.PipeReader
	host *nativehost.Host
	done chan error
}

func start(t *testing.T) *browser {
	t.Helper()
	in, to := io.Pipe()
	from, out := io.Pipe()
	b := &browser{T: t, to: to, from: from, done: make(chan error, 1), app: &app{
		changed: make(chan struct{}, 1), state: make(chan sdk.Protection, 1), acts: make(chan string, 4), wipe: make(chan func(context.Context) []wire.WipeItem, 1),
	}}
	b.app.state <- sdk.Protection{Enrolled: true, Origins: []string{"https://intranet.example"}}
	b.host = &nativehost.Host{In: in, Out: out, Open: func(version string, _ *nativehost.Host) (nativehost.Client, error) {
		if version == "1" {
			return nil, errors.New("this browser is too old")
		}
		return b.app, nil
	}}
	go func() { b.done <- b.host.Serve(t.Context()); _ = out.Close() }()
	t.Cleanup(func() {
		_ = to.Close()
		_, _ = io.Copy(io.Discard, from)
	})
	return b
}

func (b *browser) say(doc string) {
	b.Helper()
	if _, err := b.to.Write(append(binary.NativeEndian.AppendUint32(nil, uint32(len(doc))), doc...)); err != nil {
		b.Fatal(err)
	}
}

func (b *browser) hear(kind string) map[string]any {
	b.Helper()
	var length [4]byte
	if _, err := io.ReadFull(b.from, length[:]); err != nil {
		b.Fatal(err)
	}
	doc := make([]byte, binary.NativeEndian.Uint32(length[:]))
	if _, err := io.ReadFull(b.from, doc); err != nil {
		b.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(doc, &m); err != nil || m["type"] != kind {
		b.Fatalf("heard %s, want %s: %v", doc, kind, err)
	}
	return m
}

func TestTheExtensionHearsWhatHoldsOnceAndWhenItChanges(t *testing.T) {
	b := start(t)
	b.say(`{"type":"hello","browser":"156.0.0.0"}`)
	state := b.hear("state")["state"].(map[string]any)
	if state["enrolled"] != true || state["origins"].([]any)[0] != "https://intranet.example" {
		t.Errorf("state %v", state)
	}
	b.app.changed <- struct{}{} // nothing is different: nothing is said
	<-b.app.state
	b.app.state <- sdk.Protection{}
	b.app.changed <- struct{}{}
	if again := b.hear("state")["state"].(map[string]any); again["enrolled"] != false {
		t.Errorf("state %v", again)
	}
	_ = b.to.Close()
	if err := <-b.done; err != nil {
		t.Errorf("a browser that goes away is an error: %v", err)
	}
}

func TestAProofIsForTheSignInPageAlone(t *testing.T) {
	b := start(t)
	b.say(`{"type":"hello","browser":"156.0.0.0"}`)
	b.hear("state")
	b.say(`{"type":"prove","id":"a","nonce":"n","origin":"https://id.example"}`)
	if m := b.hear("proof"); m["proof"] != "proof of n" || m["id"] != "a" || m["error"] != nil {
		t.Errorf("answer %v", m)
	}
	b.say(`{"type":"prove","id":"b","nonce":"n","origin":"https://evil.example"}`)
	if m := b.hear("proof"); m["proof"] != nil || m["error"] != "another page asked" || m["id"] != "b" {
		t.Errorf("answer %v", m)
	}
}

func TestThePersonEnrolsAndSignsOutFromTheBrowser(t *testing.T) {
	b := start(t)
	b.say(`{"type":"hello","browser":"156.0.0.0"}`)
	b.hear("state")
	b.say(`{"type":"enroll","id":"a"}`)
	if m := b.hear("done"); m["error"] != "nobody signed in" || m["id"] != "a" || <-b.app.acts != "enroll" {
		t.Errorf("answer %v", m)
	}
	b.say(`{"type":"sign-out","id":"b"}`)
	if m := b.hear("done"); m["error"] != nil || m["id"] != "b" || <-b.app.acts != "sign-out" {
		t.Errorf("answer %v", m)
	}
	go func() { _ = b.host.Show(t.Context(), "https://id.example/authorize") }()
	if m := b.hear("open"); m["url"] != "https://id.example/authorize" {
		t.Errorf("opened %v", m)
	}
}

func TestAWipeWaitsForTheBrowser(t *testing.T) {
	b := start(t)
	b.say(`{"type":"hello","browser":"156.0.0.0"}`)
	b.hear("state")
	b.app.wipe <- b.host.Wipe
	id := b.hear("wipe")["id"].(string)
	b.say(`{"type":"wiped","id":"another"}`)
	b.say(`{"type":"something newer"}`)
	b.say(`{"type":"wiped","id":"` + id + `","items":[{"name":"cookies","removed":true}]}`)
	if got := <-b.app.acts; got != `[{"name":"cookies","removed":true}]` {
		t.Errorf("removed %s", got)
	}
	// A browser that goes away in the middle has removed nothing that is known.
	b = start(t)
	b.say(`{"type":"hello","browser":"156.0.0.0"}`)
	b.hear("state")
	b.app.wipe <- b.host.Wipe
	b.hear("wipe")
	_ = b.to.Close()
	if got := <-b.app.acts; !strings.Contains(got, `"removed":false`) || !strings.Contains(got, "the browser has gone") {
		t.Errorf("removed %s", got)
	}
}

func TestWhatIsNoBrowserIsRefused(t *testing.T) {
	for name, doc := range map[string]string{
		"no hello": frame(`{"type":"prove"}`), "no version": frame(`{"type":"hello"}`), "no JSON": frame(`hello`), "too long": "\xff\xff\xff\x7f", "cut short": frame(`{"type":"hello"}`)[:9],
		"an old browser": frame(`{"type":"hello","browser":"1"}`), "a list": frame(`[]`),
	} {
		h := &nativehost.Host{In: strings.NewReader(doc), Out: io.Discard, Open: func(string, *nativehost.Host) (nativehost.Client, error) { return nil, errors.New("too old") }}
		if err := h.Serve(t.Context()); err == nil {
			t.Errorf("%s is served", name)
		}
	}
	if err := (&nativehost.Host{In: strings.NewReader("")}).Serve(t.Context()); err != nil {
		t.Errorf("a browser that says nothing is an error: %v", err)
	}
}

func frame(doc string) string {
	return string(binary.NativeEndian.AppendUint32(nil, uint32(len(doc)))) + doc
}

func TestABrowserNamesTheExtensionThatAsks(t *testing.T) {
	for _, c := range []struct {
		args []string
		id   string
		ok   bool
	}{
		{[]string{"chrome-extension://abc/"}, "abc", true}, {[]string{"C:\\host.json", "chrome-extension://abc/", "--parent-window=0"}, "abc", true},
		{[]string{"status"}, "", false}, {nil, "", false},
	} {
		if id, ok := nativehost.Caller(c.args); id != c.id || ok != c.ok {
			t.Errorf("%v: %q, %v", c.args, id, ok)
		}
	}
	if len(nativehost.ExtensionID) != 32 {
		t.Errorf("the identifier is %q", nativehost.ExtensionID)
	}
}

// Whatever comes in, the host ends or goes on: it does not fall over, and says
// nothing that is no message.
func FuzzHost(f *testing.F) {
	f.Add([]byte(frame(`{"type":"hello","browser":"156"}`) + frame(`{"type":"prove","id":"a","nonce":"n","origin":"https://id.example"}`)))
	f.Add([]byte(frame(`{"type":"hello","browser":"156"}`) + frame(`{"type":"wiped","items":null}`) + "\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		a := &app{changed: make(chan struct{}), state: make(chan sdk.Protection, 1), acts: make(chan string, 1<<10), wipe: make(chan func(context.Context) []wire.WipeItem)}
		a.state <- sdk.Protection{}
		var out bytes.Buffer
		h := &nativehost.Host{In: bytes.NewReader(in), Out: &out, Open: func(string, *nativehost.Host) (nativehost.Client, error) { return a, nil }}
		_ = h.Serve(t.Context())
		for out.Len() > 0 {
			n := binary.NativeEndian.Uint32(out.Next(4))
			if !json.Valid(out.Next(int(n))) {
				t.Fatal("what is said is no JSON")
			}
		}
	})
}
