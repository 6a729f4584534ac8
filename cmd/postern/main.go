// Command postern is the whole service and its admin verbs: serve, demo, apply,
// export. It only wires: what happens lives in the rooms.
//
// Exit codes: 0 done, 1 something went wrong, 2 the input was wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
	os.Exit(run(ctx, os.Args[1:], s))
}

// Streams is the outside world of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// version is set by the release build.
var version = "development"

type cli struct {
	Serve  ServeCmd  `cmd:"" help:"Run the service. Works without any configuration."`
	Demo   DemoCmd   `cmd:"" help:"Play the main job, end to end, against a service of its own."`
	Apply  ApplyCmd  `cmd:"" help:"Make the service match Graph-shaped JSON files."`
	Export ExportCmd `cmd:"" help:"Write what the service holds as Graph-shaped JSON files."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// command is a verb of the program.
type command interface {
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
	cmd, ok := kctx.Selected().Target.Addr().Interface().(command)
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
type usageError struct{ error }

// ExitCode is 2: mend the input.
func (usageError) ExitCode() int { return 2 }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
