package command_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/command"
)

const bad = `{"@odata.type":"#microsoft.graph.windowsManagedAppProtection","displayName":"Edge","minimumRequiredOsVersion":"22631.3155","assignments":[{"target":{"groupId":"Staff"}}]}`

func lint(t *testing.T, c command.Lint, text string) (string, error) {
	t.Helper()
	c.Files = []string{"-"}
	var out bytes.Buffer
	err := c.Run(t.Context(), command.Streams{In: strings.NewReader(text), Out: &out, Getenv: func(string) string { return "" }})
	return out.String(), err
}

func code(err error) int {
	coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err)
	switch {
	case ok:
		return coded.ExitCode()
	case err != nil:
		return 1
	}
	return 0
}

func TestLintFailsForErrorsAndForWarningsOnlyWhenStrict(t *testing.T) {
	warning := strings.Replace(bad, `"groupId":"Staff"`, `"groupId":"11111111-1111-4111-8111-111111111111"`, 1)
	for name, c := range map[string]struct {
		command command.Lint
		text    string
		want    int
	}{
		"an error":              {command.Lint{Output: "text"}, bad, 1},
		"an error, as JSON":     {command.Lint{Output: "json"}, bad, 1},
		"warnings":              {command.Lint{Output: "text"}, warning, 0},
		"warnings, when strict": {command.Lint{Output: "text", Strict: true}, warning, 1},
		"what cannot be read":   {command.Lint{Output: "text"}, "{", 2},
		"files and a service":   {command.Lint{Output: "text", Server: true}, bad, 2},
		"what is for elsewhere": {command.Lint{Output: "text"}, strings.Replace(bad, "windowsManaged", "iosManaged", 1), 2},
	} {
		if out, err := lint(t, c.command, c.text); code(err) != c.want {
			t.Errorf("%s: exit code %d, want %d: %v\n%s", name, code(err), c.want, err, out)
		}
	}
}

func TestNoColoursWhereNoTerminalIs(t *testing.T) {
	out, _ := lint(t, command.Lint{Output: "text"}, bad)
	if strings.Contains(out, "\x1b") || !strings.Contains(out, "error: stdin: ") {
		t.Errorf("%q", out)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	c := command.Lint{Output: "text", Files: []string{"-"}}
	_ = c.Run(t.Context(), command.Streams{In: strings.NewReader(bad), Out: file, Getenv: func(string) string { return "" }})
	if text, err := os.ReadFile(file.Name()); err != nil || strings.Contains(string(text), "\x1b") || len(text) == 0 {
		t.Errorf("%v %q", err, text)
	}
}

func TestATerminalGetsColoursUnlessItsOwnerWantsNone(t *testing.T) {
	terminal, err := os.OpenFile("/dev/null", os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = terminal.Close() }()
	for _, c := range []struct {
		name, value string
		want        bool
	}{{"", "", true}, {"NO_COLOR", "1", false}, {"TERM", "dumb", false}} {
		s := command.Streams{Out: terminal, Getenv: func(name string) string { return map[string]string{c.name: c.value}[name] }}
		if got := s.Colours(); got != c.want {
			t.Errorf("with %s=%s: %v", c.name, c.value, got)
		}
	}
}

func TestApplyAndConnectionSayWhatIsMissing(t *testing.T) {
	s := command.Streams{In: strings.NewReader(bad), Out: &bytes.Buffer{}, Getenv: func(string) string { return "" }}
	if err := (&command.Apply{}).Run(t.Context(), s); code(err) != 2 || !strings.Contains(err.Error(), "which files") {
		t.Errorf("%v", err)
	}
	nowhere := command.Connection{Data: t.TempDir()}
	if err := (&command.Export{Connection: nowhere}).Run(t.Context(), s); code(err) != 2 || !strings.Contains(err.Error(), "no endpoint") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(nowhere.Data, "bootstrap.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&command.Report{Connection: nowhere}).Run(t.Context(), s); code(err) != 2 || !strings.Contains(err.Error(), "bootstrap.json") {
		t.Errorf("%v", err)
	}
}
