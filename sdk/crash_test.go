//go:build linux

package sdk_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/powercut"
	"github.com/postern-mam/postern/wire"
)

// storyEnv names, in a process of this test, what it does instead of testing.
const storyEnv = "POSTERN_CRASH_STORY"

// story is an app in a process of its own, that does one thing.
type story struct {
	Verb, URL, CA, Dir string
	Now                time.Time
}

func TestMain(m *testing.M) {
	if doc := os.Getenv(storyEnv); doc != "" {
		os.Exit(tell(doc))
	}
	os.Exit(m.Run())
}

// tell does what a story says, and says so itself once it is done.
func tell(doc string) int {
	var s story
	if err := json.Unmarshal([]byte(doc), &s); err != nil {
		fmt.Println(err)
		return 2
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(s.CA))
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	c, err := sdk.New(sdk.Config{
		Authority: s.URL, App: "com.microsoft.edge", AppVersion: "130.0", Dir: s.Dir, Health: health{}, HTTP: web, Now: func() time.Time { return s.Now },
		OnWipe: func(context.Context) []wire.WipeItem {
			if s.Verb == "run" {
				defer end()
			}
			return removeOwn(s.Dir)
		},
		Browser: func(_ context.Context, url string) error {
			resp, err := web.Get(url)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		},
	})
	if err == nil {
		err = s.do(ctx, c)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("done")
	return 0
}

func (s story) do(ctx context.Context, c *sdk.Client) (err error) {
	switch s.Verb {
	case "enroll":
		return c.Enroll(ctx)
	case "check-in":
		_, err = c.CheckIn(ctx)
	case "orders":
		_, err = c.Orders(ctx)
	case "sign-out":
		return c.SignOut(ctx)
	case "run":
		err = c.Run(ctx)
	case "save":
		return c.Vault().Save("plans", beta())
	default:
		return errors.New("no such story")
	}
	return err
}

// alpha and beta are what a file holds before and after it is saved.
func alpha() []byte { return bytes.Repeat([]byte("alpha "), 20_000) }
func beta() []byte  { return bytes.Repeat([]byte("beta "), 30_000) }

// own is what the app keeps beside the sealed store.
func own(dir string) string { return filepath.Join(dir, "own") }

func removeOwn(dir string) []wire.WipeItem {
	err := os.Remove(own(dir))
	return []wire.WipeItem{{Name: "drafts", Removed: err == nil || errors.Is(err, fs.ErrNotExist)}}
}

// scene is a story that is cut short.
type scene struct {
	verb string
	// ready makes the PC and the service as they are when the story begins.
	ready func(p *pc)
	// after looks at what a cut left, and brings the story to its end.
	after func(p *pc, o powercut.Outcome)
}

// play cuts the story before every step it takes, each time on a fresh PC, and at
// last lets it come to its end.
func (s scene) play(t *testing.T) {
	t.Helper()
	cuts := 0
	for ended := false; !ended; {
		t.Run(fmt.Sprintf("step %d", cuts+1), func(t *testing.T) {
			p := newPC(t)
			p.onWipe = func(context.Context) []wire.WipeItem { return removeOwn(p.dir) }
			if s.ready != nil {
				s.ready(p)
			}
			p.settled()
			o, err := powercut.Run(p.process(s.verb), cuts+1)
			must(t, err)
			p.settled()
			if ended = !o.Killed; ended && (o.Code != 0 || !strings.HasSuffix(o.Out, "done\n")) {
				t.Fatalf("the story itself fails: %+v", o)
			}
			t.Logf("before it could %s", o.At)
			s.after(p, o)
			p.noScraps()
		})
		if t.Failed() && cuts > 200 {
			return
		}
		cuts++
	}
	if cuts < 4 {
		t.Errorf("%d cuts: this checks nothing", cuts)
	}
	t.Logf("%d cuts", cuts-1)
}

func (p *pc) process(verb string) *exec.Cmd {
	doc, err := json.Marshal(story{
		Verb: verb, URL: p.url(), Dir: p.dir, Now: p.now,
		CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})),
	})
	must(p.t, err)
	program, err := os.Executable()
	must(p.t, err)
	c := exec.CommandContext(p.t.Context(), program)
	c.Env = append(os.Environ(), storyEnv+"="+string(doc), "GOCOVERDIR="+p.t.TempDir())
	return c
}

