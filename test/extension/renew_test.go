package extension_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kill ends every agent that browsers of this desk started, as a crash would, and
// returns how many there were.
func (d *desk) kill() (n int) {
	d.Helper()
	return d.signal(syscall.SIGKILL)
}

// signal sends one to every agent that browsers of this desk started.
func (d *desk) signal(s syscall.Signal) (n int) {
	d.Helper()
	all := d.agents()
	for _, pid := range all {
		d.ok(syscall.Kill(pid, s))
	}
	return len(all)
}

// agents are the processes of agents that browsers of this desk started.
func (d *desk) agents() (pids []int) {
	d.Helper()
	all, err := os.ReadDir("/proc")
	d.ok(err)
	for _, p := range all {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		if exe, err := os.Readlink(filepath.Join("/proc", p.Name(), "exe")); err == nil && strings.TrimSuffix(exe, " (deleted)") == d.program {
			pids = append(pids, pid)
		}
	}
	return pids
}

// away takes the agent off the PC until the returned function brings it back.
func (d *desk) away() (back func()) {
	d.Helper()
	hosts := filepath.Join(d.profile, "NativeMessagingHosts")
	d.ok(os.Rename(hosts, hosts+".away"))
	if d.kill() == 0 {
		d.Fatal("no agent ran")
	}
	return func() { d.ok(os.Rename(hosts+".away", hosts)) }
}

// asked is what the site answers to a script of the page: a status, and the code
// of a refusal.
const asked = `fetch("/", { headers: { accept: "application/json" } }).then(async (r) => r.status + " " + (r.ok ? "" : (await r.json()).code))`

// A device proves itself again by itself for as long as the agent is there. When it
// is not, whoever holds the session is out, and in again when it is back, with no
// word typed.
func TestTheDeviceProvesItselfAgainOrIsOut(t *testing.T) {
	const lifetime = 10 * time.Second
	d := arrive(t, "--device-proof-lifetime", lifetime.String())
	d.enroll()
	d.open()
	d.signIn()
	for began := time.Now(); time.Since(began) < 2*lifetime+lifetime/2; {
		if got := eval[string](d, asked); got != "200 " {
			t.Fatalf("after %s the site says %s", time.Since(began), got)
		}
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 500))`)
	}
	back := d.away()
	d.until(`document.querySelector("postern-cover") !== null`)
	for eval[string](d, asked) == "200 " {
		eval[bool](d, `new Promise((done) => setTimeout(() => done(true), 200))`)
	}
	if got := eval[string](d, asked); got != "403 deviceProofLapsed" {
		t.Errorf("without its agent the site says %s", got)
	}
	back()
	d.until(`document.querySelector("postern-cover") === null`)
	d.site()
	if got := eval[string](d, asked); got != "200 " {
		t.Errorf("with the agent back the site says %s", got)
	}
}
