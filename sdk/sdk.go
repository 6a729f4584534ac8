// Package sdk lets a Go program be a protected app: it signs a person in,
// enrols the app on this PC, keeps the policy, checks in, says what is allowed,
// keeps organisation files in a sealed store, and wipes them when told to.
//
//	c, err := sdk.New(sdk.Config{Authority: authority, App: "com.example.notes", AppVersion: "1.0", Dir: dir, Health: health, Browser: open})
//	err = c.Enroll(ctx)             // once: the person signs in
//	go c.Run(ctx)                   // checks in, obeys nudges and orders
//	d := c.Decide()                 // allow, warn, block or wipe, with reasons
//	err = c.Vault().Save("a.txt", data)
//
// Nothing is decided on doubt: before a policy is known, after a wipe, and when
// a file of the state cannot be read, Decide blocks.
//
// # What it keeps
//
// One directory, readable by its owner alone: the device key, tokens, the
// policy, the sealed store, and a journal that holds no organisation data. A file is replaced as a whole or not at all.
//
// # Sources
//
// The protocol is package wire; DPoP is RFC 9449; the rules are the service's
// own (protection).
package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/postern-mam/postern/sdk/internal/devicekey"
	"github.com/postern-mam/postern/sdk/internal/journal"
	"github.com/postern-mam/postern/sdk/vault"
	"github.com/postern-mam/postern/wire"
)

// Version is reported as the SDK version.
const Version = "0.1.0"

// clientID is the public client that agents and SDK apps sign in with.
const clientID = "0a5e7f10-1c1b-4d53-9a47-6b7e10a4a004"

// HealthSource measures the PC. An implementation declares what it is.
type HealthSource interface {
	// Measure returns what the service is told; MeasuredAt is filled in by the
	// caller. An error means that health is unknown: no check-in is made.
	Measure(ctx context.Context) (Measurement, error)
}

// Measurement is the health of the PC, as measured.
type Measurement struct {
	Adapter      string // "windows", or "development" for made-up health
	DisplayName  string // of the PC
	OSVersion    string
	Model        string
	Manufacturer string
	Management   wire.Management
	Providers    map[string]string // raw states; see wire.CheckIn
}

// Config describes the app. Authority, App, AppVersion, Dir and Health are required.
type Config struct {
	Authority  string // https://host/{tenant}
	App        string // package identifier, for example "com.microsoft.edge"
	AppVersion string
	Dir        string // state directory; made when missing
	Health     HealthSource
	// Browser shows a sign-in page to the person. It may return before they are done.
	Browser func(ctx context.Context, url string) error
	HTTP    *http.Client     // zero: http.DefaultTransport; must set no Timeout, which would cut the stream
	Now     func() time.Time // zero: time.Now
	Sealer  Sealer           // zero: what the system offers, else files that only their owner can read
	// OnWipe removes what the app itself keeps of the organisation, beside the
	// sealed store; it returns what it removed. It runs at a wipe, at sign-out and
	// when another account enrols, and may run again after a crash.
	OnWipe func(ctx context.Context) []wire.WipeItem
	// Controls say how far this app enforces what a policy may ask, for administrators
	// and the person to see: by "app", with the gaps that are left. What is not there,
	// and all of it when this is nil, is reported as unknown. See also Client.Report.
	Controls []wire.Control
}

// Client is one app of one account on this PC. It is safe for concurrent use,
// also by several processes over one directory.
type Client struct {
	cfg    Config
	base   string // of the device protocol
	origin string // of the authority
	http   *http.Client
	key    *devicekey.Key
	vault  *Vault

	changed chan struct{}

	journal *journal.Journal
	mu      sync.Mutex
	state   state
	granted grant
	nonce   string
	token   accessToken
}