// noScraps fails when what a cut left half-written is still there once the story
// is at its end. What the sealed store did not finish is sealed, and goes with it.
func (p *pc) noScraps() {
	p.t.Helper()
	must(p.t, filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".") && filepath.Dir(path) == p.dir {
			p.t.Errorf("%s is left", path)
		}
		return err
	}))
}

// noToken fails when a file of the PC holds a token that was ever given to it.
func (p *pc) noToken() {
	p.t.Helper()
	must(p.t, filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		doc, err := os.ReadFile(path)
		for token := range p.spent {
			if token != "" && bytes.Contains(doc, []byte(token)) {
				p.t.Errorf("%s holds a spent token", path)
			}
		}
		if bytes.Contains(doc, []byte(p.refresh)) {
			p.t.Errorf("%s holds a token", path)
		}
		return err
	}))
}

// nobody is a person who is not there to sign in.
func (p *pc) nobody() {
	p.browser = func(context.Context, string) error {
		p.t.Error("the person must sign in again")
		return errors.New("nobody is there")
	}
}

func (p *pc) was(call string) bool {
	return slices.ContainsFunc(p.heard, func(heard string) bool { return strings.HasPrefix(heard, call) })
}

// An enrolment that was cut short anywhere either holds, or is none, and the next
// one succeeds with the same key.
func TestAnEnrolmentThatIsCutShortHoldsOrIsNone(t *testing.T) {
	scene{verb: "enroll", after: func(p *pc, _ powercut.Outcome) {
		t := p.t
		key, known := p.jkt, p.was("POST /"+tenant+"/mam/v1/devices")
		c := p.start()
		if st := c.Status(); st.Decision.Allowed() && (!st.Enrolled || st.PolicyETag != "policy-1" || st.Verdict == nil) {
			t.Errorf("half enrolled: %+v", st)
		}
		must(t, c.Enroll(t.Context()))
		st := p.start().Status()
		if !st.Decision.Allowed() || st.RegistrationID != "registration-1" || st.PolicyETag != "policy-1" {
			t.Errorf("enrolled again: %+v", st)
		}
		if known && p.jkt != key {
			t.Error("the service knew this PC by a key that is lost")
		}
	}}.play(t)
}

// A policy that changes is the old one or the new one, whole; and nobody has to
// sign in for it again.
func TestAPolicyChangeThatIsCutShortIsWholeBeforeOrAfter(t *testing.T) {
	newer := wire.Policy{ETag: "policy-2", Settings: map[string]string{"printOrgData": "allow", "sendOrgDataTo": "allApps", "cutCopyPaste": "none"},
		OrganizationOrigins: []string{"https://intranet.example"}}
	var before, after sdk.Protection
	scene{
		verb: "check-in",
		ready: func(p *pc) {
			c := p.enrolled()
			before = c.Protection()
			p.policy, p.result.PolicyETag = newer, newer.ETag
			p.nobody()
		},
		after: func(p *pc, o powercut.Outcome) {
			got := p.start().Protection()
			if got.PolicyETag != "policy-1" && got.PolicyETag != "policy-2" || got.PolicyETag == "policy-1" && !same(got, before) {
				p.t.Errorf("half changed: %+v", got)
			}
			c := p.start()
			if _, err := c.CheckIn(p.t.Context()); err != nil {
				p.t.Errorf("the next check-in: %v", err)
				return
			}
			after = c.Protection()
			if got.PolicyETag == "policy-2" && !same(got, after) || after.PolicyETag != "policy-2" || !slices.Equal(after.Origins, newer.OrganizationOrigins) {
				p.t.Errorf("in the end: %+v, after the cut %+v", after, got)
			}
		},
	}.play(t)
}

