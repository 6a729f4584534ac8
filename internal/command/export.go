package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Export writes what the service holds as Graph-shaped JSON. Applying an
// export changes nothing.
type Export struct {
	Dir    string `arg:"" optional:"" help:"Folder to write to, a file for each object. Default: one JSON list on standard output." type:"path"`
	Output string `short:"o" help:"The same as the argument." type:"path"`

	Connection `embed:""`
}

// Run exports.
func (c *Export) Run(ctx context.Context, s Streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	files, err := client.Export(ctx)
	if err != nil {
		return err
	}
	dir := cmp.Or(c.Dir, c.Output)
	if dir == "" {
		all := make([]json.RawMessage, len(files))
		for i := range files {
			all[i] = files[i].Body
		}
		return writeJSON(s.Out, all)
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, append(f.Body, '\n'), 0o600); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.Out, "%d objects written below %s\n", len(files), dir)
	return nil
}
