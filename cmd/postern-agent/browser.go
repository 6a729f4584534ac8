package main

import (
	"context"
	"fmt"
	"os"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// browserCmd is what a browser starts: it says which extension asks.
type browserCmd struct {
	Extension string `arg:"" help:"Identifier of the extension."`
}

func (*browserCmd) run(context.Context, session) error { return nil } // serve does it: the client comes later

// serve answers the extension of one browser profile. Standard output belongs to
// the browser.
func (b *browserCmd) serve(ctx context.Context, c *cli, s session) int {
	if b.Extension != nativehost.ExtensionID {
		fmt.Fprintf(s.err, "postern-agent: the extension %q is not ours; nothing is said to it\n", b.Extension)
		return 2
	}
	host := &nativehost.Host{
		In: os.Stdin, Out: s.out, Note: func(line string) { fmt.Fprintln(s.err, "postern-agent:", line) },
		Open: func(browser string, h *nativehost.Host) (nativehost.Client, error) {
			c.AppVersion = browser
			cfg, err := c.config(session{out: s.err, err: s.err})
			if err != nil {
				return nil, err
			}
			page := cfg.OnWipe
			cfg.OnWipe = func(ctx context.Context) []wire.WipeItem { return append(page(ctx), h.Wipe(ctx)...) }
			cfg.Browser = h.Show
			return sdk.New(cfg)
		},
	}
	if err := host.Serve(ctx); err != nil {
		fmt.Fprintln(s.err, "postern-agent:", err)
		return 1
	}
	return 0
}