// same compares what a policy says.
func same(a, b sdk.Protection) bool {
	x, errX := json.Marshal([]any{a.Settings, a.Origins, a.Configuration, a.PolicyETag})
	y, errY := json.Marshal([]any{b.Settings, b.Origins, b.Configuration, b.PolicyETag})
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// files makes an enrolled PC with a file of the organization, and one of the app.
func (p *pc) files() {
	must(p.t, p.enrolled().Vault().Save("plans", alpha()))
	must(p.t, os.WriteFile(own(p.dir), alpha(), 0o600))
}

// keyFirst fails when anything went before the key, and says whether the key is
// gone.
func (p *pc) keyFirst() (gone bool) {
	p.t.Helper()
	key, err := os.ReadFile(filepath.Join(p.dir, "organization.key"))
	gone = err != nil || len(bytes.Trim(key, "\x00")) == 0
	files, err := filepath.Glob(filepath.Join(p.dir, "organization", "*"))
	must(p.t, err)
	_, drafts := os.Stat(own(p.dir))
	if !gone && (len(files) == 0 || drafts != nil) {
		p.t.Errorf("the key is there, and of the files %v, %v", files, drafts)
	}
	return gone
}

// A wipe that is cut short anywhere is finished by the next start; from the moment
// that the order is accepted no file opens; the key goes first; one receipt arrives.
func TestAWipeThatIsCutShortGoesOnToItsEnd(t *testing.T) {
	scene{
		verb: "orders",
		ready: func(p *pc) {
			p.files()
			p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
			p.nobody()
		},
		after: func(p *pc, _ powercut.Outcome) {
			t := p.t
			gone := p.keyFirst()
			c := p.start()
			d := c.Decide()
			if data, err := c.Vault().Load("plans"); err == nil && (!bytes.Equal(data, alpha()) || !d.Allowed()) {
				t.Errorf("the file opens, and %+v", d)
			}
			if gone && (d.Allowed() || d.Reasons[0].Code != "wiped") {
				t.Errorf("the key is gone, and %+v", d)
			}
			if wiped, err := c.Orders(t.Context()); !wiped || err != nil {
				t.Fatalf("wiped %t, %v", wiped, err)
			}
			p.nothingLeft()
			p.noToken()
			slices.Sort(p.signed)
			if signed := slices.Compact(p.signed); len(signed) != 1 || !p.receipts[0].Succeeded || len(p.receipts[0].Items) < 3 {
				t.Errorf("%d receipts: %+v", len(signed), p.receipts)
			}
			if st := p.start().Status(); st.Enrolled || st.WipedAt.IsZero() {
				t.Errorf("%+v", st)
			}
			if _, err := os.Stat(own(p.dir)); err == nil {
				t.Error("the app's own file is left")
			}
		},
	}.play(t)
}

// Signing out that was cut short either did not begin or goes on to its end by
// itself; once the service was told, nothing opens, whether it is in reach or not.
func TestASignOutThatIsCutShortGoesOnToItsEnd(t *testing.T) {
	scene{
		verb:  "sign-out",
		ready: func(p *pc) { p.files(); p.nobody() },
		after: func(p *pc, _ powercut.Outcome) {
			t := p.t
			p.keyFirst()
			told := p.was("DELETE ")
			p.down = true
			c := p.start()
			data, err := c.Vault().Load("plans")
			if err == nil && (told || !bytes.Equal(data, alpha())) {
				t.Errorf("the file opens; the service was told: %t", told)
			}
			p.down = false
			if err == nil { // it did not begin
				must(t, c.SignOut(t.Context()))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := p.start().Run(ctx); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after the sign-out Run returned %v", err)
			}
			if !p.was("DELETE ") {
				t.Error("the service was not told")
			}
			p.nothingLeft()
			p.noToken()
			if st := p.start().Status(); st.Enrolled || st.Decision.Reasons[0].Code != "notEnrolled" {
				t.Errorf("%+v", st)
			}
		},
	}.play(t)
}

// A wipe that this PC finds due by itself, with the service out of reach, is finished
// by the next start; nothing that comes from the service brings anything back.
func TestADueWipeThatIsCutShortGoesOnToItsEnd(t *testing.T) {
	scene{
		verb:  "run",
		ready: func(p *pc) { p.files(); p.nobody(); p.due(); p.down = true },
		after: func(p *pc, _ powercut.Outcome) {
			t := p.t
			p.keyFirst()
			c := p.start()
			if data, err := c.Vault().Load("plans"); err == nil {
				t.Errorf("after the grace it reads %.10q", data)
			}
			ctx, end := context.WithCancel(t.Context())
			defer end()
			p.onWipe = func(context.Context) []wire.WipeItem { defer end(); return removeOwn(p.dir) }
			if _, err := os.Stat(own(p.dir)); err == nil {
				_ = p.start().Run(ctx)
			}
			p.down = false
			if _, err := c.CheckIn(t.Context()); err != nil {
				t.Error(err)
			}
			if data, err := c.Vault().Load("plans"); err == nil {
				t.Errorf("a check-in brought back %.10q", data)
			}
			if _, err := os.Stat(own(p.dir)); err == nil {
				t.Error("the app's own file is left")
			}
		},
	}.play(t)
}

// Another account's enrolment that is cut short never gives it what the first one
// left.
func TestAnotherAccountThatIsCutShortSeesNothing(t *testing.T) {
	scene{
		verb: "enroll",
		ready: func(p *pc) {
			p.files()
			p.user, p.refresh = "user-2", "revoked"
		},
		after: func(p *pc, _ powercut.Outcome) {
			t := p.t
			gone := p.keyFirst()
			c := p.start()
			if st := c.Status(); st.UserID == "user-2" && !gone {
				t.Errorf("the newcomer has the key of the first: %+v", st)
			}
			must(t, c.Enroll(t.Context()))
			if data, err := c.Vault().Load("plans"); err == nil {
				t.Errorf("the newcomer reads %.10q", data)
			}
			if st := p.start().Status(); st.UserID != "user-2" || !st.Decision.Allowed() {
				t.Errorf("%+v", st)
			}
			if !p.was("DELETE /" + tenant + "/mam/v1/registrations/registration-1") {
				t.Error("the first registration lives on")
			}
			if _, err := os.Stat(own(p.dir)); err == nil {
				t.Error("the first one's own file is left")
			}
		},
	}.play(t)
}

// A file that was saved is there, whole; one that was not is what it was before.
func TestAFileThatIsCutShortIsWholeBeforeOrAfter(t *testing.T) {
	for name, before := range map[string][]byte{"the first one": nil, "one that is there": alpha()} {
		t.Run(name, func(t *testing.T) {
			scene{
				verb: "save",
				ready: func(p *pc) {
					c := p.enrolled()
					if before != nil {
						must(p.t, c.Vault().Save("plans", before))
					}
				},
				after: func(p *pc, o powercut.Outcome) {
					c := p.start()
					got, err := c.Vault().Load("plans")
					old := err == nil && before != nil && bytes.Equal(got, before) || before == nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, sdk.ErrWiped))
					if whole := err == nil && bytes.Equal(got, beta()); !whole && (!old || strings.Contains(o.Out, "done")) {
						p.t.Errorf("%d bytes, %v; the app said %q", len(got), err, o.Out)
					}
					must(p.t, c.Vault().Save("plans", beta()))
					if got, err := p.start().Vault().Load("plans"); err != nil || !bytes.Equal(got, beta()) {
						p.t.Errorf("saved again: %d bytes, %v", len(got), err)
					}
				},
			}.play(t)
		})
	}
}

