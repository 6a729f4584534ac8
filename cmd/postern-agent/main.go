// Command postern-agent is the client on the personal PC: it enrols a person's
// app, keeps it in touch with the service, and says what is managed. It needs no
// administrator rights.
//
// Exit codes: 0 done, 1 something went wrong, 2 the input was wrong.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/postern-mam/postern/internal/agent"
	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/sdk"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// version is set by the release build.
var version = "development"

type cli struct {
	Dir        string `help:"State directory: device key, tokens, policy. Default: the user's configuration directory." env:"POSTERN_AGENT_DIR" type:"path"`
	Authority  string `help:"https://host/{tenant} of the organization." env:"POSTERN_AUTHORITY"`
	CA         string `name:"ca" help:"PEM file with the service's certificate authority, when it is not a public one." env:"POSTERN_CA" type:"path"`
	App        string `help:"Package identifier of the app to protect." default:"com.microsoft.edge" env:"POSTERN_APP"`
	AppVersion string `help:"Version of that app." env:"POSTERN_APP_VERSION"`
	Health     string `name:"development-health" help:"JSON file with made-up health, declared as such in every report." env:"POSTERN_DEVELOPMENT_HEALTH" type:"path"`

	Install   installCmd   `cmd:"" help:"Keep the settings, and let the browsers of this person find the agent. No administrator rights are needed."`
	Uninstall uninstallCmd `cmd:"" help:"End the protection, and remove everything that the agent wrote."`
	Enroll    enrollCmd    `cmd:"" help:"Sign in and protect the app."`
	Status    statusCmd    `cmd:"" help:"Say what is managed, what was sent, and what is wrong."`
	Sync      syncCmd      `cmd:"" help:"Check in now, and obey what the service orders."`
	Run       runCmd       `cmd:"" help:"Stay in touch with the service until stopped."`
	Serve     serveCmd     `cmd:"" help:"Serve local apps until stopped. One agent does for each person."`
	Policies  policiesCmd  `cmd:"" name:"browser-policies" help:"Write managed policies that close what an extension cannot, for a browser that is used for work only."`
	Diagnose  diagnoseCmd  `cmd:"" help:"Print what an administrator may ask this app for: versions, verdicts and a log, nothing personal; or put it and how things stand into a file, without secrets."`
	Prove     proveCmd     `cmd:"" help:"Answer the device challenge of the organization's sign-in page."`
	Browser   browserCmd   `cmd:"" hidden:"" help:"Serve the browser extension; browsers start this by themselves."`
	SignOut   signOutCmd   `cmd:"" name:"sign-out" help:"End the protection and every report, and remove the organization's files."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// command is a verb of the agent.
type command interface {
	run(ctx context.Context, s session) error
}

// session is what every verb works with.
type session struct {
	client   *sdk.Client
	health   sdk.HealthSource
	dir      string                               // of the agent
	apps     func(context.Context, session) error // removes what is kept for local apps
	out, err io.Writer
}

// run parses args, runs the verb and returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	if caller, ok := nativehost.Caller(args); ok {
		args = []string{"browser", caller}
	}
	var c cli
	exit := -1
	dir, err := home()
	if err != nil {
		fmt.Fprintln(errs, "postern-agent:", err)
		return 1
	}
	parser, err := kong.New(&c, kong.Configuration(kong.JSON, filepath.Join(dir, settingsFile)), kong.Name("postern-agent"), kong.Vars{"version": version},
		kong.Description("Protects organization data on a personal PC, and nothing else."),
		kong.Writers(out, errs), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(errs, "postern-agent:", err)
		return 1
	}
	kctx, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err == nil {
		cmd, ok := kctx.Selected().Target.Addr().Interface().(command)
		if !ok {
			err = errors.New("no such command")
		} else {
			return c.do(ctx, cmd, out, errs)
		}
	}
	fmt.Fprintln(errs, "postern-agent:", err)
	return 2
}

func (c *cli) do(ctx context.Context, cmd command, out, errs io.Writer) int {
	s := session{out: out, err: errs}
	if _, ends := cmd.(*uninstallCmd); c.Authority == "" && !ends {
		fmt.Fprintln(errs, "postern-agent: --authority is missing: give https://host/{tenant} of your organization")
		return 2
	}
	switch cmd := cmd.(type) {
	case *browserCmd:
		return cmd.serve(ctx, c, s)
	case *serveCmd:
		return c.finish(errs, cmd.serve(ctx, c, s))
	case *installCmd:
		return c.finish(errs, c.setUp(s))
	case *uninstallCmd:
		if c.Authority == "" {
			return c.finish(errs, cmd.nothing(s))
		}
		c.AppVersion = cmp.Or(c.AppVersion, "0") // nothing is reported any more
	}
	if err := c.client(ctx, &s); errors.Is(err, sdk.ErrKeyLost) {
		fmt.Fprintf(errs, "postern-agent: %v: \"postern-agent enroll --anew\" does both, \"postern-agent uninstall --offline\" removes everything\n", err)
		return 1
	} else if err != nil {
		fmt.Fprintln(errs, "postern-agent:", err)
		return 2
	}
	return c.finish(errs, cmd.run(ctx, s))
}

// finish says what went wrong, and returns the exit code.
func (*cli) finish(errs io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(errs, "postern-agent:", err)
	if _, input := errors.AsType[inputError](err); input {
		return 2
	}
	return 1
}

// config turns flags into what the SDK wants.
func (c *cli) config(s session) (sdk.Config, error) {
	cfg := sdk.Config{Authority: c.Authority, App: c.App, AppVersion: c.AppVersion, Dir: c.Dir, Health: agent.System()}
	if cfg.AppVersion == "" {
		return cfg, errors.New("--app-version is missing: give the version of the app, for example 130.0.2849.80")
	}
	if cfg.Dir == "" {
		dir, err := home()
		if err != nil {
			return cfg, err
		}
		cfg.Dir = dir
	}
	cfg.OnWipe = removePage(cfg.Dir)
	if c.Health != "" {
		cfg.Health = agent.Development{Path: c.Health}
		fmt.Fprintln(s.err, "note: health is made up by a development file, and every report says so")
	}
	cfg.Browser = func(ctx context.Context, url string) error {
		fmt.Fprintf(s.err, "Open this address in your browser and sign in with your work account:\n\n  %s\n\n", url)
		if c.Enroll.Open {
			if err := agent.OpenBrowser(ctx, url); err != nil {
				fmt.Fprintln(s.err, "note:", err) // the person still has the address
			}
		}
		return nil
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return cfg, fmt.Errorf("--ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return cfg, fmt.Errorf("--ca %s: holds no PEM certificate", c.CA)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	cfg.HTTP = &http.Client{Transport: transport}
	return cfg, nil
}
