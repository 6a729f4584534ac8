package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/wire"
)

// pageFile is the status page, in the directory of the agent. It goes with the
// organization's data: it names the organization.
const pageFile = "status.html"

//go:embed status.html
var pageSource string

//go:embed status.css
var pageStyle string

// pageView is a view with what a page needs beside it.
type pageView struct {
	view
	Style     template.CSS
	StyleHash string // for the policy of the page, which allows this style and nothing else
}

// page renders v: one file that loads nothing and runs nothing.
func (v view) page() ([]byte, error) {
	t, err := template.New("status").Funcs(template.FuncMap{
		"day": day, "iso": iso, "indent": indent, "plain": plain, "heldBy": heldBy, "gap": enforcement.Text, "meaning": meaning, "when": when,
	}).Parse(pageSource)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(pageStyle))
	var out bytes.Buffer
	// The style is a constant of this program: CSS marks it as such.
	err = t.Execute(&out, pageView{v, template.CSS(pageStyle), "sha256-" + base64.StdEncoding.EncodeToString(sum[:])})
	return out.Bytes(), err
}

// write puts the page into dir, for the person alone, and returns where it is.
func (v view) write(dir string) (path string, err error) {
	doc, err := v.page()
	if err != nil {
		return "", err
	}
	if path, err = filepath.Abs(filepath.Join(dir, pageFile)); err != nil {
		return "", err
	}
	return path, replace(path, doc)
}

// removePage removes the status page from dir with the organization's data. What
// was never there is not spoken of.
func removePage(dir string) func(context.Context) []wire.WipeItem {
	return func(context.Context) (gone []wire.WipeItem) {
		for _, name := range []string{pageFile, pageFile + ".new"} {
			switch err := os.Remove(filepath.Join(dir, name)); {
			case err == nil:
				gone = append(gone, wire.WipeItem{Name: "status page", Removed: true})
			case !errors.Is(err, fs.ErrNotExist):
				gone = append(gone, wire.WipeItem{Name: "status page", Detail: "it is in use"})
			}
		}
		return gone
	}
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") }
func iso(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// plain is v as JSON has it.
func plain(v any) (string, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // the page escapes
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return out.String(), err
}

func indent(doc json.RawMessage) (string, error) {
	var out bytes.Buffer
	if len(doc) == 0 {
		return "", nil
	}
	err := json.Indent(&out, doc, "", "  ")
	return out.String(), err
}

// meaning explains a setting or check; "" for one of a newer service.
func meaning(name string) string {
	s, _ := protection.Lookup(name)
	return s.Description
}

// when says when a kind of message leaves the PC.
func when(message string) string {
	for _, m := range wire.Messages() {
		if m.Name == message {
			return m.When
		}
	}
	return ""
}
