package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const bootstrapFile = "bootstrap.json"

// bootstrap is what a client needs to reach the service: addresses, refreshed
// at every start, and the credentials of the first start, written once.
type bootstrap struct {
	GraphEndpoint          string `json:"graphEndpoint"` // base of /v1.0 and /beta
	Authority              string `json:"authority"`
	TenantID               string `json:"tenantId"`
	ClientID               string `json:"clientId,omitempty"`
	ClientSecret           string `json:"clientSecret,omitempty"`
	CACertificate          string `json:"caCertificate"` // path of a PEM file
	AdminUserPrincipalName string `json:"adminUserPrincipalName,omitempty"`
	AdminPassword          string `json:"adminPassword,omitempty"`
	OpsEndpoint            string `json:"opsEndpoint"` // /healthz, /readyz, /metrics

	path string
}

// readBootstrap returns the bootstrap of a data directory; fs.ErrNotExist when
// it has none.
func readBootstrap(dir string) (bootstrap, error) {
	b := bootstrap{path: filepath.Join(dir, bootstrapFile)}
	doc, err := os.ReadFile(b.path)
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(doc, &b); err != nil {
		return b, fmt.Errorf("%s: %w; mend or delete it (deleting loses the credentials in it, never the data)", b.path, err)
	}
	return b, nil
}

// write replaces the file as a whole, readable by its owner alone, and is on
// disk when it returns.
func (b bootstrap) write() error {
	doc, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(b.path), ".bootstrap-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(doc, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), b.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// refreshed returns the stored bootstrap of dir with the addresses of now.
// Without a file there are addresses only: credentials are never minted anew.
func refreshed(dir string, now bootstrap) (bootstrap, error) {
	b, err := readBootstrap(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	b.GraphEndpoint, b.Authority, b.TenantID = now.GraphEndpoint, now.Authority, now.TenantID
	b.CACertificate, b.OpsEndpoint = now.CACertificate, now.OpsEndpoint
	return b, nil
}
