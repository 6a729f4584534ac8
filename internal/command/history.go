package command

import (
	"context"
	"fmt"

	"github.com/postern-mam/postern/internal/graphclient"
	"github.com/postern-mam/postern/internal/graphclient/document"
)

// Policy names one policy.
type Policy struct {
	Kind string `arg:"" enum:"app-protection,app-configuration" help:"app-protection or app-configuration."`
	Name string `arg:"" name:"name-or-id" help:"Its name, or its id."`
}

func (p Policy) kind() document.Kind {
	for _, k := range document.Kinds() {
		if k.Folder == p.Kind {
			return k
		}
	}
	return document.Kind{}
}

// History tells what happened to a policy.
type History struct {
	Policy `embed:""`
	Output string `help:"How to report: text or json." default:"text" enum:"text,json"`

	Connection `embed:""`
}

// Run prints the history, newest first.
func (c *History) Run(ctx context.Context, s Streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	versions, err := client.History(ctx, c.kind(), c.Name)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return writeJSON(s.Out, append([]graphclient.Version{}, versions...))
	}
	p := printer{out: s.Out, colours: s.Colours()}
	for _, v := range versions {
		p.line(yellow, "revision %d  %s  %s by %v  %q", v.Revision, v.DateTime, v.Operation, v.Actor["name"], v.Name)
		for _, ch := range v.Changes {
			p.line("", "    %s: %s -> %s", ch.Property, shown(ch.OldValue), shown(ch.NewValue))
		}
	}
	return nil
}

// Restore makes a policy again what it was.
type Restore struct {
	Policy   `embed:""`
	Revision int64 `arg:"" help:"One of those that history lists."`

	Connection `embed:""`
}

// Run restores.
func (c *Restore) Run(ctx context.Context, s Streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if err := client.Restore(ctx, c.kind(), c.Name, c.Revision); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "restored %s %q to revision %d\n", c.kind().Title, c.Name, c.Revision)
	return nil
}
