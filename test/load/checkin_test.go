package load_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/internal/demo"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
	"github.com/postern-mam/postern/wire"
)

// device is a PC that checks in over and over, with a key and a token that its
// real agent obtained.
type device struct {
	key   *ecdsa.PrivateKey
	token string
	nonce string
	url   string // of its check-in
	body  wire.CheckIn
	http  *http.Client
}

// Seal and Open keep the agent's files as they are and take the key along.
func (d *device) Seal(name string, plain []byte) ([]byte, error) {
	if block, _ := pem.Decode(plain); block != nil && name == "device.key" {
		d.key, _ = x509.ParseECPrivateKey(block.Bytes) // a key that does not parse fails the first proof
	}
	return plain, nil
}

// Protection is what the service is told guards the key.
func (d *device) Protection() string { return "software" }

func (d *device) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// RoundTrip watches the agent's first check-in.
func (d *device) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/check-in") && r.Body != nil {
		doc, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = json.Unmarshal(doc, &d.body)
		d.token, d.url = strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP "), r.URL.String()
		r.Body = io.NopCloser(bytes.NewReader(doc))
	}
	resp, err := d.http.Transport.RoundTrip(r)
	if err == nil && resp.Header.Get("DPoP-Nonce") != "" {
		d.nonce = resp.Header.Get("DPoP-Nonce")
	}
	return resp, err
}

func newDevice(t *testing.T, h *play.House) *device {
	t.Helper()
	transport := h.Transport.Clone()
	transport.ForceAttemptHTTP2 = false
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{} // one connection each, HTTP/1.1
	d := &device{http: &http.Client{Transport: transport}}
	c, err := sdk.New(sdk.Config{
		Authority: h.Authority, App: play.Edge, AppVersion: play.EdgeVersion, Dir: t.TempDir(), Health: demo.Health{}, Sealer: d,
		HTTP: &http.Client{Transport: d},
		Browser: func(ctx context.Context, url string) error {
			_, err := h.Browser(t, nil).Open(ctx, url)
			return err
		},
	})
	if err == nil {
		err = c.Enroll(t.Context())
	}
	if err == nil {
		_, err = c.CheckIn(t.Context())
	}
	if err != nil || d.key == nil || d.token == "" {
		t.Fatal(err)
	}
	return d
}

// checkIn sends one check-in to url and returns its status.
func (d *device) checkIn(url string) (int, error) {
	d.body.MeasuredAt = time.Now().UTC()
	doc, err := json.Marshal(d.body)
	if err != nil {
		return 0, err
	}
	proof, err := d.prove(url)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(doc))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "DPoP "+d.token)
	r.Header.Set("DPoP", proof)
	resp, err := d.http.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if n := resp.Header.Get("DPoP-Nonce"); n != "" {
		d.nonce = n
	}
	return resp.StatusCode, nil
}

func (d *device) prove(url string) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: d.key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return "", err
	}
	claims := map[string]any{"jti": rand.Text(), "htm": "POST", "htu": url, "iat": time.Now().Unix(), "ath": oauth.SHA256(d.token), "nonce": d.nonce}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// bare answers check-ins with nothing behind it: TLS, the token's signature and
// binding, the proof's signature, JSON in and JSON out.
func bare(t *testing.T, h *play.House, answer []byte) *httptest.Server {
	t.Helper()
	resp, err := h.Client().Get(h.Authority + "/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(resp.Body).Decode(&keys); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")
		var claims struct {
			Cnf struct {
				JKT string `json:"jkt"`
			} `json:"cnf"`
		}
		parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil || parsed.Claims(keys.Key(parsed.Headers[0].KeyID)[0], &claims) != nil {
			http.Error(w, "token", http.StatusUnauthorized)
			return
		}
		proof, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			http.Error(w, "proof", http.StatusUnauthorized)
			return
		}
		key := proof.Signatures[0].Header.JSONWebKey
		sum, err := key.Thumbprint(crypto.SHA256)
		payload, wrong := proof.Verify(key)
		var said struct {
			Ath string `json:"ath"`
		}
		if err != nil || wrong != nil || base64.RawURLEncoding.EncodeToString(sum) != claims.Cnf.JKT || json.Unmarshal(payload, &said) != nil || said.Ath != oauth.SHA256(token) {
			http.Error(w, "proof", http.StatusUnauthorized)
			return
		}
		var in wire.CheckIn
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&in); err != nil {
			http.Error(w, "body", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// Check-ins with an unchanged policy, kept on SQLite with synchronous=FULL,
// against a handler that checks the same token and proof and keeps nothing. The
// rounds alternate, so that whatever else the machine does hits both.
//
// POSTERN_ROUNDS and POSTERN_ROUND (milliseconds) set how many and how long.
func TestCheckInBesideABareHandler(t *testing.T) {
	rounds, long := number("POSTERN_ROUNDS", 1), time.Duration(number("POSTERN_ROUND", 200))*time.Millisecond
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	var devices []*device
	for range 8 {
		devices = append(devices, newDevice(t, h))
	}
	answer, err := json.Marshal(wire.CheckInResult{State: "compliant", Action: "allow", Reasons: []wire.Reason{}, PolicyETag: strings.Repeat("e", 16), CheckInSeconds: 1800, ServerTime: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	other := bare(t, h, answer)
	for _, d := range devices {
		d.http.Transport.(*http.Transport).TLSClientConfig.RootCAs = pool(t, h, other)
	}
	var ratios []float64
	for range rounds {
		ours := rate(t, devices, long, func(d *device) string { return d.url })
		theirs := rate(t, devices, long, func(*device) string { return other.URL + "/check-in" })
		ratios = append(ratios, ours/theirs)
		t.Logf("check-ins a second: %.0f, bare handler: %.0f, ratio %.2f", ours, theirs, ours/theirs)
	}
	slices.Sort(ratios)
	t.Logf("%d rounds of %s, 8 connections: ratio min %.2f, median %.2f, max %.2f; load average %s", rounds, long, ratios[0], ratios[len(ratios)/2], ratios[len(ratios)-1], loadAverage())
}

// pool trusts the service and the bare handler.
func pool(t *testing.T, h *play.House, other *httptest.Server) *x509.CertPool {
	t.Helper()
	both := h.Transport.TLSClientConfig.RootCAs.Clone()
	both.AddCert(other.Certificate())
	return both
}

// rate is how many check-ins a second all devices make together.
func rate(t *testing.T, devices []*device, long time.Duration, where func(*device) string) float64 {
	t.Helper()
	var done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for _, d := range devices {
		all.Go(func() {
			refused := 0
			for time.Since(began) < long {
				status, err := d.checkIn(where(d))
				switch {
				case err != nil:
					t.Error(err)
					return
				case status == http.StatusOK:
					done.Add(1)
				case status == http.StatusUnauthorized && refused < 3:
					refused++ // a nonce that was renewed
				default:
					t.Errorf("a check-in was answered with %d", status)
					return
				}
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}
