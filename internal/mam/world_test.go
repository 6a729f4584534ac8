package mam_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

const (
	tenant = directory.TenantID("5a1e2d6c-0000-4000-8000-000000000001")
	anna   = directory.UserID("5a1e2d6c-0000-4000-8000-00000000000a")
	edge   = "com.microsoft.edge"
	issuer = "https://postern.example"
)

// world is a tenant with one user, one policy that blocks above threat level
// low and for a disabled account, a threat connector, and a clock that stands still until moved.
type world struct {
	testing.TB
	store *store.Store
	mam   *mam.Service
	now   time.Time
	key   *ecdsa.PrivateKey // signs orders
}

// pc is a device's side: its key and who sits in front of it.
type pc struct {
	w    *world
	key  *ecdsa.PrivateKey
	user directory.UserID
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, storetest.Open(t))
}

func newWorldOn(t testing.TB, on *store.Store) *world {
	t.Helper()
	w := &world{TB: t, store: on, now: time.Now().UTC().Truncate(time.Second), key: newKey(t)}
	svc, err := mam.New(mam.Config{
		Store: w.store.MAM(), Signer: w, Issuer: issuer,
		OrderKeys: func(context.Context) ([]byte, error) { return []byte(`{"keys":[]}`), nil },
		Now:       w.clock,
	})
	must(t, err)
	w.mam = svc
	ctx := t.Context()
	must(t, w.store.Admin().Found(ctx, admin.Founding{
		Tenant: directory.Tenant{ID: tenant, DisplayName: "Contoso", Domain: "contoso.example", CreatedAt: w.now},
		Admin:  person("5a1e2d6c-0000-4000-8000-00000000000f", "admin"), Password: admin.Password{Hash: "x"},
	}))
	w.addUser(anna, "anna")
	_, err = w.store.Admin().Apps().Save(ctx, directory.App{
		ID: "wiki", Tenant: tenant, DisplayName: "Wiki", Site: &directory.Site{Host: "wiki.corp.example", Upstream: "http://wiki"},
	})
	must(t, err)
	w.savePolicy(protection.Policy{
		ID: "T_5a1e2d6c-0000-4000-8000-000000000006", Tenant: tenant, DisplayName: "Edge",
		Apps: []directory.PackageID{edge}, Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
		Settings: protection.Settings{SendTo: protection.NoApps, Checks: []protection.Check{
			{Subject: protection.MaxThreatLevel, Action: protection.Block, Level: threat.Low},
			{Subject: protection.DisabledAccount, Action: protection.Block},
		}},
		CreatedAt: w.now, ModifiedAt: w.now,
	})
	_, err = w.store.Admin().Connectors().Save(ctx, threat.Connector{
		ID: directory.WindowsSecurityCenter, Tenant: tenant, EnabledForWindows: true, HeartbeatAt: w.now, CreatedAt: w.now,
	})
	must(t, err)
	return w
}

func (w *world) clock() time.Time { return w.now }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return k
}

func person(id directory.UserID, name string) directory.User {
	return directory.User{ID: id, Tenant: tenant, UserPrincipalName: name + "@contoso.example", DisplayName: name, Enabled: true}
}

func (w *world) addUser(id directory.UserID, name string) {
	w.Helper()
	_, err := w.store.Admin().Users().Save(w.Context(), person(id, name))
	must(w, err)
}

func (w *world) savePolicy(p protection.Policy) {
	w.Helper()
	_, err := w.store.Admin().ProtectionPolicies().Save(w.Context(), p)
	must(w, err)
}

var errNoKey = errors.New("the signing key is out of reach")

// Sign is the hall's signing key.
func (w *world) Sign(_ context.Context, typ string, claims any) (string, error) {
	if w.key == nil {
		return "", errNoKey
	}
	return sign(w.key, typ, claims)
}

func sign(k *ecdsa.PrivateKey, typ string, claims any) (string, error) {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	doc, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	jws, err := s.Sign(doc)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

func (w *world) newPC(user directory.UserID) *pc { return &pc{w, newKey(w), user} }

// caller speaks for the PC with a fresh proof.
func (p *pc) caller() mam.Caller {
	public := jose.JSONWebKey{Key: p.key.Public()}
	doc, err := public.MarshalJSON()
	must(p.w, err)
	sum, err := public.Thumbprint(crypto.SHA256)
	must(p.w, err)
	return mam.Caller{Tenant: tenant, User: p.user, Proof: oauth.Proof{
		JKT: base64.RawURLEncoding.EncodeToString(sum), JTI: rand.Text(), ExpiresAt: p.w.now.Add(5 * time.Minute), Key: doc,
	}}
}

// alone speaks for the PC by the proof alone.
func (p *pc) alone() mam.Caller {
	c := p.caller()
	c.User = ""
	return c
}

func laptop() wire.RegisterDevice {
	return wire.RegisterDevice{DisplayName: "laptop", Platform: "windows", OSVersion: "10.0.22631.3155", KeyProtection: "tpm"}
}

func (p *pc) register() directory.Device {
	p.w.Helper()
	d, err := p.w.mam.RegisterDevice(p.w.Context(), p.caller(), laptop())
	must(p.w, err)
	return d
}

func enrollment(d directory.Device) wire.Enroll {
	return wire.Enroll{DeviceID: string(d.ID), App: edge, AppVersion: "122.0.2365.52", SDKVersion: "1.0.0"}
}

func (p *pc) enroll() directory.RegistrationID {
	p.w.Helper()
	e, err := p.w.mam.Enroll(p.w.Context(), p.caller(), enrollment(p.register()))
	must(p.w, err)
	return directory.RegistrationID(e.RegistrationID)
}

// report is a check-in of a PC in good health, measured now.
func (w *world) report() wire.CheckIn {
	return wire.CheckIn{
		AppVersion: "122.0.2365.52", SDKVersion: "1.0.0", OSVersion: "10.0.22631.3155", Adapter: "windows",
		Providers:  map[string]string{"antivirus": "good", "firewall": "good"},
		MeasuredAt: w.now,
	}
}

func (p *pc) checkIn(id directory.RegistrationID, in wire.CheckIn) wire.CheckInResult {
	p.w.Helper()
	out, err := p.w.mam.CheckIn(p.w.Context(), p.caller(), id, in)
	must(p.w, err)
	return out
}

func (w *world) get(id directory.RegistrationID) mam.Registration {
	w.Helper()
	r, err := w.mam.Get(w.Context(), tenant, id)
	must(w, err)
	return r
}

// refusedWith fails unless err is a refusal with that kind and code.
func (w *world) refusedWith(err error, k fault.Kind, code string) {
	w.Helper()
	r, ok := errors.AsType[*mam.RefusedError](err)
	if !ok || r.Code != code || fault.KindOf(err) != k || len(r.Steps) == 0 {
		w.Fatalf("got %v (%+v), want a refusal of kind %d with code %q and steps", err, r, k, code)
	}
}

func (w *world) failsWith(err error, k fault.Kind) {
	w.Helper()
	if err == nil || fault.KindOf(err) != k {
		w.Fatalf("got %v, want a fault of kind %d", err, k)
	}
}
