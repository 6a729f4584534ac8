package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/sdk"
)

// settingsFile holds what the agent is started with by browsers, which give no
// flags: flags by their names.
const settingsFile = "agent.json"

// home is the directory of the agent, as whoever starts it without flags finds it.
func home() (string, error) {
	if dir := os.Getenv("POSTERN_AGENT_DIR"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("--dir: %w", err)
	}
	return filepath.Join(dir, "postern-agent"), nil
}

type installCmd struct{}

// run keeps the settings and tells browsers where the agent is. What went wrong
// half way is undone by "uninstall", and may be done again.
func (*installCmd) run(context.Context, session) error { return nil } // setUp does it: no client is needed

func (c *cli) setUp(s session) error {
	dir, err := home()
	if err != nil {
		return err
	}
	if c.Dir != "" && c.Dir != dir {
		return fmt.Errorf("--dir is %s; browsers start the agent without flags and would look in %s: leave --dir out, or set POSTERN_AGENT_DIR for your whole session", c.Dir, dir)
	}
	settings := map[string]string{"authority": c.Authority, "app": c.App}
	if c.CA != "" {
		settings["ca"] = c.CA
	}
	if c.Health != "" {
		settings["development-health"] = c.Health
	}
	doc, err := json.MarshalIndent(settings, "", " ")
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, settingsFile), doc, 0o600); err != nil {
		return err
	}
	written, err := nativehost.Register(program, dir)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "Installed for you alone; nothing of Windows or of other people was changed. Written:")
	for _, w := range append([]string{filepath.Join(dir, settingsFile)}, written...) {
		fmt.Fprintln(s.out, "  "+w)
	}
	fmt.Fprintln(s.out, "Next: add the Postern extension to the browser profile that you use for work, open it, and sign in with your work account.")
	return nil
}

type uninstallCmd struct {
	Offline bool `help:"Remove everything although the service cannot be told. It sees this PC as silent from then on."`
}

// run ends the protection and removes what "install" and the agent wrote.
func (c *uninstallCmd) run(ctx context.Context, s session) error {
	if err := s.client.SignOut(ctx); err != nil && !c.Offline {
		return fmt.Errorf("%w; nothing was removed: try again when the service can be reached, or give --offline", err)
	}
	dir := s.dir
	if err := sdk.Forget(ctx, sdk.Config{Dir: dir}); err != nil { // also what Windows or the TPM keeps for us
		return err
	}
	removed, err := nativehost.Unregister(dir)
	if _, ours := os.Stat(filepath.Join(dir, settingsFile)); ours == nil {
		if gone := os.RemoveAll(dir); gone == nil {
			removed = append(removed, dir)
		} else {
			err = errors.Join(err, gone)
		}
	}
	for _, r := range removed {
		fmt.Fprintln(s.out, "removed", r)
	}
	if err == nil {
		fmt.Fprintln(s.out, "Nothing is left. Remove the extension from your browser as well.")
	}
	return err
}

// client makes the client for a verb that works without a browser. When the
// device key is lost, and the person said so, everything kept with it goes.
func (c *cli) client(ctx context.Context, s *session) error {
	cfg, err := c.config(*s)
	if err != nil {
		return err
	}
	s.dir = cfg.Dir
	s.client, err = sdk.New(cfg)
	if errors.Is(err, sdk.ErrKeyLost) && (c.Enroll.Anew || c.Uninstall.Offline) {
		if err = sdk.Forget(ctx, cfg); err == nil {
			s.client, err = sdk.New(cfg)
		}
	}
	return err
}
