package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

type diagnoseCmd struct {
	output
	File  string `help:"Write a bundle to give to an administrator: a ZIP file, without secrets. Standard output gets what the service would get without it." type:"path"`
	Force bool   `help:"With --file: replace a file that is there."`
}

func (c *diagnoseCmd) run(ctx context.Context, s session) error {
	v := look(ctx, s)
	d := s.client.Diagnostics(ctx)
	if c.File == "" {
		return printJSON(s.out, d) // as text it is the same
	}
	doc, entries, err := bundle(v, d, s.dir)
	if err != nil {
		return err
	}
	if err := c.save(doc); err != nil {
		return err
	}
	if c.json() {
		return printJSON(s.out, map[string]any{"file": c.File, "entries": entries})
	}
	fmt.Fprintf(s.out, "Written: %s, for you alone to read. Nothing was sent. In it: %s.\nLook into it before you give it away: it holds no secrets, and names your account's identifier, your organization and this PC.\n", c.File, strings.Join(entries, ", "))
	return nil
}

// save writes the bundle, for the person alone, and over nothing without --force.
func (c *diagnoseCmd) save(doc []byte) error {
	if c.Force {
		return replace(c.File, doc)
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return inputError{fmt.Errorf("--file %s is there already: give another name, or --force to replace it", c.File)}
	}
	if err != nil {
		return inputError{fmt.Errorf("--file: %w", err)}
	}
	_, err = f.Write(doc)
	return errors.Join(err, f.Close())
}

// bundle puts together what helps to find a fault, and no secret, and returns it
// with the names of what is in it. dir is the agent's.
func bundle(v view, d wire.Diagnostics, dir string) (doc []byte, names []string, err error) {
	v = shareable(v, dir)
	files, err := listFiles(dir)
	if err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	add := func(name string, doc []byte) {
		w, bad := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: v.At})
		if bad == nil {
			_, bad = w.Write(doc)
		}
		names, err = append(names, name), errors.Join(err, bad)
	}
	for _, e := range []struct {
		name string
		v    any
	}{
		{"diagnostics.json", d}, {"status.json", v}, {"policy.json", policyOf(v)}, {"versions.json", versionsOf(v, d)}, {"files.json", files},
	} {
		var doc bytes.Buffer
		err = errors.Join(err, printJSON(&doc, e.v))
		add(e.name, doc.Bytes())
	}
	add("journal.txt", []byte(strings.Join(d.Log, "\n")+"\n"))
	err = errors.Join(err, z.Close())
	return out.Bytes(), names, err
}

func policyOf(v view) any {
	return struct {
		ETag          string            `json:"etag"`
		Settings      map[string]string `json:"settings"`
		Checks        []wire.Check      `json:"checks"`
		Sources       map[string]string `json:"sources"`
		Configuration []wire.Configured `json:"configuration"`
	}{v.PolicyETag, v.Settings, v.Checks, v.Sources, v.Configuration}
}

// versionsOf is by what it is the version of. The app is the browser, for the agent
// as a browser starts it.
func versionsOf(v view, d wire.Diagnostics) map[string]string {
	return map[string]string{
		"agent": v.Version, "sdk": sdk.Version, "go": runtime.Version(), "system": runtime.GOOS + "/" + runtime.GOARCH,
		"windows": v.Measured.OSVersion, "release": v.Measured.Release, "app": v.App, "appVersion": d.AppVersion,
	}
}

// hidden stands for a value that may be a secret.
const hidden = "(not shown)"

// shareable is v without what may be a secret or leads to a person's files.
//
// What an administrator configures as text may be one: a licence key in a free
// pair, a password in an address, a fact about the person in place of a token. Only
// a switch or a number of the catalogue is none.
func shareable(v view, dir string) view {
	configured := make([]wire.Configured, 0, len(v.Configuration))
	for _, c := range v.Configuration {
		key, known := configuration.Lookup(c.Name)
		if !c.Typed || !known || key.Kind != configuration.Bool && key.Kind != configuration.Int {
			c.Value = hidden
		}
		configured = append(configured, c)
	}
	v.Configuration = configured
	if dir != "" {
		v.Measured.Error = strings.ReplaceAll(v.Measured.Error, dir, "(state)")
	}
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		v.Measured.Error = strings.ReplaceAll(v.Measured.Error, home, "(home)")
	}
	return v
}

// file is a file of the agent's directory. What is in it is not told.
type file struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size"` // bytes
	Changed time.Time `json:"changed"`
	Mode    string    `json:"mode"`
}

// listFiles lists what is under dir.
func listFiles(dir string) (all []file, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // it went away, or is nobody's to read: the rest is listed
		}
		info, err := e.Info()
		name, bad := filepath.Rel(dir, path)
		if err == nil && bad == nil {
			all = append(all, file{shortName(filepath.ToSlash(name)), info.Size(), info.ModTime().UTC(), info.Mode().String()})
		}
		return nil
	})
	return all, err
}

// shortName hides the last part of the name of a file of the sealed store: it is a
// sum of the organization's name for the file, which can be guessed from it.
func shortName(name string) string {
	const sum = 64 // digits
	at := strings.LastIndex(name, "/") + 1
	if len(name)-at >= sum {
		return name[:at] + hidden
	}
	return name
}
