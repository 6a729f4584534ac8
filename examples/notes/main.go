// Command notes keeps work notes sealed on a personal PC: a sample of a protected
// app. What makes it one is in protected.go.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := notes(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
}

const usage = `usage: notes sign-in | sign-out | watch | list | add TITLE | show TITLE | print TITLE | export TITLE FILE | import TITLE FILE`

// notes runs one verb.
func notes(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	args = append(args, "", "", "")
	verb, title, file := args[0], args[1], args[2]
	a, err := protect(ctx, verb, out)
	if a == nil || err != nil {
		return err
	}
	switch verb {
	case "list":
		titles, err := a.List()
		for _, t := range titles {
			fmt.Fprintln(out, t)
		}
		return err
	case "add":
		note, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		return a.Save(title, note)
	case "import":
		note, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return a.Save(title, note)
	case "show", "print", "export":
		note, err := a.Load(title)
		if err == nil && verb == "export" {
			return os.WriteFile(file, note, 0o600)
		}
		if err == nil {
			_, err = out.Write(note)
		}
		return err
	}
	return fmt.Errorf("%q is not known; %s", verb, usage)
}