// Signing out needs the service: where it cannot be told, nothing changed.
func TestASignOutThatFailsChangesNothing(t *testing.T) {
	p, c := plans(t)
	p.down = true
	if err := c.SignOut(t.Context()); err == nil {
		t.Fatal("the service is down, and nobody said so")
	}
	p.down = false
	if _, err := p.start().Vault().Load("plans"); err != nil {
		t.Errorf("after a sign-out that failed: %v", err)
	}
}

// A sign-out that the end of the program cut short, and a wipe that was ordered
// meanwhile: the order goes first, and the service gets its receipt.
func TestAWipeGoesBeforeASignOutThatWasCutShort(t *testing.T) {
	p, c := plans(t)
	ctx, end := context.WithCancel(t.Context())
	p.refuse["/registration-1"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { end(); w.WriteHeader(http.StatusServiceUnavailable) })
	if err := c.SignOut(ctx); err == nil {
		t.Fatal("it was cut short, and nobody said so")
	}
	if _, err := p.start().Vault().Load("plans"); err == nil {
		t.Error("a file opens in the middle of a sign-out")
	}
	p.refuse["/registration-1"] = problem(http.StatusConflict, wire.Problem{Code: "wipePending"})
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	if err := p.start().Run(t.Context()); err != nil || len(p.receipts) != 1 {
		t.Errorf("%v, %d receipts", err, len(p.receipts))
	}
	p.nothingLeft()
}

// A program that ends in the middle of a wipe did not fail at it: only what became of
// it in the end is reported.
func TestAWipeThatTheEndOfTheProgramInterruptsIsNoFailure(t *testing.T) {
	p, _ := plans(t)
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	ctx, end := context.WithCancel(t.Context())
	p.onWipe = func(context.Context) []wire.WipeItem {
		end()
		return []wire.WipeItem{{Name: "drafts", Detail: "the browser has gone"}}
	}
	if _, err := p.start().Orders(ctx); err == nil {
		t.Fatal("it was interrupted, and nobody said so")
	}
	p.onWipe = nil
	if _, err := p.start().Orders(t.Context()); err != nil || len(p.receipts) != 1 || !p.receipts[0].Succeeded {
		t.Errorf("%v, %+v", err, p.receipts)
	}
}
