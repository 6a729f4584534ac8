package command

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/postern-mam/postern/internal/graphclient"
	"github.com/postern-mam/postern/internal/graphclient/document"
)

// Connection says which service a command talks to, and as whom. Whatever is
// left out comes from bootstrap.json in the data directory.
type Connection struct {
	Data         string `help:"Data directory of the service; its bootstrap.json gives what the flags below leave out." default:"postern-data" env:"POSTERN_DATA" type:"path"`
	Endpoint     string `help:"Base URL of /v1.0 and /beta." env:"POSTERN_ENDPOINT"`
	Authority    string `help:"https://host/{tenant}." env:"POSTERN_AUTHORITY"`
	ClientID     string `name:"client-id" help:"Application that signs in as itself." env:"POSTERN_CLIENT_ID"`
	ClientSecret string `name:"client-secret" help:"Its secret. Prefer the environment: arguments are visible to other processes." env:"POSTERN_CLIENT_SECRET"`
	CA           string `name:"ca" help:"PEM file with the certificate authority of the service." env:"POSTERN_CA" type:"path"`
}

const requestTimeout = time.Minute

// client connects, with what settings add.
func (c *Connection) client(settings ...func(*graphclient.Config)) (*graphclient.Client, error) {
	b, err := found(c.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, UsageError{err}
	}
	first := func(given, stored string) string {
		if given != "" {
			return given
		}
		return stored
	}
	cfg := graphclient.Config{
		Endpoint: first(c.Endpoint, b.GraphEndpoint), Authority: first(c.Authority, b.Authority),
		ClientID: first(c.ClientID, b.ClientID), ClientSecret: first(c.ClientSecret, b.ClientSecret),
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if ca := first(c.CA, b.CACertificate); ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, UsageError{fmt.Errorf("--ca: %w", err)}
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, usagef("--ca %s: holds no PEM certificate", ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	cfg.HTTP = &http.Client{Transport: transport, Timeout: requestTimeout}
	for _, set := range settings {
		set(&cfg)
	}
	client, err := graphclient.New(cfg)
	if err != nil {
		return nil, usagef("%s has no bootstrap.json that says it, and no flag does:\n%w", c.Data, err)
	}
	return client, nil
}

// load reads the documents of several files and folders.
func load(files []string, stdin io.Reader) ([]document.Document, error) {
	var docs []document.Document
	var errs []error
	for _, file := range files {
		found, err := document.Load(file, stdin)
		docs, errs = append(docs, found...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, UsageError{err}
	}
	return docs, nil
}
