package pipe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// Client is one protected app, as the SDK knows it.
type Client interface {
	Protection() sdk.Protection
	Changed() <-chan struct{}
	May(t sdk.Transfer) (bool, string)
	Enroll(ctx context.Context) error
	SignOut(ctx context.Context) error
	CheckIn(ctx context.Context) (wire.CheckInResult, error)
	Orders(ctx context.Context) (wiped bool, err error)
	Run(ctx context.Context) error
	Vault() *sdk.Vault
}

// App is what a program says that it is.
type App struct {
	ID      string // package identifier, in small letters
	Version string
	// Wipe has every program that is connected as this app remove what it keeps; use
	// it as sdk.Config.OnWipe.
	Wipe func(ctx context.Context) []wire.WipeItem
}

// Server serves the apps of one person.
type Server struct {
	Open func(App) (Client, error) // makes the client of an app that connects
	Note func(string)              // a line for the log, never about a person; nil: none

	mu    sync.Mutex
	apps  map[string]*app
	count int // connections
}

const (
	// look is how often time alone may have changed what is allowed.
	look = 5 * time.Second
	// retry is the pause before a client that ended is run again.
	retry = 5 * time.Second
	// wipeLimit is how long a program may take to remove what it keeps.
	wipeLimit = 2 * time.Minute
	// helloLimit is how long a program may take to say what it is, and to read what
	// it is told.
	helloLimit = 10 * time.Second
	// maxConnections bounds what programs of the person can make the agent hold.
	maxConnections = 64
)

// Serve answers the programs that l accepts until ctx ends (nil) or l fails, and
// returns once everything that it began has ended. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() { _ = l.Close() }() // it waits for the one below
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = c.Close()
			}
			return nil
		}
		if err != nil && !errors.Is(err, errStranger) {
			return err
		}
		if err != nil {
			s.note(err.Error())
			continue
		}
		all.Go(func() { s.ServeConn(ctx, c) })
	}
}

// ServeConn answers one program until it goes away, says what is no message, or
// ctx ends.
func (s *Server) ServeConn(ctx context.Context, c net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	p := &program{conn: c, close: cancel, waiting: map[string]chan Message{}, saving: map[string]*saved{}, busy: make(chan struct{}, maxBusy)}
	if err := s.serve(ctx, p); err != nil {
		p.say(Message{Type: "error", Error: err.Error()})
	}
	_ = c.Close()
	p.end()
}

func (s *Server) serve(ctx context.Context, p *program) error {
	if !s.enter() {
		return fmt.Errorf("%d programs are connected already; close one", maxConnections)
	}
	defer s.leave()
	_ = p.conn.SetReadDeadline(time.Now().Add(helloLimit)) // a connection that has no deadlines has gone
	in := lines(p.conn)
	if !in.Scan() {
		return cut(in.Err())
	}
	hello, err := Parse(in.Bytes())
	if err != nil {
		return err
	}
	if hello.Type != "hello" {
		return fmt.Errorf("the first message is %q; want hello with app and version", hello.Type)
	}
	a, err := s.join(ctx, hello, p)
	if err != nil {
		return err
	}
	defer s.part(a, p)
	_ = p.conn.SetReadDeadline(time.Time{}) // as above
	p.tell(a.client.Protection())
	for in.Scan() {
		m, err := Parse(in.Bytes())
		switch {
		case errors.Is(err, errMalformed):
			return err
		case err != nil:
			p.say(Message{Type: "error", ID: m.ID, Error: err.Error()})
		default:
			a.answer(p, m)
		}
	}
	return cut(in.Err())
}

// cut tells what an app should hear from what only says that it has gone.
func cut(err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return tooLong()
	}
	return nil
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == maxConnections {
		return false
	}
	s.count++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count--
}

// app is a protected app while at least one program is connected as it.
type app struct {
	version string
	client  Client
	ctx     context.Context // ends with the last of them
	cancel  context.CancelFunc
	work    sync.WaitGroup
	note    func(string)
	nudged  chan struct{} // somebody enrolled, or signed out

	mu       sync.Mutex
	programs map[*program]bool
	wipes    int
}

// join makes p one of the programs of an app: all of one app share one client.
func (s *Server) join(ctx context.Context, hello Message, p *program) (*app, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strings.ToLower(hello.App)
	if a := s.apps[id]; a != nil {
		if a.version != hello.Version {
			return nil, fmt.Errorf("version %s of %s is connected, and this is %s; close the other one", a.version, id, hello.Version)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.programs[p] = true
		return a, nil
	}
	a := &app{version: hello.Version, programs: map[*program]bool{p: true}, note: s.note, nudged: make(chan struct{}, 1)}
	client, err := s.Open(App{ID: id, Version: hello.Version, Wipe: a.wipe})
	if err != nil {
		return nil, err
	}
	a.client = client
	a.ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx)) // it may outlive the program that came first
	if s.apps == nil {
		s.apps = map[string]*app{}
	}
	s.apps[id] = a
	a.work.Go(a.watch)
	a.work.Go(a.run)
	return a, nil
}

// part ends an app with its last program. Who comes back meanwhile waits for it.
func (s *Server) part(a *app, p *program) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.mu.Lock()
	delete(a.programs, p)
	left := len(a.programs)
	a.mu.Unlock()
	if left > 0 {
		return
	}
	a.cancel()
	a.work.Wait()
	for id, other := range s.apps {
		if other == a {
			delete(s.apps, id)
		}
	}
}

// watch tells the programs what holds whenever it changes.
func (a *app) watch() {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-a.client.Changed():
		case <-tick.C:
		case <-a.ctx.Done():
			return
		}
		a.tell()
	}
}

// tell tells all of them: one that does not read keeps no other waiting.
func (a *app) tell() {
	holds := a.client.Protection()
	var all sync.WaitGroup
	for _, p := range a.all() {
		all.Go(func() { p.tell(holds) })
	}
	all.Wait()
}

func (a *app) all() (out []*program) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p := range a.programs {
		out = append(out, p)
	}
	return out
}

// run keeps in touch with the service while a program is connected.
func (a *app) run() {
	for {
		err := a.client.Run(a.ctx)
		if a.ctx.Err() != nil {
			return
		}
		if err != nil {
			a.note("not in touch: " + err.Error())
		}
		wait := time.NewTimer(retry)
		select {
		case <-a.nudged:
		case <-wait.C:
		case <-a.ctx.Done():
		}
		wait.Stop()
	}
}

// wipe has all programs remove what they keep, at the same time.
func (a *app) wipe(ctx context.Context) []wire.WipeItem {
	ctx, cancel := context.WithTimeout(ctx, wipeLimit)
	defer cancel()
	a.mu.Lock()
	a.wipes++
	id := fmt.Sprintf("wipe-%d", a.wipes)
	a.mu.Unlock()
	all := a.all()
	items := make([][]wire.WipeItem, len(all))
	var done sync.WaitGroup
	for i, p := range all {
		done.Go(func() { items[i] = p.wipe(ctx, id) })
	}
	done.Wait()
	var out []wire.WipeItem
	for _, of := range items {
		out = append(out, of...)
	}
	return out
}

func (s *Server) note(line string) {
	if s.Note != nil {
		s.Note(line)
	}
}
