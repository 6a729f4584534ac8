package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/sdk"
)

// settingsFile holds what the agent is started with by browsers, which give no
// flags: flags by their names, with _ for -.
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

type installCmd struct{ output }

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
		settings["development_health"] = c.Health
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
	if err := replace(filepath.Join(dir, settingsFile), doc); err != nil {
		return err
	}
	written, err := nativehost.Register(program, dir)
	if err != nil {
		return err
	}
	written = append([]string{filepath.Join(dir, settingsFile)}, written...)
	if c.Install.json() {
		return printJSON(s.out, map[string][]string{"written": written})
	}
	fmt.Fprintln(s.out, "Installed for you alone; nothing of Windows or of other people was changed. Written:")
	for _, w := range written {
		fmt.Fprintln(s.out, "  "+w)
	}
	fmt.Fprintln(s.out, "Next: add the Postern extension to the browser profile that you use for work, open it, and sign in with your work account.")
	return nil
}

// replace writes a file as a whole or not at all: with half of its settings no verb
// would work, not even another "install".
func replace(path string, doc []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(doc)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

type uninstallCmd struct {
	output
	Offline bool `help:"Remove everything although the service cannot be told. It sees this PC as silent from then on."`
}

// run ends the protection and removes what "install" and the agent wrote.
func (c *uninstallCmd) run(ctx context.Context, s session) error {
	done := s.waiting("waiting for the service")
	err := s.client.SignOut(ctx)
	done()
	if err != nil && !c.Offline {
		return fmt.Errorf("%w; nothing was removed: try again when the service can be reached, or give --offline", err)
	}
	dir := s.dir
	if err := s.apps(ctx, s); err != nil {
		return err
	}
	if err := sdk.Forget(ctx, sdk.Config{Dir: dir, OnWipe: removePage(dir)}); err != nil { // also what Windows or the TPM keeps for us
		return err
	}
	removed, err := nativehost.Unregister(dir)
	if _, ours := os.Stat(filepath.Join(dir, settingsFile)); ours == nil {
		if gone := removeHome(dir); gone == nil {
			removed = append(removed, dir)
		} else {
			err = errors.Join(err, gone)
		}
	}
	return c.tell(s, removed, err)
}

// tell says what was removed.
func (c *uninstallCmd) tell(s session, removed []string, err error) error {
	if c.json() {
		return errors.Join(err, printJSON(s.out, map[string]any{"removed": append([]string{}, removed...), "complete": err == nil}))
	}
	for _, r := range removed {
		fmt.Fprintln(s.out, "removed", r)
	}
	if err == nil {
		fmt.Fprintln(s.out, "Nothing is left. Remove the extension from your browser as well.")
	}
	return err
}

// nothing ends an "uninstall" or an "install" that was cut short: there are no
// settings, which come first and go last.
func (c *uninstallCmd) nothing(s session) error {
	dir, err := home()
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(dir, settingsFile+".new"))
	gone := os.Remove(dir) // only when nothing is in it
	if gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		return fmt.Errorf("--authority is missing, and %s is not empty: give https://host/{tenant} of your organization, which must be told", dir)
	}
	removed, err := nativehost.Unregister(dir)
	if gone == nil {
		removed = append(removed, dir)
	}
	return c.tell(s, removed, err)
}

// removeHome removes the directory of the agent, the settings last: as long as
// anything is there, "uninstall" can be run again without flags.
func removeHome(dir string) error {
	all, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range all {
		if e.Name() != settingsFile {
			errs = append(errs, removeAll(filepath.Join(dir, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return errors.Join(os.Remove(filepath.Join(dir, settingsFile)), os.Remove(dir))
}

// client makes the client for a verb that works without a browser. When the
// device key is lost, and the person said so, everything kept with it goes.
func (c *cli) client(ctx context.Context, s *session) error {
	cfg, err := c.config(*s)
	if err != nil {
		return err
	}
	s.dir, s.health, s.apps = cfg.Dir, cfg.Health, c.forgetApps
	s.client, err = sdk.New(cfg)
	if errors.Is(err, sdk.ErrKeyLost) && (c.Enroll.Anew || c.Uninstall.Offline) {
		if err = sdk.Forget(ctx, cfg); err == nil {
			s.client, err = sdk.New(cfg)
		}
	}
	return err
}
