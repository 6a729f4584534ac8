package storetest_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/store"
)

const victim = "POSTERN_TEST_VICTIM" // names the database that a child process writes

// A process that is killed in the middle of a storm of writes has kept every
// one that it acknowledged, each with its event.
func TestKilledInAStormNothingAcknowledgedIsLost(t *testing.T) {
	if path := os.Getenv(victim); path != "" {
		storm(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "storm.db")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), victim+"="+path)
	child.Stderr = t.Output()
	out, err := child.StdoutPipe()
	ok(t, err)
	ok(t, child.Start())
	acknowledged := map[string]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var id string
		if n, _ := fmt.Sscanf(lines.Text(), "saved %s .", &id); n == 1 {
			acknowledged[id] = true
		}
		if len(acknowledged) == 500 {
			ok(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || len(acknowledged) < 500 {
		t.Fatalf("the child ended by itself (%v) after %d writes", err, len(acknowledged))
	}

	w := &world{options: store.Options{Path: path}}
	w.Store, err = store.Open(t.Context(), w.options)
	ok(t, err)
	defer func() { ok(t, w.Close()) }()
	groups := must(w.Admin().Groups().List(t.Context(), "t1", admin.Query{Limit: 1 << 20}))(t)
	for _, g := range groups {
		delete(acknowledged, string(g.ID))
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged writes are lost", len(acknowledged))
	}
	wantEqual(t, must(w.Outbox().LastSequence(t.Context()))(t), int64(len(groups)))
	wantEqual(t, len(must(w.Outbox().EventsAfter(t.Context(), 0, 1<<20))(t)), len(groups))
	must(w.Gate().Facts(t.Context(), access.Request{Tenant: "t1", Session: "session", Client: "client"}))(t)
}

// storm writes from many sides and says what was acknowledged until it is killed.
func storm(t *testing.T, path string) {
	w := newWorld(t, store.Options{Path: path})
	var writers sync.WaitGroup
	for i := range 16 {
		writers.Go(func() {
			for n := 0; ; n++ {
				id := directory.GroupID(fmt.Sprintf("%d-%d", i, n))
				_, err := w.Admin().Groups().Save(context.Background(), directory.Group{ID: id, Tenant: "t1"}, told(string(id)))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := fmt.Fprintf(os.Stdout, "saved %s .\n", id); err != nil {
					return // nobody listens any more
				}
			}
		})
	}
	writers.Wait()
}
