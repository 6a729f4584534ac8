package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// plans is an enrolled app with one organisation file.
func plans(t *testing.T) (*pc, *sdk.Client) {
	t.Helper()
	p := newPC(t)
	c := p.enrolled()
	must(t, c.Vault().Save("plans", []byte("behind the ivy")))
	return p, c
}

func TestNothingIsAllowedBeforeTheFirstVerdict(t *testing.T) {
	p := newPC(t)
	p.policy.Checks = nil // not even an offline grace that a missing check-in would fail
	p.refuse["/check-in"] = problem(http.StatusServiceUnavailable, wire.Problem{})
	c := p.start()
	if err := c.Enroll(t.Context()); err == nil {
		t.Fatal("the check-in was refused, and nobody said so")
	}
	if d := c.Decide(); d.Allowed() || d.Reasons[0].Code != "notCheckedIn" {
		t.Errorf("%+v", d)
	}
}

func TestADamagedStateBlocks(t *testing.T) {
	p, c := plans(t)
	must(t, os.WriteFile(filepath.Join(p.dir, "state.json"), []byte("{"), 0o600))
	if d := c.Decide(); d.Allowed() {
		t.Errorf("%+v", d)
	}
}

func TestOnlyTheOwnerReadsWhatIsKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes: who may read follows from the directory, which is in the person's profile")
	}
	p, _ := plans(t)
	must(t, filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == p.dir { // the test's own
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
}

func TestASignInThatEndedIsFoundOutBeforeItsTokenExpires(t *testing.T) {
	p, c := plans(t)
	clear(p.access)
	if _, err := c.CheckIn(t.Context()); err != nil {
		t.Errorf("the refresh token is still good: %v", err)
	}
	clear(p.access)
	p.refresh = "revoked"
	_, err := c.CheckIn(t.Context())
	if e, ok := errors.AsType[*sdk.ServiceError](err); !ok || e.OAuth != "invalid_grant" {
		t.Errorf("nothing is good any more: %v", err)
	}
	must(t, c.Enroll(t.Context())) // asks the person again
}

func TestARegistrationThatTheServiceEndedBlocks(t *testing.T) {
	p, c := plans(t)
	p.refuse["/check-in"] = problem(http.StatusForbidden, wire.Problem{Code: "registrationEnded", Detail: "This registration has ended (superseded)"})
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "superseded") {
		t.Errorf("Run returned %v", err)
	}
	if d := p.start().Decide(); d.Allowed() || d.Reasons[0].Code != "registrationEnded" {
		t.Errorf("%+v", d)
	}
	clear(p.refuse)
	must(t, c.Enroll(t.Context()))
	if d := c.Decide(); !d.Allowed() {
		t.Errorf("enrolled anew: %+v", d)
	}
}

