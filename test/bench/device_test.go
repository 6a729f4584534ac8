package bench_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"sync"
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

// device is an enrolled PC: its agent's key and token, and its last check-in.
type device struct {
	*sdk.Client
	signer jose.Signer
	key    *ecdsa.PrivateKey
	token  string
	nonce  string
	url    string // of its check-in
	body   wire.CheckIn
	over   http.RoundTripper
}

// Seal keeps the agent's files as they are and takes the key along.
func (d *device) Seal(name string, plain []byte) ([]byte, error) {
	if block, _ := pem.Decode(plain); block != nil && name == "device.key" {
		d.key, _ = x509.ParseECPrivateKey(block.Bytes) // one that does not parse fails the enrolment below
	}
	return plain, nil
}

func (d *device) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// Protection is what the service is told guards the key.
func (d *device) Protection() string { return "software" }

// RoundTrip watches what the agent sends.
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
	resp, err := d.over.RoundTrip(r)
	if err == nil && resp.Header.Get("DPoP-Nonce") != "" {
		d.nonce = resp.Header.Get("DPoP-Nonce")
	}
	return resp, err
}

// enroll makes a PC of the person that h speaks of.
func enroll(t *testing.T, h *play.House) *device {
	t.Helper()
	d := &device{over: h.Transport}
	var err error
	d.Client, err = sdk.New(sdk.Config{
		Authority: h.Authority, App: play.Edge, AppVersion: play.EdgeVersion, Dir: t.TempDir(), Health: demo.Health{}, Sealer: d,
		HTTP: &http.Client{Transport: d},
		Browser: func(ctx context.Context, url string) error {
			_, err := h.Browser(t, nil).Open(ctx, url)
			return err
		},
	})
	ok(t, err)
	ok(t, d.Enroll(t.Context()))
	d.renew(t)
	d.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: d.key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	ok(t, err)
	return d
}

// renew makes the agent check in by itself, which renews what it shows.
func (d *device) renew(t testing.TB) {
	t.Helper()
	if _, err := d.CheckIn(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// request is one check-in as bytes, with a proof of its own.
func (d *device) request(t testing.TB) []byte {
	t.Helper()
	d.body.MeasuredAt = time.Now().UTC()
	doc, err := json.Marshal(d.body)
	ok(t, err)
	proof, err := jwt.Signed(d.signer).Claims(map[string]any{
		"jti": rand.Text(), "htm": http.MethodPost, "htu": d.url, "iat": time.Now().Unix(), "ath": oauth.SHA256(d.token), "nonce": d.nonce,
	}).Serialize()
	ok(t, err)
	host, path, _ := strings.Cut(strings.TrimPrefix(d.url, "https://"), "/")
	return post(http.MethodPost, host, "/"+path, doc, "Content-Type", "application/json", "Authorization", "DPoP "+d.token, "DPoP", proof)
}

// checkIns makes n check-ins for each of 8 connections. PCs are spread over
// connections; one PC is never on two.
func checkIns(t testing.TB, pcs []*device, n int) [][][]byte {
	t.Helper()
	all := make([][][]byte, connections)
	for _, d := range pcs {
		d.renew(t)
	}
	var signing sync.WaitGroup
	for i := range all {
		signing.Go(func() {
			for j := range n {
				all[i] = append(all[i], pcs[(i+j*connections)%len(pcs)].request(t))
			}
		})
	}
	signing.Wait()
	return all
}

// people enrols PCs of several persons.
func people(t *testing.T, h *play.House, persons, each int) []*device {
	t.Helper()
	var pcs []*device
	for range persons {
		h.Name, h.Password = strings.ToLower(rand.Text())+"@postern.internal", "person-"+rand.Text()
		h.Do(t, http.MethodPost, "/v1.0/users", map[string]any{
			"displayName": "Somebody", "userPrincipalName": h.Name, "accountEnabled": true, "mailNickname": "somebody",
			"passwordProfile": map[string]any{"password": h.Password, "forceChangePasswordNextSignIn": false},
		}, nil)
		for range each {
			pcs = append(pcs, enroll(t, h))
		}
	}
	return pcs
}
