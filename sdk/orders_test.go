package sdk_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

func TestAnOrderThatIsNotForThisAppDeletesNothing(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	must(t, c.Vault().Save("a", []byte("alpha")))
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	bad := map[string]wire.Operation{
		"of another key": p.sign(stranger, wire.TypeWipeOrder, p.order(nil)),
		"of another typ": p.sign(p.key, wire.TypeWipeReceipt, p.order(nil)),
		"not a JWS":      {ID: "op-1", Order: "wipe, please"},
		"unsigned":       p.unsigned("none", func(string) []byte { return nil }),
		"HS256 under the public key": p.unsigned("HS256", func(text string) []byte {
			doc, err := x509.MarshalPKIXPublicKey(p.key.Public())
			must(t, err)
			mac := hmac.New(sha256.New, doc)
			mac.Write([]byte(text))
			return mac.Sum(nil)
		}),
		"of a key that it brings along": p.bringsItsKey(stranger),
	}
	for name, change := range map[string]func(*wire.WipeOrder){
		"iss": func(o *wire.WipeOrder) { o.Issuer = "https://evil.example/" + tenant }, "jti": func(o *wire.WipeOrder) { o.Operation = "op-2" },
		"tid": func(o *wire.WipeOrder) { o.Tenant = "x" }, "sub": func(o *wire.WipeOrder) { o.User = "user-2" },
		"registration": func(o *wire.WipeOrder) { o.Registration = "registration-2" }, "device": func(o *wire.WipeOrder) { o.Device = "device-2" },
		"jkt": func(o *wire.WipeOrder) { o.KeyThumb = "x" },
	} {
		bad[name] = p.sign(p.key, wire.TypeWipeOrder, p.order(change))
	}
	for name, op := range bad {
		p.orders = []wire.Operation{op}
		if wiped, err := c.Orders(t.Context()); wiped || err == nil {
			t.Errorf("%s: wiped %t, %v", name, wiped, err)
		}
		if got, err := c.Vault().Load("a"); err != nil || string(got) != "alpha" {
			t.Fatalf("%s: the file is %q, %v", name, got, err)
		}
	}
	if len(p.receipts) != 0 {
		t.Errorf("receipts %+v", p.receipts)
	}
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil {
		t.Errorf("control: wiped %t, %v", wiped, err)
	}
}

// unsigned is a good order under a header and signature of one's own making.
func (a *authority) unsigned(alg string, signature func(text string) []byte) wire.Operation {
	header, err := json.Marshal(map[string]string{"alg": alg, "kid": "key-1", "typ": wire.TypeWipeOrder})
	must(a.t, err)
	payload, err := json.Marshal(a.order(nil))
	must(a.t, err)
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return wire.Operation{ID: "op-1", Order: text + "." + base64.RawURLEncoding.EncodeToString(signature(text))}
}

// bringsItsKey is a good order signed by key, with key in its header.
func (a *authority) bringsItsKey(key *ecdsa.PrivateKey) wire.Operation {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType(wire.TypeWipeOrder))
	must(a.t, err)
	doc, err := json.Marshal(a.order(nil))
	must(a.t, err)
	jws, err := signer.Sign(doc)
	must(a.t, err)
	compact, err := jws.CompactSerialize()
	must(a.t, err)
	return wire.Operation{ID: "op-1", Order: compact}
}

func TestAWipeIsCarriedOutAndSigned(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	must(t, c.Vault().Save("a", []byte("alpha")))
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	wiped, err := c.Orders(t.Context())
	if !wiped || err != nil {
		t.Fatalf("wiped %t, %v", wiped, err)
	}
	p.nothingLeft()
	if len(p.receipts) != 1 || !p.receipts[0].Succeeded || p.receipts[0].Operation != "op-1" {
		t.Errorf("receipts %+v", p.receipts)
	}
	st := p.start().Status()
	if st.Enrolled || st.WipedAt.IsZero() || st.Decision.Reasons[0].Code != "wiped" {
		t.Errorf("status %+v", st)
	}
	doc, err := os.ReadFile(filepath.Join(p.dir, "state.json"))
	must(t, err)
	if strings.Contains(string(doc), p.refresh) {
		t.Error("a token outlived the wipe")
	}
}

func TestAWipeGoesOnAfterACrash(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	must(t, c.Vault().Save("a", []byte("alpha")))
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	ctx, crash := context.WithCancel(t.Context())
	p.onWipe = func(context.Context) []wire.WipeItem { crash(); return nil } // before the receipt can be sent
	if _, err := p.start().Orders(ctx); err == nil {
		t.Fatal("the receipt was sent")
	}
	p.onWipe = nil
	again := p.start()
	if _, err := again.Vault().Load("a"); err == nil {
		t.Error("a file was read during a wipe")
	}
	if err := again.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.receipts) != 1 || again.Status().WipedAt.IsZero() {
		t.Errorf("receipts %+v", p.receipts)
	}
}

func TestWhatCouldNotBeRemovedIsToldAndTriedAgain(t *testing.T) {
	p := newPC(t)
	stuck := true
	p.onWipe = func(context.Context) []wire.WipeItem { return []wire.WipeItem{{Name: "cache", Removed: !stuck}} }
	c := p.enrolled()
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	if _, err := c.Orders(t.Context()); err == nil || len(p.receipts) != 1 || p.receipts[0].Succeeded {
		t.Fatalf("%v, receipts %+v", err, p.receipts)
	}
	stuck = false
	if _, err := c.Orders(t.Context()); err != nil || len(p.receipts) != 2 || !p.receipts[1].Succeeded {
		t.Errorf("%v, receipts %+v", err, p.receipts)
	}
}

