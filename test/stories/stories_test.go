// Package stories plays days in the life of the real programs: each txtar file
// in testdata starts the postern and postern-agent binaries and says what an
// admin or a person would see.
package stories_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// startLimit is how long a service may take to be ready before a story fails.
const startLimit = 30 * time.Second

func TestStories(t *testing.T) {
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+string(filepath.Separator),
		"github.com/postern-mam/postern/cmd/postern", "github.com/postern-mam/postern/cmd/postern-agent")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("REALDATA", os.Getenv("POSTERN_REALDATA"))
			e.Setenv("POSTGRES", os.Getenv("POSTERN_TEST_POSTGRES"))
			e.Values["services"] = map[string]*service{}
			e.Values["browser"] = &browser{}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			name, ok := strings.CutPrefix(cond, "has:")
			if !ok {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			has := os.Getenv(map[string]string{"realdata": "POSTERN_REALDATA", "postgres": "POSTERN_TEST_POSTGRES"}[name]) != ""
			if !has && os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
				return false, fmt.Errorf("%s is required here and missing", name)
			}
			return has, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": cmdServe, "stop": cmdStop, "same": cmdSame, "mode": cmdMode, "jsonhas": cmdJSONHas, "ops": cmdOps,
			"visit": cmdVisit, "fill": cmdFill, "post": cmdPost, "let": cmdLet,
		},
	})
}

// service is a running `postern serve`.
type service struct {
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	done   chan error
}

// cmdServe starts `postern serve --data NAME ARGS...` and waits until it says
// that it serves: serve NAME [ARGS...]
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve NAME [ARGS...]")
	}
	argv := append([]string{"serve", "--data", args[0], "--listen", "127.0.0.1:0"}, args[1:]...)
	s := &service{stderr: new(bytes.Buffer), done: make(chan error, 1)}
	path := strings.SplitN(ts.Getenv("PATH"), string(filepath.ListSeparator), 2)[0]
	s.cmd = exec.Command(filepath.Join(path, "postern"), argv...)
	s.cmd.Dir, s.cmd.Stderr = ts.Getenv("WORK"), s.stderr
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	ready := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "serving ") {
				ready <- true
			}
		}
		s.done <- s.cmd.Wait()
	}()
	ts.Defer(func() {
		_ = s.cmd.Process.Kill()
		<-s.done
		s.done <- nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	select {
	case <-ready:
	case err := <-s.done:
		s.done <- err
		ts.Fatalf("the service stopped: %v\n%s", err, s.stderr)
	case <-ctx.Done():
		ts.Fatalf("the service was not ready after %s\n%s", startLimit, s.stderr)
	}
	services(ts)[args[0]] = s
}

func services(ts *testscript.TestScript) map[string]*service {
	return ts.Value("services").(map[string]*service)
}

// cmdStop ends a service by signal and wants exit code 0: stop NAME [kill]
func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: stop NAME [kill]")
	}
	s := services(ts)[args[0]]
	if s == nil {
		ts.Fatalf("%s does not run", args[0])
	}
	sig := syscall.SIGTERM
	if len(args) > 1 {
		sig = syscall.SIGKILL
	}
	ts.Check(s.cmd.Process.Signal(sig))
	err := <-s.done
	s.done <- nil
	if sig == syscall.SIGTERM && err != nil {
		ts.Fatalf("the service stopped with %v\n%s", err, s.stderr)
	}
}

// cmdSame wants two JSON files to agree in some members: same A B NAME...
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	a, b := members(ts, args[0]), members(ts, args[1])
	for _, name := range args[2:] {
		if same := a[name] == b[name]; same == neg || a[name] == nil {
			ts.Fatalf("%s is %v in %s and %v in %s", name, a[name], args[0], b[name], args[1])
		}
	}
}

// cmdJSONHas wants members of a JSON file to be there: jsonhas FILE NAME...
func cmdJSONHas(ts *testscript.TestScript, neg bool, args []string) {
	m := members(ts, args[0])
	for _, name := range args[1:] {
		if _, has := m[name]; has == neg {
			ts.Fatalf("%s: %q there: %v", args[0], name, has)
		}
	}
}

func members(ts *testscript.TestScript, file string) map[string]any {
	var m map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &m))
	return m
}

// cmdOps asks the operations listener and wants 200 and a text in the answer:
// ops BOOTSTRAP PATH TEXT
func cmdOps(ts *testscript.TestScript, neg bool, args []string) {
	at, _ := members(ts, args[0])["opsEndpoint"].(string)
	resp, err := http.Get(at + args[1])
	ts.Check(err)
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	ts.Check(err)
	if ok := resp.StatusCode == http.StatusOK && strings.Contains(string(body), args[2]); ok == neg {
		ts.Fatalf("%s: %d %s", args[1], resp.StatusCode, body)
	}
}

// cmdMode wants a file's permission bits: mode FILE 0600
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == args[1]) == neg {
		ts.Fatalf("%s has mode %s", args[0], got)
	}
}
