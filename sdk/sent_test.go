package sdk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// tap hears every request that leaves.
type tap struct {
	http.RoundTripper
	bodies map[string][]string // by the end of the path
	count  int
}

func (w *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	w.count++
	if r.Body != nil {
		doc, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/"):]
		w.bodies[name] = append(w.bodies[name], string(doc))
		r.Body = io.NopCloser(bytes.NewReader(doc))
	}
	return w.RoundTripper.RoundTrip(r)
}

// odd measures something that nobody declared, once told to.
type odd struct{ on *bool }

func (o odd) Measure(context.Context) (sdk.Measurement, error) {
	m := sdk.Measurement{Adapter: "development", DisplayName: "pc", OSVersion: "10.0.22631.3155", Providers: map[string]string{"antivirus": "good"}}
	if *o.on {
		m.Providers["browserHistory"] = "long"
	}
	return m, nil
}

// tapped is an app whose line is tapped.
func (p *pc) tapped(strange *bool) (*sdk.Client, *tap) {
	p.t.Helper()
	line := &tap{RoundTripper: p.Client().Transport, bodies: map[string][]string{}}
	c, err := sdk.New(sdk.Config{
		Authority: p.url(), App: "com.microsoft.edge", AppVersion: "130.0", Dir: p.dir, Health: odd{strange}, HTTP: &http.Client{Transport: line}, Sealer: p.sealer,
		Browser: func(ctx context.Context, url string) error {
			_, err := p.open(ctx, url)
			return err
		},
	})
	must(p.t, err)
	return c, line
}

func find(all []sdk.Sent, message string) sdk.Sent {
	i := slices.IndexFunc(all, func(s sdk.Sent) bool { return s.Message == message })
	if i < 0 {
		return sdk.Sent{}
	}
	return all[i]
}

func TestWhatIsListedIsWhatWasSent(t *testing.T) {
	p := newPC(t)
	c, line := p.tapped(new(bool))
	must(t, c.Enroll(t.Context()))
	p.orders = []wire.Operation{p.asks("diagnostics")}
	if _, err := c.Orders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ProveDevice("challenge", strings.TrimSuffix(p.url(), "/"+tenant)); err != nil {
		t.Fatal(err)
	}
	all := c.Status().Sent
	for path, message := range map[string]string{"/devices": "RegisterDevice", "/registrations": "Enroll", "/check-in": "CheckIn", "/answer": "Diagnostics"} {
		s, really := find(all, message), line.bodies[path]
		var got, want any
		if len(really) == 0 || json.Unmarshal([]byte(really[len(really)-1]), &want) != nil || json.Unmarshal(s.Body, &got) != nil || !alike(got, want) || s.Count != len(really) {
			t.Errorf("%s: %d times %s is listed; %q was sent", message, s.Count, s.Body, really)
		}
	}
	form, err := url.ParseQuery(line.bodies["/token"][0])
	must(t, err)
	token := map[string]string{}
	must(t, json.Unmarshal(find(all, "TokenRequest").Body, &token))
	if len(token) != len(form) || token["code"] != wire.Hidden || token["redirect_uri"] != form.Get("redirect_uri") {
		t.Errorf("of the token request is listed %v; %v was sent", token, form)
	}
	if s := find(all, "DPoPProof"); s.Count != line.count || find(all, "Request").Count != line.count {
		t.Errorf("%d proofs are listed, %d requests were made", s.Count, line.count)
	}
	if s := find(all, "DeviceProof"); s.Count != 1 || !strings.Contains(string(s.Body), "device-1") {
		t.Errorf("a proof for the sign-in page: %+v", s)
	}
	doc, err := json.Marshal(all)
	must(t, err)
	for _, secret := range []string{"challenge", form.Get("code"), form.Get("code_verifier"), p.refresh, "eyJ", "nonce-1"} {
		if secret == "" || strings.Contains(string(doc), `"`+secret) {
			t.Errorf("the list has the secret %q: %s", secret, doc)
		}
	}
}

func alike(a, b any) bool {
	x, err := json.Marshal(a)
	y, other := json.Marshal(b)
	return err == nil && other == nil && string(x) == string(y)
}

