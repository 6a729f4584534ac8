//go:build unix

package agent_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postern-mam/postern/test/play"
)

// foreign is an app that knows docs/spec/pipe.md and nothing of ours.
type foreign struct {
	*testing.T
	house *play.House
	conn  net.Conn
	lines *bufio.Scanner
	state map[string]any // the newest
	asked int
}

type object = map[string]any

// connect says hello and hears what holds.
func connect(t *testing.T, p *pc) *foreign {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(p.dir, "pipe", "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	f := &foreign{T: t, house: p.house, conn: conn, lines: bufio.NewScanner(conn)}
	f.lines.Buffer(nil, 1<<21)
	f.say(object{"type": "hello", "app": notesApp, "version": "1.0", "library": "by hand"})
	for f.state == nil {
		f.next()
	}
	return f
}

func (f *foreign) say(m object) {
	f.Helper()
	doc, err := json.Marshal(m)
	if err == nil {
		_, err = f.conn.Write(append(doc, '\n'))
	}
	if err != nil {
		f.Fatal(err)
	}
}

// next hears one message, and keeps what it says of the state.
func (f *foreign) next() (m object) {
	f.Helper()
	_ = f.conn.SetReadDeadline(time.Now().Add(time.Minute))
	if !f.lines.Scan() || json.Unmarshal(f.lines.Bytes(), &m) != nil {
		f.Fatalf("heard %q, %v", f.lines.Text(), f.lines.Err())
	}
	if m["type"] == "state" {
		f.state, _ = m["state"].(object)
	}
	return m
}

// ask says a question and hears its answer.
func (f *foreign) ask(m object) object {
	f.Helper()
	f.asked++
	m["id"] = fmt.Sprint(f.asked)
	f.say(m)
	for {
		if a := f.next(); a["id"] == m["id"] {
			return a
		}
	}
}

// until hears what holds until the decision is action.
func (f *foreign) until(action string) {
	f.Helper()
	for f.decision()["action"] != action {
		f.next()
	}
}

func (f *foreign) decision() object { d, _ := f.state["decision"].(object); return d }

// must fails unless an answer says want.
func (f *foreign) must(a object, want string) {
	f.Helper()
	if doc, _ := json.Marshal(a); !strings.Contains(string(doc), want) {
		f.Errorf("the answer is %s; want %s", doc, want)
	}
}

// serve runs "postern-agent serve"; the person signs in when it shows a page.
func (p *pc) serve(t *testing.T) (stop func()) {
	t.Helper()
	c := p.command(t.Context(), "serve")
	c.Env = append(c.Environ(), "PATH=/nonexistent")
	errs, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if first := bufio.NewScanner(out); !first.Scan() || !strings.Contains(first.Text(), "agent.sock") {
		t.Fatalf("it says %q", first.Text())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(errs); lines.Scan(); {
			if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "https://") {
				if _, err := p.house.Browser(t, nil).Open(t.Context(), address); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	return func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		<-done
		if err := c.Wait(); err != nil {
			t.Errorf("it does not end cleanly: %v", err)
		}
	}
}

// The description is enough: an app without the SDK lives through the same day.
func TestAnAppInAnotherLanguageIsProtectedOverThePipe(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	protectNotes(t, h)
	p := install(t, h)
	stop := p.serve(t)
	defer stop()
	if out := p.agent(t, 1, "serve"); !strings.Contains(out, "another agent") {
		t.Errorf("a second agent says %s", out)
	}
	f := connect(t, p)
	f.must(f.state, `"enrolled":false`)
	f.must(f.ask(object{"type": "list"}), "not protected")
	f.must(f.ask(object{"type": "enroll"}), `"done"`)
	f.until("allow")
	f.must(f.ask(object{"type": "save", "name": "plan B", "data": base64.StdEncoding.EncodeToString([]byte("secret plan"))}), `"done"`)
	f.must(f.ask(object{"type": "list"}), `"names":["plan B"]`)
	f.must(f.ask(object{"type": "load", "name": "plan B"}), base64.StdEncoding.EncodeToString([]byte("secret plan")))
	left(t, p.dir, "secret plan")
	f.must(f.ask(object{"type": "may", "transfer": "send"}), "Your organization does not allow saving its files elsewhere.")
	f.must(f.ask(object{"type": "may", "transfer": "print"}), `"allowed":true`)

	p.feel(t, "poor")
	f.must(f.ask(object{"type": "sync"}), `"done"`)
	f.until("block")
	f.must(f.decision(), `"steps"`)
	f.must(f.ask(object{"type": "load", "name": "plan B"}), `"error"`)
	p.feel(t, "good")
	f.must(f.ask(object{"type": "sync"}), `"done"`)
	f.until("allow")

	id, device := registration(t, h)
	h.Do(t, http.MethodPost, "/v1.0/users/"+h.User+"/wipeManagedAppRegistrationsByDeviceTag", map[string]any{"deviceTag": device}, nil)
	order := f.next() // the agent holds the stream: it hears of the order at once
	for order["type"] != "wipe" {
		order = f.next()
	}
	f.say(object{"type": "wiped", "id": order["id"], "items": []object{{"name": "recent notes", "removed": true}}})
	for f.state["enrolled"] != false {
		f.next()
	}
	f.must(f.decision(), `"wiped"`)
	f.must(f.ask(object{"type": "list"}), "removed")
	receipt(t, h, id)
}