// New opens the state directory. Every missing field is reported at once.
func New(cfg Config) (*Client, error) {
	var errs []error
	for _, f := range []struct {
		name   string
		absent bool
	}{
		{"Authority", cfg.Authority == ""}, {"App", cfg.App == ""}, {"AppVersion", cfg.AppVersion == ""}, {"Dir", cfg.Dir == ""}, {"Health", cfg.Health == nil},
	} {
		if f.absent {
			errs = append(errs, fmt.Errorf("sdk: Config.%s is required", f.name))
		}
	}
	u, err := url.Parse(strings.TrimRight(cfg.Authority, "/"))
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		errs = append(errs, fmt.Errorf("sdk: Config.Authority is %q; want https://host/{tenant}", cfg.Authority))
	}
	if _, err := parseControls(cfg.Controls); err != nil {
		errs = append(errs, fmt.Errorf("sdk: Config.Controls: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg, stores := guarded(cfg)
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	cfg.Authority = u.String()
	c := &Client{cfg: cfg, base: cfg.Authority + "/mam/v1", origin: origin(u), http: cfg.HTTP, changed: make(chan struct{}, 1)}
	c.journal = journal.In(cfg.Dir)
	if err := c.openKey(stores); err != nil {
		return nil, err
	}
	if err := c.reload(); err != nil {
		return nil, err
	}
	c.vault = vault.New(cfg.Dir, cfg.Sealer, c.mayStore)
	return c, nil
}

// origin spells the origin of u as browsers do.
func origin(u *url.URL) string {
	return "https://" + strings.TrimSuffix(strings.ToLower(u.Host), ":443")
}

// Vault is the sealed store of this account's organisation files.
func (c *Client) Vault() *Vault { return c.vault }

// Status tells how things stand, for people and for programs.
type Status struct {
	Authority      string              `json:"authority"`
	App            string              `json:"app"`
	Enrolled       bool                `json:"enrolled"`
	RegistrationID string              `json:"registrationId,omitempty"`
	DeviceID       string              `json:"deviceId,omitempty"`
	UserID         string              `json:"userId,omitempty"`
	KeyProtection  string              `json:"keyProtection"` // of the device key: "tpm", "cng", "dpapi", "software"
	LastCheckInAt  time.Time           `json:"lastCheckInAt,omitzero"`
	LastSent       *wire.CheckIn       `json:"lastSent,omitempty"` // everything that the last check-in said
	Sent           []Sent              `json:"sent,omitempty"`     // everything that left this PC, newest of each kind
	Verdict        *wire.CheckInResult `json:"verdict,omitempty"`
	PolicyETag     string              `json:"policyEtag,omitempty"`
	Settings       map[string]string   `json:"settings,omitempty"` // of the policy, as wire.Policy has them
	Checks         []wire.Check        `json:"checks,omitempty"`
	Sources        map[string]string   `json:"sources,omitempty"` // setting or subject of a check -> identifier of the policy that decided
	Configuration  []wire.Configured   `json:"configuration,omitempty"`
	Controls       []wire.Control      `json:"controls"` // how far each control is enforced, as the next check-in says it
	Decision       Decision            `json:"decision"`
	WipedAt        time.Time           `json:"wipedAt,omitzero"`
}

// Status returns how things stand, without asking the service.
func (c *Client) Status() Status {
	d, sent := c.Decide(), c.Sent()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	return Status{
		Sent: sent, Controls: c.controls(s),
		Authority: c.cfg.Authority, App: c.cfg.App, Enrolled: s.Registration != "", RegistrationID: s.Registration, DeviceID: s.Device,
		UserID: s.User, KeyProtection: c.key.Protection, LastCheckInAt: s.LastCheckInAt, LastSent: s.LastSent, Verdict: s.LastResult, PolicyETag: s.Policy.ETag,
		Settings: s.Policy.Settings, Checks: s.Policy.Checks, Sources: s.Policy.Sources, Configuration: s.Policy.Configuration, Decision: d, WipedAt: s.WipedAt,
	}
}
