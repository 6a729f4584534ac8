package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"reflect"
	"sync"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/sdk/vault"
	"github.com/postern-mam/postern/wire"
)

const (
	maxSaving = 8   // files that one program writes at the same time
	maxBusy   = 4   // enrolments and the like that one program waits for
	pageNames = 500 // in one answer
)

// program is one connection.
type program struct {
	conn   net.Conn
	close  context.CancelFunc
	busy   chan struct{}
	saving map[string]*saved // by question; of the reader alone

	mu      sync.Mutex
	waiting map[string]chan Message // for "wiped"
	ended   bool

	out  sync.Mutex // one writes at a time
	sent *sdk.Protection
}

// saved is a file that is being written.
type saved struct {
	*vault.Writer
	name string
	size int64
}

// say sends a message. A program that does not read loses its connection, and
// keeps nobody else waiting for longer than that takes.
func (p *program) say(m Message) {
	p.out.Lock()
	defer p.out.Unlock()
	p.write(m)
}

func (p *program) write(m Message) {
	doc, err := encode(m)
	if err != nil {
		doc, err = encode(Message{Type: "error", ID: m.ID, Error: err.Error()})
	}
	if err == nil {
		_ = p.conn.SetWriteDeadline(time.Now().Add(helloLimit)) // what has no deadlines has gone
		_, err = p.conn.Write(doc)
	}
	if err != nil {
		p.close()
	}
}

// tell sends what holds, once each time it is something else.
func (p *program) tell(holds sdk.Protection) {
	p.out.Lock()
	defer p.out.Unlock()
	if p.sent == nil || !reflect.DeepEqual(*p.sent, holds) {
		p.sent = &holds
		p.write(Message{Type: "state", State: &holds})
	}
}

// reply answers a question, with an error in its place when there is one.
func (p *program) reply(m Message, err error) {
	if err != nil {
		m = Message{Type: "error", ID: m.ID, Error: err.Error()}
	}
	p.say(m)
}

// wipe has the program remove what it keeps.
func (p *program) wipe(ctx context.Context, id string) []wire.WipeItem {
	failed := func(why string) []wire.WipeItem {
		return []wire.WipeItem{{Name: "what the app itself keeps", Detail: why}}
	}
	answer := make(chan Message, 1)
	p.mu.Lock()
	gone := p.ended
	p.waiting[id] = answer
	p.mu.Unlock()
	if gone {
		return failed("the app has gone")
	}
	p.say(Message{Type: "wipe", ID: id})
	select {
	case m, ok := <-answer:
		if !ok {
			return failed("the app has gone")
		}
		return m.Items
	case <-ctx.Done():
		return failed("the app did not answer")
	}
}

// wiped passes on what became of a wipe.
func (p *program) wiped(m Message) {
	p.mu.Lock()
	waiter := p.waiting[m.ID]
	delete(p.waiting, m.ID)
	p.mu.Unlock()
	if waiter == nil {
		p.reply(m, fmt.Errorf("id is %q; nobody asked for a wipe of that name", m.ID))
		return
	}
	waiter <- m
}

// end gives up what the program left half done.
func (p *program) end() {
	for _, f := range p.saving {
		_ = f.Cancel() // what cannot be removed now is removed later by the store
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for id, waiter := range p.waiting {
		close(waiter)
		delete(p.waiting, id)
	}
}

// answer does what one message asks for. What takes long keeps nothing waiting.
func (a *app) answer(p *program, m Message) {
	switch m.Type {
	case "hello":
		p.reply(m, errors.New("hello was said already; it is the first message alone"))
	case "may":
		allowed, why := a.client.May(transfers()[m.Transfer])
		p.say(Message{Type: "answer", ID: m.ID, Allowed: &allowed, Reason: why})
	case "enroll":
		a.later(p, m, a.client.Enroll)
	case "sign-out":
		a.later(p, m, a.client.SignOut)
	case "sync":
		a.later(p, m, a.sync)
	case "save":
		p.reply(Message{Type: "done", ID: m.ID}, p.save(a.client.Vault(), m))
	case "load":
		data, err := load(a.client.Vault(), m)
		data.ID = m.ID
		p.reply(data, absent(m.Name, err))
	case "list":
		names, err := list(a.client.Vault(), m.After)
		names.ID = m.ID
		p.reply(names, err)
	case "remove":
		p.reply(Message{Type: "done", ID: m.ID}, absent(m.Name, a.client.Vault().Remove(m.Name)))
	case "wiped":
		p.wiped(m)
	}
}

// absent says in words that nothing has that name.
func absent(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("nothing is saved as %q", clip(name))
	}
	return err
}

// later does what may wait for the person or the service.
func (a *app) later(p *program, m Message, do func(context.Context) error) {
	select {
	case p.busy <- struct{}{}:
	default:
		p.reply(m, fmt.Errorf("%d questions wait for their answers; ask again after one", maxBusy))
		return
	}
	a.work.Go(func() {
		defer func() { <-p.busy }()
		err := do(a.ctx)
		a.tell()
		select {
		case a.nudged <- struct{}{}:
		default:
		}
		p.reply(Message{Type: "done", ID: m.ID}, err)
	})
}

// sync obeys what the service orders, and checks in.
func (a *app) sync(ctx context.Context) error {
	wiped, err := a.client.Orders(ctx)
	if err == nil && !wiped {
		_, err = a.client.CheckIn(ctx)
	}
	return err
}

// save writes a chunk of a file; the last one puts the file in its place. What
// went wrong once is begun anew: a chunk of the rest is no file.
func (p *program) save(v *sdk.Vault, m Message) (err error) {
	f := p.saving[m.ID]
	if m.At == 0 && f == nil {
		if len(p.saving) == maxSaving {
			return fmt.Errorf("%d files are being saved; end one first", maxSaving)
		}
		w, err := v.Create(m.Name)
		if err != nil {
			return err
		}
		f = &saved{Writer: w, name: m.Name}
		p.saving[m.ID] = f
	}
	if f == nil {
		return fmt.Errorf("at is %d, and nothing is being saved with this id; begin at 0", m.At)
	}
	if m.At == f.size && m.Name == f.name {
		_, err = f.Write(m.Data)
		f.size += int64(len(m.Data))
	} else {
		err = fmt.Errorf("at is %d of %q; want %d of %q; begin anew at 0", m.At, clip(m.Name), f.size, clip(f.name))
	}
	if err == nil && m.More {
		return nil
	}
	delete(p.saving, m.ID)
	if err != nil {
		return errors.Join(err, f.Cancel())
	}
	return f.Close()
}

// load reads a chunk of a file.
func load(v *sdk.Vault, m Message) (Message, error) {
	f, err := v.Open(m.Name)
	if err != nil {
		return Message{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	size := f.Size()
	if m.At > size {
		return Message{}, fmt.Errorf("at is %d; the file has %d bytes", m.At, size)
	}
	data := make([]byte, min(MaxChunk, size-m.At))
	if _, err := f.ReadAt(data, m.At); err != nil && !errors.Is(err, io.EOF) {
		return Message{}, err
	}
	return Message{Type: "data", At: m.At, Data: data, Size: &size, More: m.At+int64(len(data)) < size}, nil
}

// list returns the names that come after one, as many as fit.
func list(v *sdk.Vault, after string) (Message, error) {
	all, err := v.List()
	if err != nil {
		return Message{}, err
	}
	for len(all) > 0 && all[0] <= after && after != "" {
		all = all[1:]
	}
	return Message{Type: "names", Names: all[:min(pageNames, len(all))], More: len(all) > pageNames}, nil
}
