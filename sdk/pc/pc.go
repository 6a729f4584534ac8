// Package pc gives a protected app what it needs of the PC it runs on: the health
// of the PC, the person's browser, a directory, and the organization that the
// installed agent belongs to. New is all that an app has to say.
package pc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/postern-mam/postern/internal/agent"
	"github.com/postern-mam/postern/sdk"
)

// settings are those that "postern-agent install" keeps.
type settings struct {
	Authority string `json:"authority"`
	CA        string `json:"ca"`
	Health    string `json:"development_health"`
}

// Config returns the configuration of an app by its package identifier and version.
// The organization is that of the agent that the person installed; POSTERN_AUTHORITY,
// POSTERN_CA, POSTERN_DEVELOPMENT_HEALTH and POSTERN_AGENT_DIR take the place of its
// settings. The sign-in page is shown in the person's browser, and its address on
// standard error as well. An error says what is missing.
func Config(app, version string) (sdk.Config, error) {
	dir, err := home()
	if err != nil {
		return sdk.Config{}, err
	}
	s, err := read(filepath.Join(dir, "agent.json"))
	if err != nil {
		return sdk.Config{}, err
	}
	cfg := sdk.Config{Authority: s.Authority, App: app, AppVersion: version, Dir: agent.AppDir(dir, app), Health: agent.System(), Browser: show}
	if s.Authority == "" {
		return cfg, errors.New("no organization is known on this PC: install postern-agent, or set POSTERN_AUTHORITY to https://host/{tenant}")
	}
	if s.Health != "" {
		cfg.Health = agent.Development{Path: s.Health}
	}
	if s.CA != "" {
		cfg.HTTP, err = trusting(s.CA)
	}
	return cfg, err
}

// New returns the client of an app with Config.
func New(app, version string) (*sdk.Client, error) {
	cfg, err := Config(app, version)
	if err != nil {
		return nil, err
	}
	return sdk.New(cfg)
}

func home() (string, error) {
	if dir := os.Getenv("POSTERN_AGENT_DIR"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "postern-agent"), err
}

func read(path string) (s settings, err error) {
	doc, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err == nil {
		if err := json.Unmarshal(doc, &s); err != nil {
			return s, fmt.Errorf("%s: %w; run \"postern-agent install\" again", path, err)
		}
	}
	for name, to := range map[string]*string{"POSTERN_AUTHORITY": &s.Authority, "POSTERN_CA": &s.CA, "POSTERN_DEVELOPMENT_HEALTH": &s.Health} {
		if v := os.Getenv(name); v != "" {
			*to = v
		}
	}
	return s, nil
}

func show(ctx context.Context, url string) error {
	fmt.Fprintf(os.Stderr, "Sign in with your work account:\n\n  %s\n\n", url)
	_ = agent.OpenBrowser(ctx, url) // the person still has the address
	return nil
}

// trusting returns a client that trusts the authorities of a PEM file alone.
func trusting(path string) (*http.Client, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: holds no PEM certificate", path)
	}
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}, nil
}
