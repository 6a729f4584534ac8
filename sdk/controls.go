package sdk

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/wire"
)

const (
	// saidFor is how long what Report said counts: who said it may be gone.
	saidFor = 24 * time.Hour
	// sayAgain is when the same is written down once more.
	sayAgain = time.Hour
)

// Report says how far the app enforces each control, where that is not known before
// it runs, as of a browser and its extension; else use Config.Controls. The service
// hears of it with the next check-in, and at once when it is something else than
// before. It counts for a day, also for other processes on this directory. An error
// names what is wrong with it, or is that of the check-in.
func (c *Client) Report(ctx context.Context, controls []wire.Control) error {
	parsed, err := parseControls(controls)
	if err != nil {
		return fmt.Errorf("sdk: controls: %w", err)
	}
	s, now := c.snapshot(), c.cfg.Now().UTC()
	same := reflect.DeepEqual(parsed, s.Controls) && s.ControlsAt.Add(saidFor).After(now)
	if same && s.ControlsAt.Add(sayAgain).After(now) {
		return nil
	}
	if err := c.update(func(s *state) { s.Controls, s.ControlsAt = parsed, now }); err != nil {
		return err
	}
	if same || s.Registration == "" || s.Wiping != nil {
		return nil
	}
	_, err = c.CheckIn(ctx)
	return err
}

// controls are what a check-in says: of Report, else of Config, else that nothing
// is known.
func (c *Client) controls(s state) []wire.Control {
	if s.Controls != nil && s.ControlsAt.Add(saidFor).After(c.cfg.Now()) {
		return s.Controls
	}
	parsed, _ := parseControls(c.cfg.Controls) // New has read it
	return parsed
}

// parseControls reads a report as the service does; what it does not speak of is
// unknown.
func parseControls(in []wire.Control) ([]wire.Control, error) {
	all := make([]enforcement.Control, 0, len(in))
	for _, c := range in {
		all = append(all, enforcement.Control{Control: c.Control, State: enforcement.State(c.State), By: c.By, Gaps: c.Gaps})
	}
	all, err := enforcement.Parse(all)
	if err != nil {
		return nil, err
	}
	out := make([]wire.Control, 0, len(all))
	for _, c := range all {
		out = append(out, wire.Control{Control: c.Control, State: string(c.State), By: c.By, Gaps: c.Gaps})
	}
	return out, nil
}
