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
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/postern-mam/postern/wire"
)

// PartnerID is Windows Security Center, as connector and as the client that it
// signs in as.
const PartnerID = "c2b688fe-48c0-464b-a89c-67041aa8fcb2"

// Partner is the cloud behind Windows Security Center: it signs in with its own
// key (private_key_jwt, RFC 7523) and reports health states.
type Partner struct {
	service     Service
	http        *http.Client
	key         *ecdsa.PrivateKey
	certificate []byte // DER
	token       string
}

// NewPartner makes a partner with a key and a self-signed certificate.
func NewPartner(s Service, c *http.Client) (*Partner, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "demonstration threat partner"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour), // the story's clock runs twelve hours ahead
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return &Partner{service: s, http: c, key: key, certificate: der}, err
}

// Credential is the partner's certificate as Graph's application takes it.
func (p *Partner) Credential() map[string]any {
	return map[string]any{"keyCredentials": []map[string]any{{
		"type": "AsymmetricX509Cert", "usage": "Verify", "displayName": "demonstration",
		"key": base64.StdEncoding.EncodeToString(p.certificate),
	}}}
}

// SignIn gets an access token for the threat interface.
func (p *Partner) SignIn(ctx context.Context, now time.Time) error {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return err
	}
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: PartnerID, Subject: PartnerID, Audience: jwt.Audience{p.service.Authority + "/oauth2/v2.0/token"}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}).Serialize()
	if err != nil {
		return err
	}
	var t token
	err = askToken(ctx, p.http, p.service.Authority, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {PartnerID}, "scope": {"api://postern-threat/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}, &t)
	p.token = t.AccessToken
	return err
}

// Report says in which predefined state one installation is.
func (p *Partner) Report(ctx context.Context, h wire.HealthState) error {
	doc, err := json.Marshal(wire.HealthReport{Value: []wire.HealthState{h}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.service.Authority+"/mtd/v1/health", bytes.NewReader(doc))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	var out wire.HealthAccepted
	if err := exchange(p.http, r, &out); err != nil {
		return err
	}
	if len(out.Value) != 1 || out.Value[0].Result != "accepted" {
		return fmt.Errorf("the report was not accepted: %+v", out.Value)
	}
	return nil
}

// connect lets the partner in, by its certificate.
func (s *story) connect(ctx context.Context) (outcome, error) {
	if err := s.admin.Do(ctx, http.MethodPatch, "/v1.0/applications(appId='"+PartnerID+"')", s.partner.Credential(), nil); err != nil {
		return outcome{}, err
	}
	var c struct {
		ID      string `json:"id"`
		Enabled bool   `json:"windowsMobileApplicationManagementEnabled"`
	}
	err := s.admin.Do(ctx, http.MethodPost, "/beta/deviceManagement/mobileThreatDefenseConnectors", map[string]any{
		"id": PartnerID, "windowsMobileApplicationManagementEnabled": true, "partnerUnresponsivenessThresholdInDays": 7,
	}, &c)
	if err != nil {
		return outcome{}, err
	}
	if err := s.partner.SignIn(ctx, s.Now()); err != nil {
		return outcome{}, err
	}
	return outcome{
		answer:   "connector " + c.ID + ", enabled for Windows apps; an access token for the threat interface",
		why:      "the partner proves its own key; it may report states of this tenant, and nothing else",
		observed: c.ID == PartnerID && c.Enabled && s.partner.token != "",
	}, nil
}

// report is about the PC of the story.
func (s *story) report(ctx context.Context, state string) error {
	st := s.pc.client.Status()
	return s.partner.Report(ctx, wire.HealthState{UserID: st.UserID, App: edge, DeviceID: st.DeviceID, State: state, UpdatedAt: s.Now()})
}
