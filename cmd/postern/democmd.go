package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/postern-mam/postern/internal/command"
	"github.com/postern-mam/postern/internal/demo"
)

// DemoCmd plays the main job against a service of its own.
type DemoCmd struct {
	Output string `help:"How the story is told: text, or json with one line a step." default:"text" enum:"text,json" short:"o"`
	Keep   bool   `help:"Leave the service running afterwards, with addresses and one-time credentials to browse, until interrupted."`
}

// Run starts the real service on loopback with a virtual clock, plays the story
// against it over HTTPS, and fails unless every step was observed.
func (c *DemoCmd) Run(ctx context.Context, s Streams) error {
	dir, err := os.MkdirTemp("", "postern-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	logFile, err := os.Create(filepath.Join(dir, "service.log"))
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()

	var ahead atomic.Int64 // how far the virtual clock runs ahead
	now := func() time.Time { return time.Now().UTC().Add(time.Duration(ahead.Load())) }
	config := &ServeCmd{Data: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", LogLevel: "info", now: now}

	serving, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(serving)
	ready := make(chan bootstrap, 1)
	group.Go(func() error { return serve(running, config, logFile, func(b bootstrap, _ bool) { ready <- b }) })

	var b bootstrap
	select {
	case b = <-ready:
	case <-running.Done():
		return errors.Join(group.Wait(), errors.New("the service did not start"))
	}
	err = c.play(running, s, b, demo.Options{
		Now: now, Advance: func(d time.Duration) { ahead.Add(int64(d)) },
	})
	if err == nil && c.Keep {
		showKept(s.Err, b)
		<-ctx.Done()
	}
	stop()
	if stopped := group.Wait(); stopped != nil && err == nil {
		err = stopped
	}
	if err != nil {
		err = fmt.Errorf("demo: %w", err)
	}
	return err
}

func (c *DemoCmd) play(ctx context.Context, s Streams, b bootstrap, o demo.Options) error {
	u, err := url.Parse(b.GraphEndpoint)
	if err != nil {
		return err
	}
	o.Out, o.JSON = s.Out, c.Output == "json"
	o.Service = demo.Service{
		Authority: b.Authority, GraphEndpoint: b.GraphEndpoint, TenantID: b.TenantID, ClientID: b.ClientID, ClientSecret: b.ClientSecret,
		CACertificate: b.CACertificate, AdminUserPrincipalName: b.AdminUserPrincipalName, AdminPassword: b.AdminPassword, Addr: u.Host,
	}
	o.Apply = func(ctx context.Context, dir string, out io.Writer) error {
		apply := command.Apply{}
		apply.File, apply.Output, apply.Data = []string{dir}, "text", filepath.Dir(b.path)
		return apply.Run(ctx, Streams{In: s.In, Out: out, Err: s.Err, Getenv: s.Getenv})
	}
	return demo.Run(ctx, o)
}

// showKept tells how to look around.
func showKept(w io.Writer, b bootstrap) {
	fmt.Fprintf(w, `
The service keeps running until you press Ctrl-C.
  sign-in and help pages   %s
  administration (Graph)   %s/v1.0 and /beta
  health and metrics       %s/healthz /readyz /metrics
  administrator            %s
  password (change it)     %s
  admin client             %s
  its secret               %s
  certificate authority    %s  (let your browser trust it, or accept the warning)
Everything is deleted when it ends.
`, b.Authority, b.GraphEndpoint, b.OpsEndpoint, b.AdminUserPrincipalName, b.AdminPassword, b.ClientID, b.ClientSecret, b.CACertificate)
}
