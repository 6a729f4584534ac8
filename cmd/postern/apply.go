package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/postern-mam/postern/internal/graphclient"
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

// client connects.
func (c *Connection) client() (*graphclient.Client, error) {
	b, err := readBootstrap(c.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{err}
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
			return nil, usageError{fmt.Errorf("--ca: %w", err)}
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
	client, err := graphclient.New(cfg)
	if err != nil {
		return nil, usagef("%s has no bootstrap.json that says it, and no flag does:\n%w", c.Data, err)
	}
	return client, nil
}

// ApplyCmd makes the service match Graph-shaped JSON.
type ApplyCmd struct {
	File   []string `short:"f" required:"" sep:"none" help:"File, folder (every .json below it) or - for standard input. Each holds one object, a list, or an answer of Graph with its value."`
	Plan   bool     `help:"Say what would change and change nothing."`
	Output string   `help:"How to report: text or json." default:"text" enum:"text,json"`

	Connection `embed:""`
}

// Run applies. The error has exit code 2 when the input must be mended.
func (c *ApplyCmd) Run(ctx context.Context, s Streams) error {
	var docs []graphclient.Document
	var errs []error
	for _, file := range c.File {
		found, err := graphclient.Load(file, s.In)
		docs, errs = append(docs, found...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	plan, err := client.Plan(ctx, docs)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return c.applyJSON(ctx, client, plan, s.Out)
	}
	printPlan(s.Out, plan)
	if c.Plan {
		return nil
	}
	return client.Apply(ctx, plan, func(ch graphclient.Change) {
		fmt.Fprintf(s.Out, "done: %s %s %q\n", ch.Action, ch.Kind, ch.Name)
	})
}

// applyJSON reports as one JSON object, failures included.
func (c *ApplyCmd) applyJSON(ctx context.Context, client *graphclient.Client, plan graphclient.Plan, out io.Writer) error {
	report := struct {
		Changes []graphclient.Change `json:"changes"`
		Applied []graphclient.Change `json:"applied"`
		Error   string               `json:"error,omitempty"`
	}{Changes: plan.Changes, Applied: []graphclient.Change{}}
	var err error
	if !c.Plan {
		err = client.Apply(ctx, plan, func(ch graphclient.Change) { report.Applied = append(report.Applied, ch) })
	}
	if err != nil {
		report.Error = err.Error()
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return errors.Join(err, e.Encode(report))
}

func printPlan(out io.Writer, plan graphclient.Plan) {
	for _, ch := range plan.Changes {
		switch ch.Action {
		case graphclient.Create:
			fmt.Fprintf(out, "+ create %s %q (%s)\n", ch.Kind, ch.Name, ch.Source)
		case graphclient.Update:
			fmt.Fprintf(out, "~ change %s %q (%s)\n", ch.Kind, ch.Name, ch.Source)
			for _, d := range ch.Differences {
				fmt.Fprintf(out, "    %s: %s -> %s\n", d.Property, shown(d.From), shown(d.To))
			}
		case graphclient.Keep:
		}
	}
	create, update, keep := plan.Count(graphclient.Create), plan.Count(graphclient.Update), plan.Count(graphclient.Keep)
	if create+update == 0 {
		fmt.Fprintf(out, "no changes (%d unchanged)\n", keep)
		return
	}
	fmt.Fprintf(out, "%d to create, %d to change, %d unchanged\n", create, update, keep)
}

// shown is a value as compact JSON, not too long for a line.
func shown(v any) string {
	doc, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	const most = 200
	if text := []rune(string(doc)); len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(doc)
}