func TestADueWipeIsCarriedOutWithoutTheService(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	must(t, c.Vault().Save("a", []byte("alpha")))
	p.down = true
	p.now = p.now.Add(24*time.Hour + time.Second)
	if d := c.Decide(); d.Action != "wipe" {
		t.Fatalf("decision %+v", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.onWipe = func(context.Context) []wire.WipeItem { cancel(); return nil }
	_ = p.start().Run(ctx) // the service is down: only the context ends it
	p.nothingLeft()
}

func TestAWipeCutShortAnywhereIsFinishedByTheNextStart(t *testing.T) {
	p, _ := plans(t)
	before := p.kept()
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	p.killed(func(c *sdk.Client) { _, _ = c.Orders(t.Context()) })
	p.putBack(before, true) // the worst case: nothing was deleted yet
	again := p.start()
	if len(p.receipts) != 0 || again.Decide().Allowed() {
		t.Fatalf("half wiped: %+v, receipts %+v", again.Decide(), p.receipts)
	}
	if data, err := again.Vault().Load("plans"); err == nil {
		t.Errorf("half wiped, it reads %q", data)
	}
	p.orders = nil // known by the state alone
	if wiped, err := again.Orders(t.Context()); !wiped || err != nil {
		t.Errorf("wiped %t, %v", wiped, err)
	}
	p.nothingLeft()
	if len(p.receipts) != 1 || !p.receipts[0].Succeeded || p.receipts[0].Operation != "op-1" || p.receipts[0].Registration != "registration-1" {
		t.Errorf("receipts %+v", p.receipts)
	}
}

func TestAReceiptThatDidNotArriveComesAgainUnchanged(t *testing.T) {
	p, _ := plans(t)
	wipes, lost := 0, []string(nil)
	p.onWipe = func(context.Context) []wire.WipeItem { wipes++; return []wire.WipeItem{{Name: "cache", Removed: true}} }
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	p.refuse["/receipt"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in wire.ReceiptEnvelope
		must(t, json.NewDecoder(r.Body).Decode(&in))
		lost = append(lost, in.Receipt)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	for range 2 {
		if _, err := p.start().Orders(t.Context()); err == nil {
			t.Fatal("nobody took the receipt, and nobody said so")
		}
	}
	clear(p.refuse)
	p.now = p.now.Add(time.Hour) // a receipt made anew would tell by its time
	c := p.start()
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil {
		t.Fatalf("wiped %t, %v", wiped, err)
	}
	if len(p.signed) != 1 || !slices.Equal(lost, []string{p.signed[0], p.signed[0]}) || wipes != 1 {
		t.Errorf("%d receipts lost, %d taken, %d wipes", len(lost), len(p.signed), wipes)
	}
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil || len(p.signed) != 1 {
		t.Errorf("once more: wiped %t, %v, %d receipts", wiped, err, len(p.signed))
	}
}

func TestAReceiptThatNobodyWaitsForEndsTheWipe(t *testing.T) {
	p, c := plans(t)
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	p.refuse["/receipt"] = problem(http.StatusNotFound, wire.Problem{})
	if wiped, err := c.Orders(t.Context()); !wiped || err != nil || c.Status().WipedAt.IsZero() {
		t.Errorf("wiped %t, %v, %+v", wiped, err, c.Status())
	}
}

// due makes a wipe due that this PC finds by itself.
func (p *pc) due() { p.now = p.now.Add(24*time.Hour + time.Second) }

func TestADueWipeThatWasCutShortIsNotForgotten(t *testing.T) {
	p, _ := plans(t)
	before := p.kept()
	p.due()
	p.down = true
	p.killed(func(c *sdk.Client) { _ = c.Run(t.Context()) })
	p.putBack(before, true)
	p.down = false
	c := p.start()
	_, err := c.CheckIn(t.Context()) // brings a policy, and a verdict that allows
	must(t, err)
	if data, err := c.Vault().Load("plans"); err == nil {
		t.Errorf("a check-in brought back %q", data)
	}
	must(t, c.Enroll(t.Context()))
	if data, err := c.Vault().Load("plans"); err == nil {
		t.Errorf("enrolling brought back %q", data)
	}
	if !c.Decide().Allowed() {
		t.Errorf("enrolled anew: %+v", c.Decide())
	}
}

func TestWhatADueWipeCouldNotRemoveIsTriedAgain(t *testing.T) {
	p, _ := plans(t)
	p.due()
	p.down = true
	for _, removed := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // only when nothing is tried
		calls := 0
		p.onWipe = func(context.Context) []wire.WipeItem {
			calls++
			cancel()
			return []wire.WipeItem{{Name: "cache", Removed: removed}}
		}
		_ = p.start().Run(ctx)
		if calls != 1 {
			t.Fatalf("removed %t: %d tries", removed, calls)
		}
		cancel()
	}
	p.down = false
	c := p.start()
	_, err := c.CheckIn(t.Context())
	must(t, err)
	if !c.Decide().Allowed() {
		t.Errorf("all is gone, and then: %+v", c.Decide())
	}
}

func TestATokenThatComesDuringAWipeIsNotKept(t *testing.T) {
	p, _ := plans(t)
	p.orders = []wire.Operation{p.sign(p.key, wire.TypeWipeOrder, p.order(nil))}
	other := p.start()
	p.during = func() {
		p.during = nil
		if _, err := other.Orders(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.start().CheckIn(t.Context()); err == nil {
		t.Error("checked in after a wipe")
	}
	doc, err := os.ReadFile(filepath.Join(p.dir, "state.json"))
	must(t, err)
	if strings.Contains(string(doc), p.refresh) {
		t.Error("a token outlived the wipe")
	}
}
