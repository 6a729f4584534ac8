package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/postern-mam/postern/internal/agent"
	"github.com/postern-mam/postern/internal/agent/pipe"
	"github.com/postern-mam/postern/sdk"
)

type serveCmd struct{}

func (*serveCmd) run(context.Context, session) error { return nil } // serve does it: each app has a client of its own

// serve answers local apps until it is stopped.
func (*serveCmd) serve(ctx context.Context, c *cli, s session) error {
	dir, err := c.directory()
	if err != nil {
		return err
	}
	l, err := pipe.Listen(dir)
	if err != nil {
		return err
	}
	server := &pipe.Server{
		Note: func(line string) { fmt.Fprintln(s.err, "postern-agent:", line) },
		Open: func(a pipe.App) (pipe.Client, error) {
			of := *c
			of.App, of.AppVersion, of.Dir = a.ID, a.Version, agent.AppDir(dir, a.ID)
			of.Enroll.Open = true
			cfg, err := of.config(s)
			if err != nil {
				return nil, err
			}
			cfg.OnWipe = a.Wipe
			return sdk.New(cfg)
		},
	}
	fmt.Fprintln(s.out, "serving local apps at", l.Addr())
	return server.Serve(ctx, l)
}

// directory is that of the agent.
func (c *cli) directory() (string, error) {
	if c.Dir != "" {
		return c.Dir, nil
	}
	return home()
}

// forgetApps ends the protection of the apps that were served, and removes what is
// kept for them, also by Windows or the TPM.
func (c *cli) forgetApps(ctx context.Context, s session) error {
	all, err := os.ReadDir(filepath.Join(s.dir, agent.AppsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range all {
		app, ok := strings.CutPrefix(e.Name(), "app-")
		if !ok {
			continue
		}
		of, dir := *c, agent.AppDir(s.dir, app)
		of.App, of.AppVersion, of.Dir = app, "0", dir
		cfg, err := of.config(s)
		if err != nil {
			return err
		}
		if err := signOut(ctx, cfg); err != nil && !c.Uninstall.Offline {
			return fmt.Errorf("%s: %w; try again when the service can be reached, or give --offline", of.App, err)
		}
		if err := sdk.Forget(ctx, sdk.Config{Dir: dir}); err != nil {
			return err
		}
	}
	return nil
}

func signOut(ctx context.Context, cfg sdk.Config) error {
	client, err := sdk.New(cfg)
	if err != nil {
		return err
	}
	return client.SignOut(ctx)
}
