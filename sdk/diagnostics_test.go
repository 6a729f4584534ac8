package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// asks is a good order for something else than a wipe.
func (a *authority) asks(action string) wire.Operation {
	return a.sign(a.key, wire.TypeWipeOrder, a.order(func(o *wire.WipeOrder) { o.Action = action }))
}

func (p *pc) unharmed(c *sdk.Client) {
	p.t.Helper()
	if data, err := c.Vault().Load("plans"); err != nil || string(data) != "behind the ivy" || !c.Status().Enrolled || len(p.receipts) != 0 {
		p.t.Errorf("%q, %v; %+v, receipts %+v", data, err, c.Status(), p.receipts)
	}
}

func TestAnOrderOfAnUnknownActionNeverWipes(t *testing.T) {
	p, c := plans(t)
	for _, action := range []string{"explode", "", "Wipe", "wipe ", "diagnose"} {
		p.orders = []wire.Operation{p.asks(action)}
		if wiped, err := c.Orders(t.Context()); wiped || err != nil {
			t.Errorf("%q: wiped %t, %v", action, wiped, err)
		}
		p.unharmed(c)
	}
	p.orders = []wire.Operation{p.asks("explode"), p.asks("wipe")}
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil {
		t.Errorf("one that is not known hides a wipe: %t, %v", wiped, err)
	}
	p.nothingLeft()
}

func TestDiagnosticsAreSentWhenAVerifiedOrderAsks(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{p.asks("diagnostics")}
	if wiped, err := c.Orders(t.Context()); wiped || err != nil {
		t.Fatalf("wiped %t, %v", wiped, err)
	}
	p.unharmed(c)
	if len(p.answers) != 1 {
		t.Fatalf("%d answers", len(p.answers))
	}
	d := p.answers[0]
	if d.AppVersion != "130.0" || d.SDKVersion != sdk.Version || d.OSVersion != "10.0.22631.3155" || d.PolicyETag != "policy-1" ||
		d.State != "compliant" || !d.LastSync.Equal(p.now) || !d.CollectedAt.Equal(p.now) {
		t.Errorf("sent %+v", d)
	}
	if d.Facts["adapter"] != "development" || d.Facts["provider.antivirus"] != "good" || d.Facts["access"] != "warn" || d.Facts["enrolled"] != "true" {
		t.Errorf("facts %v", d.Facts)
	}
	if !strings.Contains(strings.Join(d.Log, "|"), "check-in: compliant, allow") {
		t.Errorf("log %q", d.Log)
	}
	if local := p.start().Diagnostics(t.Context()); local.AppVersion != d.AppVersion || len(local.Log) < len(d.Log) {
		t.Errorf("the same on this PC: %+v", local)
	}
}

func TestDiagnosticsThatAreNotForThisAppAreNotSent(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(func(o *wire.WipeOrder) {
		o.Action, o.Registration = "diagnostics", "another"
	}))}
	if _, err := c.Orders(t.Context()); err == nil || len(p.answers) != 0 {
		t.Errorf("%v, answers %+v", err, p.answers)
	}
}

func TestAWipeComesBeforeDiagnostics(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{p.asks("diagnostics"), p.asks("wipe")}
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil || len(p.answers) != 0 {
		t.Errorf("wiped %t, %v, answers %+v", wiped, err, p.answers)
	}
	p.nothingLeft()
}

func TestDiagnosticsThatNobodyTakesStopNothing(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{p.asks("diagnostics")}
	p.refuse["/answer"] = problem(http.StatusBadRequest, wire.Problem{Detail: "no"})
	if _, err := c.Orders(t.Context()); err != nil {
		t.Errorf("a refusal: %v", err)
	}
	p.refuse["/answer"] = problem(http.StatusServiceUnavailable, wire.Problem{})
	if _, err := c.Orders(t.Context()); err == nil {
		t.Error("an outage is taken for an answer")
	}
	p.unharmed(c)
}

