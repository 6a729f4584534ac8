package command

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient"
	"github.com/postern-mam/postern/internal/graphclient/document"
)

// The colours of a terminal (ECMA-48, SGR).
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

// Colours reports whether what is written to the output is seen on a terminal by
// someone who wants colours (no-color.org).
func (s Streams) Colours() bool {
	f, ok := s.Out.(*os.File)
	if !ok || s.Getenv("NO_COLOR") != "" || s.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// printer writes for people.
type printer struct {
	out     io.Writer
	colours bool
}

func (p printer) line(colour, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.colours && colour != "" {
		text = "\x1b[" + colour + "m" + text + "\x1b[0m"
	}
	fmt.Fprintln(p.out, text)
}

// plan prints what a plan changes, property by property; whole prints also what
// new objects are made with and what stays as it is.
func (p printer) plan(plan graphclient.Plan, whole bool) {
	for _, ch := range plan.Changes {
		switch ch.Action {
		case graphclient.Create:
			p.line(green, "+ create %s %q (%s)", ch.Kind, ch.Name, ch.Source)
			for _, d := range ch.Differences {
				if !whole {
					break
				}
				p.line(green, "    + %s: %s", d.Property, shown(d.To))
			}
		case graphclient.Update:
			p.line(yellow, "~ change %s %q (%s)", ch.Kind, ch.Name, ch.Source)
			for _, d := range ch.Differences {
				p.difference(d)
			}
		case graphclient.Delete:
			p.line(red, "- delete %s %q (%s)", ch.Kind, ch.Name, ch.ID)
		case graphclient.Keep:
			switch {
			case ch.Why != "":
				p.line("", "= keep %s %q, which no file holds: %s", ch.Kind, ch.Name, ch.Why)
			case whole:
				p.line(faint, "= keep %s %q (%s)", ch.Kind, ch.Name, ch.Source)
			}
		}
	}
	if plan.Changing() == 0 {
		p.line("", "no changes (%d unchanged)", plan.Count(graphclient.Keep))
		return
	}
	deleted := ""
	if n := plan.Count(graphclient.Delete); n > 0 {
		deleted = fmt.Sprintf("%d to delete, ", n)
	}
	p.line("", "%d to create, %d to change, %s%d unchanged", plan.Count(graphclient.Create), plan.Count(graphclient.Update), deleted, plan.Count(graphclient.Keep))
}

// difference prints old and new; of lists, what goes and what comes.
func (p printer) difference(d document.Difference) {
	if len(d.Removed)+len(d.Added) == 0 {
		p.line(yellow, "    %s: %s -> %s", d.Property, shown(d.From), shown(d.To))
		return
	}
	p.line(yellow, "    %s:", d.Property)
	for _, v := range d.Removed {
		p.line(red, "      - %s", shown(v))
	}
	for _, v := range d.Added {
		p.line(green, "      + %s", shown(v))
	}
}

// shown is a value as compact JSON, not too long for a line.
func shown(v any) string {
	doc := new(strings.Builder)
	e := json.NewEncoder(doc)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "?"
	}
	const most = 200
	text := strings.TrimSuffix(doc.String(), "\n")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