func TestProcessesOnOneDirectoryShareOneSignIn(t *testing.T) {
	p, c := plans(t)
	clear(p.access) // everyone must refresh
	var all sync.WaitGroup
	for _, client := range []*sdk.Client{c, p.start(), p.start(), p.start()} {
		all.Go(func() {
			for range 5 {
				if _, err := client.CheckIn(t.Context()); err != nil {
					t.Error(err)
				}
				if err := client.Vault().Save("plans", []byte("again")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if p.reused {
		t.Error("a refresh token was shown twice")
	}
	if len(p.spent) < 4 {
		t.Errorf("%d refreshes: this checks nothing", len(p.spent))
	}
}

func TestAnotherAccountNeverSeesWhatTheFirstLeft(t *testing.T) {
	p, _ := plans(t)
	wiped := 0
	p.onWipe = func(context.Context) []wire.WipeItem { wiped++; return nil }
	c := p.start()
	clear(p.access)
	p.user, p.refresh = "user-2", "revoked"
	must(t, c.Enroll(t.Context()))
	if data, err := c.Vault().Load("plans"); err == nil {
		t.Errorf("the second person reads %q", data)
	}
	if !slices.Contains(p.heard, "DELETE /"+tenant+"/mam/v1/registrations/registration-1") || wiped != 1 {
		t.Errorf("the first registration lives on, or the app's own data (%d): %v", wiped, p.heard)
	}
	if st := p.start().Status(); st.UserID != "user-2" || !st.Decision.Allowed() {
		t.Errorf("%+v", st)
	}
}

func TestAGoodOrderIsCarriedOutBehindABadOne(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{{ID: "op-0", Order: "wipe, please"}, p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil {
		t.Errorf("%v, %v", wiped, err)
	}
}

func TestAReceiptThatIsNotAcceptedIsSignedAnew(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	p.refuse["/receipt"] = problem(http.StatusBadRequest, wire.Problem{Detail: "it comes from the future: set the clock of this PC"})
	p.now = p.now.Add(time.Hour)
	if _, err := c.Orders(t.Context()); err == nil {
		t.Fatal("no error")
	}
	clear(p.refuse)
	p.now = p.now.Add(-time.Hour)
	if _, err := c.Orders(t.Context()); err != nil || len(p.receipts) != 1 || p.receipts[0].FinishedAt != p.now.Unix() {
		t.Errorf("%v, %+v", err, p.receipts)
	}
}

func TestWhoOwesAReceiptNeitherSignsOutNorEnrols(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	p.refuse["/receipt"] = problem(http.StatusServiceUnavailable, wire.Problem{})
	if _, err := c.Orders(t.Context()); err == nil {
		t.Fatal("no error")
	}
	again := p.start()
	if err := again.SignOut(t.Context()); err == nil {
		t.Error("signing out forgot the receipt")
	}
	if err := again.Enroll(t.Context()); err == nil {
		t.Error("enrolling forgot the receipt")
	}
	clear(p.refuse)
	must(t, again.Enroll(t.Context()))
	if len(p.receipts) != 1 || !again.Decide().Allowed() {
		t.Errorf("%+v, %+v", p.receipts, again.Decide())
	}
}

func TestManyHandsWipeOnce(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	var all sync.WaitGroup
	for _, client := range []*sdk.Client{c, c, p.start(), p.start()} {
		all.Go(func() {
			if wiped, err := client.Orders(t.Context()); !wiped || err != nil {
				t.Errorf("%v, %v", wiped, err)
			}
		})
	}
	all.Wait()
	if len(p.receipts) != 1 {
		t.Errorf("%d receipts", len(p.receipts))
	}
}

// running starts Run and waits until its stream is open.
func (p *pc) running(c *sdk.Client) (ended <-chan error) {
	done := make(chan error, 1)
	go func() { done <- c.Run(p.t.Context()) }()
	p.eventually(func() bool { return len(p.streams) == 1 })
	return done
}

func (p *pc) nudge(what string, first func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first()
	p.streams[0] <- what
}

func TestNudgesBringCheckInsAndTheWipeEndsTheLoop(t *testing.T) {
	p, c := plans(t)
	ended := p.running(c)
	p.eventually(func() bool { return len(p.checkIns) == 2 }) // of the enrolment, of hello
	p.nudge("compliance", func() {})
	p.eventually(func() bool { return len(p.checkIns) == 3 })
	p.nudge("operation", func() { p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))} })
	must(t, <-ended)
	if left, _ := filepath.Glob(filepath.Join(p.dir, "organization*")); len(left) != 0 || len(p.receipts) != 1 {
		t.Errorf("left: %v, receipts: %+v", left, p.receipts)
	}
}

func TestAPCThatCannotBeMeasuredStillObeysAtOnce(t *testing.T) {
	p, c := plans(t)
	p.broken = errors.New("the sensor is broken")
	ended := p.running(c)
	p.nudge("operation", func() { p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))} })
	must(t, <-ended)
	if len(p.streams) != 1 || len(p.checkIns) != 1 {
		t.Errorf("%d streams, %d check-ins", len(p.streams), len(p.checkIns))
	}
}

func TestRunSaysThatNothingIsEnrolled(t *testing.T) {
	if err := newPC(t).start().Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not enrolled") {
		t.Errorf("Run returned %v", err)
	}
}

func TestRunStopsWhenAsked(t *testing.T) {
	p, c := plans(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	p.eventually(func() bool { return len(p.streams) == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
}

func TestSecretsGoThroughTheSealer(t *testing.T) {
	p := newPC(t)
	p.sealer = mirror{}
	must(t, p.enrolled().Vault().Save("plans", []byte("behind the ivy")))
	for _, name := range []string{"device.key", "state.json", "organization.key"} {
		doc, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil || !strings.HasPrefix(string(doc), "sealed:"+name+":") {
			t.Errorf("%s starts with %.20q, %v", name, doc, err)
		}
	}
	if data, err := p.start().Vault().Load("plans"); err != nil || string(data) != "behind the ivy" {
		t.Errorf("%q, %v", data, err)
	}
}

// mirror is a sealer that shows what went through it.
type mirror struct{}

func (mirror) Seal(name string, plain []byte) ([]byte, error) {
	return append([]byte("sealed:"+name+":"), plain...), nil
}

func (mirror) Open(name string, sealed []byte) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(sealed), "sealed:"+name+":")
	if !ok {
		return nil, errors.New("not sealed under this name")
	}
	return []byte(plain), nil
}

func (mirror) Protection() string { return "tpm" }
