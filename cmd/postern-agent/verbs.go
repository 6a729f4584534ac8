package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-mam/postern/internal/agent"
)

type enrollCmd struct {
	output
	Open bool `help:"Also open the sign-in page in the browser."`
	Anew bool `help:"Give up a device key that cannot be opened any more, and what was kept with it, and enroll as a new PC."`
}

func (c *enrollCmd) run(ctx context.Context, s session) error {
	if err := s.client.Enroll(ctx); err != nil {
		return err
	}
	if !c.json() {
		fmt.Fprintln(s.out, "This app is protected now. Only the organization's data in it is managed; nothing else on this PC is.")
	}
	return look(ctx, s).show(s.out, c.json())
}

type statusCmd struct {
	output
	Page   bool `help:"Show it as a page in your browser."`
	NoOpen bool `help:"With --page: write the page and say where it is, and open nothing."`
}

func (c *statusCmd) run(ctx context.Context, s session) error {
	v := look(ctx, s)
	if !c.Page {
		return v.show(s.out, c.json())
	}
	path, err := v.write(s.dir)
	if err != nil {
		return err
	}
	if c.json() {
		err = printJSON(s.out, map[string]string{"page": path})
	} else {
		_, err = fmt.Fprintln(s.out, path)
	}
	if err == nil && !c.NoOpen {
		if err := agent.OpenBrowser(ctx, agent.FileURL(path)); err != nil {
			fmt.Fprintln(s.err, "note:", err) // the person still has the path
		}
	}
	return err
}

type syncCmd struct{ output }

func (c *syncCmd) run(ctx context.Context, s session) error {
	done := s.waiting("waiting for the service")
	wiped, err := s.client.Orders(ctx)
	if err == nil && !wiped {
		_, err = s.client.CheckIn(ctx)
	}
	done()
	return errors.Join(err, look(ctx, s).show(s.out, c.json()))
}

type runCmd struct{}

func (runCmd) run(ctx context.Context, s session) error {
	err := s.client.Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

type proveCmd struct {
	Nonce  string `arg:"" help:"The challenge of the page."`
	Origin string `arg:"" help:"The origin of the page, as the browser shows it."`
}

func (c proveCmd) run(_ context.Context, s session) error {
	proof, err := s.client.ProveDevice(c.Nonce, c.Origin)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, proof)
	return nil
}

type signOutCmd struct{ output }

func (c *signOutCmd) run(ctx context.Context, s session) error {
	done := s.waiting("waiting for the service")
	err := s.client.SignOut(ctx)
	done()
	if err != nil {
		return err
	}
	if c.json() {
		return printJSON(s.out, map[string]bool{"signedOut": true})
	}
	fmt.Fprintln(s.out, "Signed out. The protection has ended, and nothing is reported any more.")
	return nil
}
