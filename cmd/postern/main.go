// Command postern is the whole service and its admin verbs: serve, demo, apply,
// export, lint, report, history, restore. It only wires: what happens lives in the rooms.
//
// Exit codes: 0 done, 1 something went wrong, 2 the input was wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/postern-mam/postern/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
	os.Exit(run(ctx, os.Args[1:], s))
}

// version is set by the release build.
var version = "development"

// Streams is the outside world of a command.
type Streams = command.Streams

type cli struct {
	Serve  ServeCmd       `cmd:"" help:"Run the service. Works without any configuration."`
	Demo   DemoCmd        `cmd:"" help:"Play the main job, end to end, against a service of its own."`
	Apply  command.Apply  `cmd:"" help:"Make the service match Graph-shaped JSON files."`
	Export command.Export `cmd:"" help:"Write what the service holds as Graph-shaped JSON files."`
	Lint   command.Lint   `cmd:"" help:"Find what is valid and yet does not do what is meant."`
	Report command.Report `cmd:"" help:"Write a report about registered apps, users or wipes."`

	WhatIf  command.WhatIf  `cmd:"" name:"what-if" help:"Say which policies would apply to a sign-in, and what would come of it."`
	Replay  command.Replay  `cmd:"" help:"Say whom a draft of Conditional Access policies would have blocked, asked or let in."`
	Prove   command.Prove   `cmd:"" help:"Say whether anybody can get in in a way that nobody should, with a sign-in that shows it."`
	History command.History `cmd:"" help:"Say what happened to a policy, newest first."`
	Restore command.Restore `cmd:"" help:"Make a policy again what it was."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// verb is a verb of the program.
type verb interface {
	Run(ctx context.Context, io Streams) error
}

// run parses args, runs the verb and returns the exit code.
func run(ctx context.Context, args []string, s Streams) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("postern"), kong.Vars{"version": version},
		kong.Description("Protects organisation data on personal Windows PCs."),
		kong.Writers(s.Out, s.Err), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(s.Err, "postern:", err)
		return 1
	}
	kctx, err := parser.Parse(args)
	if exit >= 0 { // --help or --version was answered
		return exit
	}
	if err != nil {
		fmt.Fprintln(s.Err, "postern:", err)
		return 2
	}
	cmd, ok := kctx.Selected().Target.Addr().Interface().(verb)
	if !ok {
		fmt.Fprintf(s.Err, "postern: %s is not a command\n", kctx.Command())
		return 2
	}
	if err := cmd.Run(ctx, s); err != nil {
		fmt.Fprintln(s.Err, "postern:", err)
		return exitCode(err)
	}
	return 0
}

// exitCode is 2 for input that must be mended before another try, else 1.
func exitCode(err error) int {
	if coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return coded.ExitCode()
	}
	return 1
}

// usageError is wrong input on the command line.
type usageError = command.UsageError
