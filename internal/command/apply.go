package command

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/postern-mam/postern/internal/graphclient"
)

// Apply makes the service match Graph-shaped JSON.
type Apply struct {
	Files  []string `arg:"" optional:"" name:"files" help:"File, folder (every .json below it) or - for standard input. Each holds one object, a list, or an answer of Graph with its value."`
	File   []string `short:"f" sep:"none" help:"The same as an argument."`
	Plan   bool     `help:"Say what would change and change nothing. The exit code is 0 whether anything would change or not."`
	Prune  bool     `help:"Delete what the files do not hold, for the kinds of objects that they hold. Never users, applications, the organization or what is built in."`
	Force  bool     `help:"Save Conditional Access policies even if they would lock out every admin."`
	Output string   `help:"How to report: text or json." default:"text" enum:"text,json"`

	Connection `embed:""`
}

// Run applies. The error has exit code 2 when the input must be mended.
func (c *Apply) Run(ctx context.Context, s Streams) error {
	files := slices.Concat(c.Files, c.File)
	if len(files) == 0 {
		return usagef("say which files to apply: postern apply FILES...")
	}
	docs, err := load(files, s.In)
	if err != nil {
		return err
	}
	client, err := c.client(func(cfg *graphclient.Config) { cfg.Force = c.Force })
	if err != nil {
		return err
	}
	plan, err := client.Plan(ctx, graphclient.Wish{Documents: docs, Prune: c.Prune})
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return c.applyJSON(ctx, client, plan, s.Out)
	}
	p := printer{out: s.Out, colours: s.Colours()}
	p.plan(plan, c.Plan)
	if c.Plan {
		return nil
	}
	return client.Apply(ctx, plan, func(ch graphclient.Change) { p.line("", "done: %s %s %q", ch.Action, ch.Kind, ch.Name) })
}

// applyJSON reports as one JSON object, failures included.
func (c *Apply) applyJSON(ctx context.Context, client *graphclient.Client, plan graphclient.Plan, out io.Writer) error {
	report := struct {
		Changes []graphclient.Change `json:"changes"`
		Applied []graphclient.Change `json:"applied"`
		Error   string               `json:"error,omitempty"`
	}{Changes: plan.Changes, Applied: []graphclient.Change{}}
	var err error
	if !c.Plan {
		err = client.Apply(ctx, plan, func(ch graphclient.Change) { report.Applied = append(report.Applied, ch) })
	}
	if err != nil {
		report.Error = err.Error()
	}
	return errors.Join(err, writeJSON(out, report))
}
