// Package command holds the verbs with which admins work on a running service:
// apply, export, lint, report, history and restore. Each is a struct whose fields
// are flags and arguments, and whose Run does what it says through Microsoft Graph.
package command

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Streams is the outside world of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// UsageError is wrong input on the command line.
type UsageError struct{ Err error }

// Error returns the text of the cause.
func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e UsageError) Unwrap() error { return e.Err }

// ExitCode is 2: mend the input.
func (UsageError) ExitCode() int { return 2 }

func usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// service is what bootstrap.json says about the service that wrote it.
type service struct {
	GraphEndpoint string
	Authority     string
	ClientID      string
	ClientSecret  string
	CACertificate string // path of a PEM file
}

// found reads the bootstrap.json of a data directory; fs.ErrNotExist without it.
func found(dir string) (service, error) {
	var s service
	path := filepath.Join(dir, "bootstrap.json")
	doc, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(doc, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
