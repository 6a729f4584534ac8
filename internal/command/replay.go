package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/postern-mam/postern/internal/graphclient"
)

// Replay holds drafts of Conditional Access policies against past sign-ins.
type Replay struct {
	Files   []string `arg:"" optional:"" help:"Files and folders with draft policies, as for apply. Without any, sign-ins are only decided again by the rules of then."`
	Without []string `help:"Identifiers of policies to leave out."`
	Days    int      `help:"How many days to look back." default:"30"`
	Enforce bool     `help:"Take report-only drafts as enabled."`
	Output  string   `help:"How to report: text or json." default:"text" enum:"text,json"`

	Connection `embed:""`
}

// strayedError says that sign-ins do not come out as they were recorded.
type strayedError int

func (e strayedError) Error() string {
	return fmt.Sprintf("%d sign-ins did not come out as they were recorded", int(e))
}

// Run prints who would have been let in, asked or blocked. Exit code 1 when a
// sign-in does not come out as recorded, 2 when the draft cannot be read.
func (c *Replay) Run(ctx context.Context, s Streams) error {
	docs, err := load(c.Files, s.In)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	found, err := client.Replay(ctx, graphclient.Rehearsal{Documents: docs, Without: c.Without, Days: c.Days, Enforce: c.Enforce})
	if err != nil {
		return err
	}
	if c.Output == "json" {
		if err := writeJSON(s.Out, found); err != nil {
			return err
		}
	} else {
		printer{out: s.Out, colours: s.Colours()}.impact(found)
	}
	if strayed := found.SignIns - found.Reproduced; strayed > 0 {
		return strayedError(strayed)
	}
	return nil
}

// affecting are the effects that somebody would notice, the worst first.
var affecting = [...]struct{ name, words, colour string }{
	{"blocked", "would be blocked", red}, {"prompted", "would be asked for more", yellow},
	{"eased", "would be asked instead of blocked", green}, {"letIn", "would be let in", green},
}

// impact prints what a draft would have done.
func (p printer) impact(i graphclient.Impact) {
	p.line("", "%d sign-ins of the last %d days; %d come out again as recorded", i.SignIns, i.Days, i.Reproduced)
	for _, s := range i.NotReproduced {
		p.line(red, "    %s: %s", s.ID, s.Reason)
	}
	for _, e := range affecting {
		if n := i.Effects[e.name]; n > 0 {
			p.line(e.colour, "%d %s (%d people)", n, e.words, i.Users[e.name])
		}
	}
	if i.Effects["unchanged"] == i.SignIns {
		p.line("", "nothing would be different")
	}
	for _, t := range i.Applications {
		p.line("", "  app %s: %s", nameOr(t.Name, t.ID), counted(t.Effects))
	}
	for _, t := range i.Groups {
		p.line("", "  group %s: %s", nameOr(t.Name, t.ID), counted(t.Effects))
	}
	for _, e := range i.Examples {
		var why []string
		for _, policy := range e.Policies {
			why = append(why, fmt.Sprintf("%q wants %s", policy.Name, strings.Join(policy.Unmet, ", ")))
		}
		p.line(faint, "    %s %s at %s: %s (%d) %s", e.CreatedDateTime, e.UserPrincipalName, e.Resource, e.Effect, e.ErrorCode, strings.Join(why, "; "))
	}
}

func nameOr(name, id string) string {
	if name == "" {
		return id
	}
	return name
}

func counted(effects map[string]int) string {
	var out []string
	for _, e := range affecting {
		if n := effects[e.name]; n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, e.words))
		}
	}
	return strings.Join(out, ", ")
}
