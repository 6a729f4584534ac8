package demo

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// siteHost is the published host of the intranet. Names under localhost never
// leave the machine.
const siteHost = "intranet.postern.localhost"

// graph is an administrator's script: plain HTTP with a client secret.
type graph struct {
	service Service
	http    *http.Client
	token   string
	until   time.Time
}

// do calls the Graph door and reads the answer into out, unless that is nil.
func (g *graph) do(ctx context.Context, now time.Time, method, path string, in, out any) error {
	if g.token == "" || !now.Before(g.until) {
		var t struct {
			AccessToken string `json:"access_token"`
		}
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {g.service.ClientID}, "client_secret": {g.service.ClientSecret},
			"scope": {g.service.GraphEndpoint + "/.default"},
		}
		if err := post(ctx, g.http, g.service.Authority+"/oauth2/v2.0/token", form, &t); err != nil {
			return err
		}
		g.token, g.until = t.AccessToken, now.Add(5*time.Minute)
	}
	doc, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, g.service.GraphEndpoint+path, bytes.NewReader(doc))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+g.token)
	r.Header.Set("Content-Type", "application/json")
	return answer(g.http, r, out)
}

func post(ctx context.Context, c *http.Client, to string, form url.Values, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return answer(c, r, out)
}

func answer(c *http.Client, r *http.Request, out any) error {
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %d %s", r.Method, r.URL.Path, resp.StatusCode, body)
	}
	if out == nil || len(body) == 0 {
		return nil
	}
	return json.Unmarshal(body, out)
}

// partner is the cloud behind Windows Security Center: it signs in with its own
// key (private_key_jwt) and reports health states.
type partner struct {
	id          string
	service     Service
	http        *http.Client
	key         *ecdsa.PrivateKey
	certificate []byte
	token       string
}

func newPartner(id string, s Service, c *http.Client) (*partner, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "demonstration threat partner"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return &partner{id: id, service: s, http: c, key: key, certificate: der}, err
}

// credential is the partner's certificate as Graph's application takes it.
func (p *partner) credential() map[string]any {
	return map[string]any{"keyCredentials": []map[string]any{{
		"type": "AsymmetricX509Cert", "usage": "Verify", "displayName": "demonstration", "key": base64.StdEncoding.EncodeToString(p.certificate),
	}}}
}

// signIn gets an access token for the threat interface.
func (p *partner) signIn(ctx context.Context, now time.Time) error {
	endpoint := p.service.Authority + "/oauth2/v2.0/token"
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return err
	}
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: p.id, Subject: p.id, Audience: jwt.Audience{endpoint}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}).Serialize()
	if err != nil {
		return err
	}
	var t struct {
		AccessToken string `json:"access_token"`
	}
	err = post(ctx, p.http, endpoint, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {p.id}, "scope": {"api://postern-threat/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}, &t)
	p.token = t.AccessToken
	return err
}

// report says in which predefined state one installation is.
func (p *partner) report(ctx context.Context, h wire.HealthState) (wire.HealthAccepted, error) {
	var out wire.HealthAccepted
	doc, err := json.Marshal(wire.HealthReport{Value: []wire.HealthState{h}})
	if err != nil {
		return out, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.service.Authority+"/mtd/v1/health", bytes.NewReader(doc))
	if err != nil {
		return out, err
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	err = answer(p.http, r, &out)
	if err == nil && (len(out.Value) != 1 || out.Value[0].Result != "accepted") {
		err = fmt.Errorf("the report was not accepted: %+v", out.Value)
	}
	return out, err
}

// intranet is the site behind the proxy. It shows who the proxy says is there.
type intranet struct {
	server *http.Server
	addr   string
	done   chan error
}

func openIntranet() (*intranet, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &intranet{addr: "http://" + ln.Addr().String(), done: make(chan error, 1)}
	i.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, "<!doctype html><title>Intranet</title><p>Welcome to the intranet, %s.</p>", r.Header.Get("X-Postern-User"))
	})}
	go func() { i.done <- i.server.Serve(ln) }()
	return i, nil
}

func (i *intranet) close() {
	_ = i.server.Close()
	<-i.done
}

// pc is the personal PC: the real SDK, with health from a declared development
// adapter.
type pc struct {
	client *sdk.Client
	cancel context.CancelFunc
	ended  chan error // what Run returned
}

// health is the development adapter of the demonstration.
type health struct {
	mu        sync.Mutex
	providers map[string]string
}

// Measure reports a healthy Windows 11 23H2, and says that it is made up.
func (h *health) Measure(context.Context) (sdk.Measurement, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return sdk.Measurement{
		Adapter: "development", DisplayName: "Ada's own laptop", OSVersion: "10.0.22631.4317", Model: "Demo 13", Manufacturer: "Example",
		Providers: h.providers,
	}, nil
}

func good() *health {
	return &health{providers: map[string]string{
		"antivirus": "good", "firewall": "good", "autoUpdate": "good", "internetSettings": "good", "userAccountControl": "good", "securityCenter": "good",
	}}
}

// run keeps the PC in touch with the service until stop, or until a wipe is done.
func (p *pc) run(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.ended = make(chan error, 1)
	go func() { p.ended <- p.client.Run(ctx) }()
}

// stop switches the agent off and waits for it.
func (p *pc) stop() error {
	p.cancel()
	err := <-p.ended
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
