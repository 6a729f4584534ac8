package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/postern-mam/postern/internal/graphclient"
)

// Report orders a report and writes it.
type Report struct {
	Name   string `arg:"" enum:"MAMAppProtectionStatus,MAMAppConfigurationStatus,MAMFlaggedUsers,MAMSelectiveWipes" help:"MAMAppProtectionStatus, MAMAppConfigurationStatus, MAMFlaggedUsers or MAMSelectiveWipes."`
	User   string `help:"One user only, by user principal name or id."`
	Format string `help:"csv or json." default:"csv" enum:"csv,json"`
	Out    string `short:"o" help:"File to write to. Default: standard output." type:"path"`

	Connection `embed:""`
}

// Run writes the report. A file is there whole or not at all.
func (c *Report) Run(ctx context.Context, s Streams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	order := graphclient.Order{Name: c.Name, User: c.User, Format: c.Format, Progress: everySecond(time.Now, s.Err)}
	if c.Out == "" {
		return client.Report(ctx, order, s.Out)
	}
	f, err := os.CreateTemp(filepath.Dir(c.Out), ".postern-report-*") // mode 0600
	if err != nil {
		return UsageError{fmt.Errorf("--out: %w", err)}
	}
	if err = errors.Join(client.Report(ctx, order, f), f.Close()); err == nil {
		err = os.Rename(f.Name(), c.Out)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// everySecond tells how much of a report has arrived, once a second from the
// first second on.
func everySecond(now func() time.Time, to io.Writer) func(bytes int64) {
	last := now()
	return func(bytes int64) {
		if t := now(); t.Sub(last) >= time.Second {
			last = t
			fmt.Fprintf(to, "%.1f MB of the report have arrived\n", float64(bytes)/1e6)
		}
	}
}
