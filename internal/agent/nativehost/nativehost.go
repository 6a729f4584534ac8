package nativehost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// message is what is said either way; see docs/spec/native-messaging.md.
type message struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"` // of a question, repeated in its answer

	Browser   string `json:"browser,omitempty"` // hello: version of the browser
	Extension string `json:"extension,omitempty"`

	Nonce  string `json:"nonce,omitempty"` // prove
	Origin string `json:"origin,omitempty"`
	Proof  string `json:"proof,omitempty"`
	Error  string `json:"error,omitempty"`

	State *sdk.Protection `json:"state,omitempty"`
	Items []wire.WipeItem `json:"items,omitempty"` // wiped
	URL   string          `json:"url,omitempty"`   // open

	Controls []wire.Control `json:"controls,omitempty"` // controls, sent
	Sent     []sdk.Sent     `json:"sent,omitempty"`     // sent
}

// Client is the protected app that the browser is, as the SDK knows it.
type Client interface {
	Protection() sdk.Protection
	Changed() <-chan struct{}
	ProveDevice(nonce, origin string) (string, error)
	Enroll(ctx context.Context) error
	SignOut(ctx context.Context) error
	Run(ctx context.Context) error
	Report(ctx context.Context, controls []wire.Control) error
	Status() sdk.Status
}

// Host serves one browser profile.
type Host struct {
	// Open makes the client, once the browser has said which one it is.
	Open func(browser string, h *Host) (Client, error)
	In   io.Reader
	Out  io.Writer
	Note func(string) // a line for the log, never about a person; nil: none

	enrolled chan struct{}       // somebody did, or signed out
	reported chan []wire.Control // what the extension said and nobody has heard yet

	mu      sync.Mutex
	waiting map[string]chan message // answers of the extension, by question
	sent    sdk.Protection
	told    bool
	count   int
}

const (
	// look is how often time alone, or another process, may have changed what is allowed.
	look = 15 * time.Second
	// wipeLimit is how long a browser may take to remove what it keeps.
	wipeLimit = 2 * time.Minute
	// retry is the pause before a client that ended is run again.
	retry = 5 * time.Second
)

// Serve answers the extension until it goes away (nil) or ctx ends.
func (h *Host) Serve(ctx context.Context) error {
	hello, err := read(h.In)
	if err != nil {
		return ended(err)
	}
	if hello.Type != "hello" || hello.Browser == "" {
		return fmt.Errorf("nativehost: the first message is %q; want hello with the version of the browser", hello.Type)
	}
	h.waiting, h.enrolled, h.reported = map[string]chan message{}, make(chan struct{}, 1), make(chan []wire.Control, 1)
	client, err := h.Open(hello.Browser, h)
	if err != nil {
		_ = h.say(message{Type: "failed", Error: err.Error()})
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	defer done.Wait()
	defer cancel()
	done.Go(func() { h.watch(ctx, client) })
	done.Go(func() { h.run(ctx, client) })
	done.Go(func() { h.reports(ctx, client) })
	for {
		m, err := read(h.In)
		if err != nil {
			return ended(err)
		}
		if err := h.answer(ctx, client, m, &done); err != nil {
			return err
		}
	}
}

// ended tells a browser that went away from one that speaks nonsense.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// watch tells the extension what holds whenever it changes.
func (h *Host) watch(ctx context.Context, client Client) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		h.tell(client.Protection())
		select {
		case <-client.Changed():
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// run keeps in touch with the service while the browser is open.
func (h *Host) run(ctx context.Context, client Client) {
	for {
		err := client.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.note("not in touch: " + err.Error())
		}
		wait := time.NewTimer(retry) // nobody is enrolled, or no longer: another process may change that
		select {
		case <-h.enrolled:
			wait.Stop()
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
	}
}

// answer does what one message asks for. What takes long does not keep others
// waiting.
func (h *Host) answer(ctx context.Context, client Client, m message, done *sync.WaitGroup) error {
	switch m.Type {
	case "prove":
		reply := message{Type: "proof", ID: m.ID}
		proof, err := client.ProveDevice(m.Nonce, m.Origin)
		if err != nil {
			reply.Error = err.Error()
		}
		reply.Proof = proof
		return h.say(reply)
	case "enroll", "sign-out":
		do := client.Enroll
		if m.Type == "sign-out" {
			do = client.SignOut
		}
		done.Go(func() {
			reply := message{Type: "done", ID: m.ID}
			if err := do(ctx); err != nil {
				reply.Error = err.Error()
			}
			h.tell(client.Protection())
			select {
			case h.enrolled <- struct{}{}:
			default:
			}
			_ = h.say(reply)
		})
	case "wiped":
		h.mu.Lock()
		waiter := h.waiting[m.ID]
		delete(h.waiting, m.ID)
		h.mu.Unlock()
		if waiter != nil {
			waiter <- m
		}
	case "controls":
		h.report(m.Controls)
	case "sent":
		return h.ledger(m.ID, client.Status())
	default: // a newer extension
		h.note("a message is not known here: " + m.Type)
	}
	return nil
}

// Wipe has the extension remove what the browser keeps of the organisation, and
// returns what became of it. Use it as sdk.Config.OnWipe.
func (h *Host) Wipe(ctx context.Context) []wire.WipeItem {
	failed := func(why string) []wire.WipeItem {
		return []wire.WipeItem{{Name: "the organization's data in the browser", Detail: why}}
	}
	answer := make(chan message, 1)
	h.mu.Lock()
	h.count++
	id := fmt.Sprintf("wipe-%d", h.count)
	h.waiting[id] = answer
	h.mu.Unlock()
	if err := h.say(message{Type: "wipe", ID: id}); err != nil {
		return failed("the browser has gone")
	}
	limit := time.NewTimer(wipeLimit)
	defer limit.Stop()
	select {
	case m := <-answer:
		return m.Items
	case <-limit.C:
		return failed("the browser did not answer")
	case <-ctx.Done():
		return failed("the browser has gone")
	}
}

// Show has the extension open a page of the sign-in service. Use it as
// sdk.Config.Browser.
func (h *Host) Show(_ context.Context, url string) error {
	return h.say(message{Type: "open", URL: url})
}

// tell sends what holds, once each time it is something else.
func (h *Host) tell(p sdk.Protection) {
	h.mu.Lock()
	same := h.told && reflect.DeepEqual(p, h.sent)
	h.sent, h.told = p, true
	h.mu.Unlock()
	if !same {
		_ = h.say(message{Type: "state", State: &p})
	}
}

func (h *Host) say(m message) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return write(h.Out, m)
}

func (h *Host) note(line string) {
	if h.Note != nil {
		h.Note(line)
	}
}
