package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/httpapi/bearer"
	"github.com/postern-mam/postern/internal/httpapi/problem"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/keystore"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/test/play"
	"github.com/postern-mam/postern/wire"
)

// The persons and PCs of a measurement: more than there are connections.
const (
	persons   = 8
	pcsOfEach = 4
)

// Check-ins with an unchanged policy against handlers that keep nothing: one
// that reads session, person and client as every door of ours must, and one
// that looks at the two signatures alone.
func TestCheckInBesideABareHandler(t *testing.T) {
	play.OnEveryEngine(t, func(t *testing.T, h *play.House) {
		h.Furnish(t)
		pcs := people(t, h, persons, pcsOfEach)
		requests := func(n int) [][][]byte { return checkIns(t, pcs, n) }
		compete(t,
			contestant{name: "check-in", pid: h.Process(), addr: h.Addr, tls: true, requests: requests},
			bare(t, h, "live", requests),
			bare(t, h, "signatures", requests),
		)
	})
}

// The same against the binary that POSTERN_OTHER names: what a change is worth.
func TestCheckInBesideAnotherBinary(t *testing.T) {
	other := os.Getenv("POSTERN_OTHER")
	if other == "" {
		t.Skip("POSTERN_OTHER names no binary")
	}
	var both []contestant
	for i, bin := range []string{play.Build(t), other} {
		h := play.Start(t, bin)
		h.Furnish(t)
		pcs := people(t, h, persons, pcsOfEach)
		both = append(both, contestant{name: filepath.Base(bin), reference: i == 1, pid: h.Process(), addr: h.Addr, tls: true, requests: func(n int) [][][]byte { return checkIns(t, pcs, n) }})
	}
	compete(t, both...)
}

// house names what a bare handler needs of the service beside it.
type house struct {
	Kind, Data, Database, Base string
}

const bareHouse = "POSTERN_BENCH_BARE" // tells a child process to be the bare handler

// bare starts a handler in a process of its own, as our binary has one.
func bare(t *testing.T, h *play.House, kind string, requests func(int) [][][]byte) contestant {
	t.Helper()
	doc, err := json.Marshal(house{Kind: kind, Data: h.Data(), Database: h.Database(), Base: h.GraphEndpoint})
	ok(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bareHouse+"="+string(doc))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	ok(t, err)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	t.Cleanup(func() { _, _ = in.Close(), cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	ok(t, err)
	return contestant{name: "bare handler, " + kind, reference: true, pid: cmd.Process.Pid, addr: strings.TrimSpace(addr), tls: true, requests: requests}
}

func TestMain(m *testing.M) {
	if doc := os.Getenv(bareHouse); doc != "" {
		if err := serveBare([]byte(doc)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(build(m))
}

// build builds the binary of the module above, unless POSTERN_BINARY names one.
func build(m *testing.M) int {
	if os.Getenv("POSTERN_BINARY") != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "postern-bench")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "postern"), "./cmd/postern")
	cmd.Dir, cmd.Stderr = "../..", os.Stderr
	if err := errors.Join(cmd.Run(), os.Setenv("POSTERN_BINARY", filepath.Join(dir, "postern"))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// serveBare answers check-ins with the same TLS, the same check of token and
// proof and a body of the same size, until standard input ends.
func serveBare(doc []byte) error {
	var h house
	if err := json.Unmarshal(doc, &h); err != nil {
		return err
	}
	sealer, err := keystore.OpenSealer(h.Data)
	if err != nil {
		return err
	}
	authority, err := keystore.OpenAuthority(h.Data, sealer, time.Now)
	if err != nil {
		return err
	}
	o := store.Options{DatabaseURL: h.Database}
	if h.Database == "" {
		o.Path = filepath.Join(h.Data, "postern.db")
	}
	db, err := store.Open(context.Background(), o)
	if err != nil {
		return err
	}
	decisions, err := gate.New(gate.Options{Store: db.Gate(), Now: time.Now})
	if err != nil {
		return err
	}
	kept := db.IDP()
	if h.Kind == "signatures" {
		kept = &remembered{Store: kept}
	}
	tokens, err := idp.New(idp.Config{Store: kept, Keys: db.Keys(), Gate: decisions, Sealer: sealer, Issuer: h.Base, Now: time.Now})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	server := &http.Server{Handler: answerBare(tokens, h.Base), TLSConfig: authority.TLSConfig(func(string) bool { return true })}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	_ = server.ServeTLS(ln, "", "")
	return db.Close()
}

func answerBare(tokens *idp.Service, base string) http.Handler {
	log := slog.New(slog.DiscardHandler)
	return problem.Handle(log, func(w http.ResponseWriter, r *http.Request) error {
		_, proof, err := tokens.Authenticate(r.Context(), bearer.Presented(r, base, directory.EnrollmentAPI))
		if err != nil {
			return err
		}
		if proof == nil {
			return &oauth.Error{Code: oauth.InvalidToken}
		}
		var in wire.CheckIn
		if err := problem.Receive(w, r, 64<<10, &in); err != nil {
			return err
		}
		body, err := json.Marshal(wire.CheckInResult{
			State: "compliant", Action: "allow", Reasons: []wire.Reason{}, PolicyETag: in.PolicyETag, CheckInSeconds: 1800, ServerTime: in.MeasuredAt,
		})
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		_, err = w.Write(body)
		return err
	})
}

// remembered reads who a token stands for once, and believes it ever after.
type remembered struct {
	idp.Store
	behind sync.Map
}

func once[T any](m *sync.Map, key any, read func() (T, error)) (T, error) {
	if v, known := m.Load(key); known {
		return v.(T), nil
	}
	v, err := read()
	if err == nil {
		m.Store(key, v)
	}
	return v, err
}

type behind struct {
	idp.Session
	directory.User
}

func (s *remembered) Behind(ctx context.Context, t directory.TenantID, id directory.SessionID, client directory.AppID) (idp.Session, directory.User, error) {
	b, err := once(&s.behind, id, func() (behind, error) {
		n, u, err := s.Store.Behind(ctx, t, id, client)
		return behind{n, u}, err
	})
	return b.Session, b.User, err
}
