package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient/document"
	"github.com/postern-mam/postern/internal/lint"
)

// Lint finds what is valid and yet does not do what is meant.
type Lint struct {
	Files  []string `arg:"" optional:"" help:"Files and folders, as for apply. Without --server, only what they hold is known."`
	Server bool     `help:"Look at what the service holds, with who is in groups, which installations pass filters and which versions are in use."`
	Strict bool     `help:"Warnings count as errors for the exit code."`
	Output string   `help:"How to report: text or json." default:"text" enum:"text,json"`

	Connection `embed:""`
}

// foundError says that lint found errors. What they are is printed already.
type foundError struct{ errors, warnings int }

func (e foundError) Error() string {
	return fmt.Sprintf("lint found %d errors and %d warnings", e.errors, e.warnings)
}

// Run lints: exit code 1 when something of severity error, or with --strict
// warning, was found, 2 when the input cannot be read.
func (c *Lint) Run(ctx context.Context, s Streams) error {
	if c.Server == (len(c.Files) > 0) {
		return usagef("say either what to look at, postern lint FILES..., or --server for what the service holds")
	}
	docs, err := load(c.Files, s.In)
	if err != nil {
		return err
	}
	var facts *document.Facts
	var flaws []lint.Finding
	if c.Server {
		if docs, facts, flaws, err = c.ask(ctx); err != nil {
			return err
		}
	}
	found := append(flaws, lint.Check(docs, facts)...)
	worst := []lint.Severity{lint.Error, lint.Warning, lint.Note}
	slices.SortStableFunc(found, func(a, b lint.Finding) int {
		return cmp.Compare(slices.Index(worst, a.Severity), slices.Index(worst, b.Severity))
	})
	if c.Output == "json" {
		report := struct {
			Objects  int            `json:"objects"`
			Findings []lint.Finding `json:"findings"`
		}{len(docs), append([]lint.Finding{}, found...)}
		if err := writeJSON(s.Out, report); err != nil {
			return err
		}
	} else {
		printer{out: s.Out, colours: s.Colours()}.findings(found, len(docs))
	}
	count := foundError{}
	for _, f := range found {
		switch f.Severity {
		case lint.Error:
			count.errors++
		case lint.Warning:
			count.warnings++
		case lint.Note:
		}
	}
	if count.errors > 0 || c.Strict && count.warnings > 0 {
		return count
	}
	return nil
}

func (c *Lint) ask(ctx context.Context) ([]document.Document, *document.Facts, []lint.Finding, error) {
	client, err := c.client()
	if err != nil {
		return nil, nil, nil, err
	}
	docs, err := client.Documents(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	facts, err := client.Facts(ctx, docs)
	if err != nil {
		return nil, nil, nil, err
	}
	flaws, err := client.Flaws(ctx)
	var found []lint.Finding
	for _, f := range flaws {
		v := lint.Finding{Rule: f.Rule, Severity: lint.Severity(f.Severity), Kind: "conditional access policies", Name: "all together", Why: f.Why, Do: f.Do}
		var names []string
		for _, p := range f.Policies {
			names = append(names, p.Name)
		}
		if len(names) > 0 {
			v.Kind, v.Name, v.ID = "conditional access policy", strings.Join(names, `", "`), f.Policies[0].ID
		}
		if f.Witness != nil {
			v.Witness = f.Witness.Who + ", " + f.Witness.How
		}
		found = append(found, v)
	}
	return docs, facts, found, err
}

// findings prints what was found, worst first.
func (p printer) findings(found []lint.Finding, objects int) {
	colour := map[lint.Severity]string{lint.Error: red, lint.Warning: yellow, lint.Note: faint}
	for _, f := range found {
		where := []string{f.Kind + ` "` + f.Name + `"`}
		if f.Property != "" {
			where = append(where, f.Property)
		}
		if f.Source != "" {
			where = append([]string{f.Source}, where...)
		}
		p.line(colour[f.Severity], "%s: %s [%s]", f.Severity, strings.Join(where, ": "), f.Rule)
		p.line("", "    %s", f.Why)
		if f.Witness != "" {
			p.line("", "    for example %s", f.Witness)
		}
		p.line("", "    -> %s", f.Do)
	}
	if len(found) == 0 {
		_, _ = io.WriteString(p.out, fmt.Sprintf("nothing found in %d objects\n", objects))
	}
}