func TestWhatNobodyDeclaredDoesNotLeave(t *testing.T) {
	p := newPC(t)
	var strange bool
	c, line := p.tapped(&strange)
	must(t, c.Enroll(t.Context()))
	before := len(line.bodies["/check-in"])
	strange = true
	_, err := c.CheckIn(t.Context())
	if e, ok := errors.AsType[*wire.UndeclaredError](err); !ok || e.Path != "providers/browserHistory" {
		t.Errorf("check-in: %v", err)
	}
	p.orders = []wire.Operation{p.asks("diagnostics")}
	if _, err := c.Orders(t.Context()); err != nil {
		t.Errorf("what cannot be sent stops orders: %v", err)
	}
	if len(line.bodies["/check-in"]) != before || len(line.bodies["/answer"]) != 0 {
		t.Errorf("it left all the same: %q, %q", line.bodies["/check-in"], line.bodies["/answer"])
	}
	strange = false
	if log := strings.Join(c.Diagnostics(t.Context()).Log, "\n"); !strings.Contains(log, `not sent: "providers/browserHistory" is not declared for CheckIn`) {
		t.Errorf("the journal says %s", log)
	}
	if _, err := c.CheckIn(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatWasSentIsForgottenAtSignOutAndAfterAWipe(t *testing.T) {
	p, c := plans(t)
	must(t, os.WriteFile(filepath.Join(p.dir, ".sent.json-1"), []byte("left by a crash"), 0o600))
	must(t, c.SignOut(t.Context()))
	p.noneSent(c)
	must(t, c.Enroll(t.Context()))
	if len(c.Sent()) == 0 {
		t.Fatal("nothing is listed")
	}
	p.orders = []wire.Operation{p.asks("wipe")}
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil {
		t.Fatal(wiped, err)
	}
	p.noneSent(c)
}

func (p *pc) noneSent(c *sdk.Client) {
	p.t.Helper()
	left, err := filepath.Glob(filepath.Join(p.dir, "*sent.json*"))
	hidden, other := filepath.Glob(filepath.Join(p.dir, ".sent.json*"))
	if err != nil || other != nil || len(left)+len(hidden)+len(c.Sent()) > 0 {
		p.t.Errorf("left %q, %q, %+v", left, hidden, c.Sent())
	}
}

// What was sent is no secret of the organization, but the person's: it is sealed
// as everything is, and one that is damaged stops nothing.
func TestAListThatCannotBeReadBeginsAnew(t *testing.T) {
	p, c := plans(t)
	must(t, os.WriteFile(filepath.Join(p.dir, "sent.json"), []byte("{"), 0o600))
	if _, err := c.CheckIn(t.Context()); err != nil || find(c.Sent(), "CheckIn").Count != 1 {
		t.Errorf("%v, %+v", err, c.Sent())
	}
	q := newPC(t)
	q.sealer = mirror{}
	q.enrolled()
	if doc, err := os.ReadFile(filepath.Join(q.dir, "sent.json")); err != nil || !bytes.HasPrefix(doc, []byte("sealed:sent.json:")) {
		t.Errorf("%s, %v", doc, err)
	}
}

// One long answer does not make every later request slow.
func TestABodyThatIsTooLongIsCountedAndNotKept(t *testing.T) {
	p, c := plans(t)
	line := strings.Repeat("x", 900)
	var journal strings.Builder
	for range 150 {
		journal.WriteString(line + "\n")
	}
	must(t, os.WriteFile(filepath.Join(p.dir, "journal.log"), []byte(journal.String()), 0o600))
	p.orders = []wire.Operation{p.asks("diagnostics")}
	if _, err := c.Orders(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := find(c.Sent(), "Diagnostics")
	if s.Count != 1 || s.Body != nil || s.TooLong < 100_000 {
		t.Errorf("%d times, %d bytes of %d", s.Count, len(s.Body), s.TooLong)
	}
	if info, err := os.Stat(filepath.Join(p.dir, "sent.json")); err != nil || info.Size() > 64<<10 {
		t.Errorf("%v, %v", info, err)
	}
}