func TestDiagnosticsTellNothingPersonalAndNoSecret(t *testing.T) {
	p, c := plans(t)
	p.broken = errors.New(filepath.Join(p.dir, "health.json") + ": cannot be read\nat all")
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Fatal("unmeasured, and checked in")
	}
	p.refuse["/check-in"] = problem(http.StatusForbidden, wire.Problem{Code: "registrationEnded", Detail: "Anna Example left"})
	p.broken = nil
	_, _ = c.CheckIn(t.Context())
	p.broken = errors.New(filepath.Join(p.dir, "health.json") + ": cannot be read\nat all")
	d := c.Diagnostics(t.Context())
	doc, err := json.Marshal(d)
	must(t, err)
	for _, word := range []string{p.refresh, p.dir, "user-1", "registration-1", "device-1", "plans", "ivy", "PRIVATE KEY"} {
		if strings.Contains(string(doc), word) {
			t.Errorf("%q is told: %s", word, doc)
		}
	}
	if d.Facts["health"] != "(state)"+string(filepath.Separator)+"health.json: cannot be read at all" || !strings.Contains(strings.Join(d.Log, "|"), "refused with 403 registrationEnded") {
		t.Errorf("facts %v, log %q", d.Facts, d.Log)
	}
	if d.OSVersion != "10.0.22631.3155" {
		t.Errorf("what was known of Windows is %q", d.OSVersion)
	}
}

func TestTheJournalStaysSmall(t *testing.T) {
	p, c := plans(t)
	p.sealer = nil
	p.refuse["/check-in"] = problem(http.StatusServiceUnavailable, wire.Problem{Code: strings.Repeat("é", 5000)})
	for range 400 {
		_, _ = c.CheckIn(t.Context())
	}
	d := c.Diagnostics(t.Context())
	doc, err := json.Marshal(d)
	must(t, err)
	if len(doc) > 256<<10 || len(d.Log) == 0 || len(d.Log) > 200 {
		t.Errorf("%d bytes, %d lines", len(doc), len(d.Log))
	}
	for name, kept := range p.kept() {
		if len(kept) > 600<<10 {
			t.Errorf("%s has %d bytes", name, len(kept))
		}
	}
	for _, line := range d.Log {
		if n := len([]rune(line)); n > 1024 {
			t.Fatalf("a line of %d characters", n)
		}
	}
}

func TestConfigurationComesWithThePolicy(t *testing.T) {
	p := newPC(t)
	want := wire.Configured{Name: "HomepageLocation", Value: `"https://wiki.example"`, Typed: true, Source: "A_1"}
	if c := p.start(); len(c.Configuration()) != 0 {
		t.Error("configured before it is enrolled")
	}
	c := p.enrolled()
	p.policy.ETag, p.policy.Configuration = "policy-2", []wire.Configured{want}
	p.result.PolicyETag = "policy-2"
	_, err := c.CheckIn(t.Context())
	must(t, err)
	if got := p.start().Configuration(); len(got) != 1 || got[0] != want || len(c.Status().Configuration) != 1 {
		t.Errorf("configured with %+v", got)
	}
	if len(p.etags) != 1 || p.etags[0] != `"policy-1"` {
		t.Errorf("asked with %q", p.etags)
	}
	p.result.PolicyETag = "policy-3" // but the policy has not changed
	_, err = c.CheckIn(t.Context())
	must(t, err)
	if got := c.Configuration(); len(p.etags) != 2 || p.etags[1] != `"policy-2"` || len(got) != 1 {
		t.Errorf("asked with %q; configured with %+v", p.etags, got)
	}
}

// nowhere is a network without anybody on it; it notes when it was tried.
type nowhere struct{ tries []time.Time }

func (n *nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	n.tries = append(n.tries, time.Now())
	return nil, errors.New("there is no network")
}

func TestWithoutANetworkPausesGrowToAnHourAndNoFurther(t *testing.T) {
	p := newPC(t)
	p.enrolled()
	synctest.Test(t, func(t *testing.T) {
		net := &nowhere{}
		c, err := sdk.New(sdk.Config{
			Authority: p.url(), App: "com.microsoft.edge", AppVersion: "130.0", Dir: p.dir, Health: health{}, HTTP: &http.Client{Transport: net},
			Now: func() time.Time { return p.now },
		})
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		if err := c.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
		var last time.Duration
		for i := 1; i < len(net.tries); i++ {
			gap := net.tries[i].Sub(net.tries[i-1])
			if gap > time.Hour || gap < min(last, 45*time.Minute) {
				t.Errorf("pause %d is %s after %s", i, gap, last)
			}
			last = gap
		}
		if n := len(net.tries); n < 30 || n > 50 {
			t.Errorf("%d tries in a day", n)
		}
	})
}
